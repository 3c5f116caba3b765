"""Waiting for what runs in the background, while signals are seen at once."""

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
        """Nothing has come of it yet."""
        self.done = False
        self._values: list[_T] = []
        self._error: BaseException | None = None

    def run(self, call: Callable[[], _T]) -> None:
        """Make the call and keep what comes of it."""
        try:
            self._values.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._error = error
        self.done = True

    def result(self) -> _T:
        """What it brought; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._values[0]


class BackgroundCalls:
    """Runs calls in the background while the main thread stays open to signals."""

    def __init__(self) -> None:
        """Nothing has arrived yet."""
        self._signum: int | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        """Rung by whatever arrives: a queue of this kind may be used in a signal handler."""

    @property
    def interrupted(self) -> bool:
        """Whether a signal has arrived."""
        return self._signum is not None

    def interrupt(self, signum: int, _frame: FrameType | None = None) -> None:
        """Signal handler: note the signal and wake whoever waits."""
        self._signum = signum
        self._bell.put(None)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self._signum is not None:
            raise Interrupted(self._signum)

    def start(self, call: Callable[[], _T]) -> BackgroundCall[_T]:
        """Start the call; the bell rings when it is done.

        The thread is a daemon: a request the portal takes a minute over must not delay leaving.
        """
        pending: BackgroundCall[_T] = BackgroundCall()

        def run() -> None:
            pending.run(call)
            self._bell.put(None)

        threading.Thread(target=run, daemon=True).start()
        return pending

    def pause(self, seconds: float | None = None) -> None:
        """Wait until the bell rings, or so many seconds; raises `Interrupted` if a signal arrives."""
        self.check()
        with contextlib.suppress(Empty):
            self._bell.get(timeout=seconds)
        self.check()

    def call(self, call: Callable[[], _T]) -> _T:
        """Make a call in the background and wait for what it brings."""
        pending = self.start(call)
        while not pending.done:
            self.pause()
        self.check()
        return pending.result()
