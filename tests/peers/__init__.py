"""Unmodified clients from PyPI against the demo portal."""
