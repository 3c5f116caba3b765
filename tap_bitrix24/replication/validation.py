"""Checks of rows before they are accepted: primary keys, ids, and the date filter they were requested with.

The portal drops conditions it does not know and pages in another order than requested, without an error; only the rows
show it (docs/protocol.md §4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import DateKey, Window


def keys_of(list_spec: ListSpec, rows: Sequence[Row], where: str) -> list[Any]:
    """Return the primary key of each row of a page: a value, a tuple of texts, or the whole row as JSON.

    Args:
        list_spec: Names the parts of the key; where it names none, only their whole content tells rows apart.
        rows: As the portal sent them.
        where: Which page this is, for the error.

    Raises:
        UntrustedError: A row has no primary key.
    """
    names = (list_spec.endpoint.key,) if list_spec.identity is None else list_spec.identity
    if not names:
        return [json.dumps(row, sort_keys=True) for row in rows]
    keys = [[row.get(name) for name in names] for row in rows]
    missing = [number for number, key in enumerate(keys, 1) if any(part in (None, "") for part in key)]
    if missing:
        method = list_spec.endpoint.method
        text = f"{method}: row {missing[0]} of the page {where} has no primary key ({', '.join(names)})"
        raise UntrustedError(text, method=method)
    return [key[0] if len(names) == 1 else tuple(map(str, key)) for key in keys]


class Deduplicator:
    """Passes each row of several lists once: an event that lasts beyond a date range is in the next range, too."""

    def __init__(self) -> None:
        """Start without any known key."""
        self._seen: set[Any] = set()

    def __call__(self, list_spec: ListSpec, rows: list[Row]) -> list[Row]:
        """Return the rows whose key is new; all rows where only their content tells them apart, for that may repeat."""
        if list_spec.identity is not None and not list_spec.identity:
            return rows
        constants = tuple(list_spec.constants.items())
        keys = [(constants, str(key)) for key in keys_of(list_spec, rows, "of one of several lists")]
        fresh = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._seen}
        self._seen.update(fresh)
        return list(fresh.values())


def ids_of(list_spec: ListSpec, rows: Sequence[Row], where: str) -> list[int]:
    """Return the ids of a page.

    Raises:
        UntrustedError: A row has no id, or one that is not a number.
    """
    name = list_spec.endpoint.key
    try:
        return [int(row[name]) for row in rows]
    except (KeyError, TypeError, ValueError):
        keys_of(replace(list_spec, identity=(name,)), rows, where)
        text = f"{list_spec.endpoint.method}: a row of the page {where} has an {name} that is not a number"
        raise UntrustedError(text, method=list_spec.endpoint.method) from None


@lru_cache(maxsize=16_384)
def parse_datetime(text: str) -> datetime:
    """Return a date-time of the portal in UTC.

    Raises:
        ValueError: It is not a date-time with an offset.
    """
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(UTC)


def _date(row: Row, names: Sequence[str]) -> datetime:
    """Return the first date-time a row has under these keys; raises ValueError or TypeError if it has none."""
    return parse_datetime(next((row[name] for name in names if row.get(name)), ""))


def date_of(list_spec: ListSpec, row: Row, date_key: DateKey) -> datetime | None:
    """Return a row's date-time in whole seconds, or None if it has none that is valid."""
    key = list_spec.replication_key
    if key is None:
        return None
    try:
        names = (key.created,) if date_key is DateKey.CREATED else (key.row_key, key.fallback)
        return _date(row, names).replace(microsecond=0)
    except (TypeError, ValueError, OverflowError):
        return None


def rows_within(
    list_spec: ListSpec, rows: list[Row], window: Window | None, slack: timedelta = timedelta()
) -> list[Row]:
    """Return the rows whose replication key lies in a half-open window.

    Args:
        list_spec: Names the replication key, and the row key that replaces it where it is null.
        rows: As the portal sent them.
        window: None returns all rows, as does a list without a replication key.
        slack: By how much the window is widened at both ends.

    Raises:
        UntrustedError: A row has no valid date-time although the list was filtered by it.
    """
    key = list_spec.replication_key
    if window is None or key is None:
        return rows
    low = window.low - slack if window.low else datetime.min.replace(tzinfo=UTC)
    high = window.high + slack if window.high else datetime.max.replace(tzinfo=UTC)
    names = (key.created,) if window.date_key is DateKey.CREATED else (key.row_key, key.fallback, key.created)
    try:
        return [row for row in rows if low <= _date(row, names) < high]
    except (TypeError, ValueError, OverflowError):
        method = list_spec.endpoint.method
        text = f"{method}: a row has no valid date-time in {key.row_key}, which the list is filtered by"
        raise UntrustedError(text, method=method) from None
