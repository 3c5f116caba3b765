"""Prefetching: chains are requested before those they follow have been answered; only speed depends on the estimate."""

from collections.abc import Callable
from math import ceil
from random import Random

import pytest

from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH, MAX_PREFETCHED_CHAINS, KeysetReader
from tests.support.lists import FakeList, Outcome, list_spec_of, pump, rows_of
from tests.support.parameters import seeds, slow

ROUNDS = seeds(3, 25)


def some(slots: int) -> Callable[[], int]:
    """Allow a number of prefetched requests at every read request."""
    return lambda: slots


def read(ids: "list[int] | range", slots: int, **facts: object) -> Outcome:
    """Read a list by id with some requests besides the one it waits for."""
    listed = FakeList(rows_of(ids))
    for name, value in facts.items():
        setattr(listed, name, value)
    return pump(keyset([KeysetReader(list_spec_of())]), listed, ahead=some(slots))


def clusters(seed: int) -> list[int]:
    """Ids in clusters and gaps of all sizes."""
    random, ids, at = Random(seed), list[int](), 0
    for _ in range(random.randint(1, 12)):
        at += random.choice([1, 50, 5_000, 200_000])
        density = random.uniform(0.2, 1)
        size = random.choice([3, 60, 900, 6_000])
        ids += [at + number for number in range(size) if random.random() < density]
        at += size
    return ids


@pytest.mark.parametrize("slots", [1, 2, 3, 9, 39])
@pytest.mark.parametrize("count", [51, 2_500, 2_550, 2_551, 7_501, *slow(100_000)])
def test_prefetching_dense_ids_costs_no_further_request(count: int, slots: int) -> None:
    outcome = read(range(1, count + 1), slots)
    assert outcome.ids == list(range(1, count + 1))
    assert outcome.requests <= ceil(count / 2_500) + 3


def test_several_chains_are_under_way_at_once() -> None:
    outcome = read(range(1, 100_001), 9)
    waits = [event for event in outcome.events if type(event).__name__ == "ReadRequest"]
    assert len(waits) >= len(outcome.page_requests) - 4
    assert sum(request.pages == CHAIN_LENGTH for request in outcome.page_requests) >= 39


@pytest.mark.parametrize("gaps", [0.5, *slow(0.01, 0.1, 0.9)])
def test_ids_with_gaps_are_estimated_well_enough(gaps: float) -> None:
    random = Random(3)
    ids = [number for number in range(1, 100_000) if random.random() > gaps]
    outcome = read(ids, 3)
    assert outcome.ids == ids
    assert outcome.requests <= 1.2 * len(ids) / 2_500 + 6


@pytest.mark.parametrize("seed", ROUNDS)
def test_clusters_and_gaps_lose_nothing_and_cost_at_most_half_as_much_again(seed: int) -> None:
    ids = clusters(seed)
    outcome = read(ids, 3)
    alone = read(ids, 0)
    assert outcome.ids == alone.ids == ids
    assert outcome.requests <= 1.5 * alone.requests + 3


@pytest.mark.parametrize("seed", ROUNDS)
def test_prefetching_from_an_erring_portal_neither_loses_nor_repeats_a_row(seed: int) -> None:
    random = Random(seed)
    ids = clusters(seed)
    listed = FakeList(rows_of(ids), short=random if seed % 2 else None)
    outcome = pump(keyset([KeysetReader(list_spec_of())]), listed, ahead=lambda: random.randint(0, 5))
    assert outcome.ids == ids


@pytest.mark.parametrize("seed", ROUNDS)
def test_prefetched_chains_that_are_cut_short_are_completed(seed: int) -> None:
    random = Random(seed)
    ids = list(range(1, 30_000, random.randint(1, 3)))
    listed = FakeList(rows_of(ids))

    def cut(request: PageRequest) -> Answer:
        answer = listed.answer(request)
        return Answer(answer.pages[: random.randint(1, len(answer.pages))]) if request.pages > 1 else answer

    outcome = pump(keyset([KeysetReader(list_spec_of())]), cut, ahead=lambda: random.randint(0, 4))
    assert outcome.ids == ids


@pytest.mark.parametrize("seed", ROUNDS)
def test_rows_that_come_and_go_meanwhile(seed: int) -> None:
    random = Random(seed)
    listed = FakeList(rows_of(range(1, 4_001)), changes_in_order=True)
    stable = set(range(1, 4_001))

    def change(living: FakeList) -> None:
        if random.random() < 0.3:
            gone = living.rows.pop(random.randrange(len(living.rows)))
            stable.discard(int(gone["ID"]))
        if random.random() < 0.3:
            living.rows += rows_of([int(living.rows[-1]["ID"]) + random.randint(1, 3)])

    listed.changes = change
    outcome = pump(keyset([KeysetReader(list_spec_of())]), listed, ahead=lambda: random.randint(0, 3))
    assert stable <= set(outcome.ids)
    assert outcome.ids == sorted(set(outcome.ids))


@pytest.mark.parametrize("seed", ROUNDS)
def test_stopped_while_chains_are_under_way_and_resumed_the_union_is_whole(seed: int) -> None:
    random = Random(seed)
    ids = list(range(1, 40_000, random.randint(1, 4)))
    listed = FakeList(rows_of(ids))
    before = pump(
        keyset([KeysetReader(list_spec_of())], resumable={}), listed, stop_after=random.randint(2, 40), ahead=lambda: 3
    )
    reached = before.states[-1]["snapshot"]["after"] if before.states else 0
    known = [number for number in before.ids[: before.read_before[-1]] if number <= reached] if before.states else []
    assert known == [number for number in ids if number <= reached]
    after = pump(keyset([KeysetReader(list_spec_of(), after=reached)], resumable={}), listed, ahead=lambda: 3)
    assert sorted({*known, *after.ids}) == ids


def test_several_lists_are_prefetched_side_by_side() -> None:
    list_specs = [list_spec_of(), list_spec_of()]
    lists = [(each, FakeList(rows_of(range(1, 20_001)))) for each in list_specs]
    outcome = pump(keyset([KeysetReader(each) for each in list_specs]), lists, ahead=some(3))
    assert sorted(outcome.ids) == sorted(list(range(1, 20_001)) * 2)


def test_prefetched_chains_are_checked() -> None:
    listed = FakeList(rows_of(range(1, 50_001)), breaks_after=20_000, drops_id_filter=True)
    outcome = Outcome()
    with pytest.raises(UntrustedError, match="do not ascend"):
        pump(keyset([KeysetReader(list_spec_of())]), listed, outcome=outcome, ahead=some(9))
    assert outcome.ids == list(range(1, len(outcome.ids) + 1))


def nothing(_: PageRequest) -> None:
    """No answer has arrived."""


def begun(ids: "list[int] | range") -> KeysetReader:
    """A reader whose first page and newest id have been read."""
    reader, listed = KeysetReader(list_spec_of()), FakeList(rows_of(ids))
    reader.learn_newest_id(listed.answer(reader.newest_id_request()))
    page = reader.page_request()
    reader.accept(page, listed.answer(page))
    return reader


def test_nothing_is_prefetched_that_may_not_be_needed() -> None:
    last = begun(range(1, 2_000))
    last.chain_request(CHAIN_LENGTH)
    assert last.prefetch_request(50, nothing) is None, "the chain it waits for reaches the end"
    short = KeysetReader(list_spec_of())
    assert short.prefetch_request(50, nothing) is None, "it waits for nothing"
    page = short.page_request()
    short.accept(page, Answer([Page(rows_of(range(1, 51)))]))
    assert short.prefetch_request(50, nothing) is None, "the newest id is unknown"


def test_chains_are_prefetched_up_to_the_newest_id() -> None:
    reader = begun(range(1, 20_001))
    reader.chain_request(CHAIN_LENGTH)
    given = [
        request for _ in range(MAX_PREFETCHED_CHAINS) if (request := reader.prefetch_request(50, nothing)) is not None
    ]
    assert [request.after for request in given] == [2_550 + 2_500 * number for number in range(7)]
    assert given[-1].pages == CHAIN_LENGTH, "slack"
    assert reader.prefetch_request(50, nothing) is None


def test_a_list_that_is_less_dense_at_its_end_is_not_prefetched_at_first() -> None:
    reader = begun([*range(1, 10_000), *range(10_000, 1_000_000, 50)])
    reader.chain_request(CHAIN_LENGTH)
    assert reader.prefetch_request(50, nothing) is None


def test_a_gap_is_requested_as_soon_as_it_shows() -> None:
    reader, listed = begun(range(1, 30_001)), FakeList(rows_of(range(1, 30_001)))
    reader.chain_request(CHAIN_LENGTH)
    second, third = (reader.prefetch_request(50, nothing) for _ in range(2))
    assert second is not None
    assert third is not None
    answers = {second.id: Answer(listed.answer(second).pages[:-3])}
    gap = reader.prefetch_request(50, lambda request: answers.get(request.id))
    assert gap is not None
    assert (gap.after, gap.pages) == (4_900, 4)
    answers[gap.id] = listed.answer(gap)
    assert list(reader.prefetched)[:3] == [second, gap, third]
    following = reader.prefetch_request(50, lambda request: answers.get(request.id))
    assert following is not None
    assert following.after == 7_550, "it is not requested again"
