"""What travels together: wishes of all streams packed into requests of 50 commands, and answers handed back. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from tap_bitrix24.dialects import BATCH_SIZE, Dialect
from tap_bitrix24.errors import OperationLimitError, PortalError
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, Page, PageRequest, Prefetch, ReadRequest


@dataclass(eq=False, slots=True)
class StreamJob:
    """One stream's strategy while it runs."""

    name: str
    strategy: Strategy
    pending: list[PendingRequest] = field(default_factory=list)
    """What it waits for; empty before its first step."""
    prefetch: Prefetch | None = None
    """Gives wishes beforehand."""
    pages_left: int = 0
    """Pages it has yet to read, as far as it knows."""
    prefetched: list[PendingRequest] = field(default_factory=list)
    """Those it has given and not asked for yet, in order."""
    requests: int = 0
    """Requests that served no other stream."""
    ended: bool = False

    def accept(self, want: ReadRequest, now: float) -> None:
        """Take what the strategy wants next; what it gave beforehand is under way already."""
        known = {id(wish.page_request): wish for wish in self.prefetched}
        self.pending = [known.get(id(ask)) or PendingRequest(self, ask, since=now) for ask in want.page_requests]
        self.prefetch, self.pages_left = want.prefetch, want.pages_left
        taken = [wish for wish in self.pending if id(wish.page_request) in known]
        self.prefetched = [
            wish
            for wish in self.prefetched
            if not any(_superseded(wish.page_request, each.page_request) for each in taken)
        ]

    def prefetch_next(self, room: int, now: float) -> PendingRequest | None:
        """A wish beforehand, unless what the strategy waits for was cut short: then nobody knows what follows."""
        if self.prefetch is None or self.ended or any(wish.cut for wish in self.pending):
            return None
        answers = {id(wish.page_request): wish.answer for wish in (*self.pending, *self.prefetched)}
        ask = self.prefetch(room, lambda ask: answers.get(id(ask)))
        if ask is None:
            return None
        wish = PendingRequest(self, ask, since=now)
        self.prefetched.append(wish)
        return wish

    @property
    def ready(self) -> bool:
        """Whether it can go on."""
        return not self.ended and all(wish.answer is not None for wish in self.pending)


def _superseded(waiting: PageRequest, taken: PageRequest) -> bool:
    """Whether a wish beforehand is the one taken, or lies before it in the same list: nobody will ask for it."""
    return waiting is taken or (waiting.list_spec is taken.list_spec and (waiting.after or 0) < (taken.after or 0))


@dataclass(eq=False, slots=True)
class PendingRequest:
    """One ask on its way to an answer."""

    job: StreamJob
    page_request: PageRequest
    since: float
    """When it was wished for."""
    answer: Answer | None = None
    in_flight: bool = False
    cut: bool = False
    """Fewer pages were asked for than wished."""
    alone: bool = False
    """It travels with no other stream's: together they failed."""
    single: bool = False
    """It travels by itself: a request with it in it failed, and took other wishes with it."""
    attempt: int = 1
    waited: float = 0.0
    not_before: float = 0.0

    @property
    def method(self) -> str:
        """The list's method."""
        return self.page_request.list_spec.endpoint.method

    @property
    def lone(self) -> bool:
        """Whether it is a request of its own; a counted one is, for inside a batch controllers leave totals out."""
        return self.page_request.counted or self.single or not self.page_request.list_spec.endpoint.batchable

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.answer is None and not self.in_flight


@dataclass(eq=False, slots=True)
class Batch:
    """Wishes that travel in one request."""

    parts: list[tuple[PendingRequest, int]] = field(default_factory=list)
    """Wish → pages asked for."""
    pages: Counter[str] = field(default_factory=Counter)
    """The same by method."""
    seconds: float = 0.0
    """What it is expected to take."""

    @property
    def size(self) -> int:
        """Commands in it."""
        return self.pages.total()

    @property
    def capacity(self) -> int:
        """Commands it may hold."""
        return 1 if self.lone else BATCH_SIZE

    @property
    def lone(self) -> bool:
        """Whether what is in it travels by itself."""
        return bool(self.parts) and self.parts[0][0].lone

    @property
    def dialect(self) -> str:
        """What it is written in."""
        return self.parts[0][0].page_request.list_spec.endpoint.dialect

    def accepts(self, wish: PendingRequest) -> bool:
        """Whether a wish may travel with those that are in it."""
        if not self.parts:
            return True
        first = self.parts[0][0]
        if first.lone or wish.lone or self.dialect != wish.page_request.list_spec.endpoint.dialect:
            return False
        return first.job is wish.job or not (first.alone or wish.alone)

    def add(self, wish: PendingRequest, pages: int, seconds: float) -> None:
        """Put a wish in."""
        self.parts.append((wish, pages))
        self.pages[wish.method] += pages
        self.seconds += seconds

    def job(self) -> StreamJob | None:
        """The stream it serves, if it is only one."""
        jobs = {wish.job for wish, _ in self.parts}
        return jobs.pop() if len(jobs) == 1 else None

    def mark_sent(self) -> None:
        """Mark its wishes as under way."""
        for wish, pages in self.parts:
            wish.in_flight = True
            wish.cut = pages < wish.page_request.pages

    def commands(self, dialect: Dialect) -> list[Command]:
        """Spell all wishes out; a chain refers to commands of its own."""
        commands: list[Command] = []
        for wish, pages in self.parts:
            commands += dialect.commands(replace(wish.page_request, pages=pages), first=len(commands))
        return commands

    def answers(
        self, dialect: Dialect, results: Iterable[Result | PortalError]
    ) -> Iterator[tuple[PendingRequest, Answer]]:
        """Each wish with what came of it."""
        rest = iter(results)
        for wish, pages in self.parts:
            yield wish, _answer(dialect, wish.page_request, list(islice(rest, pages)))


def _answer(dialect: Dialect, ask: PageRequest, results: Sequence[Result | PortalError]) -> Answer:
    """The pages up to the first failure: what follows it in a chain refers to nothing and is worthless."""
    pages: list[Page] = []
    for result in results:
        if isinstance(result, PortalError):
            return Answer(pages, None if pages else result)
        try:
            pages.append(dialect.page(ask.list_spec, result))
        except PortalError as error:
            return Answer(pages, None if pages else error)
    return Answer(pages)


def times_of(
    commands: Sequence[Command], results: Sequence[Result | PortalError]
) -> dict[str, tuple[list[dict[str, object]], bool]]:
    """Method → `time` of each of its answers, and whether one of them says that its budget is spent."""
    told: dict[str, tuple[list[dict[str, object]], bool]] = {}
    for command, result in zip(commands, results, strict=True):
        times, refused = told.get(command.method, ([], False))
        if isinstance(result, Result):
            times.append(dict(result.time))
        told[command.method] = (times, refused or isinstance(result, OperationLimitError))
    return told
