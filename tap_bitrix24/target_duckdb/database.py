"""The DuckDB file: how it is opened, changed all or nothing, and how it explains itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from tap_bitrix24.target_duckdb.errors import LoadError, one_line
from tap_bitrix24.target_duckdb.identifiers import literal, quoted

DATABASE = "warehouse"
"""Alias the file is attached under: a file named as its schema would make two-part names ambiguous."""

MEMORY = 192
"""Megabytes DuckDB may use at first."""

_SETTINGS = {
    "memory_limit": f"{MEMORY}MB",
    "TimeZone": "UTC",
    "threads": "1",  # the tap has the other core; a second thread costs memory and saves little
    "checkpoint_threshold": "64MB",  # batches merged in the log make files half as large
    "autoinstall_known_extensions": "false",
}


def attach(path: Path, schema: str) -> duckdb.DuckDBPyConnection:
    """Attach the file to an in-memory database; date-times without an offset are taken as UTC.

    Raises:
        LoadError: The file cannot be opened for writing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"Cannot make the folder {path.parent}: {error.strerror}."
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
    """All or nothing."""
    with explained():
        connection.execute("BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # DuckDB may have rolled back by itself
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """DuckDB's errors, and those of temporary files, as one line."""
    try:
        yield
    except duckdb.Error as error:
        raise LoadError(one_line(error)) from error
    except OSError as error:
        msg = f"Cannot write a temporary file: {error.strerror}."
        raise LoadError(msg) from error
