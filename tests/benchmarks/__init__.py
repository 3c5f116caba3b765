"""Figures, run by hand; no tests."""
