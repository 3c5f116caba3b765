"""RECORD lines → typed rows, by DuckDB's JSON reader; Python parses no record.

The reader infers the keys of all lines from the first one. So a template line with exactly the columns of the table is
put before the lines of a batch: DuckDB extracts each value as its JSON text, and refuses a line that has another key or
the same key twice. Only after a batch was refused are its keys examined: those without a column get one
(`add_missing_columns`), and the batch is read again.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import duckdb
import orjson

from tap_bitrix24.target_duckdb.batch import RecordBatch, lines_file
from tap_bitrix24.target_duckdb.columns import RAW_TYPES, ColumnType, DeclaredColumn, parse_sql, widen_sql
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.tables import VERSION_COLUMN, Table

_MIN_BUFFER_BYTES = 1 << 20


def _template_line(table: Table) -> bytes:
    """Return the line from which DuckDB infers the keys: it extracts as JSON what is {} here, as VARCHAR what is ""."""
    samples = {"JSON": {}, "VARCHAR": ""}
    record = {each.name: samples[RAW_TYPES[each.type]] for each in table.columns}
    return orjson.dumps({"type": "", "stream": "", "time_extracted": "", "version": {}, "record": record}) + b"\n"


@contextlib.contextmanager
def rows_sql(table: Table, parts: Sequence[bytes]) -> Iterator[str]:
    """Yield SQL for the rows of the lines, in their order: columns c0, c1 … in the stored types, and version.

    The SQL raises an error for a value that does not fit, and for a record with an unknown key as long as all columns
    are selected. It does not select `time_extracted`, so unknown keys beside the record are allowed.
    """
    raw_values = [f"json.record.{quoted(each.name)} AS r{i}" for i, each in enumerate(table.columns)]
    values = [
        f"CASE WHEN r{i} IS NOT NULL THEN coalesce({stored_value_sql(table, i)}, error('column ' || r{i})) END AS c{i}"
        for i in range(len(table.columns))
    ]
    has_versions = VERSION_COLUMN in table.stored
    version = f"coalesce({parse_sql(ColumnType.BIGINT, 'v')}, error('version ' || v))" if has_versions else "NULL"
    lines = [_template_line(table), *parts]
    with lines_file(lines) as path:
        yield f"""
            SELECT {", ".join(values)}, CASE WHEN v IS NOT NULL THEN {version} END AS version
            FROM (SELECT {", ".join(raw_values)}, json.version AS v
            FROM read_json({literal(path)}, format = 'newline_delimited', records = 'false', sample_size = 1,
                field_appearance_threshold = 0, map_inference_threshold = -1, {_buffer_option(lines)})
            WHERE CASE WHEN json.type = '' OR json.stream = '' THEN false
                WHEN json.record IS NULL THEN error('no record')
                WHEN {not has_versions} AND json.version IS NOT NULL THEN error('version') ELSE true END)
        """


def _buffer_option(parts: Iterable[bytes]) -> str:
    """Return the reader option that admits lines of any length."""
    return f"maximum_object_size = {max(_MIN_BUFFER_BYTES, *map(len, parts))}"


def stored_value_sql(table: Table, index: int) -> str:
    """Return SQL from the raw value `r<index>` of a column to its stored type; NULL where it does not fit."""
    column = table.columns[index]
    return widen_sql(column.type, table.stored[column.name], f"({parse_sql(column.type, f'r{index}')})")


def read_into_staging(connection: duckdb.DuckDBPyConnection, table: Table, parts: Sequence[bytes]) -> None:
    """Read lines into the staging table `stage`, a temporary one.

    Raises:
        duckdb.Error: A line is not JSON, a key has no column, or a value does not fit; `locate_error` finds out which.
    """
    with rows_sql(table, parts) as rows:
        execute_reading(connection, f"CREATE OR REPLACE TEMP TABLE stage AS {rows}")


def execute_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Execute SQL that reads lines; DuckDB's message may quote a line cut within a character, which is no UTF-8.

    Raises:
        duckdb.Error: DuckDB refuses a line.
    """
    try:
        connection.execute(sql)
    except UnicodeDecodeError as error:
        msg = "DuckDB refuses a line; its message is not valid UTF-8."
        raise duckdb.InvalidInputException(msg) from error


def check_reader(connection: duckdb.DuckDBPyConnection) -> None:
    """Make sure that this version of DuckDB refuses unknown keys; otherwise their values would be lost silently.

    Raises:
        LoadError: It ignores unknown keys.
    """
    table = Table("", "", (), [DeclaredColumn("a", ColumnType.JSON)], {"a": ColumnType.JSON})
    with contextlib.suppress(duckdb.Error):
        read_into_staging(connection, table, [b'{"type":"RECORD","stream":"s","record":{"b":1}}\n'])
        msg = f"DuckDB {duckdb.__version__} ignores unknown keys of records: install a version this loader supports."
        raise LoadError(msg)


def add_missing_columns(connection: duckdb.DuckDBPyConnection, table: Table, batch: RecordBatch) -> bool:
    """Add the columns that a refused batch has and its table has not; return whether there were any.

    To be called outside a transaction: a column added for rows that are refused for another reason stays, empty.
    """
    with lines_file(batch.parts) as path:
        distinct_keys = connection.execute(
            "SELECT min(row) FROM (SELECT json, row_number() OVER () - 1 AS row"
            f" FROM read_ndjson_objects({literal(path)}, ignore_errors = true, {_buffer_option(batch.parts)}))"
            " WHERE json IS NOT NULL GROUP BY json_keys(json, ['$', '$.record']) ORDER BY 1"
        ).fetchall()
    before = len(table.columns), len(table.stored)
    lines, numbers = batch.lines, batch.line_numbers
    for (row,) in distinct_keys:
        envelope, record = _keys(connection, lines[row], f"line {numbers[row]}, stream {table.stream}")
        known = {each.name for each in table.columns}
        for name in record:
            if name not in known:
                table.add_undeclared_column(connection, name)
        if "version" in envelope and VERSION_COLUMN not in table.stored:
            table.add_column(connection, VERSION_COLUMN, ColumnType.BIGINT)
    return before != (len(table.columns), len(table.stored))


def _keys(connection: duckdb.DuckDBPyConnection, line: bytes, where: str) -> tuple[list[str], list[str]]:
    """Return the keys of a message and of its record, as DuckDB's JSON reader sees them.

    Raises:
        LoadError: There is no record object, or a key occurs twice.
    """
    found = connection.execute(
        "SELECT json_keys(j), json_keys(j, '$.record'), json_type(j, '$.record') FROM (SELECT ?::JSON AS j)",
        [line.decode()],
    ).fetchone()
    envelope, record, type_ = found or ([], [], None)
    if type_ != "OBJECT":
        msg = f"{where}: RECORD has no record object"
        raise LoadError(msg)
    for names in (envelope, record):
        duplicate = next((name for name, times in Counter(names).items() if times > 1), None)
        if duplicate is not None:
            msg = f"{where}: duplicate key {duplicate!r}"
            raise LoadError(msg)
    return envelope, record
