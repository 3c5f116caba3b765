"""The DuckDB loader: a Singer target usable with any tap."""
