"""List methods: how a page is requested, and where its answer keeps the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Row = dict[str, Any]


REST_2, REST_3, VIBECODE, SITE = "rest_v2", "rest_v3", "vibecode", "site"
"""The dialects a method may be called in; modules of `tap_bitrix24.dialects`."""


@dataclass(frozen=True, slots=True)
class ReplicationKey:
    """The date-time a stream is read incrementally by."""

    row_key: str
    """Its key in rows."""
    request_key: str
    """Its key in filters."""
    fallback: str = ""
    """Row key that counts where the stamp is null (tasks: the filter falls back to the creation date)."""
    timezone_margin: int = 0
    """Seconds by which bounds are widened because the portal may shift them between time zones."""
    visibility_delay: int = 0
    """Seconds a row may become visible after its stamp (a call when it is over, its recording later still)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
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


class Pagination(Protocol):
    """How a family of methods wants filter, order and page spelled (`tap_bitrix24.paging`)."""

    @property
    def supports_keyset(self) -> bool:
        """Whether rows behind an id can be asked for."""

    @property
    def supports_descending(self) -> bool:
        """Whether the newest id can be had by turning the order round."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""


ResponseShape = Callable[[Any], "list[Row] | None"]
"""What stands where the rows belong → the rows; None: there are none to be found in it (`tap_bitrix24.shapes`)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one list method is asked and where its answer keeps the rows."""

    method: str
    pagination: Pagination
    shape: ResponseShape
    records_path: str = ""
    """Member of `result` that holds the rows, dotted if it lies deeper; empty: `result` is the list."""
    key: str = "ID"
    """The id in rows."""
    request_key: str = "ID"
    """The id in filters and order."""
    select_param: str = ""
    """Parameter that narrows columns, dotted if it lies in another; empty where the method has none."""
    required_select: Sequence[str] = ()
    """Names every selection must hold besides the id, or the method refuses it."""
    page_size: int = 50
    supports_chaining: bool = True
    """Rows lie in a list, so that a batch can refer to the last of them by its number."""
    reliable_total: bool = True
    """`total` can be believed; crm.address.list gives its page size."""
    dialect: str = REST_2
    batchable: bool = True
    """Pages of it may share a batch; False: each is a request of its own, as there is no batch, or it saves nothing."""


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One list a stream reads: an endpoint with its fixed parameters. A stream may have several."""

    endpoint: Endpoint
    params: Mapping[str, Any] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters that are part of a row's identity; added to each row."""
    replication_key: ReplicationKey | None = None
    identity: Sequence[str] | None = None
    """Row keys that together tell rows of this list apart; empty: only their whole content does; None: the id."""
    renames: Mapping[str, str] | None = None
    """Row key → portal name, where the universal method stands in for a classic one."""
    ignored_keys: frozenset[str] = frozenset()
    """Row keys that repeat other columns in another form."""
    reshape: Callable[[Row], Row] | None = None
    """Brings a row into the classic shape where renaming keys is not enough."""
    ignorable_errors: frozenset[str] = frozenset()
    """Codes or words, lower case, of errors that mean 'this list does not exist here', not a failure."""
