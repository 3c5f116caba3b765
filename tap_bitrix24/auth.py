"""How a request proves who it is. Explicit values only; nothing here knows streams or pages."""

from __future__ import annotations

from dataclasses import dataclass, field


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
