"""When to send: one leaky bucket per portal, kept below its edge, shared by all processes of this machine.

The portal counts requests per address, so several taps behind one of them (tasks of a scheduler's worker) share
one bucket whether they know it or not. Here they do: its level lies in a small SQLite file in the user's folder of
temporary files, by a hash of the portal's host. Where no such file can be had, each process keeps its own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

LOG = logging.getLogger("tap-bitrix24.pacing")
SPARE = 0.04
"""Part of the burst, and SPARE_REQUESTS at least, left unused: what is under way arrives closer together than sent."""
SPARE_REQUESTS = 2
SLOWEST = 0.25
"""Part of the plan's rate that is used even if the portal goes on refusing."""
RECOVERY = 60.0
"""Seconds without a refusal after which half a rate is a whole one again."""
_BUSY = 5.0
"""Seconds to wait for other processes that hold the file."""
_TABLE = "CREATE TABLE IF NOT EXISTS bucket (portal TEXT PRIMARY KEY, level REAL, at REAL, pace REAL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff's leaky bucket."""

    burst: int
    per_second: float


PLANS: Mapping[str, Plan] = {"standard": Plan(50, 2.0), "enterprise": Plan(250, 5.0)}


@dataclass(slots=True)
class Level:
    """How full a bucket is."""

    requests: float = 0.0
    at: float = 0.0
    """Seconds of the clock all processes of a machine share (monotonic; it begins anew when the machine does)."""
    pace: float = 1.0
    """Part of the plan's rate the portal has let us use lately: others may drain the same bucket."""

    def leak(self, plan: Plan, now: float) -> None:
        """Let time pass; a clock that went back belongs to another life of the machine."""
        passed = now - self.at
        if passed < 0:
            self.requests, passed = 0.0, RECOVERY
        self.requests = max(0.0, self.requests - passed * plan.per_second * self.pace)
        self.pace = min(1.0, self.pace + passed / RECOVERY / 2)
        self.at = now


class Pacer:
    """One per portal: says when the next request may go, and counts it."""

    def __init__(
        self, plan: Plan, portal: str = "", folder: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the plan's bucket.

        Args:
            plan: Burst and drain rate.
            portal: Host and port.
            folder: Where processes share the level; None: this process has a bucket of its own.
            clock: Seconds, monotonic, the same in all processes.
        """
        self._plan = plan
        self._room = plan.burst - max(SPARE_REQUESTS, plan.burst * SPARE)
        self._portal = hashlib.sha256(portal.encode()).hexdigest()
        self._file = folder / "pacing.sqlite" if folder else None
        self._clock = clock
        self._own = Level(at=clock())

    def wait(self) -> float:
        """Seconds until a request may be sent; 0: now. Nothing is counted."""
        return self._change(self._early)

    def take(self) -> float:
        """Count one request that is sent now and return 0, or return the seconds to wait before asking again."""

        def take(level: Level) -> float:
            if (seconds := self._early(level)) == 0:
                level.requests += 1
            return seconds

        return self._change(take)

    def interval(self, requests: float) -> float:
        """Seconds between requests that use up the burst just when so many have been sent; 0: it holds them all."""

        def spread(level: Level) -> float:
            beyond = requests - (self._room - level.requests)
            return max(0.0, beyond / requests / (self._plan.per_second * level.pace)) if requests else 0.0

        return self._change(spread)

    def slow_down(self, per_second: float) -> None:
        """The portal tells a rate of its own: it counts if it is lower than the plan's."""
        if per_second < self._plan.per_second:
            burst = min(self._plan.burst, max(1, int(per_second)) + SPARE_REQUESTS)
            self._plan = Plan(burst, per_second)
            self._room = burst - max(SPARE_REQUESTS, burst * SPARE)

    def refused(self) -> None:
        """The bucket was fuller than we knew, with others' requests: count it as full, and go slower for a while."""

        def fill(level: Level) -> float:
            level.requests = float(self._plan.burst)
            level.pace = max(SLOWEST, level.pace / 2)
            return 0.0

        self._change(fill)

    def _early(self, level: Level) -> float:
        return max(0.0, level.requests - self._room + 1) / (self._plan.per_second * level.pace)

    def _change(self, change: Callable[[Level], float]) -> float:
        """Read the level, let it leak, change it, write it: no other process comes between."""
        if self._file is not None:
            try:
                self._file.touch(mode=0o600)  # the hash of a host's name can be guessed
                with closing(sqlite3.connect(self._file, timeout=_BUSY, isolation_level=None)) as shared:
                    return self._change_shared(shared, change)
            except (sqlite3.Error, OSError) as error:
                LOG.warning("requests are paced for this process alone: %s: %s", self._file, error)
                self._file = None
        self._own.leak(self._plan, self._clock())
        return change(self._own)

    def _change_shared(self, shared: sqlite3.Connection, change: Callable[[Level], float]) -> float:
        shared.execute("PRAGMA synchronous = OFF")  # what a crash of the machine may lose is gone with it anyhow
        shared.execute("BEGIN IMMEDIATE")
        shared.execute(_TABLE)
        row = shared.execute("SELECT level, at, pace FROM bucket WHERE portal = ?", [self._portal]).fetchone()
        now = self._clock()
        level = Level(*row) if row else Level(at=now)
        level.leak(self._plan, now)
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
