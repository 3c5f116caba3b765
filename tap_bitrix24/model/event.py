"""What a strategy yields to the scheduler and to its stream."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tap_bitrix24.model.endpoint import Row, Source
from tap_bitrix24.model.request import Answer, Want


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows a strategy vouches for, as the portal sent them."""

    source: Source
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class SetsRead:
    """Sets of children that were read to their end: whatever is older in them is gone from the portal."""

    counts: Mapping[str, int | None]
    """Parent → how many children it has; `*`: all parents there are, uncounted."""
    read_at: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A point the next run may go on from: the stream's new STATE."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the operator should know; the rows are right all the same."""

    text: str


Event = Want | Rows | SetsRead | Reached | Warned


_T = TypeVar("_T")


Steps = Generator[Event, list[Answer] | None, _T]
"""Part of a strategy that returns something to the rest of it."""


Reading = Steps[None]
"""A reading strategy: yields what it wants and what it found, is sent answers, does no I/O."""
