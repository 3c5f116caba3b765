"""The handlers of declared lists: parameters, parents, filter, order, page, shape of the answer."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.store import Condition, Order, Row, Table
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import filters, filters_strict, php
from tap_bitrix24.demo.rest_v2.calls import Answer, Call, Method, names
from tap_bitrix24.demo.rest_v2.filters import Filter
from tap_bitrix24.demo.rest_v2.lists import row_format
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, ParentParameter
from tap_bitrix24.demo.rest_v2.lists.pages import paged
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest, positioned
from tap_bitrix24.demo.rest_v2.lists.tables import GroupIndex
from tap_bitrix24.demo.rest_v2.paging import Find, Page
from tap_bitrix24.demo.rest_v2.views import Selected

_BOUNDS: Final = frozenset((">", ">=", "<", "<="))


def read(entry: Entry | None, call: Call) -> ListRequest:
    """Return the parameters of a call as its entry reads them; without an entry, names in any spelling."""
    params = call.params
    if entry is not None and entry.positional:
        params = positioned(params, entry.positional, entry.method)
    inner = params.get(entry.inside) if entry is not None and entry.inside else params
    return ListRequest(
        params,
        inner if isinstance(inner, dict) else {},
        entry.spelling if entry is not None else "any",
        call.portal.switches,
        call.portal.now(),
        call.outer_start,
        call.faults,
    )


class ListHandler:
    """The handler of one entry, with its indices by parent."""

    def __init__(self, entry: Entry, source: Entry) -> None:
        """``source`` is the entry that declares the rows; often the same."""
        self.entry = entry
        self.source = source
        self._groups: dict[tuple[str, ...], tuple[Table, GroupIndex]] = {}

    def handle(self, call: Call) -> Answer:
        """Return the answer of the list method."""
        entry = self.entry
        request = read(entry, call)
        if entry.check is not None:
            entry.check(request)
        table = call.table(entry.table)
        of_parents = self._parent_conditions(request, call, table)
        conditions = [*self._filter(request, call), *self._constant_conditions()]
        if entry.extra_conditions is not None:
            conditions += entry.extra_conditions(request)
        page = paged(entry, request, self._find(call, table, [*of_parents, *conditions], self._order(request)))
        return self._shaped(request, call, page)

    def describe(self, call: Call) -> Answer:
        """Return the answer of the fields method."""
        request = read(self.entry, call)
        if self.entry.fields_check is not None:
            self.entry.fields_check(request)
        shown = row_format.field_descriptions(self.entry, self.source)
        return Answer(self.entry.describe(request, shown) if self.entry.describe else shown)

    def _parent_conditions(self, request: ListRequest, call: Call, table: Table) -> list[Condition]:
        """Return the condition for the rows of the requested parents, found by an index."""
        wanted: dict[str, list[Any]] = {}
        for parent in self.entry.parents:
            value = request.at(parent.path)
            if value is None or value == "":
                if parent.missing is not None:
                    raise parent.missing.error()
                continue
            values = _parent_ids(parent, value, request.switches)
            # parents of documented answers are in no table, and their children may have no documented answer
            known = call.portal.samples is not None or not parent.table
            known = known or any(call.table(parent.table).holds(php.intval(one)) for one in values)
            if parent.unknown is not None and not known:
                raise parent.unknown.error()
            if parent.column:
                wanted[self.source.request_name(parent.column)] = values
        if not wanted:
            return []
        groups = self._index(table, tuple(wanted))
        found = sorted({number for values in product(*wanted.values()) for number in groups.ids(values)})
        return [Condition(table.key, "=", tuple(found), lambda _: True)]

    def _index(self, table: Table, by: tuple[str, ...]) -> GroupIndex:
        """Return the index of a table by some columns, created on first use."""
        known = self._groups.get(by)
        if known is None or known[0] is not table:
            known = self._groups[by] = (table, GroupIndex(table, by))
        return known[1]

    def _filter(self, request: ListRequest, call: Call) -> list[Condition]:
        """Return the conditions of the filter in the method's dialect; keys that name a parent are left out."""
        given = call.given_filter(request.spelled("filter"))
        own = {path.removeprefix("filter.") for parent in self.entry.parents for path in parent.path.split("|")}
        given = {name: value for name, value in given.items() if str(name) not in own}
        return call.conditions(_conditions_of(self.entry, self._filterable(), given))

    def _filterable(self) -> dict[str, Field]:
        """Return the fields that filters and orders accept."""
        hidden = {self.source.request_name(one.name) for one in self.source.all_columns if one.hidden}
        return {name: one for name, one in self.source.fields.items() if name not in hidden}

    def _constant_conditions(self) -> list[Condition]:
        """Return the conditions of a list that shows a part of its table."""
        return [
            Condition(self.source.request_name(name), "in", values, values.__contains__)
            for name, values in self.entry.only.items()
        ]

    def _order(self, request: ListRequest) -> Order:
        """Return the order, from a map or from ``sort`` and ``order``; the ORM dialect refuses unknown names."""
        known = self._filterable()
        given = request.spelled(self.entry.order_name) if self.entry.order != "none" else None
        if self.entry.order == "words":
            sort = request.spelled("sort")
            given = {sort: given} if isinstance(sort, str) and isinstance(given, str) else None
        order = []
        for name, direction in given.items() if isinstance(given, dict) else ():
            if str(name) in known:
                order.append((str(name), str(direction).upper() != "ASC"))
            elif self.entry.filters == "orm":
                raise RestError(code=_code(request.switches), text=f"Unknown field definition `{name}` in order")
        return tuple(order) or tuple((self.source.request_name(name), down) for name, down in self.entry.default_order)

    def _find(self, call: Call, table: Table, conditions: list[Condition], order: Order) -> Find:
        """Return the search for ids; faults may drop the order, or the bounds on ids that lead from page to page."""
        if "drop_order" in call.faults:
            order = ((table.time_fields[1] if table.time_fields[1] in table.fields else table.key, True),)
        if "repeat_page" in call.faults:
            conditions = [one for one in conditions if one.name != table.key or one.op not in _BOUNDS]
        return lambda page: table.sorted(conditions, order, flip=page % 2 == 1)

    def _select(self, request: ListRequest) -> Selected | None:
        """Return the selected columns; None is all columns of the table."""
        entry = self.entry
        visible = entry.visible or self.source.visible
        given = names(request.spelled("select")) if entry.selects else None
        wanted = {str(name) for name in given or ()} or set(entry.default_select)
        chosen = [n for n in visible if n in wanted or self.source.request_name(n) in wanted]
        if not wanted or "*" in wanted:
            chosen = list(visible)
        elif entry.key in visible:
            chosen.append(entry.key)
        return None if len(set(chosen)) == len(self.source.all_columns) else frozenset(chosen)

    def _shaped(self, request: ListRequest, call: Call, page: Page) -> Answer:
        """Return the page in the method's shape."""
        entry = self.entry
        view = call.api.view(f"list {entry.table}", entry.table)
        rows = call.rows(view, page, self._select(request))
        result: Any = rows
        if entry.shape != "list" or entry.envelope is not None:
            listed = [rows.row(place) for place in range(len(rows))]
            result = rows if entry.shape == "list" else _shape(entry, listed)
            result = entry.envelope(request, result, listed) if entry.envelope else result
        if entry.wrapper:
            result = {entry.wrapper: result}
        return Answer(result, page.total, page.next, rows, page.counted)


def _parent_ids(parent: ParentParameter, value: Any, switches: Mapping[str, str]) -> list[Any]:
    """Return the parent ids that a parameter names."""
    if not isinstance(value, dict):
        return [php.intval(value) if isinstance(value, float) else value]
    many = switches[parent.many] == "on" if isinstance(parent.many, str) else parent.many
    return list(value.values()) if many else [php.intval(value)]


def _conditions_of(entry: Entry, known: dict[str, Field], given: php.Array) -> Filter:
    """Return the conditions of a filter, read in the dialect of the entry."""
    if entry.filters == "none":
        return Filter(dropped=[str(name) for name in given])
    if entry.filters == "equal":
        return filters_strict.equal_only(known, given)
    if entry.filters == "legacy":
        return filters.legacy(known, given)
    code = 0 if entry.filter_error is None else entry.filter_error
    if entry.filters == "orm":
        return filters_strict.universal(known, given, reading="exact", code=code)
    result = Filter()
    for name, value in given.items():
        try:
            result.conditions += filters_strict.universal(known, {name: value}, reading="exact", code=code).conditions
        except RestError:
            result.dropped.append(str(name))
    return result


def _code(switches: Mapping[str, str]) -> Any:
    """Return the code of an unknown field: 0, or "0" by version."""
    return 0 if switches["error_code"] == "int" else "0"


def _shape(entry: Entry, listed: Sequence[Row]) -> Any:
    """Return rows as a keyed object, a map, a list of values or one object."""
    if entry.shape == "single":
        return listed[0] if listed else entry.empty
    if entry.shape == "scalars":
        return [row[entry.value] for row in listed]
    if entry.shape == "map":
        return {php.key(str(row[entry.key])): row[entry.value] for row in listed}
    return {php.key(str(row[entry.key])): row for row in listed}


def methods(entries: Mapping[str, Entry], sources: Mapping[str, Entry]) -> list[Method]:
    """Return the methods of all entries, their fields methods included."""
    found = []
    for entry in entries.values():
        handler = ListHandler(entry, sources.get(entry.table, entry))
        typed = entry.paging in {"controller", "wrapping", "everything"}
        found.append(Method(entry.method, entry.scope, handler.handle, typed=typed))
        if entry.fields_method:
            found.append(Method(entry.fields_method, entry.scope, handler.describe, typed=typed))
    return found
