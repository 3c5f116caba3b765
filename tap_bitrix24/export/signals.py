"""What SIGINT and SIGTERM do while the export runs."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
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
