"""Documented answers from a folder (``--samples``): their rows, sorted, filtered and paged by key."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tap_bitrix24.demo.company.store import WHOLE_ROW
from tap_bitrix24.demo.rest_v2 import paging, php
from tap_bitrix24.demo.rest_v2.calls import Answer, Call, Method, paged
from tap_bitrix24.demo.rest_v2.filters import RANGES
from tap_bitrix24.demo.rest_v2.filters_strict import split
from tap_bitrix24.demo.rest_v2.lists import pages, registry
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.methods import read
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.views import Rows

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
_SCOPES: Final = {"tasks": "task", "task": "task", "voximplant": "telephony"}


@dataclass(frozen=True)
class Sample:
    """One method's documented rows.

    ``path`` leads to the list within ``result``, whose other keys are those of ``frame``. ``key`` is the id's name
    (None: no order by id); ``keyed``: rows are the values of an object with that key. ``entry`` is the method's
    declaration, if it has one.
    """

    method: str
    rows: tuple[Row, ...]
    path: tuple[str, ...]
    frame: Any
    key: str | None
    keyed: bool
    counted: bool
    entry: Entry | None

    def framed(self, rows: Any) -> Any:
        """Return a result with ``rows`` where the documented answer has its rows."""
        frames = [self.frame]
        for step in self.path[:-1]:
            frames.append(frames[-1][step])
        for step, frame in zip(reversed(self.path), reversed(frames), strict=False):
            rows = {name: Raw(value) for name, value in frame.items()} | {step: rows}
        return rows


def methods(folder: Path, generated: Mapping[str, Method], scopes: Sequence[str]) -> dict[str, Method]:
    """Return the methods that the folder documents, by lower-case name.

    Documented lists and field lists replace generated ones; methods about the portal itself stay.
    """
    declared = {name.lower(): entry for name, entry in registry.entries().items()}
    found = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        name = document["method"]
        known, entry = generated.get(name.lower()), declared.get(name.lower())
        handler = _handler(name, _bodies(document), entry, written_by_hand=known is not None and entry is None)
        if handler is None:
            continue
        segment = name.partition(".")[0]
        scope = known.scope if known else _SCOPES.get(segment, segment if segment in scopes else None)
        found[name.lower()] = Method(known.name if known else name, scope, handler, typed=False)
    return found


def _bodies(document: Mapping[str, Any]) -> list[Row]:
    """Return the bodies of the documented answers, without errors and those of REST 3.0."""
    answers = (one for one in document["responses"] if not one.get("v3") and one.get("status") in (200, None))
    return [one["body"] for one in answers if isinstance(one["body"], dict) and "result" in one["body"]]


def _handler(
    name: str, bodies: list[Row], entry: Entry | None, *, written_by_hand: bool
) -> Callable[[Call], Answer] | None:
    """Return the handler of a documented method (its rows, or its one answer unchanged), or None."""
    if not bodies:
        return None
    described = "fields" in name.lower()
    sample = None if described else _sample(name, bodies, entry, counted=written_by_hand or "total" in bodies[0])
    if sample is not None:
        return lambda call: _listed(call, sample)
    if written_by_hand and not described:
        return None
    raw, total = Raw(bodies[0]["result"]), bodies[0].get("total")
    return lambda _: Answer(raw, total=None if described else total)


class Raw(php.Encoded):
    """A documented answer that is sent unchanged, empty objects included."""

    def __init__(self, value: Any) -> None:
        """Encode the value once."""
        self._text = json.dumps(value).encode()

    def encoded(self) -> tuple[bytes]:
        """Return the JSON text."""
        return (self._text,)


def _sample(name: str, bodies: list[Row], entry: Entry | None, *, counted: bool) -> Sample | None:
    """Return the rows of all answers that have the form of the first one, or None if they hold no rows."""
    results = [body["result"] for body in bodies]
    path = _path(name, results[0], entry)
    lists = [_at(result, path) for result in results]
    keyed = _keyed(lists[0])
    if keyed:
        lists = [list(one.values()) for one in lists if _keyed(one)]
    rows = [row for listed in lists if isinstance(listed, list) for row in listed]
    if not all(isinstance(row, dict) for row in rows) or not isinstance(lists[0], list):
        return None
    named = (entry.key, *_KEYS) if entry else _KEYS
    key = next((one for one in named if rows and one in rows[0]), None)
    kept = tuple(row for row in rows if key is None or key in row)
    return Sample(name, kept, path, results[0], key, keyed, counted, entry)


def _keyed(value: Any) -> bool:
    """Return whether rows are the values of an object keyed by their ids."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            isinstance(row, dict) and name in {str(row.get("ID")), str(row.get("id"))} for name, row in value.items()
        )
    )


def _path(name: str, result: Any, entry: Entry | None) -> tuple[str, ...]:
    """Return the path to the rows: the known one of the method, or that of the first list of objects."""
    known = _WRAPPERS.get(name) or (entry.wrapper if entry else "")
    if known:
        return tuple(known.split("."))
    if not isinstance(result, dict) or _keyed(result):
        return ()
    if len(result) == 1 and _keyed(next(iter(result.values()))):
        return (str(next(iter(result))),)
    lists = [str(key) for key, value in result.items() if isinstance(value, list)]
    filled = [key for key in lists if result[key] and all(isinstance(row, dict) for row in result[key])]
    # One list among other keys is a field of a single object, unless the method is declared as a list.
    if len(result) > 1 and (entry is None or entry.shape != "list") and len(filled) != 1:
        return ()
    chosen = filled or (lists if len(result) == 1 else [])
    return (chosen[0],) if chosen and not _one_object(result) else ()


def _one_object(result: Row) -> bool:
    """Return whether a result is a single row: it has an id."""
    return any(key in result and not isinstance(result[key], list) for key in ("ID", "id"))


def _at(result: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, or None."""
    for step in path:
        result = result.get(step) if isinstance(result, dict) else None
    return result


def _listed(call: Call, sample: Sample) -> Answer:
    """Return a page of documented rows."""
    request = read(sample.entry, call)
    rows = list(sample.rows)
    if sample.method == "crm.category.list":
        rows = [row for row in rows if str(row["entityTypeId"]) == str(call.params.get("entityTypeId"))]
    rows = _filtered(_ordered(rows, sample, request), sample, request)
    page = _page(sample, request, call, rows)
    by_id = {_id(row, sample, place): row for place, row in enumerate(rows)}
    shown = Rows([json.dumps(by_id[number]).encode() for number in page.ids], list(page.ids), sample.method)
    listed: Any = shown
    if sample.keyed:
        listed = {php.key(str(by_id[number][str(sample.key)])): Raw(by_id[number]) for number in page.ids}
    return paged(sample.framed(listed) if sample.path else listed, shown, page)


def _page(sample: Sample, request: ListRequest, call: Call, rows: list[Row]) -> paging.Page:
    """Return the page by the method's declared paging, or by the form of its answer."""
    ids = [_id(row, sample, place) for place, row in enumerate(rows)]

    def find(_: int) -> list[int]:
        return ids

    if sample.entry is not None:
        return pages.paged(sample.entry, request, find)
    if sample.method in _UNPAGED or not (sample.counted or sample.path):
        return paging.Page(ids, len(ids) if sample.counted or sample.method in _UNPAGED else None, None, counted=False)
    if sample.path:
        return paging.controller(find, call.start, outer_start=call.outer_start)
    if sample.method == "user.get":
        return paging.offset(find, call.start, can_skip_count=True)
    return paging.legacy(find, call.start)


def _id(row: Row, sample: Sample, place: int) -> int:
    """Return the number a row is paged by: its own id where cursors need it, else its place."""
    if sample.entry is not None and sample.entry.paging == "first_id":
        return php.intval(str(row.get(str(sample.key))))
    return place


def _order(row: Row, key: str | None) -> tuple[int, str]:
    """Return the sort key of a row: numbers before text."""
    value = str(row.get(key or ""))
    return (php.intval(value), "" if value.isdigit() else value)


def _ordered(rows: list[Row], sample: Sample, request: ListRequest) -> list[Row]:
    """Return rows sorted by the key if the order names it or a cursor needs it; else as documented."""
    order = request.spelled("order")
    if sample.entry is not None and sample.entry.paging == "first_id":
        return sorted(rows, key=lambda row: _order(row, sample.key))
    for name, direction in order.items() if isinstance(order, dict) else ():
        if sample.key and str(name).lower() == sample.key.lower():
            return sorted(
                rows, key=lambda row: _order(row, sample.key), reverse=str(direction).upper().startswith("DESC")
            )
    return sorted(rows, key=lambda row: _order(row, sample.key)) if isinstance(order, str) else rows


def _filtered(rows: list[Row], sample: Sample, request: ListRequest) -> list[Row]:
    """Return the rows that pass conditions on the key and cursors; other conditions are ignored."""
    if sample.entry is not None and sample.entry.extra_conditions is not None:
        cursors = [one for one in sample.entry.extra_conditions(request) if one.name == WHOLE_ROW]
        rows = [row for row in rows if all(one.accepts(row) for one in cursors)]
    given = request.spelled("filter")
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
