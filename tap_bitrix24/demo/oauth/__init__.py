"""The demo portal's side of the vendor's authorization server (`/oauth/`)."""
