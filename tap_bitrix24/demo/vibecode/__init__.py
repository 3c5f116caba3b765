"""The VibeCode API (`/v1/`), a service in front of classic REST."""
