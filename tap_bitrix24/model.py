"""The words all layers share: what is asked, what comes back, what an entity is. Values only, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from tap_bitrix24.errors import PortalError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the portal describes it."""

    name: str
    type: str = ""
    multiple: bool = False
    label: str = ""
    upper: str = ""
    """`upperName` of universal items: the name columns are made from."""
    values: tuple[str, ...] = ()
    """Codes of a tasks `enum`; they tell a Y/N flag from a number from a word."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The date-time a stream is read incrementally by."""

    row: str
    """Its key in rows."""
    request: str
    """Its key in filters."""
    fallback: str = ""
    """Row key that counts where the stamp is null (tasks: the filter falls back to the creation date)."""
    margin: int = 0
    """Seconds by which bounds are widened because the portal may shift them between time zones."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one list method is asked and where its answer keeps the rows."""

    method: str
    rows_at: str = ""
    """Member of `result` that holds the rows; empty: `result` is the list."""
    key: str = "ID"
    """The id in rows."""
    request_key: str = "ID"
    """The id in filters and order."""
    filter_param: str = "filter"
    order: Callable[[str, str], Mapping[str, Any]] | None = None
    """(key, direction) → order parameters; None: the method can't be ordered by id."""
    select_param: str = ""
    """Parameter that narrows columns; empty where the method has none."""
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class Source:
    """One list a stream reads: an endpoint with its fixed parameters. A stream may have several."""

    endpoint: Endpoint
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters that are part of a row's identity; added to each row."""
    stamp: Stamp | None = None
    renames: Mapping[str, str] | None = None
    """Row key → portal name, where the universal method stands in for a classic one."""
    ignores: frozenset[str] = frozenset()
    """Row keys that repeat other columns in another form."""
    reshape: Callable[[Row], Row] | None = None
    """Brings a row into the classic shape where renaming keys is not enough."""
    tolerated: frozenset[str] = frozenset()
    """Codes or words, lower case, of errors that mean 'this list does not exist here', not a failure."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of date-times, UTC, whole seconds; None is open."""

    low: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One wish of a strategy: a page, or a chain of pages, of one source.

    Exactly one way of paging: `after` (keyset by id), `newest` (ids descending, only ids), or `offset`.
    """

    source: Source
    window: Window | None = None
    after: int | None = None
    newest: bool = False
    offset: int | None = None
    pages: int = 1
    counted: bool = False
    """Ask for the number of matching rows; expensive on the portal's side."""


@dataclass(frozen=True, slots=True)
class Page:
    """One list answer."""

    rows: list[Row]
    total: int | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one Ask: a prefix of its pages; with none at all, the error that says why."""

    pages: list[Page]
    error: PortalError | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """A strategy's request to the engine; answered by one Answer per Ask."""

    asks: Sequence[Ask]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows a strategy vouches for, as the portal sent them."""

    source: Source
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Reached:
    """A point the next run may go on from: the stream's new STATE."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the operator should know; the rows are right all the same."""

    text: str


Event = Want | Rows | Reached | Warned
_T = TypeVar("_T")
Steps = Generator[Event, list[Answer] | None, _T]
"""Part of a strategy that returns something to the rest of it."""
Reading = Steps[None]
"""A reading strategy: yields what it wants and what it found, is sent answers, does no I/O."""


@dataclass(frozen=True, slots=True)
class Command:
    """One REST call of a bundle."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What one command brought."""

    value: Any
    total: int | None = None
    next: int | None = None
    time: Mapping[str, Any] = field(default_factory=dict)
