"""The one loop that sends the requests of all strategies, and what it packs into batches."""
