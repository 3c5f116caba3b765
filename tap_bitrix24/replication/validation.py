"""What is checked of rows before they are believed: their keys, their ids, the dates they were filtered by. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from tap_bitrix24.errors import PortalError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import Window


def keys_of(source: ListSpec, rows: Sequence[Row], where: str) -> list[Any]:
    """What tells the rows of a page apart.

    Args:
        source: Names the parts of the key; a list without any has rows that only their content tells apart.
        rows: As the portal sent them.
        where: Which page this is, for the error.

    Raises:
        UntrustedError: A row lacks its key.
    """
    names = (source.endpoint.key,) if source.identity is None else source.identity
    if not names:
        return [json.dumps(row, sort_keys=True) for row in rows]
    parts = [[row.get(name) for name in names] for row in rows]
    missing = [number for number, key in enumerate(parts, 1) if any(part in (None, "") for part in key)]
    if missing:
        text = f"{source.endpoint.method}: row {missing[0]} of the page {where} lacks its key {', '.join(names)}"
        raise UntrustedError(text, method=source.endpoint.method)
    return [key[0] if len(names) == 1 else tuple(map(str, key)) for key in parts]


class Deduplicator:
    """Lets a row of several lists through once: an event that lasts beyond a date range lies in the next one, too."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._seen: set[Any] = set()

    def __call__(self, source: ListSpec, rows: list[Row]) -> list[Row]:
        """The rows whose key is new; all, where nothing but content tells rows apart, which may repeat."""
        if source.identity is not None and not source.identity:
            return rows
        constants = tuple(source.constants.items())
        keys = [(constants, str(key)) for key in keys_of(source, rows, "of several lists")]
        fresh = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._seen}
        self._seen.update(fresh)
        return list(fresh.values())


def ids_of(source: ListSpec, rows: Sequence[Row], where: str) -> list[int]:
    """The ids of a page.

    Raises:
        UntrustedError: A row lacks its id, or has one that is no number.
    """
    name = source.endpoint.key
    try:
        return [int(row[name]) for row in rows]
    except (KeyError, TypeError, ValueError):
        keys_of(replace(source, identity=(name,)), rows, where)
        text = f"{source.endpoint.method}: a row of the page {where} whose {name} is no number"
        raise UntrustedError(text, method=source.endpoint.method) from None


@lru_cache(maxsize=16_384)
def parse_datetime(text: str) -> datetime:
    """A portal's date-time in UTC."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(UTC)


def rows_within(source: ListSpec, rows: list[Row], window: Window | None, *, margin: bool = False) -> list[Row]:
    """The rows whose stamp lies in the half-open window.

    Args:
        source: Knows which key holds the stamp, and which one stands in where it is null.
        rows: As the portal sent them.
        window: None, or no stamp: all rows.
        margin: Use the widened bounds the portal was asked with, moved as far as it may have moved them.

    Raises:
        UntrustedError: A row has no readable stamp although the list was filtered by it.
    """
    stamp = source.replication_key
    if window is None or stamp is None:
        return rows
    slack = timedelta(seconds=2 * stamp.timezone_margin if margin else 0)
    low = window.low - slack if window.low else datetime.min.replace(tzinfo=UTC)
    high = window.high + slack if window.high else datetime.max.replace(tzinfo=UTC)
    try:
        return [
            row for row in rows if low <= parse_datetime(row.get(stamp.row_key) or row.get(stamp.fallback) or "") < high
        ]
    except (TypeError, ValueError, OverflowError):
        text = f"{source.endpoint.method}: a row without a readable {stamp.row_key}, the date it is filtered by"
        raise UntrustedError(text, method=source.endpoint.method) from None


def is_ignorable(source: ListSpec, error: PortalError) -> bool:
    """Whether an error only says that this list does not exist here; codes and texts both occur for that."""
    told = f"{error.code} {error}".lower()
    return any(phrase in told for phrase in source.ignorable_errors)
