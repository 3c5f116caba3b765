"""Output of `bitrix24-export`: progress, warnings, a closing table, example queries with their results."""

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
from tap_bitrix24.export.verification import StreamResult
from tap_bitrix24.target_duckdb.identifiers import quoted

CONSOLE_WIDTH = 100


class Report:
    """Prints to stdout; plain text, 100 columns wide, if stdout is not a terminal."""

    def __init__(self) -> None:
        """Find out whether stdout is a terminal."""
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=CONSOLE_WIDTH)

    @contextlib.contextmanager
    def progress(self, streams: int) -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar on stderr during the block, and remove it; show nothing if stderr is not a terminal.

        Args:
            streams: Number of streams to be read.

        Yields:
            A function to be called with the numbers of finished streams and of records so far.
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
        """Print warnings of the tap."""
        for text in texts:
            self._console.print(f"warning: {text}", markup=False)

    def table(
        self,
        rows: Mapping[str, int],
        seconds: Mapping[str, float],
        requests: Mapping[str, int],
        *,
        total_seconds: float,
        total_requests: int,
    ) -> None:
        """Print the closing table.

        Args:
            rows: Stream → rows loaded.
            seconds: Stream → seconds from its first record to its last; streams are read side by side.
            requests: Stream → HTTP requests that served it alone.
            total_seconds: Duration of the whole run.
            total_requests: HTTP requests of the whole run, discovery included.
        """
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("stream")
        for heading in ("rows", "seconds", "requests"):
            table.add_column(heading, justify="right")
        for stream in sorted(rows.keys() | seconds.keys()):
            figures = (f"{rows.get(stream, 0):,}", f"{seconds.get(stream, 0.0):.1f}", f"{requests.get(stream, 0):,}")
            table.add_row(stream, *figures)
        table.add_section()
        table.add_row("total", f"{sum(rows.values()):,}", f"{total_seconds:.1f}", f"{total_requests:,}")
        self._console.print(table)

    def verification(self, results: Sequence[StreamResult]) -> None:
        """Print what `--verify` found, stream by stream, and name what could not be counted."""
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("stream", overflow="fold")
        for heading in ("on the portal", "in the table", "compared", "parents"):
            table.add_column(heading, justify="right")
        table.add_column("result")
        for each in sorted(results, key=lambda result: (not result.failed, result.stream)):
            figures = (each.in_table, each.compared, each.parents)
            counted = "" if each.on_portal is None else f"{each.on_portal:,}"
            result = "FAILED" if each.failed else "not verified" if each.note else "ok"
            table.add_row(each.stream, counted, *(f"{figure:,}" for figure in figures), result)
        self._console.print(table)
        lines = [f"{each.stream}: {'; '.join(each.findings)}" for each in results if each.findings]
        notes = {each.note: [other.stream for other in results if other.note == each.note] for each in results}
        lines += [f"not verified, because {note}: {', '.join(names)}" for note, names in notes.items() if note]
        verified = [each for each in results if not each.note]
        uncounted = [each.stream for each in verified if each.on_portal is None and not each.parents]
        lines.append(
            f"compared by some rows only, because the portal cannot count them: {', '.join(uncounted) or 'none'}"
        )
        failed = sum(each.failed for each in verified)
        lines.append(f"verified: {len(verified)} streams, {failed} with missing or wrong rows")
        for line in lines:
            self._console.print(line, markup=False, soft_wrap=True)

    def views(self, names: Sequence[str]) -> None:
        """Print the names of the labelled views, in one line."""
        self._console.print(f"labelled views: {', '.join(names) or 'none'}", markup=False, soft_wrap=True)

    def examples(self, database: Path, schema: str) -> None:
        """Run the example queries and print each with its result."""
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute(f"USE {quoted(schema)}")
            for example in EXAMPLES:
                self._console.print(f"-- {example.title}\n{example.sql.strip()};", markup=False, soft_wrap=True)
                result = connection.execute(example.sql)
                rows = result.fetchall()
                table = Table(box=box.SIMPLE_HEAD)
                for number, column in enumerate(result.description or ()):
                    numeric = all(isinstance(row[number], (int, float)) for row in rows)
                    table.add_column(str(column[0]), justify="right" if numeric else "left")
                for row in rows:
                    table.add_row(*("" if value is None else _format(value) for value in row))
                self._console.print(table)


def _format(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
