"""What `bitrix24-export` shows: progress while it runs, a closing table, example queries with their output."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tap_bitrix24.export.examples import EXAMPLES

CONSOLE_WIDTH = 100


class Report:
    """Prints to stdout what a person wants to see; plain text where that is no terminal."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=CONSOLE_WIDTH)

    @contextlib.contextmanager
    def progress(self, streams: int) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr, gone when it is done; nothing where stderr is no terminal.

        Args:
            streams: How many will be read.

        Yields:
            To be called with the streams done and the rows so far.
        """
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} streams, {task.fields[rows]:,} rows"),
            TimeElapsedColumn(),
            console=(console := Console(stderr=True)),
            transient=True,
            disable=not console.is_terminal,
        ) as progress:
            task = progress.add_task("extracting", total=streams, rows=0)
            yield lambda done, rows: progress.update(task, completed=done, rows=rows)

    def warnings(self, texts: Sequence[str]) -> None:
        """What the tap warned of."""
        for text in texts:
            self._console.print(f"warning: {text}", markup=False)

    def table(
        self,
        rows: Mapping[str, int],
        seconds: Mapping[str, float],
        requests: Mapping[str, int],
        *,
        took: float,
        all_requests: int,
    ) -> None:
        """The closing table.

        Args:
            rows: Stream → rows loaded.
            seconds: Stream → seconds from its first row to its last; streams are read side by side.
            requests: Stream → HTTP requests that served no other stream.
            took: Seconds of the whole run.
            all_requests: Requests of the whole run, discovery included.
        """
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("stream")
        for heading in ("rows", "seconds", "requests"):
            table.add_column(heading, justify="right")
        for stream in sorted(rows.keys() | seconds.keys()):
            figures = (f"{rows.get(stream, 0):,}", f"{seconds.get(stream, 0.0):.1f}", f"{requests.get(stream, 0):,}")
            table.add_row(stream, *figures)
        table.add_section()
        table.add_row("total", f"{sum(rows.values()):,}", f"{took:.1f}", f"{all_requests:,}")
        self._console.print(table)

    def verified(self, counted: Mapping[str, tuple[int, int]], *, not_counted: int) -> None:
        """Tables whose rows are not as many as the portal counts, and how many could be compared.

        Args:
            counted: Stream → the portal's count up to the table's last id, and the table's rows.
            not_counted: Streams no count can be had of.
        """
        unlike = {name: figures for name, figures in counted.items() if figures[0] != figures[1]}
        for name, (there, here) in unlike.items():
            what = "rows are missing here" if there > here else "rows here are gone from the portal"
            self._console.print(f"{name}: {abs(there - here):,} {what} ({there:,} there, {here:,} here)", markup=False)
        alike = f"{len(counted) - len(unlike)} of {len(counted)} tables hold as many rows as the portal counts"
        self._console.print(f"{alike}; {not_counted} streams can't be counted", markup=False)

    def views(self, names: Sequence[str]) -> None:
        """The views that were made, in one line."""
        self._console.print(f"labelled views: {', '.join(names) or 'none'}", markup=False, soft_wrap=True)

    def examples(self, database: Path, schema: str) -> None:
        """Run the example queries; print each with its answer."""
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute(f"USE {_quoted(schema)}")
            for example in EXAMPLES:
                self._console.print(f"-- {example.title}\n{example.sql.strip()};", markup=False, soft_wrap=True)
                answer = connection.execute(example.sql)
                rows = answer.fetchall()
                table = Table(box=box.SIMPLE_HEAD)
                for number, column in enumerate(answer.description or ()):
                    numeric = all(isinstance(row[number], (int, float)) for row in rows)
                    table.add_column(str(column[0]), justify="right" if numeric else "left")
                for row in rows:
                    table.add_row(*("" if value is None else _shown(value) for value in row))
                self._console.print(table)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
