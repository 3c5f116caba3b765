"""Tests of one module each: no network, no process, no real time."""
