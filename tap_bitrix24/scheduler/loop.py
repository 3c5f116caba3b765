"""The one loop that reads all streams: sends what their strategies want, hands what comes back to them, in order.

Several requests are under way at once, at most `slots`, and each serves whoever wants something: a method whose
operating time is spent, or a request that must be tried again, holds up nobody else. What is sent is decided at the
moment it can be sent, so that a strategy never has to guess more than the portal's pace forces it to. Rows are
written by whoever consumes the loop, one strategy's after another's, while the next requests are under way.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from tap_bitrix24.client import Client, backoff_seconds, should_retry
from tap_bitrix24.dialects import BATCH_SIZE
from tap_bitrix24.errors import (
    AccessError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RetriableError,
    SettingsError,
    TooSlowError,
)
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Notice, Rows, Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, ReadRequest
from tap_bitrix24.scheduler.background import BackgroundCall, BackgroundCalls
from tap_bitrix24.scheduler.batches import Batch, PendingRequest, StreamJob, times_of
from tap_bitrix24.throttling.operating_time import OperatingTimeLimiter
from tap_bitrix24.throttling.page_cost import PageCostEstimator

LOG = logging.getLogger("tap-bitrix24.engine")
MAX_UNWRITTEN_ROWS = 2_500
"""Rows that may wait to be written before further answers are looked at: a request's."""
LINGER = 0.2
"""Seconds a request that is not full waits for more wishes while others are under way: each one counts."""
FULL = 0.9
MAX_SILENCE = 120.0
"""Seconds without any answer after which tries are cut short: a stopped portal must not take hours to fail."""
SHARED_ATTEMPTS = 2
"""Tries of a wish in the company of other streams' before it travels alone: one of them may spoil the request."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A strategy has ended, or failed."""

    error: Exception | None


StreamEvent = Rows | ChildGroupsRead | Checkpoint | Notice | Ended


@dataclass(eq=False, slots=True)
class _InFlight:
    """A bundle under way."""

    batch: Batch
    commands: Sequence[Command]
    sent_at: float
    call: BackgroundCall[list[Result | PortalError]]


class Scheduler:
    """Serves reading strategies from one client."""

    def __init__(
        self,
        client: Client,
        background: BackgroundCalls | None = None,
        *,
        slots: int = 1,
        clock: Callable[[], float] = time.monotonic,
        nap: Callable[[float], object] | None = None,
    ) -> None:
        """Take the client whose portal all strategies read.

        Args:
            client: Sends bundles.
            background: Where signals and answers arrive.
            slots: Requests under way at once, at most.
            clock: Seconds, monotonic.
            nap: Waits where nothing is under way; None: until a signal comes.
        """
        self.waiting = background or BackgroundCalls()
        self._client = client
        self._slots = slots
        self._clock = clock
        self._nap = nap or self.waiting.pause
        self._operating_time = OperatingTimeLimiter(clock)
        self._page_costs = PageCostEstimator()
        self._known: dict[str, StreamJob] = {}
        self._jobs: list[StreamJob] = []
        """Those that go on."""
        self._requests: list[_InFlight] = []
        self._sent_at = -inf
        self._changed = True
        """Something has arrived or been wished for since it was last tried to send."""
        self._silent_since: float | None = None
        self._wake: list[float] = []
        """Moments at which something that can't be sent now may be."""

    def run(self, readings: Mapping[str, Strategy]) -> Iterator[tuple[str, StreamEvent]]:
        """Run strategies side by side; yields whose and what each found, a strategy's own in order, `Ended` last.

        Raises:
            AccessError: The portal does not let us in any more.
            SettingsError: A STATE can't be read.
        """
        self._known = {name: StreamJob(name, reading) for name, reading in readings.items()}
        self._jobs = list(self._known.values())
        self._requests, self._changed = [], True
        found: deque[tuple[StreamJob, StreamEvent]] = deque()
        while True:
            self._receive()
            self._resume_jobs(found)
            if self._changed or (self._wake and self._clock() >= min(self._wake)):
                self._send()
            if found:
                job, event = found.popleft()
                if job.name in self._known:
                    yield job.name, event
            elif not self._jobs:
                return
            elif not any(job.ready for job in self._jobs):  # its next wishes may have been answered beforehand
                self._wait()

    def drop(self, name: str) -> int:
        """Read a stream no further: it has ended, or who consumed it failed or has enough.

        Returns:
            How many requests served no other stream.
        """
        job = self._known.pop(name)
        job.ended = True
        job.strategy.close()
        self._jobs = [job for job in self._jobs if not job.ended]
        self._changed = True
        return job.requests

    def _resume_jobs(self, found: deque[tuple[StreamJob, StreamEvent]]) -> None:
        """Let strategies take their answers, until enough waits to be written."""
        ready = [job for job in self._jobs if job.ready]
        held = sum(len(event.rows) for _, event in found if isinstance(event, Rows)) if ready else 0
        for job in ready:
            if held >= MAX_UNWRITTEN_ROWS:
                return
            self._changed = True
            for event in self._resume(job):
                held += len(event.rows) if isinstance(event, Rows) else 0
                found.append((job, event))
        self._jobs = [job for job in self._jobs if not job.ended]

    def _resume(self, job: StreamJob) -> Iterator[StreamEvent]:
        """Hand a strategy its answers, and take what it found until it wants more."""
        answers = [wish.answer for wish in job.pending if wish.answer is not None] or None
        try:
            while True:
                event = job.strategy.send(answers)
                answers = None
                if not isinstance(event, ReadRequest):
                    yield event
                    continue
                job.accept(event, self._clock())
                if event.page_requests:
                    return
                answers = []
        except StopIteration:
            error = None
        except (AccessError, SettingsError):
            raise
        except Exception as failed:  # that stream's own; whoever consumes the loop tells it
            LOG.debug("%s failed here", job.name, exc_info=True)
            error = failed
        job.ended = True
        yield Ended(error)

    def _send(self) -> None:
        """Send as many requests as are wished for and may be under way."""
        self._wake, self._changed = [], False
        while len(self._requests) < self._slots:
            if (seconds := self._client.rate_limiter.delay()) > 0:
                self._wake.append(self._clock() + seconds)
                return
            bundle = self._pack()
            if not bundle.parts or self._lingers(bundle):
                return
            if (seconds := self._client.rate_limiter.acquire()) > 0:
                self._wake.append(self._clock() + seconds)
                return
            self._dispatch(bundle)

    def _pack(self) -> Batch:
        """One request: wishes in the order they were wished, cut to what fits; then wishes beforehand."""
        now = self._clock()
        bundle = Batch()
        waiting = sorted(
            (wish for job in self._jobs for wish in job.pending if wish.is_waiting), key=lambda wish: wish.since
        )
        for wish in [*waiting, *(wish for job in self._jobs for wish in job.prefetched if wish.is_waiting)]:
            self._add(bundle, wish, now)
        if any(job.prefetch for job in self._jobs) and not self._prefetch_too_early(now):
            for job in self._jobs:
                self._add_prefetched(bundle, job, now)
        return bundle

    def _add_prefetched(self, bundle: Batch, job: StreamJob, now: float) -> None:
        """Fill a request up with wishes a strategy gives beforehand."""
        if job.prefetch is None:
            return
        method = job.pending[0].method if job.pending else ""
        held = sum(
            wish.page_request.pages for job in self._jobs for wish in job.prefetched
        )  # answered ones, too: memory is bounded
        most = (self._slots + (1 if bundle.parts else -1)) * bundle.capacity  # a request that must be sent is filled up
        if held >= most or not self._operating_time.has_half_left(method):
            return
        while (room := self._room(bundle, method)) > 0:
            wish = job.prefetch_next(room, now)
            if wish is None or not self._add(bundle, wish, now):
                return

    def _prefetch_too_early(self, now: float) -> bool:
        """Whether reading beforehand would only bring the end of the burst nearer, not that of the run.

        Guesses cost some rows twice, and gaps. Where the pace is what all must wait for, requests are sent no faster
        than it takes to use the burst up by the end; until then most of them have an answer to go on from.
        """
        requests = sum(job.pages_left for job in self._jobs) / BATCH_SIZE
        free = self._sent_at + self._client.rate_limiter.interval(requests)
        if now >= free:
            return False
        self._wake.append(free)
        return True

    def _add(self, bundle: Batch, wish: PendingRequest, now: float) -> bool:
        """Put a wish into a request if it may travel now and there is room, for a part of its pages at least."""
        if wish.not_before > now:
            self._wake.append(wish.not_before)
            return False
        most = 1 if wish.lone else wish.page_request.pages
        pages = min(most, self._room(bundle, wish.method)) if bundle.accepts(wish) else 0
        if pages > 0:
            bundle.add(wish, pages, pages * self._page_costs.seconds(wish.method))
        elif (
            not bundle.parts or self._operating_time.pages_available(wish.method) == 0
        ):  # asked again, a moment later, it may have room
            self._wake.append(now + self._operating_time.delay(wish.method))
        return pages > 0

    def _room(self, bundle: Batch, method: str) -> int:
        """Pages of a method a request can take besides what it holds: a request alone may hold one, however slow."""
        fitting = (
            self._page_costs.pages(method, bundle.seconds)
            if bundle.parts
            else max(1, self._page_costs.pages(method, 0.0))
        )
        return min(
            bundle.capacity - bundle.size, fitting, self._operating_time.pages_available(method) - bundle.pages[method]
        )

    def _lingers(self, bundle: Batch) -> bool:
        """Whether a request should wait for company: it is not full, and what is under way may bring more wishes."""
        oldest = min(wish.since for wish, _ in bundle.parts)
        full = bundle.size >= FULL * bundle.capacity or self._page_costs.pages("", bundle.seconds) == 0
        if full or not self._requests or self._clock() - oldest >= LINGER:
            return False
        self._wake.append(oldest + LINGER)
        return True

    def _dispatch(self, bundle: Batch) -> None:
        commands = bundle.commands(self._client.dialects[bundle.dialect])
        for method, pages in bundle.pages.items():
            self._operating_time.note_sent(method, pages)
        bundle.mark_sent()
        self._sent_at = self._clock()
        if (job := bundle.job()) is not None:
            job.requests += 1
        call = partial(self._client.try_call if bundle.lone else self._client.try_batch, commands)
        self._requests.append(_InFlight(bundle, commands, self._sent_at, self.waiting.start(call)))

    def _wait(self) -> None:
        """Wait for an answer, or for the moment something may be sent."""
        seconds = max(0.0, min(self._wake) - self._clock()) if self._wake else None
        if self._requests:
            self.waiting.pause(seconds)
        elif seconds is None:
            msg = "nothing is under way and nothing can be sent"
            raise RuntimeError(msg)
        else:
            self._nap(seconds)

    def _receive(self) -> None:
        """Take what has arrived."""
        self.waiting.check()
        requests, self._requests = self._requests, []
        for request in requests:
            if not request.call.done:  # looked at once: it may be done a moment later
                self._requests.append(request)
                continue
            self._changed = True
            try:
                results = request.call.result()
            except PortalError as error:
                self._failed(request, error)
            else:
                self._answered(request, results)

    def _answered(self, request: _InFlight, results: Sequence[Result | PortalError]) -> None:
        """Hand out what a request brought; a wish of which nothing came but a passing error is sent again."""
        self._silent_since = None
        bundle = request.batch
        self._page_costs.learn(bundle.pages, self._clock() - request.sent_at)
        for method, (times, refused) in times_of(request.commands, results).items():
            self._operating_time.note_answered(method, bundle.pages[method], times, refused=refused)
        failed: list[tuple[PendingRequest, RetriableError]] = []
        for wish, answer in bundle.answers(self._client.dialects[bundle.dialect], results):
            wish.in_flight = False
            if isinstance(answer.error, RetriableError):
                failed.append((wish, answer.error))
            else:
                wish.answer = answer
        self._schedule_retries(failed)

    def _failed(self, request: _InFlight, error: PortalError) -> None:
        """Do what a whole request's failure asks for.

        Raises:
            AccessError: It is everybody's.
        """
        bundle = request.batch
        for method, pages in bundle.pages.items():
            self._operating_time.note_answered(method, pages, [])
        for wish, _ in bundle.parts:
            wish.in_flight = False
        if isinstance(error, AccessError):
            raise error
        if isinstance(error, TooSlowError) and bundle.size > 1:
            self._page_costs.note_timeout(bundle.pages)
            most = max(1, self._page_costs.pages(max(bundle.pages, key=self._page_costs.seconds), 0.0))
            LOG.warning("the portal took too long over %d pages; asking for %d at once", bundle.size, most)
        elif isinstance(error, RetriableError):
            self._note_failure(error)
            for wish, _ in bundle.parts:
                wish.alone = wish.attempt >= SHARED_ATTEMPTS
                wish.single = wish.single or (wish.alone and self._client.dialects[bundle.dialect].ALL_OR_NOTHING)
            self._schedule_retries([(wish, error) for wish, _ in bundle.parts if wish.answer is None])
        else:
            self._refused(bundle, error)

    def _refused(self, bundle: Batch, error: PortalError) -> None:
        """A request that is refused as a whole fails its stream; where it served several, which one is to be seen.

        Where one command that fails takes the others' answers with it, they are asked for one by one.
        """
        falls_apart = self._client.dialects[bundle.dialect].ALL_OR_NOTHING and len(bundle.parts) > 1
        single = bundle.job() is not None and not falls_apart
        for wish, _ in bundle.parts:
            wish.alone, wish.single = True, wish.single or falls_apart
            if single:
                wish.answer = Answer([], error)

    def _note_failure(self, error: RetriableError) -> None:
        """Note that the portal is silent; if it has been for long, everything that waits for it has failed."""
        now = self._clock()
        if isinstance(error, RateLimitedError):
            self._client.rate_limiter.note_refusal()
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > MAX_SILENCE:
            for wish in [wish for job in self._jobs for wish in job.pending if wish.is_waiting]:
                wish.answer = Answer([], error)

    def _schedule_retries(self, failed: Sequence[tuple[PendingRequest, RetriableError]]) -> None:
        """Have wishes sent once more after a pause, or give them up."""
        now, longest = self._clock(), 0.0
        for wish, error in failed:
            if not should_retry(error, wish.attempt, wish.waited):
                wish.answer = Answer([], error)
                continue
            spent = isinstance(error, OperationLimitError)
            seconds = (
                self._operating_time.delay(wish.method) if spent else longest or backoff_seconds(error, wish.attempt)
            )
            wish.not_before = now + seconds
            wish.waited += seconds
            wish.attempt += 1
            longest = max(longest, seconds)
        told = "; ".join(dict.fromkeys(str(error) for wish, error in failed if wish.answer is None))
        if told:
            LOG.warning("%s; trying again in %.0f s", told, longest)
