"""What this portal has of REST 3.0: its methods, and fields by two descriptions of which neither says all.

Versions differ from portal to portal, so both lists of methods are asked. `*.field.list` calls dates, enums and
relations all `object`; the OpenAPI document tells them apart, but not which fields can be filtered by.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.client import FIRST_REQUEST_ATTEMPTS, Client
from tap_bitrix24.dialects.rest_v3 import DOCUMENTATION
from tap_bitrix24.discovery.discovered import DiscoveredStream, columns_of, is_allowed
from tap_bitrix24.entities import REST_V3, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import MissingMethodError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import REST_3
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.openapi import fields_of

LOG = logging.getLogger("tap-bitrix24.discovery")
SCOPES = frozenset(scope for entity in REST_V3 for scope in entity.scope)
_VAGUE = frozenset({"", "object", "array", "string"})
"""Types of `*.field.list` that may be more than they say."""


def probe(client: Client, portal: PortalInfo) -> None:
    """Note the methods of REST 3.0 this portal has; one request, none where no scope opens any of them.

    A portal whose REST 3.0 does not work is one without it: what classic REST reads must not wait for that.
    """
    if portal.scopes is not None and portal.scopes.isdisjoint(SCOPES):
        return
    try:
        portal.rest_v3_methods = _methods(_asked(client, "rest.scope.list"))
    except PortalError as error:
        LOG.warning("REST 3.0 is left out: %s", error)


def discover(client: Client, portal: PortalInfo) -> list[DiscoveredStream]:
    """The streams REST 3.0 has besides.

    Args:
        client: Asks.
        portal: What is known of it; its methods of REST 3.0 are noted.
    """
    probe(client, portal)
    if not portal.rest_v3_methods:
        return []
    try:
        return _discovered(client, portal)
    except PortalError as error:
        LOG.warning("REST 3.0 is left out: %s", error)
        portal.rest_v3_methods = frozenset()
        return []


def _discovered(client: Client, portal: PortalInfo) -> list[DiscoveredStream]:
    document = _asked(client, DOCUMENTATION)
    document = document if isinstance(document, Mapping) else {}
    paths = {str(path).strip("/").lower() for path in document.get("paths") or ()}
    portal.rest_v3_methods |= paths
    open_ones = [
        each for each in REST_V3 if is_allowed(portal, each) and each.endpoint.method.lower() in portal.rest_v3_methods
    ]
    asked = list(
        dict.fromkeys(each.fields.method for each in open_ones if each.fields.method.lower() in portal.rest_v3_methods)
    )
    told = client.batch_with_retries([Command(method, {}, REST_3) for method in asked]) if asked else []
    answers = dict(zip(asked, told, strict=True))
    return [_found(each, document, answers.get(each.fields.method)) for each in open_ones]


def _asked(client: Client, method: str) -> Any:
    """What a method of the portal about itself answers; None where there is none."""
    try:
        return client.call(Command(method, {}, REST_3), attempts=FIRST_REQUEST_ATTEMPTS).value
    except (MissingMethodError, RejectedError) as error:
        LOG.info("REST 3.0: %s", error)
        return None


def _methods(told: Any) -> frozenset[str]:
    """`{module: {controller: {method: …}}}` → full names, lower case; some versions use full names as keys."""
    return frozenset(_names(told, ())) if isinstance(told, Mapping) else frozenset()


def _names(told: Mapping[str, Any], before: Sequence[str]) -> Iterator[str]:
    for key, inner in told.items():
        name = str(key).lower()
        path = (name,) if before and name.startswith(f"{before[0]}.") else (*before, name)
        if isinstance(inner, Mapping) and "scope" not in inner:
            yield from _names(inner, path)
        else:
            yield ".".join(path)


def _found(entity: Entity, document: Mapping[str, Any], told: Result | PortalError | None) -> DiscoveredStream:
    """The stream, its fields described by both."""
    listed = _listed(told.value) if isinstance(told, Result) else {}
    drawn = {each.name: each for each in _drawn(entity, document)}
    fields = {name: _merged(each, drawn.get(name)) for name, each in (listed or drawn).items()}
    known = entity
    if fields and entity.endpoint.select_param:  # what the portal does not name it refuses to select
        documented = {name: kind for name, kind in entity.columns.documented.items() if name in fields}
        known = replace(entity, columns=replace(entity.columns, documented=documented))
    columns = columns_of(known, entity.stream, fields.values(), swept=is_swept(entity))
    return DiscoveredStream(entity.stream, entity, columns, fields)


def _listed(told: Any) -> dict[str, Field]:
    rows = told.get("items") if isinstance(told, Mapping) else None
    found = [row for row in rows or () if isinstance(row, Mapping) and row.get("name")]
    return {str(row["name"]): _field(row) for row in found}


def _field(row: Mapping[str, Any]) -> Field:
    name, title = str(row["name"]), str(row.get("title") or "")
    return Field(
        name,
        type=str(row.get("type") or ""),
        multiple=row.get("multiple") is True,
        label=title if title != name else "",
    )


def _drawn(entity: Entity, document: Mapping[str, Any]) -> Iterable[Field]:
    """Fields of the rows a method answers with, as the document draws them: under `result`, in an array of items."""
    paths = {str(path).strip("/").lower(): facts for path, facts in (document.get("paths") or {}).items()}
    schema = _at(paths.get(entity.endpoint.method.lower()), "post", "responses", "200", "content", "application/json")
    schema = _at(schema, "schema", "properties", "result")
    for step in (("properties", "items"), ("properties", "item"), ("items",)):
        schema = _at(schema, *step) or schema
    return fields_of(schema, document) if isinstance(schema, Mapping) and schema else ()


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _merged(listed: Field, drawn: Field | None) -> Field:
    """The list names a field; where its type is vague, the document's counts. A relation stays an object."""
    if drawn is None:
        return replace(listed, type="") if listed.type == "object" else listed
    vague = listed.type in _VAGUE
    return replace(
        listed,
        type=drawn.type if vague and drawn.type else listed.type,
        multiple=listed.multiple or (vague and drawn.multiple),
        label=listed.label or drawn.label,
        options=listed.options or drawn.options,
    )
