"""Credentials of the connections: addresses, headers, tokens."""
