"""What the demo portal itself costs: seconds and memory to start, milliseconds per 2,500-row batch.

Usage, from the project's root:

    python -m tests.benchmarks.demo_portal [--scale 300000] [--batches 20]

Every other benchmark stands on these figures: what the portal spends cannot be the reader's speed. The portal runs in a
process of its own; CPU is that process's, so a busy machine spoils the wall clock only. Needs Linux (`/proc`).
Prints one line of JSON: start_seconds, resident_mb, cold_batch_ms and cold_batch_cpu_ms (rows never served before),
warm_batch_ms and warm_batch_cpu_ms (the same rows again), batch_mb.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.demo.wire import Wire, command

PAGES = 50
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """The medians of a run; seconds, milliseconds and megabytes as the names say."""

    scale: int
    start_seconds: float
    resident_mb: float
    cold_batch_ms: float
    cold_batch_cpu_ms: float
    warm_batch_ms: float
    warm_batch_cpu_ms: float
    batch_mb: float


@contextmanager
def running(scale: int) -> Iterator[tuple[int, str]]:
    """Process id and webhook URL of a portal without limits."""
    start = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", str(scale), "--no-limits"]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            message = "the portal has no standard output"
            raise RuntimeError(message)
        try:
            yield process.pid, json.loads(process.stdout.readline())["webhook_url"]
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Memory a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def chain(after: int) -> dict[str, str]:
    """2,500 deals behind an id, as a chain of pages."""
    cmd: dict[str, str] = {}
    for number in range(PAGES):
        low = f"$result[c{number - 1}][49][ID]" if number else after
        params = {"filter": {">ID": low}, "order": {"ID": "ASC"}, "select": ["*", "UF_*"], "start": -1}
        cmd[f"c{number}"] = command("crm.deal.list", params)
    return cmd


def timed(portal: Wire, pid: int, after: int) -> tuple[float, float, int, int]:
    """Wall and CPU milliseconds of one batch, its bytes and its last id."""
    began, spent = time.perf_counter(), cpu_seconds(pid)
    answer = portal.call("batch", {"halt": 0, "cmd": chain(after)})
    wall, cpu = time.perf_counter() - began, cpu_seconds(pid) - spent
    last = answer.result["result"][f"c{PAGES - 1}"]
    return wall * 1000, cpu * 1000, len(answer.raw), int(last[-1]["ID"])


def series(portal: Wire, pid: int, batches: int) -> tuple[float, float, float]:
    """Median wall ms, mean CPU ms (its clock is coarse) and median MB of a walk from the first deal on."""
    results, after = [], 0
    for _ in range(batches):
        results.append(timed(portal, pid, after))
        after = results[-1][3]
    walls, cpus, sizes, _ = zip(*results, strict=True)
    return statistics.median(walls), statistics.mean(cpus), statistics.median(sizes) / 1e6


def measure(scale: int, batches: int) -> Figures:
    """Starts a portal and walks the same deals twice."""
    began = time.perf_counter()
    with running(scale) as (pid, url):
        started = time.perf_counter() - began
        portal = Wire(url)
        cold = series(portal, pid, batches)
        warm = series(portal, pid, batches)
        return Figures(scale, started, resident_mb(pid), cold[0], cold[1], warm[0], warm[1], warm[2])


def main() -> None:
    """Measures once and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=int, default=300_000)
    parser.add_argument("--batches", type=int, default=20)
    chosen = parser.parse_args()
    batches = min(chosen.batches, chosen.scale // (PAGES * 50) - 1)
    figures = asdict(measure(chosen.scale, batches))
    sys.stdout.write(
        json.dumps({name: round(value, 2) for name, value in figures.items()}) + "\n",
    )


if __name__ == "__main__":
    main()
