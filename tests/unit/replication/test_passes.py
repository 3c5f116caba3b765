"""Lists whose rows move between pages, lists without a count, and cursors that lead nowhere."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import CursorPaginator, PageNumber, TailCursor, VibecodeSearch
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import REST_V3, SITE, VIBECODE, Endpoint, ListSpec, Row
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.full_table import read_whole
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import MAX_FRUITLESS_PAGES, read_by_offset
from tap_bitrix24.replication.passes import MAX_PASSES
from tests.support.lists import Outcome, pump

SIZE = 10


def site_list() -> ListSpec:
    """A list of a site's API."""
    paging = PageNumber()
    return ListSpec(Endpoint("/news", paging, listed, key="id", request_key="id", page_size=SIZE, dialect=SITE))


def cursor_list() -> ListSpec:
    """A list of REST 3.0 that names its next page."""
    paging = CursorPaginator()
    return ListSpec(Endpoint("note.collection.list", paging, listed, key="ID", page_size=2, dialect=REST_V3))


def service_list() -> ListSpec:
    """A list of VibeCode."""
    paging = VibecodeSearch()
    return ListSpec(
        Endpoint("/deals/search", paging, listed, page_size=SIZE, supports_chaining=False, dialect=VIBECODE)
    )


class Site:
    """A site whose rows change before chosen requests; `total` is sent if it `counts`."""

    def __init__(self, rows: int, changes: Callable[["Site", int], None] | None = None, *, counts: bool = True) -> None:
        self.ids: list[Any] = list(range(1, rows + 1))
        self.requests = 0
        self.counts = counts
        self.last_page_beyond = False
        self._changes = changes

    def __call__(self, request: PageRequest) -> Answer:
        """Answer the pages of a request, each a request of its own."""
        return Answer([self._page((request.offset or 0) + number * SIZE) for number in range(request.pages)])

    def _page(self, offset: int) -> Page:
        self.requests += 1
        if self._changes:
            self._changes(self, self.requests)
        if self.last_page_beyond and offset >= len(self.ids):
            offset = (len(self.ids) - 1) // SIZE * SIZE
        rows = [{"id": number, "ID": number} for number in self.ids[offset : offset + SIZE]]
        return Page(rows, len(self.ids) if self.counts else None)


def deletion_and_insertion(portal: Site, request: int) -> None:
    """Between two pages of the first pass: `total` stays as it is, and row 31 moves to a page that was read."""
    if request == 5:
        portal.ids.remove(3)
        portal.ids.append(1_000)


@pytest.mark.parametrize("counts", [True, False])
def test_a_deletion_and_an_insertion_between_two_pages_lose_no_row(*, counts: bool) -> None:
    portal = Site(95, deletion_and_insertion, counts=counts)
    outcome = pump(read_whole([site_list()]), portal)
    assert set(portal.ids) <= set(outcome.ids)
    assert len(outcome.ids) == len(set(outcome.ids))
    assert outcome.warnings == []


def test_text_keys_that_move_are_found_too() -> None:
    def change(portal: Site, request: int) -> None:
        if request == 5:
            portal.ids.remove("c-3")
            portal.ids.insert(0, "c-new")
            portal.ids.append("c-newer")
            portal.ids.remove("c-1")

    portal = Site(0, change)
    portal.ids = [f"c-{number}" for number in range(1, 96)]
    seen = Outcome()
    pump(read_whole([site_list()]), portal, outcome=seen)
    assert set(portal.ids) <= {row["id"] for row in seen.rows}


@pytest.mark.parametrize("last_page_beyond", [True, False])
@pytest.mark.parametrize("rows", [0, 1, SIZE - 1, SIZE, SIZE + 1, 5 * SIZE])
def test_without_a_count_a_list_is_read_to_the_empty_page(rows: int, *, last_page_beyond: bool) -> None:
    portal = Site(rows, counts=False)
    portal.last_page_beyond = last_page_beyond and rows > 0
    assert sorted(pump(read_whole([site_list()]), portal).ids) == portal.ids


def test_one_empty_page_is_not_the_end_of_a_list_without_a_count() -> None:
    def hide(portal: Site, request: int) -> None:
        portal.ids = [] if request == 5 else list(range(1, 96))

    portal = Site(95, hide, counts=False)
    assert len(pump(read_whole([site_list()]), portal).ids) == 95


def test_a_list_of_one_page_is_read_once() -> None:
    portal = Site(SIZE - 1)
    pump(read_whole([site_list()]), portal)
    assert portal.requests == 1


def test_rows_added_meanwhile_need_no_further_pass() -> None:
    def add(portal: Site, request: int) -> None:
        portal.ids.append(1_000 + request)

    portal = Site(95, add)
    outcome = pump(read_by_offset(site_list()), portal)
    assert set(range(1, 96)) <= set(outcome.ids)
    assert portal.requests < 40


def test_rows_that_never_rest_fail_the_stream() -> None:
    """Every pass finds rows that the others lacked."""

    def move(portal: Site, request: int) -> None:
        portal.ids[45 + request % 2], portal.ids[-1] = 100 + request, 100_000

    with pytest.raises(UntrustedError, match="rows move between pages"):
        pump(read_by_offset(site_list()), Site(95, move))


def cursors(pages: Sequence[tuple[Sequence[int], str | None]], begin: str = "0") -> Callable[[PageRequest], Answer]:
    """A portal with these pages; each has a cursor, which is the number of the page it leads to."""

    def answer(request: PageRequest) -> Answer:
        ids, cursor = pages[int(request.cursor or begin)]
        return Answer([Page([{"ID": number} for number in ids], cursor=cursor)])

    return answer


def test_cursors_that_lead_in_a_circle_end_the_stream() -> None:
    circle = cursors([([1, 2], "1"), ([3, 4], "2"), ([5, 6], "1")])
    outcome = Outcome()
    with pytest.raises(UntrustedError, match="circle"):
        pump(read_by_offset(cursor_list()), circle, outcome=outcome, stop_after=1_000)
    assert outcome.requests <= 4


def test_empty_pages_with_ever_new_cursors_end_the_stream() -> None:
    def answer(request: PageRequest) -> Answer:
        return Answer([Page([], cursor=str(int(request.cursor or 0) + 1))])

    outcome = Outcome()
    with pytest.raises(UntrustedError, match="hold no new row"):
        pump(read_by_offset(cursor_list()), answer, outcome=outcome, stop_after=1_000)
    assert outcome.requests == MAX_FRUITLESS_PAGES


def test_some_empty_pages_with_new_cursors_are_passed() -> None:
    gaps = cursors([([1, 2], "1"), ([], "2"), ([], "3"), ([3], None)])
    assert pump(read_by_offset(cursor_list()), gaps).ids == [1, 2, 3]


def test_a_tail_that_leads_in_a_circle_ends_the_stream() -> None:
    paging = TailCursor()
    tail = ListSpec(Endpoint("main.eventlog.tail", paging, listed, page_size=2, supports_chaining=False))

    def answer(request: PageRequest) -> Answer:
        ids = {0: (1, 2), 2: (3, 4)}.get(request.after or 0, (1, 2))
        return Answer([Page([{"ID": number} for number in ids])])

    with pytest.raises(UntrustedError, match="ids do not ascend"):
        pump(keyset([KeysetReader(tail)]), answer, stop_after=1_000)


class Service:
    """VibeCode: drops the order, so that pages overlap and skip rows; never says how many there are but if asked."""

    def __init__(self, rows: int, *, settles: bool, counts: bool = True) -> None:
        self._rows: list[Row] = [{"ID": number} for number in range(1, rows + 1)]
        self._settles = settles
        self._counts = counts
        self.counted = 0
        self._firsts = 0

    def __call__(self, request: PageRequest) -> Answer:
        """Answer one request."""
        if request.counted:
            self.counted += 1
            refusal = RejectedError("/deals/aggregate: not allowed", code="INVALID_PARAMS")
            return Answer([Page([], len(self._rows))]) if self._counts else Answer([], refusal)
        offset = request.offset or 0
        self._firsts += offset == 0
        skip = 4 if offset and (self._firsts == 1 or not self._settles) else 0  # as if other rows had come first
        return Answer([Page(self._rows[offset + skip : offset + skip + SIZE])])


@pytest.mark.parametrize("counts", [True, False])
def test_rows_skipped_by_offset_are_found_although_no_page_has_a_total(*, counts: bool) -> None:
    portal = Service(35, settles=True, counts=counts)
    assert set(pump(read_by_offset(service_list()), portal).ids) == set(range(1, 36))
    assert portal.counted


def test_rows_the_service_counts_and_never_sends_fail_the_stream() -> None:
    portal = Service(35, settles=False)
    with pytest.raises(UntrustedError, match="of 35 rows"):
        pump(read_by_offset(service_list()), portal)
    assert portal.counted == MAX_PASSES
