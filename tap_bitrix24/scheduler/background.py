"""Calls that run in threads while the main thread waits and sees signals at once.

Python runs signal handlers in the main thread only, and not while it waits for a socket: so no request runs there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Generic, TypeVar

from tap_bitrix24.errors import Interrupted

_T = TypeVar("_T")


class BackgroundCall(Generic[_T]):
    """A call that runs in a thread of its own."""

    def __init__(self) -> None:
        """Begin without a result."""
        self.done = False
        """Whether it has returned or raised."""
        self._values: list[_T] = []
        self._error: BaseException | None = None

    def run(self, call: Callable[[], _T]) -> None:
        """Make the call and keep what it returns or raises."""
        try:
            self._values.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._error = error
        self.done = True

    def result(self) -> _T:
        """Return what the call returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._values[0]


class BackgroundCalls:
    """Runs calls in threads; the main thread waits for them and for signals at once."""

    def __init__(self) -> None:
        """Begin without calls."""
        self._signum: int | None = None
        self._arrivals: SimpleQueue[None] = SimpleQueue()
        """An item for each call that is done and each signal: a queue of this kind may be used in a signal handler."""

    @property
    def interrupted(self) -> bool:
        """Whether a signal has arrived."""
        return self._signum is not None

    def interrupt(self, signum: int, _frame: FrameType | None = None) -> None:
        """Handle a signal: note it and wake the main thread."""
        self._signum = signum
        self._arrivals.put(None)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self._signum is not None:
            raise Interrupted(self._signum)

    def start(self, call: Callable[[], _T]) -> BackgroundCall[_T]:
        """Start a call; the main thread is woken when it is done.

        The thread is a daemon: a request the portal takes a minute to answer must not delay the end of the process.
        """
        pending: BackgroundCall[_T] = BackgroundCall()

        def run() -> None:
            pending.run(call)
            self._arrivals.put(None)

        threading.Thread(target=run, daemon=True).start()
        return pending

    def pause(self, seconds: float | None = None) -> None:
        """Wait until a call is done, at most this many seconds; raises `Interrupted` if a signal arrives."""
        self.check()
        with contextlib.suppress(Empty):
            self._arrivals.get(timeout=seconds)
        self.check()

    def call(self, call: Callable[[], _T]) -> _T:
        """Make a call in the background and return its result; raises `Interrupted` if a signal arrives meanwhile."""
        pending = self.start(call)
        while not pending.done:
            self.pause()
        self.check()
        return pending.result()
