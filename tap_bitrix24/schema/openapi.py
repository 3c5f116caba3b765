"""What an OpenAPI document says of rows: its schemas → fields. Pure.

Used for REST 3.0, whose document deviates from the standard (type `float`, `unknown`), and for the API of a site.
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
_STAMPS = ("updated_at", "modified_at", "changed_at", "timestamp_x", "date_modify", "updated", "modified", "changed")
_KEYS = ("id", "xml_id", "code", "uuid", "guid")
_USUAL = 50
_MOST = 100


@dataclass(frozen=True, slots=True)
class PagedList:
    """A list an API offers page by page."""

    path: str
    """Below the host."""
    stream: str
    key: str
    fields: Sequence[Field]
    page: str = "page"
    limit: str = "limit"
    size: int = _USUAL
    """The most rows a page may hold, or what it usually holds."""
    since: str = ""
    """Parameter that asks for rows changed since a date-time."""
    stamp: str = ""
    """The property that date-time is compared with."""


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
_DEEPEST = 20
"""References may lead to references; a circle of them leads nowhere."""


def resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references and `allOf`; empty where they lead nowhere."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        if "$ref" in schema:
            schema = _referred(str(schema["$ref"]), document)
        elif isinstance(schema.get("allOf"), list):
            parts = [resolved(each, document) for each in schema["allOf"]]
            properties = {name: facts for part in parts for name, facts in (part.get("properties") or {}).items()}
            return {**{key: value for part in parts for key, value in part.items()}, "properties": properties}
        else:
            return schema
    return {}


def _referred(reference: str, document: Mapping[str, Any]) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def fields_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Field]:
    """The properties of a schema as fields.

    Args:
        schema: Of one row; may be a reference.
        document: Where references lead.
    """
    row = resolved(schema, document)
    required = row.get("required")
    needed = set(required) if isinstance(required, list) else set()
    properties = row.get("properties")
    if not isinstance(properties, Mapping):
        return []
    return [_field(str(name), facts, document, required=str(name) in needed) for name, facts in properties.items()]


def _field(name: str, facts: Any, document: Mapping[str, Any], *, required: bool) -> Field:
    given = facts if isinstance(facts, Mapping) else {}
    told = resolved(given, document)
    multiple, inner = False, told
    if told.get("type") == "array":
        items = resolved(told.get("items"), document)
        if _type(items) not in ("", "object", "json"):
            multiple, inner = True, items
    label = next((str(told[key]) for key in ("title", "description") if "$ref" not in given and told.get(key)), "")
    options = inner.get("enum")
    return Field(
        name,
        type=_type(inner),
        multiple=multiple,
        label=label,
        options=tuple(Option(str(each), str(each)) for each in options if each is not None)
        if isinstance(options, list)
        else (),
        required=required,
        read_only=bool(told.get("readOnly")) if "readOnly" in told else None,
    )


def _type(facts: Mapping[str, Any]) -> str:
    """The portal's word for a schema's type; OpenAPI 3.1 may give several, of which one is null."""
    given = facts.get("type")
    kinds = [each for each in (given if isinstance(given, list) else [given]) if each not in (None, "null")]
    if len(kinds) != 1:
        return "object" if "properties" in facts else ""
    if kinds[0] == "string":
        return _FORMATS.get(str(facts.get("format")), "string")
    return _TYPES.get(str(kinds[0]), "")


def paged_lists(document: Mapping[str, Any], prefix: str = "") -> list[PagedList]:
    """The paged lists of an API: GET routes with `page` and `limit` that answer with `items`.

    Args:
        document: OpenAPI, decoded.
        prefix: Path the API lies below where the document names no server.
    """
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    base = urlsplit(str(first.get("url") or "")).path if isinstance(first, Mapping) else prefix
    paths = document.get("paths")
    found = [
        listed
        for path, item in (paths.items() if isinstance(paths, Mapping) else ())
        if "{" not in str(path) and isinstance(item, Mapping)
        for listed in _paged(f"{base.rstrip('/')}{path}", item, document)
    ]
    names = Counter(each.stream for each in found)
    return [
        replace(each, stream=stream_name(each.path, whole=True)) if names[each.stream] > 1 else each for each in found
    ]


def stream_name(path: str, *, whole: bool = False) -> str:
    """`/api/v1/product-offers` → `product_offers`, or all of the path where that is not unique."""
    parts = [part for part in path.split("/") if part]
    text = "_".join(parts) if whole else (parts or ["list"])[-1]
    return column_name(re.sub(r"\W+", "_", text).strip("_"))


def key_of(names: Sequence[str], stream: str) -> str:
    """Which of these columns tells rows apart; empty: none is known to."""
    by_column = {column_name(name): name for name in reversed(names)}
    singular = stream.removesuffix("s")
    return next((by_column[each] for each in (*_KEYS, f"{singular}_id") if each in by_column), "")


def _paged(path: str, item: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[PagedList]:
    operation = item.get("get")
    if not isinstance(operation, Mapping):
        return
    given = [
        resolved(each, document) for each in (*_listed(item.get("parameters")), *_listed(operation.get("parameters")))
    ]
    queries = {column_name(str(each.get("name"))): each for each in given if each.get("in") == "query"}
    page, limit = _first(queries, _PAGE), _first(queries, _LIMIT)
    items = _items(operation, document)
    if page is None or limit is None or items is None:
        return
    fields, stream = fields_of(items, document), stream_name(path)
    key = str(items.get("x-primary-key") or key_of([each.name for each in fields], stream))
    if not key:
        return
    since = next((queries[name] for name in _SINCE if name in queries), None)
    stamps = {column_name(each.name): each.name for each in fields if each.type == "datetime"}
    stamp = next((stamps[name] for name in _STAMPS if name in stamps), "") if since else ""
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
        str(since["name"]) if since and stamp else "",
        stamp,
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(queries: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any] | None:
    return next((facts for name, facts in queries.items() if name in names), None)


def _items(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of what the answer's array `items` holds."""
    responses = operation.get("responses")
    found: Any = responses.get("200", responses.get(200)) if isinstance(responses, Mapping) else None
    found = resolved(found, document)
    for step in ("content", "application/json", "schema"):
        found = resolved(found.get(step), document) if isinstance(found, Mapping) else None
    properties = found.get("properties") if isinstance(found, Mapping) else None
    items = resolved(properties.get("items"), document) if isinstance(properties, Mapping) else {}
    row = resolved(items.get("items"), document)
    return row if items.get("type") == "array" and row else None
