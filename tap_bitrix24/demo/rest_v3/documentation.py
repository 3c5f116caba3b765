"""The documentation that REST 3.0 serves: field lists, scopes, and the OpenAPI document with its quirks."""

from typing import Any, Final

from tap_bitrix24.demo.rest_v3.methods import ENTRIES, Entry
from tap_bitrix24.demo.rest_v3.objects import OBJECTS, Property

FIELD_LISTS: Final[dict[str, str]] = {f"{shape}.field.list": shape for shape in OBJECTS}
_OWN_METHODS: Final = ("rest.scope.list", "rest.documentation.openapi")


def fields(shape: str) -> dict[str, Any]:
    """Return the answer of ``*.field.list``; dates, enums and relations are called objects there."""
    return {
        "items": [
            {
                "name": each.name, "type": each.listed, "title": each.name, "description": None,
                "validationRules": [], "requiredGroups": [], "filterable": each.filterable, "sortable": each.sortable,
                "editable": False, "multiple": False, "elementType": "object" if each.kind == "relation" else None,
            }
            for each in OBJECTS[shape].values()
        ]
    }  # fmt: skip


def scopes(names: list[str]) -> dict[str, Any]:
    """Return the answer of ``rest.scope.list``: module, controller, method."""
    found: dict[str, Any] = {}
    for name in [*names, *_OWN_METHODS]:
        module, _, rest = name.partition(".")
        controller, _, action = rest.rpartition(".")
        facts = {"scope": module, "title": name, "description": None, "fields": None}
        found.setdefault(module, {}).setdefault(controller, {})[action] = facts
    return found


def document(names: list[str]) -> dict[str, Any]:
    """Return the OpenAPI document; it declares lists as arrays although they come under ``items``."""
    shapes = {name: (ENTRIES[name].shape if name in ENTRIES else "") for name in names}
    schemas = {_key(shape): _schema(shape) for shape in dict.fromkeys(filter(None, shapes.values()))}
    schemas["bitrix.main.userdto"] = {"type": "object", "properties": {"id": {"type": "integer", "format": "int64"}}}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Bitrix24 REST V3 API", "version": "1.0.0"},
        "servers": [],
        "paths": {f"/{name}": {"post": _operation(ENTRIES.get(name))} for name in [*names, *_OWN_METHODS]},
        "components": {"schemas": schemas},
    }


def _key(shape: str) -> str:
    module, _, rest = shape.partition(".")
    return f"bitrix.{module}.{rest.replace('.', '')}dto"


def _schema(shape: str) -> dict[str, Any]:
    return {"type": "object", "properties": {each.name: _property(each) for each in OBJECTS[shape].values()}}


def _property(each: Property) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        "int": {"type": "integer", "format": "int64"},
        "bool": {"type": "boolean"},
        "array": {"type": "array"},
        "datetime": {"type": "string", "format": "date-time"},
        "enum": {"type": "string", "enum": ["a", "b"]},
        "relation": {"$ref": "#/components/schemas/bitrix.main.userdto"},
    }
    return known.get(each.kind, {"type": "string"})


def _operation(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"summary": "…", "responses": {"200": {"description": "Success response"}}}
    row = {"$ref": f"#/components/schemas/{_key(entry.shape)}"}
    single = entry.handler == "get"
    result = {"type": "object", "properties": {"item": row}} if single else {"type": "array", "items": row}
    content = {"application/json": {"schema": {"type": "object", "properties": {"result": result}}}}
    return {"summary": "…", "responses": {"200": {"description": "Success response", "content": content}}}
