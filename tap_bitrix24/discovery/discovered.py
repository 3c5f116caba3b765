"""Discovered streams: an entity of the table, with columns made from the portal's description of its fields."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.entities import POSITION, REDACTED, Entity
from tap_bitrix24.entities.entity import Callers
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import DoubtfulError, MissingMethodError, PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Result
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, PARENT
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.columns import ANY, Column, build_columns
from tap_bitrix24.schema.naming import column_name

LOG = logging.getLogger("tap-bitrix24.discovery")


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream that this portal offers."""

    name: str
    entity: Entity
    columns: Sequence[Column]
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Portal name → the field as the portal describes it."""


@dataclass(frozen=True, slots=True)
class Undescribed:
    """A stream, or a kind of streams (`smart_process_*`), of which it is not known how or whether the portal has it."""

    name: str
    error: PortalError
    selected_by_default: bool


@dataclass(slots=True)
class Discovery:
    """What a portal offers: its streams, and those an error kept from being described."""

    streams: list[DiscoveredStream] = field(default_factory=list)
    undescribed: list[Undescribed] = field(default_factory=list)

    def add(self, entity: Entity, name: str, answers: Sequence[Result | PortalError]) -> None:
        """Add a stream described by these answers, or note why it cannot be described."""
        try:
            self.streams.append(build_stream(entity, name, answers))
        except PortalError as error:
            self.note(name, error, selected_by_default=entity.selected_by_default)

    def note(self, name: str, error: PortalError, *, selected_by_default: bool) -> None:
        """Note why a stream, or a kind of streams, is not described; what the portal does not have is left out."""
        LOG.warning("%s %s: %s", name, "skipped" if isinstance(error, MissingMethodError) else "not described", error)
        if not isinstance(error, MissingMethodError):
            self.undescribed.append(Undescribed(name, error, selected_by_default))

    def complete(self) -> Sequence[DiscoveredStream]:
        """Return the streams, if all are described.

        Raises:
            PortalError: Some are not.
        """
        for each in self.undescribed:
            raise each.error
        return self.streams


def is_allowed(portal: PortalInfo, entity: Entity) -> bool:
    """Return whether the credentials have a scope for this entity; streams made by the tap itself need none."""
    return portal.scopes is None or not entity.scope or not portal.scopes.isdisjoint(entity.scope)


def is_for_others(portal: PortalInfo, entity: Entity) -> bool:
    """Return whether the entity's method works for applications only, and the credentials are a webhook's."""
    return portal.by_webhook and entity.quirks.callers is Callers.APPLICATIONS


def require_access(portal: PortalInfo, entity: Entity, name: str) -> None:
    """Fail a stream these credentials cannot read.

    Raises:
        MissingMethodError: They lack the scope, or are a webhook's and the method is for applications.
    """
    if not is_allowed(portal, entity):
        text = f"{name}: the credentials lack the scope {' or '.join(entity.scope)}; tick it in the portal"
        raise MissingMethodError(text)
    if is_for_others(portal, entity):
        text = f"{name}: {entity.endpoint.method} works for applications only, not for webhooks: connect by OAuth"
        raise MissingMethodError(text, method=entity.endpoint.method)


def parsed_fields(entity: Entity, value: Any, method: str, *, required: bool) -> list[Field]:
    """Return the fields an answer describes.

    Args:
        entity: The entity whose fields they are.
        value: The answer.
        method: The method that gave it.
        required: It describes all fields; False: it completes the description of user fields; there may be none.

    Raises:
        DoubtfulError: It is no description, or describes nothing where the entity itself does not either.
    """
    fields: list[Field] | None = [] if is_empty(value) and not required else None
    if isinstance(value, (list, Mapping)):
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # not in the shape of a description
            fields = list(entity.fields.parse(value))
    if fields is None or (required and not fields and not _documents_primary_key(entity)):
        text = f"{method}: the answer describes no fields"
        raise DoubtfulError(text, method=method, settles_as=UntrustedError)
    return fields


def build_stream(entity: Entity, name: str, answers: Sequence[Result | PortalError]) -> DiscoveredStream:
    """Return the stream with its columns.

    Args:
        entity: The stream's entity.
        name: The stream's name.
        answers: The answers of its field methods. Where the portal refuses the first one or does not have its method,
            the columns are those the entity documents.

    Raises:
        MissingMethodError: The portal does not have the first method, and the entity documents no columns.
        PortalError: The portal does not describe the fields, or not the primary key.
    """
    fields: dict[str, Field] = {}
    for number, answer in enumerate(answers):
        if isinstance(answer, PortalError):
            refused = isinstance(answer, (MissingMethodError, RejectedError))
            if not refused or (number == 0 and not _documents_primary_key(entity)):
                raise answer
            continue
        for field_ in parsed_fields(entity, answer.value, entity.fields.method, required=number == 0):
            fields[field_.name] = _merged(fields.get(field_.name), field_)
    columns = columns_of(entity, name, fields.values())
    _require_primary_key(entity, columns)
    _warn_of_unknown_types(entity, name, fields, columns)
    return DiscoveredStream(name, entity, columns, fields)


def _require_primary_key(entity: Entity, columns: Sequence[Column]) -> None:
    """Refuse a description without the primary key: what describes a list without it describes something else.

    Raises:
        UntrustedError: A column of it is missing.
    """
    names = {name for column in columns for name in (column.portal_name, column.name)}
    if missing := [key for key in entity.primary_key if not {key, column_name(key)} & names]:
        method = entity.fields.method
        text = f"{method}: the answer does not describe {', '.join(missing)}"
        raise UntrustedError(text, method=method)


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
