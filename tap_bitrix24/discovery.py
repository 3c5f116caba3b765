"""What this portal has: asked in bundles from its own field methods, and turned into streams' columns and sources."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tap_bitrix24.bookmarks import from_text
from tap_bitrix24.client import FEW_ATTEMPTS, Client
from tap_bitrix24.entities import (
    CATEGORIES,
    COMPANIES,
    CONTACTS,
    ENTITIES,
    ITEM_ECHOES,
    ITEM_STAMP,
    ITEMS,
    SMART_PROCESS,
    SMART_PROCESSES,
    TYPES,
    Entity,
    Universal,
)
from tap_bitrix24.errors import MissingMethodError, PortalError, SettingsError
from tap_bitrix24.model import Ask, Command, Field, Result, Row, Source
from tap_bitrix24.schema import Column, build_columns, parse_fields

LOG = logging.getLogger("tap-bitrix24.discovery")


@dataclass(slots=True)
class Portal:
    """What the first request of a run tells."""

    clock: datetime
    """The portal's own time when the run began, floored to the second; nothing newer is claimed to be read."""
    scopes: frozenset[str] | None
    """None: the portal does not tell."""
    types: dict[int, str] = field(default_factory=dict)
    """Smart processes: entityTypeId → title."""
    hidden_categories: dict[int, list[int]] = field(default_factory=dict)
    """entityTypeId → category ids whose rows the classic method leaves out."""

    def allows(self, entity: Entity) -> bool:
        """Whether the credentials have a scope that opens this entity."""
        return self.scopes is None or not self.scopes.isdisjoint(entity.scope)


@dataclass(frozen=True, slots=True)
class Found:
    """A stream this portal offers."""

    name: str
    entity: Entity
    columns: Sequence[Column]


def preflight(client: Client) -> Portal:
    """The first request of every run: credentials, scopes, the portal's clock, smart processes.

    Raises:
        SettingsError: The host can't be reached, the secret is wrong, or no scope is of use.
    """
    portal, _ = _first_request(client, [])
    return portal


def discover(client: Client) -> tuple[Portal, list[Found]]:
    """Ask every field method: one request, and one more for the fields of up to 50 smart processes.

    Raises:
        SettingsError: As `preflight`.
    """
    asked = [entity for entity in ENTITIES if entity.fields_method and entity is not SMART_PROCESSES]
    commands = {
        (entity.stream, method): Command(method, params) for entity in asked for method, params in _asks(entity)
    }
    portal, answers = _first_request(client, list(commands.values()))
    fields = dict(zip(commands, answers, strict=True))
    found: list[Found] = []
    for entity in ENTITIES:
        if entity is SMART_PROCESSES:
            continue
        parts = [fields[entity.stream, method] for method, _ in _asks(entity)]
        if (columns := _columns(portal, entity, entity.stream, parts)) is not None:
            found.append(Found(entity.stream, entity, columns))
    return portal, found + _smart_processes(client, portal)


def _asks(entity: Entity) -> list[tuple[str, Mapping[str, Any]]]:
    asks = [(entity.fields_method, entity.fields_params)] if entity.fields_method else []
    return asks + ([(entity.more_fields, {})] if entity.more_fields else [])


def _first_request(client: Client, more: Sequence[Command]) -> tuple[Portal, list[Result | PortalError]]:
    types = client.dialect.commands(_types_after(0))
    categories = [
        Command(CATEGORIES.endpoint.method, {"entityTypeId": entity.universal.entity_type_id})
        for entity in (CONTACTS, COMPANIES)
        if entity.universal
    ]
    try:
        answers = client.insist([Command("scope"), *types, *categories, *more], attempts=FEW_ATTEMPTS)
    except PortalError as error:
        raise SettingsError(str(error)) from error
    scope, first_types, *rest = answers
    clock = client.first_answer.get("date_start")
    portal = Portal(
        from_text(clock) if isinstance(clock, str) else datetime.now(UTC).replace(microsecond=0), _scopes(scope)
    )
    if portal.scopes is not None and not any(portal.allows(entity) for entity in ENTITIES):
        wanted = ", ".join(sorted({entity.scope[0] for entity in ENTITIES}))
        msg = f"The webhook has no scope this tap reads: tick some of {wanted} in its settings."
        raise SettingsError(msg)
    if isinstance(first_types, PortalError) and portal.allows(TYPES):
        LOG.warning("No smart processes: %s (listing them takes a CRM administrator's webhook)", first_types)
    portal.types = _all_types(client, first_types)
    for command, answer in zip(categories, rest, strict=False):
        portal.hidden_categories[command.params["entityTypeId"]] = _hidden(client, answer)
    return portal, rest[len(categories) :]


def _scopes(answer: Result | PortalError) -> frozenset[str] | None:
    if isinstance(answer, Result) and isinstance(answer.value, list):
        return frozenset(str(scope) for scope in answer.value)
    return None


def _types_after(after: int) -> Ask:
    return Ask(source=Source(TYPES.endpoint), after=after)


def _all_types(client: Client, answer: Result | PortalError) -> dict[int, str]:
    """All smart processes, page by page; none where the credentials may not see them."""
    source = Source(TYPES.endpoint)
    types: dict[int, str] = {}
    while isinstance(answer, Result):
        rows = client.dialect.page(source, answer).rows
        fresh = {int(row["entityTypeId"]): str(row.get("title") or "") for row in rows}
        if len(rows) < TYPES.endpoint.page_size or fresh.keys() <= types.keys():
            return types | fresh
        types |= fresh
        (answer,) = client.insist(client.dialect.commands(_types_after(max(int(row["id"]) for row in rows))))
    return types


def _hidden(client: Client, answer: Result | PortalError) -> list[int]:
    if isinstance(answer, PortalError):
        return []
    rows = client.dialect.page(Source(CATEGORIES.endpoint), answer).rows
    return [int(row["id"]) for row in rows if int(row["id"]) > 0]


def _smart_processes(client: Client, portal: Portal) -> list[Found]:
    found: list[Found] = []
    numbers = sorted(portal.types)
    for start in range(0, len(numbers), client.dialect.BUNDLE):
        part = numbers[start : start + client.dialect.BUNDLE]
        method = SMART_PROCESSES.fields_method
        answers = client.insist([Command(method, {"entityTypeId": number}) for number in part])
        for number, answer in zip(part, answers, strict=True):
            name = f"{SMART_PROCESS}{number}"
            if (columns := _columns(portal, SMART_PROCESSES, name, [answer])) is not None:
                found.append(Found(name, SMART_PROCESSES, columns))
    return found


def _columns(portal: Portal, entity: Entity, name: str, answers: Sequence[Result | PortalError]) -> list[Column] | None:
    """The stream's columns, or None if the portal does not offer it (told once)."""
    if not portal.allows(entity):
        LOG.warning("%s is left out: the webhook lacks the scope %s", name, " or ".join(entity.scope))
        return None
    fields: dict[str, Field] = {}
    for number, answer in enumerate(answers):
        if isinstance(answer, PortalError):
            if number == 0 and not _is_curated(entity):
                LOG.warning("%s is left out: %s", name, answer)
                return None
            continue
        for each in parse_fields(answer.value):
            fields[each.name] = _merged(fields.get(each.name), each)
    columns = build_columns(fields.values(), types=entity.types, flags=entity.flags)
    strange = sorted(
        each.name for each in fields.values() if each.name not in entity.types and _is_strange(each, columns)
    )
    if strange:
        LOG.warning("%s: columns of a type this tap does not know, kept as they come: %s", name, ", ".join(strange))
    return columns


def _is_curated(entity: Entity) -> bool:
    """The row alone says enough to read the stream where the field method is missing."""
    return all(name in entity.types for name in entity.key)


def _is_strange(described: Field, columns: Sequence[Column]) -> bool:
    return any(column.portal_name == described.name and column.kind == "any" for column in columns)


def _merged(known: Field | None, more: Field) -> Field:
    """What two methods say of one field: the first names it, the second adds type and multiplicity."""
    if known is None:
        return more
    return Field(known.name, known.type or more.type, known.multiple or more.multiple, known.label or more.label,
                 known.upper, known.values)  # fmt: skip


def sources(entity: Entity, name: str, columns: Sequence[Column], portal: Portal, *, universal: bool) -> list[Source]:
    """The lists that make up a stream on this portal."""
    if entity.universal and universal:
        return [_universal_source(entity.universal, {})]
    select = list(entity.select)
    if entity.select_fields:
        select = [column.portal_name for column in columns if column.portal_name.isupper() and not column.currency]
    params: dict[str, Any] = {entity.endpoint.select_param: select} if select else {}
    numbers: Sequence[int] = entity.per_type
    if entity is SMART_PROCESSES:
        numbers = [int(name.removeprefix(SMART_PROCESS))]
    elif len(numbers) > 1:
        numbers = [*numbers, *sorted(portal.types)]
    if numbers:
        return [
            Source(
                entity.endpoint,
                params={**params, "entityTypeId": number},
                constants={"entity_type_id": number},
                stamp=entity.stamp,
                tolerated=entity.tolerated,
            )
            for number in numbers
        ]
    listed = [Source(entity.endpoint, params=params, stamp=entity.stamp)]
    hidden = portal.hidden_categories.get(entity.universal.entity_type_id, []) if entity.universal else []
    if entity.universal and hidden:
        listed.append(_universal_source(entity.universal, {"@categoryId": hidden}))
    return listed


def _universal_source(twin: Universal, wanted: Mapping[str, Any]) -> Source:
    return Source(
        ITEMS,
        params={"entityTypeId": twin.entity_type_id, ITEMS.select_param: ["*"]},
        filter=wanted,
        stamp=ITEM_STAMP,
        renames=twin.renames,
        ignores=ITEM_ECHOES,
        reshape=spread_multifields,
    )


def spread_multifields(row: Row) -> Row:
    """Bring `fm` of a universal item into the classic shape: PHONE, EMAIL … with upper-case keys.

    As in classic rows, a kind the item has no value of is no key.
    """
    values = row.get("fm")
    if not isinstance(values, list):
        return row
    spread: dict[str, list[Row]] = {}
    for value in values:
        classic = {"ID": str(value.get("id")), "VALUE_TYPE": value.get("valueType"), "VALUE": value.get("value"),
                   "TYPE_ID": value.get("typeId")}  # fmt: skip
        spread.setdefault(str(value.get("typeId")), []).append(classic)
    return {**{key: value for key, value in row.items() if key != "fm"}, **spread}


def require(portal: Portal, entity: Entity, name: str) -> None:
    """Fail a stream someone selected although its scope is missing.

    Raises:
        MissingMethodError: The credentials lack the scope.
    """
    if not portal.allows(entity):
        text = f"{name}: the webhook lacks the scope {' or '.join(entity.scope)}; tick it in the webhook's settings"
        raise MissingMethodError(text)
