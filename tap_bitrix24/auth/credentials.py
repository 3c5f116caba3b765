"""How a request proves who it is. Explicit values only; nothing here knows streams or pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from tap_bitrix24.model.endpoint import REST_3


class Credentials(Protocol):
    """A way into a portal, as the client sees it."""

    @property
    def host(self) -> str:
        """What may be shown of it: scheme, host, port."""

    def address(self, path: str, dialect: str) -> str:
        """Where something is asked for in a dialect."""

    def headers(self) -> Mapping[str, str]:
        """What a request must carry besides."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get new credentials after a request with these headers was refused; False: there are none."""

    def at_host(self, host: str) -> Self:
        """The same way in at the portal's new host (scheme, host, port)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook: user and secret are part of its URL, so the URL itself must never be shown."""

    url: str = field(repr=False)
    """Ends with a slash: `https://example.bitrix24.com/rest/1/secret/`."""
    secret: str = field(repr=False)
    host: str
    """What may be shown: scheme, host, port."""

    def address(self, path: str, dialect: str) -> str:
        """Where a method is called; REST 3.0 lies below `api/`."""
        root, user, secret, _ = self.url.rsplit("/", 3)
        return f"{root}/api/{user}/{secret}/{path}" if dialect == REST_3 else self.url + path

    def headers(self) -> Mapping[str, str]:
        """Nothing: the URL says it all."""
        return {}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """A webhook has one secret."""
        del refused
        return False

    def at_host(self, host: str) -> Webhook:
        """The same webhook at the portal's new host."""
        return replace(self, url=host + self.url[len(self.host) :], host=host)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header: VibeCode and the API of a site."""

    host: str
    """What may be shown: scheme, host, port."""
    root: str
    """Path of the API, without a slash at its end."""
    header: str
    secret: str = field(repr=False)

    def address(self, path: str, dialect: str) -> str:
        """Where a path of the API lies."""
        del dialect
        return f"{self.host}{self.root}{path}"

    def headers(self) -> Mapping[str, str]:
        """The key."""
        return {self.header: self.secret}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """There is one key."""
        del refused
        return False

    def at_host(self, host: str) -> ApiKey:
        """The same API at its new host."""
        return replace(self, host=host)
