"""Benchmarks that stand for themselves, run with the others: the tap alone, the loader alone."""

from dataclasses import asdict
from typing import Any

from tests.benchmarks import loader, tap_alone
from tests.benchmarks.speed.environments import TARGET_DUCKDB
from tests.benchmarks.speed.model import Check, Figures, Options, Scenario, Table, shown

CHEAPER, FASTER = 4.0, 6.0
KEYED = {case.name for case in loader.CASES if case.key}


def measure_tap_alone(options: Options) -> dict[str, Any]:
    """See there."""
    return tap_alone.measure(options.pick(20_000, 5_000), options.rounds)


def checks_tap_alone(figures: Figures) -> list[Check]:
    """By CPU time."""
    return [Check("CPU time of the SDK to ours", figures["ratio"], CHEAPER, "×", least=True)]


def tables_tap_alone(figures: Figures) -> list[Table]:
    """Both, and where our time goes."""
    sides = {"tap-bitrix24: parse, check, convert, write": figures["tap"], "SDK: conform, write": figures["sdk"]}
    names = list(figures["tap"])
    both = [("", *(name.replace("_", " ") for name in names))]
    both += [(side, *(shown(facts[name]) for name in names)) for side, facts in sides.items()]
    stages = [("stage of ours", "µs of CPU a row")]
    stages += [(name.replace("_", " "), shown(spent)) for name, spent in figures["stages"].items()]
    return [both, stages]


def measure_loader(options: Options) -> dict[str, Any]:
    """See there."""
    folder = options.environments.binaries(TARGET_DUCKDB).parent
    found = loader.measure(options.pick(100_000, 10_000), options.rounds, folder)
    return {"loads": [asdict(each) for each in found]}


def ratios(figures: Figures) -> dict[str, float]:
    """Case → rows a second of ours to theirs."""
    speeds: dict[str, dict[bool, float]] = {}
    for load in figures["loads"]:
        speeds.setdefault(load["case"], {})[load["target"] == loader.OURS] = load["rows_per_second"]
    return {case: speed[True] / speed[False] for case, speed in speeds.items()}


def checks_loader(figures: Figures) -> list[Check]:
    """Much faster with a primary key; every row arrives, with and without."""
    found = [
        Check(f"{case}, to {TARGET_DUCKDB}", ratio, FASTER, "×", least=True)
        for case, ratio in ratios(figures).items()
        if case in KEYED
    ]
    lost = sum(not load["all_rows_arrived"] for load in figures["loads"] if load["target"] == loader.OURS)
    return [*found, Check("cases in which rows are missing or twice", lost, 0)]


def tables_loader(figures: Figures) -> list[Table]:
    """All cases."""
    table: list[tuple[str, ...]] = [("case", "target", "rows/s", "to the other", "rows that arrived", "peak, MB")]
    for load in figures["loads"]:
        ratio = ratios(figures)[load["case"]]
        arrived = f"{load['rows_arrived']:,}"
        table.append(
            (
                load["case"],
                load["target"],
                shown(load["rows_per_second"]),
                f"{ratio:.3g} ×" if load["target"] == loader.OURS else "",
                arrived if load["all_rows_arrived"] else f"**{arrived} of {load['records']:,}**",
                f"{load['peak_mb']:.0f}",
            )
        )
    return [table]


TAP_ALONE = Scenario(
    name="tap_alone",
    title="The tap alone",
    target="≥ 4 × as fast as the SDK's default writer and conformance, by CPU time",
    measure=measure_tap_alone,
    checks=checks_tap_alone,
    tables=tables_tap_alone,
)
LOADER = Scenario(
    name="loader",
    title="The loader alone",
    target=f"with primary key ≥ 6 × {TARGET_DUCKDB}, and exact where it is not",
    measure=measure_loader,
    checks=checks_loader,
    tables=tables_loader,
)
