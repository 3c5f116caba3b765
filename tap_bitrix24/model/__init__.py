"""What all rooms share: fields, endpoints, requests, events, messages. Values only, no behaviour."""
