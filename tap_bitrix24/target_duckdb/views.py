"""Views the loader creates beside its tables, and replaces when their definition changes.

Tables and views that were not created by the loader are called foreign; they are never replaced or dropped.

DuckDB 2.0 lets a table change under its views and finds new columns of `SELECT *` by itself, but the columns it reports
for a view (`duckdb_columns()`, which clients read) stay those of the time the view was created.
Views name their tables without a schema: DuckDB looks in the view's own schema first, also in a file named like it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from tap_bitrix24.target_duckdb.database import DATABASE, qualified
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import folded, literal, quoted

LOGGER = logging.getLogger("target-bitrix24-duckdb")

_SIGNATURE = re.compile(r" \(made by tap-bitrix24, [0-9a-f]{16}\)")
"""End of the comment of every view the loader creates; the digits are a hash of its definition."""


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column of a table or view, as DuckDB reports it."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The definition of a view."""

    schema: str
    name: str
    select: str
    description: str
    """What the view shows; the first part of its comment."""
    source_columns: Sequence[RelationColumn] = ()
    """The columns it selects from: the view is replaced when they change."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """Column → comment."""

    @property
    def sql(self) -> str:
        """The full name, quoted."""
        return qualified(self.schema, self.name)

    @property
    def comment(self) -> str:
        """The view's comment; its end identifies the loader's views, and the version of the definition."""
        definition = repr((self.select, list(self.source_columns), list(self.comments.items())))
        digest = hashlib.sha256(definition.encode()).hexdigest()[:16]
        return f"{self.description} (made by tap-bitrix24, {digest})"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view in the database."""

    name: str
    kind: str
    """`table` or `view`."""
    comment: str | None

    @property
    def is_own_view(self) -> bool:
        """Whether it is a view created by the loader."""
        return self.kind == "view" and _SIGNATURE.search(self.comment or "") is not None


def relations(connection: duckdb.DuckDBPyConnection, schema: str) -> list[Relation]:
    """Return all tables and views of a schema."""
    rows = connection.execute(
        "SELECT table_name, 'table', NULL FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2 UNION ALL"
        " SELECT view_name, 'view', comment FROM duckdb_views() WHERE database_name = $1 AND schema_name = $2",
        [DATABASE, schema],
    ).fetchall()
    return [Relation(*row) for row in rows]


def columns_of(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[RelationColumn]:
    """Return the columns of a table or view in their order; an empty list if it does not exist."""
    rows = connection.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns()"
        " WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [DATABASE, schema, name],
    ).fetchall()
    return [RelationColumn(*row) for row in rows]


def create_or_replace(connection: duckdb.DuckDBPyConnection, view: View) -> bool:
    """Create a view, or replace it if its definition has changed; to be called in a transaction.

    Returns:
        Whether the view exists now. A table or a foreign view of its name is kept, with a warning.
    """
    existing = _find(connection, view.schema, view.name)
    if existing is not None and not existing.is_own_view:
        LOGGER.warning("view %s not created: a %s %s exists already", view.name, existing.kind, existing.name)
        return False
    if existing is not None and (existing.name, existing.comment) == (view.name, view.comment):
        return True
    if existing is not None:
        drop(connection, view.schema, existing.name)
    connection.execute(f"CREATE VIEW {view.sql} AS {view.select}")
    connection.execute(f"COMMENT ON VIEW {view.sql} IS {literal(view.comment)}")
    for name, comment in view.comments.items():
        connection.execute(f"COMMENT ON COLUMN {view.sql}.{quoted(name)} IS {literal(comment)}")
    return True


def drop(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> None:
    """Drop a view."""
    connection.execute(f"DROP VIEW {qualified(schema, name)}")


def drop_conflicting_view(connection: duckdb.DuckDBPyConnection, schema: str, stream: str) -> None:
    """Drop the loader's own view if it has the name of a stream's table: the table takes precedence.

    Raises:
        LoadError: The view is a foreign one.
    """
    existing = _find(connection, schema, stream)
    if existing is None or existing.kind != "view":
        return
    if not existing.is_own_view:
        msg = f"Stream {stream} needs a table of that name, but a view has it: drop it, or load into another schema."
        raise LoadError(msg)
    LOGGER.warning("view %s dropped: stream %s needs a table of that name", existing.name, stream)
    drop(connection, schema, existing.name)


def _find(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Relation | None:
    return next((each for each in relations(connection, schema) if folded(each.name) == folded(name)), None)
