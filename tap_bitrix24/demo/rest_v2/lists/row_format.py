"""Rows and field lists of declared lists as answers have them (docs/protocol.md §5, §6)."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2 import values
from tap_bitrix24.demo.rest_v2.lists.entry import Column, Entry

_UNTOUCHED: Final = frozenset(("bool", "array", "object", "any"))
_SHOWN_TYPES: Final = {"bool": "boolean", "any": "string"}


def row_writer(entry: Entry) -> Callable[[Row], Row]:
    """Return the function that turns table rows into rows of answers, hidden columns included."""
    all_columns = [(entry.request_name(one.name), one.name, _converter(entry, one)) for one in entry.all_columns]

    def shown(row: Row) -> Row:
        made: Row = {}
        for name, item, convert in all_columns:
            value = row.get(name)
            if convert is not None:
                value = convert(value)
                if value is values.OMITTED:
                    continue
            made[item] = value
        return made

    return shown


def _converter(entry: Entry, column: Column) -> values.Converter | None:
    """Return the converter of a column: by name, by type, then by the form of the list."""
    named = entry.formats.get(column.name) or entry.formats.get(column.type)
    if named is not None or column.type in _UNTOUCHED or column.multiple:
        return named
    if entry.form == "typed" and column.type == "double":
        return _number
    if entry.form == "typed":
        return values.universal(column.type, multiple=False, user_field=False)
    return values.classic(column.type, multiple=False, user_field=False) or _text


def _number(value: Any) -> Any:
    """Return whole amounts as integers, as PHP's JSON writes them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> Any:
    """Return numbers as text, whatever the column's type."""
    return str(value) if type(value) in {int, float} else value


def without_zone(value: Any) -> Any:
    """Return an instant as ``2025-03-24 07:25:59``, without a zone."""
    return None if value is None else timestamps.server_iso(value)[:19].replace("T", " ")


def display_format(value: Any) -> Any:
    """Return an instant in the portal's display format, ``20.12.2024 17:59:00``, without a zone."""
    if value is None:
        return ""
    text = timestamps.server_iso(value)
    return f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:19]}"


def text_or_omitted(value: Any) -> Any:
    """Return numbers as text; None leaves the key out."""
    return values.OMITTED if value is None else _text(value)


def text(value: Any) -> Any:
    """Return a number as text, where the rest of the list has JSON numbers."""
    return _text(value)


def field_descriptions(entry: Entry, source: Entry) -> Any:
    """Return the answer of an entry's fields method, in the shape of its module."""
    shape, _, name = entry.fields_shape.partition(":")
    fields = [source.fields[source.request_name(name)] for name in entry.visible or source.visible]
    if shape == "labels":
        return {one.item: one.title for one in fields}
    if shape == "listed":
        return {"fields": [{"title": one.item, **_attributes(one)} for one in fields]}
    if shape == "disk":
        return {one.item: {"TYPE": _kind(one), "USE_IN_FILTER": True, "USE_IN_SHOW": True} for one in fields}
    if shape == "entity":
        return {name: {one.item: _short(one) for one in fields}}
    if shape == "upper":
        return {one.name: {"title": one.title, "type": _kind(one)} for one in fields}
    listed = {one.item: {**_attributes(one), "isDynamic": one.user_field, "title": one.title} for one in fields}
    return {"fields": listed} if shape == "fields" else listed


def _kind(described_field: Field) -> str:
    """Return a field's type as fields methods name it."""
    return _SHOWN_TYPES.get(described_field.type, described_field.type)


def _short(one: Field) -> dict[str, Any]:
    """Return a field's facts as catalog and sale give them: no title, no multiplicity."""
    return {
        "isImmutable": one.immutable,
        "isReadOnly": one.read_only,
        "isRequired": one.required,
        "type": _kind(one),
    }


def _attributes(one: Field) -> dict[str, Any]:
    """Return a field's facts as the CRM gives them."""
    return {
        "type": _kind(one),
        "isRequired": one.required,
        "isReadOnly": one.read_only,
        "isImmutable": one.immutable,
        "isMultiple": one.multiple,
    }
