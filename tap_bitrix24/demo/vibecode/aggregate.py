"""``/aggregate`` of the VibeCode API: counts are exact, sums are those of five thousand rows."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.filters import conditions
from tap_bitrix24.demo.vibecode.request import Asked
from tap_bitrix24.demo.vibecode.rows import Teller
from tap_bitrix24.demo.vibecode.search import MOST, matching

_FUNCTIONS: Final[dict[str, Callable[[list[float]], float]]] = {"sum": sum, "avg": fmean, "min": min, "max": max}
_GROUPS: Final = 5


def aggregated(asked: Asked) -> Row:
    """Return a count, and what else was asked for."""
    wanted = _wanted(asked)
    teller = Teller(asked.portal, asked.entity, asked.kind)
    ids = list(matching(asked, teller, conditions(asked, teller)))
    by = _grouped(asked)
    loaded = ids[:MOST] if by or any(function != "count" for _, function in wanted) else []
    rows = [teller.row(number) for number in loaded]
    meta = {
        "totalRecords": len(ids), "recordsProcessed": len(rows) or len(ids), "truncated": len(loaded) < len(ids) > MOST,
    } if rows else {"totalRecords": len(ids), "recordsProcessed": len(ids), "truncated": False}  # fmt: skip
    told: Row = {"count": len(ids), "aggregates": _told(rows, wanted), "meta": meta}
    return {**told, "groups": _groups(rows, by, wanted)} if by else told


def _wanted(asked: Asked) -> list[tuple[str, str]]:
    """Read what is to be computed; the functions of numbers know some fields only."""
    given = asked.given.get("aggregate")
    if not isinstance(given, list) or not given:
        raise VibeError(code="INVALID_AGGREGATION_OP")
    wanted = []
    for each in given:
        if not isinstance(each, Mapping):
            raise VibeError(code="INVALID_AGGREGATION_OP")
        function, field = str(each.get("function") or each.get("op")), str(each.get("field") or "*")
        known = field in asked.entity.aggregatable or function == "count"
        if function not in {"count", *_FUNCTIONS} or not known:
            text = f"allowed: count, {', '.join(_FUNCTIONS)} of {', '.join(asked.entity.aggregatable)}"
            raise VibeError(code="INVALID_PARAMS", text=text)
        wanted.append((field, function))
    return wanted


def _grouped(asked: Asked) -> list[str]:
    given = asked.given.get("groupBy") or []
    by = [given] if isinstance(given, str) else list(given)
    if len(by) > _GROUPS or any(name not in asked.entity.aggregatable for name in by):
        raise VibeError(code="INVALID_PARAMS")
    return by


def _told(rows: list[Row], wanted: list[tuple[str, str]]) -> Row:
    told: Row = {}
    for field, function in wanted:
        if function != "count":
            numbers = [float(row[field]) for row in rows if isinstance(row.get(field), int | float)]
            told.setdefault(field, {})[function] = _FUNCTIONS[function](numbers) if numbers else None
    return told


def _groups(rows: list[Row], by: list[str], wanted: list[tuple[str, str]]) -> list[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row.get(name)) for name in by), []).append(row)
    return [
        {**{name: own[0].get(name) for name in by}, "count": len(own), "aggregates": _told(own, wanted)}
        for own in groups.values()
    ]
