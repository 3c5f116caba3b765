"""Fields and paged lists of an OpenAPI document. Pure.

Used for REST 3.0, whose document deviates from the standard (types `float` and `unknown`), and for the API of a site.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.schema.naming import column_name

_PAGE, _LIMIT = frozenset({"page"}), frozenset({"limit", "per_page", "page_size"})
_SINCE = (
    "modified_since",
    "updated_since",
    "changed_since",
    "updated_after",
    "modified_after",
    "updated_from",
    "since",
)
_CHANGE_DATES = (
    "updated_at",
    "modified_at",
    "changed_at",
    "timestamp_x",
    "date_modify",
    "updated",
    "modified",
    "changed",
)
_KEYS = ("id", "xml_id", "code", "uuid", "guid")
_USUAL = 50
_MOST = 100


@dataclass(frozen=True, slots=True)
class PagedList:
    """A list an API gives page by page."""

    path: str
    """Path below the host."""
    stream: str
    key: str
    fields: Sequence[Field]
    page: str = "page"
    limit: str = "limit"
    size: int = _USUAL
    """Rows of a page: the documented maximum, or the default."""
    since: str = ""
    """Parameter that asks for rows changed since a date-time; empty: there is none."""
    replication_key: str = ""
    """The property that is compared with this date-time."""


_TYPES: Mapping[str, str] = {
    "integer": "integer",
    "int": "integer",
    "number": "double",
    "float": "double",
    "boolean": "boolean",
    "bool": "boolean",
    "object": "object",
    "array": "json",
}
_FORMATS: Mapping[str, str] = {"date-time": "datetime", "date": "date"}
_MOST_REFERENCES = 20
"""How many references are followed in a row; more are a circle."""


def resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema behind references and `allOf`; empty if a reference cannot be resolved."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(schema, Mapping):
            return {}
        if "$ref" in schema:
            schema = _referred(str(schema["$ref"]), document)
        elif isinstance(schema.get("allOf"), list):
            parts = [resolved(part, document) for part in schema["allOf"]]
            properties = {name: facts for part in parts for name, facts in (part.get("properties") or {}).items()}
            return {**{key: value for part in parts for key, value in part.items()}, "properties": properties}
        else:
            return schema
    return {}


def _referred(reference: str, document: Mapping[str, Any]) -> Any:
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def fields_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Field]:
    """Return the properties of a schema as fields.

    Args:
        schema: Of one row; may be a reference.
        document: The OpenAPI document, for its references.
    """
    row = resolved(schema, document)
    listed = row.get("required")
    required = set(listed) if isinstance(listed, list) else set()
    properties = row.get("properties")
    if not isinstance(properties, Mapping):
        return []
    return [_field(str(name), facts, document, required=str(name) in required) for name, facts in properties.items()]


def _field(name: str, facts: Any, document: Mapping[str, Any], *, required: bool) -> Field:
    property_ = facts if isinstance(facts, Mapping) else {}
    schema = resolved(property_, document)
    multiple, inner = False, schema
    if schema.get("type") == "array":
        items = resolved(schema.get("items"), document)
        if _type(items) not in ("", "object", "json"):
            multiple, inner = True, items
    labels = (schema.get(key) for key in ("title", "description") if "$ref" not in property_)
    options = inner.get("enum")
    return Field(
        name,
        type=_type(inner),
        multiple=multiple,
        label=next((str(label) for label in labels if label), ""),
        options=tuple(Option(str(value), str(value)) for value in options if value is not None)
        if isinstance(options, list)
        else (),
        required=required,
        read_only=bool(schema.get("readOnly")) if "readOnly" in schema else None,
    )


def _type(facts: Mapping[str, Any]) -> str:
    """Return the portal type of a schema, or an empty text; OpenAPI 3.1 allows several types, one of them null."""
    type_ = facts.get("type")
    types = [name for name in (type_ if isinstance(type_, list) else [type_]) if name not in (None, "null")]
    if len(types) != 1:
        return "object" if "properties" in facts else ""
    if types[0] == "string":
        return _FORMATS.get(str(facts.get("format")), "string")
    return _TYPES.get(str(types[0]), "")


def paged_lists(document: Mapping[str, Any], prefix: str = "") -> list[PagedList]:
    """Return the paged lists of an API: GET routes with `page` and `limit` that answer with `items`.

    Args:
        document: The decoded OpenAPI document.
        prefix: Path of the API, for documents that name no server.
    """
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    base = urlsplit(str(first.get("url") or "")).path if isinstance(first, Mapping) else prefix
    paths = document.get("paths")
    lists = [
        paged_list
        for path, item in (paths.items() if isinstance(paths, Mapping) else ())
        if "{" not in str(path) and isinstance(item, Mapping)
        for paged_list in _paged(f"{base.rstrip('/')}{path}", item, document)
    ]
    names = Counter(one.stream for one in lists)
    return [replace(one, stream=stream_name(one.path, whole=True)) if names[one.stream] > 1 else one for one in lists]


def stream_name(path: str, *, whole: bool = False) -> str:
    """Return `product_offers` for `/api/v1/product-offers`; with `whole`, all of the path."""
    parts = [part for part in path.split("/") if part]
    text = "_".join(parts) if whole else (parts or ["list"])[-1]
    return column_name(re.sub(r"\W+", "_", text).strip("_"))


def key_of(names: Sequence[str], stream: str) -> str:
    """Return the property that identifies rows, by its usual names; empty: none of them."""
    by_column = {column_name(name): name for name in reversed(names)}
    singular = stream.removesuffix("s")
    return next((by_column[key] for key in (*_KEYS, f"{singular}_id") if key in by_column), "")


def _paged(path: str, item: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[PagedList]:
    operation = item.get("get")
    if not isinstance(operation, Mapping):
        return
    references = (*_listed(item.get("parameters")), *_listed(operation.get("parameters")))
    parameters = [resolved(parameter, document) for parameter in references]
    queries = {column_name(str(query.get("name"))): query for query in parameters if query.get("in") == "query"}
    page, limit = _first(queries, _PAGE), _first(queries, _LIMIT)
    items = _items(operation, document)
    if page is None or limit is None or items is None:
        return
    fields, stream = fields_of(items, document), stream_name(path)
    key = str(items.get("x-primary-key") or key_of([field.name for field in fields], stream))
    if not key:
        return
    since = next((queries[name] for name in _SINCE if name in queries), None)
    dates = {column_name(field.name): field.name for field in fields if field.type == "datetime"}
    changed = next((dates[name] for name in _CHANGE_DATES if name in dates), "") if since else ""
    bounds = resolved(limit.get("schema"), document)
    most = bounds.get("maximum") or bounds.get("default") or _USUAL
    yield PagedList(
        path,
        stream,
        key,
        fields,
        str(page["name"]),
        str(limit["name"]),
        most if isinstance(most, int) and 0 < most <= _MOST * 10 else _MOST,
        str(since["name"]) if since and changed else "",
        changed,
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(queries: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any] | None:
    return next((facts for name, facts in queries.items() if name in names), None)


def _items(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of the rows in the answer's array `items`, or None."""
    responses = operation.get("responses")
    node: Any = responses.get("200", responses.get(200)) if isinstance(responses, Mapping) else None
    node = resolved(node, document)
    for step in ("content", "application/json", "schema"):
        node = resolved(node.get(step), document) if isinstance(node, Mapping) else None
    properties = node.get("properties") if isinstance(node, Mapping) else None
    items = resolved(properties.get("items"), document) if isinstance(properties, Mapping) else {}
    row = resolved(items.get("items"), document)
    return row if items.get("type") == "array" and row else None
