"""Field descriptions become columns and JSON Schema, and come back from a catalog unchanged.

See docs/decisions.md#decision-1, docs/decisions.md#decision-3, docs/decisions.md#decision-4.
"""

import json
from typing import Any

import pytest
from singer_sdk.singerlib import Schema

from tap_bitrix24.discovery.discovered import columns_of
from tap_bitrix24.entities import ENTITIES, Entity
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.columns import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    JSON,
    KINDS,
    LINK,
    NUMBER,
    OBJECT,
    STRING,
    UNPARSED,
    Column,
    build_columns,
    columns_from_schema,
    json_schema,
)
from tap_bitrix24.schema.field_descriptions import parse_fields
from tap_bitrix24.schema.naming import column_name
from tests.support.entities import every_entity

TYPES = {
    "integer": INTEGER,
    "int": INTEGER,
    "user": INTEGER,
    "employee": INTEGER,
    "enumeration": INTEGER,
    "location": INTEGER,
    "timestamp": INTEGER,
    "resourcebooking": INTEGER,
    "iblock_element": INTEGER,
    "iblock_section": INTEGER,
    "crm_lead": INTEGER,
    "crm_deal": INTEGER,
    "crm_contact": INTEGER,
    "crm_company": INTEGER,
    "crm_quote": INTEGER,
    "crm_category": INTEGER,
    "crm_entity": INTEGER,
    "crm_enum_ownertype": INTEGER,
    "crm_enum_activitytype": INTEGER,
    "crm_enum_activitystatus": INTEGER,
    "crm_enum_activitypriority": INTEGER,
    "crm_enum_activitynotifytype": INTEGER,
    "crm_enum_contenttype": INTEGER,
    "crm_enum_activitydirection": INTEGER,
    "mail_message": INTEGER,
    "disk_file": INTEGER,
    "reference": INTEGER,
    "double": NUMBER,
    "float": NUMBER,
    "money": NUMBER,
    "boolean": BOOLEAN,
    "string": STRING,
    "text": STRING,
    "char": STRING,
    "url": STRING,
    "address": STRING,
    "crm": STRING,
    "crm_status": STRING,
    "crm_currency": STRING,
    "date": DATE,
    "datetime": DATETIME,
    "file": OBJECT,
    "diskfile": OBJECT,
    "object": OBJECT,
    "crm_multifield": OBJECT,
    "crm_activity_binding": OBJECT,
    "crm_activity_communication": OBJECT,
    "crm_status_extra": OBJECT,
    "recurring_params": OBJECT,
    "array": JSON,
    "lang_map": JSON,
    "json": JSON,
    "currency_localization": JSON,
    "product_file": JSON,
    "productproperty": JSON,
    "listproperty": JSON,
    "productproperty:S": JSON,
    "listproperty:N:Sequence": JSON,
    "number": NUMBER,
    "bool": BOOLEAN,
    "link": LINK,
    "html": STRING,
    "rest_app": STRING,
    "resource": STRING,
    "string_formatted": STRING,
    "crm_order": INTEGER,
    "disk_version": INTEGER,
    "webdav_element": INTEGER,
    "hlblock": INTEGER,
    "vote": INTEGER,
    "url_preview": INTEGER,
    "attached_diskfile": OBJECT,
    "catalog_product.id": INTEGER,
    "catalog_type.code": STRING,
    "site.lid": STRING,
    "unknown": ANY,
    "any": ANY,
    "mixed": ANY,
    "": ANY,
    "from_the_future": ANY,
    "catalog_product.name": ANY,
}
JSON_TYPES: dict[str, dict[str, Any]] = {
    INTEGER: {"type": ["integer", "null"]},
    NUMBER: {"type": ["number", "null"]},
    BOOLEAN: {"type": ["boolean", "null"]},
    STRING: {"type": ["string", "null"]},
    DATE: {"type": ["string", "null"], "format": "date"},
    DATETIME: {"type": ["string", "null"], "format": "date-time"},
    LINK: {"type": ["string", "null"], "format": "uri"},
    OBJECT: {"type": ["object", "null"]},
    JSON: {"type": ["object", "array", "null"]},
    ANY: {"type": ["string", "number", "boolean", "object", "array", "null"]},
}


def column(described: Field, yes_no: frozenset[str] = frozenset()) -> Column:
    """Return the column of one field."""
    return build_columns([described], types={}, yes_no=yes_no)[0]


@pytest.mark.parametrize(("portal_type", "kind"), TYPES.items())
def test_kind_of_every_portal_type(portal_type: str, kind: str) -> None:
    assert column(Field("UF_CRM_1", portal_type)).kind == kind


def test_every_known_type_is_in_this_table() -> None:
    assert set(KINDS) <= set(TYPES)


@pytest.mark.parametrize(("kind", "schema"), JSON_TYPES.items())
def test_json_types_are_exact_and_nullable(kind: str, schema: dict[str, Any]) -> None:
    title = {"title": "stageId", "description": "Стадия"}
    assert Column("stage_id", "stageId", kind, description="Стадия").schema() == {**schema, **title}
    assert Column("stage_id", "stageId", kind, multiple=True, description="Стадия").schema() == {
        "type": ["array", "null"],
        "items": schema,
        **title,
    }


@pytest.mark.parametrize("name", ["IS_NEW", "HAS_PHONE", "OPENED", "CLOSED", "ACTIVE", "isManualOpportunity", "opened"])
def test_chars_with_a_yes_no_name_are_booleans(name: str) -> None:
    assert column(Field(name, "char")).kind == BOOLEAN


@pytest.mark.parametrize("name", ["EXPORT", "COMPLETED", "HISTORY", "ISSUE", "DISCLOSED"])
def test_other_chars_are_strings_unless_the_entity_lists_them(name: str) -> None:
    assert column(Field(name, "char")).kind == STRING
    assert column(Field(name, "char"), yes_no=frozenset({name})).kind == BOOLEAN


@pytest.mark.parametrize("portal_type", ["integer", "datetime", "crm_status", "double"])
def test_the_name_alone_makes_no_boolean(portal_type: str) -> None:
    assert column(Field("IS_NEW", portal_type)).kind == TYPES[portal_type]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"Y": "Yes", "N": "No"}, BOOLEAN),
        ({"2": "High", "1": "Medium", "0": "Low"}, INTEGER),
        ({"-1": "Overdue", "2": "Pending"}, INTEGER),
        ({"N": "Negative", "P": "Positive"}, STRING),
        (["secs", "mins", "hours"], STRING),
    ],
)
def test_task_enums_get_their_type_from_their_codes(values: Any, kind: str) -> None:
    (described,) = parse_fields({"fields": {"MARK": {"title": None, "type": "enum", "values": values}}})
    assert column(described).kind == kind


def test_money_becomes_a_number_and_its_currency() -> None:
    columns = build_columns([Field("UF_CRM_PRICE", "money", label="Цена")], types={})
    assert [(each.name, each.kind, each.portal_name) for each in columns] == [
        ("uf_crm_price", NUMBER, "UF_CRM_PRICE"),
        ("uf_crm_price_currency", STRING, "UF_CRM_PRICE"),
    ]


def test_a_currency_column_gives_way_to_a_field_of_that_name() -> None:
    columns = build_columns([Field("UF_SUM", "money"), Field("UF_SUM_CURRENCY", "string")], types={})
    assert [each.name for each in columns] == ["uf_sum", "uf_sum_currency_2", "uf_sum_currency"]


def test_the_entity_knows_better_than_the_field_method() -> None:
    types = {"ID": "integer", "UF_DEPARTMENT": "integer[]", "extraKey": "boolean"}
    columns = build_columns([Field("ID", label="№"), Field("UF_DEPARTMENT", "string")], types=types)
    assert [(each.name, each.kind, each.multiple, each.description) for each in columns] == [
        ("id", INTEGER, False, "№"),
        ("uf_department", INTEGER, True, "Uf department"),
        ("extra_key", BOOLEAN, False, "Extra key"),
    ]


def test_an_entity_type_in_another_spelling_is_the_same_field() -> None:
    columns = build_columns([Field("SUB_STATUS", "string")], types={"subStatus": "integer"})
    assert [(each.name, each.portal_name, each.kind) for each in columns] == [("sub_status", "SUB_STATUS", INTEGER)]


def test_portal_names_that_fall_together_make_two_columns() -> None:
    columns = build_columns([Field("title", "string"), Field("TITLE", "string")], types={})
    assert {each.portal_name: each.name for each in columns} == {"TITLE": "title", "title": "title_2"}


def everything() -> list[Column]:
    """A column of every kind, single and multiple."""
    fields = [
        Field(f"UF_{number}_{'MANY' if many else 'ONE'}", portal_type, multiple=many, label=f"Поле {number}")
        for number, portal_type in enumerate(TYPES)
        for many in (False, True)
    ]
    return build_columns([*fields, Field("IS_X", "char"), Field("stageId", "crm_status")], types={})


def test_the_schema_keeps_order_and_ends_with_unparsed() -> None:
    columns = everything()
    properties = json_schema(columns)["properties"]
    assert list(properties) == [*(each.name for each in columns), UNPARSED]
    assert properties[UNPARSED]["type"] == ["object", "null"]
    assert all(facts["title"] and facts["description"] for facts in properties.values())


def test_columns_survive_the_catalog() -> None:
    columns = everything()
    through_sdk = Schema.from_dict(json.loads(json.dumps(json_schema(columns)))).to_dict()
    assert columns_from_schema(through_sdk) == columns


@every_entity
def test_the_table_uses_known_types_only(entity: Entity) -> None:
    for name, type_ in entity.columns.types.items():
        only = build_columns([], types={name: type_}, yes_no=entity.columns.yes_no)[0]
        assert only.kind != ANY or type_ == "mixed", (name, type_)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"type": "string"}, STRING),
        ({"type": ["null", "integer"]}, INTEGER),
        ({"type": ["string", "null"], "format": "date-time"}, DATETIME),
        ({"type": ["string", "null"], "format": "email"}, STRING),
        ({"type": ["null"]}, ANY),
        ({}, ANY),
    ],
)
def test_catalogs_edited_by_hand(facts: dict[str, Any], kind: str) -> None:
    (found,) = columns_from_schema({"properties": {"anything": facts}})
    assert (found.name, found.portal_name, found.kind) == ("anything", "anything", kind)


@pytest.mark.parametrize(
    ("stream", "name", "described", "kind"),
    [
        ("products", "purchasingPrice", "string", NUMBER),
        ("product_offers", "purchasingPrice", "string", NUMBER),
        ("product_skus", "purchasingPrice", "string", NUMBER),
        ("store_document_elements", "purchasingPrice", "string", NUMBER),
        ("product_prices", "quantityFrom", "integer", NUMBER),
        ("product_prices", "quantityTo", "integer", NUMBER),
        ("product_images", "productId", "string", INTEGER),
        ("catalogs", "iblockTypeId", "integer", STRING),
        ("orders", "lockedBy", "char", INTEGER),
        ("orders", "recurringId", "char", INTEGER),
        ("order_shipments", "trackingLastCheck", "string", DATETIME),
        ("order_person_types", "sort", "string", INTEGER),
        ("order_properties", "defaultValue", "string", ANY),
        ("shipment_properties", "defaultValue", "string", ANY),
        ("scrum_sprints", "dateStart", "string", DATETIME),
        ("scrum_sprints", "dateEnd", "string", DATETIME),
        ("task_templates", "DEPENDS_ON", "integer", INTEGER),
    ],
)
def test_one_type_where_field_methods_type_pages_and_rows_disagree(
    stream: str, name: str, described: str, kind: str
) -> None:
    """A column's type is the same whatever this portal's field method says, or if it says nothing."""
    entity = next(each for each in ENTITIES if each.stream == stream)
    for fields in ([Field(name, described)], []):
        found = columns_of(entity, stream, fields)
        assert [each.kind for each in found if each.portal_name == name and not each.part] == [kind]


@every_entity
def test_no_key_is_a_reference(entity: Entity) -> None:
    """A reference of 0 is null, and a key must never be."""
    keys = {column_name(name) for name in entity.primary_key}
    assert not [each.name for each in columns_of(entity, entity.stream, []) if each.reference and each.name in keys]
