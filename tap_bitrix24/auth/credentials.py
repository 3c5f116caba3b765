"""What a request needs to be accepted: an address and headers. Values only; nothing here knows streams or pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from tap_bitrix24.model.endpoint import REST_V3


class Credentials(Protocol):
    """The credentials of a connection, as the client sees them."""

    @property
    def host(self) -> str:
        """Scheme, host and port: the part of the address that may be shown."""

    @property
    def portal_url(self) -> str:
        """Address of the portal: host, and the path a self-hosted one lies under; holds no secret."""

    def address(self, path: str, dialect: str) -> str:
        """Return the URL of a path in a dialect; it may hold a secret."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers that prove who sends a request; obtains a token if need be."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace credentials after a request with these headers was refused; False: there are no others."""

    def at_host(self, host: str) -> Self:
        """Return the same credentials at the portal's new host (scheme, host, port)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook: user and secret are part of its URL, so the URL itself must never be shown."""

    url: str = field(repr=False)
    """Ends with a slash: `https://example.bitrix24.com/rest/1/secret/`."""
    secret: str = field(repr=False)
    host: str
    """Scheme, host and port: the part of the address that may be shown."""

    @property
    def portal_url(self) -> str:
        """What comes before `/rest/user/secret/`."""
        return self.url.rsplit("/", 4)[0]

    def address(self, path: str, dialect: str) -> str:
        """Return the URL of a method; REST 3.0 lies below `api/`."""
        root, user, secret, _ = self.url.rsplit("/", 3)
        return f"{root}/api/{user}/{secret}/{path}" if dialect == REST_V3 else self.url + path

    def headers(self) -> Mapping[str, str]:
        """Return no headers: the URL is the proof."""
        return {}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Return False: a webhook has one secret."""
        del refused
        return False

    def at_host(self, host: str) -> Webhook:
        """Return the same webhook at the portal's new host."""
        return replace(self, url=host + self.url[len(self.host) :], host=host)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header: VibeCode and the API of a site."""

    host: str
    """Scheme, host and port: the part of the address that may be shown."""
    root: str
    """Path of the API, without a slash at its end."""
    header: str
    secret: str = field(repr=False)

    @property
    def portal_url(self) -> str:
        """Scheme, host and port of the API."""
        return self.host

    def address(self, path: str, dialect: str) -> str:
        """Return the URL of a path of the API."""
        del dialect
        return f"{self.host}{self.root}{path}"

    def headers(self) -> Mapping[str, str]:
        """Return the header with the key."""
        return {self.header: self.secret}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Return False: there is one key."""
        del refused
        return False

    def at_host(self, host: str) -> ApiKey:
        """Return the same key at the API's new host."""
        return replace(self, host=host)
