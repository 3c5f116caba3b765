"""Discovery of classic REST: the portal's field methods, called in batches, describe the columns of each stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tap_bitrix24.client import DISCOVERY_ATTEMPTS, Client
from tap_bitrix24.dialects import BATCH_SIZE, rest_v2
from tap_bitrix24.dialects.pagination import UNCOUNTED
from tap_bitrix24.discovery import rest_v3
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
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.errors import PortalError, SettingsError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.state import parse_bookmark

LOG = logging.getLogger("tap-bitrix24.discovery")


def preflight(client: Client, start_date: datetime | None = None) -> PortalInfo:
    """Return what the first request of every run tells of the portal: scopes, clock, smart processes, catalogs, lists.

    Args:
        client: Sends the request.
        start_date: `start_date` of the settings.

    Raises:
        SettingsError: The host cannot be reached, the secret is wrong, or the tap has no use for any of the scopes.
    """
    portal, _ = _first_request(client, [])
    portal.start_date = start_date
    return portal


def discover(client: Client, start_date: datetime | None = None) -> tuple[PortalInfo, list[DiscoveredStream]]:
    """Return the portal and its streams.

    All field methods are called in batches of 50: first those with fixed parameters, then those whose parameters depend
    on the first answers, such as the numbers of smart processes.

    Raises:
        SettingsError: As `preflight`.
    """
    first = _distinct(call for entity in ENTITIES for call in _fixed_calls(entity))
    portal, first_answers = _first_request(client, list(first.values()))
    portal.start_date = start_date
    allowed = [entity for entity in ENTITIES if is_allowed(portal, entity)]
    second = _distinct(call for entity in allowed for call in _portal_calls(entity, portal))
    second_answers = client.batch_with_retries(list(second.values()), attempts=DISCOVERY_ATTEMPTS)
    answers = dict(zip([*first, *second], [*first_answers, *second_answers], strict=True))
    streams: list[DiscoveredStream] = []
    for entity in allowed:
        for name, calls in _streams(entity, portal):
            descriptions = [answers[_key(call)] for call in calls if _key(call) in answers]
            if (stream := build_stream(entity, name, descriptions)) is not None:
                streams.append(stream)
    _warn_of_missing_scopes(portal)
    return portal, [*streams, *rest_v3.discover(client, portal)]


def _warn_of_missing_scopes(portal: PortalInfo) -> None:
    """Log one warning with all streams that would be selected by default if the credentials had their scope."""
    missing: dict[str, list[str]] = {}
    for entity in ENTITIES:
        if entity.selected_by_default and not is_allowed(portal, entity):
            missing.setdefault(" or ".join(entity.scope), []).append(entity.stream)
    if missing:
        text = "; ".join(f"{scope} ({', '.join(streams)})" for scope, streams in missing.items())
        LOG.warning("streams skipped, because the credentials lack their scope: %s", text)


def _fixed_calls(entity: Entity) -> list[Command]:
    """Return the calls that describe an entity's fields, and have the same parameters on every portal."""
    if entity.template is not None:
        return []
    fields = [Command(entity.fields.method, entity.fields.params)] if entity.fields.method else []
    user_fields = [Command(entity.fields.user_fields_method)] if entity.fields.user_fields_method else []
    return [*(fields if entity.fields.variants is None else []), *user_fields]


def _portal_calls(entity: Entity, portal: PortalInfo) -> list[Command]:
    """Return the calls that describe an entity's fields, one for each smart process, list or catalog of the portal."""
    if entity.template is not None:
        numbers = sorted(entity.template.instances(portal))
        variants = [entity.template.variant(number, portal).params for number in numbers]
    else:
        variants = list(entity.fields.variants(portal)) if entity.fields.variants else []
    return [Command(entity.fields.method, params) for params in variants]


def _streams(entity: Entity, portal: PortalInfo) -> list[tuple[str, list[Command]]]:
    """Return the names of an entity's streams, each with the calls that describe its fields."""
    if entity.template is None:
        return [(entity.stream, [*_fixed_calls(entity), *_portal_calls(entity, portal)])]
    return [
        (f"{entity.stream}{number}", [Command(entity.fields.method, entity.template.variant(number, portal).params)])
        for number in sorted(entity.template.instances(portal))
    ]


def _key(call: Command) -> str:
    return f"{call.method}?{json.dumps(call.params, sort_keys=True)}"


def _distinct(calls: Iterable[Command]) -> dict[str, Command]:
    """Return each call once, although several streams need it, by its key."""
    return {_key(call): call for call in calls}


_CATEGORY_CALLS = [
    Command(CATEGORIES.endpoint.method, {"entityTypeId": entity.universal.entity_type_id})
    for entity in (CONTACTS, COMPANIES)
    if entity.universal
]
_LIST_VARIANTS: list[ListVariant] = list(LISTS.variants(PortalInfo(datetime.now(UTC)))) if LISTS.variants else []
"""The kinds of universal lists; they are the same on every portal."""


def _first_request(client: Client, field_calls: Sequence[Command]) -> tuple[PortalInfo, list[Result | PortalError]]:
    """Return what must be known of the portal before anything is read, and the answers to calls of field methods.

    As many of them as there is room for share the first request.
    """
    types = rest_v2.commands(PageRequest(list_spec=ListSpec(TYPES.endpoint), after=0))
    lists = [Command(LISTS.endpoint.method, {**variant.params, "start": UNCOUNTED}) for variant in _LIST_VARIANTS]
    catalogs = Command(CATALOGS.endpoint.method, {"start": UNCOUNTED})
    fixed = [Command("scope"), *types, *_CATEGORY_CALLS, catalogs, *lists]
    room = BATCH_SIZE - len(fixed)
    try:
        scopes, first_types, *answers = client.batch_with_retries(
            [*fixed, *field_calls[:room]], attempts=DISCOVERY_ATTEMPTS
        )
    except PortalError as error:
        raise SettingsError(str(error)) from error
    portal = PortalInfo(_clock(client), _scopes(scopes))
    _require_any_scope(portal)
    if isinstance(first_types, PortalError) and is_allowed(portal, TYPES):
        LOG.warning("No smart processes: %s (to list them, the webhook must be a CRM administrator's)", first_types)
    portal.smart_processes = _smart_processes(client, first_types)
    for command in _CATEGORY_CALLS:
        portal.hidden_categories[command.params["entityTypeId"]] = _hidden_categories(answers.pop(0))
    _add_catalogs(client, portal, answers.pop(0))
    for variant in _LIST_VARIANTS:
        _add_lists(client, portal, variant, answers.pop(0))
    return portal, [*answers, *client.batch_with_retries(field_calls[room:], attempts=DISCOVERY_ATTEMPTS)]


def _clock(client: Client) -> datetime:
    """Return the portal's time at the first request, in whole seconds; this machine's if the answer has none."""
    clock = client.first_answer.get("date_start")
    return parse_bookmark(clock) if isinstance(clock, str) else datetime.now(UTC).replace(microsecond=0)


def _require_any_scope(portal: PortalInfo) -> None:
    if portal.scopes is not None and not any(entity.scope and is_allowed(portal, entity) for entity in ENTITIES):
        known = ", ".join(sorted({entity.scope[0] for entity in ENTITIES if entity.scope}))
        msg = f"The credentials have no scope this tap reads: tick some of {known} in the portal."
        raise SettingsError(msg)


def _all_rows(client: Client, list_spec: ListSpec, answer: Result | PortalError, *, by_id: bool = False) -> list[Row]:
    """Return all rows of a list; none if its first page is an error, those before it if a later one is.

    Args:
        client: Requests the further pages.
        list_spec: The list.
        answer: The answer with its first page.
        by_id: Request pages after the largest id, not by offset.
    """
    rows: dict[str, Row] = {}
    key = list_spec.endpoint.key
    while isinstance(answer, Result):
        page = rest_v2.page(list_spec, answer).rows
        before = len(rows)
        rows |= {str(row[key]): row for row in page}
        if len(page) < list_spec.endpoint.page_size or len(rows) == before:
            break
        if by_id:
            request = PageRequest(list_spec=list_spec, after=max(int(row[key]) for row in page))
        else:
            request = PageRequest(list_spec=list_spec, offset=len(rows))
        (answer,) = client.batch_with_retries(rest_v2.commands(request), attempts=DISCOVERY_ATTEMPTS)
    return list(rows.values())


def _add_catalogs(client: Client, portal: PortalInfo, answer: Result | PortalError) -> None:
    """Add the catalogs of products and of variations; the latter name a catalog of products the list may not show."""
    products: set[int] = set()
    for row in _all_rows(client, ListSpec(CATALOGS.endpoint), answer):
        number, products_of = int(row.get("iblockId") or row["id"]), row.get("productIblockId")
        if products_of:
            portal.offer_iblocks.append(number)
        products.add(int(products_of or number))
    portal.product_iblocks = sorted(products)


def _add_lists(client: Client, portal: PortalInfo, variant: ListVariant, answer: Result | PortalError) -> None:
    for row in _all_rows(client, ListSpec(LISTS.endpoint, params=variant.params), answer):
        universal_list = UniversalList(str(variant.params["IBLOCK_TYPE_ID"]), str(row.get("NAME") or ""))
        portal.universal_lists.setdefault(int(row["ID"]), universal_list)


def _scopes(answer: Result | PortalError) -> frozenset[str] | None:
    if isinstance(answer, Result) and isinstance(answer.value, list):
        return frozenset(str(scope) for scope in answer.value)
    return None


def _smart_processes(client: Client, answer: Result | PortalError) -> dict[int, str]:
    """Return entityTypeId → title of all smart processes, given the answer with the first page of them."""
    rows = _all_rows(client, ListSpec(TYPES.endpoint), answer, by_id=True)
    return {int(row["entityTypeId"]): str(row.get("title") or "") for row in rows}


def _hidden_categories(answer: Result | PortalError) -> list[int]:
    """Return the categories whose contacts or companies the classic method does not list: all but 0."""
    if isinstance(answer, PortalError):
        return []
    rows = rest_v2.page(ListSpec(CATEGORIES.endpoint), answer).rows
    return [int(row["id"]) for row in rows if int(row["id"]) > 0]
