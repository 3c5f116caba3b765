"""Child processes, and what SIGINT and SIGTERM do while they run."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from tap_bitrix24.errors import Interrupted


@contextlib.contextmanager
def on_signal(act: Callable[[int], object]) -> Iterator[None]:
    """Call a function with the number of each SIGINT and SIGTERM, in place of their handlers, during the block."""
    handlers = {each: signal.signal(each, lambda signum, _: act(signum)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def stop(signum: int) -> NoReturn:
    """Leave the block the signal arrived in; open files and processes are closed on the way.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted(signum)


def start(command: Sequence[str], *, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start a process in a process group of its own, its stdout a pipe.

    A signal that arrives meanwhile takes effect afterwards: an exception within `Popen` would leave the process behind.

    Args:
        command: Program and arguments.
        stderr: `subprocess.PIPE`, or None to share the parent's.

    Raises:
        Interrupted: A signal arrived; the process is terminated.
    """
    received: list[int] = []
    with on_signal(received.append):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, process_group=0)
    if received:
        with process:
            process.terminate()
        stop(received[0])
    return process
