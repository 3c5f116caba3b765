"""Lists and searches of the VibeCode API, and what goes wrong with them without a word."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.store import Table
from tap_bitrix24.demo.rest_v2.lists.tables import GroupIndex
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.filters import Condition, Order, compared, conditions, holds, instant, orders
from tap_bitrix24.demo.vibecode.include import included
from tap_bitrix24.demo.vibecode.request import Asked, Found
from tap_bitrix24.demo.vibecode.rows import Teller

MOST: Final = 5_000
TROUBLE: Final = 2_500
USUAL: Final = 50
_WIDE: Final = 14 * 86_400
_WEEK: Final = 7 * 86_400
_Known = dict[tuple[str, tuple[str, ...]], tuple[Table, GroupIndex]]


def read(asked: Asked) -> Found:
    """Return a list or a search."""
    limit, offset = min(asked.whole("limit", USUAL), MOST), asked.whole("offset", 0)
    limit = asked.entity.size or limit
    if limit < 1 or offset < 0:
        raise VibeError(code="INVALID_PARAMS")
    if offset >= TROUBLE and asked.portal.switches["vibe_offset"] == "breaks":
        raise VibeError(code="INTERNAL_ERROR")
    teller = Teller(asked.portal, asked.entity, asked.kind)
    tests = conditions(asked, teller)
    meta = _windows(asked, tests, offset)
    ids = list(matching(asked, teller, tests))
    if meta.get("windowErrors"):
        ids = ids[: len(ids) // 2]
    ids = _ordered(asked, teller, ids, orders(asked, teller))
    if "windowCount" in meta:  # merged week by week
        ids.sort(key=lambda number: _week(teller.view.table, number))
        meta |= {"truncated": True} if len(ids) > limit else {}
    page = ids if asked.entity.envelope == "data_only" else _page(asked, ids, limit, offset)
    rows = _spoiled(asked, [teller.row(number) for number in page])
    meta |= included(asked, rows)
    asked.portal.stats.served(asked.word, f"{teller.view.table.name}", page, counted=False)
    return Found(_selected(asked, rows), len(ids), len(page) == limit, meta, limit, offset)


def _page(asked: Asked, ids: list[int], limit: int, offset: int) -> list[int]:
    offset = 0 if "repeat_page" in asked.faults else offset
    return ids[offset : offset + limit]


def _spoiled(asked: Asked, rows: list[Row]) -> list[Row]:
    """Rob a page of rows or of an id, as faults say."""
    if "short_page" in asked.faults:
        rows = rows[: max(0, len(rows) - int(asked.faults["short_page"] or 1))]
    if "missing_id" in asked.faults and rows:
        rows[len(rows) // 2].pop(asked.entity.key, None)
    return rows


def _selected(asked: Asked, rows: list[Row]) -> list[Any]:
    """Leave what was selected: a list with commas in a query, a list in a body."""
    if asked.entity.strings:
        return [row[asked.entity.key] for row in rows]
    given = asked.given.get("select")
    if not given or given == "*":
        return rows
    wanted = given.split(",") if isinstance(given, str) else list(given.values() if isinstance(given, dict) else given)
    if "*" in wanted:
        return rows
    kept = {asked.entity.key, "_included", *(str(name).strip() for name in wanted)}
    return [{name: value for name, value in row.items() if name in kept} for row in rows]


def _ordered(asked: Asked, teller: Teller, ids: list[int], order: Order) -> list[int]:
    """Put ids, which ascend, into an order; nobody has asked for one: the newest first, pages overlap."""
    if not order and not asked.entity.deaf:
        ids.reverse()
    for name, descending in reversed(order):
        if name != "id" or not asked.entity.numbered:
            ids.sort(key=_value_of(asked, teller, name), reverse=descending)
        else:
            ids.sort(reverse=descending)
    if "drop_order" in asked.faults:
        ids.sort(key=lambda number: number * 7919 % 1009)
    return ids


def _week(table: Table, number: int) -> int:
    return table.modified[bisect_left(table.ids, number)] // _WEEK


def _value_of(asked: Asked, teller: Teller, name: str) -> Callable[[int], Any]:
    table = teller.view.table
    if name == asked.entity.modified:
        return lambda number: table.modified[bisect_left(table.ids, number)]

    def value(number: int) -> tuple[int, Any]:
        have = teller.row(number).get(name)
        if have is None or have == "":
            return 0, 0
        return (1, have) if isinstance(have, int | float) else (2, str(have).casefold())

    return value


def matching(asked: Asked, teller: Teller, tests: list[Condition]) -> Iterable[int]:
    """Return the ids that pass, ascending; ids and the modified stamp need no row."""
    table, modified, numbered = teller.view.table, asked.entity.modified, asked.entity.numbered
    after = max(
        (_whole(value) for name, sign, value in tests if numbered and (name, sign) == ("id", ">")), default=None
    )
    stamps = [(sign, value) for name, sign, value in tests if name == modified]
    others = [each for each in tests if each[0] != modified and not (numbered and (each[0], each[1]) == ("id", ">"))]
    ids = narrowed(asked, table)
    for place in range(0 if after is None else bisect_right(ids, after), len(ids)):
        number = ids[place]
        stamp = table.modified[place if ids is table.ids else bisect_left(table.ids, number)] if stamps else 0
        if not all(compared(sign, stamp, wanted) for sign, wanted in stamps):
            continue
        if others and not _passes(teller.row(number), others):
            continue
        yield number


def _passes(row: Row, tests: list[Condition]) -> bool:
    return all(row.get(name) is not None and holds(sign, row[name], wanted) for name, sign, wanted in tests)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise VibeError(code="INVALID_FILTER") from None


def narrowed(asked: Asked, table: Table) -> Sequence[int]:
    """Return the ids of the parents that were named; without one that is needed there is no list."""
    entity = asked.entity
    wanted = dict(entity.only)
    for name, column in (*entity.needs.items(), *entity.takes.items()):
        value = asked.parameter(name)
        if value is None and name in entity.needs:
            raise VibeError(code=entity.lacking, text=f"Missing: {name}")
        if value is not None and column:
            wanted[column] = value if name in asked.within else entity.words.get(str(value).lower(), str(value).lower())
    if not wanted:
        return table.ids
    ids = _groups(asked, table, tuple(wanted)).ids(tuple(wanted.values()))
    if entity.zero and asked.portal.switches[entity.zero] == "missing":
        ids = [number for number in ids if table.row(number)["id"]]
    return ids if entity.between is None else _between(asked, table, ids, *entity.between)


def _between(asked: Asked, table: Table, ids: list[int], begins: str, ends: str) -> list[int]:
    """Leave what is not over before ``from`` and has begun by ``to``."""
    start, end = asked.parameter("from"), asked.parameter("to")
    if start is None and end is None:
        return ids
    low = float("-inf") if start is None else instant(start)
    high = float("inf") if end is None else instant(end)
    rows = ((number, table.row(number)) for number in ids)
    return [number for number, row in rows if row[ends] >= low and row[begins] <= high]


def _groups(asked: Asked, table: Table, columns: tuple[str, ...]) -> GroupIndex:
    """Return the index of a table by some columns."""
    kept: _Known = asked.portal.kept("vibe indices", lambda _: {})
    known = kept.get((table.name, columns))
    if known is None or known[0] is not table:
        known = kept[table.name, columns] = (table, GroupIndex(table, columns))
    return known[1]


def alone(asked: Asked) -> Row:
    """Return the row with an id; lists may hide it."""
    teller = Teller(asked.portal, asked.entity, asked.kind)
    if not asked.entity.key:
        raise VibeError(code="INVALID_PARAMS")
    if asked.entity.numbered:
        if not str(asked.number).lstrip("-").isdecimal():
            raise VibeError(code="INVALID_PARAMS")
        number = int(asked.number)
        if not teller.view.table.holds(number) or not _is_one(asked, teller.view.table, number):
            raise VibeError(code="ENTITY_NOT_FOUND")
        return teller.row(number)
    rows = map(teller.row, narrowed(asked, teller.view.table))
    found = next((row for row in rows if str(row.get(asked.entity.key)) == str(asked.number)), None)
    if found is None:
        raise VibeError(code="ENTITY_NOT_FOUND")
    return found


def _is_one(asked: Asked, table: Table, number: int) -> bool:
    """Return whether a row is one of this entity where a table holds two kinds."""
    row = table.row(number)
    return all(row.get(name) == value for name, value in asked.entity.only.items() if name == "TYPE")


def _windows(asked: Asked, tests: list[Condition], offset: int) -> dict[str, Any]:
    """Cut a wide range of dates into weeks, unless told not to; weeks that fail are only counted."""
    switch, entity = asked.portal.switches["vibe_search"], asked.entity
    meta: dict[str, Any] = {"truncated": True} if switch == "truncated" else {}
    if asked.mode != "search" or not asked.given.get("autoWindow", entity.windows):
        return meta
    dates = {entity.modified, entity.created} - {""}
    lows = [instant(value) for name, sign, value in tests if name in dates and sign.startswith(">")]
    highs = [instant(value) for name, sign, value in tests if name in dates and sign.startswith("<")]
    low = max(lows, default=float("inf"))  # a range that is open below is none
    span = min(highs, default=asked.portal.now()) - low
    if span <= _WIDE:
        return meta
    if offset:
        raise VibeError(code="UNSTABLE_OFFSET_PAGINATION")
    if switch == "failed":
        raise VibeError(code="WINDOWED_SEARCH_FAILED")
    failed = {"windowErrors": 1} if switch == "window_errors" else {}
    return {**meta, "windowCount": int(span / _WEEK) + 1, **failed}


def cost(asked: Asked, rows: int) -> float:
    """Return the milliseconds a call takes: it is made of pages of fifty."""
    return max(1, -(-rows // USUAL)) * asked.portal.faults.page_ms
