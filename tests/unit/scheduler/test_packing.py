"""What is packed into the next batch, and when to look again where nothing can be sent."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.model.request import Answer, AnswerLookup, PageRequest, ReadRequest
from tap_bitrix24.scheduler.batches import Batch, PendingRequest, Sharing, StreamJob
from tap_bitrix24.scheduler.packing import LINGER, Packer, Packing
from tap_bitrix24.throttling.operating_time import LIMIT_SECONDS, OperatingTimeLimiter
from tap_bitrix24.throttling.page_cost import PageCostEstimator
from tests.support.clock import Clock
from tests.support.lists import list_spec_of

DEALS = list_spec_of()
METHOD = DEALS.endpoint.method


def strategy() -> Strategy:
    """A strategy that is never resumed here."""
    yield from ()


def job(name: str, *page_requests: PageRequest, now: float = 1_000.0, **facts: Any) -> StreamJob:
    """A stream whose strategy waits for these."""
    stream = StreamJob(name, strategy())
    stream.accept(ReadRequest(page_requests, **facts), now)
    return stream


def pages(number: int, **facts: Any) -> PageRequest:
    """A request for so many pages."""
    return PageRequest(list_spec=facts.pop("list_spec", DEALS), after=5, pages=number, **facts)


class Portal:
    """A packer and what it knows of the portal; one second between requests makes the burst last."""

    def __init__(self, slots: int = 4) -> None:
        self.clock = Clock()
        self.operating_time = OperatingTimeLimiter(self.clock)
        self.packer = Packer(self.operating_time, PageCostEstimator(), lambda _: 1.0, slots)

    def pack(self, *jobs: StreamJob, last_sent_at: float = -inf, in_flight: int = 0) -> Packing:
        """The next packing."""
        return self.packer.pack(jobs, self.clock(), last_sent_at=last_sent_at, in_flight=in_flight)

    def use_up(self, reset: float) -> None:
        """Let the method of the deals have no operating time left for so many seconds."""
        facts = {"operating": LIMIT_SECONDS + 1, "operating_reset_at": 5_000.0 + reset, "finish": 5_000.0}
        self.operating_time.note_sent(METHOD, 1)
        self.operating_time.note_answered(METHOD, 1, [facts])


def packed(packing: Packing) -> list[tuple[str, int]]:
    """Stream and pages of each part of the batch."""
    assert packing.batch is not None
    return [(pending.job.name, number) for pending, number in packing.batch.parts]


def test_nothing_to_send() -> None:
    assert Portal().pack() == Portal().pack(job("deals")) == Packing(None, inf)


def test_the_oldest_page_requests_come_first_and_the_last_is_cut() -> None:
    later, earlier = job("later", pages(30), now=900.0), job("earlier", pages(40), now=800.0)
    packing = Portal().pack(later, earlier)
    assert packed(packing) == [("earlier", 40), ("later", 10)]
    assert packing.look_again_at == inf


def test_what_is_in_flight_or_answered_is_not_packed_again() -> None:
    deals = job("deals", pages(1), pages(2), pages(3))
    deals.pending[0].in_flight = True
    deals.pending[1].finish(Answer([]))
    assert packed(Portal().pack(deals)) == [("deals", 3)]


def test_a_batch_that_is_not_full_waits_for_more_while_requests_are_in_flight() -> None:
    portal, deals = Portal(), job("deals", pages(3))
    assert portal.pack(deals, in_flight=1) == Packing(None, 1_000.0 + LINGER)
    assert packed(portal.pack(deals)) == [("deals", 3)]
    portal.clock.now += LINGER
    assert packed(portal.pack(deals, in_flight=1)) == [("deals", 3)]


def test_a_full_batch_does_not_wait() -> None:
    assert packed(Portal().pack(job("deals", pages(45)), in_flight=1)) == [("deals", 45)]


def test_a_page_request_that_failed_is_packed_when_its_pause_is_over() -> None:
    portal, deals = Portal(), job("deals", pages(3))
    deals.pending[0].not_before = 1_030.0
    assert portal.pack(deals) == Packing(None, 1_030.0)
    portal.clock.now = 1_030.0
    assert packed(portal.pack(deals)) == [("deals", 3)]


def test_a_method_without_operating_time_is_looked_at_again_at_its_reset() -> None:
    portal, deals = Portal(), job("deals", pages(3))
    leads = job("leads", pages(2, list_spec=ListSpec(replace(DEALS.endpoint, method="crm.lead.list"))))
    portal.use_up(reset=60)
    nothing, leads_alone = portal.pack(deals), portal.pack(deals, leads)
    assert nothing.batch is None
    assert packed(leads_alone) == [("leads", 2)]
    assert nothing.look_again_at == leads_alone.look_again_at == pytest.approx(1_060, abs=0.1)


def prefetching(pages_left: int = 1_000) -> StreamJob:
    """A stream that waits for an answer and can prefetch any number of pages."""

    def prefetch(max_pages: int, _: AnswerLookup) -> PageRequest:
        return pages(max_pages)

    deals = job("deals", pages(10), prefetch=prefetch, pages_left=pages_left)
    deals.pending[0].in_flight = True
    deals.pending[0].pages_sent = 10
    return deals


def test_pages_are_prefetched_no_faster_than_the_burst_lasts() -> None:
    portal, deals = Portal(), prefetching()
    assert portal.pack(deals, last_sent_at=999.5, in_flight=1) == Packing(None, 1_000.5)
    portal.clock.now = 1_000.5
    assert packed(portal.pack(deals, last_sent_at=999.5, in_flight=1)) == [("deals", 50)]


def test_pages_prefetched_ahead_are_limited_by_the_slots() -> None:
    portal, deals = Portal(slots=3), prefetching()
    sent = 0
    while (batch := portal.pack(deals, in_flight=1).batch) is not None:
        batch.mark_sent()
        sent += batch.size
    assert sent == 100, "two requests ahead of the one the strategy waits for"


def test_nothing_is_prefetched_behind_a_page_request_that_was_cut() -> None:
    portal, deals = Portal(), prefetching()
    deals.pending[0].pages_sent = 9
    assert portal.pack(deals, in_flight=1) == Packing(None, inf)


# Which page requests share a batch

ANY, OWN, ALONE = Sharing.ANY_STREAM, Sharing.OWN_STREAM, Sharing.ALONE


def shared(*wanted: tuple[str, Sharing]) -> list[str]:
    """Streams of the first batch of page requests, each of a stream and with a sharing."""
    jobs = {name: StreamJob(name, strategy()) for name, _ in wanted}
    batch = Batch()
    for name, sharing in wanted:
        pending = PendingRequest(jobs[name], pages(1), requested_at=0.0)
        pending.limit_sharing(sharing)
        if batch.accepts(pending):
            batch.add(pending, 1, 0.1)
    return [pending.job.name for pending, _ in batch.parts]


@pytest.mark.parametrize(
    ("wanted", "together"),
    [
        ([("a", ANY), ("b", ANY), ("a", ANY)], ["a", "b", "a"]),
        ([("a", OWN), ("a", ANY), ("a", OWN)], ["a", "a", "a"]),
        ([("a", OWN), ("b", ANY)], ["a"]),
        ([("a", ANY), ("b", OWN)], ["a"]),
        ([("a", ANY), ("b", ANY), ("a", OWN)], ["a", "b"]),
        ([("a", ANY), ("a", OWN), ("b", ANY)], ["a", "a"]),
        ([("a", ALONE), ("a", ANY)], ["a"]),
        ([("a", ANY), ("a", ALONE), ("b", ANY)], ["a", "b"]),
    ],
)
def test_page_requests_share_a_batch_with_those_they_may(
    wanted: Sequence[tuple[str, Sharing]], together: list[str]
) -> None:
    assert shared(*wanted) == together


def test_sharing_is_only_ever_limited_further() -> None:
    pending = PendingRequest(StreamJob("a", strategy()), pages(1), requested_at=0.0)
    for sharing, then in ((OWN, OWN), (ANY, OWN), (ALONE, ALONE), (OWN, ALONE)):
        pending.limit_sharing(sharing)
        assert pending.sharing is then


@pytest.mark.parametrize(
    ("request_", "sharing"),
    [
        (pages(1), ANY),
        (pages(1, counted=True), ANY),
        (pages(1, counted=True, list_spec=ListSpec(replace(DEALS.endpoint, counted_in_batch=False))), ALONE),
        (pages(1, alone=True), ALONE),
        (pages(1, list_spec=ListSpec(replace(DEALS.endpoint, batchable=False))), ALONE),
    ],
    ids=["a page", "counted", "counted only by itself", "in doubt", "not batchable"],
)
def test_what_a_batch_would_not_answer_is_sent_alone(request_: PageRequest, sharing: Sharing) -> None:
    assert PendingRequest(StreamJob("a", strategy()), request_, requested_at=0.0).sharing is sharing


# Prefetched page requests and those the strategy asks for


def test_a_prefetched_request_is_recognized_by_its_id() -> None:
    deals = prefetching()
    prefetched = deals.prefetch_next(20, 1_000.0)
    assert prefetched is not None
    deals.accept(ReadRequest([replace(prefetched.page_request, pages=20)]), 1_001.0)
    assert deals.pending == [prefetched]
    assert deals.prefetched == []


def test_prefetched_requests_before_the_one_asked_for_are_forgotten() -> None:
    remaining = [replace(pages(1), after=after, id=1_000_000 + after) for after in (100, 200, 300)]
    deals = job("deals", pages(1), prefetch=lambda _, __: remaining.pop(0))
    first, second, third = (deals.prefetch_next(1, 1_000.0) for _ in range(3))
    assert first is not None
    assert second is not None
    deals.accept(ReadRequest([second.page_request]), 1_001.0)
    assert deals.pending == [second]
    assert deals.prefetched == [third]
