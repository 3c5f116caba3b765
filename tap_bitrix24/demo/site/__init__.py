"""The API of a 1C-Bitrix site (`/api/`), with routes written by a developer of the site."""
