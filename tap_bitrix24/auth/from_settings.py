"""Settings → the door they open: addresses are checked, secrets are never repeated."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tap_bitrix24.auth.credentials import ApiKey, Credentials, Webhook
from tap_bitrix24.auth.oauth import VENDOR, Application, FileTokenStore, MemoryTokenStore, OAuth
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.throttling.rate_limit import Tariff

LOG = logging.getLogger("tap-bitrix24")
WEBHOOK, OAUTH, VIBECODE, SITE = "webhook", "OAuth", "VibeCode", "site API"
"""The four ways in."""
FIXED_RATES: Mapping[str, Tariff] = {VIBECODE: Tariff(40, 4.0), SITE: Tariff(10, 1.5)}
"""Requests at once and per second where no tariff says so: fewer than 300 and 100 in any minute."""
VIBECODE_URL = "https://vibecode.bitrix24.tech"

_WEBHOOK = re.compile(r"(?P<root>.*?/rest)/(?P<user>\d+)/(?P<secret>[^/]+)/?(?:[a-z0-9_.]*)?/?", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)


def credentials_from_settings(
    way: str, given: Mapping[str, Any], *, allow_http: bool
) -> tuple[Credentials, tuple[str, ...]]:
    """The door the settings open, and the secrets among them.

    Args:
        way: Which of the four ways in.
        given: Settings that are there.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: An address or a key is malformed, or one is missing.
    """
    if way == WEBHOOK:
        door = webhook(given["webhook_url"], allow_http=allow_http)
        return door, (door.secret,)
    if way == OAUTH:
        return _application(given, allow_http=allow_http)
    if way == VIBECODE:
        if "vibecode_api_key" not in given:
            msg = "VibeCode takes vibecode_api_key as well."
            raise SettingsError(msg)
        url = given.get("vibecode_url", VIBECODE_URL)
        host, path = address("vibecode_url", url, VIBECODE_URL, allow_http=allow_http)
        root = f"{path.removesuffix('/v1')}/v1"
        key = ApiKey(host, root, "X-Api-Key", _key("vibecode_api_key", given["vibecode_api_key"]))
        return key, (key.secret,)
    if missing := [name for name in ("site_url", "site_api_key") if name not in given]:
        msg = f"The site API takes {missing[0]} as well."
        raise SettingsError(msg)
    host, _ = address("site_url", given["site_url"], "https://shop.example.com", allow_http=allow_http)
    key = ApiKey(host, "", "X-API-Key", _key("site_api_key", given["site_api_key"]))
    return key, (key.secret,)


def _key(name: str, value: Any) -> str:
    """A key as it goes into a header."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value.strip()):
        msg = f"{name} must be the key as it was given to you, without blanks."
        raise SettingsError(msg)
    return value.strip()


def _application(given: Mapping[str, Any], *, allow_http: bool) -> tuple[OAuth, tuple[str, ...]]:
    """The door of an OAuth application."""
    if missing := [name for name in ("portal_url", "client_id", "client_secret") if name not in given]:
        msg = f"OAuth takes {', '.join(missing)} as well: see the application's page in the portal."
        raise SettingsError(msg)
    if "refresh_token" not in given and "token_file" not in given:
        msg = "OAuth takes token_file (and tap-bitrix24-auth to fill it) or refresh_token."
        raise SettingsError(msg)
    portal = "".join(address("portal_url", given["portal_url"], "https://example.bitrix24.com", allow_http=allow_http))
    token_url = given.get("oauth_token_url", VENDOR)
    address("oauth_token_url", token_url, VENDOR, allow_http=allow_http)
    if "token_file" in given:
        store: FileTokenStore | MemoryTokenStore = FileTokenStore(Path(str(given["token_file"])))
    else:
        LOG.warning("without token_file the renewed refresh token is lost, and the next run can't sign in: set it")
        store = MemoryTokenStore()
    application = Application(str(given["client_id"]), str(given["client_secret"]), portal, str(token_url), allow_http)
    refresh_token = str(given.get("refresh_token", ""))
    return OAuth(application, store, refresh_token), tuple(filter(None, (application.client_secret, refresh_token)))


def webhook(url: Any, *, allow_http: bool = False) -> Webhook:
    """Read a webhook's URL.

    Args:
        url: As copied from the portal; a method name at its end is ignored.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: It is not one. The text never repeats the URL.
    """
    wanted = "webhook_url must look like https://example.bitrix24.com/rest/1/secret/"
    if not isinstance(url, str) or any(letter.isspace() for letter in url.strip()):
        msg = f"{wanted}, as copied from the portal (Developer resources > Inbound webhook)."
        raise SettingsError(msg)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingsError(f"{wanted}; host or port is malformed.") from None  # noqa: EM102, TRY003
    match = _WEBHOOK.fullmatch(parts.path)
    sound = parts.scheme in ("http", "https") and _HOST.fullmatch(_bracketed(parts.hostname)) and match
    if not sound or match is None or parts.username or parts.query or parts.fragment:
        msg = f"{wanted}, as copied from the portal (Developer resources > Inbound webhook)."
        raise SettingsError(msg)
    host = f"{parts.scheme}://{_bracketed(parts.hostname)}{f':{port}' if port else ''}"
    _check_scheme("webhook_url", parts.scheme, host, allow_http=allow_http)
    base = f"{host}{match['root']}/{match['user']}/{match['secret']}/"
    return Webhook(base, match["secret"], host)


def _bracketed(host: str | None) -> str:
    return f"[{host}]" if host and ":" in host else host or ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(name: str, url: Any, example: str, *, allow_http: bool) -> tuple[str, str]:
    """Read the address of a portal or site; returns scheme, host and port, and the path without a slash at its end.

    Args:
        name: The setting, for errors.
        url: Its value.
        example: How it should look.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: It is no such address.
    """
    msg = f"{name} must look like {example}, without user, query or fragment."
    if not isinstance(url, str):
        raise SettingsError(msg)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingsError(msg) from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(_bracketed(parts.hostname)):
        raise SettingsError(msg)
    if parts.username or parts.query or parts.fragment or re.search(r"\s", parts.path):
        raise SettingsError(msg)
    host = f"{parts.scheme}://{_bracketed(parts.hostname)}{f':{port}' if port else ''}"
    _check_scheme(name, parts.scheme, host, allow_http=allow_http)
    return host, parts.path.rstrip("/")


def _check_scheme(name: str, scheme: str, host: str, *, allow_http: bool) -> None:
    """Refuse what would send the secret in the clear."""
    loopback = is_loopback(urlsplit(host).hostname or "")
    if scheme == "http" and not allow_http and not loopback:
        msg = f"{name} uses http, which would send the secret in the clear to {host}: use https, or set allow_http."
        raise SettingsError(msg)
