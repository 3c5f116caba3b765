"""Replies of the REST servers that are no method's answer: an error, and too many requests."""

from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.portal.messages import Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import php


def refusal(portal: Portal, error: RestError) -> Reply:
    """Return an error as a reply, and count it."""
    portal.stats.error(error.code)
    return Reply(error.status, php.encode(error.body()))


def too_many_requests(portal: Portal) -> Reply:
    """Return the web server's reply when the bucket of requests is full (docs/protocol.md §7)."""
    portal.stats.error("QUERY_LIMIT_EXCEEDED")
    if portal.switches["query_limit_body"] == "html":
        return Reply(503, b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", "text/html")
    error = RestError(code="QUERY_LIMIT_EXCEEDED", text="Too many requests", status=503)
    return Reply(503, php.encode(error.body()))
