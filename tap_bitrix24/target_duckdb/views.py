"""Views the loader makes beside its tables: made anew when something changed, never over what somebody else made.

DuckDB 2.0 lets a table change under its views and finds new columns of `SELECT *` by itself, but what it tells of a
view's columns (`duckdb_columns()`, which clients read) stays as it was when the view was made.
Views name their tables without a schema: DuckDB looks in the view's own one first, also in a file named as its schema.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from tap_bitrix24.target_duckdb.database import DATABASE
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import folded, literal, quoted

LOGGER = logging.getLogger("target-bitrix24-duckdb")

_MADE = re.compile(r" \(made by tap-bitrix24, [0-9a-f]{16}\)")
"""How the comment of every view of ours ends; the digits change with the view."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column as DuckDB tells of it."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view as it shall be."""

    schema: str
    name: str
    select: str
    about: str
    """What it shows, for its comment."""
    source: Sequence[Described] = ()
    """The columns it reads: when they change, the view is made anew."""
    comments: Mapping[str, str] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The full name, quoted."""
        return ".".join(map(quoted, (DATABASE, self.schema, self.name)))

    @property
    def mark(self) -> str:
        """The view's comment: tells ours from other people's, and one that is as it shall be from an old one."""
        told = repr((self.select, list(self.source), list(self.comments.items())))
        return f"{self.about} (made by tap-bitrix24, {hashlib.sha256(told.encode()).hexdigest()[:16]})"


@dataclass(frozen=True, slots=True)
class Existing:
    """A table or a view that is there."""

    name: str
    kind: str
    comment: str | None

    @property
    def ours(self) -> bool:
        """Whether it is a view of ours."""
        return self.kind == "view" and _MADE.search(self.comment or "") is not None


def existing(connection: duckdb.DuckDBPyConnection, schema: str) -> list[Existing]:
    """All tables and views of a schema."""
    rows = connection.execute(
        "SELECT table_name, 'table', NULL FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2 UNION ALL"
        " SELECT view_name, 'view', comment FROM duckdb_views() WHERE database_name = $1 AND schema_name = $2",
        [DATABASE, schema],
    ).fetchall()
    return [Existing(*row) for row in rows]


def columns_of(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[Described]:
    """The columns of a table or a view, in order; none if it is not there."""
    rows = connection.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns()"
        " WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [DATABASE, schema, name],
    ).fetchall()
    return [Described(*row) for row in rows]


def put(connection: duckdb.DuckDBPyConnection, view: View) -> bool:
    """Make a view, or leave it as it is if it is right already; to be run in a transaction.

    Returns:
        Whether it is there: a table or somebody else's view of that name is not touched, but warned of.
    """
    there = _named(connection, view.schema, view.name)
    if there is not None and not there.ours:
        LOGGER.warning("view %s is not made: there is a %s %s already", view.name, there.kind, there.name)
        return False
    if there is not None and (there.name, there.comment) == (view.name, view.mark):
        return True
    if there is not None:
        drop(connection, view.schema, there.name)
    connection.execute(f"CREATE VIEW {view.sql} AS {view.select}")
    connection.execute(f"COMMENT ON VIEW {view.sql} IS {literal(view.mark)}")
    for name, comment in view.comments.items():
        connection.execute(f"COMMENT ON COLUMN {view.sql}.{quoted(name)} IS {literal(comment)}")
    return True


def drop(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> None:
    """Remove a view."""
    connection.execute(f"DROP VIEW {'.'.join(map(quoted, (DATABASE, schema, name)))}")


def make_room(connection: duckdb.DuckDBPyConnection, schema: str, stream: str) -> None:
    """Remove our view where a stream's table must go: rows matter more.

    Raises:
        LoadError: The view is somebody else's.
    """
    there = _named(connection, schema, stream)
    if there is None or there.kind != "view":
        return
    if not there.ours:
        msg = f"Stream {stream} needs a table of that name, but there is a view: drop it, or load into another schema."
        raise LoadError(msg)
    LOGGER.warning("view %s makes room for the table of stream %s", there.name, stream)
    drop(connection, schema, there.name)


def _named(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Existing | None:
    return next((each for each in existing(connection, schema) if folded(each.name) == folded(name)), None)
