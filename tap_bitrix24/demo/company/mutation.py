"""Changes to the company while it is being read: rows, user fields and smart processes come, change and go."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

from tap_bitrix24.demo.company.clock import Clock
from tap_bitrix24.demo.company.company import Company
from tap_bitrix24.demo.company.fields import Field, user_field
from tap_bitrix24.demo.company.store import Row, Table
from tap_bitrix24.demo.company.timestamps import DAY, SERVER_ZONE, parse_time
from tap_bitrix24.demo.company.user_fields import MAKERS


@dataclass
class Live:
    """A change that repeats itself: every so many requests, or commands of a batch."""

    change: dict[str, Any]
    every: int
    times: int | None
    between_commands: bool
    seen: int = 0
    fired: int = 0

    def due(self) -> bool:
        """Count a request or command and tell whether it is time."""
        if self.times is not None and self.fired >= self.times:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.fired += 1
        return True


@dataclass
class Mutations:
    """All changes to one company; the portal's lock is held by whoever calls."""

    company: Company
    clock: Clock
    live: list[Live] = field(default_factory=list)
    _dice: random.Random = field(default_factory=lambda: random.Random(7))

    def apply(self, given: dict[str, Any]) -> dict[str, Any]:
        """Do what a control request asks for, or note it down for later; answers the ids."""
        if given.get("clear"):
            self.live.clear()
        if "every_requests" in given or given.get("between_commands"):
            every = int(given.get("every_requests", 1))
            live = Live(given, every, given.get("times"), bool(given.get("between_commands")))
            self.live.append(live)
            return {"live": len(self.live)}
        if given.get("add_smart_process"):
            return {"entityTypeId": self.company.add_smart_process()}
        for name, act in (("add_field", _add), ("change_field", _change), ("remove_field", _remove)):
            if name in given:
                described = given[name]
                act(self.company.tables[described["table"]], described)
                return {"table": described["table"], "field": described["name"]}
        return self._change(given) if "table" in given else {}

    def request_done(self) -> None:
        """Let live changes happen after a request."""
        self._fire(between_commands=False)

    def command_done(self) -> None:
        """Let live changes happen between two commands."""
        self._fire(between_commands=True)

    def _fire(self, *, between_commands: bool) -> None:
        """Do the live changes that are due."""
        for live in self.live:
            if live.between_commands is between_commands and live.due():
                self._change(live.change)

    def _change(self, given: dict[str, Any]) -> dict[str, Any]:
        """Insert, update and delete rows of one table, or set fields of one row."""
        table, now = self.company.tables[given["table"]], int(self.clock.now())
        done: dict[str, Any] = {"table": table.name}
        if "set" in given:
            number = int(given["set"]["id"])
            table.update(number, _plain(table, given["set"]["fields"]), now)
            return done | {"updated": [number]}
        done["inserted"] = [table.insert(now) for _ in range(int(given.get("insert", 0)))]
        for number in done["inserted"]:
            if "fields" in given:
                table.patch(number, _plain(table, given["fields"]))
        done["updated"] = self._some(table, int(given.get("update", 0)))
        for number in done["updated"]:
            table.update(number, self._edit(table, number), now)
        done["deleted"] = self._some(table, int(given.get("delete", 0))) + _named(table, given)
        for number in done["deleted"]:
            table.delete(number)
        return done

    def _some(self, table: Table, count: int) -> list[int]:
        """Choose some rows."""
        places = self._dice.sample(range(len(table)), min(count, len(table)))
        return [table.ids[place] for place in sorted(places)]

    def _edit(self, table: Table, number: int) -> Row:
        """Make a change that can be seen: a new text in the first text field."""
        name = next((one for one in ("TITLE", "NAME", "SUBJECT") if one in table.fields), None)
        if name is None:
            return {}
        text = str(table.row(number).get(name) or "").partition(" (edited")[0]
        return {name: f"{text} (edited {int(self.clock.now())})"}


def _add(table: Table, given: dict[str, Any]) -> None:
    """Add a user field; its values come from the same makers as those of the others."""
    if given["name"] in table.fields:
        message = f"{table.name} has the field {given['name']} already"
        raise ValueError(message)
    fresh = user_field(given["name"], "string", "Added later")
    table.put_field(replace(fresh, **_described(given)))


def _change(table: Table, given: dict[str, Any]) -> None:
    """Make a user field one of another type or label, or a multiple one, as if it had always been that."""
    table.put_field(replace(_known(table, given["name"]), **_described(given)))


def _remove(table: Table, given: dict[str, Any]) -> None:
    """Take a user field away: neither rows nor descriptions show it any more."""
    table.remove_field(_known(table, given["name"]).name)


def _known(table: Table, name: str) -> Field:
    """Answer a user field that is there."""
    described = table.fields[name]
    if not described.user_field:
        message = f"{name} is no user field"
        raise ValueError(message)
    return described


def _described(given: dict[str, Any]) -> dict[str, Any]:
    """Read what a request says of a field: type, label, multiple, and options as pairs of id and text."""
    told: dict[str, Any] = {}
    if "type" in given:
        if given["type"] not in MAKERS and given["type"] != "enumeration":
            message = f"unknown field type {given['type']!r}"
            raise ValueError(message)
        told["type"] = given["type"]
    if "label" in given:
        told["title"] = given["label"]
    if "multiple" in given:
        told["multiple"] = bool(given["multiple"])
    if "type" in given or "options" in given:
        told["options"] = tuple((int(number), str(text)) for number, text in given.get("options", ()))
    return told


def _named(table: Table, given: dict[str, Any]) -> list[int]:
    """Answer the rows to delete that were named: by id, or by the values they have (``delete_where``)."""
    found = [int(number) for number in given.get("delete_ids", ()) if table.holds(int(number))]
    where = _plain(table, given.get("delete_where", {}))
    if where:
        found += [n for n in table.ids if all(str(table.row(n).get(k)) == str(v) for k, v in where.items())]
    return found


def _plain(table: Table, given: dict[str, Any]) -> Row:
    """Turn JSON values into those of a row: date text becomes an instant or a day."""
    by_item = {one.item: one for one in table.fields.values()}
    row: Row = {}
    for name, value in given.items():
        described = table.fields.get(name) or by_item.get(name)
        row[described.name if described else name] = _value(described.type if described else "", value)
    return row


def _value(kind: str, value: Any) -> Any:
    """Turn date text into what rows hold."""
    if kind not in {"date", "datetime"} or not isinstance(value, str):
        return value
    moment = parse_time(value, SERVER_ZONE)
    return moment // DAY if kind == "date" and moment is not None else moment
