"""The vendor's authorization server (`/oauth/`): an application, its tokens, the consent page."""
