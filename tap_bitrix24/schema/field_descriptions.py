"""Answers of field methods become fields, whatever shape the portal's modules use. Pure.

The modules describe their fields differently: classic CRM as a flat map, universal items below `fields`, catalog and
shop below the entity's name, disk in upper case, users as a map from code to label without types, biconnector and user
fields as lists, universal lists (`lists.field.get`) as rows with type codes. An empty map arrives as `[]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tap_bitrix24.model.field import Field, Option

_NAMES = ("FIELD_ID", "FIELD_NAME", "fieldName", "fieldCode", "name", "title")
"""Keys of the field's name in a row of a list."""
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
    """Return the fields an answer of a field method describes."""
    described = _unwrapped(result)
    if isinstance(described, Mapping):
        return [_field(str(name), facts) for name, facts in described.items()]
    rows = [row for row in described or [] if isinstance(row, Mapping)]
    return [_field(name, row) for row in rows if (name := _text(row, _NAMES))]


def _unwrapped(result: Any) -> Any:
    """Return the descriptions: below `fields`, below the entity's name, or the answer itself."""
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
        label=next((label for label in labels if isinstance(label, str) and label and label not in codes), ""),
        upper=str(facts.get("upperName") or ""),
        options=tuple(_options(facts)),
        dictionary=str(facts.get("statusType") or ""),
        required=_flag(facts, _REQUIRED),
        read_only=_flag(facts, _READ_ONLY),
    )


def _type(name: str, facts: Mapping[str, Any]) -> str:
    """Return the portal's type; for properties with the type of the value, which rows wrap in an object."""
    type_ = _text(facts, _TYPES)
    if type_ == "productproperty":
        return (
            f"productproperty:{':'.join(filter(None, (_text(facts, ('propertyType',)), _text(facts, ('userType',)))))}"
        )
    if "FIELD_ID" in facts:
        return f"listproperty:{type_}" if name.startswith("PROPERTY_") else _LIST_FIELDS.get(name, "string")
    return type_


_LIST_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("ID", "SORT", "CREATED_BY", "MODIFIED_BY", "IBLOCK_SECTION_ID"), "integer"),
    **dict.fromkeys(("PREVIEW_PICTURE", "DETAIL_PICTURE"), "json"),
}
"""Fields of every universal list, whose type codes are their own names. Their date-times come in the portal's display
format without a time zone, so they stay text."""


def _options(facts: Mapping[str, Any]) -> Iterable[Option]:
    """Return the values a field may have, from a list of {ID, VALUE}, a map from id to text, or a list of codes."""
    filled: list[Any] = [facts[key] for key in _OPTIONS if facts.get(key) and isinstance(facts[key], (list, Mapping))]
    first = filled[0] if filled else []
    if isinstance(first, Mapping) and not any(isinstance(row, Mapping) for row in first.values()):
        return [Option(str(code), "" if text is None else str(text)) for code, text in first.items()]
    rows = first.values() if isinstance(first, Mapping) else first
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
    """Return the first of these facts that is filled; 0 is, as an option's id or its position."""
    values = (facts.get(name) for name in names)
    return next(
        (str(value) for value in values if isinstance(value, (str, int)) and value != "" and value is not False), ""
    )


def _flag(facts: Mapping[str, Any], names: Iterable[str]) -> bool | None:
    value = next((facts[name] for name in names if facts.get(name) is not None), None)
    return None if value is None else value in (True, "Y", "true", 1)
