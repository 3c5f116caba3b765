"""What to send next: page requests of all streams packed into a batch, within the portal's limits. No I/O.

A batch holds at most 50 pages, should take at most a third of the time the portal allows, and asks for no page of a
method whose operating time is used up. Page requests the strategies wait for come first, in the order they were asked
for; what is prefetched fills the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from tap_bitrix24.dialects import BATCH_SIZE
from tap_bitrix24.scheduler.batches import Batch, PendingRequest, Sharing, Status, StreamJob
from tap_bitrix24.throttling.operating_time import OperatingTimeLimiter
from tap_bitrix24.throttling.page_cost import PageCostEstimator

LINGER = 0.2
"""Seconds a batch that is not full waits for more page requests while others are in flight."""
FULL = 0.9
"""Part of its capacity from which a batch counts as full."""


@dataclass(frozen=True, slots=True)
class Packing:
    """What can be sent now, and when to look again."""

    batch: Batch | None
    """To be sent now; None: nothing."""
    look_again_at: float = inf
    """Moment from which more can be sent even if no answer arrives, in seconds of the scheduler's clock."""


class Packer:
    """Packs batches within the limits of one portal."""

    def __init__(
        self,
        operating_time: OperatingTimeLimiter,
        page_costs: PageCostEstimator,
        interval: Callable[[float], float],
        slots: int,
    ) -> None:
        """Take the limits.

        Args:
            operating_time: How many pages of a method may be asked for now.
            page_costs: How long a page of a method takes.
            interval: Number of HTTP requests still to be sent → seconds between them at which the rate limit's burst
                lasts until the last one.
            slots: Most HTTP requests in flight.
        """
        self._operating_time = operating_time
        self._page_costs = page_costs
        self._interval = interval
        self._slots = slots

    def pack(self, jobs: Sequence[StreamJob], now: float, *, last_sent_at: float, in_flight: int) -> Packing:
        """Return the next batch, if one should be sent now.

        Args:
            jobs: The streams that are being read.
            now: In seconds of the scheduler's clock.
            last_sent_at: When the last HTTP request was sent; -inf: none was.
            in_flight: HTTP requests without an answer.
        """
        batch = Batch()
        left_out = [pending for pending in _waiting(jobs) if not self._add(batch, pending, now)]
        prefetch_at = self._prefetch_at(jobs, last_sent_at)
        if prefetch_at <= now:
            left_out += [pending for job in jobs for pending in self._add_prefetched(batch, job, jobs, now)]
        look_again_at = min((self._sendable_at(batch, pending, now) for pending in left_out), default=inf)
        if prefetch_at > now:
            look_again_at = min(look_again_at, prefetch_at)
        if not batch.parts:
            return Packing(None, look_again_at)
        complete_at = self._complete_at(batch, in_flight)
        return Packing(None, min(look_again_at, complete_at)) if now < complete_at else Packing(batch, look_again_at)

    def _add(self, batch: Batch, pending: PendingRequest, now: float) -> bool:
        """Add a page request, or its first pages, if it may be sent now in this batch; returns whether it was added."""
        if pending.not_before > now or not batch.accepts(pending):
            return False
        wanted = 1 if pending.sharing is Sharing.ALONE else pending.page_request.pages
        pages = min(wanted, pending.max_pages, self._room(batch, pending.method))
        if pages > 0:
            batch.add(pending, pages, pages * self._page_costs.seconds(pending.method))
        return pages > 0

    def _room(self, batch: Batch, method: str) -> int:
        """Return how many more pages of a method the batch can take; an empty one takes one, however slow it is."""
        in_time = self._page_costs.pages(method, batch.seconds)
        return min(
            batch.capacity - batch.size,
            in_time if batch.parts else max(1, in_time),
            self._operating_time.pages_available(method) - batch.pages[method],
        )

    def _sendable_at(self, batch: Batch, pending: PendingRequest, now: float) -> float:
        """Return when a page request that was left out may be sent; inf: as soon as this batch is."""
        if pending.not_before > now:
            return pending.not_before
        method = pending.method
        if not batch.parts or self._operating_time.pages_available(method) == 0:
            return now + self._operating_time.delay(method)
        return inf

    def _add_prefetched(
        self, batch: Batch, job: StreamJob, jobs: Sequence[StreamJob], now: float
    ) -> list[PendingRequest]:
        """Fill the batch up with pages a stream will need later; returns what was prefetched and did not fit."""
        if job.prefetch is None:
            return []
        method = job.pending[0].method if job.pending else ""
        # answered ones count as well, because their rows are kept in memory; a batch that must be sent is filled up
        prefetched_pages = sum(prefetched.page_request.pages for job in jobs for prefetched in job.prefetched)
        max_prefetched_pages = (self._slots + (1 if batch.parts else -1)) * batch.capacity
        if prefetched_pages >= max_prefetched_pages or not self._operating_time.has_half_left(method):
            return []
        while (room := self._room(batch, method)) > 0:
            prefetched = job.prefetch_next(room, now)
            if prefetched is None:
                return []
            if not self._add(batch, prefetched, now):
                return [prefetched]
        return []

    def _prefetch_at(self, jobs: Sequence[StreamJob], last_sent_at: float) -> float:
        """Return from when on pages may be prefetched; inf: no stream has any.

        Prefetching guesses where pages lie, which costs some rows twice, and gaps. Where the rate limit is what the
        whole run waits for, requests are sent no faster than the burst lasts until the end; until then most page
        requests follow from an answer, and sending earlier would only use the burst up earlier.
        """
        if not any(job.prefetch for job in jobs):
            return inf
        return last_sent_at + self._interval(sum(job.pages_left for job in jobs) / BATCH_SIZE)

    def _complete_at(self, batch: Batch, in_flight: int) -> float:
        """Return when the batch should be sent: now if it is full, later if an answer may bring more to share it."""
        full = batch.size >= FULL * batch.capacity or self._page_costs.pages("", batch.seconds) == 0
        if full or not in_flight:
            return -inf
        return min(pending.requested_at for pending, _ in batch.parts) + LINGER


def _waiting(jobs: Sequence[StreamJob]) -> list[PendingRequest]:
    """Return the page requests to be sent: those the strategies wait for by age, then those that are prefetched."""
    pending = [pending for job in jobs for pending in job.pending if pending.status is Status.WAITING]
    prefetched = [pending for job in jobs for pending in job.prefetched if pending.status is Status.WAITING]
    return [*sorted(pending, key=lambda pending: pending.requested_at), *prefetched]
