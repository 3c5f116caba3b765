"""How time, requests and work grow with rows and with fields."""

from typing import Any

from tests.benchmarks.speed.clients import Ours, in_turns, ours
from tests.benchmarks.speed.model import Check, Figures, Options, Scenario, Table, shown, summary
from tests.benchmarks.speed.portals import DEALS, LIMITLESS, portal, warm
from tests.benchmarks.speed.processes import say
from tests.benchmarks.speed.svg import Lines

ROWS = (1_000, 3_000, 10_000, 30_000, 100_000)
FIELDS = (10, 40, 160)
TINY = 1e-6
"""Seconds; less is noise."""
QUICK_ROWS = ROWS[1:4]
ALLOWED = 1.25
"""What a further row may cost between the two largest numbers of rows, to what it costs between the next two."""


def measure(options: Options) -> dict[str, Any]:
    """Every number of rows with every number of fields, on a portal without limits or delays."""
    cells = []
    for rows in QUICK_ROWS if options.quick else ROWS:
        for fields in FIELDS:
            with portal(rows, "--deal-fields", str(fields), *LIMITLESS) as wire:
                say(f" growth, {rows} rows of {fields} fields")
                tap = Ours.ready(wire, options, "deals")
                warm(wire)
                page = wire.call(DEALS, {"select": ["*", "UF_*"], "start": -1})
                runs = in_turns(wire, options, [ours(tap, "tap-bitrix24")])["tap-bitrix24"]
            cells.append({"deals": rows, "fields": fields, "page_kb": round(len(page.raw) / 1000), **summary(runs)})
    return {"cells": cells}


def checks(figures: Figures) -> list[Check]:
    """Work grows with the rows and not faster."""
    cells = {(cell["deals"], cell["fields"]): cell for cell in figures["cells"]}
    most, third, tenth = sorted({rows for rows, _ in cells}, reverse=True)[:3]
    found = [
        Check("cells with a wrong number of rows", sum(cell["rows"] != cell["deals"] for cell in cells.values()), 0)
    ]
    for fields in FIELDS:
        upper, lower = (
            (cells[to, fields]["cpu_seconds"] - cells[since, fields]["cpu_seconds"]) / (to - since)
            for since, to in ((third, most), (tenth, third))
        )
        found.append(Check(f"growth of CPU a row, {fields} fields", upper / max(lower, TINY), ALLOWED, "×"))
    return found


def tables(figures: Figures) -> list[Table]:
    """All cells, a line for each number of rows; then what width costs, start of the process included."""
    head = [
        "deals",
        "requests",
        *(f"wall, s: {fields} fields" for fields in FIELDS),
        *(f"CPU, s: {fields} fields" for fields in FIELDS),
    ]
    by_rows: dict[int, list[Any]] = {}
    for cell in figures["cells"]:
        by_rows.setdefault(cell["deals"], []).append(cell)
    body = []
    for rows, cells in by_rows.items():
        requests = " / ".join(dict.fromkeys(shown(cell["requests"]) for cell in cells))
        figures_ = (f"{cell[name]:.2f}" for name in ("seconds", "cpu_seconds") for cell in cells)
        body.append([f"{rows:,}", requests, *figures_])
    most = max(by_rows)
    width = [("fields", "KB a page of 50", f"CPU, µs a row, of {most:,}", f"rows/s, of {most:,}", "peak, MB")]
    width += [
        (
            f"{cell['fields']}",
            f"{cell['page_kb']}",
            f"{cell['cpu_seconds'] / most * 1e6:.0f}",
            shown(round(most / cell["seconds"])),
            f"{cell['peak_mb']:.0f}",
        )
        for cell in by_rows[most]
    ]
    return [[head, *body], width]


def _lines(figures: Figures, title: str, x_axis: str, by: str, unit: str, value: str) -> str:
    chart = Lines(title, x_axis, "seconds", logarithmic=True)
    along = "deals" if by == "fields" else "fields"
    for number in sorted({cell[by] for cell in figures["cells"]}):
        cells = [cell for cell in figures["cells"] if cell[by] == number]
        chart.line(f"{number:,} {unit}", [(cell[along], cell[value]) for cell in cells])
    return chart.svg()


def plot_rows(figures: Figures) -> str:
    """Wall clock by rows, a line for each number of fields."""
    return _lines(figures, "Wall clock by rows", "deals", "fields", "fields", "seconds")


def plot_fields(figures: Figures) -> str:
    """CPU time by fields, a line for each number of rows."""
    return _lines(figures, "CPU time of the tap by fields", "fields", "deals", "deals", "cpu_seconds")


GROWTH = Scenario(
    name="growth",
    title="Growth with rows and fields",
    target="a further row costs at most 1.25 × the CPU time from 30,000 to 100,000 rows of what it does before",
    measure=measure,
    checks=checks,
    tables=tables,
    plots={"growth_rows.svg": plot_rows, "growth_fields.svg": plot_fields},
)
