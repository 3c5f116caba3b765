"""Comparison of a DuckDB table with the portal's rows, by rules of this module, independent of the tap's."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from tests.support.loading import opened

SIGNED = re.compile(r"auth=[^&]*&?")
"""What the tap removes from links (docs/decisions.md#decision-8)."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")
PORTAL_TABLES = {"crm_activities": "activities", "crm_statuses": "statuses"}
"""Stream → the portal's table, where the names differ."""


def _date(value: str) -> date:
    moment = datetime.fromisoformat(value)
    return moment.date() if moment.time() == time() else moment.astimezone(UTC).date()


def _is_empty(value: Any) -> bool:
    """Return whether a value of the portal or of the table means "no value"; 0 is a value."""
    return value is None or value is False or value in ("", [], {})


def _texts(value: Any, *, days: bool = False) -> Any:
    """Return a value with its scalars as text, so that 5 and "5" are the same; links without their secret part.

    Args:
        value: Of a JSON column.
        days: Take midnights for dates; the portal writes both alike.
    """
    if _is_empty(value):
        return None
    if isinstance(value, dict):
        return {key: _texts(inner, days=days) for key, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner, days=days) for inner in value]
    if isinstance(value, str) and MOMENT.fullmatch(value):
        moment = datetime.fromisoformat(value)
        midnight = time() in (moment.time(), moment.astimezone(UTC).time())
        return str(_date(value) if midnight and days else moment.astimezone(UTC))
    return SIGNED.sub("", str(value))


CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "DOUBLE": lambda value: float(str(value).partition("|")[0]),
    "DATE": _date,
    "TIMESTAMP WITH TIME ZONE": lambda value: datetime.fromisoformat(value).astimezone(UTC),
}
"""DuckDB type → converter of a value of the portal."""


def same(found: Any, value: Any, type_: str) -> bool:
    """Return whether the value of a DuckDB column equals the portal's."""
    if type_ == "JSON":
        loaded = _texts(None if found is None else json.loads(found))
        return loaded in (_texts(value), _texts(value, days=True))
    if type_ == "BOOLEAN":
        return bool(found is None if value in (None, "") else found is (value in ("Y", "1", 1, True)))
    return bool(found == (None if _is_empty(value) else CONVERTED.get(type_, str)(value)))


def differences(database: Path, stream: str, truth: Iterable[Mapping[str, Any]], *, gone: int = 0) -> list[str]:
    """Return what is wrong with a table; an empty list if nothing is.

    Args:
        database: A loaded file.
        stream: The table's name; its columns are the portal's names in lower case.
        truth: The portal's rows.
        gone: Number of rows the table may have that the portal has deleted since.
    """
    wrong: list[str] = []
    with opened(database) as connection:
        answer = connection.execute(f'SELECT * FROM "{stream}"')  # noqa: S608 - a stream's name
        names = [(str(column[0]), str(column[1])) for column in answer.description or ()]
        compared = [(place, name.upper(), type_) for place, (name, type_) in enumerate(names)]
        key = next(place for place, (name, _) in enumerate(names) if name == "id")
        rows = answer.fetchall()
    table = {row[key]: row for row in rows}
    if len(table) < len(rows):
        wrong.append(f"{len(rows) - len(table)} ids come more than once")
    for row in truth:
        found = table.pop(int(row["ID"]), None)
        if found is None:
            wrong.append(f"id {row['ID']} is missing")
            continue
        for place, name, type_ in compared:
            nobody = name.endswith("_ID") and str(row.get(name)) == "0" and found[place] is None  # a reference of 0
            if name in row and not nobody and not same(found[place], row[name], type_):
                wrong.append(f"id {row['ID']}, {name}: {found[place]!r} for {row[name]!r}")
    if len(table) > gone:
        wrong.append(f"{len(table)} rows that the portal does not have")
    return wrong
