"""``/fields`` of the VibeCode API, in its three shapes."""

from typing import Any, Final

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import methods_crm
from tap_bitrix24.demo.vibecode.entity import Entity, Row
from tap_bitrix24.demo.vibecode.rows import NUMBER_TYPES, YES_NO_TYPES, RowWriter

_SAMPLE: Final = 200
_JSON_TYPES: Final = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_TYPE_NAMES: Final = {"datetime": "datetime", "date": "date", "array": "array", "object": "object", "bool": "boolean"}


def field_list(entity: Entity, portal: Portal, kind: int | None) -> Any:
    """Return the field list of an entity."""
    result = _universal(entity, portal, kind) if entity.wire_form == "universal" else _declared(entity, portal, kind)
    if entity.field_list_shape == "include":
        return {"fields": result, "include": list(entity.include)}
    if entity.field_list_shape == "batch":
        return {"fields": result, "batch": ["list", "get", "fields", "search"]}
    return result


def _universal(entity: Entity, portal: Portal, kind: int | None) -> Row:
    """Return the fields as the portal itself describes them."""
    table = entity.view(portal, kind).table
    result: Row = {
        entity.shown_name(each.item): {
            "type": "boolean" if each.type in YES_NO_TYPES and not each.user_field else each.type,
            "isRequired": False, "isReadOnly": False, "isMultiple": each.multiple, "title": each.item,
        }
        for each in methods_crm.universal_fields(table).values()
    }  # fmt: skip
    joined = {"fm": {"type": "any", "title": "fm"}} if "PHONE" in table.fields else {}
    return {**result, **joined, "entityTypeId": {"type": "integer", "title": "entityTypeId"}}


def _declared(entity: Entity, portal: Portal, kind: int | None) -> Row:
    """Return the fields of a declared list, with the types of the values that this API shows."""
    writer = RowWriter(portal, entity, kind)
    sample: Row = {}
    for number in writer.view.table.ids[:_SAMPLE]:
        sample = {
            **writer.row(number),
            **{name: value for name, value in sample.items() if value not in (None, "", False)},
        }
    names = {} if entity.reshape else {entity.shown_name(name): (name, kind_) for name, kind_ in writer.types.items()}
    found: Row = {}
    for name in {**names, **sample}:
        own, portal_type = names.get(name, (name, ""))
        kind_of_value = _JSON_TYPES.get(type(sample.get(name)), "string")
        shown_type = (
            kind_of_value if entity.is_undeclared(own) and own.isupper() else _field_type(portal_type, kind_of_value)
        )
        # In capitals, although rows have the names in camel case.
        shown = own.upper() if entity.field_list_shape == "upper" else name
        found[shown] = _facts(entity, shown_type, name)
    return found


def _field_type(kind: str, seen: str) -> str:
    """Return this API's name of a type; ``seen`` is the JSON type of its values."""
    if kind in YES_NO_TYPES:
        return "boolean" if seen == "boolean" else "string"
    if kind in NUMBER_TYPES:
        return "number" if kind == "double" else ("integer" if seen != "array" else "array")
    return _TYPE_NAMES.get(kind, seen)


def _facts(entity: Entity, kind: str, name: str) -> Row:
    if entity.field_list_shape == "batch":
        return {"type": kind, "readonly": name == entity.key, "label": name}
    return {"type": kind, "isRequired": False, "isReadOnly": name == entity.key, "title": name}
