"""Discovery of VibeCode: the service lists what a key may read, and each entity describes its fields."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from tap_bitrix24.client import Client
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.discovery.discovered import Discovery, build_stream, is_allowed
from tap_bitrix24.entities import OWN_STREAMS, Entity, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo, Unread
from tap_bitrix24.entities.vibecode import (
    READ_OTHERWISE,
    VIBECODE_ENTITIES,
    VIBECODE_LISTS,
    VIBECODE_SMART_PROCESSES,
    unlisted_entity,
)
from tap_bitrix24.errors import MissingMethodError, PortalError, RejectedError, SettingsError, UntrustedError
from tap_bitrix24.model.endpoint import VIBECODE, Row
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.records.dates import offset_of
from tap_bitrix24.replication.validation import parse_datetime
from tap_bitrix24.settings import Settings

LOG = logging.getLogger("tap-bitrix24.discovery")
_SMART_PROCESSES = frozenset({"items", "smart-processes"})
"""Names by which a key opens smart processes: their items, or their types; keys may name only one of the two."""
_WITH_OFFSET = ("contacts", "companies", "leads", "activities", "invoices")
"""Lists whose date-times are written with the portal's offset; those of others are in UTC."""
_EXPIRY_WARNING = timedelta(days=7)
"""How long before the key expires to warn of it."""


def preflight(client: Client, settings: Settings) -> PortalInfo:
    """Return what the first request of every run tells: the key's scopes and entities. Its answer is never logged.

    Raises:
        SettingsError: The service refuses the request, or the tap has no use for the key's scopes.
        AccessError: The key is not valid.
        UnavailableError: The service cannot be reached.
    """
    try:
        value = client.call(Command("/me", {}, VIBECODE)).value["data"]
    except (MissingMethodError, RejectedError) as error:
        raise SettingsError(str(error)) from error
    facts = value if isinstance(value, Mapping) else {}
    if facts.get("type") == "management":
        msg = "A management key cannot read lists: set vibecode_api_key to a personal key (vibe_api_…)."
        raise SettingsError(msg)
    clock = parsedate_to_datetime(client.first_date) if client.first_date else datetime.now(UTC)
    scopes = facts.get("scopes")
    known = frozenset(str(scope) for scope in scopes) if isinstance(scopes, list) else None
    portal = PortalInfo(clock.astimezone(UTC).replace(microsecond=0), known, start_date=settings.start_date)
    portal.domain = str(facts.get("portal") or "")
    if not portal.domain:
        LOG.warning("the key names no portal: STATE or a DuckDB file of another portal would not be recognized")
    portal.entities = dict(_at(facts, "api", "entityApi", "entities") or {})
    _warn_of_expiry(facts.get("expiresAt"), portal.clock)
    rate = _at(facts, "rateLimit", "requestsPerSecond")
    if isinstance(rate, (int, float)) and rate > 0:
        client.rate_limiter.set_spacing(float(rate))
    if portal.scopes is not None and not any(is_allowed(portal, entity) for entity in VIBECODE_ENTITIES):
        msg = f"The key has no scope this tap reads: tick some of {', '.join(sorted(_scopes()))}."
        raise SettingsError(msg)
    if not portal.entities or not _SMART_PROCESSES.isdisjoint(portal.entities):
        portal.smart_processes = _smart_processes(client)
    portal.offset = _offset(client, portal)
    return portal


def discover(client: Client, settings: Settings) -> tuple[PortalInfo, Discovery]:
    """Return the service and its streams, with the fields of all entities the key lists."""
    portal = preflight(client, settings)
    offered = [each for each in _offered(portal.without_unread()) if is_allowed(portal, each[1])]
    calls = [Command(entity.fields.method, params, VIBECODE) for _, entity, params in offered if entity.fields.method]
    answers = iter(client.batch_with_retries([_in_batch(call) for call in calls]))
    found = Discovery()
    for name, entity, _ in offered:
        descriptions = [_description(next(answers))] if entity.fields.method else []
        found.add(entity, name, descriptions)
    if isinstance(unread := portal.smart_processes, Unread):
        found.note(f"{VIBECODE_SMART_PROCESSES.stream}*", unread.error, selected_by_default=True)
    found.streams += [build_stream(entity, entity.stream, []) for entity in OWN_STREAMS]
    return portal, found


def entity(stream: str, portal: Callable[[], PortalInfo]) -> Entity | None:
    """Return the entity of a stream of a catalog; made ad hoc for a list that only the service knows."""
    known = find_entity(stream, VIBECODE)
    name = stream.replace("_", "-")
    return unlisted_entity(name) if known is None and name in portal().entities else known


def _offered(portal: PortalInfo) -> Iterator[tuple[str, Entity, Mapping[str, Any]]]:
    """Yield name, entity and parameters of each stream whose entity the key lists; of all, if it lists none.

    Entities the tap does not know are offered, too, but not selected by default.
    """
    missing: list[str] = []
    for entity in VIBECODE_ENTITIES:
        if entity is VIBECODE_SMART_PROCESSES:
            for number in sorted(portal.smart_processes):
                yield f"{entity.stream}{number}", entity, {"entityTypeId": number}
        elif portal.entities and entity in VIBECODE_LISTS and _entity_name(entity) not in portal.entities:
            missing.append(entity.stream)
        else:
            yield entity.stream, entity, {}
    if missing:
        LOG.info("streams skipped, because the key does not list them: %s", ", ".join(missing))
    known = {*READ_OTHERWISE, *map(_entity_name, VIBECODE_ENTITIES)}
    for name in sorted(name for name, path in portal.entities.items() if known.isdisjoint({name, _path_name(path)})):
        entity = unlisted_entity(name)
        LOG.info("%s: a list this version does not know, offered and not selected", entity.stream)
        yield entity.stream, entity, {}


def _entity_name(entity: Entity) -> str:
    return entity.endpoint.method.strip("/").partition("/")[0]


def _path_name(path: Any) -> str:
    """Return the list a path of `/v1/me` leads to (`/v1/posts`): its name may be another one."""
    return str(path).strip("/").removeprefix("v1/").partition("/")[0]


def _in_batch(call: Command) -> Command:
    """Return a call as a batch takes it: with the type of items as a parameter, not in the path."""
    return Command(call.method.replace("/{entityTypeId}", ""), call.params, call.dialect)


def _description(answer: Result | PortalError) -> Result | PortalError:
    """Return the description of fields without its envelope."""
    return Result(answer.value.get("data")) if isinstance(answer, Result) else answer


def _smart_processes(client: Client) -> Mapping[int, str]:
    """Return entityTypeId → title of all smart processes; the service lists them on one page.

    An empty list is asked for twice, because streams are left out for it; an answer without a list leaves them unknown.
    """
    types = Command("/smart-processes", {}, VIBECODE)
    rows: Sequence[Row] | None = None
    for _ in range(2):
        try:
            rows = listed(client.call(types).value["data"])
        except (MissingMethodError, RejectedError) as error:
            LOG.warning("smart processes: %s", error)
            return Unread(error)
        if rows:
            break
    if rows is None:
        text = f"{types.method}: the answer is not a list of smart processes"
        return Unread(UntrustedError(text, method=types.method))
    return {int(row["entityTypeId"]): str(row.get("title") or "") for row in rows}


def _offset(client: Client, portal: PortalInfo) -> timedelta | None:
    """Return the portal's offset from UTC, by the date-times of one row; None if no list tells.

    The service writes midnights of the portal's dates in UTC: far from Greenwich they do not say which day they are of.
    """
    for name in _WITH_OFFSET:
        if portal.entities and name not in portal.entities:
            continue
        try:
            rows = client.call(Command(f"/{name}", {"limit": 1}, VIBECODE)).value["data"]
        except (MissingMethodError, RejectedError) as error:
            LOG.info("%s does not tell the portal's offset: %s", name, error)
            continue
        if (
            isinstance(rows, list)
            and (offset := offset_of(row for row in rows if isinstance(row, Mapping))) is not None
        ):
            return offset
    return None


def _warn_of_expiry(expires_at: Any, clock: datetime) -> None:
    if not isinstance(expires_at, str):
        return
    try:
        left = parse_datetime(expires_at) - clock
    except ValueError:
        return
    if left < _EXPIRY_WARNING:
        LOG.warning("the VibeCode key expires on %s: create another", expires_at[:10])


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _scopes() -> set[str]:
    return {scope for entity in VIBECODE_ENTITIES for scope in entity.scope[:1]}
