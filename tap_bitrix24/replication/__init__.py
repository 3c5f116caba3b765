"""Replication strategies: which page to request next and which rows to believe. Pure, no I/O."""
