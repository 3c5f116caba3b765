"""Rows of a batch → the stream's table: inserted if they are all new, otherwise merged by primary key."""

from __future__ import annotations

import duckdb

from tap_bitrix24.target_duckdb.batch import RecordBatch
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import quoted
from tap_bitrix24.target_duckdb.json_reader import execute_reading, read_into_staging, rows_sql
from tap_bitrix24.target_duckdb.tables import VERSION_COLUMN, Table


def stage(connection: duckdb.DuckDBPyConnection, table: Table, batch: RecordBatch) -> bool:
    """Read a batch into the staging table and check its primary keys; to be called outside a transaction.

    Returns:
        Whether no two rows of the batch have the same key.

    Raises:
        LoadError: A row has a null in its primary key.
    """
    read_into_staging(connection, table, batch.parts)
    names = [each.name for each in table.columns]
    columns = [f"c{names.index(name)}" for name in table.key]
    absent = " OR ".join(f"{column} IS NULL" for column in columns)
    key = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    found = connection.execute(
        f"SELECT count(*), count(DISTINCT {key}), min(rowid) FILTER (WHERE {absent}) FROM temp.stage"
    ).fetchone()
    rows, keys, row_without_key = found or (0, 0, None)
    if row_without_key is not None:
        number = batch.line_numbers[row_without_key]
        msg = f"line {number}, stream {table.stream}: no value in the primary key {list(table.key)}"
        raise LoadError(msg)
    return bool(rows == keys)


def upsert(connection: duckdb.DuckDBPyConnection, table: Table, *, distinct: bool) -> None:
    """Merge the staged rows into the table by primary key; to be called in a transaction.

    A record replaces the whole row: columns it does not have become NULL. Of several rows with one key the last one is
    kept. Old rows are deleted first: INSERT OR REPLACE reads every old row out of its compressed block, which took up
    to 40 times as long, and keeps the first of two rows with one key.

    Args:
        connection: The database.
        table: The stream's table.
        distinct: Whether no two of the staged rows have the same key.
    """
    values = dict(zip(table.stored, _stored_values(table), strict=True))
    same_key = " AND ".join(f"old.{quoted(name)} = stage.{values[name]}" for name in table.key)
    connection.execute(f"DELETE FROM {table.sql} AS old USING temp.stage AS stage WHERE {same_key}")
    key = ", ".join(values[name] for name in table.key)
    last_only = "" if distinct else f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY rowid DESC) = 1"
    connection.execute(f"INSERT INTO {table.sql} SELECT {', '.join(values.values())} FROM temp.stage{last_only}")
    connection.execute("DROP TABLE temp.stage")


def insert(connection: duckdb.DuckDBPyConnection, table: Table, batch: RecordBatch) -> None:
    """Insert the rows of a batch while they are read, without a staging table; to be called in a transaction.

    Raises:
        duckdb.ConstraintException: A primary key exists already, occurs twice in the batch, or is null.
    """
    with rows_sql(table, batch.parts) as rows:
        execute_reading(connection, f"INSERT INTO {table.sql} SELECT {', '.join(_stored_values(table))} FROM ({rows})")


def _stored_values(table: Table) -> list[str]:
    """Return for each stored column the column of `rows_sql` that holds its value, or NULL."""
    values = {each.name: f"c{i}" for i, each in enumerate(table.columns)} | {VERSION_COLUMN: "version"}
    return [values.get(name, "NULL") for name in table.stored]
