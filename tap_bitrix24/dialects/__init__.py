"""API dialects: pure translations between commands, pages and HTTP bodies."""
