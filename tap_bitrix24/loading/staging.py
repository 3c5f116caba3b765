"""One batch of one stream: raw lines → DuckDB's JSON reader → checked, typed rows → the stream's table.

Lines are read twice by DuckDB's C++, never by Python. Each row carries a hash of its keys; the first line of every
new hash is looked at in Python, for columns the SCHEMA does not name and for keys given twice.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import duckdb
import orjson

from tap_bitrix24.loading.columns import RAW_TYPES, ColumnType, read_sql, store_sql
from tap_bitrix24.loading.errors import LoadError
from tap_bitrix24.loading.names import literal, quoted
from tap_bitrix24.loading.tables import VERSION, Table

_SLICE = 1024
"""Lines joined for one write."""
_LEAST_BUFFER = 1 << 20


@dataclass(slots=True)
class Batch:
    """Raw RECORD lines of one stream, and where in the input they stood."""

    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@contextlib.contextmanager
def lines_file(lines: Sequence[bytes]) -> Iterator[str]:
    """A file of the lines for DuckDB to read: in memory on Linux, so that not even SIGKILL leaves it behind."""
    with _scratch() as (file, path):
        for start in range(0, len(lines), _SLICE):
            file.write(b"\n".join(lines[start : start + _SLICE]) + b"\n")
        file.flush()
        yield path


@contextlib.contextmanager
def _scratch() -> Iterator[tuple[IO[bytes], str]]:
    """An empty file to write, and the path DuckDB finds it under."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("batch"), "wb") as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as named:
            yield named.file, named.name


def stage(connection: duckdb.DuckDBPyConnection, table: Table, lines: Sequence[bytes]) -> None:
    """Read lines into the temporary table `stage` (c0, c1, … as stored, version, shape), in their order.

    Raises:
        duckdb.Error: A line is not JSON, or a value does not fit; `diagnosis` finds out which.
    """
    with lines_file(lines) as path:
        connection.execute(_stage_sql(table, path, max(map(len, lines))))


def _stage_sql(table: Table, path: str, longest: int) -> str:
    record = {each.name: RAW_TYPES[each.type] for each in table.columns}
    structure = orjson.dumps({"version": "JSON", "record": record}).decode()
    raws = [f"line.record.{quoted(each.name)} AS r{i}" for i, each in enumerate(table.columns)]
    values = [
        f"CASE WHEN r{i} IS NOT NULL THEN coalesce({stored_value(table, i)}, error('column ' || r{i})) END AS c{i}"
        for i in range(len(table.columns))
    ]
    version = read_sql(ColumnType.BIGINT, "v")
    return f"""
        CREATE OR REPLACE TEMP TABLE stage AS
        SELECT {", ".join(values)}, shape,
            CASE WHEN v IS NOT NULL THEN coalesce({version}, error('version ' || v)) END AS version
        FROM (SELECT {", ".join(raws)}, line.version AS v, hash(keys, line.record IS NULL) AS shape
        FROM (SELECT from_json(json, {literal(structure)}) AS line,
            json_keys(json, ['$', '$.record']) AS keys
        FROM read_ndjson_objects({literal(path)}, maximum_object_size={max(longest + 1, _LEAST_BUFFER)})))
    """


def stored_value(table: Table, index: int) -> str:
    """SQL from the raw value of a column to the one that is stored; NULL where it does not fit."""
    wanted = table.columns[index]
    return store_sql(wanted.type, table.stored[wanted.name], f"({read_sql(wanted.type, f'r{index}')})")


def prepare_batch(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> bool:
    """Stage a batch and give its table the columns it lacks; whether each row has a key of its own.

    To be run outside a transaction: a column added for rows that then fail is empty and stays.
    """
    stage(connection, table, batch.lines)
    if _add_undeclared(connection, table, batch):
        stage(connection, table, batch.lines)
    if VERSION not in table.stored and _one(connection, "SELECT count(version) FROM temp.stage")[0]:
        table.add(connection, VERSION, ColumnType.BIGINT)
    return _has_distinct_keys(connection, table, batch)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    return row or ()


def _add_undeclared(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> bool:
    """Look at one line of each new shape; whether columns were added for keys the SCHEMA does not name."""
    known = {each.name for each in table.columns}
    found: dict[str, None] = {}
    shapes = connection.execute("SELECT shape, min(rowid) FROM temp.stage GROUP BY shape ORDER BY 2").fetchall()
    for shape, row in shapes:
        if shape not in table.shapes:
            keys = _record_keys(connection, batch.lines[row], f"line {batch.numbers[row]}, stream {table.stream}")
            found.update(dict.fromkeys(key for key in keys if key not in known))
    for name in found:
        table.add_undeclared(connection, name)
    table.shapes.update(shape for shape, _ in shapes)
    return bool(found)


def _record_keys(connection: duckdb.DuckDBPyConnection, line: bytes, where: str) -> list[str]:
    """The keys of a line's record, each given once; DuckDB's JSON reader is the judge here too."""
    found = connection.execute(
        "SELECT json_keys(j), json_keys(j, '$.record'), json_type(j, '$.record') FROM (SELECT ?::JSON AS j)",
        [line.decode()],
    ).fetchone()
    envelope, keys, kind = found or ([], [], None)
    if kind != "OBJECT":
        msg = f"{where}: RECORD has no record object"
        raise LoadError(msg)
    for names in (envelope, keys):
        twice = next((name for name, times in Counter(names).items() if times > 1), None)
        if twice is not None:
            msg = f"{where}: the key {twice!r} is given twice"
            raise LoadError(msg)
    return list(keys)


def _has_distinct_keys(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> bool:
    """Whether every row has a key of its own; an error if one has none."""
    if not table.key:
        return True
    names = [each.name for each in table.columns]
    columns = [f"c{names.index(name)}" for name in table.key]
    absent = " OR ".join(f"{column} IS NULL" for column in columns)
    key = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    rows, keys, row = _one(
        connection,
        f"SELECT count(*), count(DISTINCT {key}), min(rowid) FILTER (WHERE {absent}) FROM temp.stage",
    )
    if row is not None:
        msg = f"line {batch.numbers[row]}, stream {table.stream}: no value in the primary key {list(table.key)}"
        raise LoadError(msg)
    return bool(rows == keys)


def insert(connection: duckdb.DuckDBPyConnection, table: Table, *, distinct: bool) -> None:
    """Upsert the staged rows by key, or append without one; to be run in a transaction.

    A record replaces the whole row: what it does not name is NULL. Old rows are deleted first: INSERT OR REPLACE
    reads every old row out of its compressed block, which took up to 40 times as long, and keeps the older of two
    rows with one key in a batch.
    """
    index = {each.name: f"c{i}" for i, each in enumerate(table.columns)} | {VERSION: "version"}
    last = ""
    if table.key:
        same = " AND ".join(f"old.{quoted(name)} = stage.{index[name]}" for name in table.key)
        connection.execute(f"DELETE FROM {table.sql} AS old USING temp.stage AS stage WHERE {same}")
    if not distinct:
        key = ", ".join(index[name] for name in table.key)
        last = f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY rowid DESC) = 1"
    values = ", ".join(index.get(name, "NULL") for name in table.stored)
    connection.execute(f"INSERT INTO {table.sql} SELECT {values} FROM temp.stage{last}")
    connection.execute("DROP TABLE temp.stage")
