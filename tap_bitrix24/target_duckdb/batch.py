"""RECORD lines of one stream that wait for their commit, and a temporary file for DuckDB to read them from."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO


@dataclass(slots=True)
class RecordBatch:
    """RECORD lines of one stream, unparsed, with their line numbers in the input."""

    parts: list[bytes] = field(default_factory=list)
    """Each part is one or more whole lines that follow one another in the input."""
    numbers_by_part: list[range] = field(default_factory=list)

    def add(self, part: bytes, first: int, count: int = 1) -> None:
        """Add lines that follow one another.

        Args:
            part: The lines, each with its line feed.
            first: Line number of the first one.
            count: How many lines.
        """
        self.parts.append(part)
        self.numbers_by_part.append(range(first, first + count))

    @property
    def row_count(self) -> int:
        """Number of lines."""
        return sum(map(len, self.numbers_by_part))

    @property
    def lines(self) -> list[bytes]:
        """The single lines, each with its line feed."""
        return [line + b"\n" for line in b"".join(self.parts).split(b"\n")[:-1]]

    @property
    def line_numbers(self) -> list[int]:
        """The line number of each line."""
        return list(itertools.chain(*self.numbers_by_part))


@contextlib.contextmanager
def lines_file(parts: Iterable[bytes]) -> Iterator[str]:
    """Write lines to a temporary file and yield its path; in memory on Linux, so that even SIGKILL leaves no file."""
    with _temporary_file() as (file, path):
        file.writelines(parts)
        file.flush()
        yield path


@contextlib.contextmanager
def _temporary_file() -> Iterator[tuple[IO[bytes], str]]:
    """Yield an empty file to write to, and the path under which DuckDB can open it."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("batch"), "wb") as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as named:
            yield named.file, named.name
