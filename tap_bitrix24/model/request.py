"""Page requests of strategies, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from functools import partial
from itertools import count
from typing import Any

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec, Row

_IDS = count(1)


class DateKey(Enum):
    """The date-time of a row that a window bounds."""

    MODIFIED = auto()
    """The replication key."""
    CREATED = auto()
    """The creation date: rows that were never edited have no replication key (`ReplicationKey.created`)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of date-times, [low, high), UTC, whole seconds; None means no bound."""

    low: datetime | None = None
    high: datetime | None = None
    date_key: DateKey = DateKey.MODIFIED
    exact: bool = False
    """The portal has shown that it reads bounds as they are meant: they are not widened for other time zones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request for a page, or for several pages in a row, of one list.

    It pages in exactly one way: by `after` (keyset by id; several pages are a chain), `descending` (one page of ids,
    the newest first) or `offset`. `cursor` accompanies an offset where the portal says itself where a page begins.
    """

    list_spec: ListSpec
    window: Window | None = None
    after: int | None = None
    up_to: int | None = None
    """Only rows up to this id; None: no bound."""
    descending: bool = False
    offset: int | None = None
    cursor: Any = None
    pages: int = 1
    counted: bool = False
    """Request `total` as well; counting is expensive for the portal."""
    alone: bool = False
    """Send it as an HTTP request of its own: what an earlier answer said is in doubt."""
    select: Sequence[str] | None = None
    """Request only these columns; None: those of the list."""
    id: int = field(default_factory=partial(next, _IDS), compare=False, repr=False)
    """Unique among the requests of a process; a copy with fewer pages keeps it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, as the portal answered it."""

    rows: list[Row]
    total: int | None = None
    next: int | None = None
    cursor: Any = None
    """Opaque value of the portal: where the next page begins; None: no next page, or the portal has no cursors."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one PageRequest: all or the first of its pages; with no page at all, the error that explains it."""

    pages: list[Page]
    error: PortalError | None = None


AnswerLookup = Callable[[PageRequest], Answer | None]
"""Returns the answer to a request that is under way, or None if it has not arrived."""


Prefetch = Callable[[int, AnswerLookup], PageRequest | None]
"""Returns the next page request to prefetch, with at most that many pages, or None."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A strategy's request to the scheduler; the answer is one Answer per PageRequest, in order."""

    page_requests: Sequence[PageRequest]
    prefetch: Prefetch | None = None
    """Called when another request could be sent meanwhile; a page request it returns is in a later ReadRequest."""
    pages_left: int = 0
    """Estimate of the pages left to read, these included; 0 if unknown."""
