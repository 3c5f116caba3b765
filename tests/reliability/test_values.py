"""Arbitrary JSON in every kind of column: records fit their schema, nothing vanishes, nothing takes its square in time.

By default 150 pages and values of 100 kB; with `TAP_BITRIX24_FULL=1` twenty thousand pages and ten megabytes.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.records.secrets import LEVELS, json_text, without_secrets
from tap_bitrix24.schema.columns import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    JSON,
    KINDS,
    NUMBER,
    OBJECT,
    STRING,
    UNPARSED,
    Column,
    build_columns,
    columns_from_schema,
    json_schema,
)
from tests.support.full import FULL
from tests.support.parameters import slow

SIZE = 10_000_000 if FULL else 100_000
SECONDS = 300 if FULL else 3
"""How long a value of SIZE may take in all kinds of columns; its square takes more than that in one."""
PROPERTIES = ("productproperty:N", "productproperty:S:HTML", "listproperty:L", "listproperty:S:Money", "listproperty:E")
FIELDS = [
    *(
        Field(f"{type_}_{several}".upper(), type_, several)
        for type_ in (*KINDS, "unheard_of")
        for several in (False, True)
    ),
    *(
        Field(re.sub(r"\W", "_", f"{type_}_{several}"), type_, several)
        for type_ in PROPERTIES
        for several in (False, True)
    ),
    Field("IS_FLAG", "char"),
    Field("FILE_URL", "string"),
    Field("YES", "enum", options=(Option("Y", "yes"), Option("N", "no"))),
    Field("PHONE", "crm_multifield", multiple=True),
    Field("EMAIL", "crm_multifield"),
    Field("PRODUCT", "catalog_product.id"),
]
COLUMNS = build_columns(FIELDS, types={})
SCHEMA = json_schema(COLUMNS)
VALIDATOR = Draft202012Validator(SCHEMA)
ONE_OF_EACH = {
    tuple(
        (column.kind, column.multiple, column.part, column.reference) for column in build_columns([field], types={})
    ): (field.name)
    for field in FIELDS
}.values()
"""A field for every kind of column; fields with several columns are kinds of their own."""
BY_NAME = {column.name: column for column in COLUMNS}
FORMATS = {DATE: r"\d{4}-\d\d-\d\d", DATETIME: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}

numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
written = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,25}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["", "0", "Y", "N", "1", "007", "1|USD", "|EUR", "A|1;2|3", "null", "٣", "16.07.2024", "0000-00-00"]
    ),
    st.dates().map(date.isoformat),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.dates().flatmap(lambda day: st.sampled_from([f"{day}T01:00:00+02:00", f"{day}T03:00:00+03:00"])),
    st.sampled_from(["https://p/f?auth=S3CRET&a=1", "/rest/1/S3CRET/download?token=S3CRET", "/f?a=1"]),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, written, st.text(max_size=20))


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, objects, lists with gaps as PHP sends them, and envelopes of properties."""
    gaps = st.dictionaries(st.integers(0, 9).map(str), inner, max_size=4)
    envelope = st.fixed_dictionaries({"value": inner}, optional={"valueId": inner, "VALUE": inner})
    return st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4), gaps, envelope
    )


values = st.recursive(leaves, containers, max_leaves=8)
keys = st.one_of(
    st.sampled_from([field.name for field in FIELDS]),
    st.sampled_from(
        [field.name.lower() for field in FIELDS] + ["newOne", "NEW_ONE", "new_one", "new_One", "money_0_currency"]
    ),
    st.text(min_size=1, max_size=5),
)
pages = st.lists(st.dictionaries(keys, values, max_size=8), min_size=1, max_size=4)


def is_nothing(value: Any, column: Column) -> bool:
    """Whether a value stands for "nothing" in this column (docs/decisions.md#decision-6)."""
    if column.kind in (ANY, BOOLEAN) and value is False:
        return False
    return is_empty(value) or (column.reference and value in (0, "0"))


def items_of(value: Any) -> list[Any]:
    """Return the items of a list, with gaps or without, or of a scalar that stands for a list of one."""
    if isinstance(value, dict) and value and all(re.fullmatch("[0-9]+", key) for key in value):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def survives(value: Any, found: Any, column: Column) -> bool:
    """Whether what a column holds is the value that came."""
    if column.portal_name.startswith("MONEY_") and isinstance(value, str):
        value = value.partition("|")[0]
    if is_nothing(value, column):
        return found is None
    if column.kind in (JSON, OBJECT, ANY):
        return bool(found == without_secrets(value))
    if column.kind in (INTEGER, NUMBER):
        return found is not None and Decimal(str(value)) == Decimal(str(found))
    return found is not None and (column.kind != STRING or found == str(value))


def missing(row: Row, record: Row, columns: Mapping[str, str | None]) -> list[str]:
    """Return the keys of a row whose values are neither in their column nor, as they came, in the unparsed ones."""
    aside = dict(record[UNPARSED] or {})
    gone = []
    for key, value in row.items():
        name = columns[key]
        if name is None or name in aside:
            kept = [where for where, original in aside.items() if original == without_secrets(value)]
            if kept:
                del aside[name if name in kept else kept[0]]
            elif not is_empty(value) and not (name is not None and is_nothing(value, BY_NAME[name])):
                gone.append(key)
            continue
        column, found = BY_NAME[name], record[name]
        whole = not column.multiple or (is_empty(value) or (column.reference and value in (0, "0")))
        if whole and column.multiple:
            fits = found == []
        elif whole:
            fits = survives(value, found, column)
        else:
            items = items_of(value)
            fits = len(items) == len(found) and all(map(survives, items, found, [column] * len(items)))
        if not fits:
            gone.append(key)
    return [*gone, *(f"nobody sent {name}" for name in aside)]


def formats_fit(record: Row) -> bool:
    """Whether dates and date-times are written in the one form of each."""
    return all(
        value is None or re.fullmatch(FORMATS[column.kind], value, re.ASCII)
        for column in COLUMNS
        if column.kind in FORMATS
        for value in (record[column.name] or () if column.multiple else [record[column.name]])
    )


@settings(max_examples=20_000 if FULL else 60, derandomize=not FULL, deadline=None, database=None)
@given(pages)
def test_records_of_arbitrary_rows_fit_and_are_complete(rows: list[Row]) -> None:
    convert = RowConverter(COLUMNS)
    records = convert(rows)
    assert records == RowConverter(columns_from_schema(SCHEMA))(rows), "a catalog says as much as discovery"
    columns = {key: convert.column(key) for row in rows for key in row}
    for row, record in zip(rows, records, strict=True):
        assert list(record) == [*(column.name for column in COLUMNS), UNPARSED]
        VALIDATOR.validate(record)
        assert formats_fit(record)
        assert missing(row, record, columns) == []
        assert orjson.loads(orjson.dumps(record)) == json.loads(json.dumps(record)) == record


def deep(levels: int, make: Callable[[Any], Any]) -> Any:
    """Return a value with so many levels."""
    value: Any = "/f?auth=S3CRET&a=1"
    for _ in range(levels):
        value = make(value)
    return value


NESTS: Mapping[str, Callable[[Any], Any]] = {
    "lists": lambda value: [value],
    "objects": lambda value: {"a": value},
    "lists with gaps": lambda value: {"3": value},
    "properties": lambda value: {"value": value},
    "both": lambda value: [1, {"b": value, "c": None}],
}


@pytest.mark.parametrize("levels", [LEVELS, LEVELS + 1, 5_000, *slow(100, 300, 1_000)])
@pytest.mark.parametrize("nest", NESTS)
def test_deeply_nested_values(nest: str, levels: int) -> None:
    """The writer ends at 254 levels, Python's own calls end at a thousand: what is deeper is kept as text."""
    convert = RowConverter(COLUMNS)
    value = deep(levels, NESTS[nest])
    (record,) = convert([{**dict.fromkeys(ONE_OF_EACH, value), "NEW": value}])
    line = orjson.dumps(record)
    assert len(json.dumps(record)) >= len(line)
    assert b"S3CRET" not in line
    kept = record[UNPARSED]["new"]
    assert isinstance(kept, str) == (levels * (2 if nest == "both" else 1) > LEVELS)
    assert kept == (json_text(value) if isinstance(kept, str) else without_secrets(value))


@given(values)
@settings(max_examples=20_000 if FULL else 60, derandomize=not FULL, deadline=None, database=None)
def test_the_text_of_a_value_is_its_json(value: Any) -> None:
    assert orjson.loads(json_text(value)) == without_secrets(value)


UNITS = ("1", "1.", "1e", "-", "|", "|1;", "|1|", "?", "&", "&amp;", "?&amp;", "/rest/1", "/rest/", "a", "aB", " ")
PARAMETERS = ("auth=", "auth[", "&auth=1", "&auth[a]=", "?auth=1 ", "&amp;token=", "%5B", "/rest/1/a/")
FRAMES = (("", ""), ("", "x"), ("/f?auth=1#", "x"), ("A|", "x"), ("1", "|USD"))
LISTS: Mapping[str, Callable[[], Any]] = {
    "numbers": lambda: ["1"] * (SIZE // 4),
    "texts": lambda: ["a"] * (SIZE // 4),
    "list with gaps": lambda: {str(2 * number): number for number in range(SIZE // 16)},
    "object": lambda: {f"key{number}": {"a": "b"} for number in range(SIZE // 20)},
    "links": lambda: ["/f?auth=1&b=2"] * (SIZE // 16),
    "levels": lambda: [deep(500, NESTS["both"])] * (SIZE // 12_000),
}


def seconds(value: Any) -> float:
    """Return how long it takes to convert a value in every kind of column, alone and beside another."""
    convert = RowConverter(COLUMNS)
    start = time.process_time()
    for name in ONE_OF_EACH:
        convert([{name: value}])
    convert([{"NEW": value}, {"NEW": value, "ID": 1}])
    return time.process_time() - start


@pytest.mark.parametrize("unit", [*UNITS[:3], *PARAMETERS[:3], *slow(*UNITS[3:], *PARAMETERS[3:])])
def test_long_texts_take_no_square_of_time(unit: str) -> None:
    """Of units that slow patterns are known to choke on."""
    for head, tail in FRAMES:
        assert seconds(f"{head}{unit * (SIZE // len(unit))}{tail}") < SECONDS, (head, tail)


@pytest.mark.parametrize("name", LISTS)
def test_large_lists_and_objects_take_no_square_of_time(name: str) -> None:
    assert seconds(LISTS[name]()) < SECONDS * 2


def test_many_keys_that_no_column_describes() -> None:
    """Objects keyed by ids may stand where rows are expected: each row then has keys of its own."""
    convert = RowConverter(COLUMNS)
    rows: list[Row] = [{f"k{row}x{number}": 1 for number in range(SIZE // 500)} for row in range(50)]
    start = time.process_time()
    assert all(len(record[UNPARSED]) == SIZE // 500 for record in convert(rows))
    convert([{"ID": 1}] * 1_000)
    assert time.process_time() - start < SECONDS
