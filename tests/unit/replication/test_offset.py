"""Primary keys, and lists that are read whole, by offset, or that refuse what others drop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import SinceId, SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, Pagination, Row
from tap_bitrix24.model.event import Checkpoint, Notice, Rows, Strategy
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.full_table import deduplicated, read_remaining, read_whole
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import OffsetReader, read_by_offset
from tap_bitrix24.replication.reading_state import KeysetSupport
from tap_bitrix24.replication.sub_strategies import handle_events
from tap_bitrix24.replication.validation import keys_of
from tests.support.lists import FakeList, Outcome, list_spec_of, pump, rows_of

UNORDERED = StartParameter(order=None)


def keyed(*identity: str, paging: Pagination = UNORDERED, counts: bool = True, page_size: int = 50) -> ListSpec:
    """A list with this primary key."""
    return ListSpec(
        Endpoint("crm.address.list", paging, listed, reliable_total=counts, page_size=page_size), identity=identity
    )


def pages(*answers: Sequence[Row], total: int | None = None) -> Any:
    """A portal that answers with these pages, one for each offset."""

    def answer(request: PageRequest) -> Answer:
        size = request.list_spec.endpoint.page_size
        first = (request.offset or 0) // size
        return Answer(
            [
                Page([dict(row) for row in answers[min(number, len(answers) - 1)]], total)
                for number in range(first, first + request.pages)
            ]
        )

    return answer


# Keys


@pytest.mark.parametrize(
    ("identity", "rows", "keys"),
    [
        (None, [{"ID": "1"}, {"ID": 2}], ["1", 2]),
        (("CODE",), [{"CODE": "a", "ID": "1"}], ["a"]),
        (
            ("A", "B"),
            [{"A": 1, "B": "2"}, {"A": "1", "B": 2}, {"A": 12, "B": 0}],
            [("1", "2"), ("1", "2"), ("12", "0")],
        ),
        ((), [{"A": 1, "B": 2}, {"B": 2, "A": 1}], ['{"A": 1, "B": 2}', '{"A": 1, "B": 2}']),
        (None, [], []),
    ],
)
def test_primary_keys(identity: tuple[str, ...] | None, rows: list[Row], keys: list[Any]) -> None:
    owner = ListSpec(Endpoint("crm.address.list", UNORDERED, listed), identity=identity)
    assert keys_of(owner, rows, "here") == keys


@pytest.mark.parametrize("missing", [None, ""])
def test_a_row_without_part_of_its_key_names_method_page_and_key(missing: Any) -> None:
    rows: list[Row] = [{"A": 1, "B": 0}, {"A": 2, "B": missing}, {"A": 3}]
    with pytest.raises(UntrustedError) as raised:
        keys_of(keyed("A", "B"), rows, "at offset 50")
    assert str(raised.value) == "crm.address.list: row 2 of the page at offset 50 has no primary key (A, B)"
    assert raised.value.method == "crm.address.list"


def test_by_offset_a_row_without_its_key_fails_the_stream() -> None:
    listed_pages = pages([{"A": number, "B": 1} for number in range(50)], [{"A": 60, "B": 1}, {"A": 61}])
    with pytest.raises(UntrustedError, match=r"row 2 of the page at offset 50 has no primary key \(A, B\)"):
        pump(read_by_offset(keyed("A", "B")), listed_pages)


def test_by_id_a_row_without_its_key_is_located_by_the_id_before_its_page() -> None:
    rows = rows_of(range(1, 60))
    rows[54] = {"ID": None, "DATE_MODIFY": rows[54]["DATE_MODIFY"]}
    reader = KeysetReader(list_spec_of(), after=50)
    with pytest.raises(UntrustedError, match=r"row 5 of the page after id 50 has no primary key \(ID\)"):
        reader.accept(reader.page_request(), Answer([Page(rows[50:])]))


def test_rows_of_a_composite_key_are_read_once_each() -> None:
    rows = [{"A": number // 7, "B": number % 7} for number in range(130)]
    listed_pages = pages(rows[:50], rows[40:90], rows[80:130], total=130)
    outcome = pump(read_by_offset(keyed("A", "B")), listed_pages)
    assert outcome.rows == rows


def test_rows_without_a_primary_key_are_compared_whole() -> None:
    rows = [{"LANG": lang, "NAME": f"N{number}"} for number in range(30) for lang in ("en", "de")]
    outcome = pump(read_by_offset(keyed()), pages(rows[:50], rows[50:], rows[:50]))
    assert outcome.rows == rows


def test_a_duplicate_composite_key_in_a_whole_list_yields_a_notice() -> None:
    rows: list[Row] = [{"A": 1, "B": 1}, {"A": 1, "B": 2}, {"A": "1", "B": "2"}]
    outcome = pump(read_whole([keyed("A", "B", paging=SinglePage())]), pages(rows, total=3))
    assert len(outcome.rows) == 2, "the last row of a key is kept"
    assert "('1', '2')" in outcome.warnings[0]


# Totals


@pytest.mark.parametrize("count", [0, 49, 50, 51, 120, 150])
def test_a_total_that_is_the_page_size_is_ignored(count: int) -> None:
    owner = ListSpec(Endpoint("crm.address.list", UNORDERED, listed, reliable_total=False))
    listed_rows = FakeList(rows_of(range(1, count + 1)), page_total=True, counts=False)
    for reading in (read_whole([owner]), read_by_offset(owner)):
        assert set(pump(reading, listed_rows).ids) == set(range(1, count + 1))


@pytest.mark.parametrize("count", [99, 101])
def test_fewer_rows_than_the_total_fail_the_stream(count: int) -> None:
    rows = [{"A": number} for number in range(100)]
    outcome = Outcome()
    with pytest.raises(UntrustedError, match="hold nothing after 50, but the portal says that rows follow"):
        pump(read_by_offset(keyed("A")), pages(rows[:50], rows[:50], total=count), outcome=outcome)
    assert len(outcome.rows) == 50
    assert outcome.requests == 4, "a page that brings nothing is asked for again twice, alone"


def test_a_whole_list_with_a_total_that_fits_has_one_page() -> None:
    """It is asked for twice: a full page is read again, as part of the request for all pages."""
    rows = rows_of(range(1, 51))
    outcome = pump(read_whole([list_spec_of()]), pages(rows, total=50))
    assert (outcome.requests, len(outcome.rows)) == (2, 50)


@pytest.mark.parametrize("count", [50, 70])
def test_a_method_without_pages_is_requested_once_however_many_rows_it_returns(count: int) -> None:
    owner = ListSpec(Endpoint("crm.status.list", SinglePage(), listed))
    outcome = pump(read_whole([owner]), pages(rows_of(range(1, count + 1))))
    assert (outcome.requests, len(outcome.rows)) == (1, count)


def test_an_uncounted_full_page_is_followed_by_the_next() -> None:
    rows = rows_of(range(1, 71))
    outcome = pump(read_whole([list_spec_of()]), pages(rows[:50], rows[50:], []))
    assert set(outcome.ids) == set(range(1, 71))


def test_an_empty_answer_is_the_end_once_another_request_agrees() -> None:
    outcome = pump(read_remaining([(OffsetReader(list_spec_of(), None), Answer([Page([])]))]), pages([]))
    assert outcome.rows == []
    assert outcome.requests == 1, "besides the one that was answered before"


@pytest.mark.parametrize("total", [120, None], ids=["counted", "uncounted"])
def test_lists_of_several_pages_share_their_requests(total: int | None) -> None:
    """Most parents have a second page of children where a page holds ten."""
    rows = rows_of(range(1, 121))
    lists = [keyed("ID") for _ in range(25)]
    reading = read_whole(lists) if total is None else read_by_offset(*lists)
    outcome = pump(reading, pages(rows[:50], rows[50:100], rows[100:], [], total=total))
    assert sorted(outcome.ids) == sorted(25 * list(range(1, 121)))
    assert outcome.requests <= 5


# Strict lists


@pytest.mark.parametrize("switch", ["refuses_id_filter", "refuses_order"])
@pytest.mark.parametrize("count", [0, 1, 50, 51, 180])
def test_a_strict_list_that_refuses_keyset_is_read_by_offset(switch: str, count: int) -> None:
    strict: Mapping[str, Any] = {switch: True}
    outcome = pump(keyset([KeysetReader(list_spec_of())]), FakeList(rows_of(range(1, count + 1)), **strict))
    assert set(outcome.ids) == set(range(1, count + 1))
    if switch == "refuses_order" or count >= 50:
        (warning,) = outcome.warnings
        assert "not allowed" in warning
        assert "offset pagination" in warning


def test_a_list_that_refuses_everything_fails_with_its_own_error() -> None:
    refused = FakeList([], error=RejectedError("crm.deal.list: Access denied.", code=""))
    with pytest.raises(RejectedError, match="Access denied"):
        pump(keyset([KeysetReader(list_spec_of())]), refused)


def test_a_refusal_after_keyset_was_proven_fails_the_stream() -> None:
    listed_rows = FakeList(rows_of(range(1, 400)))

    def answer(request: PageRequest) -> Answer:
        listed_rows.refuses_id_filter = bool(request.after and request.after > 100)
        return listed_rows.answer(request)

    reader = KeysetReader(list_spec_of(), after=50)
    request = reader.page_request()
    reader.accept(request, answer(request))
    assert reader.support is KeysetSupport.PROVEN
    with pytest.raises(RejectedError, match="not allowed"):
        pump(keyset([reader]), answer)


# Cursors as parameters


@pytest.mark.parametrize("count", [0, 1, 50, 51, 170])
def test_a_list_with_a_parameter_for_the_last_id(count: int) -> None:
    owner = ListSpec(Endpoint("im.dialog.messages.get", SinceId(), listed))
    outcome = pump(keyset([KeysetReader(owner)]), FakeList(rows_of(range(1, count + 1))))
    assert outcome.ids == list(range(1, count + 1))
    assert not any(request.descending for request in outcome.page_requests), "there is no descending order"


@pytest.mark.parametrize("chains", [True, False])
def test_rows_a_batch_cannot_refer_to_are_read_page_by_page(*, chains: bool) -> None:
    owner = ListSpec(
        Endpoint("crm.documentgenerator.template.list", StartParameter(), listed, supports_chaining=chains)
    )
    outcome = pump(keyset([KeysetReader(owner)]), FakeList(rows_of(range(1, 501))))
    assert outcome.ids == list(range(1, 501))
    assert (max(request.pages for request in outcome.page_requests) > 1) is chains


# One strategy inside another


def test_events_of_an_inner_strategy_are_replaced() -> None:
    def handle(event: Any) -> Strategy:
        if isinstance(event, Rows):
            yield Notice(f"{len(event.rows)} rows")
        else:
            yield event
            yield event

    inner = keyset([KeysetReader(list_spec_of())], resumable={})
    outcome = pump(handle_events(inner, handle), FakeList(rows_of(range(1, 120))))
    assert outcome.rows == []
    assert outcome.warnings[0] == "50 rows"
    assert len([event for event in outcome.events if isinstance(event, Checkpoint)]) % 2 == 0


@pytest.mark.parametrize(("stop", "finished"), [(0, False), (50, False), (120, True)])
def test_an_inner_strategy_is_stopped_between_its_steps(stop: int, *, finished: bool) -> None:
    outcome, ends = Outcome(), list[bool]()

    def outer() -> Strategy:
        ends.append((yield from handle_events(read_by_offset(list_spec_of()), stop=lambda: len(outcome.rows) >= stop)))

    pump(outer(), FakeList(rows_of(range(1, 120))), outcome=outcome)
    assert ends == [finished]
    assert len(outcome.rows) == min(stop, 119)


def test_a_row_of_two_lists_is_yielded_once_if_its_key_is_the_same() -> None:
    twins: list[Row] = [{"A": 1}, {"A": 1}]
    for lists, count in (
        ([keyed("A"), keyed("A")], 1),
        ([replace(keyed("A"), constants={"of": number}) for number in range(2)], 2),
        ([keyed(), keyed()], 2),  # equal rows without a key are one row in each list
    ):
        assert len(pump(deduplicated(read_whole(lists)), pages(twins)).rows) == count


@pytest.mark.parametrize("deleted", [0, 1])
def test_a_total_that_changes_meanwhile_yields_a_notice(deleted: int) -> None:
    """A row deleted from a page that was read moves another one to that page: only `total` shows it."""
    rows = rows_of(range(1, 151))

    def answer(request: PageRequest) -> Answer:
        start = request.offset or 0
        held = rows[deleted:] if start else rows
        return Answer([Page(held[start : start + 50], len(held))])

    outcome = pump(read_by_offset(keyed("ID")), answer)
    assert len([each for each in outcome.events if isinstance(each, Notice)]) == deleted
    assert len(outcome.rows) == 150 - deleted


def test_rows_added_at_the_end_of_the_read_do_not_make_it_endless() -> None:
    """Beyond the end a legacy list answers page 1, with a `next` and with the rows added meanwhile."""
    rows = rows_of(range(1, 121))

    def answer(request: PageRequest) -> Answer:
        start = request.offset or 0
        rows.insert(0, {"ID": str(1_000 + len(rows))})
        begin = start if start < len(rows) else 0
        return Answer([Page(rows[begin : begin + 50], len(rows), begin + 50 if begin + 50 < len(rows) else None)])

    outcome = pump(read_by_offset(keyed("ID")), answer)
    assert outcome.requests <= 6
    assert set(range(1, 121)) <= set(outcome.ids)


@pytest.mark.parametrize("total", [0, 7, 60, 130])
@pytest.mark.parametrize("wraps", [False, True])
def test_a_total_below_the_rows_sent_ends_nothing(total: int, *, wraps: bool) -> None:
    rows = rows_of(range(1, 181))

    def answer(request: PageRequest) -> Answer:
        start = request.offset or 0
        start = 0 if wraps and start >= len(rows) else start
        return Answer([Page(rows[start : start + 50], total, start + 50 if start + 50 < len(rows) else None)])

    outcome = pump(read_by_offset(keyed("ID")), answer)
    assert outcome.ids == list(range(1, 181))
    assert len([each for each in outcome.events if isinstance(each, Notice)]) == (total > 0)
