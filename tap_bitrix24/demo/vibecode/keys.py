"""Keys of the VibeCode API, and what each of them opens."""

import random
from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.errors import VibeError

_STATES: Final = {
    "expired": "KEY_EXPIRED",
    "revoked": "KEY_INACTIVE",
    "ip": "IP_NOT_ALLOWED",
    "waitlist": "WAITLIST_PENDING",
}
_USUAL_RATE: Final = 10


@dataclass(frozen=True)
class Key:
    """Who asks: the kind of key, and whether a user's session comes with it."""

    kind: str
    session: bool = False


def key(portal: Portal, prefix: str = "vibe_api_") -> str:
    """Return a key of the seed: personal, or with another prefix one that opens less."""
    return f"{prefix}{_drawn(portal, prefix)}"


def partner_key(portal: Portal) -> str:
    """Return a key of Partner Connect: it looks like an application's, and needs no session."""
    return f"vibe_app_{_drawn(portal, 'partner')}"


def session(portal: Portal) -> str:
    """Return the session that belongs to the application's key."""
    return f"vibe_session_{_drawn(portal, 'session')}"


def _drawn(portal: Portal, what: str) -> str:
    return f"{random.Random(f'{portal.company.seeds.seed}:vibe:{what}').getrandbits(128):032x}"


def known(portal: Portal, request: HttpRequest) -> Key:
    """Return whose key it is, or refuse it."""
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
    if portal.switches["vibe_key"] in _STATES:
        raise VibeError(code=_STATES[portal.switches["vibe_key"]])
    if kinds[given] == "oauth_app" and bearer and bearer != session(portal):
        raise VibeError(code="INVALID_SESSION")
    return Key(
        "oauth_app" if given == partner_key(portal) else kinds[given], bool(bearer) or kinds[given] == "personal"
    )


def opens_entities(asking: Key) -> None:
    """Refuse keys that read no entities."""
    if asking.kind == "management":
        raise VibeError(code="MANAGEMENT_KEY_NO_ENTITY_ACCESS")
    if not asking.session:
        raise VibeError(code="TOKEN_MISSING")


def me(portal: Portal, asking: Key) -> dict[str, Any]:
    """Return who the key is; large, and nobody's business."""
    paths = {
        name: f"/v1/{entity.path or name}"
        for name, entity in ENTITIES.items()
        if entity.scope in portal.scopes and (not entity.grown or portal.switches["vibe_more"] == "on")
    }
    told = {
        "type": asking.kind, "portal": "demo.example", "scopes": list(portal.scopes), "expiresAt": None,
        "owner": {"email": "owner@example.com"}, "rateLimit": {"requestsPerSecond": rate(portal) or _USUAL_RATE},
        "api": {"entityApi": {"entities": paths}},
    }  # fmt: skip
    user = asking.kind == "oauth_app" and asking.session
    return {**told, "currentUser": {"bitrixUserId": 1}} if user else told


def rate(portal: Portal) -> int:
    """Return how many requests a second the key's owner allows; 0 for no such limit."""
    return int(portal.switches["vibe_rate"])
