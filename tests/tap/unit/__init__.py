"""Tests of the tap's core: pure parts, fakes passed in, no portal."""
