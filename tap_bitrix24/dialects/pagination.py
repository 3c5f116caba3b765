"""How the families of list methods want filter, order and page spelled. Pure: a query in, parameters out.

The classic API has no single way of paging: most lists take `start`, some a page's number, some limit and offset,
one positional arrays, chats an id to start behind. A family says how one page is asked for; which page is wanted,
and whether the answer can be believed, is the strategies' business (`reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.model.endpoint import PageQuery

UNCOUNTED = -1
"""`start` of a page whose rows the portal need not count."""


def set_parameter(params: dict[str, Any], path: str, value: Any) -> None:
    """Set a parameter that may lie inside others (`params.filter`); maps on the way are copied, never shared."""
    *outer, last = path.split(".")
    for name in outer:
        inner = params.get(name)
        params[name] = dict(inner) if isinstance(inner, Mapping) else {}
        params = params[name]
    given = params.get(last)
    both = isinstance(given, Mapping) and isinstance(value, Mapping)
    params[last] = {**given, **value} if both and isinstance(given, Mapping) else value


def _fixed(query: PageQuery) -> dict[str, Any]:
    """The source's own parameters."""
    params: dict[str, Any] = {}
    for name, value in query.params.items():
        set_parameter(params, name, value)
    return params


def _parameters(query: PageQuery, where: str, order: str | tuple[str, str] | None) -> dict[str, Any]:
    """Fixed parameters, conditions and order; what is empty is left out."""
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


class _OffsetOnly:
    """Pages only: neither can ids be asked for, nor is there an order that could be turned round."""

    __slots__ = ()
    supports_keyset = False
    supports_descending = False


class _AscendingOnly:
    """Rows behind an id can be asked for, in one direction."""

    __slots__ = ()
    supports_keyset = True
    supports_descending = False


class _BothDirections:
    """Rows behind an id can be asked for, and the newest first."""

    __slots__ = ()
    supports_keyset = True
    supports_descending = True


@dataclass(frozen=True, slots=True)
class StartParameter:
    """`start=0,50,100…`, and `start=-1` for a page behind an id that nobody needs counted."""

    filter: str = "filter"
    order: str | tuple[str, str] | None = "order"
    """Where {key: direction} goes; or two names, one for the key, one for the direction; None: no order by id."""

    @property
    def supports_keyset(self) -> bool:
        """Where ids can be ordered they can be filtered, too; guards catch the exceptions."""
        return self.order is not None and bool(self.filter)

    @property
    def supports_descending(self) -> bool:
        """As `keyset`."""
        return self.supports_keyset

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        start = query.offset if query.offset is not None else 0 if query.counted else UNCOUNTED
        return {**_parameters(query, self.filter, self.order), "start": start}


@dataclass(frozen=True, slots=True)
class OrderedPageNumber:
    """`page=1,2,3…` (biconnector)."""

    page: str = "page"
    filter: str = "filter"
    order: str | None = "order"

    @property
    def supports_keyset(self) -> bool:
        """Whether there is an order by id."""
        return self.order is not None

    @property
    def supports_descending(self) -> bool:
        """As `keyset`."""
        return self.supports_keyset

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        params = _parameters(query, self.filter, self.order)
        set_parameter(params, self.page, (query.offset or 0) // query.size + 1)
        return params


@dataclass(frozen=True, slots=True)
class LimitOffset:
    """Limit and offset, alone or inside another parameter (landing, open lines, chats)."""

    limit: str = "LIMIT"
    offset: str = "OFFSET"
    filter: str = ""
    order: str | None = None

    @property
    def supports_keyset(self) -> bool:
        """Whether there are a filter and an order."""
        return self.order is not None and bool(self.filter)

    @property
    def supports_descending(self) -> bool:
        """As `keyset`."""
        return self.supports_keyset

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        params = _parameters(query, self.filter, self.order)
        set_parameter(params, self.limit, query.size)
        set_parameter(params, self.offset, query.offset or 0)
        return params


@dataclass(frozen=True, slots=True)
class PositionalParameters(_BothDirections):
    """Parameters by position: order, filter, select, NAV_PARAMS (task.elapseditem.getlist).

    The server hands them to a PHP function in their order, whatever their names: a named one too many moves the
    others, and without NAV_PARAMS it gives 50 rows and no way to the next.
    """

    first: int = 0
    """Position of the order; parameters before it are the source's own."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        conditions = {f">{query.key}": query.after or 0, **query.filter}  # empty, it would be lost, and move the others
        page = {"nPageSize": query.size, "iNumPage": (query.offset or 0) // query.size + 1}
        values = ({query.key: query.direction}, conditions, ["*"], {"NAV_PARAMS": page})
        return {**query.params, **{str(self.first + number): value for number, value in enumerate(values)}}


@dataclass(frozen=True, slots=True)
class SinceId(_AscendingOnly):
    """The id to start behind as a parameter of its own (`FIRST_ID` of chats and of the news feed)."""

    first: str = "FIRST_ID"
    limit: str = "LIMIT"

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        return {**_parameters(query, "", None), self.first: query.after or 0, self.limit: query.size}


@dataclass(frozen=True, slots=True)
class SinglePage(_OffsetOnly):
    """All rows in one answer; parameters are sent as they are, for some of these methods refuse others."""

    filter: str = field(default="filter", kw_only=True)

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command."""
        return _parameters(query, self.filter, None)


_OPERATORS = (">=", "<=", "!=", ">", "<")


def _conditions(filter_: Mapping[str, Any]) -> list[list[Any]]:
    """`{">=timestampX": …, "taskId": "5"}` → `[["timestampX", ">=", …], ["taskId", "=", 5]]`.

    REST 3.0 takes no other form, and ids as numbers only.
    """
    found: list[list[Any]] = []
    for name, value in filter_.items():
        operator = next((each for each in _OPERATORS if name.startswith(each)), "")
        typed = int(value) if isinstance(value, str) and value.isdecimal() else value
        found.append([name.removeprefix(operator), operator or "=", typed])
    return found


def _rest_v3_parameters(query: PageQuery, filter_: Mapping[str, Any]) -> dict[str, Any]:
    """Fixed parameters and conditions of a REST 3.0 list."""
    params = _fixed(query)
    conditions = {**params.pop("filter", {}), **filter_}
    return {**params, "filter": _conditions(conditions)} if conditions else params


@dataclass(frozen=True, slots=True)
class TailCursor(_AscendingOnly):
    """`tail` of REST 3.0: rows behind a cursor on the id, which may not stand in the filter besides.

    Turned round it takes a value to begin at, and nobody knows the newest.
    """

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command; field and value are always sent, for their defaults differ by version."""
        cursor = {"field": query.key, "value": query.after or 0, "order": query.direction, "limit": query.size}
        return {**_rest_v3_parameters(query, query.filter), "cursor": cursor}


@dataclass(frozen=True, slots=True)
class PaginationObject:
    """`pagination: {limit, offset}` of REST 3.0. The limit is cut to a cap that differs by method, without a word."""

    ordered: bool = False
    """Ids can be ordered and filtered by."""
    orderable: bool = False
    """Ids can be ordered by, but not filtered."""

    @property
    def supports_keyset(self) -> bool:
        """Whether ids can be ordered and filtered by."""
        return self.ordered

    @property
    def supports_descending(self) -> bool:
        """As `keyset`."""
        return self.ordered

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command; `page` is never sent: it would count in pages of the cap."""
        behind = {f">{query.key}": query.after} if self.ordered and query.after else {}
        params = _rest_v3_parameters(query, {**query.filter, **behind})
        if self.ordered or self.orderable:
            params["order"] = {query.key: query.direction}
        params["pagination"] = {"limit": query.size, **({"offset": query.offset} if query.offset else {})}
        return params


@dataclass(frozen=True, slots=True)
class CursorPaginator(_OffsetOnly):
    """`pagination: {limit, afterCursor}` of REST 3.0: the portal says where the next page begins."""

    period: str = ""
    """Date-time every request must be bounded by: the filter is an object, `{startDate: {from, to}}`."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one command; a cursor goes back as it came."""
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
    """`page=1,2,3…&limit=100` of a site's own API, with a date to begin at where the API has a parameter for it."""

    page: str = "page"
    limit: str = "limit"
    since: str = ""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one request."""
        number = (query.offset or 0) // query.size + 1
        since = query.filter.get(f">={self.since}") if self.since else None
        return {self.page: number, self.limit: query.size, **({self.since: since} if since else {})}


_SEARCH_OPERATORS = {">=": "$gte", "<=": "$lte", ">": "$gt", "<": "$lt", "!=": "$ne"}


@dataclass(frozen=True, slots=True)
class VibecodeSearch(_BothDirections):
    """`POST …/search` of VibeCode: by id, uncounted, and never cut into windows.

    Of the newest two rows are asked for: that they descend shows that the order was obeyed. To know where the list ends
    costs no more than the empty page behind it, and rows that are added faster than they are read have no such page.
    """

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one request; pages name the order `sort` or `order`, so both are sent."""
        conditions: dict[str, Any] = {query.key: {"$gt": query.after}} if query.after else {}
        for name, value in query.filter.items():
            sign = next((each for each in _OPERATORS if name.startswith(each)), "")
            if sign:
                conditions.setdefault(name.removeprefix(sign), {})[_SEARCH_OPERATORS[sign]] = value
            else:
                conditions[name] = value
        order = {query.key: query.direction.lower()}
        limit = query.size if query.direction == "ASC" else 2
        asked = {"filter": conditions, "sort": order, "order": order, "limit": limit, "autoWindow": False}
        offset = {"withTotal": False} if query.offset is None else {"offset": query.offset}
        return {**query.params, **asked, **offset}


@dataclass(frozen=True, slots=True)
class VibecodePages(_OffsetOnly):
    """`GET …?limit=50&offset=0` of VibeCode."""

    sorted: bool = True
    """By the id; some lists have none, or an order of their own."""

    def __call__(self, query: PageQuery) -> dict[str, Any]:
        """The parameters of one call."""
        offset = {"offset": query.offset} if query.offset else {}
        params = _fixed(query)
        return {**params, **({"sort": query.key} if self.sorted else {}), "limit": query.size, **offset}


ASCENDING_ONLY = (SinceId, TailCursor)
"""Families whose pages can't be turned by an offset."""
EXACT_OFFSET = (PaginationObject, CursorPaginator)
"""Families that go on exactly behind the rows that have come, however many were asked for."""
