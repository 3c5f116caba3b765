"""Tables that follow their stream's schema: created, widened, never narrowed, nothing in them dropped."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from tap_bitrix24.target_duckdb.columns import Column, ColumnType, column, store_sql, widened
from tap_bitrix24.target_duckdb.database import DATABASE
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import check_names, folded, quoted
from tap_bitrix24.target_duckdb.messages import Schema
from tap_bitrix24.target_duckdb.views import make_room

LOGGER = logging.getLogger("target-bitrix24-duckdb")

VERSION = "_sdc_table_version"
"""Column for the version of RECORD messages, there once a stream uses versions."""

_REBUILT = "_bitrix24_rebuilt"


@dataclass(slots=True)
class Table:
    """A stream's table: what the records hold (`columns`), and what is stored (`stored`, never fewer columns)."""

    schema: str
    stream: str
    key: tuple[str, ...]
    columns: list[Column]
    stored: dict[str, ColumnType] = field(default_factory=dict)
    replaces: bool = False
    """Whether rows may have to be replaced: not without a key, and not in a new table until a key comes again."""

    @property
    def sql(self) -> str:
        """The full name, quoted."""
        return ".".join(map(quoted, (DATABASE, self.schema, self.stream)))

    def add(self, connection: duckdb.DuckDBPyConnection, name: str, stored: ColumnType) -> None:
        """Add a column; rows that are there have NULL in it."""
        check_names([*self.stored, name], what=f"columns of stream {self.stream}")
        connection.execute(f"ALTER TABLE {self.sql} ADD COLUMN {quoted(name)} {stored}")
        self.stored[name] = stored

    def add_undeclared(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Take in a column that records have and the SCHEMA has not, as it is stored already or as JSON."""
        LOGGER.warning("stream %s: records hold %r, which its SCHEMA does not name; it is kept", self.stream, name)
        if name not in self.stored:
            self.add(connection, name, ColumnType.JSON)
        self.columns.append(Column(name, self.stored[name]))

    def delete_other_versions(self, connection: duckdb.DuckDBPyConnection, version: int) -> None:
        """Remove the rows of all versions but this one, those without a version included."""
        if VERSION not in self.stored:
            self.add(connection, VERSION, ColumnType.BIGINT)
        connection.execute(f"DELETE FROM {self.sql} WHERE {VERSION} IS DISTINCT FROM ?", [version])


def prepare(connection: duckdb.DuckDBPyConnection, schema: str, message: Schema) -> Table:
    """Bring a stream's table in line with its SCHEMA; to be run in a transaction.

    Raises:
        LoadError: Names that DuckDB cannot keep apart, another primary key, or a table or view not the loader's.
    """
    columns = [column(name, prop) for name, prop in message.properties.items()]
    if VERSION in message.properties:
        msg = f"Stream {message.stream} has a column {VERSION}, which the loader needs for itself."
        raise LoadError(msg)
    table = Table(schema, message.stream, message.key, columns)
    make_room(connection, schema, message.stream)
    table.stored = _stored_columns(connection, table)
    names = dict.fromkeys([*table.stored, *message.properties])
    check_names(names, what=f"columns of stream {message.stream}")
    if table.stored:
        _check_key(connection, table)
        table.replaces = bool(table.key)
        _widen(connection, table)
    else:
        _create(connection, table, {each.name: each.type for each in columns}, name=table.stream)
        table.stored = {each.name: each.type for each in columns}
    _comment(connection, table)
    return table


def _stored_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, ColumnType]:
    """The columns the table has by now; empty if there is no table."""
    names = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
        [DATABASE, table.schema],
    ).fetchall()
    for (name,) in names:
        if folded(name) == folded(table.stream):
            check_names([name, table.stream], what=f"tables of schema {table.schema}")
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [DATABASE, table.schema, table.stream],
    ).fetchall()
    stored: dict[str, ColumnType] = {}
    for name, data_type in rows:
        if data_type not in list(ColumnType):
            msg = f"Table {table.stream} has a column {name!r} of type {data_type}, which this loader never writes."
            raise LoadError(msg)
        stored[name] = ColumnType(data_type)
    return stored


def _check_key(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Refuse another primary key: rows already there were merged by the old one."""
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
    parts = [f"{quoted(column_name)} {stored}" for column_name, stored in types.items()]
    if table.key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
    where = ".".join(map(quoted, (DATABASE, table.schema, name)))
    connection.execute(f"CREATE TABLE {where} ({', '.join(parts)})")


def _widen(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Add the columns that are new and widen those whose values no longer fit."""
    changed: dict[str, ColumnType] = {}
    for wanted in table.columns:
        stored = table.stored.get(wanted.name)
        if stored is None:
            table.add(connection, wanted.name, wanted.type)
        elif (target := _target(connection, table, wanted)) is not stored:
            LOGGER.warning("stream %s: column %r becomes %s, was %s", table.stream, wanted.name, target, stored)
            changed[wanted.name] = target
    if changed.keys() & set(table.key):
        _rebuild(connection, table, changed)
    else:
        for name, target in changed.items():
            value = store_sql(table.stored[name], target, quoted(name))
            connection.execute(f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(name)} TYPE {target} USING {value}")
    table.stored.update(changed)


def _target(connection: duckdb.DuckDBPyConnection, table: Table, wanted: Column) -> ColumnType:
    """The type a stored column must have from now on; JSON where integers that are there are not exact as DOUBLE."""
    stored = table.stored[wanted.name]
    target = widened(stored, wanted.type)
    if target is ColumnType.DOUBLE and stored is ColumnType.BIGINT:
        name = quoted(wanted.name)
        inexact = f"{name} IS NOT NULL AND ({store_sql(stored, target, name)}) IS NULL"
        if connection.execute(f"SELECT 1 FROM {table.sql} WHERE {inexact} LIMIT 1").fetchone():
            return ColumnType.JSON
    return target


def _rebuild(connection: duckdb.DuckDBPyConnection, table: Table, changed: Mapping[str, ColumnType]) -> None:
    """Copy the table: DuckDB does not alter the type of a key column in place. Views stay, they go by name."""
    types = {**table.stored, **changed}
    values = [store_sql(stored, types[name], quoted(name)) for name, stored in table.stored.items()]
    _create(connection, table, types, name=_REBUILT)
    copy = ".".join(map(quoted, (DATABASE, table.schema, _REBUILT)))
    connection.execute(f"INSERT INTO {copy} SELECT {', '.join(values)} FROM {table.sql}")
    connection.execute(f"DROP TABLE {table.sql}")
    connection.execute(f"ALTER TABLE {copy} RENAME TO {quoted(table.stream)}")


def _comment(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Write titles and descriptions that are new; the portal's labels show in any client."""
    rows = connection.execute(
        "SELECT column_name, comment FROM duckdb_columns()"
        " WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [DATABASE, table.schema, table.stream],
    ).fetchall()
    there: Mapping[str, str | None] = dict(rows)
    for each in _commented(table.columns):
        if there[each.name] != each.comment:
            text = each.comment.replace("'", "''")
            connection.execute(f"COMMENT ON COLUMN {table.sql}.{quoted(each.name)} IS '{text}'")


def _commented(columns: Sequence[Column]) -> list[Column]:
    """The columns that have something to say; NUL would end the SQL."""
    return [each for each in columns if each.comment and "\0" not in each.comment]
