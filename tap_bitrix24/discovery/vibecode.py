"""What a VibeCode key may read: it says so itself, and its entities describe their fields."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from tap_bitrix24.client import FIRST_REQUEST_ATTEMPTS, Client
from tap_bitrix24.discovery.discovered import DiscoveredStream, build_stream, is_allowed
from tap_bitrix24.entities import OWN_STREAMS, Entity, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.vibecode import LISTS, READ_OTHERWISE, SMART_PROCESSES, VIBECODE_ENTITIES, unlisted_entity
from tap_bitrix24.errors import MissingMethodError, PortalError, SettingsError
from tap_bitrix24.model.endpoint import VIBECODE
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.replication.validation import parse_datetime
from tap_bitrix24.settings import Settings

LOG = logging.getLogger("tap-bitrix24.discovery")
_SOON = timedelta(days=7)


def preflight(client: Client, settings: Settings) -> PortalInfo:
    """The first request of every run: is the key good, and what does it open. Its answer is never logged.

    Raises:
        SettingsError: The service can't be reached, or the key is of no use.
    """
    try:
        told = client.call(Command("/me", {}, VIBECODE), attempts=FIRST_REQUEST_ATTEMPTS).value["data"]
    except PortalError as error:
        raise SettingsError(str(error)) from error
    facts = told if isinstance(told, Mapping) else {}
    if facts.get("type") == "management":
        msg = "A management key reads nothing: set vibecode_api_key to a personal key (vibe_api_…)."
        raise SettingsError(msg)
    clock = parsedate_to_datetime(client.first_date) if client.first_date else datetime.now(UTC)
    scopes = facts.get("scopes")
    known = frozenset(str(scope) for scope in scopes) if isinstance(scopes, list) else None
    portal = PortalInfo(clock.astimezone(UTC).replace(microsecond=0), known, settings.start_date)
    portal.entities = dict(_at(facts, "api", "entityApi", "entities") or {})
    _tell_end(facts.get("expiresAt"), portal.clock)
    rate = _at(facts, "rateLimit", "requestsPerSecond")
    if isinstance(rate, (int, float)) and rate > 0:
        client.rate_limiter.set_spacing(float(rate))
    if portal.scopes is not None and not any(is_allowed(portal, each) for each in VIBECODE_ENTITIES):
        msg = f"The key has no scope this tap reads: tick some of {', '.join(sorted(_scopes()))}."
        raise SettingsError(msg)
    if not portal.entities or "smart-processes" in portal.entities:
        portal.smart_processes = _smart_processes(client)
    return portal


def discover(client: Client, settings: Settings) -> tuple[PortalInfo, Sequence[DiscoveredStream]]:
    """That, and the fields of all entities the key lists."""
    portal = preflight(client, settings)
    offered = [(name, each, params) for name, each, params in _offered(portal) if is_allowed(portal, each)]
    asked = [Command(each.fields.method, params, VIBECODE) for _, each, params in offered if each.fields.method]
    answers = iter(client.batch_with_retries([_batched(call) for call in asked], attempts=FIRST_REQUEST_ATTEMPTS))
    found: list[DiscoveredStream] = []
    for name, each, _ in offered:
        brought = [_described(next(answers))] if each.fields.method else []
        if (stream := build_stream(each, name, brought)) is not None:
            found.append(stream)
    own = [build_stream(each, each.stream, []) for each in OWN_STREAMS]
    return portal, [*found, *filter(None, own)]


def entity(stream: str, portal: Callable[[], PortalInfo]) -> Entity | None:
    """The row of the table a stream belongs to; made for the moment where only the key knows the list."""
    known = find_entity(stream, VIBECODE)
    name = stream.replace("_", "-")
    return unlisted_entity(name) if known is None and name in portal().entities else known


def _offered(portal: PortalInfo) -> Iterator[tuple[str, Entity, Mapping[str, Any]]]:
    """Streams whose entity the key lists; all, where it lists none. What it lists besides is offered as it is."""
    missing: list[str] = []
    for each in VIBECODE_ENTITIES:
        if portal.entities and each in LISTS and _entity_name(each) not in portal.entities:
            missing.append(each.stream)
        elif each is SMART_PROCESSES:
            for number in sorted(portal.smart_processes):
                yield f"{each.stream}{number}", each, {"entityTypeId": number}
        else:
            yield each.stream, each, {}
    if missing:
        LOG.info("left out, because the key does not list them: %s", ", ".join(missing))
    known = {*READ_OTHERWISE, *map(_entity_name, LISTS)}
    for name in sorted(portal.entities.keys() - known):
        each = unlisted_entity(name)
        LOG.info("%s: a list this version does not know, offered and not selected", each.stream)
        yield each.stream, each, {}


def _entity_name(each: Entity) -> str:
    return each.endpoint.method.strip("/").partition("/")[0]


def _batched(call: Command) -> Command:
    """In a batch the type of items is a parameter, not part of the path."""
    return Command(call.method.replace("/{entityTypeId}", ""), call.params, call.dialect)


def _described(answer: Result | PortalError) -> Result | PortalError:
    """The fields themselves: under `fields` or as they are."""
    return Result(answer.value.get("data")) if isinstance(answer, Result) else answer


def _smart_processes(client: Client) -> dict[int, str]:
    """EntityTypeId → title; they come all at once."""
    try:
        rows = client.call(Command("/smart-processes", {}, VIBECODE), attempts=FIRST_REQUEST_ATTEMPTS).value["data"]
    except MissingMethodError as error:
        LOG.info("no smart processes: %s", error)
        return {}
    return {int(row["entityTypeId"]): str(row.get("title") or "") for row in rows or ()}


def _tell_end(told: Any, clock: datetime) -> None:
    """Warn some days before a key ends."""
    if not isinstance(told, str):
        return
    try:
        left = parse_datetime(told) - clock
    except ValueError:
        return
    if left < _SOON:
        LOG.warning("the VibeCode key ends on %s: make another", told[:10])


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _scopes() -> set[str]:
    return {scope for each in VIBECODE_ENTITIES for scope in each.scope[:1]}
