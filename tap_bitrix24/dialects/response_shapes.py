"""Shapes in which answers hold rows: each function returns the rows of one shape, or None if the value has another.

PHP has one kind of array, so lists, maps and empty values look alike: an empty object arrives as `[]`, a list with
gaps as an object, a missing one as `false`. Some methods answer with a map from id to name, a list of bare ids, or
one object. Each function takes the value at the endpoint's `records_path`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_bitrix24.model.endpoint import ResponseShape, Row


def is_empty(value: Any) -> bool:
    """Return whether a value means "no value": PHP sends null, `false`, `""`, `[]` and `{}` for it; 0 is a value.

    So is `()` empty, by which `records.values` marks a key the row does not have.
    """
    return value is None or value is False or value in ("", [], {}, ())


def is_no_rows(value: Any) -> bool:
    """Return whether a value is a list without rows: only an empty list or object is, not null, `false` or `""`."""
    return isinstance(value, (list, Mapping)) and not value


def without_gaps(value: Any) -> Any:
    """Return the values of a list with gaps, which PHP sends as an object (`{"0": …, "2": …}`); others as they are.

    Where a list is expected, an object whose keys are all numbers is one: it has no names.
    """
    if value.__class__ is dict and value and all(key.isdecimal() and key.isascii() for key in value):
        return list(value.values())
    return value


def listed(value: Any) -> list[Row] | None:
    """Return the rows of a list, or of an object whose keys are ids or positions."""
    if is_no_rows(value):
        return []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    return None


def with_default(key: str, default: Any) -> ResponseShape:
    """Return the shape of a list whose rows may leave out a key, which then has this value."""

    def rows(value: Any) -> list[Row] | None:
        items = listed(value)
        return items and [row if row.get(key) else {**row, key: default} for row in items]

    return rows


def single(value: Any) -> list[Row] | None:
    """Return one object as the only row; no rows if it does not exist."""
    if is_no_rows(value):
        return []
    return [value] if isinstance(value, dict) else None


def keyed(key: str) -> ResponseShape:
    """Return the shape of a map from key to row, where rows need not contain their key.

    Args:
        key: Name the key gets in a row that lacks it.
    """

    def rows(value: Any) -> list[Row] | None:
        items = listed(value)
        if items is None or not isinstance(value, Mapping):
            return items
        return [{key: name, **row} for name, row in value.items()]

    return rows


def named(key: str, name: str) -> ResponseShape:
    """Return the shape of a map from key to a scalar (`{"reg123": "Main line"}`); each pair becomes a row."""

    def rows(value: Any) -> list[Row] | None:
        if is_no_rows(value):
            return []
        if isinstance(value, Mapping) and not any(isinstance(item, (dict, list)) for item in value.values()):
            return [{key: number, name: item} for number, item in value.items()]
        return None

    return rows


def scalars(name: str) -> ResponseShape:
    """Return the shape of a list of scalars; each becomes a row."""

    def rows(value: Any) -> list[Row] | None:
        if is_no_rows(value):
            return []
        items = list(value.values()) if isinstance(value, Mapping) else value
        if isinstance(items, list) and not any(isinstance(item, (dict, list)) for item in items):
            return [{name: item} for item in items]
        return None

    return rows
