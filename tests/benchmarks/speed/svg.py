"""Small charts as SVG, drawn by hand so that nothing has to be installed; colours follow the reader's light or dark."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, LEFT, RIGHT, BOTTOM = 720, 64, 20, 44
STYLE = """<style>
text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.faint{fill:#57606a}
.axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#d0d7de;stroke-width:.5}.line{fill:none;stroke-width:2}
.limit{stroke-dasharray:6 4}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.axis{stroke:#6e7681}.grid{stroke:#30363d}}
</style>"""
COLOURS = ("#1f77d0", "#d97706", "#16a34a", "#a855f7", "#e0457b", "#0e9aa7", "#8a8f98")
"""Readable on white and on near-black."""
Point = Sequence[float]
Place = Callable[[float], float]
"""A value → where it stands."""


def document(height: float, parts: Sequence[str], title: str) -> str:
    """A whole file."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", STYLE, text(LEFT, 20, title, "title"), *parts, "</svg>\n"]
    )


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """Words at a place."""
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def short(value: float) -> str:
    """A number as an axis has it."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def steps(highest: float) -> list[float]:
    """Round values from 0 to just above the highest one."""
    raw = max(highest, 1e-9) / 5
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    return [round(step * number, 10) for number in range(math.ceil(highest / step) + 1)]


def powers(low: float, high: float) -> list[float]:
    """1, 3, 10, 30 … around two positive values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 3)]
    below = max(value for value in every if value <= low * 1.0001)
    above = min((value for value in every if value >= high * 0.9999), default=every[-1])
    return [value for value in every if below <= value <= above]


@dataclass
class Bars:
    """Groups of horizontal bars, one colour for each name."""

    title: str
    unit: str
    groups: list[tuple[str, list[tuple[str, float]]]] = field(default_factory=list)

    def group(self, label: str, bars: list[tuple[str, float]]) -> None:
        """Add a group."""
        self.groups.append((label, bars))

    def svg(self) -> str:
        """Draw it."""
        names = list(dict.fromkeys(name for _, bars in self.groups for name, _ in bars))
        highest = max(value for _, bars in self.groups for _, value in bars)
        indent, parts, y = 270, [], 44.0
        scale = (WIDTH - indent - 80) / highest
        for label, bars in self.groups:
            parts.append(text(LEFT - 50, y + 13, label, "faint"))
            for name, value in bars:
                colour, width = COLOURS[names.index(name) % len(COLOURS)], max(value * scale, 1)
                parts.append(text(indent - 6, y + 13, name, anchor="end"))
                parts.append(f'<rect x="{indent}" y="{y:.1f}" width="{width:.1f}" height="16" fill="{colour}"/>')
                parts.append(text(indent + width + 5, y + 13, f"{value:.3g} {self.unit}"))
                y += 21
            y += 10
        return document(y + 4, parts, self.title)


@dataclass
class Lines:
    """Lines over two axes, linear or both by powers of ten, with a legend above."""

    title: str
    x_label: str
    y_label: str
    logarithmic: bool = False
    series: list[tuple[str, list[Point], str]] = field(default_factory=list)

    def line(self, name: str, points: Sequence[Point], *, limit: bool = False) -> None:
        """Add a line; a limit is dashed."""
        self.series.append((name, list(points), " limit" if limit else ""))

    def svg(self) -> str:
        """Draw it."""
        every = [point for _, points, _ in self.series for point in points]
        x_marks, y_marks = (self._marks([point[axis] for point in every]) for axis in (0, 1))
        legend, top = self._legend()
        floor = top + 260
        across, up = self._place(x_marks, LEFT, WIDTH - RIGHT), self._place(y_marks, floor, top)
        parts = [*legend, text(8, top - 12, self.y_label, "faint"), *grid(x_marks, y_marks, across, up)]
        parts.append(text(WIDTH - RIGHT, floor + 34, self.x_label, "faint", "end"))
        for number, (_, points, style) in enumerate(self.series):
            path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<polyline class="line{style}" stroke="{colour}" points="{path}"/>')
            if self.logarithmic:
                parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        return document(floor + BOTTOM, parts, self.title)

    def _marks(self, values: Sequence[float]) -> list[float]:
        return powers(min(values), max(values)) if self.logarithmic else steps(max(values))

    def _place(self, marks: Sequence[float], start: float, end: float) -> Place:
        measure: Place = math.log10 if self.logarithmic else float
        low, high = measure(marks[0]), measure(marks[-1])
        return lambda value: start + (measure(value) - low) / ((high - low) or 1) * (end - start)

    def _legend(self) -> tuple[list[str], float]:
        """Names beside their colours, in as many rows as they need; and where the plot begins below."""
        parts, x, y = [], float(LEFT), 40.0
        for number, (name, _, style) in enumerate(self.series):
            width = 42 + 6.4 * len(name)
            if x > LEFT and x + width > WIDTH:
                x, y = float(LEFT), y + 18
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<path class="line{style}" stroke="{colour}" d="M{x:.1f} {y - 4:.1f}h18"/>')
            parts.append(text(x + 23, y, name))
            x += width
        return parts, y + 34


def grid(x_marks: Sequence[float], y_marks: Sequence[float], across: Place, up: Place) -> list[str]:
    """Lines and numbers of both axes."""
    floor, parts = up(y_marks[0]), []
    for mark in y_marks:
        parts.append(rule(LEFT, up(mark), WIDTH - RIGHT, up(mark), "grid"))
        parts.append(text(LEFT - 6, up(mark) + 4, short(mark), "faint", "end"))
    for mark in x_marks:
        parts.append(rule(across(mark), floor, across(mark), floor + 4, "axis"))
        parts.append(text(across(mark), floor + 17, short(mark), "faint", "middle"))
    return [*parts, rule(LEFT, floor, WIDTH - RIGHT, floor, "axis")]
