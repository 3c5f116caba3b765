"""The tap in this process, against a demo portal over real sockets."""
