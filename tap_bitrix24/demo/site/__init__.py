"""The demo portal's side of the API of a 1C-Bitrix site (`/api/`)."""
