"""The ways into a portal: for each, what it speaks, how it is discovered, and which table its streams stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tap_bitrix24.auth.from_settings import OAUTH, WEBHOOK
from tap_bitrix24.auth.from_settings import SITE as OWN
from tap_bitrix24.auth.from_settings import VIBECODE as SERVICE
from tap_bitrix24.client import Client
from tap_bitrix24.dialects import Dialect, rest_v2, rest_v3, site, vibecode
from tap_bitrix24.discovery import rest as discovery
from tap_bitrix24.discovery import site as discovery_site
from tap_bitrix24.discovery import vibecode as discovery_vibecode
from tap_bitrix24.discovery.discovered import DiscoveredStream
from tap_bitrix24.entities import Entity, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.model.endpoint import REST_2, REST_3, SITE, VIBECODE
from tap_bitrix24.settings import Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """What stands behind a door."""

    dialects: Mapping[str, Dialect]
    preflight: Callable[[Client, Settings], PortalInfo]
    """A run's first request: is the door open, and what does the portal tell of itself."""
    discover: Callable[[Client, Settings], tuple[PortalInfo, Sequence[DiscoveredStream]]]
    """That, and all streams there are."""
    entity: Callable[[str, Callable[[], PortalInfo]], Entity | None]
    """The row of the table a stream of a catalog belongs to; the portal is asked only where the table depends on it."""
    max_concurrency: int | None = None
    """Requests in flight, at most, whatever the settings say."""


REST = Connection(
    dialects={REST_2: rest_v2, REST_3: rest_v3},
    preflight=lambda client, settings: discovery.preflight(client, settings.start_date),
    discover=lambda client, settings: discovery.discover(client, settings.start_date),
    entity=lambda stream, _: find_entity(stream),
)
"""Classic REST, and REST 3.0 where the portal has it."""

SITE_API = Connection(
    dialects={SITE: site},
    preflight=discovery_site.preflight,
    discover=discovery_site.discover,
    entity=lambda stream, portal: discovery_site.entity(stream, portal()),
    max_concurrency=2,
)
"""The API a developer has given a 1C-Bitrix site."""

VIBE_CODE = Connection(
    dialects={VIBECODE: vibecode},
    preflight=discovery_vibecode.preflight,
    discover=discovery_vibecode.discover,
    entity=discovery_vibecode.entity,
    max_concurrency=2,
)
"""The VibeCode service; it lets two requests in at once, and others wait in its queue."""

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
        "those of one of the two above",
        "main, humanresources, timeman, call, mail, note, tasks: what a portal has of it is found out",
    ),
    ("VibeCode", "`vibecode_api_key`", "a personal key (vibe_api_…), read-only is enough: the same scopes"),
    ("site API", "`site_url`, `site_api_key`", "nothing: the key is the site's own, and so is its OpenAPI document"),
)
"""Door, settings, what to tick in the portal; told by `--about` and in the README."""

CONNECTIONS: Mapping[str, Connection] = {WEBHOOK: REST, OAUTH: REST, SERVICE: VIBE_CODE, OWN: SITE_API}
