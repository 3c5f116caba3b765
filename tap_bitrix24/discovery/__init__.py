"""What a portal offers, and the columns of each stream."""
