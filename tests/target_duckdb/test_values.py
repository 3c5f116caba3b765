"""Values arrive exactly, or the load fails and says which one does not fit."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.target_duckdb.errors import LoadError
from tests.target_duckdb.singer import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    load,
    query,
    raw,
    schema,
    types,
)

EXACT: list[tuple[dict[str, Any], str, Any]] = [
    (INTEGER, "9007199254740993", 9007199254740993),
    (INTEGER, "9223372036854775807", 2**63 - 1),
    (INTEGER, "-9223372036854775808", -(2**63)),
    (INTEGER, "-0", 0),
    (INTEGER, "5.0", 5),
    (INTEGER, "1e3", 1000),
    (INTEGER, "-1E+3", -1000),
    (INTEGER, "null", None),
    (NUMBER, "0.1", 0.1),
    (NUMBER, "-1.5e-7", -1.5e-7),
    (NUMBER, "1e308", 1e308),
    (NUMBER, "12", 12.0),
    (NUMBER, "-0.0", -0.0),
    (NUMBER, "9007199254740992", 9007199254740992.0),
    (NUMBER, "-123456789012345", -123456789012345.0),
    (NUMBER, "12345678901234567890123.25", 12345678901234567890123.25),
    (NUMBER, "1E16", 1e16),
    (BOOLEAN, "true", True),
    (BOOLEAN, "false", False),
    (STRING, '"00123"', "00123"),
    (STRING, '"2024-01-01"', "2024-01-01"),
    (STRING, '"{\\"a\\": 1}"', '{"a": 1}'),
    (STRING, '"null"', "null"),
    (STRING, '""', ""),
    (STRING, '" \\" \\\\ \\n \\t / \\u0416 😀 \\ud83d\\ude00"', ' " \\ \n \t / Ж 😀 😀'),
    (STRING, '"a\\u0000b"', "a\0b"),
    (STRING, '"true"', "true"),
    (DATE, '"2024-02-29"', date(2024, 2, 29)),
    (DATE, '"0001-01-01"', date(1, 1, 1)),
    (DATE, '"9999-12-31"', date(9999, 12, 31)),
    (DATETIME, '"2024-02-29T10:00:00Z"', datetime(2024, 2, 29, 10, tzinfo=UTC)),
    (DATETIME, '"2024-02-29t10:00:00z"', datetime(2024, 2, 29, 10, tzinfo=UTC)),
    (DATETIME, '"2024-02-29T10:00:00+03:00"', datetime(2024, 2, 29, 7, tzinfo=UTC)),
    (DATETIME, '"2024-02-29T10:00:00.5-0530"', datetime(2024, 2, 29, 15, 30, 0, 500_000, tzinfo=UTC)),
    (DATETIME, '"2024-02-29 10:00:00.123456000"', datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=UTC)),
    (DATETIME, '"0001-01-01T00:00:00Z"', datetime(1, 1, 1, tzinfo=UTC)),
    (DATETIME, '"9999-12-31T23:59:59.999999Z"', datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    (OBJECT, '{"b": 1, "a": [1.5, "ж\\u0416", {"z": null}], "b2": {}}', '{"b":1,"a":[1.5,"жЖ",{"z":null}],"b2":{}}'),
    (ANY, "123456789012345678901234567890", "123456789012345678901234567890"),
    (ANY, '"12"', '"12"'),
    (ANY, "12", "12"),
    (ANY, '["x,nan", "Infinity", "a:NaN"]', '["x,nan","Infinity","a:NaN"]'),
    (ANY, "[-1.0E+2]", "[-100.0]"),
    (ANY, '{"\\"nan":"inf"}', '{"\\"nan":"inf"}'),
    (ANY, "null", None),
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    (INTEGER, "1.5"),
    (INTEGER, "true"),
    (INTEGER, '"12"'),
    (INTEGER, '""'),
    (INTEGER, "9223372036854775808"),
    (INTEGER, "1e30"),
    (INTEGER, "9007199254740993.0"),
    (INTEGER, '"1e3"'),
    (INTEGER, "[1]"),
    (INTEGER, "{}"),
    (NUMBER, '"1.5"'),
    (NUMBER, "true"),
    (NUMBER, '"NaN"'),
    (NUMBER, '"1"'),
    (NUMBER, "12345678901234567"),
    (NUMBER, "{}"),
    (NUMBER, "9007199254740993"),
    (BOOLEAN, "1"),
    (BOOLEAN, '"true"'),
    (STRING, "1"),
    (STRING, "1.50"),
    (STRING, "false"),
    (STRING, '{"a":1}'),
    (DATE, '"2024-02-30"'),
    (DATE, '"2024-2-9"'),
    (DATE, '"2024-02-29T10:00:00Z"'),
    (DATE, '"infinity"'),
    (DATE, '""'),
    (DATE, "20240229"),
    (DATETIME, '"2024-02-30T10:00:00Z"'),
    (DATETIME, '"2024-02-29T25:00:00Z"'),
    (DATETIME, '"2024-06-30T23:59:60Z"'),
    (DATETIME, '"2024-02-29T10:00:00.1234567Z"'),
    (DATETIME, '"2024-02-29"'),
    (DATETIME, '"infinity"'),
    (DATETIME, "1709200800"),
]


def test_values_arrive_exactly(file: Path) -> None:
    properties = {f"v{i}": prop for i, (prop, _, _) in enumerate(EXACT)}
    texts = ",".join(f'"v{i}":{text}' for i, (_, text, _) in enumerate(EXACT))
    load(file, schema("s", properties, []), raw("s", f"{{{texts}}}"))
    (row,) = query(file, "SELECT * FROM out.bitrix24.s")
    for value, (_, text, expected) in zip(row, EXACT, strict=True):
        assert (value, type(value)) == (expected, type(expected)), text
        assert str(value) == str(expected), "-0.0 equals 0.0"


@pytest.mark.parametrize(("prop", "text"), REFUSED)
def test_a_value_that_does_not_fit_is_named_and_its_batch_is_rolled_back(
    file: Path, prop: dict[str, Any], text: str
) -> None:
    good = [raw("s", f'{{"id":{i},"v":null}}') for i in range(100)]
    with pytest.raises(LoadError, match=r"^line 62, stream s: column 'v': .* does not fit "):
        load(file, schema("s", {"id": INTEGER, "v": prop}), *good[:60], raw("s", f'{{"id":1,"v":{text}}}'), *good)
    assert query(file, "SELECT count(*) FROM out.bitrix24.s") == [(0,)]


def test_number_beyond_double_is_an_error(file: Path) -> None:
    with pytest.raises(LoadError, match=r"line 2, stream s: .* infinity"):
        load(file, schema("s", {"id": INTEGER, "v": NUMBER}), raw("s", '{"id":1,"v":1e400}'))


@pytest.mark.parametrize("text", ["[NaN]", "[-inf]", "[1,iNfInItY]", '{"a":-Infinity}', '{"a":"x","b":[1,nan]}', "NaN"])
def test_json_column_refuses_what_is_not_json(file: Path, text: str) -> None:
    with pytest.raises(LoadError, match="line 2, stream s: not JSON"):
        load(file, schema("s", {"id": INTEGER, "v": ANY}), raw("s", f'{{"id":1,"v":{text}}}'))


def test_column_types_and_comments(file: Path) -> None:
    properties: dict[str, Any] = {
        "id": {"type": "integer", "title": "ID", "description": "Идентификатор 'id'"},
        "n": NUMBER,
        "b": BOOLEAN,
        "s": STRING,
        "d": DATE,
        "t": DATETIME,
        "time": {"type": "string", "format": "time"},
        "o": OBJECT,
        "a": {"type": "array", "items": STRING},
        "many": {"type": ["string", "integer", "null"]},
        "none": {},
        "truth": True,
        "union": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "mixed": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]},
    }
    load(file, schema("s", properties))
    assert types(file, "s") == {
        "id": "BIGINT",
        "n": "DOUBLE",
        "b": "BOOLEAN",
        "s": "VARCHAR",
        "d": "DATE",
        "t": "TIMESTAMP WITH TIME ZONE",
        "time": "VARCHAR",
        "o": "JSON",
        "a": "JSON",
        "many": "JSON",
        "none": "JSON",
        "truth": "JSON",
        "union": "TIMESTAMP WITH TIME ZONE",
        "mixed": "JSON",
    }
    comments = query(file, "SELECT comment FROM duckdb_columns() WHERE table_name = 's' AND comment IS NOT NULL")
    assert comments == [("ID: Идентификатор 'id'",)]


def test_a_line_of_fifty_megabytes(file: Path) -> None:
    text = "я" * 25_000_000
    load(file, schema("s", {"id": INTEGER, "v": STRING}), raw("s", f'{{"id":1,"v":"{text}"}}'))
    assert query(file, "SELECT length(v), v = repeat('я', 25000000) FROM out.bitrix24.s") == [(25_000_000, True)]
