"""What loaded tables hold, for comparison with the portal: row counts, rows by key, children of parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from tap_bitrix24.target_duckdb.columns import ColumnType
from tap_bitrix24.target_duckdb.current_views import CHILD_READS, PARENT, READ_AT
from tap_bitrix24.target_duckdb.identifiers import literal, quoted

_INTEGERS = frozenset({ColumnType.BIGINT, "HUGEINT", "INTEGER"})
_TEXT_OF: Mapping[str, str] = {
    ColumnType.DATE: "strftime({0}, '%Y-%m-%d')",
    ColumnType.TIMESTAMPTZ: "epoch_us({0})",
}
"""SQL by type that makes a value comparable without a time zone."""


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value of a table."""

    type: str
    """The column's type in DuckDB."""
    value: Any
    """Date-times in microseconds since 1970, JSON parsed, everything else as DuckDB gives it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one schema of a DuckDB file."""

    connection: duckdb.DuckDBPyConnection
    schema: str

    def types(self, table: str) -> dict[str, str]:
        """Return column → type; empty if there is no such table."""
        rows = self.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (table_oid)"
            " WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
            [self.schema, table],
        ).fetchall()
        return dict(rows)

    def largest(self, table: str, key: str) -> int | None:
        """Return the largest value of an integer key; None if there are no rows, or the key is no integer."""
        if self.types(table).get(key) not in _INTEGERS:
            return None
        return self._value(f"SELECT max({quoted(key)}) FROM {self._sql(table)}")

    def count(self, table: str, key: str = "", last: int | None = None) -> int:
        """Return the number of rows, those up to a value of an integer key if it is given."""
        condition = f" WHERE {quoted(key)} <= {last}" if last is not None else ""
        return self._value(f"SELECT count(*) FROM {self._sql(table)}{condition}") or 0

    def rows(
        self, table: str, keys: Sequence[str], values: Sequence[Sequence[Any]]
    ) -> dict[tuple[str, ...], dict[str, StoredValue]]:
        """Return the rows with some primary keys, by the texts of their keys.

        Args:
            table: The table.
            keys: Names of the key columns.
            values: The keys to look for.
        """
        types = self.types(table)
        if not values or not types.keys() >= set(keys):
            return {}
        columns = ", ".join(_TEXT_OF.get(type_, "{0}").format(quoted(name)) for name, type_ in types.items())
        key = f"[{', '.join(f'{quoted(name)}::VARCHAR' for name in keys)}]"
        found = self.connection.execute(
            f"SELECT {key}, {columns} FROM {self._sql(table)} SEMI JOIN (SELECT unnest(?) AS wanted) ON wanted = {key}",
            [[[str(part) for part in value] for value in values]],
        ).fetchall()
        return {
            tuple(parts): {
                name: StoredValue(type_, _parsed(type_, value))
                for (name, type_), value in zip(types.items(), row, strict=True)
            }
            for parts, *row in found
        }

    def children(self, stream: str) -> dict[str, int]:
        """Return the reference of each parent in `child_reads` → the number of its current children in the table."""
        own, reads = self.types(stream), self.types(CHILD_READS)
        if PARENT not in own or READ_AT not in own or not reads:
            return {}
        rows = self.connection.execute(
            f"SELECT r.parent, count(t.{PARENT}) FROM {self._sql(CHILD_READS)} AS r"
            f" LEFT JOIN {self._sql(stream)} AS t ON t.{PARENT} = r.parent AND t.{READ_AT} >= r.read_at"
            f" WHERE r.stream = {literal(stream)} AND r.parent <> '*' GROUP BY r.parent ORDER BY max(r.rowid)"
        ).fetchall()
        return dict(rows)

    def _sql(self, table: str) -> str:
        return f"{quoted(self.schema)}.{quoted(table)}"

    def _value(self, sql: str) -> int | None:
        found = self.connection.execute(sql).fetchone()
        return found[0] if found else None


@contextmanager
def open_tables(path: str | Path, schema: str) -> Iterator[Tables]:
    """Open a DuckDB file for reading, during the block."""
    with duckdb.connect(str(path), read_only=True) as connection:
        yield Tables(connection, schema)


def _parsed(type_: str, value: Any) -> Any:
    return orjson.loads(value) if type_ == ColumnType.JSON and value is not None else value
