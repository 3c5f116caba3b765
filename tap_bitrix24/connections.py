"""Connections to a portal: the dialects of each, its discovery, and the entities of its streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tap_bitrix24.auth import from_settings
from tap_bitrix24.auth.oauth import OAuth
from tap_bitrix24.client import Client
from tap_bitrix24.dialects import Dialect, rest_v2, rest_v3, site, vibecode
from tap_bitrix24.discovery import rest as discovery_rest
from tap_bitrix24.discovery import site as discovery_site
from tap_bitrix24.discovery import vibecode as discovery_vibecode
from tap_bitrix24.discovery.discovered import Discovery
from tap_bitrix24.entities import Entity, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.fingerprint import PortalFingerprint, portal_fingerprint
from tap_bitrix24.model.endpoint import REST_V2, REST_V3, SITE, VIBECODE
from tap_bitrix24.settings import Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """How a portal is read through one connection."""

    dialects: Mapping[str, Dialect]
    preflight: Callable[[Client, Settings], PortalInfo]
    """Sends a run's first request; checks the credentials and returns what the answer says of the portal."""
    discover: Callable[[Client, Settings], tuple[PortalInfo, Discovery]]
    """Returns the same, and all streams the portal offers."""
    entity: Callable[[str, Callable[[], PortalInfo]], Entity | None]
    """Returns the entity of a stream of a catalog; gets the portal only if the entities depend on it."""
    address: Callable[[Client, PortalInfo], str] = lambda client, _: client.portal_url
    """Returns the address of the portal itself; empty if unknown."""
    max_concurrency: int | None = None
    """Maximum number of requests in flight, whatever the settings say."""


REST = Connection(
    dialects={REST_V2: rest_v2, REST_V3: rest_v3},
    preflight=lambda client, settings: discovery_rest.preflight(
        client, settings.start_date, by_webhook=settings.connection == from_settings.WEBHOOK
    ),
    discover=lambda client, settings: discovery_rest.discover(
        client, settings.start_date, by_webhook=settings.connection == from_settings.WEBHOOK
    ),
    entity=lambda stream, _: find_entity(stream),
)
"""Classic REST, and REST 3.0 if the portal has it."""

SITE_API = Connection(
    dialects={SITE: site},
    preflight=discovery_site.preflight,
    discover=discovery_site.discover,
    entity=lambda stream, portal: discovery_site.entity(stream, portal()),
    max_concurrency=2,
)
"""The API of a 1C-Bitrix site, written by its developer."""

VIBE_CODE = Connection(
    dialects={VIBECODE: vibecode},
    preflight=discovery_vibecode.preflight,
    discover=discovery_vibecode.discover,
    entity=discovery_vibecode.entity,
    address=lambda _, portal: portal.domain,
    max_concurrency=2,
)
"""The VibeCode service; it handles two requests at a time, further ones wait in its queue."""

_LOCAL = (
    "Developer resources > Other > Local application: the same scopes, redirect address http://127.0.0.1:8025/; "
    "then run tap-bitrix24-auth"
)
CONNECTION_HELP: Sequence[tuple[str, str, str]] = (
    (
        "webhook",
        "`webhook_url`",
        "Developer resources > Other > Inbound webhook, by an administrator: tick crm, task, user, department …",
    ),
    ("OAuth", "`portal_url`, `client_id`, `client_secret`, `token_file`", _LOCAL),
    (
        "REST 3.0",
        "those of the webhook or of OAuth",
        "the scopes main, humanresources, timeman, call, mail, note, tasks: used if the portal has REST 3.0",
    ),
    ("VibeCode", "`vibecode_api_key`", "a personal key (vibe_api_…) with the same scopes; read-only is enough"),
    ("site API", "`site_url`, `site_api_key`", "nothing: the site has its own key and OpenAPI document"),
)
"""Connection, its settings, what to tick in the portal; shown by `--about` and in the documentation."""

CONNECTIONS: Mapping[str, Connection] = {
    from_settings.WEBHOOK: REST,
    from_settings.OAUTH: REST,
    from_settings.VIBECODE: VIBE_CODE,
    from_settings.SITE: SITE_API,
}
"""Connections by the names of `Settings.connection`."""


def fingerprint_of(portal: PortalInfo, client: Client, settings: Settings) -> PortalFingerprint:
    """Return the fingerprint of the portal, once its first answer has come: it may have moved, its id be known."""
    address = CONNECTIONS[settings.connection].address(client, portal)
    credentials = settings.credentials
    member_id = credentials.member_id if isinstance(credentials, OAuth) else ""
    return portal_fingerprint(address, member_id=member_id, former=settings.former_addresses)
