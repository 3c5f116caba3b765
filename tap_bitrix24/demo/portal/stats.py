"""Counters of what the portal served, with what a real one hides: dropped filters, rows served twice, write calls."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class InFlight:
    """The number of requests in flight: read, and not yet ready to send; ``most`` is the highest so far.

    It never exceeds the number of requests that a client sends at once.
    """

    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> None:
        """Count a request that was read."""
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        """Count a request whose answer is ready."""
        with self._lock:
            self.now -= 1

    def forget(self) -> None:
        """Reset the highest number to the present one."""
        with self._lock:
            self.most = self.now


@dataclass
class Stats:
    """Counters since the start or the last reset."""

    requests: int = 0
    batches: int = 0
    max_commands: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    http: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    grants: Counter[str] = field(default_factory=Counter)
    secrets_in_urls: int = 0
    operating: dict[str, float] = field(default_factory=dict)
    in_flight: InFlight = field(default_factory=InFlight)
    _seen: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fresh(self) -> "Stats":
        """Return counters at zero; requests in flight are carried over."""
        self.in_flight.forget()
        return Stats(in_flight=self.in_flight)

    def request(self, commands: int | None) -> None:
        """Count a request; ``commands`` is their number in a batch."""
        with self._lock:
            self.requests += 1
            if commands is not None:
                self.batches += 1
                self.max_commands = max(self.max_commands, commands)

    def answered(self, status: int) -> None:
        """Count an HTTP status."""
        with self._lock:
            self.http[str(status)] += 1

    def error(self, code: Any) -> None:
        """Count an error code, also of a command of a batch."""
        with self._lock:
            self.errors[str(code)] += 1

    def granted(self, kind: str) -> None:
        """Count tokens issued; ``kind`` is the grant type."""
        with self._lock:
            self.grants[kind] += 1

    def secret_in_url(self) -> None:
        """Count a request with a token or key in its URL: servers and proxies log URLs."""
        with self._lock:
            self.secrets_in_urls += 1

    def write(self, method: str) -> None:
        """Count an attempt to write."""
        with self._lock:
            self.writes[method] += 1

    def command(self, method: str) -> None:
        """Count a command."""
        with self._lock:
            self.commands[method] += 1

    def filters_dropped(self, method: str, keys: Sequence[str]) -> None:
        """Count the filter keys that a command dropped without an error."""
        with self._lock:
            for key in keys:
                self.dropped[f"{method}:{key}"] += 1

    def served(self, method: str, table: str, ids: Sequence[int], *, counted: bool) -> None:
        """Count the rows of a page, and those among them that this method has served before."""
        with self._lock:
            self.rows[method] += len(ids)
            self.counted[method] += counted
            seen = self._seen.setdefault((method, table), set())
            before = len(seen)
            seen.update(ids)
            self.twice[method] += len(ids) - (len(seen) - before)

    def operated(self, method: str, seconds: float) -> None:
        """Keep the highest operating time of a method, in seconds."""
        with self._lock:
            self.operating[method] = max(self.operating.get(method, 0.0), seconds)

    def shown(self) -> dict[str, Any]:
        """Return all counters as JSON for the control endpoint, without zeros."""
        with self._lock:
            return {
                "requests": self.requests,
                "batches": self.batches,
                "commands": dict(self.commands),
                "rows": dict(self.rows),
                "http": dict(self.http),
                "errors": dict(self.errors),
                "dropped_filters": dict(self.dropped),
                "rows_served_twice": dict(+self.twice),
                "write_calls": dict(self.writes),
                "counted": dict(+self.counted),
                "highest_operating": dict(self.operating),
                "max_commands_in_batch": self.max_commands,
                "token_grants": dict(self.grants),
                "secrets_in_urls": self.secrets_in_urls,
                "in_flight_most": self.in_flight.most,
            }
