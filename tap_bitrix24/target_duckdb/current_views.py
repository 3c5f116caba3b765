"""`<stream>_current`: the rows of child streams that their parents still have.

The rows of a child stream are read parent by parent, a whole set at a time; a row that is gone from its parent is not
told. Stream `child_reads` tells when each parent's set was last read: rows of that set that were read earlier are gone.
Its parent `*` stands for all sets: after a sweep, rows of parents that were not met any more are gone, too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import duckdb

from tap_bitrix24.target_duckdb.columns import ColumnType
from tap_bitrix24.target_duckdb.database import DATABASE
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.tables import Table
from tap_bitrix24.target_duckdb.views import Described, View, columns_of, put

LOGGER = logging.getLogger("target-bitrix24-duckdb")

SETS = "child_reads"
SET, READ_AT = "_bitrix24_parent", "_bitrix24_children_read_at"
SUFFIX = "_current"

_OF_SETS = {"stream": ColumnType.VARCHAR, "parent": ColumnType.VARCHAR, "read_at": ColumnType.TIMESTAMPTZ}
_OF_ROWS = {SET: ColumnType.VARCHAR, READ_AT: ColumnType.TIMESTAMPTZ}


def follow(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Bring the views in line with a table that was made or changed; to be run in the same transaction."""
    if table.stream == SETS:
        streams = _children(connection, table.schema)
    else:
        streams = [table.stream] if READ_AT in table.stored else []
    for stream in streams:
        show(connection, table.schema, stream)


def _children(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() SEMI JOIN (SELECT table_oid FROM duckdb_columns()"
        " WHERE database_name = $1 AND schema_name = $2 AND column_name = $3) USING (table_oid)"
        " WHERE database_name = $1 AND schema_name = $2 ORDER BY table_name",
        [DATABASE, schema, READ_AT],
    ).fetchall()
    return [name for (name,) in rows]


def show(connection: duckdb.DuckDBPyConnection, schema: str, stream: str) -> bool:
    """Make a child stream's view; whether it is there. To be run in a transaction."""
    columns = columns_of(connection, schema, stream)
    sets = columns_of(connection, schema, SETS)
    missing = _missing(columns, _OF_ROWS) + _missing(sets, _OF_SETS)
    if sets and missing:
        LOGGER.warning("%s%s shows all rows: there is no proper %s", stream, SUFFIX, ", ".join(missing))
    view = View(
        schema,
        stream + SUFFIX,
        _select(stream, [each.name for each in columns], told=not missing),
        about=f"Rows of {stream} that their parents still have",
        source=columns,
        comments={each.name: each.comment for each in columns if each.comment and each.name not in _OF_ROWS},
    )
    return put(connection, view)


def _missing(columns: Sequence[Described], wanted: Mapping[str, ColumnType]) -> list[str]:
    there = {each.name: each.type for each in columns}
    return [name for name, kind in wanted.items() if there.get(name) != kind]


def _select(stream: str, columns: Sequence[str], *, told: bool) -> str:
    """The view's SQL; all rows where nothing tells which are current."""
    hidden = ", ".join(quoted(name) for name in columns if name in _OF_ROWS)
    rows = f"SELECT t.* EXCLUDE ({hidden}) FROM {quoted(stream)} AS t"
    if not told:
        return rows
    sets = f"FROM {SETS} WHERE stream = {literal(stream)}"
    return (
        f"{rows} LEFT JOIN (SELECT parent, max(read_at) AS read_at {sets} GROUP BY parent) AS own"
        f" ON own.parent = t.{SET}, (SELECT max(read_at) AS read_at {sets} AND parent = '*') AS swept"
        f" WHERE (own.read_at IS NULL OR t.{READ_AT} >= own.read_at)"
        f" AND (swept.read_at IS NULL OR t.{READ_AT} >= swept.read_at)"
    )
