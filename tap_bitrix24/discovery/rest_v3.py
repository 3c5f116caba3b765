"""Discovery of REST 3.0: the portal's methods, and their fields from two descriptions that complete each other.

Versions differ from portal to portal, so both lists of methods are read. `*.field.list` gives dates, enums and
relations all the type `object`; the OpenAPI document distinguishes them, but does not say which fields can be filtered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.client import Client
from tap_bitrix24.dialects.rest_v3 import DOCUMENTATION
from tap_bitrix24.discovery.discovered import DiscoveredStream, Discovery, columns_of, is_allowed
from tap_bitrix24.entities import REST_V3_ENTITIES, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import AccessError, MissingMethodError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import REST_V3
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.schema.openapi import fields_of

LOG = logging.getLogger("tap-bitrix24.discovery")
SCOPES = frozenset(scope for entity in REST_V3_ENTITIES for scope in entity.scope)
_SELECTED_BY_DEFAULT = any(entity.selected_by_default for entity in REST_V3_ENTITIES)
_VAGUE = frozenset({"", "object", "array", "string"})
"""Types of `*.field.list` that the OpenAPI document may specify further."""


def probe(client: Client, portal: PortalInfo) -> PortalError | None:
    """Store the portal's methods of REST 3.0, or return why it is not known whether it has any.

    Takes one request, or none if the credentials lack all their scopes. If REST 3.0 fails, the run goes on without it:
    it must not keep classic REST from being read, which has the same rows.
    """
    if portal.scopes is not None and portal.scopes.isdisjoint(SCOPES):
        return None
    try:
        portal.rest_v3_methods = _methods(_answer(client, "rest.scope.list"))
    except AccessError as error:  # classic REST has accepted the same credentials
        LOG.warning("REST 3.0 skipped: %s", error)
    except PortalError as error:
        return error
    return None


def discover(client: Client, portal: PortalInfo, found: Discovery) -> None:
    """Add the streams that are read through REST 3.0.

    Args:
        client: Sends the requests.
        portal: Gets its methods of REST 3.0 stored.
        found: Gets the streams added.
    """
    if (unknown := probe(client, portal)) is not None:
        found.note("REST 3.0", unknown, selected_by_default=_SELECTED_BY_DEFAULT)
    elif portal.rest_v3_methods:
        try:
            _add_streams(client, portal, found)
        except PortalError as error:
            found.note("REST 3.0", error, selected_by_default=_SELECTED_BY_DEFAULT)


def _add_streams(client: Client, portal: PortalInfo, found: Discovery) -> None:
    """Add all streams, or note why one is not described.

    Raises:
        PortalError: The OpenAPI document or the field methods could not be read.
    """
    document = _answer(client, DOCUMENTATION)
    document = document if isinstance(document, Mapping) else {}
    paths = {str(path).strip("/").lower() for path in document.get("paths") or ()}
    portal.rest_v3_methods |= paths
    methods = portal.rest_v3_methods
    entities = [
        entity
        for entity in REST_V3_ENTITIES
        if is_allowed(portal, entity) and entity.endpoint.method.lower() in methods
    ]
    field_methods = list(
        dict.fromkeys(entity.fields.method for entity in entities if entity.fields.method.lower() in methods)
    )
    calls = [Command(method, {}, REST_V3) for method in field_methods]
    answers = dict(zip(field_methods, client.batch_with_retries(calls) if calls else [], strict=True))
    for entity in entities:
        answer = answers.get(entity.fields.method)
        if isinstance(answer, PortalError) and not isinstance(answer, (MissingMethodError, RejectedError)):
            found.note(entity.stream, answer, selected_by_default=entity.selected_by_default)
        else:
            found.streams.append(_stream(entity, document, answer))


def _answer(client: Client, method: str) -> Any:
    """Return the value a method answers with, or None if the portal does not have it or refuses it."""
    try:
        return client.call(Command(method, {}, REST_V3)).value
    except (MissingMethodError, RejectedError) as error:
        LOG.info("REST 3.0: %s", error)
        return None


def _methods(scopes: Any) -> frozenset[str]:
    """Return the full names, lower case, in `{module: {controller: {method: …}}}`; some versions have them as keys."""
    return frozenset(_names(scopes, ())) if isinstance(scopes, Mapping) else frozenset()


def _names(tree: Mapping[str, Any], outer: Sequence[str]) -> Iterator[str]:
    for key, inner in tree.items():
        name = str(key).lower()
        path = (name,) if outer and name.startswith(f"{outer[0]}.") else (*outer, name)
        if isinstance(inner, Mapping) and "scope" not in inner:
            yield from _names(inner, path)
        else:
            yield ".".join(path)


def _stream(entity: Entity, document: Mapping[str, Any], answer: Result | PortalError | None) -> DiscoveredStream:
    """Return the stream of an entity.

    Args:
        entity: The entity.
        document: The OpenAPI document of the portal.
        answer: The answer of its field method; None if it has none.
    """
    listed = _listed_fields(answer.value) if isinstance(answer, Result) else {}
    documented = {field.name: field for field in _documented_fields(entity, document)}
    fields = {name: _merged(field, documented.get(name)) for name, field in (listed or documented).items()}
    selectable = entity
    if fields and entity.endpoint.select_param:  # the portal refuses to select fields it does not describe
        kinds = {name: kind for name, kind in entity.columns.documented.items() if name in fields}
        selectable = replace(entity, columns=replace(entity.columns, documented=kinds))
    columns = columns_of(selectable, entity.stream, fields.values())
    return DiscoveredStream(entity.stream, entity, columns, fields)


def _listed_fields(value: Any) -> dict[str, Field]:
    """Return name → field of the answer of `*.field.list`."""
    items = value.get("items") if isinstance(value, Mapping) else None
    rows = [row for row in items or () if isinstance(row, Mapping) and row.get("name")]
    return {str(row["name"]): _field(row) for row in rows}


def _field(row: Mapping[str, Any]) -> Field:
    name, title = str(row["name"]), str(row.get("title") or "")
    return Field(
        name,
        type=str(row.get("type") or ""),
        multiple=row.get("multiple") is True,
        label=title if title != name else "",
    )


def _documented_fields(entity: Entity, document: Mapping[str, Any]) -> Iterable[Field]:
    """Return the fields of a method's rows by the OpenAPI document: under `result`, in an object or array of items."""
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


def _merged(listed: Field, documented: Field | None) -> Field:
    """Return a listed field; if its type is vague, with the documented type. A relation stays an object."""
    if documented is None:
        return replace(listed, type="") if listed.type == "object" else listed
    vague = listed.type in _VAGUE
    return replace(
        listed,
        type=documented.type if vague and documented.type else listed.type,
        multiple=listed.multiple or (vague and documented.multiple),
        label=listed.label or documented.label,
        options=listed.options or documented.options,
    )
