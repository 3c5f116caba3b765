"""Tests of the package, by part."""
