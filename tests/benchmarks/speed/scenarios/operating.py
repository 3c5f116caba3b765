"""The time budget a portal gives each method: five methods, nearly three budgets each, against the best schedule."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from math import ceil, floor
from typing import Any

from tests.benchmarks.speed.clients import Ours
from tests.benchmarks.speed.model import Check, Figures, Options, Run, Scenario, Table, rounded, shown, summary
from tests.benchmarks.speed.portals import FORTY, PAGE, portal
from tests.benchmarks.speed.processes import say
from tests.benchmarks.speed.tables import clients_table
from tests.support.running import Portal

METHODS = {
    "deals": ("deals", "crm.deal.list"),
    "leads": ("leads", "crm.lead.list"),
    "contacts": ("contacts", "crm.contact.list"),
    "companies": ("companies", "crm.company.list"),
    "crm_activities": ("activities", "crm.activity.list"),
}
"""Stream → the portal's table and the method that lists it. Each method has a budget of its own."""
BUDGET = 420.0
"""Seconds of execution in every window."""
NEED = 2.9
"""Budgets each method takes for its rows alone. Three windows are the least there is; the rest of the third is what a
reader may spend on knowing that a list has ended, which takes a page more than its rows."""
ALLOWED = 1.15
TOGETHER, APART = "tap-bitrix24, default", "tap-bitrix24, stream after stream, one request at a time"
START = 1_793_620_000
"""A moment after the portal's data ends; windows of 10 and 20 s begin at it."""


def best(pages: Sequence[int], cost: float, window: float) -> float:
    """Seconds of the best schedule, from the start of a window.

    A page is refused once its method has used more than its budget. So the best reader uses up each budget at once, all
    methods side by side, and again as soon as that is forgotten, a window later; what sending takes is not counted.
    """
    each = floor(BUDGET / cost) + 1
    return max(ceil(number / each) - 1 for number in pages) * window


def page_cost(pages: int) -> float:
    """What a page is charged, in whole milliseconds, so that three budgets are enough for them and a little more."""
    return floor(BUDGET / ceil(pages / NEED) * 1000) / 1000


def measure(options: Options) -> dict[str, Any]:
    """All five streams in one run, settings at their default; then stream after stream, one request at a time."""
    window, rows = options.pick(20, 10), options.pick(20_000, 4_000)
    limits = ("--operating-window", str(window), "--switch", f"operating_limit={BUDGET:.0f}", "--plan", "enterprise")
    with portal(rows, *FORTY, *limits) as wire:
        pages = [ceil(_levelled(wire, *facts, rows) / PAGE) for facts in METHODS.values()]
        cost = page_cost(max(pages))
        say(f" operating: {max(pages)} pages a method, {cost:.2f} s each")
        together = Ours.ready(wire, options, *METHODS)
        together.read(wire, "warm")
        wire.faults(operating_ms=cost * 1000)
        moments = count(START, 86_400)
        runs = [_aligned(wire, together, next(moments), TOGETHER) for _ in range(options.rounds)]
        single = [Ours.ready(wire, options, stream) for stream in METHODS]
        apart = _in_sequence([_aligned(wire, tap, next(moments), APART, max_concurrency=1) for tap in single])
        there = sum(wire.counts()[table] for table, _ in METHODS.values())
    figures = {"rows": there, "pages": pages, "cost": rounded(cost), "window": window}
    figures["best"] = best(pages, cost, window)
    return {**figures, "runs": [summary(runs), summary([apart])]}


def _levelled(wire: Portal, table: str, method: str, rows: int) -> int:
    """Insert rows until the method lists as many as all others; some that are inserted it does not show."""
    while (missing := rows - (total := int(wire.call(method, {"select": ["ID"]}).body["total"]))) > 0:
        wire.mutate(table=table, insert=missing)
    return total


def _aligned(wire: Portal, tap: Ours, moment: int, name: str, **settings: Any) -> Run:
    """A run that starts with a window, none of it used."""
    wire.control("clock", {"now": datetime.fromtimestamp(moment, UTC).isoformat()})
    wire.forget_stats()
    run = tap.read(wire, name, **settings)
    say(f"  {name}: {run.seconds:.2f} s, {run.rows} rows, {run.requests} requests {dict(run.errors)} {run.failure}")
    return run


def _in_sequence(runs: Sequence[Run]) -> Run:
    """One run after another as one."""
    errors = sum((Counter(run.errors) for run in runs), Counter[str]())
    return Run(
        APART,
        seconds=sum(run.seconds for run in runs),
        rows=sum(run.rows for run in runs),
        requests=sum(run.requests for run in runs),
        in_flight=max(run.in_flight for run in runs),
        cpu_seconds=sum(run.cpu_seconds for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        failure=" ".join(run.failure for run in runs).strip(),
        errors=dict(errors),
    )


def checks(figures: Figures) -> list[Check]:
    """Near the best schedule, and no method blocked."""
    mine = figures["runs"][0]
    return [
        Check("wall", mine["seconds"], ALLOWED * figures["best"], "s"),
        Check("OPERATION_TIME_LIMIT", mine["errors"].get("OPERATION_TIME_LIMIT", 0), 0),
        Check("rows", mine["rows"], figures["rows"], least=True),
    ]


def tables(figures: Figures) -> list[Table]:
    """Both ways of reading, and the schedule they are measured by."""
    schedule = [
        ("pages a method", "operating time a page", "budget", "window", "best schedule"),
        (
            ", ".join(sorted({f"{number:,}" for number in figures["pages"]})),
            f"{figures['cost']:.2f} s",
            f"{BUDGET:.0f} s",
            f"{figures['window']} s",
            f"{shown(figures['best'])} s",
        ),
    ]
    return [schedule, clients_table(figures["runs"], figures["rows"])]


OPERATING = Scenario(
    name="operating",
    title="Time budgets of five methods",
    target="wall ≤ 1.15 × the best possible schedule, no OPERATION_TIME_LIMIT",
    measure=measure,
    checks=checks,
    tables=tables,
)
