"""Rows of classic REST as the VibeCode API shows them: names, numbers, booleans, date-times."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import DAY, server_iso, server_zone
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import methods_crm
from tap_bitrix24.demo.rest_v2.lists import registry
from tap_bitrix24.demo.rest_v2.views import View
from tap_bitrix24.demo.vibecode.entity import Entity, Row

ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_BOOLEANS: Final = {"Y": True, "N": False}
YES_NO_TYPES: Final = frozenset({"char", "boolean"})
NUMBER_TYPES: Final = frozenset({"integer", "int", "double", "user"})


def types(entity: Entity, view: View) -> dict[str, str]:
    """Return the type of each visible field, by its name in the rows of classic REST."""
    if not entity.wire_form:
        source = registry.sources()[view.table.name]
        plan = {one.name: one for one in source.all_columns}
        return {name: "array" if plan[name].multiple else plan[name].type for name in source.visible}
    if entity.wire_form == "universal":
        fields = methods_crm.universal_fields(view.table).values()
        return {each.item: f"uf {each.type}" if each.user_field else each.type for each in fields}
    by_item = entity.wire_form in {"tasks", "types", "plain"}
    return {each.item if by_item else each.name: each.type for each in view.table.fields.values()}


class RowWriter:
    """A converter of one entity's rows to those of this API."""

    def __init__(self, portal: Portal, entity: Entity, kind: int | None) -> None:
        """Look up the fields' types."""
        self.entity = entity
        self.view = entity.view(portal, kind)
        self.types = types(entity, self.view)
        self._text = entity.wire_form == "tasks" and portal.switches["vibe_numbers"] == "text"
        self._midnights = portal.switches["vibe_dates"] == "midnight"
        self._converters: dict[str, tuple[str, Callable[[Any], Any] | None]] = {}

    def row(self, number: int) -> Row:
        """Return a row of the table as this API shows it."""
        row = self.view.row(number)
        if not self.entity.wire_form:
            row = _visible(row, self.view.table.row(number), self.types, self.view.table.name)
        if self.entity.reshape is not None:
            row = self.entity.reshape(number, row)
        shown_row: Row = {}
        for name, value in row.items():
            as_name, convert = self._converters.get(name) or self._plan_field(name)
            shown = value if convert is None else convert(value)
            shown_row[as_name] = None if self.entity.empty_as_null and shown == "" else shown
        return shown_row

    def key(self, number: int) -> Any:
        """Return the shown id of a row."""
        return number if self.entity.has_table_id else self.row(number).get(self.entity.key, number)

    def _plan_field(self, name: str) -> tuple[str, Callable[[Any], Any] | None]:
        planned = self._converters[name] = (self.entity.shown_name(name), self._converter(name))
        return planned

    def _converter(self, name: str) -> Callable[[Any], Any] | None:
        """Return the converter of a field's values, or None: values of undeclared fields stay unchanged."""
        entity, kind = self.entity, self.types.get(name, "")
        shown_row = entity.shown_name(name)
        if entity.unconverted or kind.startswith("uf ") or (name.isupper() and entity.is_undeclared(name)):
            return self._utc(kind) if "*" in entity.utc and kind.startswith("uf date") else None
        if shown_row in entity.text_flags:
            return None
        if kind in YES_NO_TYPES:
            return _flag
        if self._text:
            return _flag if kind == "enum" else (_in_utc if shown_row in entity.utc else None)
        if kind in NUMBER_TYPES or kind.startswith(("crm_enum", "enum")) or shown_row == "id":
            return _number_or_flag if kind == "enum" else _number
        return self._utc(kind) if "*" in entity.utc or shown_row in entity.utc else None

    def _utc(self, kind: str) -> Callable[[Any], Any]:
        """Return the converter to UTC; dates are midnights of the server's zone, by the switch ``vibe_dates``."""
        return _midnight_in_utc if self._midnights and kind.endswith("date") else _in_utc


def _visible(row: Row, made: Row, kinds: Mapping[str, str], table: str) -> Row:
    """Return a row without hidden columns, with date-times in ISO 8601 whatever classic REST has."""
    source = registry.sources()[table]
    shown: Row = {}
    for name, kind in kinds.items():
        if name in row:
            at = made.get(source.request_name(name)) if kind == "datetime" else None
            shown[name] = server_iso(at) if type(at) is int else row[name]
    return shown


def _flag(value: Any) -> Any:
    return _BOOLEANS.get(value, value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _number_or_flag(value: Any) -> Any:
    return _number(_flag(value))


def _midnight_in_utc(value: Any) -> Any:
    """Return a date as the instant at which it begins in the server's zone, as ``2024-02-23T21:00:00.000Z``."""
    if not (isinstance(value, str) and ISO.fullmatch(value)):
        return value
    day = round(datetime.fromisoformat(value).timestamp() / DAY)
    begins = server_zone().instant(datetime.fromtimestamp(day * DAY, UTC))
    return datetime.fromtimestamp(begins, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _in_utc(value: Any) -> Any:
    if isinstance(value, str) and ISO.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return value
