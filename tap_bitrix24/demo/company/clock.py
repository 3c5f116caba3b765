"""The portal's clock: starts at a given instant and runs with real time, unless a test moves it."""

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
        """Return a clock that starts at ``now``, at an ISO time, or (None) at the default start."""
        clock = cls()
        if start != "now":
            clock.set(parse_instant(start) if start else DEFAULT_START)
        return clock

    def now(self) -> float:
        """Return the portal's time, in seconds since 1970."""
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
        """Return the portal's time as ISO text in UTC, to the second."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_instant(text: str) -> float:
    """Return an ISO time as seconds since 1970; without an offset it is UTC."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
