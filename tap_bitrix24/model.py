"""The words all layers share: what is asked, what comes back, what an entity is. Values only, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from tap_bitrix24.errors import PortalError

Row = dict[str, Any]

REST_2, REST_3, VIBECODE, SITE = "rest_v2", "rest_v3", "vibecode", "site"
"""The dialects a method may be called in; modules of `tap_bitrix24.dialects`."""


@dataclass(frozen=True, slots=True)
class Option:
    """One value a field may have, and the words for it."""

    id: str
    label: str
    sort: int | None = None
    color: str = ""
    semantics: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the portal describes it."""

    name: str
    type: str = ""
    multiple: bool = False
    label: str = ""
    upper: str = ""
    """`upperName` of universal items: the name columns are made from."""
    options: tuple[Option, ...] = ()
    """The values of a list field. The codes of a tasks `enum` tell a Y/N flag from a number from a word."""
    dictionary: str = ""
    """`statusType`: the ENTITY_ID of crm.status.list that holds the words for this field's codes."""
    required: bool | None = None
    read_only: bool | None = None
    """None where the portal does not say."""


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
    lag: int = 0
    """Seconds a row may become visible after its stamp (a call when it is over, its recording later still)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page as a strategy wants it, before a paging family spells it out as parameters."""

    params: Mapping[str, Any]
    filter: Mapping[str, Any]
    """Conditions by the names requests use, date bounds included."""
    key: str
    """The id's name in requests."""
    direction: str = "ASC"
    after: Any = None
    """Only rows behind this id (in a chain: a reference to it); None: from the beginning."""
    offset: int | None = None
    size: int = 50
    counted: bool = False
    cursor: Any = None
    """Where the page before ended, in the portal's own words."""


class Paging(Protocol):
    """How a family of methods wants filter, order and page spelled (`tap_bitrix24.paging`)."""

    @property
    def keyset(self) -> bool:
        """Whether rows behind an id can be asked for."""

    @property
    def descends(self) -> bool:
        """Whether the newest id can be had by turning the order round."""

    def __call__(self, query: Query) -> dict[str, Any]:
        """The parameters of one command."""


Shape = Callable[[Any], "list[Row] | None"]
"""What stands where the rows belong → the rows; None: there are none to be found in it (`tap_bitrix24.shapes`)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one list method is asked and where its answer keeps the rows."""

    method: str
    paging: Paging
    shape: Shape
    rows_at: str = ""
    """Member of `result` that holds the rows, dotted if it lies deeper; empty: `result` is the list."""
    key: str = "ID"
    """The id in rows."""
    request_key: str = "ID"
    """The id in filters and order."""
    select_param: str = ""
    """Parameter that narrows columns, dotted if it lies in another; empty where the method has none."""
    selects: Sequence[str] = ()
    """Names every selection must hold besides the id, or the method refuses it."""
    page_size: int = 50
    chains: bool = True
    """Rows lie in a list, so that a batch can refer to the last of them by its number."""
    counts: bool = True
    """`total` can be believed; crm.address.list gives its page size."""
    dialect: str = REST_2
    alone: bool = False
    """A page is a request of its own: there are no batches, or they would not make it cheaper."""


@dataclass(frozen=True, slots=True)
class Source:
    """One list a stream reads: an endpoint with its fixed parameters. A stream may have several."""

    endpoint: Endpoint
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters that are part of a row's identity; added to each row."""
    stamp: Stamp | None = None
    identity: Sequence[str] | None = None
    """Row keys that together tell rows of this list apart; empty: only their whole content does; None: the id."""
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

    Exactly one way of paging: `after` (keyset by id), `newest` (ids descending, only ids), or `offset`; `cursor` comes
    with an offset, where the portal says itself where the next page begins.
    """

    source: Source
    window: Window | None = None
    after: int | None = None
    newest: bool = False
    offset: int | None = None
    cursor: Any = None
    pages: int = 1
    counted: bool = False
    """Ask for the number of matching rows; expensive on the portal's side."""


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


Arrived = Callable[[Ask], Answer | None]
"""What a wish that is under way has been answered with, if it has."""
More = Callable[[int, Arrived], Ask | None]
"""Gives a wish, of so many pages at most, that comes next for sure; None: there is none."""


@dataclass(frozen=True, slots=True)
class Want:
    """A strategy's request to the engine; answered by one Answer per Ask."""

    asks: Sequence[Ask]
    more: More | None = None
    """Called when a request could be sent meanwhile; what it gives will be among `asks` later, the same object."""
    left: int = 0
    """Pages that are left to be read, as far as that can be told, these included."""


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
