"""Conversion of the portal's values to typed values; what does not fit is kept as it came.

See docs/decisions.md#decision-4 to docs/decisions.md#decision-8.
"""

from typing import Any

import pytest

from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.schema.columns import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    JSON,
    NUMBER,
    OBJECT,
    STRING,
    UNPARSED,
    Column,
    build_columns,
)

UNFIT = object()
"""The outcome of a value that does not fit its column."""
EMPTY: tuple[Any, ...] = ("", False, {}, [], None)


def one(kind: str, value: Any, *, multiple: bool = False) -> Any:
    """Return the value in its column, or UNFIT if it was kept as it came."""
    convert = RowConverter([Column("x", "X", kind, multiple)])
    (record,) = convert([{"X": value}])
    if record[UNPARSED] is None:
        assert convert.unparsed == {}
        return record["x"]
    assert record == {"x": None, UNPARSED: {"x": value}}
    assert convert.unparsed == {"x": 1}
    return UNFIT


def same(value: Any, expected: Any) -> bool:
    """Return whether two values are equal and of one type: 1, 1.0 and True are three values."""
    return value is expected or (type(value) is type(expected) and value == expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("123", 123),
        (123, 123),
        ("-5", -5),
        ("+5", 5),
        ("5.00", 5),
        (5.0, 5),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        (2**63 - 1, 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", UNFIT),
        (2**63, UNFIT),
        ("1" * 30, UNFIT),
        (1e300, UNFIT),
        ("12a", UNFIT),
        ("5.5", UNFIT),
        (5.5, UNFIT),
        ("1e3", UNFIT),
        (" 5", UNFIT),
        ("5\n", UNFIT),
        ("1_000", UNFIT),
        ("0x10", UNFIT),
        ("١٢٣", UNFIT),
        ("１２", UNFIT),
        ("²", UNFIT),
        (True, UNFIT),
        ([1], UNFIT),
        ({"a": 1}, UNFIT),
        ("Y", UNFIT),
        (float("nan"), UNFIT),
    ],
)
def test_integers(value: Any, expected: Any) -> None:
    assert same(one(INTEGER, value), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1000.00", 1000.0),
        ("0", 0.0),
        (0, 0.0),
        ("-12.5", -12.5),
        (7, 7.0),
        (0.1, 0.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("15000.0000000000000000", 15000.0),
        ("123456789012345", 123456789012345.0),
        (2**53, float(2**53)),
        ("9007199254740992", 9007199254740992.0),
        # a double cannot hold these: rounding them would be a silent loss
        ("9007199254740993", UNFIT),
        (2**53 + 1, UNFIT),
        ("0.12345678901234567890", UNFIT),
        ("1234567890.12345678", UNFIT),
        ("1e999", UNFIT),
        ("-1e999", UNFIT),
        ("1e-999", UNFIT),
        (float("inf"), UNFIT),
        (float("nan"), UNFIT),
        ("nan", UNFIT),
        ("inf", UNFIT),
        (10**400, UNFIT),
        ("1 000", UNFIT),
        ("1,5", UNFIT),
        ("100|USD", UNFIT),
        ("٣.٥", UNFIT),
        (True, UNFIT),
        ([1.5], UNFIT),
    ],
)
def test_numbers(value: Any, expected: Any) -> None:
    assert same(one(NUMBER, value), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Y", True),
        ("N", False),
        ("1", True),
        ("0", False),
        (1, True),
        (0, False),
        (True, True),
        (False, False),
        ("", None),
        (None, None),
        ([], None),
        ({}, None),
        ("Да", UNFIT),
        ("yes", UNFIT),
        ("2", UNFIT),
        (2, UNFIT),
        (1.0, UNFIT),
        (["Y"], UNFIT),
        ("F", UNFIT),
    ],
)
def test_booleans(value: Any, expected: Any) -> None:
    assert same(one(BOOLEAN, value), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("007", "007"),
        (" Ромашка ", " Ромашка "),
        ("0", "0"),
        (0, "0"),
        (7, "7"),
        (1.5, "1.5"),
        ("\u0000", "\u0000"),
        ("Y", "Y"),
        ("false", "false"),
        ("null", "null"),
        ("Прайс на /files/?", "Прайс на /files/?"),
        (True, UNFIT),
        (["a"], UNFIT),
        ({"a": 1}, UNFIT),
    ],
)
def test_strings(value: Any, expected: Any) -> None:
    assert same(one(STRING, value), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-07-16T03:00:00+03:00", "2024-07-16T00:00:00Z"),
        ("2024-07-15T19:30:00-05:00", "2024-07-16T00:30:00Z"),
        ("2024-07-16T05:45:00+05:45", "2024-07-16T00:00:00Z"),
        ("2024-07-16T00:00:00+00:00", "2024-07-16T00:00:00Z"),
        ("2024-07-16T00:00:00Z", "2024-07-16T00:00:00Z"),
        ("2024-07-16T03:00:00.250000+03:00", "2024-07-16T00:00:00.250000Z"),
        # the night clocks go back: one local time, two moments
        ("2024-10-27T02:30:00+02:00", "2024-10-27T00:30:00Z"),
        ("2024-10-27T02:30:00+01:00", "2024-10-27T01:30:00Z"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00+03:00", UNFIT),
        ("9999-12-31T23:59:59-05:00", UNFIT),
        ("0000-00-00T00:00:00+00:00", UNFIT),
        ("-0001-11-30T00:00:00+02:30", UNFIT),
        ("2024-07-16 10:00:00", UNFIT),
        ("2024-07-16", UNFIT),
        ("24.08.2023 13:19:39", UNFIT),
        ("2024-02-30T00:00:00+00:00", UNFIT),
        ("2024-07-16T25:00:00+00:00", UNFIT),
        (1721088000, UNFIT),
        (True, UNFIT),
        (["2024-07-16T00:00:00Z"], UNFIT),
    ],
)
def test_date_times(value: Any, expected: Any) -> None:
    assert same(one(DATETIME, value), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-07-16", "2024-07-16"),
        ("2024-07-16T00:00:00+03:00", "2024-07-16"),
        ("2024-07-16T00:00:00-05:00", "2024-07-16"),
        # 00:00 UTC written in the server's zone, east and west of it
        ("2024-07-16T03:00:00+03:00", "2024-07-16"),
        ("2024-07-15T19:00:00-05:00", "2024-07-16"),
        ("2024-07-16T05:45:00+05:45", "2024-07-16"),
        # the same zone in winter
        ("2024-01-16T01:00:00+01:00", "2024-01-16"),
        ("2024-07-16T02:00:00+02:00", "2024-07-16"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31T00:00:00+00:00", "9999-12-31"),
        ("0000-00-00", UNFIT),
        ("2024-07-16T12:00:00+03:00", UNFIT),
        ("2024-07-16T06:15:00+03:00", UNFIT),
        ("2024-07-16T00:00:00.5+00:00", UNFIT),
        ("2024-07-16 12:00:00", UNFIT),
        ("2024-02-30", UNFIT),
        ("16.07.2024", UNFIT),
        ("２０２４-07-16", UNFIT),
        (20240716, UNFIT),
        (True, UNFIT),
    ],
)
def test_dates(value: Any, expected: Any) -> None:
    assert same(one(DATE, value), expected)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (OBJECT, {"id": 1}, {"id": 1}),
        (OBJECT, [1], UNFIT),
        (OBJECT, "text", UNFIT),
        (OBJECT, 0, UNFIT),
        (JSON, {"a": [1, None]}, {"a": [1, None]}),
        (JSON, [1], [1]),
        (JSON, "text", UNFIT),
        (JSON, True, UNFIT),
        (ANY, "007", "007"),
        (ANY, 0, 0),
        (ANY, 1.5, 1.5),
        (ANY, True, True),
        (ANY, [1, "a"], [1, "a"]),
    ],
)
def test_nested_values(kind: str, value: Any, expected: Any) -> None:
    assert same(one(kind, value), expected)


@pytest.mark.parametrize("kind", [INTEGER, NUMBER, STRING, DATE, DATETIME, OBJECT, JSON])
@pytest.mark.parametrize("value", EMPTY, ids=repr)
def test_an_empty_value_is_null_or_an_empty_list(kind: str, value: Any) -> None:
    assert one(kind, value) is None
    assert one(kind, value, multiple=True) == []


@pytest.mark.parametrize("value", ["", {}, [], None], ids=repr)
def test_an_empty_value_of_unknown_type_is_null(value: Any) -> None:
    assert one(ANY, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (INTEGER, ["1", 2, "3.0"], [1, 2, 3]),
        (INTEGER, "7", [7]),
        (INTEGER, 0, [0]),
        (INTEGER, ["1", "x"], UNFIT),
        (INTEGER, {"3": "x"}, UNFIT),
        # a list with gaps is an object to PHP; an object with names is an item
        (INTEGER, {"0": "5", "2": 7}, [5, 7]),
        (STRING, {"1": "a"}, ["a"]),
        (DATE, {"0": "2024-07-17", "3": ""}, ["2024-07-17", None]),
        (OBJECT, {"0": {"ID": "1"}, "2": {"ID": "2"}}, [{"ID": "1"}, {"ID": "2"}]),
        (OBJECT, {"ID": "1", "VALUE": "+7"}, [{"ID": "1", "VALUE": "+7"}]),
        (OBJECT, {"0": {"ID": "1"}, "id": 5}, [{"0": {"ID": "1"}, "id": 5}]),
        (JSON, {"4": [1]}, [[1]]),
        (ANY, {"0": 1, "2": "a"}, [1, "a"]),
        (NUMBER, ["1.5", 2], [1.5, 2.0]),
        (STRING, ["a", "", "007"], ["a", None, "007"]),
        (DATE, ["2024-07-16T03:00:00+03:00", "2024-07-17"], ["2024-07-16", "2024-07-17"]),
        (BOOLEAN, ["1", "0"], [True, False]),
        (OBJECT, [{"ID": "1", "VALUE": "+7"}], [{"ID": "1", "VALUE": "+7"}]),
        (OBJECT, [{"ID": "1"}, "x"], UNFIT),
    ],
)
def test_multiple(kind: str, value: Any, expected: Any) -> None:
    assert same(one(kind, value, multiple=True), expected)


def money(value: Any, *, multiple: bool = False) -> Row:
    """Return the two columns of a money field, and its unparsed value."""
    (record,) = RowConverter(build_columns([Field("UF_M", "money", multiple)], types={}))([{"UF_M": value}])
    return {name.removeprefix("uf_"): content for name, content in record.items() if content is not None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("100|USD", {"m": 100.0, "m_currency": "USD"}),
        ("1000.50|RUB", {"m": 1000.5, "m_currency": "RUB"}),
        ("100|", {"m": 100.0}),
        ("100", {"m": 100.0}),
        (100, {"m": 100.0}),
        ("|EUR", {"m_currency": "EUR"}),
        ("", {}),
        (False, {}),
        ("много|USD", {"m_currency": "USD", UNPARSED: {"uf_m": "много|USD"}}),
    ],
)
def test_money(value: Any, expected: Row) -> None:
    assert money(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["1|USD", "2|EUR"], {"m": [1.0, 2.0], "m_currency": ["USD", "EUR"]}),
        (["1|USD", ""], {"m": [1.0, None], "m_currency": ["USD", None]}),
        ("5|USD", {"m": [5.0], "m_currency": ["USD"]}),
        (False, {"m": [], "m_currency": []}),
    ],
)
def test_money_of_a_multiple_field(value: Any, expected: Row) -> None:
    assert money(value, multiple=True) == expected


def test_amount_and_currency_are_selected_apart() -> None:
    columns = build_columns([Field("UF_M", "money")], types={})
    for kept, value in (("uf_m", 5.0), ("uf_m_currency", "USD")):
        convert = RowConverter(columns, keep=kept.__eq__)
        assert convert([{"UF_M": "5|USD"}]) == [{kept: value}]


def test_a_row_key_that_looks_like_the_currency_column_is_kept() -> None:
    convert = RowConverter(build_columns([Field("UF_M", "money")], types={}))
    (record,) = convert([{"UF_M": "5|USD", "UF_M_CURRENCY": "lost?"}])
    assert record == {"uf_m": 5.0, "uf_m_currency": "USD", UNPARSED: {"uf_m_currency": "lost?"}}


# Rows

COLUMNS = build_columns(
    [Field("ID", "integer"), Field("TITLE", "string"), Field("TAGS", "string", multiple=True)], types={}
)


def test_absent_keys_are_null_so_that_an_upsert_clears_them() -> None:
    records = RowConverter(COLUMNS)([{"ID": "1", "TITLE": "a", "TAGS": ["x"]}, {"ID": "2"}])
    assert records == [
        {"id": 1, "title": "a", "tags": ["x"], UNPARSED: None},
        {"id": 2, "title": None, "tags": None, UNPARSED: None},
    ]


def test_absent_money_is_null_in_both_columns() -> None:
    columns = build_columns([Field("ID", "integer"), Field("UF_M", "money", multiple=True)], types={})
    records = RowConverter(columns)([{"ID": "1", "UF_M": ["1|USD"]}, {"ID": "2"}])
    assert records[1] == {"id": 2, "uf_m": None, "uf_m_currency": None, UNPARSED: None}


def test_every_record_has_every_column_in_any_order_of_pages() -> None:
    convert = RowConverter(COLUMNS)
    assert convert([{"ID": "1"}]) == [{"id": 1, "title": None, "tags": None, UNPARSED: None}]
    assert convert([{"TITLE": "b", "ID": 2}]) == [{"id": 2, "title": "b", "tags": None, UNPARSED: None}]
    assert convert([]) == []


def test_an_unparsable_value_affects_neither_its_row_nor_its_page() -> None:
    convert = RowConverter(COLUMNS)
    records = convert([{"ID": "1", "TITLE": "a"}, {"ID": "2", "TITLE": ["b"]}, {"ID": "3", "TITLE": "c"}])
    assert [record["title"] for record in records] == ["a", None, "c"]
    assert [record[UNPARSED] for record in records] == [None, {"title": ["b"]}, None]
    convert([{"ID": "4", "TITLE": {"d": 1}}])
    assert convert.unparsed == {"title": 2}


def test_unknown_keys_are_kept_as_they_came() -> None:
    convert = RowConverter(COLUMNS)
    records = convert([{"ID": "1", "UF_NEW": "00:7"}, {"ID": "2", "UF_NEW": ""}, {"ID": "3"}])
    assert [record[UNPARSED] for record in records] == [{"uf_new": "00:7"}, None, None]
    assert convert.unknown == {"UF_NEW"}
    assert convert.unparsed == {"uf_new": 1}


def test_unknown_keys_of_one_column_name_are_both_kept() -> None:
    (record,) = RowConverter(COLUMNS)([{"ID": "1", "fooBar": 1, "FOO_BAR": 2}])
    assert sorted(record[UNPARSED].values()) == [1, 2]


def test_two_keys_never_fill_one_column() -> None:
    (record,) = RowConverter(COLUMNS)([{"title": "small", "ID": "1", "TITLE": "LARGE"}])
    assert record["title"] == "LARGE", "the portal's exact name wins"
    assert record[UNPARSED] == {"title": "small"}


def test_rows_of_unknown_keys_only_are_still_rows() -> None:
    records = RowConverter(COLUMNS)([{"x": 1}, {"y": 2}])
    assert [record[UNPARSED] for record in records] == [{"x": 1}, {"y": 2}]


def test_camel_case_keys_of_rows_match_upper_case_descriptions() -> None:
    columns = build_columns([Field("CHANGED_DATE", "datetime"), Field("UF_AUTO_12", "string")], types={})
    (record,) = RowConverter(columns)([{"changedDate": "2024-07-16T03:00:00+03:00", "ufAuto12": "a"}])
    assert record == {"changed_date": "2024-07-16T00:00:00Z", "uf_auto_12": "a", UNPARSED: None}


def test_deselected_columns_are_known_but_not_written() -> None:
    convert = RowConverter(COLUMNS, keep=lambda column: column != "title", constants={"entity_type_id": 2})
    assert convert([{"ID": "1", "TITLE": ["unparsable"]}])[0] == {"id": 1, "tags": None, UNPARSED: None}
    assert (convert.unknown, convert.unparsed) == (set(), {})


def test_unparsed_values_are_only_counted_where_their_column_is_deselected() -> None:
    convert = RowConverter(COLUMNS, keep=lambda column: column != UNPARSED)
    assert convert([{"ID": "x", "TITLE": "a", "new": 1}]) == [{"id": None, "title": "a", "tags": None}]
    assert convert.unparsed == {"id": 1, "new": 1}


def test_constants_are_columns_of_every_row() -> None:
    columns = [*COLUMNS, Column("entity_type_id", "entityTypeId", INTEGER)]
    convert = RowConverter(columns, constants={"entity_type_id": 31})
    assert [record["entity_type_id"] for record in convert([{"ID": "1"}, {"ID": "2", "entityTypeId": "31"}])] == [
        31,
        31,
    ]
    kept = RowConverter(columns, constants={"entity_type_id": 31}, keep=lambda column: column == "id")
    assert kept([{"ID": "1"}]) == [{"id": 1}], "deselected, it is not written"


def test_renamed_and_repeated_keys_of_the_universal_method() -> None:
    columns = build_columns([Field("ID", "integer"), Field("DATE_CREATE", "datetime")], types={})
    convert = RowConverter(columns, renames={"createdTime": "DATE_CREATE"}, ignores=frozenset({"dateCreateShort"}))
    (record,) = convert([{"id": 5, "createdTime": "2024-07-16T00:00:00Z", "dateCreateShort": "16.07."}])
    assert record == {"id": 5, "date_create": "2024-07-16T00:00:00Z", UNPARSED: None}


def test_the_column_of_a_row_key() -> None:
    convert = RowConverter(COLUMNS, renames={"name": "TITLE"})
    assert convert.column("id") == "id"
    assert convert.column("name") == "title"
    assert convert.column("nobody") is None
