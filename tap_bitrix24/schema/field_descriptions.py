"""Answers of field methods → fields, in any of the shapes the portal's modules use. Pure.

Every module describes its fields in a way of its own: classic CRM in a flat map, universal items under `fields`,
catalog and shop under the entity's name, disk in capitals, users as code → label without types, biconnector and user
fields as lists, universal lists (`lists.field.get`) as rows with type codes. An empty map arrives as `[]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tap_bitrix24.model.field import Field, Option

_NAMES = ("FIELD_ID", "FIELD_NAME", "fieldName", "fieldCode", "name", "title")
"""Where a row of a list keeps the field's name."""
_TYPES = ("type", "TYPE", "USER_TYPE_ID", "userTypeId", "fieldType")
_LABELS = (
    "title",
    "label",
    "NAME",
    "name",
    "fieldTitle",
    "formLabel",
    "listLabel",
    "filterLabel",
    "EDIT_FORM_LABEL",
    "LIST_COLUMN_LABEL",
    "LIST_FILTER_LABEL",
    "editFormLabel",
    "listColumnLabel",
    "listFilterLabel",
)
_REQUIRED = ("isRequired", "required", "MANDATORY", "mandatory", "IS_REQUIRED")
_MULTIPLE = ("isMultiple", "multiple", "MULTIPLE")
_READ_ONLY = ("isReadOnly", "readOnly", "readonly")
_OPTIONS = ("items", "LIST", "list", "enum", "DISPLAY_VALUES_FORM", "values")


def parse_fields(result: Any) -> list[Field]:
    """Read the answer of a field method."""
    described = _unwrapped(result)
    if isinstance(described, Mapping):
        return [_field(str(name), facts) for name, facts in described.items()]
    rows = [row for row in described or [] if isinstance(row, Mapping)]
    return [_field(name, row) for row in rows if (name := _text(row, _NAMES))]


def _unwrapped(result: Any) -> Any:
    """What describes the fields: under `fields`, under the entity's name, or the answer itself."""
    if not isinstance(result, Mapping):
        return result
    if isinstance(result.get("fields"), (Mapping, list)):
        return result["fields"]
    inner = next(iter(result.values())) if len(result) == 1 else None
    if isinstance(inner, list) and all(isinstance(row, Mapping) for row in inner):
        return inner
    nested = isinstance(inner, Mapping) and inner and all(isinstance(facts, Mapping) for facts in inner.values())
    return inner if nested else result


def _field(name: str, facts: Any) -> Field:
    if not isinstance(facts, Mapping):
        return Field(name, label=str(facts or ""))
    name = str(facts.get("FIELD_ID") or name)
    codes = (name, facts.get("upperName"))
    labels = (facts.get(key) for key in _LABELS)
    return Field(
        name,
        type=_type(name, facts),
        multiple=_flag(facts, _MULTIPLE) is True,
        label=next((each for each in labels if isinstance(each, str) and each and each not in codes), ""),
        upper=str(facts.get("upperName") or ""),
        options=tuple(_options(facts)),
        dictionary=str(facts.get("statusType") or ""),
        required=_flag(facts, _REQUIRED),
        read_only=_flag(facts, _READ_ONLY),
    )


def _type(name: str, facts: Mapping[str, Any]) -> str:
    """The portal's type; of properties with what they hold, for their values lie in an envelope."""
    told = _text(facts, _TYPES)
    if told == "productproperty":
        return (
            f"productproperty:{':'.join(filter(None, (_text(facts, ('propertyType',)), _text(facts, ('userType',)))))}"
        )
    if "FIELD_ID" in facts:
        return f"listproperty:{told}" if name.startswith("PROPERTY_") else _LIST_FIELDS.get(name, "string")
    return told


_LIST_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("ID", "SORT", "CREATED_BY", "MODIFIED_BY", "IBLOCK_SECTION_ID"), "integer"),
    **dict.fromkeys(("PREVIEW_PICTURE", "DETAIL_PICTURE"), "json"),
}
"""Fields every list has, whose type codes are their own names. Their date-times come in the portal's display format
without a zone, so they stay text."""


def _options(facts: Mapping[str, Any]) -> Iterable[Option]:
    """The values a field may have: lists of {ID, VALUE}, maps from id to text, or bare codes."""
    told: list[Any] = [facts[key] for key in _OPTIONS if facts.get(key) and isinstance(facts[key], (list, Mapping))]
    given = told[0] if told else []
    if isinstance(given, Mapping) and not any(isinstance(each, Mapping) for each in given.values()):
        return [Option(str(code), "" if text is None else str(text)) for code, text in given.items()]
    rows = given.values() if isinstance(given, Mapping) else given
    return [_option(row) for row in rows if row is not None]


def _option(row: Any) -> Option:
    if not isinstance(row, Mapping):
        return Option(str(row), str(row))
    sort = _text(row, ("SORT", "sort"))
    return Option(
        _text(row, ("ID", "id")),
        _text(row, ("VALUE", "value", "NAME", "name")),
        int(sort) if sort.isdecimal() else None,
    )


def _text(facts: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of these that says something; 0 does, as an option's id or its place."""
    told = (facts.get(name) for name in names)
    return next((str(each) for each in told if isinstance(each, (str, int)) and each != "" and each is not False), "")


def _flag(facts: Mapping[str, Any], names: Iterable[str]) -> bool | None:
    told = next((facts[name] for name in names if facts.get(name) is not None), None)
    return None if told is None else told in (True, "Y", "true", 1)
