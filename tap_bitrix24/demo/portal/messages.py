"""A request to one of the portal's other interfaces, as it came over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tap_bitrix24.demo.company.clock import Due


@dataclass(frozen=True)
class Visit:
    """What REST 3.0, VibeCode, the token endpoint and the site's API get to see of a request."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    due: Due

    def parameters(self) -> dict[str, str]:
        """Answer the query's parameters; of repeated ones the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def bearer(self) -> str | None:
        """Answer the token of the header ``Authorization: Bearer``."""
        return bearer(self.headers.get("authorization", ""))


def bearer(authorization: str) -> str | None:
    """Answer the token of such a header."""
    kind, _, token = authorization.partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


Facts = dict[str, Any]
