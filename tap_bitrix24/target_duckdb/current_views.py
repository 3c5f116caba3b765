"""`<stream>_current`: the rows of a child stream that their parents still have.

The API lists children per parent only and does not report removals. A child row therefore names its parent and when
that parent's children were read; stream `child_reads` has the last read of each parent's children. Rows of a parent
that were read before its last read are gone. The parent `*` stands for a sweep, a read of all parents: rows that were
read before the last sweep belong to parents that are gone, except those that did not answer in that sweep: the parent
`?deal:17` stands for `deal:17` then, whose rows are kept as last read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import duckdb

from tap_bitrix24.target_duckdb.columns import ColumnType
from tap_bitrix24.target_duckdb.database import DATABASE
from tap_bitrix24.target_duckdb.identifiers import literal, quoted
from tap_bitrix24.target_duckdb.tables import Table
from tap_bitrix24.target_duckdb.views import RelationColumn, View, columns_of, create_or_replace

LOGGER = logging.getLogger("target-bitrix24-duckdb")

CHILD_READS = "child_reads"
PARENT, READ_AT = "_bitrix24_parent", "_bitrix24_children_read_at"
SUFFIX = "_current"

_CHILD_READS_COLUMNS = {
    "stream": ColumnType.VARCHAR,
    "parent": ColumnType.VARCHAR,
    "read_at": ColumnType.TIMESTAMPTZ,
}
_CHILD_COLUMNS = {PARENT: ColumnType.VARCHAR, READ_AT: ColumnType.TIMESTAMPTZ}


def update_current_views(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Update the views that depend on a table that was created or changed; to be called in the same transaction."""
    if table.stream == CHILD_READS:
        streams = _child_streams(connection, table.schema)
    else:
        streams = [table.stream] if READ_AT in table.stored else []
    for stream in streams:
        create_current_view(connection, table.schema, stream)


def _child_streams(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() SEMI JOIN (SELECT table_oid FROM duckdb_columns()"
        " WHERE database_name = $1 AND schema_name = $2 AND column_name = $3) USING (table_oid)"
        " WHERE database_name = $1 AND schema_name = $2 ORDER BY table_name",
        [DATABASE, schema, READ_AT],
    ).fetchall()
    return [name for (name,) in rows]


def create_current_view(connection: duckdb.DuckDBPyConnection, schema: str, stream: str) -> bool:
    """Create or replace a child stream's view; to be called in a transaction.

    Returns:
        Whether the view exists now; a table or a foreign view may have its name.
    """
    columns = columns_of(connection, schema, stream)
    child_reads = columns_of(connection, schema, CHILD_READS)
    missing = _missing(columns, _CHILD_COLUMNS) + _missing(child_reads, _CHILD_READS_COLUMNS)
    if child_reads and missing:
        LOGGER.warning(
            "view %s%s shows removed rows, too: no column %s of the expected type", stream, SUFFIX, ", ".join(missing)
        )
    view = View(
        schema,
        stream + SUFFIX,
        _select(stream, [each.name for each in columns], filtered=not missing),
        description=f"Rows of {stream} that their parents still have",
        source_columns=columns,
        comments={each.name: each.comment for each in columns if each.comment and each.name not in _CHILD_COLUMNS},
    )
    return create_or_replace(connection, view)


def _missing(columns: Sequence[RelationColumn], required: Mapping[str, ColumnType]) -> list[str]:
    """Return the required columns that do not exist or have another type."""
    types = {each.name: each.type for each in columns}
    return [name for name, type_ in required.items() if types.get(name) != type_]


def _select(stream: str, columns: Sequence[str], *, filtered: bool) -> str:
    """Return the view's SQL; unfiltered it shows all rows, for nothing identifies the current ones."""
    hidden = ", ".join(quoted(name) for name in columns if name in _CHILD_COLUMNS)
    rows = f"SELECT t.* EXCLUDE ({hidden}) FROM {quoted(stream)} AS t"
    if not filtered:
        return rows
    reads = f"FROM {CHILD_READS} WHERE stream = {literal(stream)}"
    return (
        f"{rows} LEFT JOIN (SELECT parent, max(read_at) AS read_at {reads} GROUP BY parent) AS own"
        f" ON own.parent = t.{PARENT}"
        f" LEFT JOIN (SELECT parent, max(read_at) AS read_at {reads} GROUP BY parent) AS unanswered"
        f" ON unanswered.parent = '?' || t.{PARENT}, (SELECT max(read_at) AS read_at {reads} AND parent = '*') AS swept"
        f" WHERE (own.read_at IS NULL OR t.{READ_AT} >= own.read_at)"
        f" AND (swept.read_at IS NULL OR t.{READ_AT} >= swept.read_at OR unanswered.read_at >= swept.read_at)"
    )
