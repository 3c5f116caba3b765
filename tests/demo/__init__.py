"""Tests of the demo portal against `docs/protocol.md`, over real sockets."""
