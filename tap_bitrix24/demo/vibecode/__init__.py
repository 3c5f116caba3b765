"""The demo portal's side of the VibeCode API (`/v1/`)."""
