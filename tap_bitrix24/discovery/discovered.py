"""Discovered streams: an entity of the table, with columns made from the portal's description of its fields."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tap_bitrix24.entities import POSITION, REDACTED, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import MissingMethodError, PortalError
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Result
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, PARENT
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.columns import ANY, Column, build_columns

LOG = logging.getLogger("tap-bitrix24.discovery")


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream that this portal offers."""

    name: str
    entity: Entity
    columns: Sequence[Column]
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Portal name → the field as the portal describes it."""


def is_allowed(portal: PortalInfo, entity: Entity) -> bool:
    """Return whether the credentials have a scope for this entity; streams made by the tap itself need none."""
    return portal.scopes is None or not entity.scope or not portal.scopes.isdisjoint(entity.scope)


def require_scope(portal: PortalInfo, entity: Entity, name: str) -> None:
    """Fail a stream whose scope is missing.

    Raises:
        MissingMethodError: The credentials lack the scope.
    """
    if not is_allowed(portal, entity):
        text = f"{name}: the credentials lack the scope {' or '.join(entity.scope)}; tick it in the portal"
        raise MissingMethodError(text)


def build_stream(entity: Entity, name: str, answers: Sequence[Result | PortalError]) -> DiscoveredStream | None:
    """Return the stream with its columns, or None, after a warning, if the portal does not offer it.

    Args:
        entity: The stream's entity.
        name: The stream's name.
        answers: The answers of its field methods; the first one is required unless the entity documents its columns.
    """
    fields: dict[str, Field] = {}
    for number, answer in enumerate(answers):
        if isinstance(answer, PortalError):
            if number == 0 and not _documents_primary_key(entity):
                LOG.warning("%s skipped: %s", name, answer)
                return None
            continue
        for field_ in entity.fields.parse(answer.value):
            fields[field_.name] = _merged(fields.get(field_.name), field_)
    columns = columns_of(entity, name, fields.values())
    _warn_of_unknown_types(entity, name, fields, columns)
    return DiscoveredStream(name, entity, columns, fields)


def columns_of(entity: Entity, name: str, fields: Iterable[Field]) -> list[Column]:
    """Return the columns of a stream, including those the tap adds itself.

    Args:
        entity: The stream's entity.
        name: The stream's name.
        fields: The fields the portal describes.
    """
    types = {**entity.columns.overrides, **({POSITION: "integer"} if POSITION in entity.primary_key else {})}
    if is_swept(entity):  # rows name their parent, and say when its children were read
        types |= {PARENT: "text", CHILDREN_READ_AT: "datetime"}
    return build_columns(
        fields,
        types=types,
        yes_no=entity.columns.yes_no,
        documented=entity.columns.documented,
        without=frozenset(column for stream, column in REDACTED if stream == name),
    )


def _documents_primary_key(entity: Entity) -> bool:
    """Return whether the entity itself has the columns of its primary key: it can be read without a field method."""
    return all(name in entity.columns.overrides or name in entity.columns.documented for name in entity.primary_key)


def _warn_of_unknown_types(entity: Entity, name: str, fields: Mapping[str, Field], columns: Iterable[Column]) -> None:
    known = {*entity.columns.overrides, *entity.columns.documented}
    of_any_type = {column.portal_name for column in columns if column.kind == ANY}
    if unknown := sorted(of_any_type & fields.keys() - known):
        LOG.warning("%s: columns of a type this tap does not know, kept as they come: %s", name, ", ".join(unknown))


def _merged(first: Field | None, second: Field) -> Field:
    """Return a field described by two methods: the second completes type, multiplicity, label and options."""
    if first is None:
        return second
    return replace(
        first,
        type=first.type or second.type,
        multiple=first.multiple or second.multiple,
        label=first.label or second.label,
        options=first.options or second.options,
        required=second.required if first.required is None else first.required,
    )
