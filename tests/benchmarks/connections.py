"""Requests and rows per second of each connection: 50,000 deals, with the demo portal's limits.

    .venv/bin/python -m tests.benchmarks.connections

writes docs/performance/connections.json; docs/performance.md is rendered from it. The rate limit determines the speed:
a site's API gets a hundred requests a minute for a hundred rows each, VibeCode four a second for five hundred.
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
RESULTS = FOLDER / "connections.json"
CONNECTIONS = {
    "webhook": ("webhook", "deals"),
    "OAuth": ("oauth", "deals"),
    "REST 3.0": ("webhook", "event_log"),
    "VibeCode": ("vibecode", "deals"),
    "site API": ("site", "orders"),
}
"""Name → (connection of the demo portal, stream). REST 3.0 has no deals: the event log has two rows for each."""


def measured(connection: str, stream: str, deals: int) -> dict[str, Any]:
    """Return the figures of one full read through a connection."""
    with serve(scale=deals, seed=1, clock="now") as running, tempfile.TemporaryDirectory() as folder:
        config = dict(running.config(connection))
        if connection == "oauth":
            config["token_file"] = str(Path(folder, "tokens"))
        discovered = subprocess.run(
            _command(folder, config, "--discover"), check=True, capture_output=True, encoding="utf-8", cwd=folder
        )
        catalog = Path(folder, "catalog.json")
        catalog.write_text(json.dumps(only(json.loads(discovered.stdout), stream)))
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
    """Measure all connections, one after another."""
    figures: dict[str, Any] = {}
    for name, (connection, stream) in CONNECTIONS.items():
        figures[name] = measured(connection, stream, DEALS)
        sys.stdout.write(f"{name}: {figures[name]}\n")
        sys.stdout.flush()
    results = {"measured": datetime.now(UTC).date().isoformat(), "deals": DEALS, "connections": figures}
    RESULTS.write_text(f"{json.dumps(results, indent=1)}\n")


if __name__ == "__main__":
    main()
