"""The demo portal against `protocol-v2.md`, over real sockets."""
