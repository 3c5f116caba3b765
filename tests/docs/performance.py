"""docs/performance.md, its plots and the README's lines, rendered from docs/performance/results.json.

    python -m tests.docs.performance

writes them anew; `python -m tests.benchmarks.portal_speed` does so after it has measured. Figures come from the results
only, targets and tables from the scenarios, and what stands between them from here. A test fails where one is stale.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.speed import results
from tests.benchmarks.speed.model import Check, Scenario
from tests.benchmarks.speed.results import FOLDER, ROOT, Results
from tests.benchmarks.speed.scenarios import SCENARIOS
from tests.docs.performance_texts import CONNECTIONS, EXPLANATIONS, INTRODUCTION
from tests.docs.rendering import slug, table

DOCUMENT = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
SECTION = re.compile(r"(<!-- performance -->\n).*?(<!-- end of performance -->)", re.DOTALL)
COMMAND = ".venv/bin/python -m tests.benchmarks.portal_speed"
NOT_YET = "not measured yet"


def document(measured: Results) -> str:
    """The whole of docs/performance.md."""
    parts = ["# Performance", INTRODUCTION, f"```bash\n{COMMAND}\n```", "## Targets", targets(measured)]
    parts += ["## Where it was measured", *machines(measured)]
    for scenario in SCENARIOS:
        parts += [f"## {scenario.title}", *section(scenario, measured.get(scenario.name))]
    parts += ["## Connections", *connections()]
    return "\n\n".join(parts) + "\n"


def connections() -> Iterator[str]:
    """Yield the requests and rows a second of each connection."""
    measured = json.loads((FOLDER / "connections.json").read_text(encoding="utf-8"))
    rows = [("connection", "stream", "rows", "requests", "refused", "seconds", "rows/s")]
    for name, facts in measured["connections"].items():
        shown = (f"{facts[key]:,}" for key in ("rows", "requests", "refused"))
        rate = f"{facts['rows'] / facts['seconds']:,.0f}"
        rows.append((name, f"`{facts['stream']}`", *shown, f"{facts['seconds']:.1f}", rate))
    yield f"{CONNECTIONS} {measured['deals']:,} deals, measured on {measured['measured']}:"
    yield "```bash\n.venv/bin/python -m tests.benchmarks.connections\n```"
    yield table(*rows)


def targets(measured: Results) -> str:
    """Scenario, target, measured, met or missed by how much."""
    rows = [("scenario", "target", "measured", "verdict")]
    for scenario in SCENARIOS:
        entry = measured.get(scenario.name)
        link = f"[{scenario.name}](#{slug(scenario.title)})"
        checks = scenario.checks(entry["figures"]) if entry else []
        figures = "<br>".join(f"{check.what}: {check.figures}" for check in checks) or NOT_YET
        rows.append((link, scenario.target, figures, verdict(entry, checks)))
    return table(*rows)


def verdict(entry: Mapping[str, Any] | None, checks: list[Check]) -> str:
    """One word for a scenario, or what is missing of which target."""
    if entry is None:
        return ""
    if entry["quick"]:
        return "small scale, not judged"
    missed = [f"{check.what} {check.verdict}" for check in checks if not check.met]
    return "<br>".join(missed) or "met"


def machines(measured: Results) -> Iterator[str]:
    """Yield each machine once, with what was measured there."""
    named: dict[str, list[str]] = {}
    for scenario in SCENARIOS:
        if scenario.name in measured:
            named.setdefault(machine(measured[scenario.name]["machine"]), []).append(scenario.name)
    for words, names in named.items():
        yield words if len(named) == 1 else f"{', '.join(names)}: {words}"


def machine(facts: Mapping[str, Any]) -> str:
    """A machine in a sentence or two."""
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    compared = ", ".join(facts["compared_with"])
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}, "
        f"Python {facts['python']}; {packages}. Compared with {compared}. "
        "The portal, a process of its own, and whoever reads it share the cores."
    )


def section(scenario: Scenario, entry: Mapping[str, Any] | None) -> Iterator[str]:
    """What was asked, why, and the figures."""
    yield EXPLANATIONS[scenario.name]
    yield f"Target: {scenario.target}."
    if entry is None:
        yield f"{NOT_YET.capitalize()}."
        return
    for each in scenario.tables(entry["figures"]):
        yield table(*(tuple(row) for row in each))
    for name in scenario.plots:
        yield f"![{scenario.title}](performance/{name})"
    scale = "at small scale (`--quick`), " if entry["quick"] else ""
    rounds = "1 round" if entry["rounds"] == 1 else f"the median of {entry['rounds']} rounds"
    quick = " --quick" if entry["quick"] else ""
    yield (
        f"Measured {scale}on {entry['date']}, {rounds}, commit {entry['commit']}; it took {entry['took_seconds']:,} s, "
        f"the machine's load average was {entry['load_before']} before: "
        f"`{COMMAND} --only {scenario.name}{quick}`"
    )


def plots(measured: Results) -> Iterator[tuple[str, str]]:
    """File name and SVG of every plot."""
    for scenario in SCENARIOS:
        if scenario.name in measured:
            for name, draw in scenario.plots.items():
                yield name, draw(measured[scenario.name]["figures"])


def readme_section(measured: Results) -> str:
    """Return three lines of figures, and one on the targets; scenarios that were not measured are left out."""
    lines = [text(measured[name]["figures"]) for name, text in HEADLINES.items() if name in measured]
    return "\n".join(f"- {line}" for line in [*lines, verdicts(measured)])


def over_a_slow_line(figures: Mapping[str, Any]) -> str:
    """Return the wall clock of the tap and of the fastest other client, with few and with many requests in flight."""
    parts = []
    for in_flight in ("3", "40"):
        ours, *others = figures["in_flight"][in_flight]
        fastest = min(others, key=lambda run: run["seconds"])
        parts.append(
            f"{ours['seconds']:.1f} s with {in_flight} in flight ({fastest['client']}: {fastest['seconds']:.1f} s)"
        )
    return f"{figures['rows']:,} deals at 80 ms a request and 15 ms a page: {' and '.join(parts)}."


def when_little_changed(figures: Mapping[str, Any]) -> str:
    """Return the requests of a second run that finds few rows."""
    requests = figures["run"]["requests"]
    return f"A second run that finds {figures['changed']:,} of {figures['rows']:,} deals changed: {requests} requests."


def of_a_million(figures: Mapping[str, Any]) -> str:
    """Return how long a million deals take into DuckDB, and the memory of the tap."""
    ours, peak = figures["ours"], figures["alone"]["peak_mb"]
    return f"{ours['loaded']:,} deals into DuckDB: {ours['seconds']:.0f} s; peak memory of the tap {peak:.0f} MB."


HEADLINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "latency": over_a_slow_line,
    "changed": when_little_changed,
    "million": of_a_million,
}
"""Scenario → its figures in a sentence of the README."""


def verdicts(measured: Results) -> str:
    """Return how many targets are met, and those that are not, with what they miss."""
    words = {}
    for scenario in SCENARIOS:
        entry = measured.get(scenario.name)
        words[scenario.title] = verdict(entry, scenario.checks(entry["figures"])) if entry else NOT_YET
    others = "; ".join(f"{title}: {word}" for title, word in words.items() if word != "met")
    met = sum(word == "met" for word in words.values())
    return f"{met} of {len(words)} targets are met{f' ({others})' if others else ''}."


def write() -> None:
    """Write document, plots and the README's section anew."""
    measured = results.read()
    DOCUMENT.write_text(document(measured), encoding="utf-8")
    for name, drawing in plots(measured):
        (FOLDER / name).write_text(drawing, encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    fresh = SECTION.sub(lambda found: f"{found[1]}{readme_section(measured)}\n{found[2]}", text)
    README.write_text(fresh, encoding="utf-8")


def drawn() -> set[str]:
    """The plots that lie in the folder."""
    return {path.name for path in Path(FOLDER).glob("*.svg")}


if __name__ == "__main__":
    write()
