"""The application with its tokens and codes."""

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
"""Seconds for which a used refresh token stays valid, with the switch ``oauth_spent_refresh=grace``."""
REDIRECT: Final = "http://127.0.0.1:8025/"
"""The redirect address in the application's settings, on the user's own machine."""
_TOKEN: Final = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True)
class TokenPair:
    """An access token and its refresh token."""

    access: str
    refresh: str
    expires: float
    """Expiry of the access token, in seconds since 1970 by the portal's clock."""


@dataclass
class Tokens:
    """All tokens and codes issued so far; see :func:`tokens`."""

    portal: Portal
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    member_id: str = ""
    first_refresh: str = field(default="", repr=False)
    """The refresh token that the administrator got when the application was installed."""
    access: dict[str, float] = field(default_factory=dict, repr=False)
    """Access token → expiry."""
    refresh: dict[str, float] = field(default_factory=dict, repr=False)
    """Refresh token → expiry; used ones have expired."""
    codes: dict[str, float] = field(default_factory=dict, repr=False)
    issued: int = 0

    @classmethod
    def of(cls, portal: Portal) -> "Tokens":
        """Return the tokens of a newly registered application; the same seed gives the same."""
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
        """Return the lifetime of an access token in seconds."""
        return int(self.portal.switches["oauth_expires_in"]) or HOUR

    def issue(self) -> TokenPair:
        """Return a new pair of tokens."""
        now = self.portal.now()
        pair = TokenPair(self._new_secret(35), self._new_secret(35), now + self.life())
        self.access[pair.access] = pair.expires
        self.refresh[pair.refresh] = now + REFRESH_LIFE
        return pair

    def rotate(self, token: str) -> TokenPair | None:
        """Return new tokens for a refresh token, which expires; None if it is not valid."""
        now = self.portal.now()
        if self.refresh.get(token, 0.0) <= now:
            return None
        grace = GRACE if self.portal.switches["oauth_spent_refresh"] == "grace" else 0
        self.refresh[token] = min(self.refresh[token], now + grace)
        return self.issue()

    def code(self) -> str:
        """Return a new authorization code."""
        code = self._new_secret(16)
        self.codes[code] = self.portal.now() + CODE_LIFE
        return code

    def redeem(self, code: str) -> TokenPair | None:
        """Return new tokens for a code, which expires; None if it is not valid."""
        return self.issue() if self.codes.pop(code, 0.0) > self.portal.now() else None

    def _new_secret(self, size: int) -> str:
        """Return a new token or code; the n-th one is always the same."""
        self.issued += 1
        return _secret(random.Random(f"{self.client_secret}:{self.issued}"), size)


def _secret(rng: random.Random, size: int) -> str:
    """Return a random secret of ``size`` bytes, in hexadecimal."""
    return rng.randbytes(size).hex()


def tokens(portal: Portal) -> Tokens:
    """Return the tokens of a portal."""
    return portal.kept("oauth", Tokens.of)


def check(portal: Portal, token: str) -> str | None:
    """Return the error code of an access token, ``expired_token`` or ``invalid_token``, or None if it is valid."""
    with portal.lock:
        expires = tokens(portal).access.get(token)
    if expires is None:
        return "invalid_token"
    return None if expires > portal.now() else "expired_token"


def refusal_code(portal: Portal, bearer: str | None, params: Mapping[Any, Any]) -> str | None:
    """Return the error code of a request's access token to classic REST, or None if the token is valid.

    The header counts before ``auth``, that before ``access_token``; arrays are ignored, and what does not look like a
    token counts as no token (docs/protocol.md §8).
    """
    given = (bearer, params.get("auth"), params.get("access_token"))
    token = next((one for one in given if isinstance(one, str) and one), "")
    return check(portal, token) if _TOKEN.fullmatch(token) else "NO_AUTH_FOUND"
