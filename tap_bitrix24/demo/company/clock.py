"""The portal's clock: starts where it is told and runs with real time, unless a test moves it."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

DEFAULT_START = 1_793_610_000  # 2026-11-02T09:00:00Z, so that seeded data and examples never change


@dataclass
class Clock:
    """Seconds since 1970, moved by :meth:`set` and :meth:`advance` only."""

    offset: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def starting(cls, start: str | None) -> "Clock":
        """Make a clock from ``now``, an ISO time, or nothing (the default start)."""
        clock = cls()
        if start != "now":
            clock.set(parse_instant(start) if start else DEFAULT_START)
        return clock

    def now(self) -> float:
        """Answer the portal's time."""
        return time.time() + self.offset

    def set(self, instant: float) -> None:
        """Move the clock to an instant."""
        with self._lock:
            self.offset = instant - time.time()

    def advance(self, seconds: float) -> None:
        """Move the clock on by some seconds."""
        with self._lock:
            self.offset += seconds

    def iso(self) -> str:
        """Answer the portal's time as text in UTC."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Due:
    """When a request has spent the time that it takes by the portal's settings.

    Times add up from when it came. What the portal itself works meanwhile is part of them, and what one wait was late
    the next one makes up for: how fast the portal is on this machine shows as little as it can.
    """

    stopping: threading.Event
    at: float = field(default_factory=time.monotonic)

    def take(self, milliseconds: float) -> None:
        """Take some more time, but stop when the portal stops."""
        self.at += milliseconds / 1000
        left = self.at - time.monotonic()
        if milliseconds > 0 and left > 0:
            self.stopping.wait(left)


def parse_instant(text: str) -> float:
    """Read an ISO time; without offset it is UTC."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
