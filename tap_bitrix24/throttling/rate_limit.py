"""When a request may be sent: a leaky bucket per portal, kept below its edge and shared by all processes of a machine.

The portal counts requests per address, so several taps behind one address (tasks of one Airflow worker, say) use up one
bucket whether they know it or not. Here they know: its level lies in a small SQLite file in the user's folder of
temporary files, by a hash of the portal's host. Where no such file can be made, each process keeps a level of its own.

A self-hosted portal has no such bucket, and no other figure to keep to: how much it can take shows in how long it takes
to answer. There the bucket is the tap's own. It drains so fast that a few requests are in flight on average, which is a
rate that falls when answers get slower. See docs/protocol.md §7.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG = logging.getLogger("tap-bitrix24.rate_limit")
RESERVE = 0.04
"""Part of the burst, at least RESERVED_REQUESTS, left unused: requests arrive closer together than they are sent."""
RESERVED_REQUESTS = 2
MIN_RATE_FACTOR = 0.25
"""Part of the tariff's rate that is used even if the portal keeps refusing."""
RECOVERY = 60.0
"""Seconds without a refusal after which half a rate is a whole one again."""
SELF_HOSTED_CONCURRENCY = 2
"""Requests in flight on a self-hosted portal, on average: one is answered while the next is on its way."""
SELF_HOSTED_BURST = 4
"""Requests a self-hosted portal may get without a pause between them."""
SELF_HOSTED_MAX_RATE = 20.0
"""Requests a second a self-hosted portal gets at most."""
SELF_HOSTED_MAX_RESPONSE = 60.0
"""Seconds a self-hosted portal is expected to take for an answer at most: its rate falls no further."""
SPACING = 1.15
"""Part of the shortest time between requests that is kept: requests arrive closer together than they are sent."""
SMOOTHING = 0.25
"""Weight of an answer's response time against those before it."""
_LOCK_TIMEOUT = 5.0
"""Seconds to wait for other processes that hold the file."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS bucket (portal TEXT PRIMARY KEY, level REAL, at REAL, rate_factor REAL) WITHOUT ROWID"
)
_CLOUD = re.compile(r"(?:https?://)?[^/:]+\.bitrix24\.(?:[a-z]+|com?\.[a-z]{2})(?::\d+)?(?:/.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The leaky bucket of a tariff."""

    burst: int
    """Requests the bucket holds."""
    per_second: float
    """Requests that drain from it each second."""

    @property
    def room(self) -> float:
        """Requests it holds besides those left unused."""
        return self.burst - max(RESERVED_REQUESTS, self.burst * RESERVE)


TARIFFS: Mapping[str, Tariff] = {"standard": Tariff(50, 2.0), "enterprise": Tariff(250, 5.0)}
"""By the value of the setting `plan`."""


@dataclass(slots=True)
class BucketLevel:
    """How full a bucket is."""

    requests: float = 0.0
    at: float = 0.0
    """When it was so full: seconds of the monotonic clock all processes share; it restarts with the machine."""
    rate_factor: float = 1.0
    """Part of the tariff's rate that the portal accepted lately: others may use the same bucket."""

    def leak(self, tariff: Tariff, now: float) -> None:
        """Let the time until now pass. A clock that went back means that the machine restarted: the level is void."""
        passed = now - self.at
        if passed < 0:
            self.requests, passed = 0.0, RECOVERY
        self.requests = max(0.0, self.requests - passed * tariff.per_second * self.rate_factor)
        self.rate_factor = min(1.0, self.rate_factor + passed / RECOVERY / 2)
        self.at = now


class RateLimiter:
    """The rate limit of one portal: when the next request may be sent."""

    def __init__(
        self,
        tariff: Tariff,
        portal: str = "",
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        fixed: bool = True,
    ) -> None:
        """Take the bucket of the portal's tariff.

        Args:
            tariff: Its burst and rate.
            portal: Host and port.
            folder: Where processes share the level; None: this process has a level of its own.
            clock: Seconds, monotonic, the same in all processes.
            fixed: Keep to the tariff wherever the portal is hosted; without it, the response time of a self-hosted one
                sets the rate.
        """
        self._tariff = tariff
        self._host = portal
        self._fixed = fixed or _CLOUD.fullmatch(portal) is not None
        self._self_hosted = False
        self._response = 0.0
        """Response time in seconds, smoothed; 0: no answer has come."""
        self._in_flight: list[float] = []
        """When each request in flight was sent, the oldest first."""
        self._measure_lock = threading.Lock()
        self._key = hashlib.sha256(portal.encode()).hexdigest()
        self._file = folder / "rate_limit.sqlite" if folder else None
        self._clock = clock
        self._own_level = BucketLevel(at=clock())
        self._spacing = 0.0
        """Least seconds between two requests of this process."""
        self._last_sent_at = -RECOVERY

    def delay(self) -> float:
        """Return the seconds until a request may be sent; 0: now. Nothing is counted."""
        return self._with_level(self._delay)

    def acquire(self) -> float:
        """Count one request that is sent now and return 0, or return the seconds to wait before asking again."""

        def take(level: BucketLevel) -> float:
            if (seconds := self._delay(level)) == 0:
                level.requests += 1
                self._last_sent_at = self._clock()
            return seconds

        return self._with_level(take)

    def interval(self, requests: float) -> float:
        """Return the seconds between requests at which the burst lasts for this many; 0: it holds them all."""

        def spread(level: BucketLevel) -> float:
            bucket = self._bucket()
            beyond = requests - (bucket.room - level.requests)
            return max(0.0, beyond / requests / (bucket.per_second * level.rate_factor)) if requests else 0.0

        return self._with_level(spread)

    def set_spacing(self, per_second: float) -> None:
        """Allow at most this many requests in any second, however much the bucket holds."""
        self._spacing = SPACING / per_second

    def note_refusal(self) -> None:
        """Count the bucket as full, and go slower for a while: others' requests have filled it."""

        def fill(level: BucketLevel) -> float:
            level.requests = float(self._bucket().burst)
            level.rate_factor = max(MIN_RATE_FACTOR, level.rate_factor / 2)
            return 0.0

        self._with_level(fill)

    def recognize_hosting(self, times: Sequence[Mapping[str, Any]]) -> None:
        """Recognize by the `time` of commands' answers whether the portal is self-hosted.

        The cloud reports `operating` with each of them. A portal that has not yet is taken to be self-hosted; once it
        does, it is not, and the tariff counts for good.

        Args:
            times: Of classic REST; without that of a batch as a whole, which may lack `operating` in the cloud, too.
        """
        known = [time for time in times if time]
        if self._fixed or not known:
            return
        with self._measure_lock:
            if any("operating" in time for time in known):
                self._fixed, self._self_hosted = True, False
            elif not self._self_hosted:
                self._self_hosted = True
                LOG.info("%s is self-hosted: its rate follows its response time; plan sets a rate instead", self._host)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Return a context around a request that measures the response time.

        A failure says little about what the portal can take: it never counts as a fast answer, but may as a slow one.
        """
        sent_at, succeeded = self._clock(), False
        with self._measure_lock:
            self._in_flight.append(sent_at)
        try:
            yield
            succeeded = True
        finally:
            with self._measure_lock:
                self._in_flight.remove(sent_at)
                seconds = self._clock() - sent_at
                smoothed = self._response + SMOOTHING * (seconds - self._response) if self._response else seconds
                self._response = smoothed if succeeded else max(self._response, smoothed)

    def _bucket(self) -> Tariff:
        """Return the bucket that counts: the tariff's, or one that drains as fast as a self-hosted portal answers."""
        if not self._self_hosted:
            return self._tariff
        with self._measure_lock:
            oldest = self._in_flight[:SELF_HOSTED_CONCURRENCY]
            # once several have been in flight for long, others will take as long at least
            waited = self._clock() - oldest[-1] if len(oldest) == SELF_HOSTED_CONCURRENCY else 0.0
            response = min(max(self._response, waited), SELF_HOSTED_MAX_RESPONSE)
        return Tariff(
            SELF_HOSTED_BURST + RESERVED_REQUESTS,
            SELF_HOSTED_CONCURRENCY / max(response, SELF_HOSTED_CONCURRENCY / SELF_HOSTED_MAX_RATE),
        )

    def _delay(self, level: BucketLevel) -> float:
        """Return the seconds until the bucket and the spacing let a request through."""
        bucket = self._bucket()
        until_room = max(0.0, level.requests - bucket.room + 1) / (bucket.per_second * level.rate_factor)
        return max(until_room, self._last_sent_at + self._spacing - self._clock(), 0.0)

    def _with_level(self, change: Callable[[BucketLevel], float]) -> float:
        """Read the level, let it leak, change and write it, no other process in between; return what `change` did."""
        if self._file is not None:
            try:
                self._file.touch(mode=0o600)  # the hash of a host's name can be guessed
                with closing(sqlite3.connect(self._file, timeout=_LOCK_TIMEOUT, isolation_level=None)) as database:
                    return self._with_shared_level(database, change)
            except (sqlite3.Error, OSError) as error:
                LOG.warning("cannot share the rate limit with other processes: %s: %s", self._file, error)
                self._file = None
        self._own_level.leak(self._bucket(), self._clock())
        return change(self._own_level)

    def _with_shared_level(self, database: sqlite3.Connection, change: Callable[[BucketLevel], float]) -> float:
        """Do the same in one transaction of the shared file."""
        database.execute("PRAGMA synchronous = OFF")  # what a crash of the machine may lose is void after it anyway
        database.execute("BEGIN IMMEDIATE")
        database.execute(_TABLE)
        row = database.execute("SELECT level, at, rate_factor FROM bucket WHERE portal = ?", [self._key]).fetchone()
        now = self._clock()
        level = BucketLevel(*row) if row else BucketLevel(at=now)
        level.leak(self._bucket(), now)
        seconds = change(level)
        values = [self._key, level.requests, level.at, level.rate_factor]
        database.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", values)
        database.execute("COMMIT")
        return seconds


def shared_folder() -> Path | None:
    """Return the user's own folder for what processes of this machine share, or None where none can be made."""
    owner = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"tap-bitrix24-{owner}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = owner == "" or (folder.stat().st_uid == owner and not folder.is_symlink())
    except OSError:
        return None
    return folder if mine else None
