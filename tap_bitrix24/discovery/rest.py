"""What this portal has: asked in bundles from its own field methods, and turned into streams' columns."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tap_bitrix24.client import FIRST_REQUEST_ATTEMPTS, Client
from tap_bitrix24.dialects import BATCH_SIZE, rest_v2
from tap_bitrix24.dialects.pagination import UNCOUNTED
from tap_bitrix24.discovery import rest_v3 as discovery_rest3
from tap_bitrix24.discovery.discovered import DiscoveredStream, build_stream, is_allowed
from tap_bitrix24.entities import (
    CATALOGS,
    CATEGORIES,
    COMPANIES,
    CONTACTS,
    ENTITIES,
    LISTS,
    TYPES,
    Entity,
)
from tap_bitrix24.entities.portal_info import ListVariant, PortalInfo, UniversalList
from tap_bitrix24.errors import PortalError, SettingsError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.state import parse_bookmark

LOG = logging.getLogger("tap-bitrix24.discovery")


def preflight(client: Client, since: datetime | None = None) -> PortalInfo:
    """The first request of every run: credentials, scopes, the portal's clock, what multiplies lists.

    Args:
        client: Asks.
        since: `start_date` of the settings.

    Raises:
        SettingsError: The host can't be reached, the secret is wrong, or no scope is of use.
    """
    portal, _ = _first_request(client, [])
    portal.start_date = since
    return portal


def discover(client: Client, since: datetime | None = None) -> tuple[PortalInfo, list[DiscoveredStream]]:
    """Ask every field method in bundles of 50, then those whose parameters the first answers tell.

    Raises:
        SettingsError: As `preflight`.
    """
    first = _unlike(call for entity in ENTITIES for call in _fixed_calls(entity))
    portal, answers = _first_request(client, list(first.values()))
    portal.start_date = since
    told = dict(zip(first, answers, strict=True))
    open_ones = [entity for entity in ENTITIES if is_allowed(portal, entity)]
    second = _unlike(call for entity in open_ones for call in _portal_calls(entity, portal))
    told |= dict(
        zip(second, client.batch_with_retries(list(second.values()), attempts=FIRST_REQUEST_ATTEMPTS), strict=True)
    )
    found: list[DiscoveredStream] = []
    for entity in ENTITIES:
        for name, calls in _streams(entity, portal):
            described = [told[_key(call)] for call in calls if _key(call) in told]
            if is_allowed(portal, entity) and (stream := build_stream(entity, name, described)) is not None:
                found.append(stream)
    _tell_closed(portal)
    return portal, [*found, *discovery_rest3.discover(client, portal)]


def _tell_closed(portal: PortalInfo) -> None:
    """One line for all streams the scopes do not open and a user would expect."""
    closed: dict[str, list[str]] = {}
    for entity in ENTITIES:
        if entity.selected_by_default and not is_allowed(portal, entity):
            closed.setdefault(" or ".join(entity.scope), []).append(entity.stream)
    if closed:
        told = "; ".join(f"{scope} ({', '.join(streams)})" for scope, streams in closed.items())
        LOG.warning("left out, because the credentials lack their scope: %s", told)


def _fixed_calls(entity: Entity) -> list[Command]:
    """Calls that describe an entity's fields and depend on nothing."""
    if entity.template is not None:
        return []
    fields = [Command(entity.fields.method, entity.fields.params)] if entity.fields.method else []
    more = [Command(entity.fields.user_fields_method)] if entity.fields.user_fields_method else []
    return [*(fields if entity.fields.variants is None else []), *more]


def _portal_calls(entity: Entity, portal: PortalInfo) -> list[Command]:
    """Calls that depend on what the portal has: its smart processes, lists and catalogs."""
    if entity.template is not None:
        each = [entity.template.variant(number, portal).params for number in sorted(entity.template.instances(portal))]
    else:
        each = list(entity.fields.variants(portal)) if entity.fields.variants else []
    return [Command(entity.fields.method, params) for params in each]


def _streams(entity: Entity, portal: PortalInfo) -> list[tuple[str, list[Command]]]:
    """The streams of a row of the table, and the calls that describe each."""
    if entity.template is None:
        return [(entity.stream, [*_fixed_calls(entity), *_portal_calls(entity, portal)])]
    return [
        (f"{entity.stream}{number}", [Command(entity.fields.method, entity.template.variant(number, portal).params)])
        for number in sorted(entity.template.instances(portal))
    ]


def _key(call: Command) -> str:
    return f"{call.method}?{json.dumps(call.params, sort_keys=True)}"


def _unlike(calls: Iterable[Command]) -> dict[str, Command]:
    """Calls that several streams need, once each."""
    return {_key(call): call for call in calls}


def _first_request(client: Client, more: Sequence[Command]) -> tuple[PortalInfo, list[Result | PortalError]]:
    """What a run must know before it reads anything, and in the same request what else is wanted."""
    types = rest_v2.commands(_types_after(0))
    categories = [
        Command(CATEGORIES.endpoint.method, {"entityTypeId": entity.universal.entity_type_id})
        for entity in (CONTACTS, COMPANIES)
        if entity.universal
    ]
    lists = [Command(LISTS.endpoint.method, {**each.params, "start": UNCOUNTED}) for each in _all_lists()]
    fixed = [Command("scope"), *types, *categories, Command(CATALOGS.endpoint.method, {"start": UNCOUNTED}), *lists]
    at_once = BATCH_SIZE - len(fixed)
    try:
        scope, first_types, *rest = client.batch_with_retries(
            [*fixed, *more[:at_once]], attempts=FIRST_REQUEST_ATTEMPTS
        )
    except PortalError as error:
        raise SettingsError(str(error)) from error
    clock = client.first_answer.get("date_start")
    portal = PortalInfo(
        parse_bookmark(clock) if isinstance(clock, str) else datetime.now(UTC).replace(microsecond=0), _scopes(scope)
    )
    if portal.scopes is not None and not any(entity.scope and is_allowed(portal, entity) for entity in ENTITIES):
        wanted = ", ".join(sorted({entity.scope[0] for entity in ENTITIES if entity.scope}))
        msg = f"The credentials have no scope this tap reads: tick some of {wanted} in the portal."
        raise SettingsError(msg)
    if isinstance(first_types, PortalError) and is_allowed(portal, TYPES):
        LOG.warning("No smart processes: %s (listing them takes a CRM administrator's webhook)", first_types)
    portal.smart_processes = _all_types(client, first_types)
    for command in categories:
        portal.hidden_categories[command.params["entityTypeId"]] = _hidden(rest.pop(0))
    _note_catalogs(client, portal, rest.pop(0))
    for each in _all_lists():
        _note_lists(client, portal, each, rest.pop(0))
    return portal, [*rest, *client.batch_with_retries(more[at_once:], attempts=FIRST_REQUEST_ATTEMPTS)]


def _all_lists() -> list[ListVariant]:
    return list(LISTS.variants(_NOTHING)) if LISTS.variants else []


def _rest(client: Client, source: ListSpec, answer: Result | PortalError) -> list[Row]:
    """All rows of a list whose first page is here; none where the credentials may not see them."""
    rows: dict[str, Row] = {}
    while isinstance(answer, Result):
        page = rest_v2.page(source, answer).rows
        known = len(rows)
        rows |= {str(row[source.endpoint.key]): row for row in page}
        if len(page) < source.endpoint.page_size or len(rows) == known:
            break
        ask = PageRequest(list_spec=source, offset=len(rows))
        (answer,) = client.batch_with_retries(rest_v2.commands(ask), attempts=FIRST_REQUEST_ATTEMPTS)
    return list(rows.values())


def _note_catalogs(client: Client, portal: PortalInfo, answer: Result | PortalError) -> None:
    """Catalogs of variations name the catalog of their products, which may be hidden from the list itself."""
    products: set[int] = set()
    for row in _rest(client, ListSpec(CATALOGS.endpoint), answer):
        number, whose = int(row.get("iblockId") or row["id"]), row.get("productIblockId")
        if whose:
            portal.offer_iblocks.append(number)
        products.add(int(whose or number))
    portal.product_iblocks = sorted(products)


def _note_lists(client: Client, portal: PortalInfo, each: ListVariant, answer: Result | PortalError) -> None:
    for row in _rest(client, ListSpec(LISTS.endpoint, params=each.params), answer):
        known = UniversalList(str(each.params["IBLOCK_TYPE_ID"]), str(row.get("NAME") or ""))
        portal.universal_lists.setdefault(int(row["ID"]), known)


def _scopes(answer: Result | PortalError) -> frozenset[str] | None:
    if isinstance(answer, Result) and isinstance(answer.value, list):
        return frozenset(str(scope) for scope in answer.value)
    return None


def _types_after(after: int) -> PageRequest:
    return PageRequest(list_spec=ListSpec(TYPES.endpoint), after=after)


def _all_types(client: Client, answer: Result | PortalError) -> dict[int, str]:
    """All smart processes, page by page; none where the credentials may not see them."""
    source = ListSpec(TYPES.endpoint)
    types: dict[int, str] = {}
    while isinstance(answer, Result):
        rows = rest_v2.page(source, answer).rows
        fresh = {int(row["entityTypeId"]): str(row.get("title") or "") for row in rows}
        if len(rows) < TYPES.endpoint.page_size or fresh.keys() <= types.keys():
            return types | fresh
        types |= fresh
        (answer,) = client.batch_with_retries(rest_v2.commands(_types_after(max(int(row["id"]) for row in rows))))
    return types


def _hidden(answer: Result | PortalError) -> list[int]:
    if isinstance(answer, PortalError):
        return []
    rows = rest_v2.page(ListSpec(CATEGORIES.endpoint), answer).rows
    return [int(row["id"]) for row in rows if int(row["id"]) > 0]


_NOTHING = PortalInfo(datetime.now(UTC))
