"""The entities of the VibeCode API: where their rows lie, and in which of its ways they are told."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tap_bitrix24.demo import methods_crm
from tap_bitrix24.demo.portal import Portal
from tap_bitrix24.demo.views import View

Row = dict[str, Any]
_RENAMED: Final = {
    "opportunity": "amount", "currencyId": "currency", "createdTime": "createdAt", "updatedTime": "updatedAt",
    "closedate": "closedAt", "isReturnCustomer": "isReturning",
}  # fmt: skip
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_FLAGS: Final = {"Y": True, "N": False}


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One entity. ``family`` is the form its rows have in classic REST; ``{}`` in ``table`` stands for the type."""

    name: str
    table: str
    family: str = "universal"
    scope: str = "crm"
    key: str = "id"
    renames: Mapping[str, str] = field(default_factory=dict)
    utc: bool = False
    envelope: str = "meta"
    shape: str = "fields"
    camel: bool = False
    """Bitrix24 has its names in capitals: declared ones are told in camel case, user fields as they are."""
    strict: bool = True
    """Unknown filter fields are refused; else they are lost without a word."""
    modified: str = "updatedTime"
    blind: frozenset[str] = frozenset()
    """Filters that are taken, and lost without a word."""

    def view(self, portal: Portal, kind: int | None) -> View:
        """Answer the rows."""
        return portal.view(self.family, self.table.format(kind))

    def show(self, row: Row, flags: frozenset[str]) -> Row:
        """Write a row as this API does."""
        return {self.told(name): self._value(value, flag=name in flags) for name, value in row.items()}

    def told(self, name: str) -> str:
        """Answer the name a field is told by."""
        if self.camel and name.isupper() and not name.startswith("UF_"):
            first, *others = name.lower().split("_")
            name = first + "".join(each.capitalize() for each in others)
        return self.renames.get(name, name)

    def _value(self, value: Any, *, flag: bool) -> Any:
        if flag and isinstance(value, str):
            return _FLAGS.get(value, value)
        if self.utc and isinstance(value, str) and _ISO.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return value


def _entities() -> tuple[Entity, ...]:
    item: Callable[..., Entity] = Entity
    return (
        item(name="deals", table="deals", renames=_RENAMED, utc=True, envelope="root", modified="updatedAt"),
        item(name="quotes", table="quotes", renames=_RENAMED, utc=True, envelope="root", modified="updatedAt"),
        item(name="leads", table="leads",
             renames={"opportunity": "amount", "currencyId": "currency"}, modified="updatedTime"),
        item(name="contacts", table="contacts"),
        item(name="companies", table="companies"),
        item(name="invoices", table="smart_invoices", envelope="root_total", shape="flat"),
        item(name="items", table="smart_process_{}", envelope="root_total", shape="flat"),
        item(name="users", table="users", family="users", scope="user", camel=True, modified="", strict=False,
             shape="labels"),
        item(name="departments", table="departments", family="departments", scope="department", camel=True,
             modified="", strict=False, shape=""),
        item(name="tasks", table="tasks", family="tasks", scope="task", modified="changedDate", strict=False,
             shape="tasks", blind=frozenset({"statusChangedDate", "activityDate"})),
        item(name="statuses", table="statuses", family="statuses", camel=True, modified="",
             shape="flat_upper"),
        item(name="currencies", table="currencies", family="currencies", camel=True,
             renames={"currency": "id"}, modified="", shape="flat_upper"),
    )  # fmt: skip


ENTITIES: Final[dict[str, Entity]] = {entity.name: entity for entity in _entities()}


def flags_of(entity: Entity, portal: Portal, kind: int | None) -> frozenset[str]:
    """Answer which keys of its rows hold Y or N, of those this API declares."""
    if entity.family != "universal":
        return frozenset()
    fields = methods_crm.universal_fields(entity.view(portal, kind).table)
    return frozenset(each.item for each in fields.values() if each.type in {"char", "boolean"} and not each.user_field)


def described(entity: Entity, portal: Portal, kind: int | None) -> Any:
    """Answer ``/fields`` in the shape the entity has."""
    view = entity.view(portal, kind)
    if entity.family == "universal":
        known = methods_crm.universal_fields(view.table)
        told = {
            entity.renames.get(each.item, each.item): {
                "type": "boolean" if each.type in {"char", "boolean"} and not each.user_field else each.type,
                "isRequired": False, "isReadOnly": False, "isMultiple": each.multiple, "title": each.item,
            }
            for each in known.values()
        }  # fmt: skip
        told |= {"fm": {"type": "any", "title": "fm"}} if "PHONE" in view.table.fields else {}
        return {"fields": told, "include": ["company"]} if entity.shape == "fields" else told
    sample: Row = {}
    for number in view.table.ids[:200]:
        sample = {**view.row(number), **{name: value for name, value in sample.items() if value is not None}}
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    told = {name: {"type": kinds.get(type(value), "string"), "label": name} for name, value in sample.items()}
    if entity.shape == "flat_upper":  # described in capitals, although rows are not
        return told
    return {"fields": {entity.told(name): facts for name, facts in told.items()}, "batch": []}
