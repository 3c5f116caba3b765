"""Fields with several columns, properties in envelopes, constants of a list, secret columns."""

from typing import Any

import pytest

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.discovery.discovered import columns_of
from tap_bitrix24.entities.crm_parts import CRM_PARTS
from tap_bitrix24.entities.vibecode import VIBECODE_BY_STREAM
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.schema.columns import (
    INTEGER,
    LINK,
    STRING,
    UNPARSED,
    Column,
    build_columns,
    columns_from_schema,
    json_schema,
)


def record(field: Field, value: Any) -> Row:
    """Return the record of a row with only this field, without the columns that are null."""
    (result,) = RowConverter(build_columns([field], types={}))([{field.name: value}])
    return {name.removeprefix("x_"): content for name, content in result.items() if content is not None}


# Addresses


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (
            "Ленина 1, Омск|54.98;73.37|17",
            {"line": "Ленина 1, Омск", "latitude": 54.98, "longitude": 73.37, "location_id": 17},
        ),
        ("Ленина 1|54.98;73.37", {"line": "Ленина 1", "latitude": 54.98, "longitude": 73.37}),
        ("Ленина 1|;|17", {"line": "Ленина 1", "location_id": 17}),
        ("Ленина 1|17", {"line": "Ленина 1", "location_id": 17}),
        ("Rio|-22.9;-43.2", {"line": "Rio", "latitude": -22.9, "longitude": -43.2}),
        ("Ленина 1", {"line": "Ленина 1"}),
        ("two\nlines|1.5;2.5", {"line": "two\nlines", "latitude": 1.5, "longitude": 2.5}),
        ("a|b", {"line": "a|b"}),
        ("|54.98;73.37|17", {"latitude": 54.98, "longitude": 73.37, "location_id": 17}),
    ],
)
def test_an_address_is_split_into_its_parts(value: str, parts: Row) -> None:
    assert record(Field("X", "address"), value) == {"x": value, **parts}


@pytest.mark.parametrize("value", ["", None, False, []], ids=repr)
def test_an_empty_address_is_null(value: Any) -> None:
    assert record(Field("X", "address"), value) == {}


def test_several_addresses_are_split_into_lists() -> None:
    result = record(Field("X", "address", multiple=True), ["A|1.5;2.5|7", "B"])
    assert result == {
        "x": ["A|1.5;2.5|7", "B"],
        "line": ["A", "B"],
        "latitude": [1.5, None],
        "longitude": [2.5, None],
        "location_id": [7, None],
    }


@pytest.mark.parametrize(
    "value",
    ["A|1.2.3;4.5", "A|-;5", "A|.;.", "A|1;2|99999999999999999999", "A|0.12345678901234567890;1"],
)
def test_a_part_that_fits_no_number_is_null_and_the_whole_stands_beside_it(value: str) -> None:
    result = record(Field("X", "address"), value)
    assert result["x"] == value
    assert "latitude" not in result or "location_id" not in result
    assert UNPARSED not in result, "nothing is lost"


def test_an_unparsable_part_affects_neither_its_row_nor_its_page() -> None:
    convert = RowConverter(build_columns([Field("ID", "integer"), Field("X", "address")], types={}))
    records = convert([{"ID": "1", "X": "A|1;2"}, {"ID": "2", "X": "B|1.2.3;4"}, {"ID": "3", "X": {"a": 1}}])
    assert [each["x_latitude"] for each in records] == [1.0, None, None]
    assert [each["id"] for each in records] == [1, 2, 3]
    assert records[2][UNPARSED] == {"x": {"a": 1}}


# Phones and e-mails


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ([{"ID": "1", "VALUE": "+7", "VALUE_TYPE": "WORK"}, {"ID": "2", "VALUE": "+8"}], "+7"),
        ([{"id": 1, "value": "+7"}], "+7"),
        ([{"ID": "1", "VALUE": ""}], None),
        ([{"ID": "1"}], None),
        ([], None),
        (False, None),
        ("", None),
        (None, None),
        ({"ID": "1", "VALUE": "+7"}, "+7"),
        ({"1": {"ID": "2", "VALUE": "+8"}, "3": {"ID": "3", "VALUE": "+9"}}, "+8"),
    ],
)
def test_the_first_phone(value: Any, first: str | None) -> None:
    result = record(Field("X", "crm_multifield", multiple=True), value)
    columns = build_columns([Field("PHONE", "crm_multifield", multiple=True)], types={})
    (row,) = RowConverter(columns)([{"PHONE": value}])
    assert row["phone_first"] == first
    assert UNPARSED not in result
    assert row[UNPARSED] is None


@pytest.mark.parametrize("value", [["+7"], "+7", [5], [{"VALUE": ["+7"]}], [{"VALUE": {"a": 1}}], 5], ids=repr)
def test_a_phone_of_another_form_does_not_fail_the_run(value: Any) -> None:
    columns = build_columns([Field("ID", "integer"), Field("PHONE", "crm_multifield", multiple=True)], types={})
    (row,) = RowConverter(columns)([{"ID": "1", "PHONE": value}])
    assert row["id"] == 1
    assert row["phone_first"] is None
    assert value in (row["phone"], row[UNPARSED] and row[UNPARSED]["phone"])


# Money


@pytest.mark.parametrize("value", [["1|USD", {"a": 1}], [["1|USD"]]], ids=repr)
def test_money_of_another_form_does_not_fail_the_run(value: Any) -> None:
    result = record(Field("X", "money", multiple=True), value)
    assert result[UNPARSED] == {"x": value}


# Properties in their envelopes


@pytest.mark.parametrize("family", ["productproperty", "listproperty"])
@pytest.mark.parametrize(
    ("value", "bare"),
    [
        ({"valueId": "11", "value": "5.50"}, 5.5),
        ({"value": 7}, 7.0),
        ({"11": "5.50"}, 5.5),
        ([{"valueId": "11", "value": "5.50"}], 5.5),
        ("5.50", 5.5),
        (0, 0.0),
        ({"11": "0"}, 0.0),
        ({"valueId": "11", "value": ""}, None),
        ({"11": ""}, None),
        ({"11": "a", "12": "b"}, None),
        ({"11": "1", "12": "2"}, None),
        ({"valueId": "11", "value": "much"}, None),
        ({"valueId": "11", "value": {"TEXT": "a"}}, None),
        ({}, None),
        ([], None),
        (None, None),
        (False, None),
        ("", None),
    ],
)
def test_the_bare_value_of_a_property(family: str, value: Any, bare: float | None) -> None:
    columns = build_columns([Field("X", f"{family}:N")], types={})
    (row,) = RowConverter(columns)([{"X": value}])
    assert row["x_value"] == bare
    kept = row["x"] if row[UNPARSED] is None else row[UNPARSED]["x"]
    assert kept == (None if is_empty(value) else value), "the envelope stands beside it"


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        ([{"valueId": "1", "value": "10"}, {"valueId": "2", "value": "20"}], [10, 20]),
        ({"1": "10", "2": "20"}, [10, 20]),
        ({"valueId": "1", "value": "10"}, [10]),
        ({"value": "10"}, [10]),
        (["10", 20], [10, 20]),
        ("10", [10]),
        ([{"valueId": "1", "value": "x"}], None),
        ({}, []),
        ([], []),
        (False, []),
        (None, []),
    ],
)
def test_the_bare_values_of_a_multiple_property(value: Any, bare: list[int] | None) -> None:
    columns = build_columns([Field("X", "listproperty:L", multiple=True)], types={})
    (row,) = RowConverter(columns)([{"X": value}])
    assert row["x_value"] == bare


def test_an_absent_property_is_null_in_both_columns() -> None:
    columns = build_columns([Field("ID", "integer"), Field("X", "listproperty:L", multiple=True)], types={})
    assert RowConverter(columns)([{"ID": "1", "X": {"1": "5"}}, {"ID": "2"}])[1] == {
        "id": 2,
        "x": None,
        "x_value": None,
        UNPARSED: None,
    }


def test_rich_values_of_properties() -> None:
    columns = build_columns([Field("X", "productproperty:S:HTML")], types={})
    (row,) = RowConverter(columns)([{"X": {"valueId": "1", "value": {"TEXT": "<b>", "TYPE": "HTML"}}}])
    assert row["x_value"] == {"TEXT": "<b>", "TYPE": "HTML"}


@pytest.mark.parametrize("kept", ["x", "x_value"])
def test_a_value_and_its_envelope_are_selected_apart(kept: str) -> None:
    columns = build_columns([Field("X", "listproperty:N")], types={})
    (row,) = RowConverter(columns, keep=kept.__eq__)([{"X": {"11": "5"}}])
    assert row == {kept: {"11": "5"} if kept == "x" else 5.0}


# References

REFERENCES = (
    "user",
    "employee",
    "crm_company",
    "crm_entity",
    "iblock_element",
    "disk_file",
    "catalog_product.id",
    "reference",
)


@pytest.mark.parametrize("type_", REFERENCES)
@pytest.mark.parametrize(
    ("value", "single", "several"),
    [
        (0, None, []),
        ("0", None, []),
        ("", None, []),
        (False, None, []),
        ("17", 17, [17]),
        (17, 17, [17]),
    ],
)
def test_a_reference_of_0_refers_to_nothing(type_: str, value: Any, single: int | None, several: list[int]) -> None:
    fields = [Field("X", type_), Field("Y", type_, multiple=True)]
    columns = build_columns(fields, types={})
    for known in (columns, columns_from_schema(json_schema(columns))):
        (row,) = RowConverter(known)([{"X": value, "Y": value}])
        assert row == {"x": single, "y": several, UNPARSED: None}


@pytest.mark.parametrize("type_", ["integer", "crm_category", "enumeration", "crm_enum_ownertype", "location"])
def test_0_is_a_value_elsewhere(type_: str) -> None:
    (row,) = RowConverter(build_columns([Field("X", type_)], types={}))([{"X": "0"}])
    assert row == {"x": 0, UNPARSED: None}


def test_a_column_of_references_is_converted_whole_or_one_by_one() -> None:
    convert = RowConverter(build_columns([Field("X", "user")], types={}))
    rows: list[Row] = [{"X": value} for value in ("1", "0", "", None, "-1", 0, "x", 5)]
    assert [row["x"] for row in convert(rows)] == [1, None, None, None, None, None, None, 5]
    assert convert.unparsed == {"x": 2}
    assert [row["x"] for row in convert(rows[:4])] == [1, None, None, None]


def test_flags_of_vibecode_are_true_and_false_although_described_as_char() -> None:
    contacts, activities = VIBECODE_BY_STREAM["contacts"], VIBECODE_BY_STREAM["crm_activities"]
    for entity, name in ((contacts, "export"), (activities, "completed"), (activities, "COMPLETED")):
        columns = columns_of(entity, entity.stream, [Field(name, "char")])
        records = RowConverter(columns)([{name: value} for value in (True, False, "Y", "N", None)])
        assert [row[name.lower()] for row in records] == [True, False, True, False, None]


def test_arrays_of_scalars() -> None:
    """VibeCode describes lists as arrays, multiple or not, and says nothing of their items."""
    columns = build_columns([Field("many", "array", multiple=True), Field("list", "array")], types={})
    (row,) = RowConverter(columns)([{"many": [1, "a"], "list": [1, "a"]}])
    assert row == {"many": [1, "a"], "list": [1, "a"], UNPARSED: None}


def test_two_orders_of_one_owner_id_and_two_types_are_two_rows() -> None:
    entity = next(each for each in CRM_PARTS if each.stream == "crm_order_entities")
    assert tuple(entity.primary_key) == ("orderId", "ownerId", "ownerTypeId")
    row = {"orderId": 1, "ownerId": 5}
    rows = entity.endpoint.shape([row, {**row, "ownerTypeId": None}, {**row, "ownerTypeId": 31}])
    typed = [{**row, "ownerTypeId": 2}, {**row, "ownerTypeId": 2}, {**row, "ownerTypeId": 31}]
    assert rows == typed, "as documented: without a type, for deals"


# Constants

OWNED = [*build_columns([Field("ID", "integer")], types={}), Column("deal_id", "DEAL_ID", INTEGER)]


def test_constants_change_between_pages() -> None:
    """One converter takes the children of one parent after another."""
    convert = RowConverter(OWNED)
    pages = []
    for deal in (5, 6):
        convert.constants({"deal_id": deal})
        pages.append(convert([{"ID": "1"}, {"ID": "2"}]))
    assert [[row["deal_id"] for row in page] for page in pages] == [[5, 5], [6, 6]]
    convert.constants({})
    assert convert([{"ID": "1"}])[0]["deal_id"] is None


@pytest.mark.parametrize(("given", "typed"), [("17", 17), (17, 17)])
def test_constants_from_a_parents_row_are_typed_like_any_value(given: Any, typed: Any) -> None:
    convert = RowConverter([*OWNED, Column("dialog_id", "dialogId", STRING)])
    convert.constants({"deal_id": given, "dialog_id": given})
    assert convert([{"ID": "1"}])[0] == {"id": 1, "deal_id": typed, "dialog_id": "17", UNPARSED: None}


def test_a_constant_without_a_column_is_not_written() -> None:
    convert = RowConverter(OWNED, constants={"nobody": 1, "deal_id": 2})
    assert convert([{"ID": "1"}]) == [{"id": 1, "deal_id": 2, UNPARSED: None}]


# Secrets


def test_secret_columns_are_written_nowhere_whatever_they_hold() -> None:
    columns = build_columns([Field("ID", "integer"), Field("SIP_LOGIN", "string")], types={})
    convert = RowConverter(columns, secret=frozenset({"sip_password"}))
    rows: list[Row] = [
        {"ID": "1", "SIP_LOGIN": "a", "SIP_PASSWORD": "S3CRET"},
        {"ID": "2", "sipPassword": "S3CRET"},
        {"ID": "3", "SIP_PASSWORD": {"S3CRET": "S3CRET"}},
    ]
    records = convert(rows)
    assert "S3CRET" not in repr(records)
    assert [each[UNPARSED] for each in records] == [None, None, None]
    assert convert.unknown == set()
    assert [each["sip_login"] for each in records] == ["a", None, None]


def test_a_secret_column_stays_null_although_a_catalog_has_it() -> None:
    columns = build_columns([Field("ID", "integer"), Field("PASSWORD", "string")], types={})
    assert RowConverter(columns, secret=frozenset({"password"}))([{"ID": "1", "PASSWORD": "S3CRET"}]) == [
        {"id": 1, "password": None, UNPARSED: None}
    ]


LINKS = {
    "https://p.bitrix24.com/rest/1/abcdef/crm.file.get?id=5": "https://p.bitrix24.com/rest/1/crm.file.get?id=5",
    "https://p.bitrix24.com/rest/api/17/abcdef/disk.get/?x=1": "https://p.bitrix24.com/rest/api/17/disk.get/?x=1",
    "https://p/rest/1/abcdef/download.json?token=T&auth=A&a=1": "https://p/rest/1/download.json?a=1",
    "https://p/REST/1/abcdef/m?a=1": "https://p/REST/1/m?a=1",
    "https://p/disk/f?token=T": "https://p/disk/f",
    "https://p/rest/": "https://p/rest/",
    "https://p/rest/about/us": "https://p/rest/about/us",
}


@pytest.mark.parametrize(("link", "clean"), LINKS.items())
def test_links_lose_tokens_and_the_webhooks_secret(link: str, clean: str) -> None:
    convert = RowConverter([Column("url", "URL", LINK), Column("file", "FILE", "object"), Column("id", "ID", INTEGER)])
    (row,) = convert([{"URL": link, "FILE": {"url": link, "more": [link]}, "ID": link, "new": {"url": link}}])
    assert row["url"] == clean
    assert row["file"] == {"url": clean, "more": [clean]}
    assert row[UNPARSED] == {"id": clean, "new": {"url": clean}}


def test_texts_of_users_are_not_changed() -> None:
    text = "see https://p.bitrix24.com/f?token=abc"
    (row,) = RowConverter([Column("comments", "COMMENTS", STRING)])([{"COMMENTS": text}])
    assert row["comments"] == text
