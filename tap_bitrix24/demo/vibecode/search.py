"""Lists and searches of the VibeCode API, with their silent errors."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.store import Table
from tap_bitrix24.demo.rest_v2.lists.tables import GroupIndex
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.filters import Condition, Order, compare_time, conditions, instant, matches, orders
from tap_bitrix24.demo.vibecode.include import add_related
from tap_bitrix24.demo.vibecode.request import EntityQuery, Listing
from tap_bitrix24.demo.vibecode.rows import RowWriter

MAX_LIMIT: Final = 5_000
BROKEN_OFFSET: Final = 2_500
DEFAULT_LIMIT: Final = 50
_WIDE_RANGE: Final = 14 * 86_400
_WEEK: Final = 7 * 86_400
_Indices = dict[tuple[str, tuple[str, ...]], tuple[Table, GroupIndex]]


def read(query: EntityQuery) -> Listing:
    """Return the page of a list or a search."""
    limit, offset = min(query.integer("limit", DEFAULT_LIMIT), MAX_LIMIT), query.integer("offset", 0)
    limit = query.entity.page_size or limit
    if limit < 1 or offset < 0:
        raise VibeError(code="INVALID_PARAMS")
    if offset >= BROKEN_OFFSET and query.portal.switches["vibe_offset"] == "breaks":
        raise VibeError(code="INTERNAL_ERROR")
    writer = RowWriter(query.portal, query.entity, query.kind)
    tests = conditions(query, writer)
    meta = _week_windows(query, tests, offset)
    ids = list(matching_ids(query, writer, tests))
    if meta.get("windowErrors"):
        ids = ids[: len(ids) // 2]
    ids = _ordered(query, writer, ids, orders(query, writer))
    if "windowCount" in meta:  # merged week by week
        ids.sort(key=lambda number: _week(writer.view.table, number))
        meta |= {"truncated": True} if len(ids) > limit else {}
    page = ids if query.entity.envelope == "data_only" else _page(query, ids, limit, offset)
    rows = _with_faults(query, [writer.row(number) for number in page])
    meta |= add_related(query, rows)
    query.portal.stats.served(query.label, f"{writer.view.table.name}", page, counted=False)
    return Listing(_selected(query, rows), len(ids), len(page) == limit, meta, limit, offset)


def _page(query: EntityQuery, ids: list[int], limit: int, offset: int) -> list[int]:
    offset = 0 if "repeat_page" in query.faults else offset
    return ids[offset : offset + limit]


def _with_faults(query: EntityQuery, rows: list[Row]) -> list[Row]:
    """Return a page shortened, or without one id, as faults say."""
    if "empty_page" in query.faults:
        return []
    if "short_page" in query.faults:
        rows = rows[: max(0, len(rows) - int(query.faults["short_page"] or 1))]
    if "missing_id" in query.faults and rows:
        rows[len(rows) // 2].pop(query.entity.key, None)
    return rows


def _selected(query: EntityQuery, rows: list[Row]) -> list[Any]:
    """Return rows with the selected fields: from a list with commas (query string) or a list (body)."""
    if query.entity.bare_ids:
        return [row[query.entity.key] for row in rows]
    given = query.parameters.get("select")
    if not given or given == "*":
        return rows
    wanted = given.split(",") if isinstance(given, str) else list(given.values() if isinstance(given, dict) else given)
    if "*" in wanted:
        return rows
    kept = {query.entity.key, "_included", *(str(name).strip() for name in wanted)}
    return [{name: value for name, value in row.items() if name in kept} for row in rows]


def _ordered(query: EntityQuery, writer: RowWriter, ids: list[int], order: Order) -> list[int]:
    """Return ascending ids in an order; without an order the latest come first, and pages overlap."""
    if not order and not query.entity.fixed_order:
        ids.reverse()
    for name, descending in reversed(order):
        if name != "id" or not query.entity.has_table_id:
            ids.sort(key=_value_of(query, writer, name), reverse=descending)
        else:
            ids.sort(reverse=descending)
    if "drop_order" in query.faults:
        ids.sort(key=lambda number: number * 7919 % 1009)
    return ids


def _week(table: Table, number: int) -> int:
    return table.modified[bisect_left(table.ids, number)] // _WEEK


def _value_of(query: EntityQuery, writer: RowWriter, name: str) -> Callable[[int], Any]:
    table = writer.view.table
    if name == query.entity.modified:
        return lambda number: table.modified[bisect_left(table.ids, number)]

    def value(number: int) -> tuple[int, Any]:
        have = writer.row(number).get(name)
        if have is None or have == "":
            return 0, 0
        return (1, have) if isinstance(have, int | float) else (2, str(have).casefold())

    return value


def matching_ids(query: EntityQuery, writer: RowWriter, tests: list[Condition]) -> Iterable[int]:
    """Return the ids that meet the conditions, ascending; conditions on id and modified time need no row."""
    table, modified, numbered = writer.view.table, query.entity.modified, query.entity.has_table_id
    after = max(
        (_integer(value) for name, sign, value in tests if numbered and (name, sign) == ("id", ">")), default=None
    )
    times = [(sign, value) for name, sign, value in tests if name == modified]
    others = [each for each in tests if each[0] != modified and not (numbered and (each[0], each[1]) == ("id", ">"))]
    ids = ids_of_parents(query, table)
    for place in range(0 if after is None else bisect_right(ids, after), len(ids)):
        number = ids[place]
        modified_at = table.modified[place if ids is table.ids else bisect_left(table.ids, number)] if times else 0
        if not all(compare_time(sign, modified_at, wanted) for sign, wanted in times):
            continue
        if others and not _passes(writer.row(number), others):
            continue
        yield number


def _passes(row: Row, tests: list[Condition]) -> bool:
    return all(row.get(name) is not None and matches(sign, row[name], wanted) for name, sign, wanted in tests)


def _integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise VibeError(code="INVALID_FILTER") from None


def ids_of_parents(query: EntityQuery, table: Table) -> Sequence[int]:
    """Return the ids of rows of the named parents; a missing required parent raises VibeError."""
    entity = query.entity
    wanted = dict(entity.fixed_values)
    for name, column in (*entity.required_parents.items(), *entity.optional_parents.items()):
        value = query.parameter(name)
        if value is None and name in entity.required_parents:
            raise VibeError(code=entity.missing_code, text=f"Missing: {name}")
        if value is not None and column:
            wanted[column] = (
                value
                if name in query.path_parameters
                else entity.value_aliases.get(str(value).lower(), str(value).lower())
            )
    if not wanted:
        return table.ids
    ids = _index(query, table, tuple(wanted)).ids(tuple(wanted.values()))
    if entity.zero_row_switch and query.portal.switches[entity.zero_row_switch] == "missing":
        ids = [number for number in ids if table.row(number)["id"]]
    return ids if entity.between is None else _between(query, table, ids, *entity.between)


def _between(query: EntityQuery, table: Table, ids: list[int], begins: str, ends: str) -> list[int]:
    """Return the ids of rows that overlap the range of ``from`` and ``to``."""
    start, end = query.parameter("from"), query.parameter("to")
    if start is None and end is None:
        return ids
    low = float("-inf") if start is None else instant(start)
    high = float("inf") if end is None else instant(end)
    rows = ((number, table.row(number)) for number in ids)
    return [number for number, row in rows if row[ends] >= low and row[begins] <= high]


def _index(query: EntityQuery, table: Table, columns: tuple[str, ...]) -> GroupIndex:
    """Return the index of a table by some columns, created on first use."""
    kept: _Indices = query.portal.kept("vibe indices", lambda _: {})
    known = kept.get((table.name, columns))
    if known is None or known[0] is not table:
        known = kept[table.name, columns] = (table, GroupIndex(table, columns))
    return known[1]


def single_row(query: EntityQuery) -> Row:
    """Return the row with the query's id; lists may hide it."""
    writer = RowWriter(query.portal, query.entity, query.kind)
    if not query.entity.key:
        raise VibeError(code="INVALID_PARAMS")
    if query.entity.has_table_id:
        if not str(query.row_id).lstrip("-").isdecimal():
            raise VibeError(code="INVALID_PARAMS")
        number = int(query.row_id)
        if not writer.view.table.holds(number) or not _is_of_entity(query, writer.view.table, number):
            raise VibeError(code="ENTITY_NOT_FOUND")
        return writer.row(number)
    rows = map(writer.row, ids_of_parents(query, writer.view.table))
    found = next((row for row in rows if str(row.get(query.entity.key)) == str(query.row_id)), None)
    if found is None:
        raise VibeError(code="ENTITY_NOT_FOUND")
    return found


def _is_of_entity(query: EntityQuery, table: Table, number: int) -> bool:
    """Return whether a row is of this entity, where a table holds two kinds."""
    row = table.row(number)
    return all(row.get(name) == value for name, value in query.entity.fixed_values.items() if name == "TYPE")


def _week_windows(query: EntityQuery, tests: list[Condition], offset: int) -> dict[str, Any]:
    """Return the metadata of a search that is split into weeks (wide ranges of dates), failed weeks included."""
    switch, entity = query.portal.switches["vibe_search"], query.entity
    meta: dict[str, Any] = {"truncated": True} if switch == "truncated" else {}
    if query.action != "search" or not query.parameters.get("autoWindow", entity.auto_window):
        return meta
    dates = {entity.modified, entity.created} - {""}
    lows = [instant(value) for name, sign, value in tests if name in dates and sign.startswith(">")]
    highs = [instant(value) for name, sign, value in tests if name in dates and sign.startswith("<")]
    low = max(lows, default=float("inf"))  # a range without lower bound is not split
    span = min(highs, default=query.portal.now()) - low
    if span <= _WIDE_RANGE:
        return meta
    if offset:
        raise VibeError(code="UNSTABLE_OFFSET_PAGINATION")
    if switch == "failed":
        raise VibeError(code="WINDOWED_SEARCH_FAILED")
    failed = {"windowErrors": 1} if switch == "window_errors" else {}
    return {**meta, "windowCount": int(span / _WEEK) + 1, **failed}


def cost(query: EntityQuery, rows: int) -> float:
    """Return the milliseconds of a query: the time of its pages of fifty."""
    return max(1, -(-rows // DEFAULT_LIMIT)) * query.portal.faults.page_ms
