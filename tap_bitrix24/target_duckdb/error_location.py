"""Finds the line, column and value for which DuckDB refused a batch. Slow: it runs once, before the loader fails."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import orjson

from tap_bitrix24.target_duckdb.batch import RecordBatch, lines_file
from tap_bitrix24.target_duckdb.columns import RAW_TYPES
from tap_bitrix24.target_duckdb.errors import LoadError, one_line
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.json_reader import read_into_staging, stored_value_sql
from tap_bitrix24.target_duckdb.tables import Table

_MAX_SHOWN = 60
"""Characters of a value that a message shows."""


def locate_error(connection: duckdb.DuckDBPyConnection, table: Table, batch: RecordBatch) -> LoadError | None:
    """Return an error that names the first line DuckDB refuses, or None if it accepts all lines now.

    To be called outside a transaction. It bisects the batch: reads the first half, and so on.
    """
    lines = batch.lines
    accepted, refused = 0, len(lines)
    error = _read_error(connection, table, lines)
    if error is None:
        return None
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        error_before_middle = _read_error(connection, table, lines[accepted:middle])
        if error_before_middle is None:
            accepted = middle
        else:
            refused, error = middle, error_before_middle
    reason = _reason(connection, table, lines[accepted], error)
    return LoadError(f"line {batch.line_numbers[accepted]}, stream {table.stream}: {reason}")


def _read_error(connection: duckdb.DuckDBPyConnection, table: Table, lines: Sequence[bytes]) -> duckdb.Error | None:
    try:
        read_into_staging(connection, table, lines)
    except duckdb.Error as error:
        return error
    return None


def _reason(connection: duckdb.DuckDBPyConnection, table: Table, line: bytes, error: duckdb.Error) -> str:
    """Return why a single line is refused: its JSON, its first value that does not fit, or else DuckDB's message."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as json_error:
        return f"not JSON: {json_error}"
    record = message.get("record")
    for index, column in enumerate(table.columns):
        if (
            isinstance(record, dict)
            and record.get(column.name) is not None
            and not _fits(connection, table, index, line)
        ):
            text = orjson.dumps(record[column.name]).decode()
            value = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
            stored = table.stored[column.name]
            return f"column {column.name!r}: {value} does not fit {column.type}" + (
                "" if stored is column.type else f", stored as {stored}"
            )
    return one_line(error)


def _fits(connection: duckdb.DuckDBPyConnection, table: Table, index: int, line: bytes) -> bool:
    """Return whether the value of one column can be stored."""
    column = table.columns[index]
    structure = orjson.dumps({"record": {column.name: RAW_TYPES[column.type]}}).decode()
    with lines_file([line]) as path:
        row = connection.execute(
            f"SELECT {stored_value_sql(table, index)} IS NOT NULL FROM"
            f" (SELECT from_json(json, {literal(structure)}).record.{quoted(column.name)} AS r{index}"
            f" FROM read_ndjson_objects({literal(path)}, maximum_object_size={len(line) + (1 << 20)}))"
        ).fetchone()
    return row is None or bool(row[0])
