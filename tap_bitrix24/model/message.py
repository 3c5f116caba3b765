"""Commands and HTTP requests as a dialect words them, and the result of a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.model.endpoint import REST_2


@dataclass(frozen=True, slots=True)
class Command:
    """One REST call of a bundle."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = REST_2


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP request as a dialect words it; host and credentials are the door's."""

    path: str
    """Below the root of the dialect's API."""
    body: Any = None
    """Sent as JSON; None: no body."""
    verb: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What one command brought."""

    value: Any
    total: int | None = None
    next: int | None = None
    time: Mapping[str, Any] = field(default_factory=dict)
