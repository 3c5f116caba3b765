"""The OpenAPI document of the site, as a developer would write it by hand."""

from collections.abc import Mapping
from typing import Any, Final

BASE: Final = "/api/v1"
MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 50

_INTEGER: Final = {"type": "integer"}
_NUMBER: Final = {"type": "number"}
_TEXT: Final = {"type": "string"}
_INSTANT: Final = {"type": "string", "format": "date-time"}


def _ref(kind: str, name: str) -> dict[str, Any]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that allows null, as in OpenAPI 3.0."""
    return {**schema, "nullable": True}


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", **({"required": list(required)} if required else {}), "properties": dict(properties)}


_PRODUCT: Final = _object(
    {
        "ID": {**_INTEGER, "description": "Код товара"},
        "IBLOCK_ID": _INTEGER,
        "NAME": {**_TEXT, "description": "Название"},
        "ACTIVE": {**_TEXT, "enum": ["Y", "N"]},
        "SORT": _INTEGER,
        "PRICE": _or_null(_NUMBER),
        "QUANTITY": _NUMBER,
        "PREVIEW_PICTURE": _or_null(_INTEGER),
        "TIMESTAMP_X": _INSTANT,
        "PROPERTY_TAGS": {"type": "array", "items": _TEXT},
    },
    "ID",
    "NAME",
)
_ORDER: Final = _object(
    {
        "id": {**_INTEGER, "format": "int64", "readOnly": True},
        "account_number": {**_TEXT, "description": "Номер заказа"},
        "status": {**_TEXT, "enum": ["new", "work", "done", "cancelled"], "title": "Статус"},
        "price": {**_NUMBER, "format": "double"},
        "currency": _TEXT,
        "paid": {"type": "boolean"},
        "customer_id": _or_null(_INTEGER),
        "deliver_on": _or_null({"type": "string", "format": "date"}),
        "address": {"nullable": True, "allOf": [_ref("schemas", "Address")]},
        "positions": {"type": "array", "items": _ref("schemas", "Position")},
        "tag_ids": {"type": "array", "items": _INTEGER},
        "created_at": _INSTANT,
        "updated_at": {**_INSTANT, "readOnly": True},
    },
    "id",
    "account_number",
)
_CUSTOMER: Final = _object(
    {
        "xml_id": {**_TEXT, "description": "Внешний код"},
        "name": _TEXT,
        "email": _or_null(_TEXT),
        "phones": {"type": "array", "items": _TEXT},
        "birthday": _or_null({"type": "string", "format": "date"}),
        "registered_at": _INSTANT,
    },
    "xml_id",
)
_ARTICLE: Final = _object(
    {
        "id": _INTEGER,
        "title": _TEXT,
        "text": _or_null(_TEXT),
        "published": {"type": "boolean"},
        "published_at": _INSTANT,
        "rating": _or_null(_NUMBER),
        "author": _ref("schemas", "Author"),
    },
    "id",
)
_SCHEMAS: Final = {
    "Product": _PRODUCT,
    "Order": _ORDER,
    "Customer": _CUSTOMER,
    "Article": _ARTICLE,
    "Address": _object({"city": _TEXT, "street": _TEXT}),
    "Position": _object({"product_id": _INTEGER, "quantity": _NUMBER}),
    "Author": _object({"id": _INTEGER, "friends": {"type": "array", "items": _ref("schemas", "Author")}}),
    "Error": _object({"error": _TEXT}),
    "Envelope": _object({"pagination": _object(dict.fromkeys(("page", "limit", "total", "pages"), _INTEGER))}),
}
_SINCE: Final = {
    "name": "modified_since",
    "in": "query",
    "required": False,
    "description": "Только изменённые с этого момента",
    "schema": _INSTANT,
}


def _answer(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the responses of a route: success and error."""
    bad = {"description": "Unauthorized", "content": {"application/json": {"schema": _ref("schemas", "Error")}}}
    return {"200": {"description": "OK", "content": {"application/json": {"schema": dict(schema)}}}, "401": bad}


def _list(item: str, summary: str, *more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation of a paged list."""
    items = _object({"items": {"type": "array", "items": _ref("schemas", item)}})
    return {
        "summary": summary,
        "parameters": [_ref("parameters", "Page"), _ref("parameters", "Limit"), *map(dict, more)],
        "responses": _answer({"allOf": [_ref("schemas", "Envelope"), items]}),
    }


def openapi() -> dict[str, Any]:
    """Return the document."""
    product = _answer(_object({"product": _ref("schemas", "Product")}))
    number = {"name": "id", "in": "path", "required": True, "schema": _INTEGER}
    return {
        "openapi": "3.0.3",
        "info": {"title": "API сайта", "version": "1.0"},
        "servers": [{"url": BASE}],
        "security": [{"key": []}],
        "paths": {
            "/products": {
                "get": _list("Product", "Каталог"),
                "post": {"summary": "Новый товар", "responses": product},
            },
            "/products/{id}": {"get": {"parameters": [number], "responses": product}},
            "/orders": {"get": _list("Order", "Заказы", _SINCE)},
            "/customers": {"get": _list("Customer", "Покупатели")},
            "/news": {"get": _list("Article", "Новости")},
            "/status": {"get": {"responses": _answer(_object({"status": _TEXT}))}},
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
            "parameters": {
                "Page": {"name": "page", "in": "query", "schema": {**_INTEGER, "minimum": 1, "default": 1}},
                "Limit": {
                    "name": "limit",
                    "in": "query",
                    "schema": {**_INTEGER, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                },
            },
            "schemas": _SCHEMAS,
        },
    }
