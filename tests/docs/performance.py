"""docs/performance.md, its plots and the README's section, rendered from docs/performance/results.json.

    python -m tests.docs.performance

writes them anew; `python -m tests.benchmarks.portal_speed` does so after it has measured. Figures come from the results
only, targets and tables from the scenarios, and what stands between them from here. A test fails where one is stale.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.speed import results
from tests.benchmarks.speed.model import Check, Scenario
from tests.benchmarks.speed.results import FOLDER, ROOT, Results
from tests.benchmarks.speed.scenarios import SCENARIOS
from tests.docs.performance_texts import DOORS, EXPLANATIONS, INTRODUCTION
from tests.docs.rendering import table

DOCUMENT = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
SECTION = re.compile(r"(<!-- performance -->\n).*?(<!-- end of performance -->)", re.DOTALL)
COMMAND = ".venv/bin/python -m tests.benchmarks.portal_speed"
README_PLOTS = ("latency.svg", "limiter.svg")
NOT_YET = "not measured yet"


def document(measured: Results) -> str:
    """The whole of docs/performance.md."""
    parts = ["# Performance", INTRODUCTION, f"```bash\n{COMMAND}\n```", "## Targets", targets(measured)]
    parts += ["## Where it was measured", *machines(measured)]
    for scenario in SCENARIOS:
        parts += [f"## {scenario.title}", *section(scenario, measured.get(scenario.name))]
    parts += ["## Doors", *doors()]
    return "\n\n".join(parts) + "\n"


def doors() -> Iterator[str]:
    """Requests and rows a second through each door."""
    told = json.loads((FOLDER / "doors.json").read_text(encoding="utf-8"))
    rows = [("door", "stream", "rows", "requests", "refused", "seconds", "rows/s")]
    for name, facts in told["doors"].items():
        shown = (f"{facts[key]:,}" for key in ("rows", "requests", "refused"))
        rate = f"{facts['rows'] / facts['seconds']:,.0f}"
        rows.append((name, f"`{facts['stream']}`", *shown, f"{facts['seconds']:.1f}", rate))
    yield f"{DOORS} {told['deals']:,} deals, measured on {told['measured']}:"
    yield "```bash\n.venv/bin/python -m tests.benchmarks.doors\n```"
    yield table(*rows)


def targets(measured: Results) -> str:
    """Scenario, target, measured, met or missed by how much."""
    rows = [("scenario", "target", "measured", "verdict")]
    for scenario in SCENARIOS:
        entry = measured.get(scenario.name)
        link = f"[{scenario.name}](#{anchor(scenario.title)})"
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


def anchor(title: str) -> str:
    """The address of a heading."""
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def machines(measured: Results) -> Iterator[str]:
    """Each machine once, with what was measured there."""
    told: dict[str, list[str]] = {}
    for scenario in SCENARIOS:
        if scenario.name in measured:
            told.setdefault(machine(measured[scenario.name]["machine"]), []).append(scenario.name)
    for words, names in told.items():
        yield words if len(told) == 1 else f"{', '.join(names)}: {words}"


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
    """Target and verdict of every scenario, and two of the plots."""
    rows = [("scenario", "target", "")]
    for scenario in SCENARIOS:
        entry = measured.get(scenario.name)
        checks = scenario.checks(entry["figures"]) if entry else []
        word = verdict(entry, checks) if entry else NOT_YET
        rows.append((scenario.title, scenario.target, word))
    shown = [f"![{name.removesuffix('.svg')}](docs/performance/{name})" for name, _ in plots(measured)
             if name in README_PLOTS]  # fmt: skip
    return "\n\n".join([table(*rows), *shown])


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
