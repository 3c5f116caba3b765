"""API keys of VibeCode, and what each kind may read."""

import random
from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.errors import VibeError

_STATE_CODES: Final = {
    "expired": "KEY_EXPIRED",
    "revoked": "KEY_INACTIVE",
    "ip": "IP_NOT_ALLOWED",
    "waitlist": "WAITLIST_PENDING",
}
_DEFAULT_RATE: Final = 10


@dataclass(frozen=True)
class Key:
    """The kind of an API key, and whether a user's session comes with it."""

    kind: str
    session: bool = False


def key(portal: Portal, prefix: str = "vibe_api_") -> str:
    """Return an API key of the seed: a personal one, or by prefix one with fewer rights."""
    return f"{prefix}{_random_hex(portal, prefix)}"


def partner_key(portal: Portal) -> str:
    """Return a key of Partner Connect: it looks like an application's key but needs no session."""
    return f"vibe_app_{_random_hex(portal, 'partner')}"


def session(portal: Portal) -> str:
    """Return the session that belongs to the application's key."""
    return f"vibe_session_{_random_hex(portal, 'session')}"


def _random_hex(portal: Portal, what: str) -> str:
    return f"{random.Random(f'{portal.company.seeds.seed}:vibe:{what}').getrandbits(128):032x}"


def authenticate(portal: Portal, request: HttpRequest) -> Key:
    """Return the key of a request, or raise VibeError."""
    given, bearer = request.headers.get("x-api-key") or "", request.bearer() or ""
    if not given and bearer.startswith(("vibe_app_", "vibe_session_")):
        raise VibeError(code="INVALID_SESSION")
    given = given or bearer
    if not given:
        raise VibeError(code="MISSING_API_KEY")
    kinds = {
        key(portal): "personal",
        partner_key(portal): "personal",
        key(portal, "vibe_live_"): "management",
        key(portal, "vibe_app_"): "oauth_app",
    }
    if given not in kinds:
        raise VibeError(code="INVALID_API_KEY")
    if portal.switches["vibe_key"] in _STATE_CODES:
        raise VibeError(code=_STATE_CODES[portal.switches["vibe_key"]])
    if kinds[given] == "oauth_app" and bearer and bearer != session(portal):
        raise VibeError(code="INVALID_SESSION")
    return Key(
        "oauth_app" if given == partner_key(portal) else kinds[given], bool(bearer) or kinds[given] == "personal"
    )


def require_entity_access(api_key: Key) -> None:
    """Raise an error for keys that may not read entities."""
    if api_key.kind == "management":
        raise VibeError(code="MANAGEMENT_KEY_NO_ENTITY_ACCESS")
    if not api_key.session:
        raise VibeError(code="TOKEN_MISSING")


def me(portal: Portal, api_key: Key, host: str) -> dict[str, Any]:
    """Return the facts of a key for ``/v1/me``; the portal it belongs to is this one, by the host it is called at."""
    paths = {
        name: f"/v1/{entity.path or name}"
        for name, entity in ENTITIES.items()
        if entity.scope in portal.scopes and (not entity.recent or portal.switches["vibe_more"] == "on")
    }
    if portal.switches["vibe_items"] == "smart-processes":
        del paths["items"]
    facts = {
        "type": api_key.kind, "portal": host, "scopes": list(portal.scopes), "expiresAt": None,
        "owner": {"email": "owner@example.com"}, "rateLimit": {"requestsPerSecond": rate(portal) or _DEFAULT_RATE},
        "api": {"entityApi": {"entities": paths}},
    }  # fmt: skip
    user = api_key.kind == "oauth_app" and api_key.session
    return {**facts, "currentUser": {"bitrixUserId": 1}} if user else facts


def rate(portal: Portal) -> int:
    """Return the requests per second that the key's owner allows; 0: no limit."""
    return int(portal.switches["vibe_rate"])
