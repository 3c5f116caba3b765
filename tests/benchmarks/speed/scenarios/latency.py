"""Time on the wire: every request and every page costs something, and nothing limits how many are under way."""

from math import ceil
from typing import Any

from tests.benchmarks.speed.clients import Ours, fast_bitrix24, in_turns, one_at_a_time, ours
from tests.benchmarks.speed.model import Check, Figures, Options, Scenario, Table, summary
from tests.benchmarks.speed.portals import FORTY, LIMITLESS, PAGE, portal, warm
from tests.benchmarks.speed.processes import say
from tests.benchmarks.speed.svg import Bars
from tests.benchmarks.speed.tables import clients_table

IN_FLIGHT = (3, 10, 40)
COSTS = {"latency_ms": 80, "page_ms": 15, "count_ms": 15}
OURS = "tap-bitrix24"
BESIDE_REQUESTS = 5
"""Requests that may come on top of rows / 2,500: the first look, the newest id, the ends of chains."""


def measure(options: Options) -> dict[str, Any]:
    """Everybody at 3, 10 and 40 requests in flight; those who know one at a time only, once."""
    with portal(options.pick(100_000, 10_000), *FORTY, *LIMITLESS) as wire:
        tap = Ours.ready(wire, options, "deals")
        rows = warm(wire)
        wire.faults(**COSTS)
        clients = {
            str(number): [ours(tap, f"{OURS}, {number} in flight", max_concurrency=number), fast_bitrix24(number)]
            for number in IN_FLIGHT
        }
        clients["40"].append(fast_bitrix24())
        clients["1"] = [
            ours(tap, f"{OURS}, one at a time", max_concurrency=1),
            *one_at_a_time("tuned", *(() if options.quick else ("default",))),
        ]
        clients["default"] = [ours(tap, f"{OURS}, default: 4 in flight")]
        found = {}
        for group, readers in clients.items():
            say(f" latency, {group} in flight")
            found[group] = [summary(runs) for runs in in_turns(wire, options, readers).values()]
    return {"rows": rows, "in_flight": found}


def checks(figures: Figures) -> list[Check]:
    """Never slower than the fastest of those who read all rows, and hardly a request more than needed."""
    rows, groups = figures["rows"], figures["in_flight"]
    found = []
    for group in map(str, IN_FLIGHT):
        mine, *others = groups[group]
        fastest = min(
            each["seconds"] for each in [*others, *groups["1"][1:]] if each["rows"] == rows and not each["failure"]
        )
        found += [
            Check(f"wall at {group} in flight", mine["seconds"], fastest, "s"),
            Check(f"requests at {group}", mine["requests"], ceil(rows / (PAGE * PAGE)) + BESIDE_REQUESTS),
            Check(f"rows at {group}", mine["rows"], rows, least=True),
        ]
    return found


def tables(figures: Figures) -> list[Table]:
    """One table of all clients, by requests in flight."""
    groups = figures["in_flight"]
    runs = [run for group in (*map(str, IN_FLIGHT), "default", "1") for run in groups[group]]
    return [clients_table(runs, figures["rows"])]


def plot(figures: Figures) -> str:
    """Wall clock by client, a group for each number in flight."""
    groups = figures["in_flight"]
    chart = Bars(f"Seconds for {figures['rows']:,} deals, 80 ms a request and 15 ms a page", unit="s")
    for group in (*map(str, IN_FLIGHT), "1"):
        label = "one at a time" if group == "1" else f"{group} in flight"
        chart.group(
            label,
            [
                (run["client"].partition(",")[0] + (" (default)" if "default" in run["client"] else ""), run["seconds"])
                for run in groups[group]
            ],
        )
    return chart.svg()


LATENCY = Scenario(
    name="latency",
    title="Many deals over a slow line",
    target="wall ≤ the fastest peer's at 3, 10 and 40 requests in flight; ≤ rows / 2,500 + 5 requests",
    measure=measure,
    checks=checks,
    tables=tables,
    plots={"latency.svg": plot},
)
