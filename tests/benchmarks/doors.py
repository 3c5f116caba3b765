"""Requests and rows a second through each door, of 50,000 deals behind the demo portal's limits.

    .venv/bin/python -m tests.benchmarks.doors

writes docs/performance/doors.json; docs/performance.md is rendered from it. What a door brings is decided by its pace:
the site's API is asked a hundred times a minute for a hundred rows, VibeCode four times a second for five hundred.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tap_bitrix24.demo import serve
from tests.benchmarks.speed.results import FOLDER
from tests.support.running import SCRIPTS, only

DEALS = 50_000
RESULTS = FOLDER / "doors.json"
DOORS = {
    "webhook": ("webhook", "deals"),
    "OAuth": ("oauth", "deals"),
    "REST 3.0": ("webhook", "event_log"),
    "VibeCode": ("vibecode", "deals"),
    "site API": ("site", "orders"),
}
"""Door → (settings of the demo portal, stream). REST 3.0 has no deals: the event log, two lines for each."""


def measured(door: str, stream: str, deals: int) -> dict[str, Any]:
    """One full read through a door."""
    with serve(scale=deals, seed=1, clock="now") as running, tempfile.TemporaryDirectory() as folder:
        config = dict(running.config(door))
        if door == "oauth":
            config["token_file"] = str(Path(folder, "tokens"))
        found = subprocess.run(
            _command(folder, config, "--discover"), check=True, capture_output=True, encoding="utf-8", cwd=folder
        )
        catalog = Path(folder, "catalog.json")
        catalog.write_text(json.dumps(only(json.loads(found.stdout), stream)))
        portal = running.portal
        portal.stats = portal.stats.fresh()
        began = time.monotonic()
        done = subprocess.run(
            _command(folder, config, "--catalog", str(catalog)),
            check=True,
            capture_output=True,
            encoding="utf-8",
            cwd=folder,
        )
        seconds = time.monotonic() - began
        refused = portal.stats.http["503"] + portal.stats.http["429"]
        rows = done.stdout.count('{"type":"RECORD"')
        requests = portal.stats.requests
        return {"stream": stream, "rows": rows, "requests": requests, "refused": refused, "seconds": seconds}


def _command(folder: str, config: Mapping[str, Any], *arguments: str) -> list[str]:
    file = Path(folder, "config.json")
    file.write_text(json.dumps(config))
    return [str(SCRIPTS / "tap-bitrix24"), "--config", str(file), *arguments]


def main() -> None:
    """Measure all doors, one after another."""
    told: dict[str, Any] = {"measured": datetime.now(UTC).date().isoformat(), "deals": DEALS, "doors": {}}
    for name, (door, stream) in DOORS.items():
        told["doors"][name] = measured(door, stream, DEALS)
        sys.stdout.write(f"{name}: {told['doors'][name]}\n")
        sys.stdout.flush()
    RESULTS.write_text(f"{json.dumps(told, indent=1)}\n")


if __name__ == "__main__":
    main()
