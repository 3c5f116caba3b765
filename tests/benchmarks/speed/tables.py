"""Tables that several scenarios show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.benchmarks.speed.model import Table, shown

HEAD = (
    "client",
    "wall, s",
    "rounds",
    "reading alone, s",
    "requests",
    "answers 503",
    "most in flight",
    "CPU, s",
    "peak, MB",
    "rows",
)
"""Reading alone is without the start of the process, if a client reports it."""


def clients_table(runs: Iterable[Mapping[str, Any]], rows: int) -> Table:
    """A line for each client; a wrong number of rows is marked."""
    body = []
    for run in runs:
        delivered = f"{run['rows']:,}"
        if run["failure"]:
            delivered = f"**fails, {delivered} rows**"
        elif run["rows"] != rows:
            delivered = f"**{delivered} of {rows:,}**"
        inner = run["inner_seconds"]
        body.append(
            (
                run["client"],
                f"{run['seconds']:.2f}",
                rounds(run["all_seconds"]),
                "" if inner is None else f"{inner:.2f}",
                shown(run["requests"]),
                shown(run["refused"]),
                shown(run["in_flight"]),
                f"{run['cpu_seconds']:.1f}",
                f"{run['peak_mb']:.0f}",
                delivered,
            )
        )
    return [HEAD, *body]


def rounds(walls: Sequence[float]) -> str:
    """From the fastest to the slowest one."""
    return f"{min(walls):.2f}–{max(walls):.2f} of {len(walls)}" if len(walls) > 1 else "1"
