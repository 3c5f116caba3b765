"""Operating time: how many pages of a method may be asked for now, so that the portal never has to refuse.

A cloud portal gives each method some seconds of execution within ten minutes, forgets them in ten steps, and blocks the
method for everybody with the same credentials once they are used up. Each answer says what has been used and when the
oldest step is forgotten; a refusal (HTTP 429) says neither. Self-hosted portals have no such limit and report nothing.
See docs/protocol.md §7 and docs/decisions.md#decision-17.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

LIMIT_SECONDS = 420.0
"""Seconds a method may use before the portal refuses: 420 in the server's source, documented as 480."""
UNLIMITED = 1_000_000
"""Pages; more than any request holds."""
UNKNOWN_COST = 0.5
"""Seconds of operating time a page is expected to cost until an answer has shown it."""
ROUNDING = 0.01
"""Part of a page by which sums of many costs may be off."""
MAX_PAGE_COST = 60.0
"""Seconds a page can cost at most: the portal ends requests that take longer."""
STEPS = 10
"""Parts in which the portal forgets what was used."""
DEFAULT_RESET = 60.0
"""Seconds until a part is forgotten where an answer does not say when: a step of the documented ten minutes."""
FIRST_RETRY = 15.0
"""Seconds from a refusal, which does not say when, to the first attempt after it."""
_RESET_PADDING = 0.05
"""Seconds added to a reset, so that the portal has surely forgotten by then."""


@dataclass(slots=True)
class _MethodUsage:
    """What is known of one method's operating time."""

    limited: bool = False
    """Whether an answer reported what was used: self-hosted portals never do."""
    used: float = 0.0
    """Seconds used within the portal's window, by the last answer."""
    cost: float | None = None
    """Seconds a page costs; None: not known yet."""
    reset_at: float | None = None
    """When the oldest part is forgotten, in seconds of the clock of this process."""
    in_flight: int = 0
    """Pages asked for and not answered."""
    requests: int = 0
    """HTTP requests in flight that hold any of them."""
    most_requests: int = 0
    """The most there were at once since there were none."""
    refusals: int = 0
    """Refusals in a row."""
    window: float = 0.0
    """The longest time until a reset that was reported: how long the portal remembers, or a little less."""

    @property
    def expected_cost(self) -> float:
        """Seconds a page is expected to cost."""
        return UNKNOWN_COST if self.cost is None else self.cost

    def pages_left(self) -> int:
        """Return how many pages the rest of the operating time is enough for, besides those in flight."""
        if not self.limited or self.expected_cost <= 0:
            return UNLIMITED if self.used < LIMIT_SECONDS else 0
        return max(0, int((LIMIT_SECONDS - self.used) / self.expected_cost + ROUNDING) - self.in_flight)


class OperatingTimeLimiter:
    """Keeps the methods of one portal below their operating time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without knowing any method.

        Args:
            clock: Seconds, monotonic.
        """
        self._clock = clock
        self._methods: dict[str, _MethodUsage] = {}

    def pages_available(self, method: str) -> int:
        """Return how many pages of a method may be asked for now, besides those in flight.

        Once a part has been forgotten that is a single page: its answer shows how much was.
        """
        usage = self._methods.get(method)
        if usage is None:
            return UNLIMITED
        pages = 0 if usage.refusals else usage.pages_left()
        if pages == 0 and usage.in_flight == 0 and self.delay(method) == 0:
            return 1
        return pages

    def has_half_left(self, method: str) -> bool:
        """Return whether at least half of the operating time is left; if not, no pages are requested on an estimate."""
        usage = self._methods.get(method)
        return (
            usage is None
            or usage.used + usage.in_flight * usage.expected_cost <= LIMIT_SECONDS / 2
            or usage.pages_left() == UNLIMITED
        )

    def delay(self, method: str) -> float:
        """Return the seconds until a method without available pages is worth asking again."""
        usage = self._methods.get(method)
        if usage is None or usage.reset_at is None:
            return 0.0
        return max(0.0, usage.reset_at - self._clock())

    def note_sent(self, method: str, pages: int) -> None:
        """Count the pages of a request that is being sent."""
        usage = self._methods.setdefault(method, _MethodUsage())
        usage.in_flight += pages
        usage.requests += 1
        usage.most_requests = max(usage.most_requests, usage.requests)

    def note_answered(
        self, method: str, pages: int, times: Sequence[Mapping[str, Any]], *, refused: bool = False
    ) -> None:
        """Learn from a request that was answered or has failed.

        Args:
            method: The method.
            pages: How many of its pages the request asked for.
            times: `time` of each page that came, in order: `operating` is the seconds used in the last ten minutes,
                `operating_reset_at` the epoch second when the oldest part of them is forgotten; compared with the
                answer's own `finish`, so that the two machines' clocks need not agree.
            refused: A page was refused because the operating time is used up.
        """
        usage = self._methods.setdefault(method, _MethodUsage())
        usage.in_flight = max(0, usage.in_flight - pages)
        usage.requests = max(0, usage.requests - 1)
        reported = [time for time in times if isinstance(time.get("operating"), (int, float))]
        if reported:
            self._learn(usage, reported)
        if refused:
            self._note_refusal(usage)
        usage.most_requests = usage.most_requests if usage.requests else 0

    def _learn(self, usage: _MethodUsage, reported: Sequence[Mapping[str, Any]]) -> None:
        """Take over what the pages of an answer report."""
        used = [float(time["operating"]) for time in reported]
        usage.cost = _page_cost(usage, used)
        usage.limited = True
        usage.used = used[-1]
        usage.refusals = 0
        reset, finish = reported[-1].get("operating_reset_at"), reported[-1].get("finish")
        if isinstance(reset, (int, float)) and isinstance(finish, (int, float)):
            cut_off = 1.0 if isinstance(reset, int) else 0.0  # whole seconds: the fraction is cut off
            seconds = max(0.0, reset + cut_off - finish) + _RESET_PADDING
        else:
            seconds = DEFAULT_RESET
        if usage.used > LIMIT_SECONDS:  # what is forgotten first may be too little: wait for a second part
            seconds += usage.window / STEPS
        usage.window = max(usage.window, seconds)
        usage.reset_at = self._clock() + seconds

    def _note_refusal(self, usage: _MethodUsage) -> None:
        """Plan the next attempt after a refusal: another client of the same credentials used the operating time up.

        The first attempt is made at the reset reported last, the next ones after pauses that grow.
        """
        now = self._clock()
        first = usage.refusals == 0
        usage.refusals += 1
        if not first or usage.reset_at is None or usage.reset_at <= now:
            usage.reset_at = now + min(DEFAULT_RESET, FIRST_RETRY * 2 ** (usage.refusals - 1))


def _page_cost(usage: _MethodUsage, used: Sequence[float]) -> float | None:
    """Return the seconds a page costs, by the figures of an answer's pages, or what was known before.

    A page's figure includes those before it. Requests in flight at the same time add to each other's figures, unless
    the portal runs them one by one: the cost is somewhere between.

    Args:
        usage: What is known of the method.
        used: Seconds used after each page of the answer.
    """
    figures = [usage.used, *used] if len(used) == 1 and usage.cost is None and usage.most_requests <= 1 else used
    differences = [after - before for before, after in pairwise(figures) if after >= before]  # else: forgotten
    if not differences:
        return usage.cost
    most = min(MAX_PAGE_COST, median(differences))
    least = most / max(1, usage.most_requests)
    return most if usage.cost is None else min(most, max(least, usage.cost))
