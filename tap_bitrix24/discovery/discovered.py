"""A stream the portal offers: a row of the table, and its columns as the portal describes its fields."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tap_bitrix24.entities import POSITION, REDACTED, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import MissingMethodError, PortalError
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Result
from tap_bitrix24.replication.children import CHILDREN_READ_AT, PARENT
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.columns import ANY, Column, build_columns

LOG = logging.getLogger("tap-bitrix24.discovery")


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream this portal offers."""

    name: str
    entity: Entity
    columns: Sequence[Column]
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Portal name → what the portal says of the field."""


def is_allowed(portal: PortalInfo, entity: Entity) -> bool:
    """Whether the credentials have a scope that opens this entity; what the tap makes itself needs none."""
    return portal.scopes is None or not entity.scope or not portal.scopes.isdisjoint(entity.scope)


def require_scope(portal: PortalInfo, entity: Entity, name: str) -> None:
    """Fail a stream someone selected although its scope is missing.

    Raises:
        MissingMethodError: The credentials lack the scope.
    """
    if not is_allowed(portal, entity):
        text = f"{name}: the credentials lack the scope {' or '.join(entity.scope)}; tick it in the portal"
        raise MissingMethodError(text)


def build_stream(entity: Entity, name: str, answers: Sequence[Result | PortalError]) -> DiscoveredStream | None:
    """The stream with its columns, or None if the portal does not offer it (told once).

    Args:
        entity: Its row of the table.
        name: Its name.
        answers: What its field methods brought, the first of them the one that must be there.
    """
    fields: dict[str, Field] = {}
    for number, answer in enumerate(answers):
        if isinstance(answer, PortalError):
            if number == 0 and not _is_curated(entity):
                LOG.warning("%s is left out: %s", name, answer)
                return None
            continue
        for each in entity.fields.parse(answer.value):
            fields[each.name] = _merged(fields.get(each.name), each)
    columns = columns_of(entity, name, fields.values(), swept=is_swept(entity))
    known = {*entity.columns.overrides, *entity.columns.documented}
    strange = sorted(each.name for each in fields.values() if each.name not in known and _is_strange(each, columns))
    if strange:
        LOG.warning("%s: columns of a type this tap does not know, kept as they come: %s", name, ", ".join(strange))
    return DiscoveredStream(name, entity, columns, fields)


def columns_of(entity: Entity, name: str, fields: Iterable[Field], *, swept: bool) -> list[Column]:
    """The columns of a stream, those the tap adds itself included.

    Args:
        entity: Its row of the table.
        name: Its name.
        fields: What the portal describes.
        swept: Its rows say which set they belong to.
    """
    types = {**entity.columns.overrides, **({POSITION: "integer"} if POSITION in entity.primary_key else {})}
    if swept:
        types |= {PARENT: "text", CHILDREN_READ_AT: "datetime"}
    return build_columns(
        fields,
        types=types,
        yes_no=entity.columns.yes_no,
        documented=entity.columns.documented,
        without=frozenset(column for stream, column in REDACTED if stream == name),
    )


def _is_curated(entity: Entity) -> bool:
    """The row alone says enough to read the stream where the field method is missing."""
    return all(name in entity.columns.overrides or name in entity.columns.documented for name in entity.primary_key)


def _is_strange(described: Field, columns: Sequence[Column]) -> bool:
    return any(column.portal_name == described.name and column.kind == ANY for column in columns)


def _merged(known: Field | None, more: Field) -> Field:
    """What two methods say of one field: the first names it, the second adds type, multiplicity and options."""
    if known is None:
        return more
    return replace(
        known,
        type=known.type or more.type,
        multiple=known.multiple or more.multiple,
        label=known.label or more.label,
        options=known.options or more.options,
        required=more.required if known.required is None else known.required,
    )
