"""Changes to the company while clients read it: rows, user fields and smart processes are added, changed, removed."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

from tap_bitrix24.demo.company.clock import Clock
from tap_bitrix24.demo.company.company import Company
from tap_bitrix24.demo.company.fields import Field, user_field
from tap_bitrix24.demo.company.store import Row, Table
from tap_bitrix24.demo.company.timestamps import DAY, parse_time, server_zone
from tap_bitrix24.demo.company.user_fields import VALUE_FUNCTIONS


@dataclass
class RepeatedChange:
    """A change that is applied every ``every`` requests, or commands of a batch, ``times`` times at most."""

    request: dict[str, Any]
    every: int
    times: int | None
    between_commands: bool
    seen: int = 0
    fired: int = 0

    def due(self) -> bool:
        """Count a request or command; True if the change is to be applied now."""
        if self.times is not None and self.fired >= self.times:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.fired += 1
        return True


@dataclass
class Mutations:
    """All changes to one company; callers hold the portal's lock."""

    company: Company
    clock: Clock
    repeated: list[RepeatedChange] = field(default_factory=list)
    _rng: random.Random = field(default_factory=lambda: random.Random(7))

    def apply(self, given: dict[str, Any]) -> dict[str, Any]:
        """Apply a control request now, or register it as a repeated change; returns the ids of the changed rows."""
        if given.get("clear"):
            self.repeated.clear()
        if "every_requests" in given or given.get("between_commands"):
            every = int(given.get("every_requests", 1))
            change = RepeatedChange(given, every, given.get("times"), bool(given.get("between_commands")))
            self.repeated.append(change)
            return {"live": len(self.repeated)}
        if given.get("add_smart_process"):
            return {"entityTypeId": self.company.add_smart_process()}
        for name, act in (("add_field", _add), ("change_field", _change), ("remove_field", _remove)):
            if name in given:
                described = given[name]
                act(self.company.tables[described["table"]], described)
                return {"table": described["table"], "field": described["name"]}
        return self._change(given) if "table" in given else {}

    def request_done(self) -> None:
        """Apply the repeated changes that follow a request."""
        self._fire(between_commands=False)

    def command_done(self) -> None:
        """Apply the repeated changes that come between two commands of a batch."""
        self._fire(between_commands=True)

    def _fire(self, *, between_commands: bool) -> None:
        """Apply the repeated changes whose turn it is."""
        for change in self.repeated:
            if change.between_commands is between_commands and change.due():
                self._change(change.request)

    def _change(self, given: dict[str, Any]) -> dict[str, Any]:
        """Insert, update and delete rows of one table, or set fields of one row."""
        table, now = self.company.tables[given["table"]], int(self.clock.now())
        done: dict[str, Any] = {"table": table.name}
        if "set" in given:
            number = int(given["set"]["id"])
            table.update(number, _row_values(table, given["set"]["fields"]), now)
            return done | {"updated": [number]}
        done["inserted"] = [table.insert(now) for _ in range(int(given.get("insert", 0)))]
        for number in done["inserted"]:
            if "fields" in given:
                table.patch(number, _row_values(table, given["fields"]))
        done["updated"] = self._some(table, int(given.get("update", 0)))
        for number in done["updated"]:
            table.update(number, self._edit(table, number), now)
        done["deleted"] = self._some(table, int(given.get("delete", 0))) + _rows_to_delete(table, given)
        for number in done["deleted"]:
            table.delete(number)
        return done

    def _some(self, table: Table, count: int) -> list[int]:
        """Return the ids of ``count`` random rows."""
        places = self._rng.sample(range(len(table)), min(count, len(table)))
        return [table.ids[place] for place in sorted(places)]

    def _edit(self, table: Table, number: int) -> Row:
        """Return a visible change: new text for TITLE, NAME or SUBJECT."""
        name = next((one for one in ("TITLE", "NAME", "SUBJECT") if one in table.fields), None)
        if name is None:
            return {}
        text = str(table.row(number).get(name) or "").partition(" (edited")[0]
        return {name: f"{text} (edited {int(self.clock.now())})"}


def _add(table: Table, given: dict[str, Any]) -> None:
    """Add a user field; its values are computed like those of all others."""
    if given["name"] in table.fields:
        message = f"{table.name} has the field {given['name']} already"
        raise ValueError(message)
    fresh = user_field(given["name"], "string", "Added later")
    table.put_field(replace(fresh, **_field_facts(given)))


def _change(table: Table, given: dict[str, Any]) -> None:
    """Replace a user field by one of another type, label or multiplicity, as if it had always been so."""
    table.put_field(replace(_existing_user_field(table, given["name"]), **_field_facts(given)))


def _remove(table: Table, given: dict[str, Any]) -> None:
    """Remove a user field from rows and field lists."""
    table.remove_field(_existing_user_field(table, given["name"]).name)


def _existing_user_field(table: Table, name: str) -> Field:
    """Return an existing user field, or raise ValueError."""
    described = table.fields[name]
    if not described.user_field:
        message = f"{name} is no user field"
        raise ValueError(message)
    return described


def _field_facts(given: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a field that a request gives: type, label, multiple, options as pairs of id and text."""
    facts: dict[str, Any] = {}
    if "type" in given:
        if given["type"] not in VALUE_FUNCTIONS and given["type"] != "enumeration":
            message = f"unknown field type {given['type']!r}"
            raise ValueError(message)
        facts["type"] = given["type"]
    if "label" in given:
        facts["title"] = given["label"]
    if "multiple" in given:
        facts["multiple"] = bool(given["multiple"])
    if "type" in given or "options" in given:
        facts["options"] = tuple((int(number), str(text)) for number, text in given.get("options", ()))
    return facts


def _rows_to_delete(table: Table, given: dict[str, Any]) -> list[int]:
    """Return the ids of rows to delete: those of ``delete_ids``, and rows with the values of ``delete_where``."""
    found = [int(number) for number in given.get("delete_ids", ()) if table.holds(int(number))]
    where = _row_values(table, given.get("delete_where", {}))
    if where:
        found += [n for n in table.ids if all(str(table.row(n).get(k)) == str(v) for k, v in where.items())]
    return found


def _row_values(table: Table, given: dict[str, Any]) -> Row:
    """Return JSON values as a row holds them: date text becomes an instant or a day."""
    by_item = {one.item: one for one in table.fields.values()}
    row: Row = {}
    for name, value in given.items():
        described = table.fields.get(name) or by_item.get(name)
        row[described.name if described else name] = _value(described.type if described else "", value)
    return row


def _value(kind: str, value: Any) -> Any:
    """Return a value as a row holds it: date text as an instant or a day."""
    if kind not in {"date", "datetime"} or not isinstance(value, str):
        return value
    moment = parse_time(value, server_zone())
    return moment // DAY if kind == "date" and moment is not None else moment
