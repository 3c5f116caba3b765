"""Rows whose text the portal cannot encode: everything else arrives (docs/decisions.md#decision-24)."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import PortalError, RejectedError, UnreadableError, UntrustedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, Row
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.narrowing import MAX_LEFT_OUT
from tap_bitrix24.replication.offset import read_by_offset
from tests.support.lists import FakeList, Outcome, pump, rows_of
from tests.support.parameters import seeds

NAMES = ("ID", "DATE_MODIFY", "TITLE", "COMMENTS", "PHONE")
UNREADABLE = UnreadableError("broken text", code="WRONG_ENCODING")


def deals(*, select: bool = True, names: Sequence[str] = NAMES) -> ListSpec:
    """A list of deals whose columns can be requested one by one, or not."""
    endpoint = Endpoint("crm.deal.list", StartParameter(), listed, select_param="select" if select else "")
    return ListSpec(endpoint, field_names=names)


def full_rows(ids: Sequence[int]) -> list[Row]:
    """Rows of five columns."""
    return [{**row, "TITLE": f"T{row['ID']}", "COMMENTS": "c", "PHONE": "1"} for row in rows_of(ids, lambda _: 0)]


def read(portal: Any, list_spec: ListSpec | None = None, outcome: Outcome | None = None) -> Outcome:
    """Read a list by id."""
    outcome = outcome or Outcome()
    pump(keyset([KeysetReader(list_spec or deals())], resumable={}), portal, outcome=outcome, stop_after=2_000)
    assert len(outcome.events) < 2_000, "it would go on for ever"
    return outcome


@pytest.mark.parametrize("broken", [1, 2, 49, 50, 51, 777, 1_499, 1_500])
def test_an_unreadable_row_arrives_without_the_field(broken: int) -> None:
    portal = FakeList(full_rows(range(1, 1_501)), unreadable={broken: "COMMENTS"})
    outcome = read(portal)
    expected = full_rows(range(1, 1_501))
    del expected[broken - 1]["COMMENTS"]
    assert outcome.rows == expected
    assert len(outcome.warnings) == 1
    assert f"row {broken} arrives without COMMENTS" in outcome.warnings[0]
    assert outcome.requests <= 60


@pytest.mark.parametrize("ids", [range(1, 40_000, 97), [*range(1, 101), *range(10**9, 10**9 + 100)], [10**12]])
@pytest.mark.parametrize("refuses_newest", [True, False])
def test_ids_with_gaps_do_not_make_it_long(ids: Sequence[int], *, refuses_newest: bool) -> None:
    broken = ids[len(ids) // 2]
    portal = FakeList(full_rows(ids), unreadable={broken: "TITLE"}, refuses_newest=refuses_newest)
    outcome = read(portal)
    assert outcome.ids == list(ids)
    assert outcome.requests <= 250


def test_a_column_that_other_rows_lack_is_not_lost() -> None:
    """A key without a value may be absent: what a row holds is not known from other rows."""
    rows = full_rows(range(1, 61))
    for row in rows:
        if row["ID"] != "55":
            del row["PHONE"]
    (row,) = [each for each in read(FakeList(rows, unreadable={55: "TITLE"})).rows if each["ID"] == "55"]
    assert row["PHONE"] == "1"


def test_a_list_without_select_lacks_the_row_alone_and_its_stream_fails_at_the_end() -> None:
    portal, outcome = FakeList(full_rows(range(1, 1_501)), unreadable={77: "TITLE"}), Outcome()
    with pytest.raises(UnreadableError, match="row 77"):
        read(portal, deals(select=False), outcome)
    assert outcome.ids == [number for number in range(1, 1_501) if number != 77]
    assert all(state["snapshot"]["after"] < 77 for state in outcome.states), "the next run looks at it again"


def test_too_many_unreadable_rows_are_a_refusal() -> None:
    broken = dict.fromkeys(range(100, 150), "TITLE")
    portal, outcome = FakeList(full_rows(range(1, 301)), unreadable=broken), Outcome()
    with pytest.raises(UnreadableError):
        read(portal, deals(select=False), outcome)
    assert outcome.ids == list(range(1, 100))
    assert outcome.requests < 20 * MAX_LEFT_OUT


def test_an_unreadable_row_of_a_list_read_by_offset_fails_the_stream() -> None:
    portal, outcome = FakeList(full_rows(range(1, 151)), unreadable={77: "TITLE"}), Outcome()
    with pytest.raises(UnreadableError):
        pump(read_by_offset(deals()), portal, outcome=outcome, stop_after=100)
    assert outcome.ids == list(range(1, 51))


@pytest.mark.parametrize("position", [0, 50])
@pytest.mark.parametrize("count", [0, 50, 120])
def test_a_refusal_that_passes_leaves_nothing_out(position: int, count: int) -> None:
    portal = FakeList(full_rows(range(1, count + 1)), refuses_at={position: 1}, refusal=UNREADABLE)
    outcome = read(portal)
    assert outcome.rows == full_rows(range(1, count + 1))
    assert outcome.warnings == []


def test_a_refusal_of_every_answer_fails_the_stream() -> None:
    outcome = Outcome()
    with pytest.raises(UnreadableError):
        read(FakeList(full_rows(range(1, 101)), error=UNREADABLE), outcome=outcome)
    assert outcome.requests < 30


def test_a_portal_that_drops_the_upper_bound_is_not_believed() -> None:
    """Fields of another row would be taken for those of the unreadable one."""
    sound = FakeList(full_rows(range(1, 101)), unreadable={60: "TITLE"})
    outcome = Outcome()
    with pytest.raises((UnreadableError, UntrustedError)):
        read(lambda request: sound.answer(replace(request, up_to=None)), outcome=outcome)
    assert outcome.ids == list(range(1, 51))


def ranges_of(fault: Answer, of: int) -> Any:
    """A portal where request number `of` for some columns of row 77 fails once."""
    sound, asked = FakeList(full_rows(range(1, 101)), unreadable={77: "TITLE"}), 0

    def answer(request: PageRequest) -> Answer:
        nonlocal asked
        asked += request.select is not None and not request.descending
        return fault if request.select is not None and asked == of else sound.answer(request)

    return answer


@pytest.mark.parametrize("of", [1, 2, 3, 4])
def test_one_empty_answer_leaves_no_field_out(of: int) -> None:
    outcome = read(ranges_of(Answer([Page([])]), of))
    (row,) = [each for each in outcome.rows if each["ID"] == "77"]
    assert set(NAMES) - set(row) == {"TITLE"}


def test_a_refusal_meanwhile_is_the_lists_own() -> None:
    outcome = Outcome()
    with pytest.raises(RejectedError, match="denied"):
        read(ranges_of(Answer([], RejectedError("denied", code="ACCESS_DENIED")), 2), outcome=outcome)
    assert outcome.ids == list(range(1, 77))


def test_an_unreadable_row_that_is_deleted_meanwhile_is_passed() -> None:
    portal = FakeList(full_rows(range(1, 101)), unreadable={77: "TITLE"})

    def answer(request: PageRequest) -> Answer:
        if request.select is not None and not request.descending:
            portal.rows = full_rows([number for number in range(1, 101) if number != 77])
        return portal.answer(request)

    portal.changes = lambda _: None
    assert read(answer).ids == [number for number in range(1, 101) if number != 77]


@pytest.mark.parametrize("seed", seeds(10, 150))
def test_any_unreadable_rows_anywhere(seed: int) -> None:
    random = Random(seed)
    ids = sorted(random.sample(range(1, random.choice([400, 10**5])), 300))
    broken = {each: random.choice(NAMES[2:]) for each in random.sample(ids, random.randint(1, 6))}
    portal = FakeList(full_rows(ids), unreadable=broken, refuses_newest=random.random() < 0.3)
    portal.empty_at = {each: 1 for each in ids if random.random() < 0.05}
    outcome = Outcome()
    try:
        read(portal, outcome=outcome)
    except PortalError:
        return
    rows = {int(row["ID"]): row for row in full_rows(ids)}
    for number, name in broken.items():
        del rows[number][name]
    assert outcome.rows == list(rows.values())
    assert len(outcome.warnings) == len(broken)
