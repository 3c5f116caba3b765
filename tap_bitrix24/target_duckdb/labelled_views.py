"""`<stream>_labelled`: tables as users of the portal know them, with labels as column names and texts of options.

Both come from streams `fields` and `field_options`. The texts are looked up in `field_options` when a view is queried;
the column names are those of the time the view was created.

A view joins every row with one map (option id → text) per column that has options, all built in one pass over the
options of its stream: DuckDB then skips the columns a query does not select, which it did not with one join per column.
The price: looking up a text takes time in proportion to the number of options of its column (a million rows: 0.2 s with
1,000 options, 1 s with 10,000).
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
from tap_bitrix24.target_duckdb.current_views import READ_AT, create_current_view
from tap_bitrix24.target_duckdb.current_views import SUFFIX as CURRENT_SUFFIX
from tap_bitrix24.target_duckdb.database import attach, qualified, transaction
from tap_bitrix24.target_duckdb.identifiers import folded, literal, quoted
from tap_bitrix24.target_duckdb.views import RelationColumn, View, columns_of, create_or_replace, drop, relations

LOGGER = logging.getLogger("target-bitrix24-duckdb")

FIELDS, OPTIONS = "fields", "field_options"
LABEL_STREAMS = (FIELDS, OPTIONS)
"""The streams that labelled views are made from."""
SUFFIX = "_labelled"

_FIELDS_COLUMNS = ("stream", "column_name", "label", "portal_name", "multiple")
_OPTIONS_COLUMNS = ("stream", "column_name", "id", "label")


@dataclass(frozen=True, slots=True)
class DescribedField:
    """A column as streams `fields` and `field_options` describe it."""

    label: str = ""
    portal_name: str = ""
    multiple: bool = True
    """Whether a JSON value may be a list of option ids."""
    has_options: bool = False


NOT_DESCRIBED = DescribedField()


def create_labelled_views(path: str | Path, *, schema: str = "bitrix24") -> list[str]:
    """Create the views of all tables that `fields` describes; drop those whose table or description is gone.

    Args:
        path: The DuckDB file; no other process may have it open.
        schema: The schema of the tables.

    Returns:
        The names of the views.

    Raises:
        LoadError: The file cannot be written, or DuckDB refuses a view; all views are left unchanged.
    """
    with contextlib.closing(attach(Path(path), schema)) as connection, transaction(connection):
        if problem := _missing(connection, schema, FIELDS, _FIELDS_COLUMNS):
            LOGGER.warning("no labelled views created: %s", problem)
            return []
        fields = _fields_by_stream(connection, schema)
        existing = relations(connection, schema)
        streams = sorted(each.name for each in existing if each.kind == "table" and each.name in fields)
        for each in existing:
            if each.is_own_view and each.name.endswith(SUFFIX) and each.name.removesuffix(SUFFIX) not in streams:
                drop(connection, schema, each.name)
        return [stream + SUFFIX for stream in streams if _create_view(connection, schema, stream, fields[stream])]


def _missing(connection: duckdb.DuckDBPyConnection, schema: str, name: str, required: Sequence[str]) -> str:
    """Return which table or columns are missing, as text; an empty text if none."""
    columns = {each.name for each in columns_of(connection, schema, name)}
    if not columns:
        return f"table {name} does not exist"
    missing = [column for column in required if column not in columns]
    return f"table {name} has no column {', '.join(missing)}" if missing else ""


def _fields_by_stream(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, DescribedField]]:
    """Return stream → column → description."""
    with_options: set[tuple[str, str]] = set()
    if problem := _missing(connection, schema, OPTIONS, _OPTIONS_COLUMNS):
        LOGGER.warning("labelled views show ids instead of texts of options: %s", problem)
    else:
        with_options = set(_select_from(connection, schema, OPTIONS, "DISTINCT stream, column_name"))
    fields: dict[str, dict[str, DescribedField]] = {}
    rows = _select_from(connection, schema, FIELDS, ", ".join(_FIELDS_COLUMNS))
    for stream, column, label, portal_name, multiple in rows:
        has_options = (stream, column) in with_options
        field = DescribedField(_clean(label), _clean(portal_name), multiple is not False, has_options)
        fields.setdefault(stream, {})[column] = field
    return fields


def _select_from(connection: duckdb.DuckDBPyConnection, schema: str, name: str, what: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {what} FROM {qualified(schema, name)}").fetchall()


def _clean(text: str | None) -> str:
    """Return the text without NUL, which SQL cannot contain, and without leading and trailing white space."""
    return (text or "").replace("\0", "").strip()


def _create_view(
    connection: duckdb.DuckDBPyConnection, schema: str, stream: str, fields: Mapping[str, DescribedField]
) -> bool:
    """Create a stream's view, over the current rows for a child stream; return whether the view exists now."""
    source, columns = stream, columns_of(connection, schema, stream)
    if any(each.name == READ_AT for each in columns):
        source = stream + CURRENT_SUFFIX
        if not create_current_view(connection, schema, stream):
            LOGGER.warning("view %s%s not created: it needs view %s", stream, SUFFIX, source)
            return False
        columns = columns_of(connection, schema, source)
    names = view_names([each.name for each in columns], {name: each.label for name, each in fields.items()})
    portal_names = {names[each.name]: fields.get(each.name, NOT_DESCRIBED).portal_name for each in columns}
    view = View(
        schema,
        stream + SUFFIX,
        _select(source, stream, columns, fields, names),
        description=f"{source} by labels and texts of the portal",
        source_columns=columns,
        comments={name: text for name, text in portal_names.items() if text},
    )
    return create_or_replace(connection, view)


def view_names(columns: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return column → its name in the view: the label, with the column's own name added if an earlier one has it."""
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
    source: str,
    stream: str,
    columns: Sequence[RelationColumn],
    fields: Mapping[str, DescribedField],
    names: Mapping[str, str],
) -> str:
    """Return the view's SQL: columns under their labels, joined with one row of maps `m0`, `m1` … of option texts."""
    values: list[str] = []
    maps: list[str] = []
    for each in columns:
        field = fields.get(each.name, NOT_DESCRIBED)
        value = f"t.{quoted(each.name)}"
        if field.has_options:
            name = f"m{len(maps)}"
            maps.append(f"map_from_entries(list((id, label)) FILTER (column_name = {literal(each.name)})) AS {name}")
            value = _option_texts(value, each.type, f"o.{name}", multiple=field.multiple)
        values.append(f"{value} AS {quoted(names[each.name])}")
    rows = f"SELECT {', '.join(values)} FROM {quoted(source)} AS t"
    if not maps:
        return rows
    options = (
        f"SELECT column_name, CAST(id AS VARCHAR) AS id, max(nullif(label, '')) AS label FROM {OPTIONS}"
        f" WHERE stream = {literal(stream)} GROUP BY ALL"
    )
    return f"{rows}, (SELECT {', '.join(maps)} FROM ({options})) AS o"


def _option_texts(value: str, type_: str, texts: str, *, multiple: bool) -> str:
    """Return SQL for the texts of a value with options; a value that is not among the options is shown as it is.

    A boolean column holds Y or N on the portal, so these are the ids of its options.
    """
    if type_ == ColumnType.JSON and multiple:
        ids = (
            f"CASE WHEN json_type({value}) = 'ARRAY' THEN {value} ->> '$[*]'"
            f" WHEN {value} IS NOT NULL THEN [{value} ->> '$'] END"
        )
        return f"list_transform({ids}, lambda x: coalesce({texts}[x], x))"
    text = f"CAST({value} AS VARCHAR)"
    if type_ == ColumnType.BOOLEAN:
        yes_no = f"CASE {value} WHEN true THEN 'Y' WHEN false THEN 'N' END"
        return f"coalesce({texts}[{yes_no}], {texts}[{text}], {text})"
    if type_ == ColumnType.JSON:
        text = f"({value} ->> '$')"
    elif type_ == ColumnType.DOUBLE:
        text = f"regexp_replace({text}, '\\.0$', '')"
    return f"coalesce({texts}[{text}], {text})"
