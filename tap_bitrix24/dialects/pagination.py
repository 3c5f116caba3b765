"""Kinds of pagination: each returns the parameters that request one page. Pure: a query in, parameters out.

The classic API has no single kind of pagination: most lists take `start`, some a page number, some limit and offset,
one positional arrays, chats the id after which to start. These classes only write the parameters of one page; which
page comes next, and whether its answer is consistent, is decided by the strategies in `replication`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.model.endpoint import PageQuery, Pagination

UNCOUNTED = -1
"""`start` of a page for which the portal does not count the matching rows."""


def set_parameter(params: dict[str, Any], path: str, value: Any) -> None:
    """Set a parameter that may be nested in others (`params.filter`); outer maps are copied, never shared."""
    *outer, last = path.split(".")
    for name in outer:
        inner = params.get(name)
        params[name] = dict(inner) if isinstance(inner, Mapping) else {}
        params = params[name]
    given = params.get(last)
    both = isinstance(given, Mapping) and isinstance(value, Mapping)
    params[last] = {**given, **value} if both and isinstance(given, Mapping) else value


def _fixed(query: PageQuery) -> dict[str, Any]:
    """Return the fixed parameters of the list."""
    params: dict[str, Any] = {}
    for name, value in query.params.items():
        set_parameter(params, name, value)
    return params


def _parameters(query: PageQuery, where: str, order: str | tuple[str, str] | None) -> dict[str, Any]:
    """Return fixed parameters, conditions and order; empty ones are omitted."""
    params = _fixed(query)
    if where:
        conditions = dict(query.filter)
        if query.after:  # tasks.task.list drops a condition whose value is 0
            conditions = {f">{query.key}": query.after, **conditions}
        if conditions or (order is not None and query.offset is None):
            set_parameter(params, where, conditions)
    if isinstance(order, str):
        set_parameter(params, order, {query.key: query.direction})
    elif order is not None:
        by, direction = order
        params |= {by: query.key, direction: query.direction}
    return params


class _Kind:
    """Defaults of all kinds of pagination."""

    __slots__ = ()
    has_offset = True
    exact_offset = False
    uses_cursor = False
    single_page = False
    several_passes = False
    separate_count = False
    counts_matches = False


class _OffsetOnly(_Kind):
    """Lists with neither a filter nor an order by id."""

    __slots__ = ()
    supports_keyset = False
    supports_descending = False


class _AscendingOnly(_Kind):
    """Lists that can be read from after an id, in ascending order only; they have no offset."""

    __slots__ = ()
    has_offset = False
    supports_keyset = True
    supports_descending = False


class _BothDirections(_Kind):
    """Lists that can be read from after an id, and in descending order."""

    __slots__ = ()
    supports_keyset = True
    supports_descending = True


class _DescendingIfKeyset(_Kind):
    """Lists of methods whose parameters decide: an order by id works in both directions, or not at all."""

    __slots__ = ()

    @property
    def supports_descending(self: Pagination) -> bool:
        """Whether the newest id can be requested: where rows after an id can be."""
        return self.supports_keyset


@dataclass(frozen=True, slots=True)
class StartParameter(_DescendingIfKeyset):
    """`start=0,50,100…`, and `start=-1` for a page after an id without a count."""

    counts_matches = True
    filter: str = "filter"
    order: str | tuple[str, str] | None = "order"
    """Parameter that takes {key: direction}; or two, for key and direction; None if there is no order by id."""

    @property
    def supports_keyset(self) -> bool:
        """Whether there are a filter and an order: strategies detect lists that ignore the filter."""
        return self.order is not None and bool(self.filter)

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        start = query.offset if query.offset is not None else 0 if query.counted else UNCOUNTED
        return {**_parameters(query, self.filter, self.order), "start": start}


@dataclass(frozen=True, slots=True)
class OrderedPageNumber(_DescendingIfKeyset):
    """`page=1,2,3…` (biconnector)."""

    page: str = "page"
    filter: str = "filter"
    order: str | None = "order"

    @property
    def supports_keyset(self) -> bool:
        """Whether the list can be ordered by id."""
        return self.order is not None

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        params = _parameters(query, self.filter, self.order)
        set_parameter(params, self.page, (query.offset or 0) // query.size + 1)
        return params


@dataclass(frozen=True, slots=True)
class LimitOffset(_DescendingIfKeyset):
    """Limit and offset, at the top or nested in another parameter (landing, open lines, chats)."""

    limit: str = "LIMIT"
    offset: str = "OFFSET"
    filter: str = ""
    order: str | None = None

    @property
    def supports_keyset(self) -> bool:
        """Whether the list has a filter and an order."""
        return self.order is not None and bool(self.filter)

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        params = _parameters(query, self.filter, self.order)
        set_parameter(params, self.limit, query.size)
        set_parameter(params, self.offset, query.offset or 0)
        return params


@dataclass(frozen=True, slots=True)
class PositionalParameters(_BothDirections):
    """Parameters by position: order, filter, select, NAV_PARAMS (task.elapseditem.getlist).

    The server passes them to a PHP function in their order, whatever their names: an additional one shifts the
    others, and without NAV_PARAMS it returns 50 rows and no next page.
    """

    counts_matches = True
    first: int = 0
    """Position of the order; parameters before it are the fixed ones of the list."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        conditions = {
            f">{query.key}": query.after or 0,
            **query.filter,
        }  # an empty map is lost in the query, and shifts the others
        page = {"nPageSize": query.size, "iNumPage": (query.offset or 0) // query.size + 1}
        values = ({query.key: query.direction}, conditions, ["*"], {"NAV_PARAMS": page})
        return {**query.params, **{str(self.first + number): value for number, value in enumerate(values)}}


@dataclass(frozen=True, slots=True)
class SinceId(_AscendingOnly):
    """The id after which to start as a parameter of its own (`FIRST_ID` of chats and of the news feed)."""

    first: str = "FIRST_ID"
    limit: str = "LIMIT"

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        return {**_parameters(query, "", None), self.first: query.after or 0, self.limit: query.size}


@dataclass(frozen=True, slots=True)
class SinglePage(_OffsetOnly):
    """All rows in one answer; only fixed parameters and the filter are sent: some of these methods refuse others."""

    single_page = True
    filter: str = field(default="filter", kw_only=True)

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command."""
        return _parameters(query, self.filter, None)


_OPERATORS = (">=", "<=", "!=", ">", "<")


def _conditions(filter_: Mapping[str, Any]) -> list[list[Any]]:
    """Return `{">=timestampX": …, "taskId": "5"}` as `[["timestampX", ">=", …], ["taskId", "=", 5]]`.

    REST 3.0 takes filters in this form only, and ids as numbers only.
    """
    conditions: list[list[Any]] = []
    for name, value in filter_.items():
        operator = next((sign for sign in _OPERATORS if name.startswith(sign)), "")
        typed = int(value) if isinstance(value, str) and value.isdecimal() else value
        conditions.append([name.removeprefix(operator), operator or "=", typed])
    return conditions


def _rest_v3_parameters(query: PageQuery, filter_: Mapping[str, Any]) -> dict[str, Any]:
    """Return fixed parameters and conditions of a REST 3.0 list."""
    params = _fixed(query)
    conditions = {**params.pop("filter", {}), **filter_}
    return {**params, "filter": _conditions(conditions)} if conditions else params


@dataclass(frozen=True, slots=True)
class TailCursor(_AscendingOnly):
    """`tail` of REST 3.0: rows after a cursor on the id, which the filter must not name as well.

    Descending order needs a value to start from, and the largest id is not known: only ascending order is used.
    """

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command; field and value always, because their defaults differ by version."""
        cursor = {"field": query.key, "value": query.after or 0, "order": query.direction, "limit": query.size}
        return {**_rest_v3_parameters(query, query.filter), "cursor": cursor}


@dataclass(frozen=True, slots=True)
class PaginationObject(_DescendingIfKeyset):
    """`pagination: {limit, offset}` of REST 3.0; the server silently cuts the limit to a maximum per method."""

    exact_offset = True
    ordered: bool = False
    """Whether the list can be ordered and filtered by id."""
    orderable: bool = False
    """Whether the list can be ordered, but not filtered, by id."""

    @property
    def supports_keyset(self) -> bool:
        """Whether the list can be ordered and filtered by id."""
        return self.ordered

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command; never `page`, which counts in pages of the server's maximum."""
        after = {f">{query.key}": query.after} if self.ordered and query.after else {}
        params = _rest_v3_parameters(query, {**query.filter, **after})
        if self.ordered or self.orderable:
            params["order"] = {query.key: query.direction}
        params["pagination"] = {"limit": query.size, **({"offset": query.offset} if query.offset else {})}
        return params


@dataclass(frozen=True, slots=True)
class CursorPaginator(_OffsetOnly):
    """`pagination: {limit, afterCursor}` of REST 3.0: each answer has the cursor of the next page."""

    exact_offset = True
    uses_cursor = True
    period: str = ""
    """Date-time that every request must bound: the filter is an object, `{startDate: {from, to}}`."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one command; the cursor is sent unchanged."""
        params = _fixed(query)
        if self.period:
            bounds = {"from": query.filter.get(f">={self.period}"), "to": query.filter.get(f"<{self.period}")}
            set_parameter(params, f"filter.{self.period}", {name: value for name, value in bounds.items() if value})
            params["order"] = {self.period: "asc"}
        cursor = {} if query.cursor is None else {"afterCursor": query.cursor}
        params["pagination"] = {"limit": query.size, **cursor}
        return params


@dataclass(frozen=True, slots=True)
class PageNumber(_OffsetOnly):
    """`page=1,2,3…&limit=100` of a site's API, with a start date if the API has a parameter for it.

    Such an API has neither a filter by id nor an order that is known.
    """

    several_passes = True
    counts_matches = True
    page: str = "page"
    limit: str = "limit"
    since: str = ""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one request."""
        number = (query.offset or 0) // query.size + 1
        since = query.filter.get(f">={self.since}") if self.since else None
        return {self.page: number, self.limit: query.size, **({self.since: since} if since else {})}


_SEARCH_OPERATORS = {">=": "$gte", "<=": "$lte", ">": "$gt", "<": "$lt", "!=": "$ne"}


@dataclass(frozen=True, slots=True)
class VibecodeSearch(_BothDirections):
    """`POST …/search` of VibeCode: by id, without a count, and never split into windows by the service.

    A descending page has two rows, to check that the order was obeyed. The largest id costs no more than the empty page
    at the end of the list would, and ends reading a list that grows faster than it is read.

    By offset, pages overlap and skip rows where the service drops the order: only a count and another reading show it.
    """

    exact_offset = True
    several_passes = True
    separate_count = True
    counts_matches = True

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one request; the docs name the order `sort` or `order`, so both are sent."""
        conditions: dict[str, Any] = {query.key: {"$gt": query.after}} if query.after else {}
        for name, value in query.filter.items():
            sign = next((operator for operator in _OPERATORS if name.startswith(operator)), "")
            if sign:
                conditions.setdefault(name.removeprefix(sign), {})[_SEARCH_OPERATORS[sign]] = value
            else:
                conditions[name] = value
        order = {query.key: query.direction.lower()}
        limit = query.size if query.direction == "ASC" else 2
        search = {"filter": conditions, "sort": order, "order": order, "limit": limit, "autoWindow": False}
        offset = {"withTotal": False} if query.offset is None else {"offset": query.offset}
        return {**query.params, **search, **offset}


@dataclass(frozen=True, slots=True)
class VibecodePages(_OffsetOnly):
    """`GET …?limit=50&offset=0` of VibeCode."""

    sorted: bool = True
    """Whether to sort by id; some lists have no id, or a fixed order."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """Return the parameters of one call."""
        offset = {"offset": query.offset} if query.offset else {}
        params = _fixed(query)
        return {**params, **({"sort": query.key} if self.sorted else {}), "limit": query.size, **offset}
