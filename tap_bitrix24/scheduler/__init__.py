"""The one loop that sends the page requests of all strategies in batches, and hands the answers back."""
