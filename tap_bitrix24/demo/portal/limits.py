"""The two limits of a cloud portal (protocol §7): requests in a leaky bucket, seconds per method in ten buckets.

A server of one's own has neither. It has workers, and a queue before them that is not endless.
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
"""Requests that may wait for each worker of a server of one's own."""
PLANS: Final = {"standard": (2.0, 50.0), "enterprise": (5.0, 250.0)}


@dataclass
class LeakyBucket:
    """Requests fill it, time empties it: ``rate`` a second, ``burst`` at once."""

    clock: Clock
    rate: float
    burst: float
    level: float = 0.0
    last: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self) -> bool:
        """Count a request in, or refuse it."""
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
    """So many requests are at work at once; three times as many wait, which no answer tells, and more are refused.

    None at all: as many as come.
    """

    number: int = 0
    inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """All are free."""
        self._free = threading.Semaphore(self.number)

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Wait for a worker and keep it; False at once: too many wait already."""
        with self._lock:
            comes_in = not self.number or self.inside < self.number * (1 + WAITING)
            self.inside += comes_in
        try:
            if not self.number or not comes_in:
                yield comes_in
                return
            with self._free:
                yield True
        finally:
            with self._lock:
                self.inside -= comes_in


@dataclass
class OperatingLimit:
    """Seconds each method took within the last ``window`` seconds, in ten buckets that drop out one by one.

    A shorter window forgets sooner; what may be spent within it is as much as ever.
    """

    clock: Clock
    window: float
    _spent: dict[str, dict[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, method: str, seconds: float) -> None:
        """Add a call; calls of 0.1 s and less are not recorded."""
        if seconds <= RECORDED_FROM:
            return
        with self._lock:
            buckets = self._spent.setdefault(method, {})
            now = self._bucket()
            buckets[now] = buckets.get(now, 0.0) + seconds

    def spent(self, method: str) -> float:
        """Answer the seconds that count now."""
        with self._lock:
            return sum(self._live(method).values())

    def reset_at(self, method: str) -> float:
        """Answer when the oldest bucket drops out (seconds since 1970)."""
        with self._lock:
            oldest = min(self._live(method), default=self._bucket())
            return round((oldest + BUCKETS) * self.window / BUCKETS, 3)

    def _bucket(self) -> int:
        """Answer the number of the bucket of this moment."""
        return int(self.clock.now() * BUCKETS / self.window)

    def _live(self, method: str) -> dict[int, float]:
        """Drop what is too old and answer the rest."""
        oldest = self._bucket() - BUCKETS
        live = {number: seconds for number, seconds in self._spent.get(method, {}).items() if number > oldest}
        self._spent[method] = live
        return live
