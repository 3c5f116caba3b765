"""Credentials: what proves to a portal who is asking."""
