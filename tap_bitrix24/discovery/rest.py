"""Discovery of classic REST: the portal's field methods, called in batches, describe the columns of each stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tap_bitrix24.client import Client
from tap_bitrix24.discovery import rest_v3
from tap_bitrix24.discovery.discovered import (
    Discovery,
    is_allowed,
    is_for_others,
    parsed_fields,
)
from tap_bitrix24.discovery.first_request import AskedTwice, first_request
from tap_bitrix24.discovery.portal_lists import Question, request_answers
from tap_bitrix24.entities import ENTITIES, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.message import Command, Result

LOG = logging.getLogger("tap-bitrix24.discovery")


def preflight(client: Client, start_date: datetime | None = None, *, by_webhook: bool = False) -> PortalInfo:
    """Return what the first request of every run tells of the portal: scopes, clock, smart processes, catalogs, lists.

    Args:
        client: Sends the request.
        start_date: `start_date` of the settings.
        by_webhook: The credentials are a webhook's.

    Raises:
        SettingsError: The secret is wrong, or the tap has no use for any of the scopes.
        UnavailableError: The portal cannot be reached.
    """
    portal, _ = first_request(client, [], by_webhook=by_webhook)
    portal.start_date = start_date
    return portal


def discover(
    client: Client, start_date: datetime | None = None, *, by_webhook: bool = False
) -> tuple[PortalInfo, Discovery]:
    """Return the portal and its streams.

    All field methods are called in batches of 50: first those with fixed parameters, then those whose parameters depend
    on the first answers, such as the numbers of smart processes.

    Raises:
        SettingsError: As `preflight`.
        UnavailableError: Likewise.
    """
    first = _Descriptions(call for entity in ENTITIES for call in _fixed_calls(entity))
    portal, answers = first_request(client, first.questions(), by_webhook=by_webhook)
    portal.start_date = start_date
    known = portal.without_unread()
    allowed = [entity for entity in ENTITIES if is_allowed(portal, entity) and not is_for_others(portal, entity)]
    second = _Descriptions(call for entity in allowed for call in _portal_calls(entity, known))
    described = first.by_key(answers) | second.by_key(request_answers(client, second.questions()))
    found = Discovery()
    for entity in allowed:
        unread = _unread(entity, portal)
        if unread is not None:
            name = f"{entity.stream}*" if entity.template else entity.stream
            found.note(name, unread, selected_by_default=entity.selected_by_default)
        if unread is None or entity.template:
            for name, calls in _streams(entity, known):
                found.add(entity, name, [described[call.key] for call in calls])
    _tell_left_out(portal)
    rest_v3.discover(client, portal, found)
    return portal, found


def _unread(entity: Entity, portal: PortalInfo) -> PortalError | None:
    """Return why the calls that describe the entity's fields are not all known; None: they are."""
    try:
        _portal_calls(entity, portal)
    except PortalError as error:
        return error
    return None


def _tell_left_out(portal: PortalInfo) -> None:
    """Log the streams for which other credentials are needed; a warning for those that are selected by default."""
    if others := [entity.stream for entity in ENTITIES if is_for_others(portal, entity)]:
        LOG.info("streams left out, because their methods work for applications only: %s", ", ".join(others))
    missing: dict[str, list[str]] = {}
    for entity in ENTITIES:
        if entity.selected_by_default and not is_allowed(portal, entity):
            missing.setdefault(" or ".join(entity.scope), []).append(entity.stream)
    if missing:
        text = "; ".join(f"{scope} ({', '.join(streams)})" for scope, streams in missing.items())
        LOG.warning("streams skipped, because the credentials lack their scope: %s", text)


@dataclass(frozen=True, slots=True)
class _FieldCall:
    """A call that describes the fields of an entity."""

    entity: Entity
    command: Command
    required: bool = True
    """It describes all fields; False: it completes what another call says of user fields."""

    @property
    def key(self) -> str:
        """What the same call of another entity has, too."""
        return f"{self.command.method}?{json.dumps(self.command.params, sort_keys=True)}"


class _Descriptions:
    """Calls of field methods: several entities may need the same one, which is sent once."""

    def __init__(self, calls: Iterable[_FieldCall]) -> None:
        self._calls: dict[str, list[_FieldCall]] = {}
        for call in calls:
            self._calls.setdefault(call.key, []).append(call)

    def questions(self) -> list[Question]:
        """Return each call once."""
        return [Question(calls[0].command, _check(calls)) for calls in self._calls.values()]

    def by_key(self, answers: Sequence[Result | PortalError]) -> dict[str, Result | PortalError]:
        """Return the answers to the questions by the keys of their calls."""
        return dict(zip(self._calls, answers, strict=True))


def _check(calls: Sequence[_FieldCall]) -> Callable[[Result], None]:
    """Return the check of the answer to a call: it must describe the fields of all entities that need it."""
    twice = AskedTwice()

    def check(result: Result) -> None:
        for call in calls:
            fields = parsed_fields(call.entity, result.value, call.command.method, required=call.required)
            if call.required and not fields:
                twice(call.command.method)

    return check


def _fixed_calls(entity: Entity) -> list[_FieldCall]:
    """Return the calls that describe an entity's fields, and have the same parameters on every portal."""
    if entity.template is not None:
        return []
    described, method, user_fields = entity.fields, entity.fields.method, entity.fields.user_fields_method
    calls = [_FieldCall(entity, Command(method, described.params))] if method and described.variants is None else []
    return [*calls, *([_FieldCall(entity, Command(user_fields), required=False)] if user_fields else [])]


def _portal_calls(entity: Entity, portal: PortalInfo) -> list[_FieldCall]:
    """Return the calls that describe an entity's fields, one for each smart process, list or catalog of the portal."""
    if entity.template is not None:
        numbers = sorted(entity.template.instances(portal))
        variants = [entity.template.variant(number, portal).params for number in numbers]
    else:
        variants = list(entity.fields.variants(portal)) if entity.fields.variants else []
    return [_FieldCall(entity, Command(entity.fields.method, params)) for params in variants]


def _streams(entity: Entity, portal: PortalInfo) -> list[tuple[str, list[_FieldCall]]]:
    """Return the names of an entity's streams, each with the calls that describe its fields."""
    calls = _portal_calls(entity, portal)
    if entity.template is None:
        return [(entity.stream, [*_fixed_calls(entity), *calls])]
    numbers = sorted(entity.template.instances(portal))
    return [(f"{entity.stream}{number}", [call]) for number, call in zip(numbers, calls, strict=True)]
