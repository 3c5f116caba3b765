"""What an OpenAPI document says of rows: its schemas → fields. Pure.

Used for REST 3.0, whose document deviates from the standard (type `float`, `unknown`), and for the API of a site.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_bitrix24.model import Field, Option

_TYPES: Mapping[str, str] = {
    "integer": "integer", "int": "integer", "number": "double", "float": "double", "boolean": "boolean",
    "bool": "boolean", "object": "object", "array": "json",
}  # fmt: skip
_FORMATS: Mapping[str, str] = {"date-time": "datetime", "date": "date"}
_DEEPEST = 20
"""References may lead to references; a circle of them leads nowhere."""


def resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references and `allOf`; empty where they lead nowhere."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        if "$ref" in schema:
            schema = _referred(str(schema["$ref"]), document)
        elif isinstance(schema.get("allOf"), list):
            parts = [resolved(each, document) for each in schema["allOf"]]
            properties = {name: facts for part in parts for name, facts in (part.get("properties") or {}).items()}
            return {**{key: value for part in parts for key, value in part.items()}, "properties": properties}
        else:
            return schema
    return {}


def _referred(reference: str, document: Mapping[str, Any]) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def fields_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Field]:
    """The properties of a schema as fields.

    Args:
        schema: Of one row; may be a reference.
        document: Where references lead.
    """
    row = resolved(schema, document)
    required = row.get("required")
    needed = set(required) if isinstance(required, list) else set()
    properties = row.get("properties")
    if not isinstance(properties, Mapping):
        return []
    return [_field(str(name), facts, document, required=str(name) in needed) for name, facts in properties.items()]


def _field(name: str, facts: Any, document: Mapping[str, Any], *, required: bool) -> Field:
    given = facts if isinstance(facts, Mapping) else {}
    told = resolved(given, document)
    multiple, inner = False, told
    if told.get("type") == "array":
        items = resolved(told.get("items"), document)
        if _type(items) not in ("", "object", "json"):
            multiple, inner = True, items
    label = next((str(told[key]) for key in ("title", "description") if "$ref" not in given and told.get(key)), "")
    options = inner.get("enum")
    return Field(
        name, type=_type(inner), multiple=multiple, label=label,
        options=tuple(Option(str(each), str(each)) for each in options if each is not None)
        if isinstance(options, list) else (),
        required=required, read_only=bool(told.get("readOnly")) if "readOnly" in told else None,
    )  # fmt: skip


def _type(facts: Mapping[str, Any]) -> str:
    """The portal's word for a schema's type; OpenAPI 3.1 may give several, of which one is null."""
    given = facts.get("type")
    kinds = [each for each in (given if isinstance(given, list) else [given]) if each not in (None, "null")]
    if len(kinds) != 1:
        return "object" if "properties" in facts else ""
    if kinds[0] == "string":
        return _FORMATS.get(str(facts.get("format")), "string")
    return _TYPES.get(str(kinds[0]), "")
