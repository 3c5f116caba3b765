"""Page requests on their way to an answer, by stream, and the batches they travel in. No I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, auto
from itertools import islice
from typing import Any

from tap_bitrix24.dialects import BATCH_SIZE, Dialect
from tap_bitrix24.errors import OperationLimitError, PortalError
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, Page, PageRequest, Prefetch, ReadRequest
from tap_bitrix24.retries import Retry


class Status(Enum):
    """Where a page request is."""

    WAITING = auto()
    """To be sent, for the first time or again."""
    IN_FLIGHT = auto()
    """Part of a request the portal has not answered yet."""
    ANSWERED = auto()
    """It has its answer: pages, or the error that ended it."""


class Sharing(IntEnum):
    """Which other page requests one may share a batch with; a larger value allows fewer."""

    ANY_STREAM = 0
    OWN_STREAM = 1
    """Only those of its own stream: a batch of several streams failed, and this one may be the reason."""
    ALONE = 2
    """None: it is sent as an HTTP request of its own."""


@dataclass(eq=False, slots=True)
class StreamJob:
    """The reading strategy of one stream while it runs, and its page requests."""

    name: str
    strategy: Strategy
    pending: list[PendingRequest] = field(default_factory=list)
    """What the strategy waits for; empty before its first step."""
    prefetch: Prefetch | None = None
    """Gives page requests the strategy will yield later."""
    pages_left: int = 0
    """Pages still to be read, as far as the strategy knows."""
    prefetched: list[PendingRequest] = field(default_factory=list)
    """What `prefetch` gave and the strategy has not yielded yet, in order."""
    own_requests: int = 0
    """HTTP requests that served no other stream."""
    ended: bool = False

    def accept(self, read_request: ReadRequest, now: float) -> None:
        """Take the next page requests of the strategy; prefetched ones are on their way already."""
        by_id = {prefetched.page_request.id: prefetched for prefetched in self.prefetched}
        self.pending = [
            by_id.get(request.id) or PendingRequest(self, request, requested_at=now)
            for request in read_request.page_requests
        ]
        self.prefetch, self.pages_left = read_request.prefetch, read_request.pages_left
        self.prefetched = [
            prefetched
            for prefetched in self.prefetched
            if not any(_is_superseded(prefetched.page_request, by=request) for request in read_request.page_requests)
        ]

    def prefetch_next(self, max_pages: int, now: float) -> PendingRequest | None:
        """Return the next page request to prefetch, or None.

        None as well where fewer pages were sent than the strategy asked for: what follows them is then unknown.
        """
        if self.prefetch is None or self.ended or any(pending.is_cut for pending in self.pending):
            return None
        answers = {pending.page_request.id: pending.answer for pending in (*self.pending, *self.prefetched)}
        request = self.prefetch(max_pages, lambda request: answers.get(request.id))
        if request is None:
            return None
        prefetched = PendingRequest(self, request, requested_at=now)
        self.prefetched.append(prefetched)
        return prefetched

    @property
    def ready(self) -> bool:
        """Whether the strategy can go on: all it waits for is answered."""
        return not self.ended and all(pending.status is Status.ANSWERED for pending in self.pending)


def _is_superseded(prefetched: PageRequest, *, by: PageRequest) -> bool:
    """Whether a prefetched request is one the strategy asks for now, or lies before it in the same list."""
    same_list = prefetched.list_spec is by.list_spec and prefetched.window == by.window
    return prefetched.id == by.id or (same_list and (prefetched.after or 0) < (by.after or 0))


@dataclass(eq=False, slots=True)
class PendingRequest:
    """A page request of a stream on its way to an answer."""

    job: StreamJob
    page_request: PageRequest
    requested_at: float
    """When the strategy asked for it, in seconds of the scheduler's clock."""
    not_before: float = 0.0
    """When it may be sent again after a failure, in seconds of the scheduler's clock."""
    in_flight: bool = False
    """Whether it is part of a request the portal has not answered yet."""
    sharing: Sharing = Sharing.ANY_STREAM
    part: object = None
    """The half of a refused batch it belongs to, the only one it shares batches with; None: no batch was refused."""
    max_pages: int = BATCH_SIZE
    """Most pages to ask for at once: fewer after a chain was refused as a whole."""
    pages_sent: int = 0
    """Pages that were asked for when it was sent last, at most those of `page_request`; 0 before."""
    retry: Retry = field(default_factory=Retry)
    answer: Answer | None = None
    """Pages, or the error that ended it; None: it is not answered yet."""

    def __post_init__(self) -> None:
        """Have it sent alone if the strategy asks for that, its method has no batches, or a batch would not count."""
        request = self.page_request
        endpoint = request.list_spec.endpoint
        uncounted_in_batch = request.counted and not endpoint.counted_in_batch
        if uncounted_in_batch or request.alone or not endpoint.batchable:
            self.sharing = Sharing.ALONE

    @property
    def status(self) -> Status:
        """Where it is."""
        if self.answer is not None:
            return Status.ANSWERED
        return Status.IN_FLIGHT if self.in_flight else Status.WAITING

    @property
    def method(self) -> str:
        """The list's method."""
        return self.page_request.list_spec.endpoint.method

    @property
    def dialect(self) -> str:
        """Name of the dialect it is written in."""
        return self.page_request.list_spec.endpoint.dialect

    @property
    def is_cut(self) -> bool:
        """Whether fewer pages were sent than the strategy asked for."""
        return 0 < self.pages_sent < self.page_request.pages

    def limit_sharing(self, sharing: Sharing) -> None:
        """Share with no more requests than this; what was ruled out before stays so."""
        self.sharing = max(self.sharing, sharing)

    def finish(self, answer: Answer) -> None:
        """Keep the answer; it is not sent again."""
        self.answer = answer


@dataclass(eq=False, slots=True)
class Batch:
    """Page requests sent as one HTTP request: up to 50 pages, a command each."""

    parts: list[tuple[PendingRequest, int]] = field(default_factory=list)
    """Page requests, each with its pages in this batch."""
    pages: Counter[str] = field(default_factory=Counter)
    """Method → pages."""
    seconds: float = 0.0
    """Expected time until the answer."""
    sharing: Sharing = Sharing.ANY_STREAM
    """The strictest of its page requests."""

    @property
    def size(self) -> int:
        """Pages in it, which are commands."""
        return self.pages.total()

    @property
    def capacity(self) -> int:
        """Most pages it may hold."""
        return 1 if self.is_single_call else BATCH_SIZE

    @property
    def is_single_call(self) -> bool:
        """Whether it is sent as a call of its own, without the method `batch`."""
        return self.sharing is Sharing.ALONE

    @property
    def dialect(self) -> str:
        """Name of the dialect it is written in."""
        return self.parts[0][0].dialect

    def accepts(self, pending: PendingRequest) -> bool:
        """Whether a page request may share the batch with those in it."""
        if not self.parts:
            return True
        strictest = max(self.sharing, pending.sharing)
        if strictest is Sharing.ALONE or self.dialect != pending.dialect or self.parts[0][0].part is not pending.part:
            return False
        return strictest is Sharing.ANY_STREAM or self.only_job() is pending.job

    def add(self, pending: PendingRequest, pages: int, seconds: float) -> None:
        """Add pages of a page request, which are expected to take these seconds."""
        self.parts.append((pending, pages))
        self.pages[pending.method] += pages
        self.seconds += seconds
        self.sharing = max(self.sharing, pending.sharing)

    def only_job(self) -> StreamJob | None:
        """Return the stream it serves, or None if there are several."""
        jobs = {pending.job for pending, _ in self.parts}
        return jobs.pop() if len(jobs) == 1 else None

    def mark_sent(self) -> None:
        """Note that its page requests are in flight."""
        for pending, pages in self.parts:
            pending.in_flight, pending.pages_sent = True, pages

    def mark_returned(self) -> None:
        """Note that its page requests are no longer in flight; those that get no answer now wait to be sent again."""
        for pending, _ in self.parts:
            pending.in_flight = False

    def commands(self, dialect: Dialect) -> list[Command]:
        """Return the commands of all its pages; those of a chain refer to each other by position."""
        commands: list[Command] = []
        for pending, pages in self.parts:
            commands += dialect.commands(replace(pending.page_request, pages=pages), first=len(commands))
        return commands

    def answers(
        self, dialect: Dialect, results: Iterable[Result | PortalError]
    ) -> Iterator[tuple[PendingRequest, Answer]]:
        """Yield each page request with its answer, from the results of all commands in order."""
        remaining = iter(results)
        for pending, pages in self.parts:
            yield pending, _answer(dialect, pending.page_request, list(islice(remaining, pages)))


def _answer(dialect: Dialect, request: PageRequest, results: Sequence[Result | PortalError]) -> Answer:
    """Return the pages up to the first failure: what follows it in a chain refers to nothing and is worthless."""
    pages: list[Page] = []
    for result in results:
        if isinstance(result, PortalError):
            return Answer(pages, None if pages else result)
        try:
            pages.append(dialect.page(request.list_spec, result))
        except PortalError as error:
            return Answer(pages, None if pages else error)
    return Answer(pages)


@dataclass(slots=True)
class MethodTimes:
    """What the results of a batch say about the operating time of one method."""

    times: list[Mapping[str, Any]] = field(default_factory=list)
    """`time` of each result."""
    refused: bool = False
    """A command was refused because the operating time is used up."""


def times_by_method(commands: Sequence[Command], results: Sequence[Result | PortalError]) -> dict[str, MethodTimes]:
    """Return what the results of a batch say about operating time, by method."""
    methods: dict[str, MethodTimes] = {}
    for command, result in zip(commands, results, strict=True):
        method = methods.setdefault(command.method, MethodTimes())
        if isinstance(result, Result):
            method.times.append(result.time)
        method.refused = method.refused or isinstance(result, OperationLimitError)
    return methods
