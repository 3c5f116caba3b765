"""How a request proves who it is. Explicit values only; nothing here knows streams or pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self


class Door(Protocol):
    """A way into a portal, as the client sees it."""

    @property
    def host(self) -> str:
        """What may be shown of it: scheme, host, port."""

    def address(self, method: str) -> str:
        """Where a method is called."""

    def headers(self) -> Mapping[str, str]:
        """What a request must carry besides."""

    def moved(self, host: str) -> Self:
        """The same way in at the portal's new host (scheme, host, port)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook: user and secret are part of its URL, so the URL itself must never be shown."""

    url: str = field(repr=False)
    """Ends with a slash: `https://example.bitrix24.com/rest/1/secret/`."""
    secret: str = field(repr=False)
    host: str
    """What may be shown: scheme, host, port."""

    def address(self, method: str) -> str:
        """Where a method is called."""
        return self.url + method

    def headers(self) -> Mapping[str, str]:
        """Nothing: the URL says it all."""
        return {}

    def moved(self, host: str) -> Webhook:
        """The same webhook at the portal's new host."""
        return replace(self, url=host + self.url[len(self.host) :], host=host)
