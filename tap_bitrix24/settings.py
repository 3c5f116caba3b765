"""Settings: their JSON Schema, and checks that send no request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
from pendulum.parsing.exceptions import ParserError

from tap_bitrix24.auth.credentials import Credentials
from tap_bitrix24.auth.from_settings import FIXED_RATES, OAUTH, SITE, VIBECODE, WEBHOOK, credentials_from_settings
from tap_bitrix24.errors import SettingsError, unknown_name
from tap_bitrix24.redaction import Redactor
from tap_bitrix24.throttling.rate_limit import TARIFFS, Tariff

_SECRET: Mapping[str, Any] = {"secret": True, "writeOnly": True}

PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "webhook_url": {
        "type": ["string", "null"],
        **_SECRET,
        "title": "Webhook URL",
        "description": "Inbound webhook, e.g. https://example.bitrix24.com/rest/1/secret/ (contains the secret)",
    },
    "portal_url": {"type": ["string", "null"], "description": "OAuth: address of the portal"},
    "client_id": {"type": ["string", "null"], "description": "OAuth: id of the application"},
    "client_secret": {"type": ["string", "null"], **_SECRET, "description": "OAuth: key of the application"},
    "refresh_token": {
        "type": ["string", "null"],
        **_SECRET,
        "description": "OAuth: initial refresh token; tap-bitrix24-auth obtains one",
    },
    "token_file": {"type": ["string", "null"], "description": "OAuth: file that stores the renewed refresh token"},
    "oauth_token_url": {
        "type": ["string", "null"],
        "description": "OAuth: address that renews tokens, if not the vendor's",
    },
    "vibecode_api_key": {"type": ["string", "null"], **_SECRET, "description": "VibeCode: API key"},
    "vibecode_url": {
        "type": ["string", "null"],
        "description": "VibeCode: address of the service, if not the vendor's",
    },
    "site_url": {"type": ["string", "null"], "description": "Site API: address of a 1C-Bitrix site"},
    "site_api_key": {"type": ["string", "null"], **_SECRET, "description": "Site API: key (header X-API-Key)"},
    "site_openapi_path": {"type": ["string", "null"], "description": "Site API: path of its OpenAPI document"},
    "site_endpoints": {
        "type": ["array", "string", "null"],
        "items": {"type": "string"},
        "description": "Site API: paths of paged lists missing from its OpenAPI document, e.g. /api/v1/products",
    },
    "start_date": {
        "type": ["string", "null"],
        "description": "Skip rows last modified before this date (ISO 8601; UTC unless it has an offset)",
    },
    "lookback_seconds": {
        "type": ["integer", "null"],
        "default": 300,
        "description": "Seconds before the bookmark that every run reads again",
    },
    "plan": {
        "type": ["string", "null"],
        "default": "standard",
        "enum": [*TARIFFS, None],
        "description": "The portal's tariff, which limits the request rate (standard 2/s, burst 50; enterprise 5/s, "
        "burst 250). The rate of a self-hosted portal follows its response time unless this is set",
    },
    "max_concurrency": {
        "type": ["integer", "null"],
        "default": 4,
        "description": "Maximum number of requests in flight",
    },
    "request_timeout": {
        "type": ["number", "null"],
        "default": 75,
        "description": "Seconds to wait for an answer (the portal itself ends a request after 60)",
    },
    "crm_methods": {
        "type": ["string", "null"],
        "default": "classic",
        "enum": ["classic", "universal", None],
        "description": "Read leads, deals, contacts, companies and quotes with their own methods or with crm.item.list",
    },
    "child_sweep_hours": {
        "type": ["integer", "null"],
        "default": 24,
        "description": "Read children of unchanged parents again after this many hours",
    },
    "detect_deletes": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Detect deleted rows (not available yet)",
    },
    "ca_bundle": {
        "type": ["string", "null"],
        "description": "File of CA certificates (PEM) to trust instead of the system's",
    },
    "allow_http": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Allow http:// addresses other than this machine's",
    },
    "renamed_from": {
        "type": ["string", "null"],
        "description": "Former host of a portal that was renamed, e.g. old.bitrix24.com: its STATE and its tables "
        "are taken for this portal's",
    },
    "emit_activate_version_messages": {
        "type": ["boolean", "null"],
        "default": True,
        "description": "End full-table streams with ACTIVATE_VERSION, so that the target removes deleted rows",
    },
}
"""Setting → JSON Schema; the tables of settings in the documentation are generated from it."""

CONFIG_JSONSCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: dict(PROPERTIES[name]) for name in PROPERTIES},
}

_SDK_SETTINGS = frozenset(
    {
        "stream_maps",
        "stream_map_config",
        "faker_config",
        "flattening_enabled",
        "flattening_max_depth",
        "flattening_max_key_length",
        "sdk",
    }
)
_CONNECTIONS: Mapping[str, tuple[str, ...]] = {
    WEBHOOK: ("webhook_url",),
    OAUTH: ("portal_url", "client_id", "client_secret", "refresh_token"),
    VIBECODE: ("vibecode_api_key", "vibecode_url"),
    SITE: ("site_url", "site_api_key"),
}
_DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
"""The beginning of a start date; the parser alone would also accept `now` and `12:00`, whose day changes."""
_FORMER_HOST = re.compile(r"(https?://)?([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?(/(?!rest/)[\w.~-]+)*/?", re.IGNORECASE)
"""A host, with port and path if it has them; no path of a webhook, which would hold a secret."""
_MAXIMUM = 10**9
"""Largest whole number accepted, 31 years in seconds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings."""

    connection: str
    """Name of the connection: `webhook`, `OAuth`, `VibeCode` or `site API`."""
    credentials: Credentials
    secrets: tuple[str, ...] = field(repr=False)
    """Values that must never be printed."""
    start_date: datetime | None
    lookback: timedelta
    tariff: Tariff
    tariff_fixed: bool
    """Whether the tariff applies to a self-hosted portal, too."""
    max_concurrency: int
    """Maximum number of requests in flight."""
    request_timeout: float
    universal: bool
    """Whether leads, deals, contacts, companies and quotes are read with crm.item.list."""
    verify: str | bool
    """File of trusted CA certificates, or True for the system's."""
    site_document: str
    """Path of a site's OpenAPI document."""
    site_endpoints: tuple[str, ...]
    """Paths of its lists that the document does not describe."""
    token_file: Path | None
    """File that stores the tokens of an OAuth application."""
    sweep: timedelta
    """Time after which the children of all parents are read again."""
    former_addresses: tuple[str, ...]
    """Addresses that mean this portal, too: the one configured, which may redirect, and `renamed_from`."""


def check(config: Mapping[str, Any], *, plan_is_set: bool = True) -> Settings:
    """Return the checked settings; sends no request.

    Args:
        config: The settings.
        plan_is_set: Whether the user set `plan`; if not, its value is a default that the SDK filled in.

    Raises:
        SettingsError: A setting is wrong; the text, one line, names it and says what to do.
    """
    given = {name: value for name, value in config.items() if value not in (None, "")}
    _require_known(given)
    connection = _connection(given)
    credentials, secrets = credentials_from_settings(connection, given, allow_http=_flag(given, "allow_http"))
    ca_bundle = given.get("ca_bundle")
    if ca_bundle is not None and not Path(str(ca_bundle)).is_file():
        msg = f"ca_bundle: there is no file {_shown(ca_bundle)}."
        raise SettingsError(msg)
    if given.get("detect_deletes", False) is not False:
        msg = "detect_deletes is not available in this version: remove it or set it to false."
        raise SettingsError(msg)
    return Settings(
        connection=connection,
        credentials=credentials,
        secrets=secrets,
        start_date=_date(given.get("start_date")),
        lookback=timedelta(seconds=_whole_number(given, "lookback_seconds", 300, low=0)),
        tariff=FIXED_RATES.get(connection) or TARIFFS[_one_of(given, "plan", tuple(TARIFFS))],
        tariff_fixed=connection in FIXED_RATES or (plan_is_set and "plan" in given),
        max_concurrency=_whole_number(given, "max_concurrency", 4, low=1),
        request_timeout=float(_number(given, "request_timeout", 75.0)),
        universal=_one_of(given, "crm_methods", ("classic", "universal")) == "universal",
        verify=str(ca_bundle) if ca_bundle else True,
        site_document=_path(given, "site_openapi_path", "/api/docs"),
        site_endpoints=_paths(given, "site_endpoints"),
        token_file=Path(str(given["token_file"])) if "token_file" in given else None,
        sweep=timedelta(hours=_whole_number(given, "child_sweep_hours", 24, low=1)),
        former_addresses=(credentials.portal_url, *_former_host(given)),
    )


def _require_known(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in PROPERTIES and name not in _SDK_SETTINGS:
            raise SettingsError(unknown_name("setting", name, (*PROPERTIES, *sorted(_SDK_SETTINGS))))


def _connection(given: Mapping[str, Any]) -> str:
    """Return the only connection whose settings are given."""
    configured: dict[str, list[str]] = {}
    for connection, names in _CONNECTIONS.items():
        if present := [name for name in names if name in given]:
            configured[connection] = present
    if not configured:
        msg = "No credentials: set webhook_url (Bitrix24 > Developer resources > Other > Inbound webhook)."
        raise SettingsError(msg)
    if len(configured) > 1:
        (kept, kept_names), *others = configured.items()
        dropped = ", ".join(name for _, names in others for name in names)
        msg = (
            f"Two connections are configured; keep {kept} ({', '.join(kept_names)}) and drop {dropped}, or the reverse."
        )
        raise SettingsError(msg)
    return next(iter(configured))


def _shown(value: Any) -> str:
    """Return a value for a message: on one line, without the secret of a webhook pasted into the wrong setting."""
    return Redactor().clean(repr(value))


def _date(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = pendulum.parse(value, strict=True) if isinstance(value, str) and _DAY_FIRST.match(value) else None
    except (ParserError, ValueError):
        parsed = None
    if not isinstance(parsed, pendulum.DateTime):
        msg = f"start_date {_shown(value)} is not a date: write it like 2025-01-31 or 2025-01-31T09:00:00+03:00."
        raise SettingsError(msg)
    return datetime.fromtimestamp(parsed.timestamp(), UTC)


def _whole_number(given: Mapping[str, Any], name: str, default: int, *, low: int) -> int:
    value = given.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= _MAXIMUM:
        msg = f"{name} must be a whole number from {low} to {_MAXIMUM}, not {_shown(value)}."
        raise SettingsError(msg)
    return value


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        msg = f"{name} must be a number of seconds above 0, not {_shown(value)}."
        raise SettingsError(msg)
    return number


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        msg = f"{name} must be true or false, not {_shown(value)}."
        raise SettingsError(msg)
    return value


def _former_host(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the host in `renamed_from`, if it is set."""
    if (value := given.get("renamed_from")) is None:
        return ()
    if not isinstance(value, str) or not _FORMER_HOST.fullmatch(value.strip()):
        msg = f"renamed_from must be the portal's former host, like old.bitrix24.com, not {_shown(value)}."
        raise SettingsError(msg)
    return (value.strip(),)


def _path(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not re.fullmatch(r"/[^\s?#]*", value):
        msg = f"{name} must be a path like {default}, not {_shown(value)}."
        raise SettingsError(msg)
    return value


def _paths(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the paths of a list, or of text with commas (an environment variable)."""
    value = given.get(name, [])
    paths = value.split(",") if isinstance(value, str) else value
    if not isinstance(paths, list):
        msg = f"{name} must be a list of paths like /api/v1/products, not {_shown(value)}."
        raise SettingsError(msg)
    return tuple(
        _path({name: path.strip() if isinstance(path, str) else path}, name, "/api/v1/products") for path in paths
    )


def _one_of(given: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = given.get(name, choices[0])
    if value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}, not {_shown(value)}."
        raise SettingsError(msg)
    return str(value)
