"""The control endpoints (`/_demo/`): faults, mutations, clock, counters, truth. JSON, no authorization."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import parse_qs

from tap_bitrix24.demo.company.clock import parse_instant
from tap_bitrix24.demo.portal.messages import Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.portal.switches import checked_switches
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.rest_v2.lists import registry
from tap_bitrix24.demo.rest_v3.rows import table as rest_v3_table
from tap_bitrix24.demo.site.endpoint import rows as site_rows

_WIRE_FORMS: Final = {
    "categories": "plain",
    "currencies": "currencies",
    "departments": "departments",
    "statuses": "statuses",
    "tasks": "tasks",
    "types": "types",
    "users": "users",
}
_DELAYS: Final = ("latency_ms", "page_ms", "count_ms", "operating_ms")


def _wire_form(table: str) -> str:
    """Return the wire form in which ``/_demo/truth`` shows a table."""
    if table.startswith("stage_history_"):
        return "history"
    if table.startswith("smart_"):
        return "universal"
    if table in registry.sources():
        return f"list {table}"
    return _WIRE_FORMS.get(table, "classic")


def answer(portal: Portal, verb: str, path: str, query: str, body: bytes) -> Reply:
    """Return the reply to a control request; a mistake gives HTTP 400 with a message."""
    name = path.strip("/").removeprefix("_demo/")
    try:
        given: dict[str, Any] = json.loads(body) if body else {}
        if name == "truth":
            return _truth(portal, parse_qs(query).get("table", [""])[0])
        action = _ACTIONS.get(name)
        if action is None:
            return _reply({"error": f"unknown control {name!r}"}, 404)
        return _reply(action(portal, given if verb == "POST" else None))
    except (ValueError, KeyError, TypeError) as problem:
        return _reply({"error": f"{type(problem).__name__}: {problem}"}, 400)


def _reply(value: Any, status: int = 200) -> Reply:
    """Return a JSON reply."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode())


def _faults(portal: Portal, given: dict[str, Any] | None) -> dict[str, Any]:
    """Set faults, delays, operating cost and switches; returns the active ones."""
    faults = portal.faults
    if given is not None:
        if given.get("clear"):
            faults.rules.clear()
            for name in _DELAYS:
                setattr(faults, name, 0)
        for rule in given.get("rules", ()):
            faults.add(rule)
        for name in _DELAYS:
            if name in given:
                setattr(faults, name, float(given[name]))
        portal.switch(checked_switches(given.get("switches", {})))
    costs = {name: getattr(faults, name) for name in _DELAYS}
    return {"rules": [rule.shown() for rule in faults.rules], "switches": portal.switches, **costs}


def _mutate(portal: Portal, given: dict[str, Any] | None) -> dict[str, Any]:
    """Change data now, or register changes that happen while clients read; returns the ids."""
    with portal.lock:
        return portal.mutations.apply(given or {})


def _clock(portal: Portal, given: dict[str, Any] | None) -> dict[str, Any]:
    """Set or advance the clock; returns its time."""
    if given and "now" in given:
        portal.clock.set(parse_instant(given["now"]))
    if given and "advance" in given:
        portal.clock.advance(float(given["advance"]))
    return {"now": portal.clock.iso()}


def _stats(portal: Portal, given: dict[str, Any] | None) -> dict[str, Any]:
    """Return the counters; a reset returns those before it."""
    shown = portal.stats.shown()
    if given and given.get("reset"):
        portal.stats = portal.stats.fresh()
    return shown


def _truth(portal: Portal, table: str) -> Reply:
    """Return all rows of a table in wire form, one per line, or the number of rows of every table."""
    with portal.lock:
        tables = portal.company.tables
        histories = [name for name in tables if name.startswith("stage_history_")]
        if not table:
            counts = {name: len(one) for name, one in tables.items()}
            return _reply(counts | {"stage_history": sum(counts[name] for name in histories)})
        interface, colon, name = table.partition(":")
        if colon:
            rows = {"v3": rest_v3_table, "site": site_rows}[interface](portal, name)
            shown = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
            return Reply(200, shown.encode(), "application/x-ndjson")
        if table == "stage_history":
            lines: list[bytes] = [line for name in histories for line in _history_lines(portal, name)]
        else:
            lines = list(_lines(portal, table))
    return Reply(200, b"".join(line + b"\n" for line in lines), "application/x-ndjson")


def _lines(portal: Portal, table: str) -> Iterator[bytes]:
    """Yield the rows of one table as JSON, ids ascending."""
    view = classic_rest(portal).view(_wire_form(table), table)
    yield from view.fragments(view.table.ids, None)


def _history_lines(portal: Portal, table: str) -> Iterator[bytes]:
    """Yield the rows of one stage history with their entity type: ids are unique only within it."""
    view = classic_rest(portal).view("history", table)
    kind = int(table.rpartition("_")[2])
    for number in view.table.ids:
        yield php.encode_row({"entityTypeId": kind, **view.row(number)})


_ACTIONS: Final[dict[str, Callable[[Portal, dict[str, Any] | None], dict[str, Any]]]] = {
    "faults": _faults,
    "mutate": _mutate,
    "clock": _clock,
    "stats": _stats,
}
