"""What tables hold, against what the portal counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tap_bitrix24.target_duckdb.identifiers import literal, quoted


@dataclass(frozen=True, slots=True)
class Held:
    """A table whose key is a whole number."""

    rows: int
    last: int
    """The largest key."""


def held(path: str | Path, keys: Mapping[str, str], *, schema: str = "bitrix24") -> dict[str, Held]:
    """Count the tables that have rows and a whole number as key.

    Args:
        path: The DuckDB file.
        keys: Table → its key column.
        schema: Where the tables are.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns()"
            f" WHERE schema_name = {literal(schema)} AND data_type IN ('BIGINT', 'HUGEINT', 'INTEGER')"
        ).fetchall()
        whole = {(table, column) for table, column in rows}
        found: dict[str, Held] = {}
        for table, key in keys.items():
            if (table, key) not in whole:
                continue
            counted = f"SELECT count(*), max({quoted(key)}) FROM {quoted(schema)}.{quoted(table)}"
            count, last = connection.execute(counted).fetchall()[0]
            if last is not None:
                found[table] = Held(count, last)
    return found
