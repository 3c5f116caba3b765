"""What a portal costs from end to end: requests, records a second of tap, loader and both, peak memory of each.

Usage, from the project's root:

    python -m tests.benchmarks.end_to_end [--scale 100000] [--no-converge]

The portal runs in a process of its own, without limits; the stream is `deals`, all columns. One line of JSON:
requests; records_per_second of the tap alone (output to /dev/null; `cold`: rows the portal never served before), of
the loader alone (input from a file) and of `tap | loader`; peak_mb (the kernel's high-water mark) of tap and loader.
Then, unless --no-converge is given, a first run with 1 % of the deals inserted, updated and deleted meanwhile and a
second run from its STATE are loaded and compared with the portal's rows, value by value: `converge` says what differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.demo_portal import running
from tests.support.running import SCRIPTS, Portal, Tap, only
from tests.support.truth import differences

STREAM = "deals"


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    peak_mb: float


def started(
    command: Sequence[str], stdin: IO[bytes] | int | None, stdout: IO[bytes] | int
) -> "subprocess.Popen[bytes]":
    """One of our programs, its log thrown away."""
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL)


def finished(process: "subprocess.Popen[bytes]", began: float) -> Cost:
    """Wait for a process; return its time, and its peak memory as the kernel reports it."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"{process.args!r} ended with {process.returncode}"
        raise RuntimeError(message)
    return Cost(time.perf_counter() - began, usage.ru_maxrss / 1024)


@dataclass(frozen=True)
class Bench:
    """A portal, and a folder with the settings of tap and loader."""

    portal: Portal
    folder: Path

    def tap(self, *arguments: str) -> list[str]:
        """The tap's command line."""
        settings = [f"--{name}={self.folder / name}.json" for name in ("config", "catalog")]
        return [str(SCRIPTS / "tap-bitrix24"), *settings, *arguments]

    def loader(self, name: str) -> list[str]:
        """The loader's command line, for a database of that name."""
        config = self.folder / f"{name}.json"
        config.write_text(json.dumps({"path": str(self.folder / f"{name}.duckdb")}))
        return [str(SCRIPTS / "target-bitrix24-duckdb"), "--config", str(config)]

    def tap_alone(self, output: str) -> Cost:
        """The tap into a file, or /dev/null."""
        with Path(output).open("wb") as sink:
            began = time.perf_counter()
            return finished(started(self.tap(), None, sink), began)

    def loader_alone(self, lines: str) -> Cost:
        """The loader from a file."""
        with Path(lines).open("rb") as source:
            began = time.perf_counter()
            return finished(started(self.loader("alone"), source, subprocess.DEVNULL), began)

    def piped(self, name: str, *arguments: str) -> tuple[Cost, Cost, dict[str, Any]]:
        """`tap | loader`; returns both costs and the last STATE confirmed."""
        echoed = self.folder / "echoed.jsonl"
        with echoed.open("wb") as states:
            began = time.perf_counter()
            source = started(self.tap(*arguments), None, subprocess.PIPE)
            sink = started(self.loader(name), source.stdout, states)
            if source.stdout is not None:
                source.stdout.close()
            costs = finished(source, began), finished(sink, began)
        state: dict[str, Any] = json.loads(echoed.read_text().splitlines()[-1])
        return *costs, state


def measure(bench: Bench) -> dict[str, Any]:
    """All runs with nothing changing."""
    rows = bench.portal.counts()[STREAM]
    bench.portal.forget_stats()
    cold = bench.tap_alone(os.devnull)
    requests = bench.portal.stats()["requests"]
    tap = bench.tap_alone(os.devnull)
    lines = str(bench.folder / "lines.jsonl")
    bench.tap_alone(lines)
    loader = bench.loader_alone(lines)
    piped = bench.piped("piped")
    speeds = {"tap_cold": cold, "tap": tap, "loader": loader, "end_to_end": piped[1]}
    peaks = {"tap": tap, "loader": loader, "tap_piped": piped[0], "loader_piped": piped[1]}
    return {
        "rows": rows,
        "requests": requests,
        "output_mb": round(Path(lines).stat().st_size / 1e6, 1),
        "seconds": {name: round(cost.seconds, 2) for name, cost in speeds.items()},
        "records_per_second": {name: round(rows / cost.seconds) for name, cost in speeds.items()},
        "peak_mb": {name: round(cost.peak_mb) for name, cost in peaks.items()},
    }


def converge(bench: Bench) -> dict[str, Any]:
    """A first run while 1 % changes, a second one from its STATE, and what then differs from the portal."""
    each, times = 25, bench.portal.counts()[STREAM] // 100 // 25
    bench.portal.mutate(table=STREAM, insert=each, update=each, delete=each, every_requests=1, times=times)
    _, _, state = bench.piped("converged")
    database, deleted = bench.folder / "converged.duckdb", each * times
    missed = differences(database, STREAM, bench.portal.truth(STREAM), gone=deleted)
    bench.portal.mutate(clear=True)
    (bench.folder / "state.json").write_text(json.dumps(state))
    bench.portal.forget_stats()
    bench.piped("converged", f"--state={bench.folder / 'state.json'}")
    wrong = differences(database, STREAM, bench.portal.truth(STREAM), gone=deleted)
    return {
        "rows": bench.portal.counts()[STREAM],
        "inserted_updated_deleted_each": deleted,
        "differences_after_first_run": len(missed),
        "requests_of_second_run": bench.portal.stats()["requests"],
        "differences_after_second_run": len(wrong),
        "examples": wrong[:5],
    }


def main() -> None:
    """Measures once and prints the figures; exit code 1 if the second run did not converge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=int, default=100_000)
    parser.add_argument("--no-converge", action="store_true")
    chosen = parser.parse_args()
    with running(chosen.scale) as (_, url), tempfile.TemporaryDirectory() as folder:
        bench = Bench(Portal(url), Path(folder))
        config = bench.portal.config(plan="enterprise")
        catalog = only(Tap(bench.folder).discover(config), STREAM)
        for name, content in {"config": config, "catalog": catalog}.items():
            (bench.folder / f"{name}.json").write_text(json.dumps(content))
        figures = measure(bench)
        if not chosen.no_converge:
            figures["converge"] = converge(bench)
    sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
    sys.exit(1 if figures.get("converge", {}).get("differences_after_second_run") else 0)


if __name__ == "__main__":
    main()
