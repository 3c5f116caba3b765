"""Writing whole: a pipe may take less than it is given.

With `PYTHONUNBUFFERED` set, as in containers, `sys.stdout.buffer` is the raw file: `write` returns after what the pipe
took before a signal arrived. A pipe that another process has made non-blocking takes nothing while it is full. In both
cases Python raises nothing, and what was not taken would be missing from the middle of the output.
"""

from __future__ import annotations

import contextlib
import select
import sys
from typing import Any


def write_to_stdout(data: bytes) -> None:
    """Write to the current standard output, and return when the reader's pipe has taken every byte."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(data.decode())
        sys.stdout.flush()
        return
    sys.stdout.flush()  # what was written as text comes first
    write_whole(binary, data)


def write_whole(file: Any, data: bytes) -> None:
    """Write every byte to a binary file, buffered or not, blocking or not, and flush it."""
    left = memoryview(data)
    while left:
        try:
            taken = file.write(left)
        except BlockingIOError as error:  # a buffer in front of a full pipe
            taken = error.characters_written
        if not taken:
            _wait_until_writable(file)
        left = left[taken or 0 :]
    flushed = False
    while not flushed:
        with contextlib.suppress(BlockingIOError):
            file.flush()
            flushed = True
        if not flushed:
            _wait_until_writable(file)


def _wait_until_writable(file: Any) -> None:
    select.select([], [file], [])
