"""The one loop that reads all streams: sends the page requests of their strategies and hands the answers back in order.

Several HTTP requests are in flight at once, at most `slots`, and each serves any stream: a method whose operating time
is used up, or a request that must be sent again, holds up no other stream. What to send is decided when it can be sent,
so that a strategy never has to guess further ahead than the rate limit forces it to. Rows are written by the caller of
the loop, one stream's after another's, while the next requests are in flight.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from tap_bitrix24.client import Client
from tap_bitrix24.errors import (
    AccessError,
    DoubtfulError,
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
from tap_bitrix24.retries import log_retry
from tap_bitrix24.scheduler.background import BackgroundCall, BackgroundCalls
from tap_bitrix24.scheduler.batches import Batch, PendingRequest, Sharing, Status, StreamJob, times_by_method
from tap_bitrix24.scheduler.packing import Packer
from tap_bitrix24.throttling.operating_time import OperatingTimeLimiter
from tap_bitrix24.throttling.page_cost import PageCostEstimator

LOG = logging.getLogger("tap-bitrix24.scheduler")
MAX_UNWRITTEN_ROWS = 2_500
"""Rows that may wait to be written before strategies are given more answers: as many as one request brings."""
MAX_SILENCE = 120.0
"""Seconds without any answer after which waiting page requests fail: a stopped portal must not take hours to."""
PAIR = 2
"""Page requests of a refused batch that need no other batch: each is sent alone."""
SHARED_ATTEMPTS = 2
"""Attempts of a page request in batches with other streams': one of them may be what makes the batch fail."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a stream's strategy; with an error, it failed."""

    error: Exception | None


StreamEvent = Rows | ChildGroupsRead | Checkpoint | Notice | Ended
"""What the scheduler hands on for a stream."""


@dataclass(eq=False, slots=True)
class _InFlight:
    """A batch the portal has not answered yet."""

    batch: Batch
    commands: Sequence[Command]
    sent_at: float
    """In seconds of the scheduler's clock."""
    call: BackgroundCall[list[Result | PortalError]]


class Scheduler:
    """Runs the reading strategies of all streams over one client."""

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
            client: Sends the batches.
            background: Where HTTP requests run, and signals arrive.
            slots: Most HTTP requests in flight.
            clock: Seconds, monotonic.
            nap: Waits a number of seconds while nothing is in flight; None: less if a signal arrives.
        """
        self._background = background or BackgroundCalls()
        self._client = client
        self._slots = slots
        self._clock = clock
        self._nap = nap or self._background.pause
        self._operating_time = OperatingTimeLimiter(clock)
        self._page_costs = PageCostEstimator()
        self._packer = Packer(self._operating_time, self._page_costs, client.rate_limiter.interval, slots)
        self._jobs_by_name: dict[str, StreamJob] = {}
        """Streams that were not dropped, ended ones included."""
        self._jobs: list[StreamJob] = []
        """Streams whose strategies go on."""
        self._in_flight: list[_InFlight] = []
        self._last_sent_at = -inf
        self._changed = True
        """Whether an answer or a page request has come since sending was last tried."""
        self._look_again_at = inf
        """When to try sending again even if nothing has come."""
        self._silent_since: float | None = None
        """When a request failed, if none was answered since."""

    def run(self, strategies: Mapping[str, Strategy]) -> Iterator[tuple[str, StreamEvent]]:
        """Run strategies side by side; yield each event with its stream's name, a stream's own in order, `Ended` last.

        Raises:
            AccessError: The portal does not accept the credentials any more.
            SettingsError: A stream's STATE is invalid.
        """
        self._jobs_by_name = {name: StreamJob(name, strategy) for name, strategy in strategies.items()}
        self._jobs = list(self._jobs_by_name.values())
        self._in_flight, self._changed, self._look_again_at = [], True, inf
        events: deque[tuple[StreamJob, StreamEvent]] = deque()
        while True:
            self._receive()
            self._resume_jobs(events)
            if self._changed or self._clock() >= self._look_again_at:
                self._changed = False
                self._look_again_at = self._send()
            if events:
                job, event = events.popleft()
                if job.name in self._jobs_by_name:
                    yield job.name, event
            elif not self._jobs:
                return
            elif not any(job.ready for job in self._jobs):  # what it asked for last may have been prefetched
                self._wait()

    def drop(self, name: str) -> int:
        """Read a stream no further: it has ended, its consumer failed, or wants no more.

        Returns:
            How many HTTP requests served no other stream.
        """
        job = self._jobs_by_name.pop(name)
        job.ended = True
        job.strategy.close()
        self._jobs = [job for job in self._jobs if not job.ended]
        self._changed = True
        return job.own_requests

    # Strategies

    def _resume_jobs(self, events: deque[tuple[StreamJob, StreamEvent]]) -> None:
        """Give strategies their answers, until enough rows wait to be written."""
        ready = [job for job in self._jobs if job.ready]
        unwritten = sum(len(event.rows) for _, event in events if isinstance(event, Rows)) if ready else 0
        for job in ready:
            if unwritten >= MAX_UNWRITTEN_ROWS:
                return
            self._changed = True
            for event in self._resume(job):
                unwritten += len(event.rows) if isinstance(event, Rows) else 0
                events.append((job, event))
        self._jobs = [job for job in self._jobs if not job.ended]

    def _resume(self, job: StreamJob) -> Iterator[StreamEvent]:
        """Give a strategy its answers, and yield its events until it asks for pages or ends."""
        answers = [pending.answer for pending in job.pending if pending.answer is not None] or None
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
        except Exception as failure:  # this stream's alone; the consumer of `Ended` reports it
            LOG.debug("%s failed", job.name, exc_info=True)
            error = failure
        job.ended = True
        yield Ended(error)

    # Sending

    def _send(self) -> float:
        """Send what can be sent now; return when to look again even if no answer arrives, in seconds of the clock."""
        rate_limiter = self._client.rate_limiter
        while len(self._in_flight) < self._slots:
            if (seconds := rate_limiter.delay()) > 0:
                return self._clock() + seconds
            packing = self._packer.pack(
                self._jobs, self._clock(), last_sent_at=self._last_sent_at, in_flight=len(self._in_flight)
            )
            if packing.batch is None:
                return packing.look_again_at
            if (seconds := rate_limiter.acquire()) > 0:
                return self._clock() + seconds
            self._dispatch(packing.batch)
        return inf

    def _dispatch(self, batch: Batch) -> None:
        """Send a batch in the background."""
        commands = batch.commands(self._client.dialects[batch.dialect])
        for method, pages in batch.pages.items():
            self._operating_time.note_sent(method, pages)
        batch.mark_sent()
        self._last_sent_at = self._clock()
        if (job := batch.only_job()) is not None:
            job.own_requests += 1
        call = partial(self._client.try_call if batch.is_single_call else self._client.try_batch, commands)
        self._in_flight.append(_InFlight(batch, commands, self._last_sent_at, self._background.start(call)))

    def _wait(self) -> None:
        """Wait for an answer, or until more may be sent."""
        seconds = None if self._look_again_at == inf else max(0.0, self._look_again_at - self._clock())
        if self._in_flight:
            self._background.pause(seconds)
        elif seconds is None:
            msg = "no request is in flight and none can be sent"
            raise RuntimeError(msg)
        else:
            self._nap(seconds)

    # Answers

    def _receive(self) -> None:
        """Take the answers that have arrived."""
        self._background.check()
        in_flight, self._in_flight = self._in_flight, []
        for request in in_flight:
            if not request.call.done:  # looked at once: it may be done a moment later
                self._in_flight.append(request)
                continue
            self._changed = True
            request.batch.mark_returned()
            try:
                results = request.call.result()
            except PortalError as error:
                self._handle_failure(request.batch, error)
            else:
                self._handle_results(request, results)

    def _handle_results(self, request: _InFlight, results: Sequence[Result | PortalError]) -> None:
        """Give each page request its answer; one whose first page failed for a moment is sent again."""
        self._silent_since = None
        batch = request.batch
        self._page_costs.learn(batch.pages, self._clock() - request.sent_at)
        for method, usage in times_by_method(request.commands, results).items():
            self._operating_time.note_answered(method, batch.pages[method], usage.times, refused=usage.refused)
        failed: list[tuple[PendingRequest, RetriableError]] = []
        for pending, answer in batch.answers(self._client.dialects[batch.dialect], results):
            if isinstance(answer.error, RetriableError):
                failed.append((pending, answer.error))
            else:
                pending.finish(answer)
        self._schedule_retries(failed)

    def _handle_failure(self, batch: Batch, error: PortalError) -> None:
        """Do what the failure of a whole HTTP request asks for.

        Raises:
            AccessError: The credentials are not accepted, which concerns all streams.
        """
        for method, pages in batch.pages.items():
            self._operating_time.note_answered(method, pages, [])
        if isinstance(error, AccessError):
            raise error
        if isinstance(error, TooSlowError) and batch.size > 1:
            self._page_costs.note_timeout(batch.pages)
            slowest = max(batch.pages, key=self._page_costs.seconds)
            fewer = max(1, self._page_costs.pages(slowest, 0.0))
            LOG.warning("the portal took too long over %d pages; asking for %d at once", batch.size, fewer)
        elif isinstance(error, DoubtfulError) and not all(pending.retry.allows(error) for pending, _ in batch.parts):
            self._split_or_fail(batch, error.settled())
        elif isinstance(error, RetriableError):
            self._retry_batch(batch, error)
        else:
            self._split_or_fail(batch, error)

    def _retry_batch(self, batch: Batch, error: RetriableError) -> None:
        """Have all page requests of a batch sent again, after some attempts apart from other streams'."""
        self._client.note_failure(error)
        if not isinstance(error, (RateLimitedError, DoubtfulError)):
            self._note_silence(error)
        apart = Sharing.ALONE if self._client.dialects[batch.dialect].ALL_OR_NOTHING else Sharing.OWN_STREAM
        for pending, _ in batch.parts:
            if pending.retry.attempt >= SHARED_ATTEMPTS:
                pending.limit_sharing(apart)
        self._schedule_retries([(pending, error) for pending, _ in batch.parts if pending.answer is None])

    def _split_or_fail(self, batch: Batch, error: PortalError) -> None:
        """Narrow a batch that is refused as a whole down to the page request that is refused, which then fails.

        One command may be why the answers of all others are missing: half of the page requests are sent again in one
        batch, half in another; a chain of pages is halved likewise. Where each command of a batch takes the others'
        answers with it, every page request is sent alone.
        """
        if len(batch.parts) > 1:
            alone = self._client.dialects[batch.dialect].ALL_OR_NOTHING
            halves = object(), object()
            for number, (pending, _) in enumerate(batch.parts):
                pending.part = halves[2 * number // len(batch.parts)]
                if alone or len(batch.parts) == PAIR:
                    pending.limit_sharing(Sharing.ALONE)
            return
        ((pending, pages),) = batch.parts
        if pages > 1:
            pending.max_pages = pages // 2
            return
        pending.finish(Answer([], error))

    def _note_silence(self, error: RetriableError) -> None:
        """Note that no answer came; if none has for long, fail all page requests that wait to be sent."""
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > MAX_SILENCE:
            for pending in [pending for job in self._jobs for pending in job.pending]:
                if pending.status is Status.WAITING:
                    pending.finish(Answer([], error))

    def _schedule_retries(self, failed: Sequence[tuple[PendingRequest, RetriableError]]) -> None:
        """Have page requests that failed together sent again together after a pause, or give them up."""
        now, longest = self._clock(), 0.0
        for pending, error in failed:
            used_up = isinstance(error, OperationLimitError)
            known_delay = self._operating_time.delay(pending.method) if used_up else longest or None
            seconds = pending.retry.next_delay(error, known_delay)
            if seconds is None:
                pending.finish(Answer([], error.settled() if isinstance(error, DoubtfulError) else error))
                continue
            pending.not_before = now + seconds
            longest = max(longest, seconds)
        if errors := [error for pending, error in failed if pending.answer is None]:
            log_retry(errors, longest)
