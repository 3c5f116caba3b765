"""Answers that are not the API's: of a gateway, a proxy, or a server without the API. Pure."""

from __future__ import annotations

from tap_bitrix24.errors import MissingMethodError, PortalError, RateLimitedError, TooSlowError, UnavailableError
from tap_bitrix24.model.endpoint import REST_V3
from tap_bitrix24.model.message import Reply

_NOT_FOUND = 404
_CONTENT_TOO_LARGE = 413
_UNAVAILABLE = 503
_GATEWAY_TIMEOUT = 504


def unreadable(reply: Reply, method: str, dialect: str) -> PortalError:
    """Return the error for a reply whose body is not the API's."""
    status = reply.status
    if status in (_GATEWAY_TIMEOUT, _CONTENT_TOO_LARGE):
        return TooSlowError(f"{method}: the portal's gateway gave up (HTTP {status})", method=method)
    if status == _NOT_FOUND and dialect == REST_V3:  # a server older than REST 3.0
        return MissingMethodError(f"{method}: this server has no such address (HTTP {status})", method=method)
    kind = "an empty answer" if not reply.content else "an answer that is not JSON"
    error = RateLimitedError if status == _UNAVAILABLE else UnavailableError
    return error(f"{method}: {kind} (HTTP {status})", method=method, retry_after=reply.retry_after)
