"""``/fields`` of the VibeCode API, in the three shapes it has."""

from typing import Any, Final

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import methods_crm
from tap_bitrix24.demo.vibecode.entity import Entity, Row
from tap_bitrix24.demo.vibecode.rows import FLAGS, NUMBERS, Teller

_SAMPLE: Final = 200
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_WORDS: Final = {"datetime": "datetime", "date": "date", "array": "array", "object": "object", "bool": "boolean"}


def described(entity: Entity, portal: Portal, kind: int | None) -> Any:
    """Return what fields an entity has."""
    told = _universal(entity, portal, kind) if entity.family == "universal" else _declared(entity, portal, kind)
    if entity.shape == "include":
        return {"fields": told, "include": list(entity.include)}
    if entity.shape == "batch":
        return {"fields": told, "batch": ["list", "get", "fields", "search"]}
    return told


def _universal(entity: Entity, portal: Portal, kind: int | None) -> Row:
    """Describe the fields as the portal itself does."""
    table = entity.view(portal, kind).table
    told: Row = {
        entity.told(each.item): {
            "type": "boolean" if each.type in FLAGS and not each.user_field else each.type,
            "isRequired": False, "isReadOnly": False, "isMultiple": each.multiple, "title": each.item,
        }
        for each in methods_crm.universal_fields(table).values()
    }  # fmt: skip
    joined = {"fm": {"type": "any", "title": "fm"}} if "PHONE" in table.fields else {}
    return {**told, **joined, "entityTypeId": {"type": "integer", "title": "entityTypeId"}}


def _declared(entity: Entity, portal: Portal, kind: int | None) -> Row:
    """Describe what rows have, by what this API makes of it."""
    teller = Teller(portal, entity, kind)
    sample: Row = {}
    for number in teller.view.table.ids[:_SAMPLE]:
        sample = {
            **teller.row(number),
            **{name: value for name, value in sample.items() if value not in (None, "", False)},
        }
    names = {} if entity.reshaped else {entity.told(name): (name, word) for name, word in teller.types.items()}
    found: Row = {}
    for name in {**names, **sample}:
        own, word = names.get(name, (name, ""))
        kind_of_value = _KINDS.get(type(sample.get(name)), "string")
        told = kind_of_value if entity.undeclared(own) and own.isupper() else _word(word, kind_of_value)
        shown = own.upper() if entity.shape == "upper" else name  # described in capitals, although rows are not
        found[shown] = _facts(entity, told, name)
    return found


def _word(kind: str, seen: str) -> str:
    """Return the type of a field as this API calls it."""
    if kind in FLAGS:
        return "boolean" if seen == "boolean" else "string"
    if kind in NUMBERS:
        return "number" if kind == "double" else ("integer" if seen != "array" else "array")
    return _WORDS.get(kind, seen)


def _facts(entity: Entity, kind: str, name: str) -> Row:
    if entity.shape == "batch":
        return {"type": kind, "readonly": name == entity.key, "label": name}
    return {"type": kind, "isRequired": False, "isReadOnly": name == entity.key, "title": name}
