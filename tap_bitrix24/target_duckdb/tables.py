"""Tables that follow the SCHEMA of their stream: created, extended and widened; no column or row is dropped."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from tap_bitrix24.target_duckdb.columns import ColumnType, DeclaredColumn, column, common_type, widen_sql
from tap_bitrix24.target_duckdb.database import DATABASE, qualified
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import check_names, folded, literal, quoted
from tap_bitrix24.target_duckdb.messages import Schema
from tap_bitrix24.target_duckdb.views import columns_of, drop_conflicting_view

LOGGER = logging.getLogger("target-bitrix24-duckdb")

VERSION_COLUMN = "_sdc_table_version"
"""Column for the version of RECORD messages; added when a stream uses versions for the first time."""

_COPY_NAME = "_bitrix24_rebuilt"
"""Name of a table's copy while the table is rebuilt."""


@dataclass(slots=True)
class Table:
    """A stream's table."""

    schema: str
    stream: str
    key: tuple[str, ...]
    """The primary key; empty if rows are appended only."""
    columns: list[DeclaredColumn]
    """The columns of its records."""
    stored: dict[str, ColumnType] = field(default_factory=dict)
    """Column of the database → type, in the table's order; never fewer columns than its records have."""
    may_replace: bool = False
    """Whether records may replace rows. A new table starts with False, which loads faster, until a key recurs."""

    @property
    def sql(self) -> str:
        """The full name, quoted."""
        return qualified(self.schema, self.stream)

    def add_column(self, connection: duckdb.DuckDBPyConnection, name: str, stored: ColumnType) -> None:
        """Add a column to the database; existing rows get NULL."""
        check_names([*self.stored, name], what=f"columns of stream {self.stream}")
        connection.execute(f"ALTER TABLE {self.sql} ADD COLUMN {quoted(name)} {stored}")
        self.stored[name] = stored

    def add_undeclared_column(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Accept a column that records have but the SCHEMA does not: in its stored type, if new as JSON."""
        LOGGER.warning("stream %s: records have column %r, which is not in its SCHEMA; keeping it", self.stream, name)
        if name not in self.stored:
            self.add_column(connection, name, ColumnType.JSON)
        self.columns.append(DeclaredColumn(name, self.stored[name]))

    def delete_other_versions(self, connection: duckdb.DuckDBPyConnection, version: int) -> None:
        """Delete the rows of all other versions, and those without a version."""
        if VERSION_COLUMN not in self.stored:
            self.add_column(connection, VERSION_COLUMN, ColumnType.BIGINT)
        connection.execute(f"DELETE FROM {self.sql} WHERE {VERSION_COLUMN} IS DISTINCT FROM ?", [version])


def prepare_table(connection: duckdb.DuckDBPyConnection, schema: str, message: Schema) -> Table:
    """Create a stream's table, or adapt it to a new SCHEMA; to be called in a transaction.

    Raises:
        LoadError: Names that DuckDB cannot distinguish, another primary key, or a foreign table or view of its name.
    """
    columns = [column(name, prop) for name, prop in message.properties.items()]
    if VERSION_COLUMN in message.properties:
        msg = f"Stream {message.stream} has a column {VERSION_COLUMN}: the loader uses this name itself."
        raise LoadError(msg)
    table = Table(schema, message.stream, message.key, columns)
    drop_conflicting_view(connection, schema, message.stream)
    table.stored = _stored_columns(connection, table)
    names = dict.fromkeys([*table.stored, *message.properties])
    check_names(names, what=f"columns of stream {message.stream}")
    if table.stored:
        _check_key(connection, table)
        table.may_replace = bool(table.key)
        _adapt_columns(connection, table)
    else:
        table.stored = {each.name: each.type for each in columns}
        _create(connection, table, table.stored, name=table.stream)
    _update_comments(connection, table)
    return table


def _stored_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, ColumnType]:
    """Return the columns of the table in the database; empty if it does not exist."""
    names = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
        [DATABASE, table.schema],
    ).fetchall()
    for (name,) in names:
        if folded(name) == folded(table.stream):
            check_names([name, table.stream], what=f"tables of schema {table.schema}")
    stored: dict[str, ColumnType] = {}
    for each in columns_of(connection, table.schema, table.stream):
        if each.type not in list(ColumnType):
            msg = f"Table {table.stream} has a column {each.name!r} of type {each.type}, which this loader never uses."
            raise LoadError(msg)
        stored[each.name] = ColumnType(each.type)
    return stored


def _check_key(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Refuse another primary key: the existing rows were merged by the old one."""
    rows = connection.execute(
        "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = ? AND schema_name = ?"
        " AND table_name = ? AND constraint_type = 'PRIMARY KEY'",
        [DATABASE, table.schema, table.stream],
    ).fetchall()
    old = rows[0][0] if rows else []
    if set(old) != set(table.key):
        msg = (
            f"Stream {table.stream} now has the primary key {list(table.key)}, its table has {old}:"
            " load it into another schema, or drop the table."
        )
        raise LoadError(msg)


def _create(connection: duckdb.DuckDBPyConnection, table: Table, types: Mapping[str, ColumnType], *, name: str) -> None:
    definitions = [f"{quoted(column_name)} {type_}" for column_name, type_ in types.items()]
    if table.key:
        definitions.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
    connection.execute(f"CREATE TABLE {qualified(table.schema, name)} ({', '.join(definitions)})")


def _adapt_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Add new columns, and widen those whose declared type is another one now."""
    changed: dict[str, ColumnType] = {}
    for declared in table.columns:
        stored = table.stored.get(declared.name)
        if stored is None:
            table.add_column(connection, declared.name, declared.type)
        elif (type_ := _widened_type(connection, table, declared)) is not stored:
            LOGGER.warning("stream %s: column %r changes from %s to %s", table.stream, declared.name, stored, type_)
            changed[declared.name] = type_
    if changed.keys() & set(table.key):
        _rebuild(connection, table, changed)
    else:
        for name, type_ in changed.items():
            value = widen_sql(table.stored[name], type_, quoted(name))
            connection.execute(f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(name)} TYPE {type_} USING {value}")
    table.stored.update(changed)


def _widened_type(connection: duckdb.DuckDBPyConnection, table: Table, declared: DeclaredColumn) -> ColumnType:
    """Return the type a stored column needs: JSON instead of DOUBLE if it holds integers not exact as doubles."""
    stored = table.stored[declared.name]
    type_ = common_type(stored, declared.type)
    if type_ is ColumnType.DOUBLE and stored is ColumnType.BIGINT:
        name = quoted(declared.name)
        inexact = f"{name} IS NOT NULL AND ({widen_sql(stored, type_, name)}) IS NULL"
        if connection.execute(f"SELECT 1 FROM {table.sql} WHERE {inexact} LIMIT 1").fetchone():
            return ColumnType.JSON
    return type_


def _rebuild(connection: duckdb.DuckDBPyConnection, table: Table, changed: Mapping[str, ColumnType]) -> None:
    """Replace the table by a copy with other types: DuckDB cannot alter the type of a key column in place.

    Views keep working, for they refer to the table by name.
    """
    types = {**table.stored, **changed}
    values = [widen_sql(stored, types[name], quoted(name)) for name, stored in table.stored.items()]
    _create(connection, table, types, name=_COPY_NAME)
    copy = qualified(table.schema, _COPY_NAME)
    connection.execute(f"INSERT INTO {copy} SELECT {', '.join(values)} FROM {table.sql}")
    connection.execute(f"DROP TABLE {table.sql}")
    connection.execute(f"ALTER TABLE {copy} RENAME TO {quoted(table.stream)}")


def _update_comments(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Write new titles and descriptions as column comments, which SQL clients show."""
    existing = {each.name: each.comment for each in columns_of(connection, table.schema, table.stream)}
    for each in _commented(table.columns):
        if existing[each.name] != each.comment:
            connection.execute(f"COMMENT ON COLUMN {table.sql}.{quoted(each.name)} IS {literal(each.comment)}")


def _commented(columns: Sequence[DeclaredColumn]) -> list[DeclaredColumn]:
    """Return the columns with a comment; one that contains a NUL would truncate the SQL and is left out."""
    return [each for each in columns if each.comment and "\0" not in each.comment]
