"""Lists and searches of the VibeCode API, and what goes wrong with them without a word (vibecode.md §3, §8)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tap_bitrix24.demo.portal import Portal
from tap_bitrix24.demo.vibe.entities import Entity, Row, flags_of
from tap_bitrix24.demo.vibe.errors import VibeError

MOST: Final = 5_000
TROUBLE: Final = 2_500
_INTERNAL: Final = 50
_WIDE: Final = 14 * 86_400
_WEEK: Final = 7 * 86_400
_SIGNS: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$ne": "!=", "$in": "in"}
_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": lambda have, wanted: have > wanted,
    ">=": lambda have, wanted: have >= wanted,
    "<": lambda have, wanted: have < wanted,
    "<=": lambda have, wanted: have <= wanted,
    "!=": lambda have, wanted: have != wanted,
    "=": lambda have, wanted: str(have) == str(wanted),
    "in": lambda have, wanted: have in wanted,
}
Condition = tuple[str, str, Any]


@dataclass
class Asked:
    """One call."""

    portal: Portal
    entity: Entity
    kind: int | None
    given: Mapping[str, Any]
    mode: str
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """Answer what counters call it."""
        return f"{self.entity.name}/{self.mode}"


@dataclass
class Found:
    """Rows, how many there are, and what is told beside them."""

    rows: list[Row]
    total: int
    more: bool
    meta: dict[str, Any] = field(default_factory=dict)


def conditions(asked: Asked) -> list[Condition]:
    """Read the filter in any of its syntaxes; what is not known is refused or lost."""
    given = asked.given.get("filter") or {}
    if not isinstance(given, Mapping):
        raise VibeError(code="INVALID_FILTER")
    found: list[Condition] = []
    for name, value in given.items():
        sign = next((each for each in (">=", "<=", "!=", ">", "<") if str(name).startswith(each)), "")
        field_name = str(name).removeprefix(sign)
        if isinstance(value, Mapping):
            for operator, inner in value.items():
                if operator not in _SIGNS and operator not in _TESTS:
                    raise VibeError(code="INVALID_FILTER_OPERATOR")
                found.append((field_name, _SIGNS.get(str(operator), str(operator)), inner))
        else:
            found.append((field_name, sign or ("in" if isinstance(value, list) else "="), value))
    return _known(asked, found)


def _names(asked: Asked) -> set[str]:
    """Answer the names filters and orders know."""
    view = asked.entity.view(asked.portal, asked.kind)
    return {"id", *(asked.entity.show(view.row(view.table.ids[0]), frozenset()) if len(view.table) else ())}


def _known(asked: Asked, found: list[Condition]) -> list[Condition]:
    names = _names(asked)
    unknown = [name for name, _, _ in found if len(names) > 1 and name not in names]
    if unknown and asked.entity.strict:
        raise VibeError(code="INVALID_FILTER_FIELD", text=f"Unknown filter field: {unknown[0]}")
    unknown += [name for name, _, _ in found if name in asked.entity.blind]
    if "drop_filter" in asked.faults:
        unknown = [name for name, _, _ in found]
    asked.portal.stats.lost(asked.word, unknown)
    return [each for each in found if each[0] not in unknown]


def _number(value: Any, usual: int) -> int:
    try:
        return int(value) if value not in (None, "") else usual
    except (TypeError, ValueError):
        raise VibeError(code="INVALID_PARAMS") from None


def read(asked: Asked) -> Found:
    """Answer a list or a search."""
    limit, offset = min(_number(asked.given.get("limit"), 50), MOST), _number(asked.given.get("offset"), 0)
    if limit < 1 or offset < 0:
        raise VibeError(code="INVALID_PARAMS")
    if offset >= TROUBLE:
        raise VibeError(code="INTERNAL_ERROR")
    tests = conditions(asked)
    meta = _windows(asked, tests, offset)
    view = asked.entity.view(asked.portal, asked.kind)
    ids = list(_matching(asked, tests))
    if meta.get("windowErrors"):
        ids = ids[: len(ids) // 2]
    if _descends(asked) is not False:  # nobody has asked for an order: the newest first, pages overlap
        ids.reverse()
    if "drop_order" in asked.faults:
        ids.sort(key=lambda number: number * 7919 % 1009)
    offset = 0 if "repeat_page" in asked.faults else offset
    page = ids[offset : offset + limit]
    flags = flags_of(asked.entity, asked.portal, asked.kind)
    rows = [asked.entity.show(view.row(number), flags) for number in page]
    if "short_page" in asked.faults:
        rows = rows[: max(0, len(rows) - int(asked.faults["short_page"] or 1))]
    if "missing_id" in asked.faults and rows:
        rows[len(rows) // 2].pop(asked.entity.key, None)
    asked.portal.stats.served(asked.word, f"{view.table.name}", page, counted=False)
    return Found(rows, len(ids), len(page) == limit, meta)


def _descends(asked: Asked) -> bool | None:
    """Answer the direction of an order by id; None where there is none."""
    for told in (asked.given.get("sort"), asked.given.get("order")):
        given = told[0] if isinstance(told, list) and told else told
        if given is not None and not isinstance(given, (str, Mapping)):
            raise VibeError(code="INVALID_SORT_TYPE")
        if isinstance(given, str) and given.lstrip("-").lower() == "id":
            return given.startswith("-")
        if isinstance(given, Mapping):
            for name, way in given.items():
                if str(way).lower() not in {"asc", "desc", "1", "-1"}:
                    raise VibeError(code="INVALID_SORT_DIRECTION")
                if str(name).lower() != "id" and asked.entity.strict and str(name) not in _names(asked):
                    raise VibeError(code="UNKNOWN_SORT_FIELD")
                if str(name).lower() == "id":
                    return str(way).lower() in {"desc", "-1"}
    return None


def _matching(asked: Asked, tests: list[Condition]) -> Iterable[int]:
    """Answer the ids that pass, ascending; ids and the modified stamp need no row."""
    view = asked.entity.view(asked.portal, asked.kind)
    table, modified = view.table, asked.entity.modified
    after = max((int(value) for name, sign, value in tests if (name, sign) == ("id", ">")), default=None)
    stamps = [(sign, _instant(value)) for name, sign, value in tests if name == modified]
    others = [each for each in tests if each[0] != modified and (each[0], each[1]) != ("id", ">")]
    start = 0 if after is None else bisect_right(table.ids, after)
    for place in range(start, len(table.ids)):
        number = table.ids[place]
        if not all(_TESTS[sign](table.modified[place], wanted) for sign, wanted in stamps):
            continue
        if others:
            row = asked.entity.show(view.row(number), frozenset())
            if not all(row.get(name) is not None and _holds(sign, row[name], wanted) for name, sign, wanted in others):
                continue
        yield number


def _holds(sign: str, have: Any, wanted: Any) -> bool:
    """Compare; numbers in a query are text."""
    if isinstance(have, (int, float)) and isinstance(wanted, str):
        try:
            wanted = float(wanted)
        except ValueError:
            raise VibeError(code="INVALID_FILTER") from None
    return _TESTS[sign](have, wanted)


def _instant(value: Any) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        raise VibeError(code="INVALID_FILTER") from None


def _windows(asked: Asked, tests: list[Condition], offset: int) -> dict[str, Any]:
    """Cut a wide range of dates into weeks, unless told not to; weeks that fail are only counted."""
    switch = asked.portal.switches["vibe_search"]
    meta: dict[str, Any] = {"truncated": True} if switch == "truncated" else {}
    lows = [_instant(value) for name, sign, value in tests if name == asked.entity.modified and sign.startswith(">")]
    wide = bool(lows) and asked.portal.now() - min(lows) > _WIDE
    if asked.mode != "search" or asked.given.get("autoWindow") is False:
        return meta
    if wide and offset:
        raise VibeError(code="UNSTABLE_OFFSET_PAGINATION")
    weeks = int((asked.portal.now() - min(lows)) / _WEEK) + 1 if wide else 0
    failed = {"windowErrors": 1} if switch == "window_errors" else {}
    return {**meta, "windowCount": weeks, **failed} if weeks > 1 else meta


def cost(asked: Asked, rows: int) -> float:
    """Answer the milliseconds a call takes: it is made of pages of fifty."""
    return max(1, -(-rows // _INTERNAL)) * asked.portal.faults.page_ms
