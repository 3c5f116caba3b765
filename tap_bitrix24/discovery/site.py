"""What the API of a site has: its document describes the lists, and settings name those it leaves out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tap_bitrix24.client import FIRST_REQUEST_ATTEMPTS, Client
from tap_bitrix24.dialects import site
from tap_bitrix24.dialects.pagination import PageNumber
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.discovery.discovered import DiscoveredStream, build_stream, columns_of
from tap_bitrix24.entities import FIELDS, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import PortalError, RejectedError, SettingsError, UnavailableError
from tap_bitrix24.model.endpoint import SITE, Endpoint, ListSpec, ReplicationKey
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Command
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.schema.columns import ANY
from tap_bitrix24.schema.openapi import PagedList, key_of, paged_lists, stream_name
from tap_bitrix24.settings import Settings

LOG = logging.getLogger("tap-bitrix24.discovery")


def preflight(client: Client, settings: Settings) -> PortalInfo:
    """The first request of every run: the document, whose lists are the streams.

    Raises:
        SettingsError: The site can't be reached, refuses the key, or describes no list.
    """
    try:
        lists = _lists(client, settings)
    except PortalError as error:
        raise SettingsError(str(error)) from error
    if not lists:
        msg = "The site's document describes no paged list with a key: name lists in site_endpoints."
        raise SettingsError(msg)
    clock = parsedate_to_datetime(client.first_date) if client.first_date else datetime.now(UTC)
    portal = PortalInfo(clock.astimezone(UTC).replace(microsecond=0), start_date=settings.start_date)
    portal.entities = {each.stream: (_entity(each), each.fields) for each in lists}
    return portal


def discover(client: Client, settings: Settings) -> tuple[PortalInfo, Sequence[DiscoveredStream]]:
    """All lists with their columns; takes no request more."""
    portal = preflight(client, settings)
    found = [
        DiscoveredStream(
            name, entity, columns_of(entity, name, fields, swept=False), {each.name: each for each in fields}
        )
        for name, (entity, fields) in portal.entities.items()
    ]
    described = build_stream(FIELDS, FIELDS.stream, [])
    return portal, [*found, *([described] if described else [])]


def entity(stream: str, portal: PortalInfo) -> Entity | None:
    """The row of the table a stream has: the table is the document."""
    if stream == FIELDS.stream:
        return FIELDS
    known: tuple[Entity, Sequence[Field]] | None = portal.entities.get(stream)
    return known[0] if known else None


def _lists(client: Client, settings: Settings) -> list[PagedList]:
    """Those of the document, and those the settings name."""
    try:
        told = client.call(Command(settings.site_document, {}, SITE), attempts=FIRST_REQUEST_ATTEMPTS).value
    except (RejectedError, UnavailableError) as error:
        if not settings.site_endpoints:
            raise
        LOG.info("no document: %s", error)
        told = {}
    described = paged_lists(told) if isinstance(told, Mapping) else []
    paths = {each.path for each in described}
    named = [_first_page(client, path) for path in settings.site_endpoints if path not in paths]
    return [*described, *named]


def _first_page(client: Client, path: str) -> PagedList:
    """A list nobody describes: the names of its columns are those in its first page, their types are not known.

    Raises:
        SettingsError: Nothing in its rows tells them apart.
    """
    drawn = PagedList(path, stream_name(path), "id", ())
    source = ListSpec(_entity(drawn).endpoint)
    (command,) = site.commands(PageRequest(list_spec=source, offset=0))
    rows = site.page(source, client.call(command, attempts=FIRST_REQUEST_ATTEMPTS)).rows
    names = list(dict.fromkeys(name for row in rows for name in row))
    key = key_of(names, drawn.stream)
    if not key:
        msg = f"site_endpoints: the rows of {path} have no id, xml_id, code, uuid or guid to tell them apart."
        raise SettingsError(msg)
    return PagedList(path, drawn.stream, key, tuple(Field(name, type=ANY) for name in names))


def _entity(each: PagedList) -> Entity:
    paging = PageNumber(each.page, each.limit, each.since)
    endpoint = Endpoint(
        each.path,
        paging,
        listed,
        "items",
        each.key,
        each.key,
        page_size=each.size,
        supports_chaining=False,
        dialect=SITE,
        batchable=False,
    )
    return Entity(
        stream=each.stream,
        scope=(),
        endpoint=endpoint,
        primary_key=(each.key,),
        selected_by_default=True,
        replication_key=ReplicationKey(each.replication_key, each.since) if each.since else None,
    )
