"""The portal's rate limit: how near to what it allows, and without being refused."""

from typing import Any

from tests.benchmarks.speed.clients import Client, Ours, fast_bitrix24, in_turns, one_at_a_time, ours
from tests.benchmarks.speed.model import Check, Figures, Options, Run, Scenario, Table, summary
from tests.benchmarks.speed.portals import DEALS, FORTY, PAGE, portal, warm
from tests.benchmarks.speed.processes import Point, sampled
from tests.benchmarks.speed.svg import Lines
from tests.benchmarks.speed.tables import clients_table
from tests.support.running import Portal

BURST, PER_SECOND = 50, 2.0
ROWS_PER_REQUEST = PAGE * PAGE
ALLOWED = 1.10
KEPT = 120
"""Points of a line that the results keep."""


def floor(rows: int) -> float:
    """Seconds that the limiter makes anybody wait."""
    return max(0.0, rows / ROWS_PER_REQUEST - BURST) / PER_SECOND


def measure(options: Options) -> dict[str, Any]:
    """Everybody on a standard plan, 20 ms a request; what has arrived is noted every half second."""
    with portal(options.pick(400_000, 150_000), *FORTY) as wire:
        tap = Ours.ready(wire, options, "deals")
        rows = warm(wire)
        wire.faults(latency_ms=20)
        lines: dict[str, list[Point]] = {}
        clients = [
            ours(tap, "tap-bitrix24, default", plan="standard"),
            fast_bitrix24(3),
            fast_bitrix24(),
            *one_at_a_time("counted", "tuned"),
        ]
        runs = in_turns(wire, options, [_followed(client, lines) for client in clients])
    series = {name: thinned(points) for name, points in lines.items()}
    return {"rows": rows, "floor": floor(rows), "runs": [summary(each) for each in runs.values()], "series": series}


def _followed(client: Client, lines: dict[str, list[Point]]) -> Client:
    """The same client; rows that the portal has served to it over time are kept, of its last round."""

    def read(wire: Portal, options: Options) -> Run:
        with sampled(lambda: wire.stats()["rows"].get(DEALS, 0)) as series:
            run = client.read(wire, options)
        lines[client.name] = [(0.0, 0), *series, (round(run.seconds, 2), run.rows)]
        return run

    return Client(client.name, read, client.once)


def thinned(points: list[Point]) -> list[Point]:
    """No more points than a plot can show; the last one stays."""
    every = max(1, len(points) // KEPT)
    kept = points[:-1:every]
    return [*kept, points[-1]] if points else []


def checks(figures: Figures) -> list[Check]:
    """Near the floor, never refused, complete."""
    mine = figures["runs"][0]
    return [
        Check("wall", mine["seconds"], ALLOWED * figures["floor"], "s"),
        Check("answers 503", mine["refused"], 0),
        Check("rows", mine["rows"], figures["rows"], least=True),
    ]


def tables(figures: Figures) -> list[Table]:
    """All clients."""
    return [clients_table(figures["runs"], figures["rows"])]


def plot(figures: Figures) -> str:
    """Rows the portal has served, over time, below what it allows."""
    chart = Lines(f"{figures['rows']:,} deals under the rate limit (50 requests at once, then 2/s)", "seconds", "rows")
    for name, points in figures["series"].items():
        chart.line(name.replace(", one at a time", ""), points)
    at_once = min(figures["rows"], BURST * ROWS_PER_REQUEST)
    chart.line("what the limiter allows", [(0, at_once), (figures["floor"], figures["rows"])], limit=True)
    return chart.svg()


LIMITER = Scenario(
    name="limiter",
    title="The rate limit of a standard plan",
    target="wall ≤ 1.10 × the floor, no answer 503",
    measure=measure,
    checks=checks,
    tables=tables,
    plots={"limiter.svg": plot},
)
