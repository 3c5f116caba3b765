"""Documented answers, served where a folder of them is given: rows as they are, sorted, filtered and paged by key."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tap_bitrix24.demo import paging, php
from tap_bitrix24.demo.calls import Answer, Call, Method, paged
from tap_bitrix24.demo.filters import RANGES
from tap_bitrix24.demo.filters_strict import split
from tap_bitrix24.demo.views import Rows

Row = dict[str, Any]

_WRAPPERS: Final = {
    "crm.item.list": "items",
    "crm.stagehistory.list": "items",
    "crm.type.list": "types",
    "crm.category.list": "categories",
    "tasks.task.list": "tasks",
}
_UNPAGED: Final = frozenset(("crm.status.list", "crm.currency.list", "crm.category.list"))
_KEYS: Final = ("ID", "id", "CURRENCY")
_SCOPES: Final = {"tasks": "task", "task": "task"}


@dataclass(frozen=True)
class Sample:
    """One method's documented rows. ``wrapper`` None: ``result`` is the list itself; ``key`` None: no order by id."""

    method: str
    rows: tuple[Row, ...]
    wrapper: str | None
    key: str | None


def methods(folder: Path, generated: Mapping[str, Method], scopes: Sequence[str]) -> dict[str, Method]:
    """Answer the methods that the folder documents, by lower-case name.

    Lists and field lists replace what the portal would generate; what it knows about itself it keeps telling.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        name = document["method"]
        known = generated.get(name.lower())
        results = _results(document)
        handler = _handler(name, results, known=known is not None)
        if handler is None:
            continue
        segment = name.partition(".")[0]
        scope = known.scope if known else _SCOPES.get(segment, segment if segment in scopes else None)
        found[name.lower()] = Method(known.name if known else name, scope, handler, typed=False)
    return found


def _results(document: Mapping[str, Any]) -> list[Any]:
    """Answer the documented results; REST 3.0 and failed ones are not for this portal."""
    answers = (one for one in document["responses"] if not one.get("v3") and one.get("status") in (200, None))
    return [one["body"]["result"] for one in answers if isinstance(one["body"], dict) and "result" in one["body"]]


def _handler(name: str, results: list[Any], *, known: bool) -> Callable[[Call], Answer] | None:
    """Choose how a method is answered: its rows, its one answer as it is, or not from samples at all."""
    if not results:
        return None
    sample = _sample(name, results)
    if sample is not None:
        return lambda call: _listed(call, sample)
    if known and "fields" not in name.lower():
        return None
    raw = Raw(results[0])
    return lambda _: Answer(raw)


class Raw(php.Encoded):
    """A documented answer that is sent as it stands, empty objects included."""

    def __init__(self, value: Any) -> None:
        """Write it once."""
        self._text = json.dumps(value).encode()

    def encoded(self) -> bytes:
        """Answer the JSON text."""
        return self._text


def _sample(name: str, results: list[Any]) -> Sample | None:
    """Gather the rows of all answers that have the method's own form."""
    if "fields" in name.lower():
        return None
    wrapper = _WRAPPERS.get(name) or _wrapper(results[0])
    lists = [result.get(wrapper) if wrapper and isinstance(result, dict) else result for result in results]
    rows = [row for listed in lists if isinstance(listed, list) for row in listed]
    if not all(isinstance(row, dict) for row in rows) or not any(isinstance(listed, list) for listed in lists):
        return None
    key = next((one for one in _KEYS if rows and one in rows[0]), None)
    return Sample(name, tuple(row for row in rows if key is None or key in row), wrapper, key)


def _wrapper(result: Any) -> str | None:
    """Answer the one key of a result that wraps a list."""
    if isinstance(result, dict) and len(result) == 1:
        name, value = next(iter(result.items()))
        return str(name) if isinstance(value, list) else None
    return None


def _listed(call: Call, sample: Sample) -> Answer:
    """Answer a page of documented rows."""
    rows = list(sample.rows)
    if sample.method == "crm.category.list":
        rows = [row for row in rows if str(row["entityTypeId"]) == str(call.params.get("entityTypeId"))]
    rows = _filtered(_ordered(rows, sample, call.spelled("order")), sample, call)
    places = range(len(rows))
    if sample.method in _UNPAGED:
        page = paging.Page(places, len(rows), None, counted=False)
    elif sample.wrapper:
        page = paging.controller(lambda _: places, call.start, outer_start=call.outer_start)
    elif sample.method == "user.get":
        page = paging.offset(lambda _: places, call.start, knows_no_count=True)
    else:
        page = paging.legacy(lambda _: places, call.start)
    texts = [json.dumps(rows[place]).encode() for place in page.ids]
    shown = Rows(texts, list(page.ids), sample.method)
    return paged({sample.wrapper: shown} if sample.wrapper else shown, shown, page)


def _order(row: Row, key: str | None) -> tuple[int, str]:
    """Answer what a row sorts by: numbers before text."""
    value = str(row.get(key or ""))
    return (php.intval(value), "" if value.isdigit() else value)


def _ordered(rows: list[Row], sample: Sample, order: Any) -> list[Row]:
    """Sort by the key if that is what the order asks for; otherwise the rows stay as documented."""
    for name, direction in order.items() if isinstance(order, dict) else ():
        if sample.key and str(name).lower() == sample.key.lower():
            return sorted(
                rows, key=lambda row: _order(row, sample.key), reverse=str(direction).upper().startswith("DESC")
            )
    return sorted(rows, key=lambda row: _order(row, sample.key)) if isinstance(order, str) else rows


def _filtered(rows: list[Row], sample: Sample, call: Call) -> list[Row]:
    """Filter by the key; other conditions are beyond a handful of documented rows."""
    given = call.spelled("filter")
    for name, value in given.items() if isinstance(given, dict) and sample.key else ():
        op, rest = split(str(name))
        if rest.lower() != str(sample.key).lower():
            continue
        if op in RANGES:
            compare, bound = RANGES[op], php.intval(value)
            rows = [row for row in rows if compare(php.intval(row[str(sample.key)]), bound)]
        else:
            wanted = {str(one) for one in (value.values() if isinstance(value, dict) else [value])}
            rows = [row for row in rows if str(row[str(sample.key)]) in wanted]
    return rows
