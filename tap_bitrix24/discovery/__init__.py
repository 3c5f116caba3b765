"""Discovery: the streams a portal offers, and their columns."""
