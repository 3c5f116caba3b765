"""List methods: how a page is requested, and where its answer holds the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Row = dict[str, Any]


REST_V2, REST_V3, VIBECODE, SITE = "rest_v2", "rest_v3", "vibecode", "site"
"""The dialects a method may be called in; modules of `tap_bitrix24.dialects`."""


@dataclass(frozen=True, slots=True)
class ReplicationKey:
    """The date-time a stream is read incrementally by."""

    row_key: str
    """Its key in rows."""
    request_key: str
    """Its key in filters."""
    fallback: str = ""
    """Row key that replaces it where it is null (tasks: the portal's filter falls back to the creation date)."""
    created: str = ""
    """Key of the creation date, in rows and filters, where the replication key is empty until a row is first edited.

    A filter by the replication key does not find such rows: they are read by this one, too.
    """
    timezone_margin: int = 0
    """Seconds by which bounds are widened, as the portal may read them in another time zone (docs/protocol.md §4.2)."""
    visibility_delay: int = 0
    """Seconds after this date-time that a row may take to appear (calls when they end, recordings later still)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """One page of a page request in terms of the API: wire names, date bounds as conditions, one page of a chain.

    A PageRequest is what a strategy computes with (windows, ids, numbers of pages); this is what pagination classes put
    into parameters.
    """

    params: Mapping[str, Any]
    filter: Mapping[str, Any]
    """Conditions with the names used in requests, date bounds included."""
    key: str
    """Name of the id in requests."""
    direction: str = "ASC"
    after: Any = None
    """Only rows after this id, or in a chain a reference to the last id of the page before; None: from the start."""
    offset: int | None = None
    size: int = 50
    counted: bool = False
    cursor: Any = None
    """Opaque value of the portal: where the page before ended."""


class Pagination(Protocol):
    """How a family of methods takes filter, order and page (see `tap_bitrix24.dialects.pagination`)."""

    @property
    def supports_keyset(self) -> bool:
        """Whether rows after an id can be requested."""

    @property
    def supports_descending(self) -> bool:
        """Whether the newest id can be requested, by descending order."""

    @property
    def has_offset(self) -> bool:
        """Whether a page can be requested by its offset or the cursor of the page before, without an id."""

    @property
    def exact_offset(self) -> bool:
        """Whether the next page begins right after the rows received, however many were requested."""

    @property
    def uses_cursor(self) -> bool:
        """Whether each answer has the cursor of the next page."""

    @property
    def single_page(self) -> bool:
        """Whether all rows come in one answer."""

    @property
    def several_passes(self) -> bool:
        """Whether a list of several pages is read again until nothing new is found: rows may move between its pages."""

    @property
    def separate_count(self) -> bool:
        """Whether a request without rows counts them; `total` beside rows may be missing."""

    @property
    def counts_matches(self) -> bool:
        """Whether the `total` of a counted page is the number of rows that match the filter."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""


ResponseShape = Callable[[Any], "list[Row] | None"]
"""Value at the place of the rows → the rows; None if it holds no rows (see `tap_bitrix24.dialects.response_shapes`)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one list method is called and where its answer holds the rows."""

    method: str
    pagination: Pagination
    shape: ResponseShape
    records_path: str = ""
    """Dotted path to the rows inside `result`; empty: `result` is the list."""
    key: str = "ID"
    """Name of the id in rows."""
    request_key: str = "ID"
    """Name of the id in filters and order."""
    select_param: str = ""
    """Dotted path of the parameter that selects columns; empty where the method has none."""
    required_select: Sequence[str] = ()
    """Names every selection must hold besides the id, or the method refuses it."""
    page_size: int = 50
    supports_chaining: bool = True
    """Rows are in a JSON array, so that a command of a batch can refer to the last row of the page before."""
    counted_in_batch: bool = True
    """Answers in a batch have `total`; controllers leave it out there."""
    reliable_total: bool = True
    """`total` is the number of rows; crm.address.list sends its page size."""
    dialect: str = REST_V2
    batchable: bool = True
    """Pages of it may share a batch; False: each is a request of its own, as there is no batch, or it saves nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class ListSpec:
    """One list a stream reads: an endpoint with its fixed parameters. A stream may have several.

    Compared by identity: two lists with the same parameters are different lists, each with rows of its own.
    """

    endpoint: Endpoint
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters that are part of the primary key; added to each row."""
    replication_key: ReplicationKey | None = None
    identity: Sequence[str] | None = None
    """Row keys of the primary key, constants excepted; empty: only whole rows differ; None: the id."""
    renames: Mapping[str, str] | None = None
    """Row key → portal name, where the universal method replaces a classic one."""
    ignored_keys: frozenset[str] = frozenset()
    """Row keys that repeat other columns in another form."""
    reshape: Callable[[Row], Row] | None = None
    """Converts a row to the classic shape where renaming keys is not enough."""
    known_empty: bool = False
    """Another request of this run has found it empty."""
    absent_codes: frozenset[str] = frozenset()
    """Error codes by which this method says that the portal does not have this list; compared in any case."""
    field_names: Sequence[str] = ()
    """Names that `select` may hold, if all of the list's columns have one."""
