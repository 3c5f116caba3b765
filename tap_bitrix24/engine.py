"""The one loop that serves what strategies want: packs wishes into bundles, sends them, hands pages back.

While a strategy's rows are converted and written, its next request is already under way; order and memory
stay those of one bundle. Signals are seen while waiting, not in the middle of a line.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from types import FrameType
from typing import TypeVar

from tap_bitrix24.client import Client, again, pause
from tap_bitrix24.dialects import Dialect
from tap_bitrix24.errors import Interrupted, PortalError, RetriableError, TooSlowError
from tap_bitrix24.model import Answer, Ask, Command, Page, Reached, Reading, Result, Rows, SetsRead, Want, Warned

LOG = logging.getLogger("tap-bitrix24.engine")
_T = TypeVar("_T")
Found = Rows | SetsRead | Reached | Warned


class Waiting:
    """Runs a call in the background while the main thread stays open to signals."""

    def __init__(self) -> None:
        """Nothing has arrived yet."""
        self._signum: int | None = None
        self._mail: SimpleQueue[object] = SimpleQueue()

    @property
    def interrupted(self) -> bool:
        """Whether a signal has arrived."""
        return self._signum is not None

    def interrupt(self, signum: int, _frame: FrameType | None = None) -> None:
        """Signal handler: note the signal and wake whoever waits (a SimpleQueue may be used in a handler)."""
        self._signum = signum
        self._mail.put(None)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self._signum is not None:
            raise Interrupted(self._signum)

    def start(self, call: Callable[[], _T]) -> Callable[[], _T]:
        """Start the call; the function returned waits for what it brings, or raises `Interrupted`.

        The thread is a daemon: a request the portal takes a minute over must not delay leaving.
        """
        values: list[_T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                values.append(call())
            except BaseException as error:  # noqa: BLE001 - re-raised by whoever waits
                errors.append(error)
            self._mail.put(None)

        threading.Thread(target=run, daemon=True).start()

        def wait() -> _T:
            self.check()
            while not values and not errors:
                self._mail.get()
                self.check()
            for error in errors:
                raise error
            return values[0]

        return wait


@dataclass(frozen=True, slots=True)
class Begun:
    """A strategy whose first wishes have been served."""

    reading: Reading
    found: list[Found]
    """What it found before it wished for anything."""
    answers: list[Answer] | None
    """None: it has not been asked for a wish; empty: it had none, and has ended."""


class Engine:
    """Serves reading strategies from one client."""

    def __init__(
        self, client: Client, waiting: Waiting | None = None, sleep: Callable[[float], object] | None = None
    ) -> None:
        """Take the client whose portal all strategies read.

        Args:
            client: Sends bundles.
            waiting: Where signals arrive.
            sleep: Waits between tries of a single command; None: the client's way.
        """
        self.waiting = waiting or Waiting()
        self._client = client
        self._dialect = client.dialect
        self._sleep = sleep or threading.Event().wait
        self._most = self._dialect.BUNDLE
        """Commands a bundle may hold now: halved when the portal takes too long, doubled when it doesn't."""

    def begin(self, readings: Sequence[Reading]) -> list[Begun]:
        """Serve the first wishes of several strategies together: small lists share a request, 50 commands each.

        Raises:
            PortalError: A whole request failed for good.
        """
        firsts = [self._next_want(reading, None) for reading in readings]
        arrived = self.waiting.start(partial(self.serve, [ask for _, asks in firsts for ask in asks]))
        answers = iter(arrived())
        return [
            Begun(reading, found, [next(answers) for _ in asks])
            for reading, (found, asks) in zip(readings, firsts, strict=True)
        ]

    def run(self, reading: Reading | Begun) -> Iterator[Found]:
        """Pump one strategy; yields what it found, in order, while its next wishes are being served."""
        begun = reading if isinstance(reading, Begun) else Begun(reading, [], None)
        yield from begun.found
        answers = begun.answers
        while answers is None or answers:
            found, asks = self._next_want(begun.reading, answers)
            if not asks:
                yield from found
                return
            arrived = self.waiting.start(partial(self.serve, asks))
            yield from found
            answers = arrived()

    @staticmethod
    def _next_want(reading: Reading, answers: list[Answer] | None) -> tuple[list[Found], Sequence[Ask]]:
        found: list[Found] = []
        while True:
            try:
                event = reading.send(answers)
            except StopIteration:
                return found, ()
            answers = None
            if isinstance(event, Want):
                return found, event.asks
            found.append(event)

    def serve(self, asks: Sequence[Ask]) -> list[Answer]:
        """Have all wishes answered, in as few requests as they fit into.

        Raises:
            PortalError: A whole request failed for good.
        """
        answers: dict[int, Answer] = {}
        waiting = dict(enumerate(asks))
        attempt, waited = 1, 0.0
        while waiting:
            failed: list[RetriableError] = []
            for number, answer in self._round(waiting):
                error = answer.error
                if isinstance(error, RetriableError) and again(error, attempt, waited):
                    failed.append(error)
                else:
                    answers[number] = answer
                    del waiting[number]
            if failed:
                seconds = max(pause(error, attempt) for error in failed)
                told = "; ".join(dict.fromkeys(map(str, failed)))
                LOG.warning("%s; trying again in %.0f s", told, seconds)
                self._sleep(seconds)
                attempt, waited = attempt + 1, waited + seconds
        return [answers[number] for number in range(len(asks))]

    def _round(self, waiting: dict[int, Ask]) -> list[tuple[int, Answer]]:
        """One request: as many wishes as fit, in order; chains are shortened before wishes are left out."""
        first = next(iter(waiting))
        if waiting[first].counted:
            return [(first, self._single(waiting[first]))]
        chosen = [number for number, ask in waiting.items() if not ask.counted][: self._most]
        share = max(1, self._most // len(chosen))
        parts: list[tuple[int, Ask, int]] = []
        bundle: list[Command] = []
        for number in chosen:
            ask = replace(waiting[number], pages=min(waiting[number].pages, share))
            commands = self._dialect.commands(ask, first=len(bundle))
            parts.append((number, ask, len(commands)))
            bundle += commands
        try:
            results = iter(self._client.bundle(bundle))
        except TooSlowError as error:
            if len(bundle) == 1:
                return [(chosen[0], Answer([], error))]
            self._most = max(1, len(bundle) // 2)
            LOG.warning("the portal took too long over %d pages; asking for %d at once", len(bundle), self._most)
            return []
        self._most = min(self._dialect.BUNDLE, self._most * 2 if len(bundle) >= self._most else self._most)
        return [
            (number, _answer(self._dialect, ask, [next(results) for _ in range(count)])) for number, ask, count in parts
        ]

    def _single(self, ask: Ask) -> Answer:
        """A counted wish goes alone: inside a batch controllers leave totals out."""
        (command,) = self._dialect.commands(ask)
        try:
            return _answer(self._dialect, ask, [self._client.call(command)])
        except PortalError as error:
            return _answer(self._dialect, ask, [error])


def _answer(dialect: Dialect, ask: Ask, results: Sequence[Result | PortalError]) -> Answer:
    """The pages up to the first failure: what follows it in a chain refers to nothing and is worthless."""
    pages: list[Page] = []
    for result in results:
        if isinstance(result, PortalError):
            return Answer(pages, None if pages else result)
        pages.append(dialect.page(ask.source, result))
    return Answer(pages)
