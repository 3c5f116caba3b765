"""A million deals: what the tap holds in memory, and how fast they come into a DuckDB file."""

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tests.benchmarks.speed.clients import Ours, finished
from tests.benchmarks.speed.environments import TARGET_DUCKDB
from tests.benchmarks.speed.model import Check, Figures, Options, Run, Scenario, Table, rounded, shown, summary
from tests.benchmarks.speed.portals import FORTY, LIMITLESS, calm, portal, warm
from tests.benchmarks.speed.processes import Command, Point, piped, run, say
from tests.benchmarks.speed.scenarios.limiter import thinned
from tests.benchmarks.speed.svg import Lines
from tests.support.running import SCRIPTS, Portal

MOST_MB, MOST_GROWTH_MB = 200.0, 10.0
FROM = 0.2
"""The part of the run after which memory must not grow."""
FASTER = 3.0
OURS, THEIRS = "tap-bitrix24 | target-bitrix24-duckdb", f"SDK-default tap | {TARGET_DUCKDB}"


def measure(options: Options) -> dict[str, Any]:
    """Ours on all rows; the default pair on fewer, for it would take hours. Rows a second are compared."""
    with portal(options.pick(1_000_000, 50_000), *FORTY, *LIMITLESS) as wire:
        tap = Ours.ready(wire, options, "deals")
        rows = warm(wire)
        say(" million: memory")
        alone, memory = _watched(wire, tap)
        ours = [_loaded(wire, options, OURS, tap.command(), _our_target()) for _ in range(options.rounds)]
    with portal(options.pick(50_000, 5_000), *FORTY, *LIMITLESS) as wire:
        fewer = warm(wire)
        command = _default_tap(wire, options)
        theirs = [_loaded(wire, options, THEIRS, command, _their_target(options)) for _ in range(options.rounds)]
    return {
        "rows": rows,
        "alone": summary([alone]),
        "memory": thinned([(rounded(at), rounded(size)) for at, size in memory]),
        "growth_mb": rounded(growth(memory)),
        "growth_mb_a_minute": rounded(slope(memory) * 60),
        "ours": {"rows": rows, **_speed(ours)},
        "theirs": {"rows": fewer, **_speed(theirs)},
    }


def _watched(wire: Portal, tap: Ours) -> tuple[Run, list[Point]]:
    calm(wire)
    ended = run(tap.command())
    return finished(wire, "tap-bitrix24", ended), ended.memory


def late(memory: Sequence[Point]) -> list[Point]:
    """The points from a fifth of the run on."""
    return [point for point in memory if point[0] >= FROM * memory[-1][0]]


def slope(memory: Sequence[Point]) -> float:
    """Megabytes a second between a fifth of the run and its end, by least squares."""
    points = late(memory)
    if len({at for at, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def growth(memory: Sequence[Point]) -> float:
    """Megabytes that come on top between a fifth of the run and its end."""
    points = late(memory)
    return slope(memory) * (points[-1][0] - points[0][0])


def _our_target() -> tuple[Command, dict[str, Any], str]:
    return [str(SCRIPTS / "target-bitrix24-duckdb")], {}, "bitrix24"


def _their_target(options: Options) -> tuple[Command, dict[str, Any], str]:
    program = options.environments.binaries(TARGET_DUCKDB) / "target-duckdb"
    return [str(program)], {"default_target_schema": "bitrix24"}, "bitrix24"


def _default_tap(wire: Portal, options: Options) -> Command:
    config = options.folder / "default.json"
    config.write_text(json.dumps({"webhook_url": wire.url}))
    return [sys.executable, "-m", "tests.benchmarks.peers.tap_sdk_default", "--config", str(config)]


def _loaded(
    wire: Portal, options: Options, name: str, command: Command, target: tuple[Command, dict[str, Any], str]
) -> Run:
    """`tap | target` into a new file; rows are those of the file."""
    calm(wire)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    program, settings, schema = target
    database, config = folder / "crm.duckdb", folder / "target.json"
    config.write_text(json.dumps({"path": str(database), **settings}))
    source, sink = piped(command, [*program, "--config", str(config)])
    failure = source.failure or sink.failure
    rows = 0
    if not failure:
        with duckdb.connect(str(database), read_only=True) as connection:
            rows = len(connection.table(f"{schema}.deals").project("1").fetchall())
    requests = wire.stats()["requests"]
    done = Run(
        name,
        max(source.seconds, sink.seconds),
        rows,
        requests,
        cpu_seconds=source.cpu_seconds + sink.cpu_seconds,
        peak_mb=max(source.peak_mb, sink.peak_mb),
        failure=failure,
    )
    say(f"  {name}: {done.seconds:.1f} s, {done.rows} rows {failure}")
    database.unlink(missing_ok=True)
    return done


def _speed(runs: Sequence[Run]) -> dict[str, Any]:
    found = summary(runs)
    return {"loaded": found.pop("rows"), **found, "rows_per_second": round(runs[0].rows / found["seconds"])}


def checks(figures: Figures) -> list[Check]:
    """Little memory, that does not grow; fast end to end; everything arrives."""
    ours, theirs = figures["ours"], figures["theirs"]
    speed = ours["rows_per_second"] / theirs["rows_per_second"] if theirs["rows_per_second"] else 0.0
    return [
        Check("peak memory of the tap", figures["alone"]["peak_mb"], MOST_MB, "MB"),
        Check("growth from a fifth of the run on", figures["growth_mb"], MOST_GROWTH_MB, "MB"),
        Check("rows/s into DuckDB, to the default pair", speed, FASTER, "×", least=True),
        Check("rows loaded", ours["loaded"], figures["rows"], least=True),
    ]


def tables(figures: Figures) -> list[Table]:
    """Memory, then speed end to end."""
    alone = figures["alone"]
    memory = [
        ("rows", "wall, s", "requests", "peak, MB", "growth from 20 % to 100 % of the run", "a minute"),
        (
            f"{figures['rows']:,}",
            f"{alone['seconds']:.1f}",
            shown(alone["requests"]),
            f"{alone['peak_mb']:.0f}",
            f"{figures['growth_mb']:+.1f} MB",
            f"{figures['growth_mb_a_minute']:+.1f} MB",
        ),
    ]
    speed = [("end to end", "rows", "wall, s", "rows/s", "CPU of both, s", "requests")]
    for each in (figures["ours"], figures["theirs"]):
        delivered = f"{each['loaded']:,}" if each["loaded"] == each["rows"] else f"**{each['loaded']:,}**"
        speed.append(
            (
                each["client"],
                delivered,
                f"{each['seconds']:.1f}",
                shown(each["rows_per_second"]),
                f"{each['cpu_seconds']:.1f}",
                shown(each["requests"]),
            )
        )
    return [memory, speed]


def plot(figures: Figures) -> str:
    """Memory over time, below the target."""
    points = figures["memory"]
    chart = Lines(f"Memory of the tap while it reads {figures['rows']:,} deals", "seconds", "MB")
    chart.line("resident memory", points)
    chart.line("target", [(0, MOST_MB), (points[-1][0], MOST_MB)], limit=True)
    return chart.svg()


MILLION = Scenario(
    name="million",
    title="A million deals",
    target="peak memory of the tap ≤ 200 MB and flat; into DuckDB ≥ 3 × the SDK's defaults",
    measure=measure,
    checks=checks,
    tables=tables,
    plots={"memory.svg": plot},
)
