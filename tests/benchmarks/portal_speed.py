"""How fast, with how many requests and how much memory a portal is read, beside what a user could run instead.

Usage, from the project's root:

    python -m tests.benchmarks.portal_speed [--only SCENARIO ...] [--quick] [--rounds 3] [--venvs FOLDER]

Every scenario starts demo portals as processes of their own, reads all rows once so that they are at hand for
everybody, then runs all clients in turns, each a process of its own, and keeps the median round. Requests are counted
by the portal. The other clients get an environment each in FOLDER, made with pip once; a python3.12 or python3.13 on
the path is used for what needs one.

A full run writes docs/performance/results.json and renders docs/performance.md, its plots and the README's section from
it; with --only, other scenarios' results stay. --quick tries everything at a small scale: nothing is written unless
--results names a file, and targets, which are meant for full scale, are printed but do not count. Without it, the exit
code is 1 if a target is missed. Needs Linux.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.speed import results
from tests.benchmarks.speed.environments import Environments
from tests.benchmarks.speed.model import Check, Options, Scenario
from tests.benchmarks.speed.processes import say
from tests.benchmarks.speed.scenarios import BY_NAME, SCENARIOS
from tests.docs import performance

VENVS = Path(tempfile.gettempdir()) / "tap-bitrix24-peers"


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.portal_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", action="append", choices=BY_NAME, metavar="SCENARIO", help=", ".join(BY_NAME))
    made.add_argument("--quick", action="store_true", help="small scale, to see whether all works")
    made.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    made.add_argument("--venvs", type=Path, default=VENVS, metavar="FOLDER", help="environments of the other clients")
    made.add_argument("--results", type=Path, metavar="FILE", help="where results go; a quick run has no other place")
    return made


def print_checks(scenario: Scenario, checks: Sequence[Check]) -> None:
    """Print a line for each target."""
    for check in checks:
        line = f"{scenario.name:10} {check.what}: {check.figures}  {check.verdict.strip('*')}\n"
        sys.stdout.write(line)
    sys.stdout.flush()


def measured(scenario: Scenario, options: Options) -> tuple[dict[str, object], bool]:
    """A scenario's entry of the results, and whether its targets are met."""
    say(scenario.name)
    began, load = time.monotonic(), os.getloadavg()[0]
    figures = scenario.measure(options)
    about = results.machine(options.environments.described())
    seconds = time.monotonic() - began
    checks = scenario.checks(figures)
    print_checks(scenario, checks)
    say(f"{scenario.name} took {seconds:.0f} s")
    entry = results.entry(figures, about, rounds=options.rounds, quick=options.quick, seconds=seconds, load=load)
    return entry, all(check.met for check in checks)


def main() -> None:
    """Measure, keep, render, judge."""
    chosen = parser().parse_args()
    file = chosen.results.resolve() if chosen.results else (None if chosen.quick else results.FILE)
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        options = Options(chosen.rounds, chosen.quick, Environments(chosen.venvs.absolute()), Path(folder))
        for scenario in [BY_NAME[name] for name in chosen.only or BY_NAME]:
            entry, met = measured(scenario, options)
            missed += [] if met else [scenario.name]
            if file is not None:  # after each, so that an hour's work is not lost with the next one
                results.write(results.read(file) | {scenario.name: entry}, [each.name for each in SCENARIOS], file)
    if file == results.FILE:
        performance.write()
    if missed:
        say(f"targets missed: {', '.join(missed)}")
    sys.exit(1 if missed and not chosen.quick else 0)


if __name__ == "__main__":
    main()
