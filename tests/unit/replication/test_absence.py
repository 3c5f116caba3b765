"""Nothing is absent until it is proven absent (docs/decisions.md#decision-23): empty pages and refusals of lists.

Rounds with random faults at the end: a list arrives whole, or its stream fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import MissingMethodError, PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec
from tap_bitrix24.model.event import Checkpoint, Strategy
from tap_bitrix24.model.request import Answer, Page, PageRequest, Window
from tap_bitrix24.replication.absence import (
    EmptyAnswers,
    count_read,
    newest_read,
    no_cursor,
    no_such_list,
    whole_answer,
)
from tap_bitrix24.replication.full_table import read_all_by_id, read_whole
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import read_by_offset
from tests.support.lists import FakeList, Outcome, at, list_spec_of, pump, rows_of
from tests.support.parameters import seeds

ALWAYS = 10**6
DENIED = RejectedError("Access denied.", code="ACCESS_DENIED")
ROUNDS = seeds(20, 200)


def by_id(list_spec: ListSpec) -> Strategy:
    """All rows by id, with checkpoints."""
    yield from keyset([KeysetReader(list_spec)], resumable={})


def by_offset(list_spec: ListSpec) -> Strategy:
    """All rows by offset."""
    yield from read_by_offset(list_spec)


def whole(list_spec: ListSpec) -> Strategy:
    """All rows, the first page first."""
    yield from read_whole([list_spec])


STRATEGIES: dict[str, Callable[[ListSpec], Strategy]] = {"id": by_id, "offset": by_offset, "whole": whole}
COUNTED_OR_NOT = [("id", True), ("offset", True), ("offset", False), ("whole", True), ("whole", False)]


def read(strategy: str, portal: FakeList, outcome: Outcome | None = None) -> Outcome:
    """Read a list by one of the strategies; they all come to an end."""
    outcome = outcome or Outcome()
    pump(STRATEGIES[strategy](list_spec_of()), portal, outcome=outcome, stop_after=2_000)
    assert len(outcome.events) < 2_000, "it would go on for ever"
    return outcome


# Empty pages


@pytest.mark.parametrize(("strategy", "counts"), COUNTED_OR_NOT)
@pytest.mark.parametrize("position", [0, 50, 700, 1_450])
def test_a_page_that_is_empty_once_is_asked_for_again(strategy: str, position: int, *, counts: bool) -> None:
    portal = FakeList(rows_of(range(1, 1_501)), counts=counts, empty_at={position: 1})
    outcome = read(strategy, portal)
    assert sorted(outcome.ids) == list(range(1, 1_501))
    assert portal.empty_at[position] < 0, "it was asked for more than once"
    assert outcome.requests <= 9


@pytest.mark.parametrize(("strategy", "counts"), [("id", True), ("offset", True), ("whole", True)])
@pytest.mark.parametrize("position", [0, 50, 700, 1_450])
def test_a_page_that_stays_empty_against_the_portals_own_words_fails_the_stream(
    strategy: str, position: int, *, counts: bool
) -> None:
    """The newest id or `total` says that rows follow."""
    portal = FakeList(rows_of(range(1, 1_501)), counts=counts, empty_at={position: ALWAYS})
    outcome = Outcome()
    with pytest.raises(UntrustedError, match=f"nothing after {position}, but the portal says that rows follow"):
        read(strategy, portal, outcome)
    assert outcome.requests <= 9
    reached = [event.state["snapshot"]["after"] for event in outcome.events if isinstance(event, Checkpoint)]
    assert all(after <= position for after in reached), "the next run begins before the rows that are missing"


def test_what_the_portal_contradicts_itself_in_is_asked_for_alone() -> None:
    outcome = read("id", FakeList(rows_of(range(1, 1_501)), empty_at={700: 1}))
    again = [request for request in outcome.page_requests if request.alone]
    assert [(request.descending, request.after) for request in again] == [(True, None), (False, 700)]


@pytest.mark.parametrize("left", [0, 1, 50, 60, 150])
def test_rows_deleted_meanwhile_are_proven_gone(left: int) -> None:
    """All but the first ones are deleted after the first page."""
    rows = rows_of(range(1, 1_501))

    def answer(request: PageRequest) -> Answer:
        gone = bool(request.after) or asked > 2
        return FakeList(rows[:left] if gone else rows).answer(request)

    asked = 0

    def counting(request: PageRequest) -> Answer:
        nonlocal asked
        asked += 1
        return answer(request)

    if left:
        assert pump(by_id(list_spec_of()), counting).ids == list(range(1, max(50, left) + 1))
    else:  # rows that were read a moment ago, and the newest id, are gone: nobody can tell this from a fault
        with pytest.raises(UntrustedError):
            pump(by_id(list_spec_of()), counting)


def test_a_refused_newest_id_does_not_take_back_what_the_portal_said_of_it() -> None:
    sound = FakeList(rows_of(range(1, 1_501)), empty_at={50: 2})
    newest = 0

    def answer(request: PageRequest) -> Answer:
        nonlocal newest
        newest += request.descending
        return Answer([], DENIED) if request.descending and newest > 1 else sound.answer(request)

    assert len(pump(by_id(list_spec_of()), answer).ids) == 1_500


@pytest.mark.parametrize("count", [0, 1, 50, 120])
@pytest.mark.parametrize("refuses_newest", [True, False])
def test_a_list_without_a_newest_id_ends_with_two_answers(count: int, *, refuses_newest: bool) -> None:
    portal = FakeList(rows_of(range(1, count + 1)), refuses_newest=refuses_newest)
    outcome = read("id", portal)
    assert outcome.ids == list(range(1, count + 1))
    assert outcome.requests <= 4


def test_a_newest_page_that_is_empty_does_not_end_a_window_that_has_delivered_rows() -> None:
    window = Window(at(0), at(10**6))
    portal = FakeList(rows_of(range(1, 201)), empty_at={50: 1})

    def answer(request: PageRequest) -> Answer:
        return Answer([Page([])]) if request.descending else portal.answer(request)

    reader = KeysetReader(list_spec_of(stamped=True), window=window)
    assert pump(keyset([reader]), answer).ids == list(range(1, 201))


# Lists that are read whole


@pytest.mark.parametrize("paging", [SinglePage(), StartParameter()])
@pytest.mark.parametrize("total", [None, 69])
def test_a_whole_list_that_is_empty_once_arrives(paging: Any, total: int | None) -> None:
    """`[]` with a total of 69, or with none (crm.status.list)."""
    statuses = ListSpec(Endpoint("crm.status.list", paging, listed, page_size=100))
    portal = FakeList(rows_of(range(1, 70)), counts=total is not None, empty_at={0: 1})
    assert len(pump(read_whole([statuses]), portal, stop_after=100).ids) == 69


@pytest.mark.parametrize("total", [None, 0])
def test_a_whole_list_that_is_empty_twice_or_counted_empty_is_empty(total: int | None) -> None:
    statuses = ListSpec(Endpoint("crm.status.list", SinglePage(), listed))
    outcome = pump(read_whole([statuses]), lambda _: Answer([Page([], total)]), stop_after=100)
    assert outcome.rows == []
    assert outcome.requests == (2 if total is None else 1)


@pytest.mark.parametrize("rows", [0, 20])
def test_a_whole_list_with_fewer_rows_than_its_total_fails_the_stream(rows: int) -> None:
    statuses = ListSpec(Endpoint("crm.status.list", SinglePage(), listed))
    page = Page(rows_of(range(1, rows + 1)), 69)
    with pytest.raises(UntrustedError, match="rows follow"):
        pump(read_whole([statuses]), lambda _: Answer([page]), stop_after=100)


def test_many_small_whole_lists_are_one_request_and_their_empty_ones_one_more() -> None:
    list_specs = [list_spec_of() for _ in range(40)]
    lists = [(each, FakeList(rows_of([1, 2] if place % 2 else []))) for place, each in enumerate(list_specs)]
    for _, portal in lists:
        portal.counts = bool(portal.rows)
    assert pump(read_whole(list_specs), lists).requests == 2


# Refusals


@pytest.mark.parametrize(("strategy", "counts"), COUNTED_OR_NOT)
@pytest.mark.parametrize("position", [0, 50, 100, 150])
def test_a_page_that_is_refused_once_arrives(strategy: str, position: int, *, counts: bool) -> None:
    """One ACCESS_DENIED in the middle of products: 50 of 215 rows were taken for all."""
    portal = FakeList(rows_of(range(1, 216)), counts=counts, refuses_at={position: 1})
    outcome = read(strategy, portal)
    assert set(outcome.ids) == set(range(1, 216))


@pytest.mark.parametrize(("strategy", "counts"), COUNTED_OR_NOT)
@pytest.mark.parametrize("position", [0, 50, 100, 150])
@pytest.mark.parametrize("code", ["ACCESS_DENIED", "", "NOT_FOUND"])
def test_a_page_that_stays_refused_fails_the_stream(strategy: str, position: int, code: str, *, counts: bool) -> None:
    refusal = RejectedError("not found", code=code)
    portal = FakeList(rows_of(range(1, 216)), counts=counts, refuses_at={position: ALWAYS}, refusal=refusal)
    outcome = Outcome()
    with pytest.raises(RejectedError, match="not found"):
        read(strategy, portal, outcome)
    assert outcome.requests <= 9
    assert len(set(outcome.ids)) >= position, "what comes before it arrives"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_has_delivered_a_row_is_no_list_that_does_not_exist(strategy: str) -> None:
    absent = RejectedError("none", code="NOT_FOUND")
    portal = FakeList(rows_of(range(1, 216)), refuses_at={50: ALWAYS}, refusal=absent)
    with pytest.raises(RejectedError, match="none"):
        pump(STRATEGIES[strategy](list_spec_of(absent_codes=frozenset({"NOT_FOUND"}))), portal, stop_after=1_000)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("code", ["ENTITY_NOT_FOUND", "", "NOT_FOUND_AT_ALL"])
def test_only_the_exact_code_of_the_method_says_that_a_list_does_not_exist(strategy: str, code: str) -> None:
    portal = FakeList([], error=RejectedError("NOT_FOUND: not found", code=code))
    with pytest.raises(RejectedError):
        pump(STRATEGIES[strategy](list_spec_of(absent_codes=frozenset({"NOT_FOUND"}))), portal, stop_after=1_000)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_missing_method_is_no_list_without_rows(strategy: str) -> None:
    with pytest.raises(MissingMethodError):
        read(strategy, FakeList([], error=MissingMethodError("no method", code="ERROR_METHOD_NOT_FOUND")))


@pytest.mark.parametrize("strategy", ["id", "id after offsets", "whole", "offset"])
@pytest.mark.parametrize("fault", ["refused", "contradiction"])
def test_a_list_that_fails_does_not_stop_the_others_of_its_stream(strategy: str, fault: str) -> None:
    """The stream fails after them, and no checkpoint passes the list that failed."""
    list_specs = [list_spec_of() for _ in range(3)]
    faults: dict[str, dict[str, Any]] = {
        "refused": {"refuses_at": {50: ALWAYS}, "refusal": DENIED},
        "contradiction": {"empty_at": {50: ALWAYS}},
    }
    broken = FakeList(rows_of(range(1, 216)), **faults[fault], drops_id_filter=strategy == "id after offsets")
    lists = [(list_specs[0], FakeList(rows_of(range(1, 300)))), (list_specs[1], broken)]
    lists.append((list_specs[2], FakeList(rows_of(range(1_000, 6_000)))))
    readers = [KeysetReader(each) for each in list_specs]
    strategies: dict[str, Strategy] = {"whole": read_whole(list_specs), "offset": read_by_offset(*list_specs)}
    outcome = Outcome()
    with pytest.raises(PortalError, match="Access denied" if fault == "refused" else "rows follow"):
        pump(strategies.get(strategy) or _without_value(readers), lists, outcome=outcome, stop_after=2_000)
    assert set(outcome.ids) >= {*range(1, 300), *range(1_000, 6_000)}
    assert all(state["snapshot"]["after"] <= 50 for state in outcome.states)


@pytest.mark.parametrize("switch", ["drops_id_filter", "drops_order"])
def test_no_checkpoint_passes_rows_of_a_chain_that_broke_the_rules(switch: str) -> None:
    """Pages before the broken one were good, but their rows are not yielded."""
    rows = rows_of(range(1, 9_001))
    Random(1).shuffle(rows)
    faults: dict[str, Any] = {switch: True, "breaks_after": 4_000}
    outcome = Outcome()
    with pytest.raises(UntrustedError):
        pump(by_id(list_spec_of()), FakeList(rows, **faults), outcome=outcome)
    assert outcome.states
    assert all(set(outcome.ids) >= set(range(1, state["snapshot"]["after"] + 1)) for state in outcome.states)


def _without_value(readers: Sequence[KeysetReader]) -> Strategy:
    yield from keyset(readers, resumable={})


def test_a_list_that_is_refused_every_other_time_comes_to_an_end() -> None:
    sound, asked = FakeList(rows_of(range(1, 1_001))), 0

    def answer(request: PageRequest) -> Answer:
        nonlocal asked
        asked += 1
        return Answer([], DENIED) if asked > 2 and asked % 2 else sound.answer(request)

    outcome = Outcome()
    try:
        pump(by_id(list_spec_of()), answer, outcome=outcome, stop_after=2_000)
    except RejectedError:
        return
    assert set(outcome.ids) == set(range(1, 1_001))


# Proofs


def test_what_proves_an_end() -> None:
    page, spec = Page(rows_of([1, 2])), list_spec_of(absent_codes=frozenset({"NOT_FOUND"}))
    assert newest_read(5, 5)
    assert newest_read(5, 6) is None
    assert newest_read(5, None) is None
    assert count_read(0, 0)
    assert count_read(2, 3) is None
    assert count_read(2, None) is None
    assert whole_answer(page, None)
    assert whole_answer(page, 3) is None
    assert whole_answer(Page([]), None) is None
    assert no_cursor(page)
    assert no_cursor(Page([])) is None
    assert no_cursor(replace(page, cursor="x")) is None
    assert no_such_list(spec, RejectedError("x", code="not_found"), 0)
    assert no_such_list(spec, RejectedError("x", code="not_found"), 1) is None
    assert no_such_list(spec, RejectedError("not_found"), 0) is None


def test_empty_answers_at_different_positions_do_not_add_up() -> None:
    empty = EmptyAnswers(list_spec_of())
    assert empty.judge(50, rows_follow=None) is None
    assert empty.judge(100, rows_follow=None) is None
    assert empty.judge(100, rows_follow=None)


# Rounds with random faults


def _faulty(random: Random, count: int) -> dict[str, Any]:
    """Faults at some positions, each for a while or for good."""
    positions = range(0, count + 50, 50)

    def some() -> dict[int, int]:
        return {each: random.choice([1, 1, ALWAYS]) for each in positions if random.random() < random.choice([0, 0.1])}

    return {"empty_at": some(), "refuses_at": some()}


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_with_random_faults_a_list_arrives_whole_or_its_stream_fails(seed: int, strategy: str) -> None:
    random = Random(seed)
    count = random.choice([0, 1, 49, 50, 51, 400, 3_000])
    portal = FakeList(rows_of(range(1, count + 1)), **_faulty(random, count))
    if strategy == "id" and random.random() < 0.5:
        portal.short = Random(seed)
    outcome = Outcome()
    try:
        read(strategy, portal, outcome)
    except (UntrustedError, RejectedError):
        assert all(set(outcome.ids) >= set(range(1, s["snapshot"]["after"] + 1)) for s in outcome.states)
        return
    assert set(outcome.ids) == set(range(1, count + 1))


@pytest.mark.parametrize("seed", ROUNDS)
def test_with_random_faults_rows_that_come_and_go_are_all_read_by_id(seed: int) -> None:
    random = Random(seed)
    stable = set(range(1, 1_001))
    portal = FakeList(rows_of(range(1, 1_001)), **_faulty(random, 1_000))

    def change(living: FakeList) -> None:
        if len(living.rows) > 1 and random.random() < 0.4:
            stable.discard(int(living.rows.pop(random.randrange(len(living.rows)))["ID"]))
        if random.random() < 0.4:
            living.rows += rows_of([int(living.rows[-1]["ID"]) + random.randint(1, 60)])

    portal.changes = change
    outcome = Outcome()
    try:
        pump(read_all_by_id([list_spec_of()]), portal, outcome=outcome, stop_after=2_000)
    except (UntrustedError, RejectedError):
        return
    assert len(outcome.events) < 2_000
    assert set(outcome.ids) >= stable
