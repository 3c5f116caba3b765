"""The HTTP server in front of the demo portal, and its control endpoints (`/_demo/`)."""
