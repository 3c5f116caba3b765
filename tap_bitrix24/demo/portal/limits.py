"""The limits of a portal: in the cloud a leaky bucket of requests and operating time per method (docs/protocol.md §7).

An on-premise portal has neither; it has workers and a bounded queue before them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tap_bitrix24.demo.company.clock import Clock

BUCKETS: Final = 10
RECORDED_FROM: Final = 0.1
WAITING: Final = 3
"""Requests that may wait for each worker of an on-premise portal."""
PLANS: Final = {"standard": (2.0, 50.0), "enterprise": (5.0, 250.0)}


@dataclass
class LeakyBucket:
    """A leaky bucket: ``burst`` requests at once, then ``rate`` a second."""

    clock: Clock
    rate: float
    burst: float
    level: float = 0.0
    last: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self) -> bool:
        """Count a request; False if the bucket is full."""
        with self._lock:
            now = self.clock.now()
            self.level = max(0.0, self.level - max(0.0, now - self.last) * self.rate)
            self.last = now
            if self.level + 1 > self.burst:
                return False
            self.level += 1
            return True


@dataclass
class Workers:
    """The workers of an on-premise portal: ``number`` requests run at once, three times as many wait, more are refused.

    0 workers: no limit. Answers do not show how long a request waited.
    """

    number: int = 0
    inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Start with all workers free."""
        self._free = threading.Semaphore(self.number)

    @contextmanager
    def acquire(self) -> Iterator[bool]:
        """Wait for a worker and hold it; gives False at once if the queue is full."""
        with self._lock:
            admitted = not self.number or self.inside < self.number * (1 + WAITING)
            self.inside += admitted
        try:
            if not self.number or not admitted:
                yield admitted
                return
            with self._free:
                yield True
        finally:
            with self._lock:
                self.inside -= admitted


@dataclass
class OperatingLimit:
    """Seconds each method took within the last ``window`` seconds, in ten buckets that expire one by one.

    A shorter window expires sooner; the limit within it stays the same.
    """

    clock: Clock
    window: float
    _spent: dict[str, dict[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, method: str, seconds: float) -> None:
        """Add the seconds of a call; calls of 0.1 s and less are not recorded."""
        if seconds <= RECORDED_FROM:
            return
        with self._lock:
            buckets = self._spent.setdefault(method, {})
            now = self._bucket()
            buckets[now] = buckets.get(now, 0.0) + seconds

    def spent(self, method: str) -> float:
        """Return the seconds a method has spent within the window."""
        with self._lock:
            return sum(self._live(method).values())

    def reset_at(self, method: str) -> float:
        """Return when the oldest bucket expires, in seconds since 1970."""
        with self._lock:
            oldest = min(self._live(method), default=self._bucket())
            return round((oldest + BUCKETS) * self.window / BUCKETS, 3)

    def _bucket(self) -> int:
        """Return the number of the current bucket."""
        return int(self.clock.now() * BUCKETS / self.window)

    def _live(self, method: str) -> dict[int, float]:
        """Drop a method's expired buckets and return the others."""
        oldest = self._bucket() - BUCKETS
        live = {number: seconds for number, seconds in self._spent.get(method, {}).items() if number > oldest}
        self._spent[method] = live
        return live
