"""Clients others have written, against the demo portal."""
