"""Discovery of a site's API: its OpenAPI document describes the lists, settings name those the document lacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tap_bitrix24.client import Client
from tap_bitrix24.dialects import site
from tap_bitrix24.dialects.pagination import PageNumber
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.discovery.discovered import DiscoveredStream, Discovery, build_stream, columns_of
from tap_bitrix24.entities import FIELDS, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import MissingMethodError, RejectedError, SettingsError, UnavailableError
from tap_bitrix24.model.endpoint import SITE, Endpoint, ListSpec, ReplicationKey
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Command
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.schema.columns import ANY
from tap_bitrix24.schema.openapi import PagedList, key_of, paged_lists, stream_name
from tap_bitrix24.settings import Settings

LOG = logging.getLogger("tap-bitrix24.discovery")


def preflight(client: Client, settings: Settings) -> PortalInfo:
    """Return what the first request of every run tells: the OpenAPI document, whose lists are the streams.

    Raises:
        SettingsError: The site refuses the request, or describes no list.
        AccessError: It refuses the key.
        UnavailableError: It cannot be reached.
    """
    try:
        lists = _lists(client, settings)
    except (MissingMethodError, RejectedError) as error:
        raise SettingsError(str(error)) from error
    if not lists:
        msg = "The site's document describes no paged list with a key: name lists in site_endpoints."
        raise SettingsError(msg)
    clock = parsedate_to_datetime(client.first_date) if client.first_date else datetime.now(UTC)
    portal = PortalInfo(clock.astimezone(UTC).replace(microsecond=0), start_date=settings.start_date)
    portal.entities = {paged.stream: (_entity(paged), paged.fields) for paged in lists}
    return portal


def discover(client: Client, settings: Settings) -> tuple[PortalInfo, Discovery]:
    """Return the site and its streams; takes no requests beyond those of `preflight`."""
    portal = preflight(client, settings)
    streams = [
        DiscoveredStream(name, entity, columns_of(entity, name, fields), {field.name: field for field in fields})
        for name, (entity, fields) in portal.entities.items()
    ]
    return portal, Discovery([*streams, build_stream(FIELDS, FIELDS.stream, [])])


def entity(stream: str, portal: PortalInfo) -> Entity | None:
    """Return the entity of a stream of a catalog, made from the OpenAPI document; None if it has no such list."""
    if stream == FIELDS.stream:
        return FIELDS
    known: tuple[Entity, Sequence[Field]] | None = portal.entities.get(stream)
    return known[0] if known else None


def _lists(client: Client, settings: Settings) -> list[PagedList]:
    """Return the lists of the document, and those the settings name."""
    try:
        document = client.call(Command(settings.site_document, {}, SITE)).value
    except (RejectedError, UnavailableError) as error:
        if not settings.site_endpoints:
            raise
        LOG.info("no OpenAPI document: %s", error)
        document = {}
    described = paged_lists(document) if isinstance(document, Mapping) else []
    paths = {paged.path for paged in described}
    named = [_first_page(client, path) for path in settings.site_endpoints if path not in paths]
    return [*described, *named]


def _first_page(client: Client, path: str) -> PagedList:
    """Return a list that the document lacks: its columns are named by its first page, of unknown type.

    Raises:
        SettingsError: No column of its rows can be a key.
    """
    paged = PagedList(path, stream_name(path), "id", ())
    list_spec = ListSpec(_entity(paged).endpoint)
    (command,) = site.commands(PageRequest(list_spec=list_spec, offset=0))
    rows = site.page(list_spec, client.call(command)).rows
    names = list(dict.fromkeys(name for row in rows for name in row))
    key = key_of(names, paged.stream)
    if not key:
        msg = f"site_endpoints: the rows of {path} have no key: none of id, xml_id, code, uuid and guid."
        raise SettingsError(msg)
    return PagedList(path, paged.stream, key, tuple(Field(name, type=ANY) for name in names))


def _entity(paged: PagedList) -> Entity:
    pagination = PageNumber(paged.page, paged.limit, paged.since)
    endpoint = Endpoint(
        paged.path,
        pagination,
        listed,
        "items",
        paged.key,
        paged.key,
        page_size=paged.size,
        supports_chaining=False,
        dialect=SITE,
        batchable=False,
    )
    return Entity(
        stream=paged.stream,
        scope=(),
        endpoint=endpoint,
        primary_key=(paged.key,),
        selected_by_default=True,
        replication_key=ReplicationKey(paged.replication_key, paged.since) if paged.since else None,
    )
