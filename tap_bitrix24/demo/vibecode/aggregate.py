"""``/aggregate`` of the VibeCode API: counts are exact, sums are those of the first 5,000 rows."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.filters import conditions
from tap_bitrix24.demo.vibecode.request import EntityQuery
from tap_bitrix24.demo.vibecode.rows import RowWriter
from tap_bitrix24.demo.vibecode.search import MAX_LIMIT, matching_ids

_FUNCTIONS: Final[dict[str, Callable[[list[float]], float]]] = {"sum": sum, "avg": fmean, "min": min, "max": max}
_GROUPS: Final = 5


def aggregate(query: EntityQuery) -> Row:
    """Return the count of rows, the requested aggregates and groups."""
    wanted = _wanted(query)
    writer = RowWriter(query.portal, query.entity, query.kind)
    ids = list(matching_ids(query, writer, conditions(query, writer)))
    by = _grouped(query)
    loaded = ids[:MAX_LIMIT] if by or any(function != "count" for _, function in wanted) else []
    rows = [writer.row(number) for number in loaded]
    meta = {
        "totalRecords": len(ids), "recordsProcessed": len(rows) or len(ids),
        "truncated": len(loaded) < len(ids) > MAX_LIMIT,
    } if rows else {"totalRecords": len(ids), "recordsProcessed": len(ids), "truncated": False}  # fmt: skip
    result: Row = {"count": len(ids), "aggregates": _aggregates(rows, wanted), "meta": meta}
    return {**result, "groups": _groups(rows, by, wanted)} if by else result


def _wanted(query: EntityQuery) -> list[tuple[str, str]]:
    """Return the requested functions as (field, function); all but count accept some fields only."""
    given = query.parameters.get("aggregate")
    if not isinstance(given, list) or not given:
        raise VibeError(code="INVALID_AGGREGATION_OP")
    wanted = []
    for each in given:
        if not isinstance(each, Mapping):
            raise VibeError(code="INVALID_AGGREGATION_OP")
        function, field = str(each.get("function") or each.get("op")), str(each.get("field") or "*")
        known = field in query.entity.aggregatable or function == "count"
        if function not in {"count", *_FUNCTIONS} or not known:
            text = f"allowed: count, {', '.join(_FUNCTIONS)} of {', '.join(query.entity.aggregatable)}"
            raise VibeError(code="INVALID_PARAMS", text=text)
        wanted.append((field, function))
    return wanted


def _grouped(query: EntityQuery) -> list[str]:
    given = query.parameters.get("groupBy") or []
    by = [given] if isinstance(given, str) else list(given)
    if len(by) > _GROUPS or any(name not in query.entity.aggregatable for name in by):
        raise VibeError(code="INVALID_PARAMS")
    return by


def _aggregates(rows: list[Row], wanted: list[tuple[str, str]]) -> Row:
    result: Row = {}
    for field, function in wanted:
        if function != "count":
            numbers = [float(row[field]) for row in rows if isinstance(row.get(field), int | float)]
            result.setdefault(field, {})[function] = _FUNCTIONS[function](numbers) if numbers else None
    return result


def _groups(rows: list[Row], by: list[str], wanted: list[tuple[str, str]]) -> list[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row.get(name)) for name in by), []).append(row)
    return [
        {**{name: own[0].get(name) for name in by}, "count": len(own), "aggregates": _aggregates(own, wanted)}
        for own in groups.values()
    ]
