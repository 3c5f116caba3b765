"""When a request may be sent and how much it may ask for: rate limit, operating time, page costs. Injected clocks."""
