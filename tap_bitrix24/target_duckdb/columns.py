r"""JSON schema → column types, and the SQL that reads a JSON value strictly into one.

DuckDB's own conversions are too kind: 1.5 becomes 2 in a BIGINT, `true` becomes 1, a date-time loses its time in
a DATE. Each expression here yields NULL for a value that does not fit, so that NULL for a value that is there
means an error.

| schema \ stored | BIGINT | DOUBLE  | BOOLEAN | DATE | TIMESTAMPTZ | VARCHAR | JSON |
|-----------------|--------|---------|---------|------|-------------|---------|------|
| integer         | same   | DOUBLE¹ | JSON    | JSON | JSON        | VARCHAR | JSON |
| number          | DOUBLE¹| same    | JSON    | JSON | JSON        | VARCHAR | JSON |
| boolean         | JSON   | JSON    | same    | JSON | JSON        | VARCHAR | JSON |
| date            | JSON   | JSON    | JSON    | same | TIMESTAMPTZ | VARCHAR | JSON |
| date-time       | JSON   | JSON    | JSON    | TIMESTAMPTZ | same | VARCHAR | JSON |
| string          | VARCHAR| VARCHAR | VARCHAR | VARCHAR | VARCHAR  | same    | JSON |
| anything else   | JSON   | JSON    | JSON    | JSON | JSON        | JSON    | same |

A JSON column keeps a value with its key order, repeated keys and integers of any length, without white space between
tokens; other numbers are kept as doubles (1.50 becomes 1.5). A number column holds the nearest double, but refuses an
integer that is not exact. A date-time without an offset is UTC; one finer than a microsecond is refused.

¹ where every integer is exact as a DOUBLE: stored ones that are not make the column JSON, new ones are errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ColumnType(StrEnum):
    """The types the loader writes, by DuckDB's names."""

    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"
    VARCHAR = "VARCHAR"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the stream's schema wants it."""

    name: str
    type: ColumnType
    comment: str = ""


_SIMPLE: Mapping[str, ColumnType] = {
    "integer": ColumnType.BIGINT,
    "number": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.VARCHAR,
}
_FORMATS: Mapping[str, ColumnType] = {"date": ColumnType.DATE, "date-time": ColumnType.TIMESTAMPTZ}


def _alternatives(schema: Mapping[str, Any]) -> Iterator[ColumnType | None]:
    """Types a value may have, null left out; None stands for one that says nothing."""
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        if name == "string":
            yield _FORMATS.get(schema.get("format", ""), ColumnType.VARCHAR)
        elif name != "null":
            yield _SIMPLE.get(name, ColumnType.JSON)
    for branch in branches:
        yield from _alternatives(branch) if isinstance(branch, Mapping) else [None]
    if not types and not branches:
        yield None


def column_type(schema: Mapping[str, Any]) -> ColumnType:
    """The type of a property; several types, or none, are JSON, which holds any value."""
    found = set(_alternatives(schema))
    only = found.pop() if len(found) == 1 else None
    return only or ColumnType.JSON


def column(name: str, schema: Mapping[str, Any]) -> Column:
    """A property of a stream's schema as a column, commented with its title and description."""
    words = [str(schema[key]) for key in ("title", "description") if schema.get(key)]
    return Column(name, column_type(schema), ": ".join(dict.fromkeys(words)))


def widened(stored: ColumnType, wanted: ColumnType) -> ColumnType:
    """The narrowest type that holds the values of both; the table is in the module's docstring."""
    pair = {stored, wanted}
    if len(pair) == 1:
        return stored
    if pair == {ColumnType.BIGINT, ColumnType.DOUBLE}:
        return ColumnType.DOUBLE
    if pair == {ColumnType.DATE, ColumnType.TIMESTAMPTZ}:
        return ColumnType.TIMESTAMPTZ
    return ColumnType.VARCHAR if ColumnType.VARCHAR in pair and ColumnType.JSON not in pair else ColumnType.JSON


RAW_TYPES: Mapping[ColumnType, str] = {
    **dict.fromkeys(ColumnType, "JSON"),
    ColumnType.DATE: "VARCHAR",
    ColumnType.TIMESTAMPTZ: "VARCHAR",
}
"""How a value is taken out of the line: JSON tells 12 from "12"; dates need no telling, their pattern does it."""

_DATETIME = r"\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{{1,6}}0*)?)?(Z|[+-]\d\d(:?\d\d)?)?"
_NAN = "(?i)(^|[:\\[,-])(nan|inf)"
_STRINGS = r'"(\\.|[^"\\])*"'

_READ: Mapping[ColumnType, str] = {
    ColumnType.BIGINT: "CASE WHEN NOT (contains({0}::VARCHAR, '.') OR contains({0}::VARCHAR, 'e'))"
    " THEN TRY_CAST({0}::VARCHAR AS BIGINT)"
    " WHEN regexp_full_match({0}::VARCHAR, '-?[0-9]{{1,15}}\\.0') THEN TRY_CAST({0}::VARCHAR AS BIGINT) END",
    ColumnType.DOUBLE: "CASE WHEN NOT isfinite(TRY_CAST({0}::VARCHAR AS DOUBLE)) THEN NULL"
    " WHEN strlen({0}::VARCHAR) <= 15 OR contains({0}::VARCHAR, '.') OR contains({0}::VARCHAR, 'e')"
    " THEN TRY_CAST({0}::VARCHAR AS DOUBLE)"
    " WHEN TRY_CAST({0}::VARCHAR AS HUGEINT) IS NOT DISTINCT FROM"
    " TRY_CAST(TRY_CAST({0}::VARCHAR AS DOUBLE) AS HUGEINT) THEN TRY_CAST({0}::VARCHAR AS DOUBLE) END",
    ColumnType.BOOLEAN: "CASE {0}::VARCHAR WHEN 'true' THEN true WHEN 'false' THEN false END",
    ColumnType.DATE: "CASE WHEN regexp_full_match({0}, '\\d{{4}}-\\d\\d-\\d\\d') THEN TRY_CAST({0} AS DATE) END",
    ColumnType.TIMESTAMPTZ: "CASE WHEN {0} LIKE '____-__-__T__:__:__Z' THEN TRY_CAST({0} AS TIMESTAMPTZ)"
    f" WHEN regexp_full_match(upper({{0}}), '{_DATETIME}') THEN TRY_CAST(upper({{0}}) AS TIMESTAMPTZ) END",
    ColumnType.VARCHAR: "CASE WHEN starts_with({0}::VARCHAR, '\"') THEN {0} ->> '$' END",
    ColumnType.JSON: "CASE WHEN NOT regexp_matches({0}::VARCHAR, '(?i)nan|inf') THEN {0}"
    f" WHEN NOT regexp_matches(regexp_replace({{0}}::VARCHAR, '{_STRINGS}', '\"\"', 'g'), '{_NAN}') THEN {{0}} END",
}
"""A cheap test comes first where one is enough for nearly all values; DuckDB evaluates all of a condition, but no
WHEN for rows that an earlier one took."""


def read_sql(wanted: ColumnType, raw: str) -> str:
    """SQL that turns a raw value (see `RAW_TYPES`) into the schema's type; NULL where it does not fit."""
    return _READ[wanted].format(raw)


def store_sql(value_type: ColumnType, stored: ColumnType, value: str) -> str:
    """SQL that turns a value of one type into the wider one its column has; NULL where that would lose something."""
    if value_type is stored:
        return value
    if stored is ColumnType.DOUBLE:
        return f"CASE WHEN {value}::DOUBLE::HUGEINT = {value} THEN {value}::DOUBLE END"
    if stored is ColumnType.TIMESTAMPTZ:
        return f"{value}::TIMESTAMPTZ"
    if value_type is ColumnType.TIMESTAMPTZ:
        value = f"replace(replace({value}::VARCHAR, ' ', 'T'), '+00', 'Z')"
    return f"to_json({value})" if stored is ColumnType.JSON else f"to_json({value}) ->> '$'"
