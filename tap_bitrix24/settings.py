"""Settings: the contract, its JSON Schema, and checks that need no portal and send nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pendulum
from pendulum.parsing.exceptions import ParserError

from tap_bitrix24.auth.credentials import Credentials
from tap_bitrix24.auth.from_settings import FIXED_RATES, credentials_from_settings
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.redaction import Redactor
from tap_bitrix24.throttling.rate_limit import TARIFFS, Tariff

_SECRET: Mapping[str, Any] = {"secret": True, "writeOnly": True}

PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "webhook_url": {
        "type": ["string", "null"],
        **_SECRET,
        "title": "Webhook URL",
        "description": "Incoming webhook, e.g. https://example.bitrix24.com/rest/1/secret/ (the URL is the secret)",
    },
    "portal_url": {"type": ["string", "null"], "description": "OAuth: the portal's address"},
    "client_id": {"type": ["string", "null"], "description": "OAuth: the application's id"},
    "client_secret": {"type": ["string", "null"], **_SECRET, "description": "OAuth: the application's key"},
    "refresh_token": {
        "type": ["string", "null"],
        **_SECRET,
        "description": "OAuth: first refresh token; tap-bitrix24-auth gets one",
    },
    "token_file": {"type": ["string", "null"], "description": "OAuth: file that keeps the rotated refresh token"},
    "oauth_token_url": {"type": ["string", "null"], "description": "OAuth: token address, if not the vendor's"},
    "vibecode_api_key": {"type": ["string", "null"], **_SECRET, "description": "VibeCode: API key"},
    "vibecode_url": {"type": ["string", "null"], "description": "VibeCode: address, if not the vendor's"},
    "site_url": {"type": ["string", "null"], "description": "Site API: address of a 1C-Bitrix site"},
    "site_api_key": {"type": ["string", "null"], **_SECRET, "description": "Site API: key (header X-API-Key)"},
    "site_openapi_path": {"type": ["string", "null"], "description": "Site API: path of its OpenAPI document"},
    "site_endpoints": {
        "type": ["array", "string", "null"],
        "items": {"type": "string"},
        "description": "Site API: paths of paged lists its document leaves out, e.g. /api/v1/products",
    },
    "start_date": {
        "type": ["string", "null"],
        "description": "Leave out rows last modified before this date (ISO 8601; UTC unless it has an offset)",
    },
    "lookback_seconds": {
        "type": ["integer", "null"],
        "default": 300,
        "description": "Read this many seconds before the bookmark again",
    },
    "plan": {
        "type": ["string", "null"],
        "default": "standard",
        "enum": [*TARIFFS, None],
        "description": "The portal's tariff: its request rate (standard 2/s, burst 50; enterprise 5/s, burst 250). "
        "A self-hosted portal has none: it is paced by its response time, unless this is set",
    },
    "max_concurrency": {"type": ["integer", "null"], "default": 4, "description": "Requests in flight, at most"},
    "request_timeout": {
        "type": ["number", "null"],
        "default": 75,
        "description": "Seconds to wait for an answer (the portal gives a request up to 60)",
    },
    "crm_methods": {
        "type": ["string", "null"],
        "default": "classic",
        "enum": ["classic", "universal", None],
        "description": "Read leads, deals, contacts, companies and quotes by their own methods or by crm.item.list",
    },
    "child_sweep_hours": {
        "type": ["integer", "null"],
        "default": 24,
        "description": "Read children of unchanged parents again after this many hours",
    },
    "detect_deletes": {"type": ["boolean", "null"], "default": False, "description": "Look for deleted rows"},
    "ca_bundle": {"type": ["string", "null"], "description": "CA certificates (PEM) to trust instead of the system's"},
    "allow_http": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Allow http:// addresses other than this machine's own",
    },
    "emit_activate_version_messages": {
        "type": ["boolean", "null"],
        "default": True,
        "description": "End full-table streams with ACTIVATE_VERSION, so that the target drops rows that are gone",
    },
}
"""Setting → JSON Schema; the table in the README is made from it."""

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
    "webhook": ("webhook_url",),
    "OAuth": ("portal_url", "client_id", "client_secret", "refresh_token"),
    "VibeCode": ("vibecode_api_key", "vibecode_url"),
    "site API": ("site_url", "site_api_key"),
}
_DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
"""How a start date begins: the parser would also take `now` and `12:00`, which mean another day every day."""
_MOST = 10**9
"""No whole number is of use beyond it: 31 years of seconds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings."""

    connection: str
    """Which of the ways in: `webhook`, `OAuth`, `VibeCode`, `site API`."""
    credentials: Credentials
    secrets: tuple[str, ...] = field(repr=False)
    """Texts that must never be printed."""
    start_date: datetime | None
    lookback: timedelta
    tariff: Tariff
    tariff_fixed: bool
    """Whether it holds for a self-hosted portal, too."""
    max_concurrency: int
    """Requests under way at once, at most."""
    request_timeout: float
    universal: bool
    verify: str | bool
    site_document: str
    """Path of a site's OpenAPI document."""
    site_endpoints: tuple[str, ...]
    """Paths of its lists that no document describes."""
    token_file: Path | None
    """Where an application's tokens are kept."""
    sweep: timedelta
    """How old the last reading of all children may be."""


def check(config: Mapping[str, Any], *, plan_is_set: bool = True) -> Settings:
    """Check settings without a request.

    Args:
        config: The settings.
        plan_is_set: Whether `plan`, if it is there, is somebody's choice: the SDK fills in defaults.

    Raises:
        SettingsError: One line that says which setting is wrong and what to do.
    """
    given = {name: value for name, value in config.items() if value not in (None, "")}
    _known(given)
    way = _connection(given)
    door, secrets = credentials_from_settings(way, given, allow_http=_flag(given, "allow_http"))
    ca_bundle = given.get("ca_bundle")
    if ca_bundle is not None and not Path(str(ca_bundle)).is_file():
        msg = f"ca_bundle: there is no file {_shown(ca_bundle)}."
        raise SettingsError(msg)
    if given.get("detect_deletes", False) is not False:
        msg = "detect_deletes is not built yet in this version: leave it out or set it to false."
        raise SettingsError(msg)
    return Settings(
        connection=way,
        credentials=door,
        secrets=secrets,
        start_date=_date(given.get("start_date")),
        lookback=timedelta(seconds=_whole_number(given, "lookback_seconds", 300, low=0)),
        tariff=FIXED_RATES.get(way) or TARIFFS[_one_of(given, "plan", tuple(TARIFFS))],
        tariff_fixed=way in FIXED_RATES or (plan_is_set and "plan" in given),
        max_concurrency=_whole_number(given, "max_concurrency", 4, low=1),
        request_timeout=float(_number(given, "request_timeout", 75.0)),
        universal=_one_of(given, "crm_methods", ("classic", "universal")) == "universal",
        verify=str(ca_bundle) if ca_bundle else True,
        site_document=_path(given, "site_openapi_path", "/api/docs"),
        site_endpoints=_paths(given, "site_endpoints"),
        token_file=Path(str(given["token_file"])) if "token_file" in given else None,
        sweep=timedelta(hours=_whole_number(given, "child_sweep_hours", 24, low=1)),
    )


def _known(given: Mapping[str, Any]) -> None:
    known = [*PROPERTIES, *_SDK_SETTINGS]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "remove it."
            msg = f"There is no setting {name!r}: {hint}"
            raise SettingsError(msg)


def _connection(given: Mapping[str, Any]) -> str:
    opened = {door: [name for name in names if name in given] for door, names in _CONNECTIONS.items()}
    opened = {door: names for door, names in opened.items() if names}
    if not opened:
        msg = "No credentials: set webhook_url (Bitrix24 > Developer resources > Other > Inbound webhook)."
        raise SettingsError(msg)
    if len(opened) > 1:
        (kept, kept_names), *others = opened.items()
        names = ", ".join(name for _, names in others for name in names)
        msg = f"Two ways in are configured; keep {kept} ({', '.join(kept_names)}) and drop {names}, or the reverse."
        raise SettingsError(msg)
    return next(iter(opened))


def _shown(value: Any) -> str:
    """A value for a message: on one line, and no webhook even if pasted into the wrong setting."""
    return Redactor().clean(repr(value))


def _date(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = pendulum.parse(value, strict=True) if isinstance(value, str) and _DAY_FIRST.match(value) else None
    except (ParserError, ValueError):
        parsed = None
    if not isinstance(parsed, pendulum.DateTime):
        msg = f"start_date {_shown(value)} is no date: write it like 2025-01-31 or 2025-01-31T09:00:00+03:00."
        raise SettingsError(msg)
    return datetime.fromtimestamp(parsed.timestamp(), UTC)


def _whole_number(given: Mapping[str, Any], name: str, default: int, *, low: int) -> int:
    value = given.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= _MOST:
        msg = f"{name} must be a whole number from {low} to {_MOST}, not {_shown(value)}."
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


def _path(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not re.fullmatch(r"/[^\s?#]*", value):
        msg = f"{name} must be a path like {default}, not {_shown(value)}."
        raise SettingsError(msg)
    return value


def _paths(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Paths from a list, or from text with commas (an environment variable)."""
    value = given.get(name, [])
    each = value.split(",") if isinstance(value, str) else value
    if not isinstance(each, list):
        msg = f"{name} must be a list of paths like /api/v1/products, not {_shown(value)}."
        raise SettingsError(msg)
    return tuple(
        _path({name: path.strip() if isinstance(path, str) else path}, name, "/api/v1/products") for path in each
    )


def _one_of(given: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = given.get(name, choices[0])
    if value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}, not {_shown(value)}."
        raise SettingsError(msg)
    return str(value)
