"""Keyset pagination on a correct portal, and on one that errs as the real one does (docs/decisions.md#decision-10)."""

from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from math import ceil
from random import Random
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, ReplicationKey, Row
from tap_bitrix24.model.event import SubStrategy
from tap_bitrix24.model.request import Window
from tap_bitrix24.replication.full_table import read_whole
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import read_by_offset
from tap_bitrix24.replication.reading_state import NoKeysetError
from tap_bitrix24.replication.validation import parse_datetime, rows_within
from tests.support.lists import EPOCH, FakeList, Outcome, at, list_spec_of, pump, rows_of
from tests.support.parameters import seeds, slow

ROUNDS = seeds(15, 60)
COUNTS = [0, 1, 49, 50, 51, 99, 100, 2_499, 2_500, 2_501, 2_550, 7_501, *slow(100_000)]


def read(listed: FakeList, **facts: Any) -> Outcome:
    """Read one list by id."""
    return pump(keyset([KeysetReader(list_spec_of(**facts))]), listed)


def erring(switch: str, listed: FakeList) -> FakeList:
    """The list with one of its switches on."""
    setattr(listed, switch, True)
    return listed


# A correct portal


@pytest.mark.parametrize("count", COUNTS)
def test_dense_ids_cost_few_requests(count: int) -> None:
    outcome = read(FakeList(rows_of(range(1, count + 1))))
    assert outcome.ids == list(range(1, count + 1))
    assert outcome.requests <= ceil(count / 2_500) + 3
    assert not any(request.offset is not None for request in outcome.page_requests)
    assert sum(request.counted for request in outcome.page_requests) == (count == 0), "what seems empty is counted"


@pytest.mark.parametrize("count", [1, 49])
def test_a_small_list_is_done_with_one_request(count: int) -> None:
    assert read(FakeList(rows_of(range(1, count + 1)))).requests == 1


def test_an_empty_list_is_asked_for_in_two_requests() -> None:
    """One empty answer may be a passing fault (docs/decisions.md#decision-23)."""
    assert read(FakeList([])).requests == 2


@pytest.mark.parametrize(
    ("ids", "gaps"),
    [
        ([*range(1, 1_001), *range(10**9, 10**9 + 10_000)], 1),
        ([*range(10**6, 10**6 + 10_000)], 0),
        ([*range(1, 20_000, 7)], 0),
        ([number + start for start in range(0, 5 * 10**7, 10**7) for number in range(1, 2_001)], 4),
    ],
    ids=["gap", "late start", "every 7th", "five islands"],
)
def test_sparse_ids_cost_few_requests_more(ids: list[int], gaps: int) -> None:
    outcome = read(FakeList(rows_of(ids)))
    assert outcome.ids == ids
    assert outcome.requests <= ceil(len(ids) / 2_500) + 3 + 3 * gaps


def test_ids_that_grow_thinner_and_thinner() -> None:
    ids = sorted({int(1.004**step) for step in range(1_000, 6_000)})
    outcome = read(FakeList(rows_of(ids)))
    assert outcome.ids == ids
    assert outcome.requests <= ceil(len(ids) / 2_500) + 6


def test_lists_are_read_side_by_side_in_the_same_requests() -> None:
    sizes = (3, 0, 120, 900)
    list_specs = [list_spec_of() for _ in sizes]
    lists = [(each, FakeList(rows_of(range(1, size + 1)))) for each, size in zip(list_specs, sizes, strict=True)]
    outcome = pump(keyset([KeysetReader(each) for each in list_specs]), lists)
    assert len(outcome.rows) == sum(sizes)
    assert outcome.requests <= 4


def test_chains_of_many_lists_fit_into_a_request() -> None:
    list_specs = [list_spec_of(page_size=2) for _ in range(60)]
    lists = [(each, FakeList(rows_of(range(1, 12)))) for each in list_specs]
    assert len(pump(keyset([KeysetReader(each) for each in list_specs]), lists).rows) == 60 * 11


def test_a_list_that_refuses_the_newest_id() -> None:
    outcome = read(FakeList(rows_of(range(1, 20_001)), refuses_newest=True))
    assert outcome.ids == list(range(1, 20_001))
    assert outcome.requests <= ceil(20_000 / 2_500) + 3


def test_reading_goes_on_after_an_id() -> None:
    listed = FakeList(rows_of(range(1, 301)))
    assert pump(keyset([KeysetReader(list_spec_of(), after=123)]), listed).ids == list(range(124, 301))


# Checkpoints


def test_up_to_a_checkpoint_nothing_is_missing() -> None:
    listed = FakeList(rows_of(range(1, 2_000)))
    outcome = pump(keyset([KeysetReader(list_spec_of(page_size=5))], resumable={"clock": "C"}), listed)
    assert outcome.states
    for state, count in zip(outcome.states, outcome.read_before, strict=True):
        assert state["snapshot"]["clock"] == "C"
        assert set(outcome.ids[:count]) >= set(range(1, state["snapshot"]["after"] + 1))


def test_a_checkpoint_of_several_lists_is_that_of_the_slowest() -> None:
    list_specs = [list_spec_of(page_size=5), list_spec_of(page_size=5)]
    thin, dense = rows_of(range(1, 100_000, 200)), rows_of(range(1, 1_500))
    lists = [(list_specs[0], FakeList(thin)), (list_specs[1], FakeList(dense))]
    outcome = pump(keyset([KeysetReader(each) for each in list_specs], resumable={}), lists)
    for state, count in zip(outcome.states, outcome.read_before, strict=True):
        after = state["snapshot"]["after"]
        held = Counter(outcome.ids[:count])
        assert all(held[int(row["ID"])] for row in (*thin, *dense) if int(row["ID"]) <= after)


@pytest.mark.parametrize("seed", ROUNDS)
def test_stopped_anywhere_and_resumed_the_union_is_whole(seed: int) -> None:
    random = Random(seed)
    ids = sorted(random.sample(range(1, 5_000), random.randint(0, 600)))
    listed = FakeList(rows_of(ids), short=Random(seed))
    seen: set[int] = set()
    after = 0
    for stop in (random.randint(1, 12), random.randint(1, 12), None):
        outcome = pump(
            keyset([KeysetReader(list_spec_of(page_size=3), after=after)], resumable={}), listed, stop_after=stop
        )
        seen |= set(outcome.ids)
        if outcome.states:
            after = outcome.states[-1]["snapshot"]["after"]
    assert seen == set(ids)


# A portal that errs


@pytest.mark.parametrize("seed", ROUNDS)
def test_short_pages_and_restarts_neither_lose_nor_repeat_a_row(seed: int) -> None:
    random = Random(seed)
    spread = random.choice([1_000, 10**5, 10**9])
    ids = sorted(random.sample(range(1, spread), random.randint(0, 400)))
    listed = FakeList(rows_of(ids), short=Random(seed), refuses_newest=random.random() < 0.3)
    outcome = read(listed, page_size=random.choice([1, 2, 5, 50]))
    assert outcome.ids == ids
    assert outcome.warnings == []


@pytest.mark.parametrize("seed", ROUNDS)
def test_rows_inserted_and_deleted_while_reading(seed: int) -> None:
    random = Random(seed)
    before = set(random.sample(range(1, 2_000), 300))
    deleted: set[int] = set()
    inserted: set[int] = set()

    def change(portal: FakeList) -> None:
        if portal.rows and random.random() < 0.5:
            gone = portal.rows.pop(random.randrange(len(portal.rows)))
            deleted.add(int(gone["ID"]))
        if random.random() < 0.5:
            new = 2_000 + len(inserted)
            inserted.add(new)
            portal.rows += rows_of([new])

    outcome = read(FakeList(rows_of(sorted(before)), changes=change), page_size=4)
    assert len(outcome.ids) == len(set(outcome.ids))
    assert set(outcome.ids) >= before - deleted
    assert set(outcome.ids) <= before | inserted


@pytest.mark.parametrize("switch", ["drops_id_filter", "drops_order"])
@pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])
@pytest.mark.parametrize("wraps", [True, False], ids=["wraps", "empty"])
@pytest.mark.parametrize("count", [51, 100, 101, 450, 3_001])
def test_without_keyset_rows_are_read_by_offset_with_a_notice(
    switch: str, count: int, *, counts: bool, wraps: bool
) -> None:
    rows = rows_of(range(1, count + 1))
    Random(1).shuffle(rows)
    outcome = Outcome()
    lost_rows_show = counts or switch == "drops_id_filter"
    with nullcontext() if lost_rows_show else pytest.raises(UntrustedError, match="no order and are not counted"):
        pump(
            keyset([KeysetReader(list_spec_of())]),
            erring(switch, FakeList(rows, counts=counts, wraps=wraps)),
            outcome=outcome,
        )
    assert set(outcome.ids) == set(range(1, count + 1))
    assert len(outcome.warnings) == 1
    assert "crm.deal.list" in outcome.warnings[0]
    assert any(request.offset is not None for request in outcome.page_requests)


@pytest.mark.parametrize("switch", ["drops_id_filter", "drops_order"])
def test_a_check_that_fails_after_it_passed_fails_the_stream(switch: str) -> None:
    rows = rows_of(range(1, 1_001))
    Random(1).shuffle(rows)
    outcome = Outcome()
    with pytest.raises(UntrustedError, match=r"crm\.deal\.list") as raised:
        pump(keyset([KeysetReader(list_spec_of())]), erring(switch, FakeList(rows, breaks_after=400)), outcome=outcome)
    assert not isinstance(raised.value, NoKeysetError)
    assert len(outcome.ids) == len(set(outcome.ids))


@pytest.mark.parametrize("missing", [None, "", "x", [1]])
def test_a_row_without_a_usable_key_is_not_accepted(missing: Any) -> None:
    rows = rows_of(range(1, 10))
    listed = FakeList(rows)
    rows[4]["NAME"] = "Anna"
    request = KeysetReader(list_spec_of()).page_request()
    taken = listed.answer(request)
    taken.pages[0].rows[4]["ID"] = missing
    with pytest.raises(UntrustedError, match="ID"):
        KeysetReader(list_spec_of()).accept(request, taken)


def test_a_page_that_repeats_a_row_is_not_accepted() -> None:
    request = KeysetReader(list_spec_of()).page_request()
    with pytest.raises(NoKeysetError):
        KeysetReader(list_spec_of()).accept(request, FakeList(rows_of([1, 2, 2, 3])).answer(request))


def test_a_page_that_begins_with_the_last_row_is_not_accepted() -> None:
    reader = KeysetReader(list_spec_of(), after=5)
    with pytest.raises(NoKeysetError):
        reader.accept(
            reader.page_request(), FakeList(rows_of([5, 6, 7])).answer(KeysetReader(list_spec_of()).page_request())
        )


def test_a_failed_list_fails_the_stream() -> None:
    with pytest.raises(RejectedError, match="no"):
        read(FakeList([], error=RejectedError("no", code="ACCESS_DENIED")))


def test_a_list_that_does_not_exist_has_no_rows() -> None:
    list_specs = [list_spec_of(absent_codes=frozenset({"not_found"})), list_spec_of()]
    absent = FakeList([], error=RejectedError("none", code="NOT_FOUND"))
    lists = [(list_specs[0], absent), (list_specs[1], FakeList(rows_of([1, 2])))]
    assert pump(keyset([KeysetReader(each) for each in list_specs]), lists).ids == [1, 2]
    assert pump(read_whole(list_specs), lists).ids == [1, 2]


# Date filters


@pytest.mark.parametrize("seed", ROUNDS)
def test_no_row_outside_the_half_open_window(seed: int) -> None:
    random = Random(seed)
    rows = rows_of(range(1, 300), stamp=lambda _: random.randint(0, 100))
    low, high = at(random.randint(0, 50)), at(random.randint(50, 100))
    window = Window(low, high)
    listed = FakeList(rows, short=Random(seed), drops_window=random.random() < 0.3)
    outcome = pump(keyset([KeysetReader(list_spec_of(page_size=7, stamped=True), window=window)]), listed)
    expected = [int(row["ID"]) for row in rows if low <= parse_datetime(row["DATE_MODIFY"]) < high]
    assert sorted(set(outcome.ids)) == expected


def test_a_dropped_date_filter_is_noticed() -> None:
    rows = rows_of(range(1, 301), stamp=lambda number: number)
    window = Window(at(100), at(200))
    outcome = pump(keyset([KeysetReader(list_spec_of(stamped=True), window=window)]), FakeList(rows, drops_window=True))
    assert set(outcome.ids) == set(range(100, 200))
    assert len(outcome.warnings) == 1


@pytest.mark.parametrize("hours", [-14, -5, 0, 3, 12])
def test_bounds_read_in_another_zone_are_cut_exactly_by_the_tap(hours: int) -> None:
    rows = rows_of(range(1, 400), stamp=lambda number: number * 900)
    window = Window(at(100_000), at(200_000))
    listed = FakeList(rows, shift=timedelta(hours=hours))
    outcome = pump(
        keyset([KeysetReader(list_spec_of(page_size=9, stamped=True, margin=26 * 3600), window=window)]), listed
    )
    assert outcome.ids == [number for number in range(1, 400) if 100_000 <= number * 900 < 200_000]
    assert outcome.warnings == []


WINDOW = Window(at(0), at(10))
TASKS = ListSpec(
    Endpoint("tasks.task.list", StartParameter(), listed),
    replication_key=ReplicationKey("changedDate", "CHANGED_DATE", fallback="createdDate"),
)


@pytest.mark.parametrize(
    ("row", "inside"),
    [
        ({"changedDate": at(0).isoformat()}, True),
        ({"changedDate": at(9.999).isoformat()}, True),
        ({"changedDate": at(10).isoformat()}, False),
        ({"changedDate": at(-1).isoformat()}, False),
        ({"changedDate": "2025-01-01T03:00:05+03:00"}, True),
        ({"changedDate": None, "createdDate": at(5).isoformat()}, True),
        ({"changedDate": "", "createdDate": at(15).isoformat()}, False),
    ],
)
def test_half_open_windows(row: Row, *, inside: bool) -> None:
    assert rows_within(TASKS, [row], WINDOW) == ([row] if inside else [])


@pytest.mark.parametrize("value", [None, "", {}, "2025-01-01 00:00:05", "01.01.2025", 5, "0001-01-01T00:00:00+03:00"])
def test_a_row_without_a_valid_date_time_is_not_accepted(value: Any) -> None:
    with pytest.raises(UntrustedError, match="changedDate"):
        rows_within(TASKS, [{"changedDate": value}], WINDOW)


def test_open_ends() -> None:
    early, late = {"changedDate": at(-(10**9)).isoformat()}, {"changedDate": at(10**9).isoformat()}
    assert rows_within(TASKS, [early, late], Window(low=EPOCH)) == [late]
    assert rows_within(TASKS, [early, late], Window(high=EPOCH)) == [early]
    assert rows_within(TASKS, [early, late], None) == [early, late]


# Lists without keyset


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100, 2_499, 2_500, 2_501, 2_550, 5_000, 7_501])
@pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])
@pytest.mark.parametrize("wraps", [True, False], ids=["wraps", "empty"])
def test_offsets_end_and_repeat_nothing(count: int, *, counts: bool, wraps: bool) -> None:
    outcome = pump(read_by_offset(list_spec_of()), FakeList(rows_of(range(1, count + 1)), counts=counts, wraps=wraps))
    assert outcome.ids == list(range(1, count + 1))
    assert outcome.requests <= ceil(count / 2_500) + 3


def test_pages_of_an_uncounted_list_are_requested_in_growing_numbers() -> None:
    outcome = pump(read_by_offset(list_spec_of()), FakeList(rows_of(range(1, 20_001)), counts=False))
    assert [request.pages for request in outcome.page_requests][:4] == [1, 8, 50, 50]
    assert outcome.requests <= ceil(20_000 / 2_500) + 3


def test_offsets_drop_rows_seen_before() -> None:
    def insert_in_front(portal: FakeList) -> None:
        if len(portal.rows) < 220:
            portal.rows.insert(0, {"ID": str(1_000 + len(portal.rows)), "DATE_MODIFY": EPOCH.isoformat()})

    listed = FakeList(rows_of(range(1, 200)), drops_order=True, changes=insert_in_front)
    outcome = pump(read_by_offset(list_spec_of()), listed)
    assert len(outcome.ids) == len(set(outcome.ids))
    assert set(outcome.ids) >= set(range(1, 200))


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 130])
@pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])
def test_whole_lists_of_several_pages(count: int, *, counts: bool) -> None:
    outcome = pump(read_whole([list_spec_of()]), FakeList(rows_of(range(1, count + 1)), counts=counts))
    assert outcome.ids == list(range(1, count + 1))


def test_many_whole_lists_share_one_request() -> None:
    list_specs = [list_spec_of() for _ in range(12)]
    outcome = pump(read_whole(list_specs), FakeList(rows_of([1, 2])))
    assert (outcome.requests, len(outcome.rows)) == (1, 24)


def test_a_duplicate_key_in_a_whole_list_yields_a_notice() -> None:
    outcome = pump(read_whole([list_spec_of()]), FakeList(rows_of([1, 2, 2])))
    assert outcome.ids == [1, 2], "the last row of a key is kept"
    assert "2" in outcome.warnings[0]
    assert outcome.requests == 1, "the page holds as many rows as the portal counts"


def test_a_whole_list_without_keys_is_not_accepted() -> None:
    with pytest.raises(UntrustedError, match="ID"):
        pump(read_whole([list_spec_of()]), FakeList([{"NAME": "a"}]))


def test_keys_of_whole_lists_may_be_text() -> None:
    currencies = ListSpec(Endpoint("crm.currency.list", SinglePage(), listed, key="CURRENCY", request_key="CURRENCY"))
    assert pump(read_whole([currencies]), FakeList([{"CURRENCY": "RUB"}, {"CURRENCY": "USD"}])).rows == [
        {"CURRENCY": "RUB"},
        {"CURRENCY": "USD"},
    ]


def test_a_strategy_must_be_sent_answers() -> None:
    reading: SubStrategy[object] = keyset([KeysetReader(list_spec_of())])
    next(reading)
    with pytest.raises(TypeError, match="answers"):
        next(reading)
