"""When to send: one leaky bucket per portal, kept below its edge, shared by all processes of this machine.

The portal counts requests per address, so several taps behind one of them (tasks of a scheduler's worker) share
one bucket whether they know it or not. Here they do: its level lies in a small SQLite file in the user's folder of
temporary files, by a hash of the portal's host. Where no such file can be had, each process keeps its own.

A self-hosted portal has no such bucket, and no other figure to keep to: how much it can take shows in how long it
takes. There the bucket is the tap's own. It drains so that a few requests are at work on the server on average, which
is a rate that falls when answers get slower, whoever else may be the reason.
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

LOG = logging.getLogger("tap-bitrix24.pacing")
RESERVE = 0.04
"""Part of the burst, and SPARE_REQUESTS at least, left unused: what is under way arrives closer together than sent."""
RESERVED_REQUESTS = 2
MIN_PACE = 0.25
"""Part of the plan's rate that is used even if the portal goes on refusing."""
RECOVERY = 60.0
"""Seconds without a refusal after which half a rate is a whole one again."""
SELF_HOSTED_CONCURRENCY = 2
"""Requests at work on a self-hosted portal, on average: one is answered while the next is on its way."""
SELF_HOSTED_BURST = 4
"""Requests a self-hosted portal may get without a pause between."""
SELF_HOSTED_MAX_RATE, SELF_HOSTED_MAX_RESPONSE = 20.0, 60.0
"""Bounds of a self-hosted portal's rate: requests a second, and the seconds a request may last on such a portal."""
SPACING = 1.15
"""Part of the shortest time between requests that is kept: what is under way arrives closer together than sent."""
SMOOTHING = 0.25
"""Part of what an answer's time counts beside those before it."""
_BUSY = 5.0
"""Seconds to wait for other processes that hold the file."""
_TABLE = "CREATE TABLE IF NOT EXISTS bucket (portal TEXT PRIMARY KEY, level REAL, at REAL, pace REAL) WITHOUT ROWID"
_CLOUD = re.compile(r"(?:https?://)?[^/:]+\.bitrix24\.(?:[a-z]+|com?\.[a-z]{2})(?::\d+)?(?:/.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff's leaky bucket."""

    burst: int
    per_second: float

    @property
    def room(self) -> float:
        """Requests it holds with what is left unused."""
        return self.burst - max(RESERVED_REQUESTS, self.burst * RESERVE)


TARIFFS: Mapping[str, Tariff] = {"standard": Tariff(50, 2.0), "enterprise": Tariff(250, 5.0)}


@dataclass(slots=True)
class BucketLevel:
    """How full a bucket is."""

    requests: float = 0.0
    at: float = 0.0
    """Seconds of the clock all processes of a machine share (monotonic; it begins anew when the machine does)."""
    pace: float = 1.0
    """Part of the plan's rate the portal has let us use lately: others may drain the same bucket."""

    def leak(self, plan: Tariff, now: float) -> None:
        """Let time pass; a clock that went back belongs to another life of the machine."""
        passed = now - self.at
        if passed < 0:
            self.requests, passed = 0.0, RECOVERY
        self.requests = max(0.0, self.requests - passed * plan.per_second * self.pace)
        self.pace = min(1.0, self.pace + passed / RECOVERY / 2)
        self.at = now


class RateLimiter:
    """One per portal: says when the next request may go, and counts it."""

    def __init__(
        self,
        plan: Tariff,
        portal: str = "",
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        fixed: bool = True,
    ) -> None:
        """Take the plan's bucket.

        Args:
            plan: Burst and drain rate.
            portal: Host and port.
            folder: Where processes share the level; None: this process has a bucket of its own.
            clock: Seconds, monotonic, the same in all processes.
            fixed: Keep to the plan whatever the portal is; without it, a self-hosted one sets its own pace.
        """
        self._plan = plan
        self._name = portal
        self._fixed = fixed or _CLOUD.fullmatch(portal) is not None
        self._self_hosted = False
        self._response = 0.0
        """Seconds an answer takes, smoothed; 0: none has come."""
        self._under_way: list[float] = []
        """Since when each request is at work, the oldest first."""
        self._learning = threading.Lock()
        self._portal = hashlib.sha256(portal.encode()).hexdigest()
        self._file = folder / "pacing.sqlite" if folder else None
        self._clock = clock
        self._own = BucketLevel(at=clock())
        self._apart = 0.0
        """Seconds between two requests of this process, at least."""
        self._taken = -RECOVERY
        """When the last one was counted."""

    def delay(self) -> float:
        """Seconds until a request may be sent; 0: now. Nothing is counted."""
        return self._change(self._early)

    def acquire(self) -> float:
        """Count one request that is sent now and return 0, or return the seconds to wait before asking again."""

        def take(level: BucketLevel) -> float:
            if (seconds := self._early(level)) == 0:
                level.requests += 1
                self._taken = self._clock()
            return seconds

        return self._change(take)

    def interval(self, requests: float) -> float:
        """Seconds between requests that use up the burst just when so many have been sent; 0: it holds them all."""

        def spread(level: BucketLevel) -> float:
            bucket = self._bucket()
            beyond = requests - (bucket.room - level.requests)
            return max(0.0, beyond / requests / (bucket.per_second * level.pace)) if requests else 0.0

        return self._change(spread)

    def set_spacing(self, per_second: float) -> None:
        """Keep requests apart, besides: so many are allowed in any second, whatever the bucket holds."""
        self._apart = SPACING / per_second

    def recognize_hosting(self, times: Sequence[Mapping[str, Any]]) -> None:
        """See by the `time` of commands' answers whose server the portal runs on.

        The cloud tells `operating` with each of them. A portal that never did is self-hosted; if it does later, it is
        not, and the tariff counts again, for good.

        Args:
            times: Of classic REST; that of a batch as a whole is not among them, for it may lack the word in the cloud.
        """
        known = [time for time in times if time]
        if self._fixed or not known:
            return
        with self._learning:
            if any("operating" in time for time in known):
                self._fixed, self._self_hosted = True, False
            elif not self._self_hosted:
                self._self_hosted = True
                LOG.info("%s is self-hosted and is paced by its response time; plan sets a rate instead", self._name)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Around a request: learn how long the portal takes.

        What fails fast says nothing of what the portal can take, so it never counts as a fast answer.
        """
        began, well = self._clock(), False
        with self._learning:
            self._under_way.append(began)
        try:
            yield
            well = True
        finally:
            with self._learning:
                self._under_way.remove(began)
                seconds = self._clock() - began
                smoothed = self._response + SMOOTHING * (seconds - self._response) if self._response else seconds
                self._response = smoothed if well else max(self._response, smoothed)

    def _bucket(self) -> Tariff:
        """The bucket that counts now: the tariff's, or one that drains as fast as a self-hosted portal answers."""
        if not self._self_hosted:
            return self._plan
        with self._learning:
            oldest = self._under_way[:SELF_HOSTED_CONCURRENCY]
            since = (
                self._clock() - oldest[-1] if len(oldest) == SELF_HOSTED_CONCURRENCY else 0.0
            )  # others will take as long at least
            response = min(max(self._response, since), SELF_HOSTED_MAX_RESPONSE)
        return Tariff(
            SELF_HOSTED_BURST + RESERVED_REQUESTS,
            SELF_HOSTED_CONCURRENCY / max(response, SELF_HOSTED_CONCURRENCY / SELF_HOSTED_MAX_RATE),
        )

    def note_refusal(self) -> None:
        """The bucket was fuller than we knew, with others' requests: count it as full, and go slower for a while."""

        def fill(level: BucketLevel) -> float:
            level.requests = float(self._bucket().burst)
            level.pace = max(MIN_PACE, level.pace / 2)
            return 0.0

        self._change(fill)

    def _early(self, level: BucketLevel) -> float:
        bucket = self._bucket()
        full = max(0.0, level.requests - bucket.room + 1) / (bucket.per_second * level.pace)
        return max(full, self._taken + self._apart - self._clock(), 0.0)

    def _change(self, change: Callable[[BucketLevel], float]) -> float:
        """Read the level, let it leak, change it, write it: no other process comes between."""
        if self._file is not None:
            try:
                self._file.touch(mode=0o600)  # the hash of a host's name can be guessed
                with closing(sqlite3.connect(self._file, timeout=_BUSY, isolation_level=None)) as shared:
                    return self._change_shared(shared, change)
            except (sqlite3.Error, OSError) as error:
                LOG.warning("requests are paced for this process alone: %s: %s", self._file, error)
                self._file = None
        self._own.leak(self._bucket(), self._clock())
        return change(self._own)

    def _change_shared(self, shared: sqlite3.Connection, change: Callable[[BucketLevel], float]) -> float:
        shared.execute("PRAGMA synchronous = OFF")  # what a crash of the machine may lose is gone with it anyhow
        shared.execute("BEGIN IMMEDIATE")
        shared.execute(_TABLE)
        row = shared.execute("SELECT level, at, pace FROM bucket WHERE portal = ?", [self._portal]).fetchone()
        now = self._clock()
        level = BucketLevel(*row) if row else BucketLevel(at=now)
        level.leak(self._bucket(), now)
        seconds = change(level)
        values = [self._portal, level.requests, level.at, level.pace]
        shared.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", values)
        shared.execute("COMMIT")
        return seconds


def shared_folder() -> Path | None:
    """The user's own folder for what processes of this machine share; None where there can't be one."""
    owner = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"tap-bitrix24-{owner}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = owner == "" or (folder.stat().st_uid == owner and not folder.is_symlink())
    except OSError:
        return None
    return folder if mine else None
