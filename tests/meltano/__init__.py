"""Tests of the Meltano project."""
