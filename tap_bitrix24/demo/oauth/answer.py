"""Answers requests to the vendor's authorization server (`/oauth/`)."""

from tap_bitrix24.demo.portal import Portal, Reply
from tap_bitrix24.demo.visits import Visit


def answer(portal: Portal, visit: Visit) -> Reply:
    """Answer one request."""
    del portal, visit
    return Reply(404, b'{"error": "not there"}')
