"""The loader against target-duckdb 0.8.0: the same lines into both, one after the other, by their console scripts.

Usage, from the project's root:

    python -m tests.benchmarks.loader [--records 100000] [--rounds 3] [--venv FOLDER]

Records are like CRM deals: 40 fields, 7 of them date-times, 1.2 KB. Cases: with a primary key into a new file, the
same again into the same file, without a key, and text columns only. Prints one line of JSON per case and target:
rows per second (median of the rounds, start-up included), the same by CPU time (a busy machine spoils it less than the
wall clock), rows that arrived and whether that is all of them, peak memory. target-duckdb gets an environment of its
own in FOLDER, made with pip once. `measure` returns the same as values.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from venv import create as create_environment

import duckdb
import orjson

PEER = "target-duckdb"
PEER_VERSION = "0.8.0"
OURS = "target-bitrix24-duckdb"
STREAM = "deals"
TEXT = {"type": ["string", "null"]}
DATETIME = {"type": ["string", "null"], "format": "date-time"}


@dataclass(frozen=True)
class Case:
    """An input and where it goes."""

    name: str
    key: tuple[str, ...]
    text_only: bool
    again: bool
    """Into the file the case before has filled."""


CASES = (
    Case("primary key, new file", ("id",), text_only=False, again=False),
    Case("primary key, same rows again", ("id",), text_only=False, again=True),
    Case("no key", (), text_only=False, again=False),
    Case("no key, text columns only", (), text_only=True, again=False),
)


@dataclass(frozen=True)
class Run:
    """One load by one target."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    rows: int


@dataclass(frozen=True)
class Figures:
    """One target on one case."""

    case: str
    target: str
    records: int
    rows_arrived: int
    """The fewest of all rounds."""
    all_rows_arrived: bool
    rows_per_second: int
    rows_per_cpu_second: int
    peak_mb: float


def properties(*, text_only: bool) -> dict[str, dict[str, Any]]:
    """The 40 columns of a deal."""
    columns: dict[str, dict[str, Any]] = {"id": {"type": ["string" if text_only else "integer", "null"]}}
    columns |= {f"date_{i}": TEXT if text_only else DATETIME for i in range(7)}
    columns |= {f"text_{i}": TEXT for i in range(15)}
    for kind, count in (("integer", 8), ("number", 3), ("boolean", 4), ("array", 1), ("object", 1)):
        columns |= {f"{kind}_{i}": TEXT if text_only else {"type": [kind, "null"]} for i in range(count)}
    return columns


def record(number: int, noise: random.Random, *, text_only: bool) -> dict[str, Any]:
    """A deal; texts in two scripts, a third of the fields empty or alike, as in a portal."""
    row: dict[str, Any] = {"id": number + 1}
    for i in range(7):
        row[f"date_{i}"] = f"20{10 + noise.randrange(15)}-0{1 + i}-1{i}T0{noise.randrange(10)}:{10 + i}:05Z"
    for i in range(15):
        row[f"text_{i}"] = ("NEW", None, f"Сделка № {number} с клиентом {i}, contract {noise.randrange(10**6)}")[i % 3]
    row |= {f"integer_{i}": noise.randrange(10**6) for i in range(8)}
    row |= {f"number_{i}": noise.randrange(10**8) / 100 for i in range(3)}
    row |= {f"boolean_{i}": noise.random() < 0.5 for i in range(4)}
    row |= {"array_0": [number, number + 1], "object_0": {"VALUE": "+7 900 000-00-00", "TYPE": "WORK"}}
    return {name: str(value) for name, value in row.items()} if text_only else row


def write_input(path: Path, case: Case, records: int) -> None:
    """The case's messages; the same for both targets."""
    noise = random.Random(1)
    schema = {"type": "object", "properties": properties(text_only=case.text_only)}
    head = {"type": "SCHEMA", "stream": STREAM, "schema": schema, "key_properties": case.key}
    with path.open("wb") as lines:
        lines.write(orjson.dumps(head) + b"\n")
        for number in range(records):
            row = record(number, noise, text_only=case.text_only)
            lines.write(orjson.dumps({"type": "RECORD", "stream": STREAM, "record": row}) + b"\n")
        lines.write(b'{"type":"STATE","value":{"done":true}}\n')


def peer_script(folder: Path) -> str:
    """target-duckdb's console script; installed if it is not there yet."""
    script = folder / "bin" / PEER
    if not script.exists():
        create_environment(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", f"{PEER}=={PEER_VERSION}"], check=True)
    return str(script)


def load(arguments: list[str], source: Path, file: Path) -> Run:
    """Run a target to its end."""
    start = time.perf_counter()
    with source.open("rb") as lines, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(arguments, stdin=lines, stdout=subprocess.DEVNULL, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{arguments[0]} failed: {log.read().decode()[-2000:]}")
    seconds = time.perf_counter() - start
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = len(connection.table(f"{file.stem}.bench.{STREAM}").project("1").fetchall())
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, rows)


def targets(folder: Path, peer: Path) -> Iterator[tuple[str, list[str], Path]]:
    """Name, command and file of both targets."""
    ours = shutil.which(OURS, path=str(Path(sys.executable).parent)) or OURS
    for name, script, settings in (
        (OURS, ours, {"schema": "bench"}),
        (
            f"{PEER} {PEER_VERSION}",
            peer_script(peer),
            {"default_target_schema": "bench", "primary_key_required": False},
        ),
    ):
        file = folder / f"{Path(script).name.replace('-', '_')}.duckdb"
        config = file.with_suffix(".json")
        config.write_bytes(orjson.dumps({"path": str(file), **settings}))
        yield name, [script, "--config", str(config)], file


def measure_case(folder: Path, peer: Path, case: Case, *, records: int, rounds: int) -> Iterator[Figures]:
    """Both targets on one case, in turns."""
    source = folder / "input.singer"
    write_input(source, case, records)
    runs: dict[str, list[Run]] = {}
    for _ in range(rounds):
        for name, arguments, file in targets(folder, peer):
            if not case.again:
                file.unlink(missing_ok=True)
            runs.setdefault(name, []).append(load(arguments, source, file))
    for name, found in runs.items():
        yield Figures(
            case=case.name,
            target=name,
            records=records,
            rows_arrived=min(run.rows for run in found),
            all_rows_arrived=all(run.rows == records for run in found),
            rows_per_second=round(records / statistics.median(run.seconds for run in found)),
            rows_per_cpu_second=round(records / statistics.median(run.cpu_seconds for run in found)),
            peak_mb=round(max(run.peak_mb for run in found), 1),
        )


def figures(records: int, rounds: int, venv: Path) -> Iterator[Figures]:
    """All cases, each target's figures as soon as they are known."""
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            yield from measure_case(Path(folder), venv, case, records=records, rounds=rounds)


def measure(records: int, rounds: int, venv: Path) -> list[Figures]:
    """All cases; target-duckdb's environment is made in `venv` unless it is there."""
    return list(figures(records, rounds, venv))


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--venv", type=Path, default=Path(tempfile.gettempdir()) / f"bench-{PEER}-{PEER_VERSION}")
    options = parser.parse_args()
    for found in figures(options.records, options.rounds, options.venv):
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
