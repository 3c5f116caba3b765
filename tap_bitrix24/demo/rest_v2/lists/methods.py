"""How declared lists are answered: parameters checked, parents found, filtered, ordered, paged, shaped."""

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
from tap_bitrix24.demo.rest_v2.lists.entry import Ask, Entry
from tap_bitrix24.demo.rest_v2.lists.pages import paged
from tap_bitrix24.demo.rest_v2.lists.request import Asked, positioned
from tap_bitrix24.demo.rest_v2.lists.tables import Groups
from tap_bitrix24.demo.rest_v2.paging import Find, Page
from tap_bitrix24.demo.rest_v2.views import Selected

_BOUNDS: Final = frozenset((">", ">=", "<", "<="))


def read(entry: Entry | None, call: Call) -> Asked:
    """Read the parameters of a call as its entry takes them; without one in any spelling."""
    params = call.params
    if entry is not None and entry.positional:
        params = positioned(params, entry.positional, entry.method)
    inner = params.get(entry.inside) if entry is not None and entry.inside else params
    return Asked(
        params,
        inner if isinstance(inner, dict) else {},
        entry.spelling if entry is not None else "any",
        call.portal.switches,
        call.portal.now(),
        call.outer_start,
        call.faults,
    )


class Listed:
    """One entry in service."""

    def __init__(self, entry: Entry, source: Entry) -> None:
        """``source`` is the entry that tells how the rows come about; often the same."""
        self.entry = entry
        self.source = source
        self._groups: dict[tuple[str, ...], tuple[Table, Groups]] = {}

    def handle(self, call: Call) -> Answer:
        """Return the list."""
        entry = self.entry
        asked = read(entry, call)
        if entry.check is not None:
            entry.check(asked)
        table = call.table(entry.table)
        narrowed = self._narrowed(asked, call, table)
        conditions = [*self._filter(asked, call), *self._fixed()]
        if entry.window is not None:
            conditions += entry.window(asked)
        page = paged(entry, asked, self._find(call, table, [*narrowed, *conditions], self._order(asked)))
        return self._shaped(asked, call, page)

    def describe(self, call: Call) -> Answer:
        """Return the fields method."""
        asked = read(self.entry, call)
        if self.entry.fields_check is not None:
            self.entry.fields_check(asked)
        shown = row_format.described(self.entry, self.source)
        return Answer(self.entry.describe(asked, shown) if self.entry.describe else shown)

    def _narrowed(self, asked: Asked, call: Call, table: Table) -> list[Condition]:
        """Find the rows of the parents that were asked for, by an index."""
        wanted: dict[str, list[Any]] = {}
        for ask in self.entry.asks:
            value = asked.at(ask.at)
            if value is None or value == "":
                if ask.missing is not None:
                    raise ask.missing.error()
                continue
            values = _asked_values(ask, value, asked.switches)
            # documented parents have no tables here, and their children may have no documented answer
            known = call.portal.samples is not None or not ask.of
            known = known or any(call.table(ask.of).holds(php.intval(one)) for one in values)
            if ask.unknown is not None and not known:
                raise ask.unknown.error()
            if ask.column:
                wanted[self.source.request_name(ask.column)] = values
        if not wanted:
            return []
        groups = self._grouped(table, tuple(wanted))
        found = sorted({number for values in product(*wanted.values()) for number in groups.ids(values)})
        return [Condition(table.key, "=", tuple(found), lambda _: True)]

    def _grouped(self, table: Table, by: tuple[str, ...]) -> Groups:
        """Return the index of a table by some columns."""
        known = self._groups.get(by)
        if known is None or known[0] is not table:
            known = self._groups[by] = (table, Groups(table, by))
        return known[1]

    def _filter(self, asked: Asked, call: Call) -> list[Condition]:
        """Read the filter in the method's dialect; what stands for a parent is no condition."""
        given = call.given_filter(asked.spelled("filter"))
        own = {path.removeprefix("filter.") for ask in self.entry.asks for path in ask.at.split("|")}
        given = {name: value for name, value in given.items() if str(name) not in own}
        return call.conditions(_read(self.entry, self._filterable(), given))

    def _filterable(self) -> dict[str, Field]:
        """Return the fields that filters and orders know."""
        hidden = {self.source.request_name(one.name) for one in self.source.plan if one.hidden}
        return {name: one for name, one in self.source.fields.items() if name not in hidden}

    def _fixed(self) -> list[Condition]:
        """Return the conditions that make this list a part of its table."""
        return [
            Condition(self.source.request_name(name), "in", values, values.__contains__)
            for name, values in self.entry.only.items()
        ]

    def _order(self, asked: Asked) -> Order:
        """Read the order: a map, or two words that count together only; strict dialects refuse unknown names."""
        known = self._filterable()
        given = asked.spelled(self.entry.order_name) if self.entry.order != "none" else None
        if self.entry.order == "words":
            sort = asked.spelled("sort")
            given = {sort: given} if isinstance(sort, str) and isinstance(given, str) else None
        order = []
        for name, direction in given.items() if isinstance(given, dict) else ():
            if str(name) in known:
                order.append((str(name), str(direction).upper() != "ASC"))
            elif self.entry.filters == "orm":
                raise RestError(code=_code(asked.switches), text=f"Unknown field definition `{name}` in order")
        return tuple(order) or tuple((self.source.request_name(name), down) for name, down in self.entry.default_order)

    def _find(self, call: Call, table: Table, conditions: list[Condition], order: Order) -> Find:
        """Return the search; faults may lose the order, or the bounds on ids that lead from page to page."""
        if "drop_order" in call.faults:
            order = ((table.time_fields[1] if table.time_fields[1] in table.fields else table.key, True),)
        if "repeat_page" in call.faults:
            conditions = [one for one in conditions if one.name != table.key or one.op not in _BOUNDS]
        return lambda page: table.sorted(conditions, order, flip=page % 2 == 1)

    def _select(self, asked: Asked) -> Selected | None:
        """Read the selected columns; None is everything the table has."""
        entry = self.entry
        visible = entry.visible or self.source.visible
        given = names(asked.spelled("select")) if entry.selects else None
        wanted = {str(name) for name in given or ()} or set(entry.default_select)
        chosen = [n for n in visible if n in wanted or self.source.request_name(n) in wanted]
        if not wanted or "*" in wanted:
            chosen = list(visible)
        elif entry.key in visible:
            chosen.append(entry.key)
        return None if len(set(chosen)) == len(self.source.plan) else frozenset(chosen)

    def _shaped(self, asked: Asked, call: Call, page: Page) -> Answer:
        """Write the page in the method's shape."""
        entry = self.entry
        view = call.api.view(f"list {entry.table}", entry.table)
        rows = call.rows(view, page, self._select(asked))
        result: Any = rows
        if entry.shape != "list" or entry.around is not None:
            listed = [rows.row(place) for place in range(len(rows))]
            result = rows if entry.shape == "list" else _shape(entry, listed)
            result = entry.around(asked, result, listed) if entry.around else result
        if entry.wrapper:
            result = {entry.wrapper: result}
        return Answer(result, page.total, page.next, rows, page.counted)


def _asked_values(ask: Ask, value: Any, switches: Mapping[str, str]) -> list[Any]:
    """Return the parents that a parameter names."""
    if not isinstance(value, dict):
        return [php.intval(value) if isinstance(value, float) else value]
    many = switches[ask.many] == "on" if isinstance(ask.many, str) else ask.many
    return list(value.values()) if many else [php.intval(value)]


def _read(entry: Entry, known: dict[str, Field], given: php.Array) -> Filter:
    """Read a filter in the dialect of the entry."""
    if entry.filters == "none":
        return Filter(dropped=[str(name) for name in given])
    if entry.filters == "equal":
        return filters_strict.equal_only(known, given)
    if entry.filters == "legacy":
        return filters.legacy(known, given)
    code = 0 if entry.filter_error is None else entry.filter_error
    if entry.filters == "orm":
        return filters_strict.universal(known, given, shifted=False, code=code)
    result = Filter()
    for name, value in given.items():
        try:
            result.conditions += filters_strict.universal(known, {name: value}, shifted=False, code=code).conditions
        except RestError:
            result.dropped.append(str(name))
    return result


def _code(switches: Mapping[str, str]) -> Any:
    """Return the code of an unknown field: 0, or "0" by version."""
    return 0 if switches["error_code"] == "int" else "0"


def _shape(entry: Entry, listed: Sequence[Row]) -> Any:
    """Turn rows into a keyed object, a map, a list of values or the one object."""
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
        listed = Listed(entry, sources.get(entry.table, entry))
        typed = entry.paging in {"controller", "wrapping", "everything"}
        found.append(Method(entry.method, entry.scope, listed.handle, typed=typed))
        if entry.fields_method:
            found.append(Method(entry.fields_method, entry.scope, listed.describe, typed=typed))
    return found
