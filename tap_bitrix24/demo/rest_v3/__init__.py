"""The demo portal's side of REST 3.0 (`/rest/api/`)."""
