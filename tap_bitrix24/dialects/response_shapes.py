"""What answers keep their rows in → rows. PHP knows one kind of array, so lists, maps and nothing look alike.

An empty object arrives as `[]`, a list with gaps as an object, a missing one as `false`; some methods answer with
a map from id to name, a list of bare ids, or one object. Each function takes what stands where the rows belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_bitrix24.model.endpoint import ResponseShape, Row


def is_empty(value: Any) -> bool:
    """Whether the portal means 'no value': PHP sends null, `false`, `""`, `[]` and `{}` alike."""
    return value is None or value is False or value in ("", [], {})


def listed(value: Any) -> list[Row] | None:
    """A list of rows, or an object of them, keyed by id or by position."""
    if is_empty(value):
        return []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    return None


def single(value: Any) -> list[Row] | None:
    """One object; nothing where it does not exist."""
    if is_empty(value):
        return []
    return [value] if isinstance(value, dict) else None


def keyed(key: str) -> ResponseShape:
    """Objects under their keys, which the rows themselves need not repeat.

    Args:
        key: Where the key goes in a row that lacks it.
    """

    def rows(value: Any) -> list[Row] | None:
        found = listed(value)
        if found is None or not isinstance(value, Mapping):
            return found
        return [{key: name, **row} for name, row in value.items()]

    return rows


def named(key: str, name: str) -> ResponseShape:
    """A map from key to a bare value (`{"reg123": "Main line"}`)."""

    def rows(value: Any) -> list[Row] | None:
        if is_empty(value):
            return []
        if isinstance(value, Mapping) and not any(isinstance(each, (dict, list)) for each in value.values()):
            return [{key: number, name: each} for number, each in value.items()]
        return None

    return rows


def scalars(name: str) -> ResponseShape:
    """A list of bare values."""

    def rows(value: Any) -> list[Row] | None:
        if is_empty(value):
            return []
        found = list(value.values()) if isinstance(value, Mapping) else value
        if isinstance(found, list) and not any(isinstance(each, (dict, list)) for each in found):
            return [{name: each} for each in found]
        return None

    return rows
