"""Rows of classic REST as the VibeCode API tells them: names, numbers, flags, instants."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import methods_crm
from tap_bitrix24.demo.rest_v2.lists import registry
from tap_bitrix24.demo.rest_v2.views import View
from tap_bitrix24.demo.vibecode.entity import Entity, Row

ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_FLAGS: Final = {"Y": True, "N": False}
FLAGS: Final = frozenset({"char", "boolean"})
NUMBERS: Final = frozenset({"integer", "int", "double", "user"})


def types(entity: Entity, view: View) -> dict[str, str]:
    """Return the type of each field, by its name in the rows of classic REST; hidden ones are left out."""
    if not entity.family:
        source = registry.sources()[view.table.name]
        plan = {one.name: one for one in source.all_columns}
        return {name: "array" if plan[name].multiple else plan[name].type for name in source.visible}
    if entity.family == "universal":
        fields = methods_crm.universal_fields(view.table).values()
        return {each.item: f"uf {each.type}" if each.user_field else each.type for each in fields}
    by_item = entity.family in {"tasks", "types", "plain"}
    return {each.item if by_item else each.name: each.type for each in view.table.fields.values()}


class Teller:
    """Tells the rows of one entity."""

    def __init__(self, portal: Portal, entity: Entity, kind: int | None) -> None:
        """Look up once what each field is."""
        self.entity = entity
        self.view = entity.view(portal, kind)
        self.types = types(entity, self.view)
        self._text = entity.family == "tasks" and portal.switches["vibe_numbers"] == "text"
        self._plan: dict[str, tuple[str, Callable[[Any], Any] | None]] = {}

    def row(self, number: int) -> Row:
        """Tell a row of the table."""
        row = self.view.row(number)
        if not self.entity.family:
            row = _instants(row, self.view.table.row(number), self.types, self.view.table.name)
        if self.entity.reshaped is not None:
            row = self.entity.reshaped(number, row)
        told: Row = {}
        for name, value in row.items():
            as_name, convert = self._plan.get(name) or self._planned(name)
            shown = value if convert is None else convert(value)
            told[as_name] = None if self.entity.nulls and shown == "" else shown
        return told

    def key(self, number: int) -> Any:
        """Return the id a row is told by."""
        return number if self.entity.numbered else self.row(number).get(self.entity.key, number)

    def _planned(self, name: str) -> tuple[str, Callable[[Any], Any] | None]:
        planned = self._plan[name] = (self.entity.told(name), self._converter(name))
        return planned

    def _converter(self, name: str) -> Callable[[Any], Any] | None:
        """Choose what is made of a value: nothing of those this API does not declare."""
        entity, kind = self.entity, self.types.get(name, "")
        told = entity.told(name)
        if entity.plain or kind.startswith("uf ") or (name.isupper() and entity.undeclared(name)):
            return _in_utc if "*" in entity.utc and kind.startswith("uf date") else None
        if told in entity.codes:
            return None
        if kind in FLAGS:
            return _flag
        if self._text:
            return _flag if kind == "enum" else (_in_utc if told in entity.utc else None)
        if kind in NUMBERS or kind.startswith(("crm_enum", "enum")) or told == "id":
            return _number_or_flag if kind == "enum" else _number
        return _in_utc if "*" in entity.utc or told in entity.utc else None


def _instants(row: Row, made: Row, kinds: Mapping[str, str], table: str) -> Row:
    """Leave out what lists hide, and write instants in ISO 8601, however classic REST writes them."""
    source = registry.sources()[table]
    shown: Row = {}
    for name, kind in kinds.items():
        if name in row:
            at = made.get(source.request_name(name)) if kind == "datetime" else None
            shown[name] = server_iso(at) if type(at) is int else row[name]
    return shown


def _flag(value: Any) -> Any:
    return _FLAGS.get(value, value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _number_or_flag(value: Any) -> Any:
    return _number(_flag(value))


def _in_utc(value: Any) -> Any:
    if isinstance(value, str) and ISO.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return value
