"""SIGKILL, of the tap or of the loader, at any moment; then again from the last STATE the loader confirmed.

Each of TRAILS databases suffers KILLS kills before it is let finish; then it must equal the portal. A moment is a
seeded number of bytes that passed from tap to loader, in the middle of a line mostly: a busy machine changes nothing.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.full import FULL
from tests.support.running import SCRIPTS, Portal, Tap, only
from tests.support.truth import PORTAL_TABLES, differences

TRAILS, KILLS = (40 if FULL else 10), 5
AT_ONCE = 3
STREAMS = ("deals", "leads", "crm_statuses")
SCALE = 600
CHUNK = 1 << 16
DAWDLE = 0.15
"""Seconds, at most, between the last byte handed on and the kill: the loader may be committing."""


def relayed(tap: "subprocess.Popen[bytes]", loader: "subprocess.Popen[bytes]", moment: int | None) -> Iterator[None]:
    """Hand bytes from tap to loader until one of them ends; yields once, when `moment` bytes have passed."""
    source, sink, passed = tap.stdout, loader.stdin, 0
    assert source is not None
    assert sink is not None
    try:
        while chunk := os.read(source.fileno(), CHUNK):
            if moment is not None and passed + len(chunk) > moment:
                os.write(sink.fileno(), chunk[: moment - passed])
                yield
                return
            passed += len(chunk)
            sink.write(chunk)
            sink.flush()
    finally:
        source.close()
        sink.close()


@dataclass
class Trail:
    """One database and what happens to it."""

    folder: Path
    dice: random.Random
    config: Mapping[str, Any]
    catalog: Mapping[str, Any]
    killed: list[str] = field(default_factory=list)
    state: dict[str, Any] | None = None
    resumed: int = 0
    """Runs that began from a STATE."""

    @property
    def database(self) -> Path:
        return self.folder / "killed.duckdb"

    def go(self, total: int) -> None:
        """Run and kill, run and kill … and let the last run finish.

        Args:
            total: Bytes of a whole run.
        """
        self.folder.mkdir()
        while len(self.killed) < KILLS:
            victim = self.dice.choice(["tap", "loader"])
            if self.run(victim=victim, moment=self.dice.randrange(total)):
                self.state = None  # it was through before that moment: all over again, into the same tables
        assert self.run()

    def run(self, *, victim: str = "", moment: int = 0) -> bool:
        """One run of `tap | loader`; returns whether it came to its end unharmed."""
        arguments = self._files()
        with (
            (self.folder / "echoed.jsonl").open("wb") as echoed,
            (self.folder / "complaints.log").open("ab") as complaints,
            subprocess.Popen(
                [str(SCRIPTS / "tap-bitrix24"), *arguments], stdout=subprocess.PIPE, stderr=complaints
            ) as tap,
            subprocess.Popen(
                [str(SCRIPTS / "target-bitrix24-duckdb"), "--config", str(self.folder / "target.json")],
                stdin=subprocess.PIPE,
                stdout=echoed,
                stderr=complaints,
            ) as loader,
        ):
            for _ in relayed(tap, loader, moment if victim else None):
                time.sleep(self.dice.uniform(0, DAWDLE))
                {"tap": tap, "loader": loader}[victim].kill()
                self.killed.append(victim)
            codes = tap.wait(30), loader.wait(30)
        self._remember()
        return codes == (0, 0)

    def _files(self) -> list[str]:
        """Write the settings; returns the tap's arguments."""
        contents = {"config": self.config, "catalog": self.catalog, "target": {"path": str(self.database)}}
        if self.state is not None:
            contents["state"] = self.state
            self.resumed += 1
        for name, content in contents.items():
            (self.folder / f"{name}.json").write_text(json.dumps(content))
        names = [name for name in contents if name != "target"]
        return [part for name in names for part in (f"--{name}", str(self.folder / f"{name}.json"))]

    def _remember(self) -> None:
        """The last STATE the loader confirmed, as Meltano would keep it."""
        lines = (self.folder / "echoed.jsonl").read_text().splitlines()
        if lines:
            self.state = json.loads(lines[-1])


@pytest.fixture
def trails(start: Start, catalog: dict[str, Any], tmp_path: Path) -> tuple[Portal, list[Trail]]:
    """A portal, and the databases to be."""
    portal = start(scale=SCALE)
    chosen = only(catalog, *STREAMS)
    config = portal.config(plan="enterprise")
    return portal, [Trail(tmp_path / str(number), random.Random(number), config, chosen) for number in range(TRAILS)]


@pytest.mark.slow
def test_kills_at_fifty_moments_lose_and_repeat_nothing(
    trails: tuple[Portal, list[Trail]], run_tap: Tap, catalog: dict[str, Any]
) -> None:
    portal, suffering = trails
    total = len(run_tap(portal.config(), catalog=catalog, streams=STREAMS).succeeded().stdout.encode())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in [pool.submit(trail.go, total) for trail in suffering]:
            outcome.result()
    victims = [victim for trail in suffering for victim in trail.killed]
    assert len(victims) == TRAILS * KILLS
    assert min(victims.count("tap"), victims.count("loader")) >= 10
    assert sum(trail.resumed for trail in suffering) >= TRAILS
    truths = {stream: portal.truth(PORTAL_TABLES.get(stream, stream)) for stream in STREAMS}
    for trail in suffering:
        for stream, truth in truths.items():
            assert differences(trail.database, stream, truth) == [], (trail.folder, stream)
            assert "Traceback" not in (trail.folder / "complaints.log").read_text()
