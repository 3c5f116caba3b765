"""Settings → credentials: addresses and keys are checked; no error text repeats a secret."""

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
"""The connections; each has credentials of its own kind."""
FIXED_RATES: Mapping[str, Tariff] = {VIBECODE: Tariff(40, 4.0), SITE: Tariff(10, 1.5)}
"""Rate limits where the portal's tariff does not count: below 300 (VibeCode) and 100 (site) requests in any minute."""
VIBECODE_URL = "https://vibecode.bitrix24.tech"

_WEBHOOK = re.compile(r"(?P<root>.*?/rest)/(?P<user>\d+)/(?P<secret>[^/]+)/?(?:[a-z0-9_.]*)?/?", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)


def credentials_from_settings(
    connection: str, given: Mapping[str, Any], *, allow_http: bool
) -> tuple[Credentials, tuple[str, ...]]:
    """Return the credentials of a connection, and the secrets among its settings.

    Args:
        connection: One of the four.
        given: The settings that have a value.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: An address or a key is malformed, or one is missing.
    """
    if connection == WEBHOOK:
        credentials = webhook(given["webhook_url"], allow_http=allow_http)
        return credentials, (credentials.secret,)
    if connection == OAUTH:
        return _oauth(given, allow_http=allow_http)
    if connection == VIBECODE:
        if "vibecode_api_key" not in given:
            msg = "VibeCode needs vibecode_api_key as well."
            raise SettingsError(msg)
        url = given.get("vibecode_url", VIBECODE_URL)
        host, path = address("vibecode_url", url, VIBECODE_URL, allow_http=allow_http)
        root = f"{path.removesuffix('/v1')}/v1"
        key = ApiKey(host, root, "X-Api-Key", _key("vibecode_api_key", given["vibecode_api_key"]))
        return key, (key.secret,)
    if missing := [name for name in ("site_url", "site_api_key") if name not in given]:
        msg = f"The site API needs {missing[0]} as well."
        raise SettingsError(msg)
    host, _ = address("site_url", given["site_url"], "https://shop.example.com", allow_http=allow_http)
    key = ApiKey(host, "", "X-API-Key", _key("site_api_key", given["site_api_key"]))
    return key, (key.secret,)


def _key(name: str, value: Any) -> str:
    """Return a key as it is sent in a header.

    Raises:
        SettingsError: It holds blanks or characters a header cannot.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value.strip()):
        msg = f"{name} must be the key as issued, without blanks."
        raise SettingsError(msg)
    return value.strip()


def _oauth(given: Mapping[str, Any], *, allow_http: bool) -> tuple[OAuth, tuple[str, ...]]:
    """Return the credentials of an OAuth application, and the secrets among its settings."""
    if missing := [name for name in ("portal_url", "client_id", "client_secret") if name not in given]:
        msg = f"OAuth needs {', '.join(missing)} as well: see the application's page in the portal."
        raise SettingsError(msg)
    if "refresh_token" not in given and "token_file" not in given:
        msg = "OAuth needs token_file (and tap-bitrix24-auth to fill it) or refresh_token."
        raise SettingsError(msg)
    portal = "".join(address("portal_url", given["portal_url"], "https://example.bitrix24.com", allow_http=allow_http))
    token_url = given.get("oauth_token_url", VENDOR)
    address("oauth_token_url", token_url, VENDOR, allow_http=allow_http)
    if "token_file" in given:
        store: FileTokenStore | MemoryTokenStore = FileTokenStore(Path(str(given["token_file"])))
    else:
        LOG.warning("without token_file the renewed refresh token is lost, and the next run cannot sign in: set it")
        store = MemoryTokenStore()
    application = Application(str(given["client_id"]), str(given["client_secret"]), portal, str(token_url), allow_http)
    refresh_token = str(given.get("refresh_token", ""))
    return OAuth(application, store, refresh_token), tuple(filter(None, (application.client_secret, refresh_token)))


def webhook(url: Any, *, allow_http: bool = False) -> Webhook:
    """Return the webhook of a URL.

    Args:
        url: As copied from the portal; a method name at its end is ignored.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: It is no webhook's. The text never repeats the URL.
    """
    expected = "webhook_url must look like https://example.bitrix24.com/rest/1/secret/"
    as_copied = f"{expected}, as copied from the portal (Developer resources > Inbound webhook)."
    if not isinstance(url, str) or any(letter.isspace() for letter in url.strip()):
        raise SettingsError(as_copied)
    host, path = _split(url, as_copied, malformed=f"{expected}; host or port is malformed.")
    match = _WEBHOOK.fullmatch(path)
    if match is None:
        raise SettingsError(as_copied)
    _check_scheme("webhook_url", host, allow_http=allow_http)
    base = f"{host}{match['root']}/{match['user']}/{match['secret']}/"
    return Webhook(base, match["secret"], host)


def _split(url: str, message: str, *, malformed: str) -> tuple[str, str]:
    """Return scheme, host and port of a URL, and its path.

    Args:
        url: An http or https URL without user, query and fragment.
        message: The error's text if it is not.
        malformed: The error's text if it cannot be parsed.

    Raises:
        SettingsError: It is no such URL.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SettingsError(malformed) from None
    host = _bracketed(parts.hostname)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise SettingsError(message)
    if parts.username or parts.query or parts.fragment or re.search(r"\s", parts.path):
        raise SettingsError(message)
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}", parts.path


def _bracketed(host: str | None) -> str:
    """Return a host as it stands in a URL: an IPv6 address in brackets."""
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
    """Return scheme, host and port of a portal's or site's URL, and its path without a slash at the end.

    Args:
        name: The setting, for error texts.
        url: Its value.
        example: What it should look like, for error texts.
        allow_http: Accept http to other hosts than this machine.

    Raises:
        SettingsError: It is no such URL.
    """
    message = f"{name} must look like {example}, without user, query or fragment."
    if not isinstance(url, str):
        raise SettingsError(message)
    host, path = _split(url, message, malformed=message)
    _check_scheme(name, host, allow_http=allow_http)
    return host, path.rstrip("/")


def _check_scheme(name: str, host: str, *, allow_http: bool) -> None:
    """Refuse an address to which the secret would be sent unencrypted.

    Raises:
        SettingsError: It is http to another machine, and allow_http is not set.
    """
    parts = urlsplit(host)
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname or ""):
        msg = f"{name} uses http, which would send the secret unencrypted to {host}: use https, or set allow_http."
        raise SettingsError(msg)
