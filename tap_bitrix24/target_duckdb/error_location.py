"""Which line, column and value a failed batch is about. Slow on purpose: it runs once, before the loader ends."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import orjson

from tap_bitrix24.target_duckdb.batches import Batch, lines_file, stage, stored_value
from tap_bitrix24.target_duckdb.columns import RAW_TYPES
from tap_bitrix24.target_duckdb.errors import LoadError, one_line
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.tables import Table

_SHOWN = 60
"""Characters of a value an error shows."""


def diagnose(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> LoadError | None:
    """Name the first line DuckDB refuses; None if it takes all of them now. To be run outside a transaction."""
    lines = batch.lines
    good, bad = 0, len(lines)
    failure = _failure(connection, table, lines)
    if failure is None:
        return None
    while bad - good > 1:
        middle = (good + bad) // 2
        found = _failure(connection, table, lines[good:middle])
        if found is None:
            good = middle
        else:
            bad, failure = middle, found
    line = lines[good]
    return LoadError(f"line {batch.numbers[good]}, stream {table.stream}: {_reason(connection, table, line, failure)}")


def _failure(connection: duckdb.DuckDBPyConnection, table: Table, lines: Sequence[bytes]) -> duckdb.Error | None:
    try:
        stage(connection, table, lines)
    except duckdb.Error as error:
        return error
    return None


def _reason(connection: duckdb.DuckDBPyConnection, table: Table, line: bytes, failure: duckdb.Error) -> str:
    """What is wrong with a single line."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    record = message.get("record")
    for index, column in enumerate(table.columns):
        if isinstance(record, dict) and record.get(column.name) is not None and _misfit(connection, table, index, line):
            shown = orjson.dumps(record[column.name]).decode()
            value = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
            stored = table.stored[column.name]
            return f"column {column.name!r}: {value} does not fit {column.type}" + (
                "" if stored is column.type else f", stored as {stored}"
            )
    return one_line(failure)


def _misfit(connection: duckdb.DuckDBPyConnection, table: Table, index: int, line: bytes) -> bool:
    column = table.columns[index]
    structure = orjson.dumps({"record": {column.name: RAW_TYPES[column.type]}}).decode()
    with lines_file([line]) as path:
        row = connection.execute(
            f"SELECT {stored_value(table, index)} IS NULL FROM"
            f" (SELECT from_json(json, {literal(structure)}).record.{quoted(column.name)} AS r{index}"
            f" FROM read_ndjson_objects({literal(path)}, maximum_object_size={len(line) + (1 << 20)}))"
        ).fetchone()
    return bool(row and row[0])
