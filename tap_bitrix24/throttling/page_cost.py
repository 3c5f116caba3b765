"""How many pages one HTTP request may hold: the portal gives up after 60 seconds, and all its answers are lost.

What a page costs differs by portal and method from milliseconds to seconds, so it is learnt from every answer.
"""

from __future__ import annotations

from collections.abc import Mapping

TARGET_SECONDS = 20.0
"""Seconds a request should take at most: a third of what the portal allows."""
INITIAL_COST = 0.05
"""Seconds a page is expected to take before an answer has shown it."""
MIN_COST = 1e-4
"""Seconds a page is expected to take at least."""
_ROUNDING = 1e-9
_FASTEST_FALL = 0.5
"""Part of the cost so far that is kept at least, however fast an answer was."""


class PageCostEstimator:
    """Estimates the seconds a page takes, by method: rises at once, falls by half at most with each answer."""

    def __init__(self) -> None:
        """Begin with the same estimate for all methods."""
        self._seconds: dict[str, float] = {}

    def pages(self, method: str, used: float) -> int:
        """Return how many pages of a method still fit into a request whose other pages take `used` seconds."""
        return int((TARGET_SECONDS - used) / self.seconds(method) + _ROUNDING)

    def seconds(self, method: str) -> float:
        """Return the seconds a page of a method is expected to take."""
        return self._seconds.get(method, INITIAL_COST)

    def learn(self, pages: Mapping[str, int], seconds: float) -> None:
        """Adjust the estimates to a request that was answered.

        Args:
            pages: Method → pages in the request; methods that share one are adjusted by the same factor.
            seconds: From sending it to its answer.
        """
        expected = sum(self.seconds(method) * count for method, count in pages.items())
        for method in pages:
            self._seconds[method] = max(MIN_COST, self.seconds(method) * max(_FASTEST_FALL, seconds / expected))

    def note_timeout(self, pages: Mapping[str, int]) -> None:
        """Adjust the estimates to a request that ran into a time-out: half as many pages will fit."""
        self.learn(pages, 2 * TARGET_SECONDS)
