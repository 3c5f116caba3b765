"""The application, its tokens and codes, as the vendor's authorization server keeps them."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.portal.state import Portal

HOUR: Final = 3600
CODE_LIFE: Final = 30
REFRESH_LIFE: Final = 180 * 24 * HOUR
GRACE: Final = 60
"""Seconds a spent refresh token is still good for, where the portal has that kindness."""
REDIRECT: Final = "http://127.0.0.1:8025/"
"""The address in the application's settings: it is on the user's own machine."""
_LOOKS_LIKE_ONE: Final = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True)
class TokenPair:
    """What a grant brings: a token for requests and one to renew it with."""

    access: str
    refresh: str
    expires: float
    """By the portal's clock."""


@dataclass
class Tokens:
    """Everything issued so far; :func:`tokens` finds it."""

    portal: Portal
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    member_id: str = ""
    first_refresh: str = field(default="", repr=False)
    """Stands for the one the administrator got when the application was installed."""
    access: dict[str, float] = field(default_factory=dict, repr=False)
    """Token → when it expires."""
    refresh: dict[str, float] = field(default_factory=dict, repr=False)
    """Token → until when it is good; spent ones are in the past."""
    codes: dict[str, float] = field(default_factory=dict, repr=False)
    issued: int = 0

    @classmethod
    def of(cls, portal: Portal) -> "Tokens":
        """Register the application; the same seed gives the same."""
        rng = random.Random(f"{portal.company.seeds.seed}:oauth")
        made = cls(
            portal,
            client_id=f"local.{rng.getrandbits(56):014x}.{rng.randrange(10**8):08d}",
            client_secret=_secret(rng, 25),
            member_id=_secret(rng, 16),
            first_refresh=_secret(rng, 35),
        )
        made.refresh[made.first_refresh] = portal.now() + REFRESH_LIFE
        return made

    def life(self) -> int:
        """Return for how many seconds an access token is good."""
        return int(self.portal.switches["oauth_expires_in"]) or HOUR

    def issue(self) -> TokenPair:
        """Issue a pair."""
        now = self.portal.now()
        pair = TokenPair(self._new_secret(35), self._new_secret(35), now + self.life())
        self.access[pair.access] = pair.expires
        self.refresh[pair.refresh] = now + REFRESH_LIFE
        return pair

    def rotate(self, token: str) -> TokenPair | None:
        """Spend a refresh token; None if it is not, or no longer, good."""
        now = self.portal.now()
        if self.refresh.get(token, 0.0) <= now:
            return None
        grace = GRACE if self.portal.switches["oauth_spent_refresh"] == "grace" else 0
        self.refresh[token] = min(self.refresh[token], now + grace)
        return self.issue()

    def code(self) -> str:
        """Issue a code."""
        code = self._new_secret(16)
        self.codes[code] = self.portal.now() + CODE_LIFE
        return code

    def redeem(self, code: str) -> TokenPair | None:
        """Spend a code; None if it is not, or no longer, good."""
        return self.issue() if self.codes.pop(code, 0.0) > self.portal.now() else None

    def _new_secret(self, size: int) -> str:
        """Return a word that was not issued before; the same in the same order."""
        self.issued += 1
        return _secret(random.Random(f"{self.client_secret}:{self.issued}"), size)


def _secret(rng: random.Random, size: int) -> str:
    """Return a secret of so many bytes."""
    return rng.randbytes(size).hex()


def tokens(portal: Portal) -> Tokens:
    """Return what a portal's authorization server keeps."""
    return portal.kept("oauth", Tokens.of)


def check(portal: Portal, token: str) -> str | None:
    """Tell what is wrong with an access token: ``expired_token``, ``invalid_token``, or None if it is good."""
    with portal.lock:
        expires = tokens(portal).access.get(token)
    if expires is None:
        return "invalid_token"
    return None if expires > portal.now() else "expired_token"


def refusal_code(portal: Portal, bearer: str | None, params: Mapping[Any, Any]) -> str | None:
    """Tell why a request to classic REST is let in by no token; None if one does.

    The header counts before ``auth``, that before ``access_token``; arrays are ignored, and what does not look like a
    token counts as none (docs/protocol.md §8).
    """
    given = (bearer, params.get("auth"), params.get("access_token"))
    token = next((one for one in given if isinstance(one, str) and one), "")
    return check(portal, token) if _LOOKS_LIKE_ONE.fullmatch(token) else "NO_AUTH_FOUND"
