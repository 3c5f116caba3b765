"""HTTP requests and replies as the interfaces see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from tap_bitrix24.demo.portal.timer import RequestTimer

JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One HTTP reply; a body of None means that the connection is dropped without an answer."""

    status: int
    body: bytes | None
    content_type: str = JSON
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request to REST 3.0, VibeCode, the authorization server or the site's API."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    timer: RequestTimer

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the query string; of repeated ones the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def bearer(self) -> str | None:
        """Return the token of the header ``Authorization: Bearer``, or None."""
        return bearer(self.headers.get("authorization", ""))


def bearer(authorization: str) -> str | None:
    """Return the token of an ``Authorization`` header, or None if it holds none."""
    kind, _, token = authorization.partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None
