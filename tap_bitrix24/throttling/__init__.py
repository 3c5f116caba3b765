"""When to send and how much: rate limit, operating time, pages per request. Clocks are injected."""
