"""The commands a user starts, in processes of their own, against a demo portal."""
