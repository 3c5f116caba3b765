"""Commands and HTTP requests in the form of a dialect, and results of commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.model.endpoint import REST_V2


@dataclass(frozen=True, slots=True)
class Command:
    """One API call, alone or in a batch."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = REST_V2


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP request without host and credentials, which belong to the connection."""

    path: str
    """Relative to the root of the dialect's API."""
    body: Any = None
    """Sent as JSON; None: no body."""
    verb: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one command."""

    value: Any
    total: int | None = None
    next: int | None = None
    time: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response whose body has been read."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def retry_after(self) -> float:
        """Seconds the server asks to wait before the next request; 0 if it does not say."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else 0.0
