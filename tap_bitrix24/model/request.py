"""Page requests of strategies, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec, Row

_IDS = count(1)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of date-times, UTC, whole seconds; None is open."""

    low: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One wish of a strategy: a page, or a chain of pages, of one source.

    Exactly one way of paging: `after` (keyset by id), `newest` (ids descending, only ids), or `offset`; `cursor` comes
    with an offset, where the portal says itself where the next page begins.
    """

    list_spec: ListSpec
    window: Window | None = None
    after: int | None = None
    descending: bool = False
    offset: int | None = None
    cursor: Any = None
    pages: int = 1
    counted: bool = False
    """Ask for the number of matching rows; expensive on the portal's side."""
    id: int = field(default_factory=partial(next, _IDS), compare=False, repr=False)
    """Tells this request apart from others that ask for the same; a copy with fewer pages keeps it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One list answer."""

    rows: list[Row]
    total: int | None = None
    next: int | None = None
    cursor: Any = None
    """Where the next page begins, in the portal's own words; None: it says nothing, or there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one Ask: a prefix of its pages; with none at all, the error that says why."""

    pages: list[Page]
    error: PortalError | None = None


AnswerLookup = Callable[[PageRequest], Answer | None]
"""What a wish that is under way has been answered with, if it has."""


Prefetch = Callable[[int, AnswerLookup], PageRequest | None]
"""Gives a wish, of so many pages at most, that comes next for sure; None: there is none."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A strategy's request to the engine; answered by one Answer per Ask."""

    page_requests: Sequence[PageRequest]
    prefetch: Prefetch | None = None
    """Called when a request could be sent meanwhile; what it gives will be among `asks` later, the same object."""
    pages_left: int = 0
    """Pages that are left to be read, as far as that can be told, these included."""
