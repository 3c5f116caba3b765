"""Row counts of loaded tables, for comparison with the counts of the portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tap_bitrix24.target_duckdb.identifiers import literal, quoted


@dataclass(frozen=True, slots=True)
class TableCount:
    """The size of a table with an integer key."""

    rows: int
    largest_key: int


def count_table_rows(path: str | Path, keys: Mapping[str, str], *, schema: str = "bitrix24") -> dict[str, TableCount]:
    """Return table → its row count and largest key; empty tables and those without an integer key are left out.

    Args:
        path: The DuckDB file.
        keys: Table → its key column.
        schema: The schema of the tables.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns()"
            f" WHERE schema_name = {literal(schema)} AND data_type IN ('BIGINT', 'HUGEINT', 'INTEGER')"
        ).fetchall()
        integer_columns = {(table, column) for table, column in rows}
        counts: dict[str, TableCount] = {}
        for table, key in keys.items():
            if (table, key) not in integer_columns:
                continue
            sql = f"SELECT count(*), max({quoted(key)}) FROM {quoted(schema)}.{quoted(table)}"
            count, largest = connection.execute(sql).fetchall()[0]
            if largest is not None:
                counts[table] = TableCount(count, largest)
    return counts
