"""One batch of one stream: raw lines → DuckDB's JSON reader → checked, typed rows → the stream's table.

Lines are read once, by DuckDB's C++ and never by Python. A line of our own stands before them: DuckDB takes from it
which keys there are, each to be handed over as its JSON text, and refuses a line with another key, or one given twice.
Only then keys are looked at: those the SCHEMA does not name become columns, and the batch is read again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

import duckdb
import orjson

from tap_bitrix24.target_duckdb.columns import RAW_TYPES, Column, ColumnType, read_sql, store_sql
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.tables import VERSION, Table

_LEAST_BUFFER = 1 << 20


@dataclass(slots=True)
class Batch:
    """Raw RECORD lines of one stream, and where in the input they stood; a part is whole lines one after the other."""

    parts: list[bytes] = field(default_factory=list)
    places: list[range] = field(default_factory=list)
    """The line numbers of each part."""

    def add(self, part: bytes, first: int, count: int = 1) -> None:
        """Take in lines that follow one another."""
        self.parts.append(part)
        self.places.append(range(first, first + count))

    @property
    def lines(self) -> list[bytes]:
        """The lines one by one, each with its line feed."""
        return [line + b"\n" for line in b"".join(self.parts).split(b"\n")[:-1]]

    @property
    def numbers(self) -> list[int]:
        """The number of each line."""
        return list(itertools.chain(*self.places))


@contextlib.contextmanager
def lines_file(parts: Iterable[bytes]) -> Iterator[str]:
    """A file of lines for DuckDB to read: in memory on Linux, so that not even SIGKILL leaves it behind."""
    with _scratch() as (file, path):
        file.writelines(parts)
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


def _first_line(table: Table) -> bytes:
    """What DuckDB learns the keys from; it hands over as JSON what is {} here, and as VARCHAR what is a text."""
    samples = {"JSON": {}, "VARCHAR": ""}
    record = {each.name: samples[RAW_TYPES[each.type]] for each in table.columns}
    return orjson.dumps({"type": "", "stream": "", "time_extracted": "", "version": {}, "record": record}) + b"\n"


@contextlib.contextmanager
def _rows(table: Table, parts: Sequence[bytes]) -> Iterator[str]:
    """SQL for the rows of the lines, in their order: c0, c1, … as stored, version.

    It fails where a value does not fit, and for a key there is no column for, as long as all columns are asked for.
    Of the envelope, `time_extracted` is not, so other keys there are allowed.
    """
    raws = [f"json.record.{quoted(each.name)} AS r{i}" for i, each in enumerate(table.columns)]
    values = [
        f"CASE WHEN r{i} IS NOT NULL THEN coalesce({stored_value(table, i)}, error('column ' || r{i})) END AS c{i}"
        for i in range(len(table.columns))
    ]
    versions = VERSION in table.stored
    version = f"coalesce({read_sql(ColumnType.BIGINT, 'v')}, error('version ' || v))" if versions else "NULL"
    told = [_first_line(table), *parts]
    with lines_file(told) as path:
        yield f"""
            SELECT {", ".join(values)}, CASE WHEN v IS NOT NULL THEN {version} END AS version
            FROM (SELECT {", ".join(raws)}, json.version AS v
            FROM read_json({literal(path)}, format = 'newline_delimited', records = 'false', sample_size = 1,
                field_appearance_threshold = 0, map_inference_threshold = -1, {_longest(told)})
            WHERE CASE WHEN json.type = '' OR json.stream = '' THEN false
                WHEN json.record IS NULL THEN error('no record')
                WHEN {not versions} AND json.version IS NOT NULL THEN error('version') ELSE true END)
        """


def _longest(parts: Iterable[bytes]) -> str:
    """The option that has DuckDB read lines of any length."""
    return f"maximum_object_size = {max(_LEAST_BUFFER, *map(len, parts))}"


def stored_value(table: Table, index: int) -> str:
    """SQL from the raw value of a column to the one that is stored; NULL where it does not fit."""
    wanted = table.columns[index]
    return store_sql(wanted.type, table.stored[wanted.name], f"({read_sql(wanted.type, f'r{index}')})")


def stage(connection: duckdb.DuckDBPyConnection, table: Table, parts: Sequence[bytes]) -> None:
    """Read lines into the temporary table `stage`.

    Raises:
        duckdb.Error: A line is not JSON, a key has no column, or a value does not fit; `diagnosis` finds out which.
    """
    with _rows(table, parts) as rows:
        _read(connection, f"CREATE OR REPLACE TEMP TABLE stage AS {rows}")


def _read(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run SQL that reads lines; an error of DuckDB's that quotes a line may end within a character."""
    try:
        connection.execute(sql)
    except UnicodeDecodeError as error:
        msg = "DuckDB refuses a line, and its words for it are no text."
        raise duckdb.InvalidInputException(msg) from error


def check_reader(connection: duckdb.DuckDBPyConnection) -> None:
    """Make sure that DuckDB refuses a key it has not been told of, or its value would be lost in silence.

    Raises:
        LoadError: It does not.
    """
    table = Table("", "", (), [Column("a", ColumnType.JSON)], {"a": ColumnType.JSON})
    with contextlib.suppress(duckdb.Error):
        stage(connection, table, [b'{"type":"RECORD","stream":"s","record":{"b":1}}\n'])
        msg = f"DuckDB {duckdb.__version__} does not tell unknown keys of records: use the version tested."
        raise LoadError(msg)


def add_columns(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> bool:
    """Give a table the columns that a refused batch has and it has not; whether there were any.

    To be run outside a transaction: a column added for rows that then fail is empty and stays.
    """
    with lines_file(batch.parts) as path:
        shapes = connection.execute(
            "SELECT min(row) FROM (SELECT json, row_number() OVER () - 1 AS row"
            f" FROM read_ndjson_objects({literal(path)}, ignore_errors = true, {_longest(batch.parts)}))"
            " WHERE json IS NOT NULL GROUP BY json_keys(json, ['$', '$.record']) ORDER BY 1"
        ).fetchall()
    before = len(table.columns), len(table.stored)
    lines, numbers = batch.lines, batch.numbers
    for (row,) in shapes:
        envelope, record = _keys(connection, lines[row], f"line {numbers[row]}, stream {table.stream}")
        known = {each.name for each in table.columns}
        for name in record:
            if name not in known:
                table.add_undeclared(connection, name)
        if "version" in envelope and VERSION not in table.stored:
            table.add(connection, VERSION, ColumnType.BIGINT)
    return before != (len(table.columns), len(table.stored))


def _keys(connection: duckdb.DuckDBPyConnection, line: bytes, where: str) -> tuple[list[str], list[str]]:
    """The keys of a line and of its record, each given once; DuckDB's JSON reader is the judge here too."""
    found = connection.execute(
        "SELECT json_keys(j), json_keys(j, '$.record'), json_type(j, '$.record') FROM (SELECT ?::JSON AS j)",
        [line.decode()],
    ).fetchone()
    envelope, record, kind = found or ([], [], None)
    if kind != "OBJECT":
        msg = f"{where}: RECORD has no record object"
        raise LoadError(msg)
    for names in (envelope, record):
        twice = next((name for name, times in Counter(names).items() if times > 1), None)
        if twice is not None:
            msg = f"{where}: the key {twice!r} is given twice"
            raise LoadError(msg)
    return envelope, record


def stage_keys(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> bool:
    """Stage a batch whose rows may replace others, outside a transaction; whether every row has a key of its own.

    Raises:
        LoadError: A row has no key.
    """
    stage(connection, table, batch.parts)
    names = [each.name for each in table.columns]
    columns = [f"c{names.index(name)}" for name in table.key]
    absent = " OR ".join(f"{column} IS NULL" for column in columns)
    key = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    found = connection.execute(
        f"SELECT count(*), count(DISTINCT {key}), min(rowid) FILTER (WHERE {absent}) FROM temp.stage"
    ).fetchone()
    rows, keys, row = found or (0, 0, None)
    if row is not None:
        msg = f"line {batch.numbers[row]}, stream {table.stream}: no value in the primary key {list(table.key)}"
        raise LoadError(msg)
    return bool(rows == keys)


def append(connection: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> None:
    """Insert rows as they are read; to be run in a transaction.

    Raises:
        duckdb.ConstraintException: A key is there already, twice in the batch, or missing.
    """
    with _rows(table, batch.parts) as rows:
        _read(connection, f"INSERT INTO {table.sql} SELECT {', '.join(_values(table))} FROM ({rows})")


def upsert(connection: duckdb.DuckDBPyConnection, table: Table, *, distinct: bool) -> None:
    """Upsert the staged rows by key; to be run in a transaction.

    A record replaces the whole row: what it does not name is NULL. Old rows are deleted first: INSERT OR REPLACE
    reads every old row out of its compressed block, which took up to 40 times as long, and keeps the older of two
    rows with one key in a batch.
    """
    values = dict(zip(table.stored, _values(table), strict=True))
    same = " AND ".join(f"old.{quoted(name)} = stage.{values[name]}" for name in table.key)
    connection.execute(f"DELETE FROM {table.sql} AS old USING temp.stage AS stage WHERE {same}")
    key = ", ".join(values[name] for name in table.key)
    last = "" if distinct else f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY rowid DESC) = 1"
    connection.execute(f"INSERT INTO {table.sql} SELECT {', '.join(values.values())} FROM temp.stage{last}")
    connection.execute("DROP TABLE temp.stage")


def _values(table: Table) -> list[str]:
    """Where `_rows` has the values of the stored columns."""
    index = {each.name: f"c{i}" for i, each in enumerate(table.columns)} | {VERSION: "version"}
    return [index.get(name, "NULL") for name in table.stored]
