"""Ids with deserts between them: a portal that has deleted most of what it once had."""

from typing import Any

from tests.benchmarks.speed.clients import Ours, in_turns, ours
from tests.benchmarks.speed.model import Check, Figures, Options, Scenario, Table, summary
from tests.benchmarks.speed.portals import FORTY, LIMITLESS, portal, warm
from tests.benchmarks.speed.tables import clients_table

ALLOWED = 1.5
CASES = {"dense": (), "sparse": ("--ids", "sparse")}


def measure(options: Options) -> dict[str, Any]:
    """The same number of deals, ids close together and far apart."""
    found: dict[str, Any] = {}
    for name, more in CASES.items():
        with portal(options.pick(100_000, 20_000), *FORTY, *LIMITLESS, *more) as wire:
            tap = Ours.ready(wire, options, "deals")
            rows = warm(wire)
            last = wire.result("crm.deal.list", {"order": {"ID": "DESC"}, "select": ["ID"], "start": -1})[0]["ID"]
            runs = in_turns(wire, options, [ours(tap, f"tap-bitrix24, {name} ids")])
        found[name] = {"rows": rows, "last_id": int(last), **summary(next(iter(runs.values())))}
    return found


def checks(figures: Figures) -> list[Check]:
    """Not many more requests than for ids without gaps."""
    dense, sparse = figures["dense"], figures["sparse"]
    return [
        Check("requests, sparse to dense", sparse["requests"] / dense["requests"], ALLOWED, "×"),
        Check("rows", sparse["rows"], dense["rows"], least=True),
    ]


def tables(figures: Figures) -> list[Table]:
    """Both cases."""
    table = clients_table(figures.values(), figures["dense"]["rows"])
    ids = ("ids up to", *(f"{case['last_id']:,}" for case in figures.values()))
    return [[(*line, more) for line, more in zip(table, ids, strict=True)]]


SPARSE = Scenario(
    name="sparse",
    title="Few rows among many ids",
    target="≤ 1.5 × the requests of the dense case",
    measure=measure,
    checks=checks,
    tables=tables,
)
