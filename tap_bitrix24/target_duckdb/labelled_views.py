"""`<stream>_labelled`: tables as the portal's people know them, columns by their labels and options by their texts.

Streams `fields` and `field_options` bring both. Texts are looked up in `field_options` when a view is read; the columns
are those of the time the view was made.

A view puts one map per column with options beside every row, all made in one pass over the options of its stream.
DuckDB then does nothing for a column that a query does not ask for; with a join per column it did. The price: looking
up a text takes as long as its column has options (a million rows: 0.2 s with 1,000 options, 1 s with 10,000).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tap_bitrix24.target_duckdb.columns import ColumnType
from tap_bitrix24.target_duckdb.current_views import READ_AT, show
from tap_bitrix24.target_duckdb.current_views import SUFFIX as CURRENT
from tap_bitrix24.target_duckdb.database import DATABASE, attach, transaction
from tap_bitrix24.target_duckdb.identifiers import folded, literal, quoted
from tap_bitrix24.target_duckdb.views import Described, View, columns_of, drop, existing, put

LOGGER = logging.getLogger("target-bitrix24-duckdb")

FIELDS, OPTIONS = "fields", "field_options"
STREAMS = (FIELDS, OPTIONS)
"""What labels are made of."""
SUFFIX = "_labelled"

_OF_FIELDS = ("stream", "column_name", "label", "portal_name", "multiple")
_OF_OPTIONS = ("stream", "column_name", "id", "label")


@dataclass(frozen=True, slots=True)
class Field:
    """What the portal says of a column."""

    label: str = ""
    portal_name: str = ""
    multiple: bool = True
    """Whether JSON is a list; only then may it be one."""
    has_options: bool = False


UNKNOWN = Field()


def make_views(path: str | Path, *, schema: str = "bitrix24") -> list[str]:
    """Make the views of all tables that `fields` describes, and drop those nothing stands for any more.

    Args:
        path: The DuckDB file, in use by nobody else.
        schema: Where the tables are.

    Returns:
        The names of the views.

    Raises:
        LoadError: The file can't be written, or DuckDB refuses a view; then all views are as they were.
    """
    with contextlib.closing(attach(Path(path), schema)) as connection, transaction(connection):
        if lacking := _lacking(connection, schema, FIELDS, _OF_FIELDS):
            LOGGER.warning("no labelled views are made: %s", lacking)
            return []
        described = _described(connection, schema)
        there = existing(connection, schema)
        streams = sorted(each.name for each in there if each.kind == "table" and each.name in described)
        for old in there:
            if old.ours and old.name.endswith(SUFFIX) and old.name.removesuffix(SUFFIX) not in streams:
                drop(connection, schema, old.name)
        return [stream + SUFFIX for stream in streams if _make(connection, schema, stream, described[stream])]


def _lacking(connection: duckdb.DuckDBPyConnection, schema: str, name: str, wanted: Sequence[str]) -> str:
    """What a table lacks to be of use; empty if nothing."""
    there = {each.name for each in columns_of(connection, schema, name)}
    if not there:
        return f"there is no table {name}"
    missing = [column for column in wanted if column not in there]
    return f"table {name} has no column {', '.join(missing)}" if missing else ""


def _described(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, Field]]:
    """Stream → column → what the portal says of it."""
    options: set[tuple[str, str]] = set()
    if lacking := _lacking(connection, schema, OPTIONS, _OF_OPTIONS):
        LOGGER.warning("options stay ids in labelled views: %s", lacking)
    else:
        options = set(_rows(connection, schema, OPTIONS, "DISTINCT stream, column_name"))
    found: dict[str, dict[str, Field]] = {}
    for stream, column, label, portal_name, multiple in _rows(connection, schema, FIELDS, ", ".join(_OF_FIELDS)):
        known = Field(_clean(label), _clean(portal_name), multiple is not False, (stream, column) in options)
        found.setdefault(stream, {})[column] = known
    return found


def _rows(connection: duckdb.DuckDBPyConnection, schema: str, name: str, what: str) -> list[tuple[Any, ...]]:
    where = ".".join(map(quoted, (DATABASE, schema, name)))
    return connection.execute(f"SELECT {what} FROM {where}").fetchall()


def _clean(text: str | None) -> str:
    """What SQL can hold and a person can type: no NUL, no white space around it."""
    return (text or "").replace("\0", "").strip()


def _make(connection: duckdb.DuckDBPyConnection, schema: str, stream: str, fields: Mapping[str, Field]) -> bool:
    """Make a view in which the rows of a child stream are the current ones; whether it is there."""
    source, columns = stream, columns_of(connection, schema, stream)
    if any(each.name == READ_AT for each in columns):
        if not show(connection, schema, stream):
            LOGGER.warning("view %s%s is not made: it would need %s%s", stream, SUFFIX, stream, CURRENT)
            return False
        source = stream + CURRENT
        columns = columns_of(connection, schema, source)
    names = view_names([each.name for each in columns], {name: each.label for name, each in fields.items()})
    portal_names = {names[each.name]: fields.get(each.name, UNKNOWN).portal_name for each in columns}
    view = View(
        schema,
        stream + SUFFIX,
        _select(source, stream, columns, fields, names),
        about=f"{source} by labels and texts of the portal",
        source=columns,
        comments={name: text for name, text in portal_names.items() if text},
    )
    return put(connection, view)


def view_names(columns: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Column → its name in the view: the label; where an earlier one took that, the column's own name is added."""
    taken: set[bytes] = set()
    names: dict[str, str] = {}
    for column in columns:
        name = labels.get(column) or column
        while folded(name) in taken:
            name = f"{name} ({column})"
        taken.add(folded(name))
        names[column] = name
    return names


def _select(
    source: str, stream: str, columns: Sequence[Described], fields: Mapping[str, Field], names: Mapping[str, str]
) -> str:
    values: list[str] = []
    maps: list[str] = []
    for each in columns:
        known = fields.get(each.name, UNKNOWN)
        value = f"t.{quoted(each.name)}"
        if known.has_options:
            texts = f"m{len(maps)}"
            maps.append(f"map_from_entries(list((id, label)) FILTER (column_name = {literal(each.name)})) AS {texts}")
            value = _texts(value, each.type, f"o.{texts}", multiple=known.multiple)
        values.append(f"{value} AS {quoted(names[each.name])}")
    rows = f"SELECT {', '.join(values)} FROM {quoted(source)} AS t"
    if not maps:
        return rows
    options = (
        f"SELECT column_name, CAST(id AS VARCHAR) AS id, max(nullif(label, '')) AS label FROM {OPTIONS}"
        f" WHERE stream = {literal(stream)} GROUP BY ALL"
    )
    return f"{rows}, (SELECT {', '.join(maps)} FROM ({options})) AS o"


def _texts(value: str, kind: str, texts: str, *, multiple: bool) -> str:
    """SQL for the texts of a value with options; what is none of them stays visible as its own text.

    A boolean was Y or N in the portal, so that is what its options are told by.
    """
    if kind == ColumnType.JSON and multiple:
        ids = (
            f"CASE WHEN json_type({value}) = 'ARRAY' THEN {value} ->> '$[*]'"
            f" WHEN {value} IS NOT NULL THEN [{value} ->> '$'] END"
        )
        return f"list_transform({ids}, lambda x: coalesce({texts}[x], x))"
    text = f"CAST({value} AS VARCHAR)"
    if kind == ColumnType.BOOLEAN:
        flag = f"CASE {value} WHEN true THEN 'Y' WHEN false THEN 'N' END"
        return f"coalesce({texts}[{flag}], {texts}[{text}], {text})"
    if kind == ColumnType.JSON:
        text = f"({value} ->> '$')"
    elif kind == ColumnType.DOUBLE:
        text = f"regexp_replace({text}, '\\.0$', '')"
    return f"coalesce({texts}[{text}], {text})"
