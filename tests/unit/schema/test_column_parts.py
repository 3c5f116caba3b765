"""Fields that become several columns, documented types, and the round trip through a catalog."""

import json
from collections.abc import Sequence
from itertools import product

import pytest
from singer_sdk.singerlib import Schema

from tap_bitrix24.discovery.discovered import columns_of
from tap_bitrix24.entities import Entity
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.schema.columns import (
    ANY,
    BOOLEAN,
    DATETIME,
    INTEGER,
    JSON,
    LINK,
    NUMBER,
    OBJECT,
    PARTS,
    STRING,
    UNPARSED,
    Column,
    build_columns,
    columns_from_schema,
    json_schema,
)
from tests.support.entities import every_entity


def made(*fields: Field, **facts: dict[str, str]) -> list[tuple[str, str, bool, str]]:
    """Name, kind, whether multiple, and part of each column."""
    columns = build_columns(fields, types=facts.get("types", {}), documented=facts.get("documented"))
    return [(each.name, each.kind, each.multiple, each.part) for each in columns]


# Parts


@pytest.mark.parametrize("multiple", [False, True])
def test_money_has_an_amount_and_a_currency(*, multiple: bool) -> None:
    assert made(Field("UF_SUM", "money", multiple)) == [
        ("uf_sum", NUMBER, multiple, ""),
        ("uf_sum_currency", STRING, multiple, "currency"),
    ]


@pytest.mark.parametrize("multiple", [False, True])
def test_an_address_has_a_text_a_place_and_an_id(*, multiple: bool) -> None:
    assert made(Field("UF_WHERE", "address", multiple)) == [
        ("uf_where", STRING, multiple, ""),
        ("uf_where_line", STRING, multiple, "line"),
        ("uf_where_latitude", NUMBER, multiple, "latitude"),
        ("uf_where_longitude", NUMBER, multiple, "longitude"),
        ("uf_where_location_id", INTEGER, multiple, "location_id"),
    ]


@pytest.mark.parametrize(("name", "first"), [("PHONE", True), ("EMAIL", True), ("WEB", False), ("IM", False)])
def test_the_first_phone_and_e_mail_have_a_column(name: str, *, first: bool) -> None:
    whole = (name.lower(), OBJECT, True, "")
    part = (f"{name.lower()}_first", STRING, False, "first")
    assert made(Field(name, "crm_multifield", multiple=True)) == ([whole, part] if first else [whole])


@pytest.mark.parametrize("property_type", ["productproperty", "listproperty"])
@pytest.mark.parametrize("multiple", [False, True])
@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("S", STRING),
        ("N", NUMBER),
        ("L", INTEGER),
        ("E", INTEGER),
        ("G", INTEGER),
        ("F", INTEGER),
        ("N:Sequence", INTEGER),
        ("S:employee", INTEGER),
        ("E:EList", INTEGER),
        ("S:HTML", JSON),
        ("S:DiskFile", JSON),
        ("S:Money", STRING),
        ("S:Date", STRING),
        ("S:DateTime", STRING),
        ("S:ECrm", STRING),
        ("", STRING),
        ("X:from the future", STRING),
    ],
)
def test_a_property_has_a_column_for_all_and_one_for_its_value(
    property_type: str, type_: str, kind: str, *, multiple: bool
) -> None:
    assert made(Field("PROPERTY_5", f"{property_type}:{type_}", multiple)) == [
        ("property_5", JSON, False, ""),
        ("property_5_value", kind, multiple, "value"),
    ]


def test_descriptions_of_parts_name_their_field() -> None:
    columns = build_columns([Field("UF_SUM", "money", label="Сумма"), Field("UF_WHERE", "address")], types={})
    assert [(each.portal_name, each.description) for each in columns] == [
        ("UF_SUM", "Сумма"),
        ("UF_SUM", "Currency of Сумма"),
        ("UF_WHERE", "Uf where"),
        ("UF_WHERE", "Text of Uf where"),
        ("UF_WHERE", "Latitude of Uf where"),
        ("UF_WHERE", "Longitude of Uf where"),
        ("UF_WHERE", "Address id of Uf where"),
    ]


def test_fields_keep_their_name_and_parts_get_a_number() -> None:
    names = [name for name, *_ in made(Field("PHONE", "crm_multifield", multiple=True), Field("PHONE_FIRST", "string"))]
    assert names == ["phone", "phone_first_2", "phone_first"]


# Types


@pytest.mark.parametrize(
    ("described", "documented", "kind"),
    [
        ("", "datetime", DATETIME),
        ("hologram", "integer", INTEGER),
        ("any", "json", JSON),
        ("string", "integer", STRING),
        ("datetime", "string", DATETIME),
        ("listproperty:N", "string", JSON),
        ("catalog_product.id", "string", INTEGER),
        ("char", "boolean", BOOLEAN),
        ("string", "boolean", BOOLEAN),
        ("char", "string", STRING),
        ("integer", "boolean", INTEGER),
        ("datetime", "boolean", DATETIME),
        ("productproperty:S", "boolean", JSON),
    ],
)
def test_documented_types_count_where_the_portal_gives_no_known_type(
    described: str, documented: str, kind: str
) -> None:
    columns = build_columns([Field("X_Y", described, label="L")], types={}, documented={"X_Y": documented})
    assert columns[0].kind == kind
    assert columns[0].description == "L", "the portal's label stays"


def test_an_enum_gets_its_type_from_its_codes() -> None:
    codes = (Option("Y", "Yes"), Option("N", "No"))
    columns = build_columns([Field("MARK", "enum", options=codes)], types={}, documented={"MARK": "string"})
    assert [each.kind for each in columns] == [BOOLEAN]


def test_documented_fields_no_method_describes_are_columns() -> None:
    assert made(Field("id", "integer"), documented={"id": "integer", "tags": "string[]", "paid": "boolean"}) == [
        ("id", INTEGER, False, ""),
        ("tags", STRING, True, ""),
        ("paid", BOOLEAN, False, ""),
    ]


def test_a_documented_field_in_another_spelling_is_the_same_field() -> None:
    columns = build_columns([Field("chatId", "")], types={}, documented={"CHAT_ID": "integer"})
    assert [(each.name, each.portal_name, each.kind) for each in columns] == [("chat_id", "chatId", INTEGER)]


def test_overrides_win_over_description_and_documentation() -> None:
    (column,) = build_columns([Field("A", "string")], types={"A": "json"}, documented={"A": "integer"})
    assert column.kind == JSON


def test_an_unknown_type_becomes_any() -> None:
    assert made(Field("UF_X", "hologram")) == [("uf_x", ANY, False, "")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("downloadUrl", LINK),
        ("URL", LINK),
        ("DETAIL_URL_MACHINE", LINK),
        ("href", LINK),
        ("imageLinks", LINK),
        ("curl", STRING),
        ("LINKED", STRING),
        ("UF_CRM_URL", STRING),
    ],
)
def test_links_of_the_portal_are_recognized_by_their_name(name: str, kind: str) -> None:
    """Some contain a session's or a token's secret; user fields hold what users entered."""
    assert made(Field(name, "string"))[0][1] == kind


def test_columns_left_out_take_their_parts_along() -> None:
    fields = [Field("UF_SUM", "money"), Field("NAME", "string")]
    columns = build_columns(fields, types={}, without=frozenset({"uf_sum"}))
    assert [each.name for each in columns] == ["name"]


# Through a catalog


def through(columns: Sequence[Column]) -> list[Column]:
    """Columns as they come back from a catalog that the SDK has read."""
    return columns_from_schema(Schema.from_dict(json.loads(json.dumps(json_schema(columns)))).to_dict())


def test_every_part_survives_the_catalog() -> None:
    fields = [
        *(Field(f"UF_{type_}_{many}", type_, many) for type_, many in product(("money", "address"), (False, True))),
        Field("PHONE", "crm_multifield", multiple=True),
        Field("EMAIL", "crm_multifield", multiple=True),
        *(
            Field(f"property{number}", f"productproperty:{type_}", multiple=many)
            for number, (type_, many) in enumerate(product(("S", "N", "L", "S:HTML"), (False, True)))
        ),
    ]
    columns = build_columns(fields, types={})
    assert {each.part for each in columns} == {"", *PARTS}
    assert through(columns) == columns


def test_numbered_parts_survive_the_catalog() -> None:
    fields = [Field("UF_SUM", "money"), Field("UF_SUM_CURRENCY", "string"), Field("uf_sum_currency_2", "string")]
    columns = build_columns(fields, types={})
    assert [each.name for each in columns if each.part] == ["uf_sum_currency_3"]
    assert through(columns) == columns


def test_a_field_named_like_a_part_is_no_part() -> None:
    columns = build_columns([Field("FIRST", "string"), Field("NAME_FIRST", "string"), Field("VALUE", "json")], types={})
    assert through(columns) == columns
    assert not [each for each in columns if each.part]


@every_entity
def test_every_stream_survives_the_catalog(entity: Entity) -> None:
    columns = columns_of(entity, entity.stream, [Field("UF_SUM", "money")])
    names = [each.name for each in columns]
    assert len(names) == len(set(names))
    assert UNPARSED not in names
    assert through(columns) == columns
