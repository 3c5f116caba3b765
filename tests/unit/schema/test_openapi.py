"""OpenAPI documents: schemas become fields, paged lists are found, circular and invalid parts are ignored."""

from typing import Any

import pytest

from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.openapi import fields_of, key_of, paged_lists, stream_name

PAGE = {"name": "page", "in": "query", "schema": {"type": "integer"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 80}}
SINCE = {"name": "modified_since", "in": "query", "schema": {"type": "string", "format": "date-time"}}
ROW = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "updated_at": {"type": "string", "format": "date-time"}},
}


def listing(*parameters: Any, row: Any = ROW) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": row}}}
    return {"parameters": [*parameters], "responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


@pytest.mark.parametrize(
    ("schema", "type_", "multiple"),
    [
        ({"type": "integer", "format": "int64"}, "integer", False),
        ({"type": "float"}, "double", False),
        ({"type": "unknown"}, "", False),
        ({"type": "string", "format": "date-time"}, "datetime", False),
        ({"type": "string", "format": "date"}, "date", False),
        ({"type": ["string", "null"]}, "string", False),
        ({"type": "array"}, "json", False),
        ({"type": "array", "items": {"type": "integer"}}, "integer", True),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Row"}}, "json", False),
        ({"$ref": "#/components/schemas/Row"}, "object", False),
        ({"$ref": "#/components/schemas/Circle"}, "", False),
        ({"$ref": "#/nowhere"}, "", False),
        (5, "", False),
    ],
)
def test_types(schema: Any, type_: str, multiple: object) -> None:
    document = {"components": {"schemas": {"Row": ROW, "Circle": {"$ref": "#/components/schemas/Circle"}}}}
    (field,) = fields_of({"properties": {"x": schema}}, document)
    assert (field.type, field.multiple) == (type_, multiple)


def test_all_of_is_merged() -> None:
    both = {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "string"}}}]}
    assert [field.name for field in fields_of(both, {})] == ["a", "b"]


def test_labels_options_and_required() -> None:
    schema = {"required": ["s"], "properties": {"s": {"type": "string", "enum": ["x"], "title": "State"}}}
    (field,) = fields_of(schema, {})
    assert isinstance(field, Field)
    assert (field.label, field.required, [option.id for option in field.options]) == ("State", True, ["x"])


def test_a_paged_list_is_found() -> None:
    document = {
        "servers": [{"url": "https://a.example/api/v2"}],
        "paths": {"/price-lists": {"get": listing(PAGE, LIMIT, SINCE)}},
    }
    (found,) = paged_lists(document)
    assert (found.path, found.stream, found.key, found.size) == ("/api/v2/price-lists", "price_lists", "id", 80)
    assert (found.since, found.replication_key) == ("modified_since", "updated_at")


@pytest.mark.parametrize(
    "item",
    [
        {"get": listing(LIMIT)},
        {"get": listing(PAGE)},
        {"post": listing(PAGE, LIMIT)},
        {"get": listing(PAGE, LIMIT, row={"type": "object", "properties": {"name": {"type": "string"}}})},
        {"get": {"parameters": [PAGE, LIMIT], "responses": {}}},
        {"get": 5},
        5,
    ],
)
def test_other_routes_are_no_paged_lists(item: Any) -> None:
    assert paged_lists({"paths": {"/x": item}}) == []


@pytest.mark.parametrize("document", [{}, {"paths": None}, {"paths": []}, {"servers": 5, "paths": {}}])
def test_invalid_documents_have_no_lists(document: dict[str, Any]) -> None:
    assert paged_lists(document) == []


def test_equal_names_get_their_whole_path() -> None:
    paths = {"/a/items": {"get": listing(PAGE, LIMIT)}, "/b/items": {"get": listing(PAGE, LIMIT)}}
    assert [each.stream for each in paged_lists({"paths": paths})] == ["a_items", "b_items"]


def test_keys_and_names() -> None:
    assert key_of(["NAME", "ID"], "products") == "ID"
    assert key_of(["product_id", "name"], "products") == "product_id"
    assert key_of(["name"], "products") == ""
    assert stream_name("/api/v1/productOffers") == "product_offers"
