"""Values all packages share, without behaviour: fields, endpoints, page requests, events, commands and messages."""
