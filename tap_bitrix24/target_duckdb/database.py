"""Connection to the DuckDB file, transactions, and DuckDB's errors as one-line messages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from tap_bitrix24.target_duckdb.errors import LoadError, one_line
from tap_bitrix24.target_duckdb.identifiers import literal, quoted

DATABASE = "warehouse"
"""Alias under which the file is attached: with its own name, a file named like its schema would make
`schema.table` ambiguous."""

INITIAL_MEMORY_MB = 192
"""DuckDB's memory limit to begin with, in megabytes."""

_SETTINGS = {
    "memory_limit": f"{INITIAL_MEMORY_MB}MB",
    "TimeZone": "UTC",
    "threads": "1",  # the tap runs on the other core; a second thread costs memory and saves little time
    "checkpoint_threshold": "64MB",  # batches that are merged in the write-ahead log make files half as large
    "autoinstall_known_extensions": "false",
}


def qualified(schema: str, name: str) -> str:
    """Return the full name of a table or view of the attached file, quoted."""
    return ".".join(map(quoted, (DATABASE, schema, name)))


def attach(path: Path, schema: str) -> duckdb.DuckDBPyConnection:
    """Open the file, creating it and the schema if missing; date-times without an offset are read as UTC.

    Raises:
        LoadError: The file cannot be opened for writing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"Cannot create the folder {path.parent}: {error.strerror}."
        raise LoadError(msg) from error
    connection = duckdb.connect(":memory:")
    try:
        for name, value in _SETTINGS.items():
            connection.execute(f"SET {name} = {literal(value)}")
        connection.execute(f"SET temp_directory = {literal(str(path) + '.tmp')}")
        connection.execute(f"ATTACH {literal(str(path))} AS {DATABASE}")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.{quoted(schema)}")
    except duckdb.Error as error:
        connection.close()
        raise LoadError(one_line(error)) from error
    return connection


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in a transaction: committed at its end, rolled back after any exception.

    Raises:
        LoadError: DuckDB refused a statement or the commit.
    """
    with load_errors():
        connection.execute("BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # DuckDB may have rolled back already
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def load_errors() -> Iterator[None]:
    """Turn errors of DuckDB and of temporary files into one-line `LoadError`s, the original as their cause."""
    try:
        yield
    except duckdb.Error as error:
        raise LoadError(one_line(error)) from error
    except OSError as error:
        msg = f"Cannot write a temporary file: {error.strerror}."
        raise LoadError(msg) from error
