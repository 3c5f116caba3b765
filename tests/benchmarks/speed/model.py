"""Values of the benchmark: runs of clients, checks against targets, scenarios."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.speed.environments import Environments

Figures = Mapping[str, Any]
"""What a scenario has measured; goes into the results' JSON as it is."""
Table = Sequence[Sequence[str]]
"""The first row is its head."""


@dataclass(frozen=True)
class Options:
    """How the command was called."""

    rounds: int
    quick: bool
    environments: Environments
    folder: Path
    """For files of this run."""

    def pick(self, full: int, quick: int) -> int:
        """A size, by whether the run is a quick one."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Run:
    """One client reading once."""

    client: str
    seconds: float
    """From the start of the process to its end."""
    rows: int
    """As the client itself reports."""
    requests: int
    refused: int = 0
    """Answers 503."""
    in_flight: int = 0
    """The most at a time, as the portal saw it."""
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    inner_seconds: float | None = None
    """Of the reading alone, without the start of the process, if the client reports it."""
    failure: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """The run whose wall clock is the median one, all walls, and the highest memory."""
    middle = statistics.median_low(run.seconds for run in runs)
    chosen = next(run for run in runs if run.seconds == middle)
    figures: dict[str, Any] = {name: rounded(value) for name, value in asdict(chosen).items()}
    figures["all_seconds"] = [rounded(run.seconds) for run in runs]
    figures["peak_mb"] = rounded(max(run.peak_mb for run in runs))
    return figures


def rounded(value: Any) -> Any:
    """Floats as short as a document shows them."""
    return round(value, 3) if isinstance(value, float) else value


@dataclass(frozen=True)
class Check:
    """A target as a number and what was measured; at most, unless `least` says at least."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.measured >= self.limit if self.least else self.measured <= self.limit

    @property
    def missed_by(self) -> float:
        """How much of the target is missing, as a part of it; 0 if it is met."""
        if self.met:
            return 0.0
        return abs(self.measured - self.limit) / self.limit if self.limit else float("inf")

    @property
    def figures(self) -> str:
        """`3.2 s ≤ 4.1 s`, or how much it misses."""
        sign = ("≥" if self.met else "<") if self.least else ("≤" if self.met else ">")
        unit = f" {self.unit}" if self.unit and self.unit != "×" else self.unit
        return f"{shown(self.measured)}{unit} {sign} {shown(self.limit)}{unit}"

    @property
    def verdict(self) -> str:
        """`met`, or by how much it is missed."""
        if self.met:
            return "met"
        return f"**missed by {self.missed_by:.0%}**" if self.limit else "**missed**"


def shown(value: float) -> str:
    """A number with as many digits as it is worth."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Scenario:
    """A question, how it is measured, and what the answer must be."""

    name: str
    title: str
    target: str
    measure: Callable[[Options], dict[str, Any]]
    checks: Callable[[Figures], list[Check]]
    """From the figures alone, so that the document judges as the command does."""
    tables: Callable[[Figures], list[Table]]
    """What the document shows of the figures."""
    plots: Mapping[str, Callable[[Figures], str]] = field(default_factory=dict)
    """File name → SVG."""
