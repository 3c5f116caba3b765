"""A clock for a process under test: its pauses pass in a fraction of their time, all else takes the time it takes.

The tap waits where the portal's limits, failures or time budgets make it: seconds to minutes, also for portals without
limits. To the tap, each pause has its whole length: after a pause of 10 s its clock shows 10 s more.
"""

import queue
import time
from queue import Empty, SimpleQueue
from typing import SupportsIndex, TypeVar

_T = TypeVar("_T")
PART = 1 / 1_000
"""What is left of a pause."""
_sleep, _monotonic = time.sleep, time.monotonic


class Clock:
    """Real time, and what was cut from pauses."""

    def __init__(self) -> None:
        self.part = PART
        """1: pauses take their whole time."""
        self._cut = 0.0

    def __call__(self) -> float:
        return _monotonic() + self._cut

    def sleep(self, seconds: float | SupportsIndex, /) -> None:
        _sleep(self.pause(float(seconds)))
        self.passed(float(seconds))

    def pause(self, seconds: float) -> float:
        """How long a pause of these seconds takes."""
        return seconds * self.part

    def passed(self, seconds: float) -> None:
        """A pause of these seconds is over."""
        self._cut += seconds * (1 - self.part)


CLOCK = Clock()


class Queue(SimpleQueue[_T]):
    """A queue whose time-outs are pauses."""

    def get(self, block: bool = True, timeout: float | None = None) -> _T:  # noqa: FBT001, FBT002 - as in the library
        if timeout is None:
            return super().get(block)
        try:
            return super().get(block, CLOCK.pause(timeout))
        except Empty:
            CLOCK.passed(timeout)
            raise


def shorten_pauses() -> None:
    """Take this clock in this process; to be called before the modules are imported that take time from it."""
    time.sleep, time.monotonic = CLOCK.sleep, CLOCK
    queue.SimpleQueue = Queue  # type: ignore[misc]  # a class of the library is replaced
