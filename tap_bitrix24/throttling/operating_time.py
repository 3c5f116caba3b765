"""Operating time: how much of a method may be asked for now, so that the portal never has to refuse.

A cloud portal gives each method some seconds of execution within ten minutes, forgets them in ten steps, and blocks
the method for everybody with the same credentials once they are used up. Each answer tells what has been used and
when the oldest step is forgotten; a refusal tells nothing. Self-hosted portals have no such limit and say nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

BUDGET = 420.0
"""Seconds a method may use before the portal refuses: 420 in the server's source, documented as 480."""
UNLIMITED = 1_000_000
"""Pages; more than any request holds."""
UNKNOWN_COST = 0.5
"""Seconds a page is taken to cost until an answer has shown it."""
ROUNDING = 0.01
"""Part of a page by which sums of many costs may be off."""
MAX_PAGE_COST = 60.0
"""Seconds a page can cost at most: the portal ends requests that take longer."""
STEPS = 10
"""Parts in which the portal forgets."""
DEFAULT_RESET = 60.0
"""Seconds until something is forgotten where an answer does not tell when: a step of the documented ten minutes."""
FIRST_RETRY = 15.0
"""Seconds after a refusal, which tells nothing, until the first try."""
_PAD = 0.05


@dataclass(slots=True)
class _MethodUsage:
    """What is known of one method."""

    limited: bool = False
    """An answer has told what was used: self-hosted portals never do."""
    used: float = 0.0
    cost: float | None = None
    """Seconds of a page."""
    reset_at: float | None = None
    """When something is forgotten, by our own clock."""
    in_flight: int = 0
    """Pages asked for and not answered."""
    requests: int = 0
    """Requests under way that hold any of them."""
    most_requests: int = 0
    """The most there were since there were none."""
    refusals: int = 0
    """In a row."""
    window: float = 0.0
    """The longest time to a reset that was told: how long the portal remembers, or a little less."""

    @property
    def expected_cost(self) -> float:
        """Seconds to reckon with for a page."""
        return UNKNOWN_COST if self.cost is None else self.cost

    def pages_available(self) -> int:
        """Pages that still fit into the budget."""
        if not self.limited or self.expected_cost <= 0:
            return UNLIMITED if self.used < BUDGET else 0
        return max(0, int((BUDGET - self.used) / self.expected_cost + ROUNDING) - self.in_flight)


class OperatingTimeLimiter:
    """All methods of a portal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without knowing anything.

        Args:
            clock: Seconds, monotonic.
        """
        self._clock = clock
        self._methods: dict[str, _MethodUsage] = {}

    def pages_available(self, method: str) -> int:
        """Pages of a method that may be asked for now, besides those under way.

        Once something has been forgotten a single page is asked for, to learn from its answer how much.
        """
        known = self._methods.get(method)
        if known is None:
            return UNLIMITED
        room = 0 if known.refusals else known.pages_available()
        if room == 0 and known.in_flight == 0 and self.delay(method) == 0:
            return 1
        return room

    def has_half_left(self, method: str) -> bool:
        """Whether more than half of the budget is left: no page of the rest is to be wasted on a guess."""
        known = self._methods.get(method)
        return (
            known is None
            or known.used + known.in_flight * known.expected_cost <= BUDGET / 2
            or known.pages_available() == UNLIMITED
        )

    def delay(self, method: str) -> float:
        """Seconds until a method that has no room is worth asking again."""
        known = self._methods.get(method)
        if known is None or known.reset_at is None:
            return 0.0
        return max(0.0, known.reset_at - self._clock())

    def note_sent(self, method: str, pages: int) -> None:
        """Count pages of a request that is being sent."""
        known = self._methods.setdefault(method, _MethodUsage())
        known.in_flight += pages
        known.requests += 1
        known.most_requests = max(known.most_requests, known.requests)

    def note_answered(
        self, method: str, pages: int, times: Sequence[Mapping[str, Any]], *, refused: bool = False
    ) -> None:
        """Learn from a request that has come back, or has been given up.

        Args:
            method: The method.
            pages: How many were asked for.
            times: `time` of each page that came, in order: `operating` is the seconds used in the last ten minutes,
                `operating_reset_at` the epoch second when the oldest part of them is forgotten; compared with the
                answer's own `finish`, so that the two machines' clocks need not agree.
            refused: A page was refused because the budget is spent.
        """
        known = self._methods.setdefault(method, _MethodUsage())
        known.in_flight = max(0, known.in_flight - pages)
        known.requests = max(0, known.requests - 1)
        told = [each for each in times if isinstance(each.get("operating"), (int, float))]
        if told:
            self._learn(known, told)
        if refused:
            self._refuse(known)
        known.most_requests = known.most_requests if known.requests else 0

    def _learn(self, known: _MethodUsage, told: Sequence[Mapping[str, Any]]) -> None:
        used = [float(each["operating"]) for each in told]
        if len(used) == 1 and known.cost is None and known.most_requests <= 1:
            used.insert(0, known.used)
        steps = [after - before for before, after in pairwise(used) if after >= before]  # else something was forgotten
        if steps:
            # requests side by side add to each other's figures, unless the portal runs them one by one
            most = min(MAX_PAGE_COST, median(steps))
            least = most / max(1, known.most_requests)
            known.cost = most if known.cost is None else min(most, max(least, known.cost))
        known.limited = True
        known.used = used[-1]
        known.refusals = 0
        reset, finish = told[-1].get("operating_reset_at"), told[-1].get("finish")
        if isinstance(reset, (int, float)) and isinstance(finish, (int, float)):
            whole = 1.0 if isinstance(reset, int) else 0.0  # a second cut off
            seconds = max(0.0, reset + whole - finish) + _PAD
        else:
            seconds = DEFAULT_RESET
        if known.used > BUDGET:  # what is forgotten first may be too little: wait for a second part
            seconds += known.window / STEPS
        known.window = max(known.window, seconds)
        known.reset_at = self._clock() + seconds

    def _refuse(self, known: _MethodUsage) -> None:
        """Another client of the same credentials has used it up: try after the reset told last, then now and then."""
        now = self._clock()
        first = known.refusals == 0
        known.refusals += 1
        if not first or known.reset_at is None or known.reset_at <= now:
            known.reset_at = now + min(DEFAULT_RESET, FIRST_RETRY * 2 ** (known.refusals - 1))
