"""When to send: stay below the portal's limits by waiting beforehand, not by being refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

OPERATING_BUDGET = 420.0
"""Seconds of execution a method may use in ten minutes; documented as 480, 420 in the server's source."""
NEARLY = 0.9
"""Part of a limit used before waiting: other clients of the portal count against it, too."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff's leaky bucket."""

    burst: int
    per_second: float


PLANS: Mapping[str, Plan] = {"standard": Plan(50, 2.0), "enterprise": Plan(250, 5.0)}


class Pacer:
    """One per portal: counts what was sent, tells how long to wait before the next request."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with an empty bucket.

        Args:
            plan: Burst and drain rate.
            clock: Seconds, monotonic.
        """
        self._plan = plan
        self._clock = clock
        self._level = 0.0
        self._at = clock()
        self._blocked_until: dict[str, float] = {}

    def wait(self, methods: frozenset[str]) -> float:
        """Seconds to wait before a request that runs these methods may be sent; 0: now."""
        now = self._clock()
        self._leak(now)
        room = self._plan.burst * NEARLY - 1
        bucket = max(0.0, self._level - room) / self._plan.per_second
        operating = max((self._blocked_until.get(method, now) - now for method in methods), default=0.0)
        return max(0.0, bucket, operating)

    def sent(self) -> None:
        """Count one request."""
        self._leak(self._clock())
        self._level += 1

    def refused(self) -> None:
        """The bucket was fuller than we knew (someone else's requests): treat it as full."""
        self._leak(self._clock())
        self._level = float(self._plan.burst)

    def learn(self, method: str, time_facts: Mapping[str, Any]) -> None:
        """Note a method's execution time from an answer's `time`; absent on self-hosted portals.

        Args:
            method: The method that ran.
            time_facts: `operating` is the seconds used in the last ten minutes, `operating_reset_at` the
                epoch second when the oldest minute of them is forgotten; compared with the answer's own
                `finish`, so that the two machines' clocks need not agree.
        """
        used, reset, finish = (time_facts.get(name) for name in ("operating", "operating_reset_at", "finish"))
        if not isinstance(used, (int, float)) or used < OPERATING_BUDGET * NEARLY:
            return
        pause = reset - finish if isinstance(reset, (int, float)) and isinstance(finish, (int, float)) else 60.0
        self._blocked_until[method] = self._clock() + max(1.0, pause)

    def _leak(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self._plan.per_second)
        self._at = now
