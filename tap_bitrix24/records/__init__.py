"""Rows as the portal sends them → typed records."""
