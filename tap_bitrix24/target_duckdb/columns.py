r"""JSON Schema → column types, and the SQL that converts JSON values to them strictly.

DuckDB's own casts are too lenient: 1.5 becomes 2 in a BIGINT, `true` becomes 1, a date-time loses its time in
a DATE. Each expression here returns NULL for a value that does not fit; the reader raises an error where a value that
is not null comes out as NULL.

A stored column whose declared type changes gets the narrowest type that holds the values of both:

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
tokens; other numbers are kept as doubles (1.50 becomes 1.5). A DOUBLE column holds the nearest double; an integer that
is not exact as a double is an error. A date-time without an offset is UTC; one finer than a microsecond is an error.

¹ if every integer is exact as a DOUBLE: stored integers that are not turn the column into JSON, new ones are errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ColumnType(StrEnum):
    """The column types the loader creates, by their DuckDB names."""

    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"
    VARCHAR = "VARCHAR"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column as the stream's SCHEMA message declares it."""

    name: str
    type: ColumnType
    comment: str = ""


_TYPES: Mapping[str, ColumnType] = {
    "integer": ColumnType.BIGINT,
    "number": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.VARCHAR,
}
_FORMATS: Mapping[str, ColumnType] = {"date": ColumnType.DATE, "date-time": ColumnType.TIMESTAMPTZ}


def _alternatives(schema: Mapping[str, Any]) -> Iterator[ColumnType | None]:
    """Yield the column type of each alternative but null; None for an alternative without a type."""
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        if name == "string":
            yield _FORMATS.get(schema.get("format", ""), ColumnType.VARCHAR)
        elif name != "null":
            yield _TYPES.get(name, ColumnType.JSON)
    for branch in branches:
        yield from _alternatives(branch) if isinstance(branch, Mapping) else [None]
    if not types and not branches:
        yield None


def column_type(schema: Mapping[str, Any]) -> ColumnType:
    """Return the column type of a property: JSON, which holds any value, if it has several types or none."""
    types = set(_alternatives(schema))
    only = types.pop() if len(types) == 1 else None
    return only or ColumnType.JSON


def column(name: str, schema: Mapping[str, Any]) -> DeclaredColumn:
    """Return a property of a schema as a column; its comment is made of the property's title and description."""
    texts = [str(schema[key]) for key in ("title", "description") if schema.get(key)]
    return DeclaredColumn(name, column_type(schema), ": ".join(dict.fromkeys(texts)))


def common_type(stored: ColumnType, declared: ColumnType) -> ColumnType:
    """Return the narrowest type that holds the values of both; see the table in the module's docstring."""
    pair = {stored, declared}
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
"""The type as which DuckDB extracts a value from the line: JSON, which keeps 12 and "12" apart; text for dates and
date-times, whose pattern excludes all other values."""

_DATETIME = r"\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{{1,6}}0*)?)?(Z|[+-]\d\d(:?\d\d)?)?"
_NAN = "(?i)(^|[:\\[,-])(nan|inf)"
_STRINGS = r'"(\\.|[^"\\])*"'

_PARSE: Mapping[ColumnType, str] = {
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
"""SQL by type, `{0}` standing for the raw value. For speed the first WHEN is a cheap test that covers nearly all
values: DuckDB evaluates every part of a condition, but evaluates a later WHEN only for the remaining rows."""


def parse_sql(declared: ColumnType, raw: str) -> str:
    """Return SQL that converts a raw value (see `RAW_TYPES`) to the declared type; NULL where it does not fit."""
    return _PARSE[declared].format(raw)


def widen_sql(value_type: ColumnType, stored: ColumnType, value: str) -> str:
    """Return SQL that converts a value to the wider type of its column; NULL where that would lose precision."""
    if value_type is stored:
        return value
    if stored is ColumnType.DOUBLE:
        return f"CASE WHEN {value}::DOUBLE::HUGEINT = {value} THEN {value}::DOUBLE END"
    if stored is ColumnType.TIMESTAMPTZ:
        return f"{value}::TIMESTAMPTZ"
    if value_type is ColumnType.TIMESTAMPTZ:
        value = f"replace(replace({value}::VARCHAR, ' ', 'T'), '+00', 'Z')"
    return f"to_json({value})" if stored is ColumnType.JSON else f"to_json({value}) ->> '$'"
