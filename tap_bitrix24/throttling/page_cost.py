"""How many pages a request may hold: the portal gives up after 60 seconds, and everything in the request is lost.

What a page costs differs by portal and method from milliseconds to seconds, so it is learnt from every answer.
"""

from __future__ import annotations

from collections.abc import Mapping

TARGET_SECONDS = 20.0
"""Seconds a request should take at most: a third of what the portal allows."""
INITIAL_COST = 0.05
"""Seconds of a page nothing is known of."""


class PageCostEstimator:
    """Seconds a page takes, by method; rises at once, falls by half at most with each answer."""

    def __init__(self) -> None:
        """Begin with a guess."""
        self._seconds: dict[str, float] = {}

    def pages(self, method: str, used: float) -> int:
        """Pages that still fit into a request whose other pages take `used` seconds."""
        return int((TARGET_SECONDS - used) / self.seconds(method) + 1e-9)

    def seconds(self, method: str) -> float:
        """What a page takes."""
        return self._seconds.get(method, INITIAL_COST)

    def learn(self, pages: Mapping[str, int], seconds: float) -> None:
        """Note how long a request with these pages took; methods that share one share what it tells."""
        expected = sum(self.seconds(method) * count for method, count in pages.items())
        for method in pages:
            self._seconds[method] = max(1e-4, self.seconds(method) * max(0.5, seconds / expected))

    def note_timeout(self, pages: Mapping[str, int]) -> None:
        """The portal, or we, gave up on a request: half as many pages will fit."""
        self.learn(pages, 2 * TARGET_SECONDS)
