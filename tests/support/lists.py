"""An in-memory list that answers page requests as the portal's servers do, and a pump that runs a strategy on it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil, inf
from random import Random
from typing import Any

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import PortalError, RejectedError, UnreadableError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, ReplicationKey, Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Notice, Rows, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import Answer, DateKey, Page, PageRequest, ReadRequest

COMMANDS_A_REQUEST = 50
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment, in seconds from the test's epoch."""
    return EPOCH + timedelta(seconds=seconds)


def list_spec_of(page_size: int = 50, *, stamped: bool = False, margin: int = 0, **facts: Any) -> ListSpec:
    """A classic list of deals, with a replication key if `stamped`."""
    key = ReplicationKey("DATE_MODIFY", "DATE_MODIFY", timezone_margin=margin) if stamped else None
    return ListSpec(
        Endpoint("crm.deal.list", StartParameter(), listed, page_size=page_size), replication_key=key, **facts
    )


@cache
def _text(seconds: float) -> str:
    return at(seconds).isoformat()


_moment = cache(datetime.fromisoformat)


def rows_of(ids: Iterable[int], stamp: Callable[[int], float] = float) -> list[Row]:
    """Rows with ids as classic methods send them, as text; `stamp` gives an id's modification in seconds."""
    if isinstance(ids, range) and stamp is float:
        return list(_plain_rows(ids))
    return [{"ID": str(number), "DATE_MODIFY": _text(stamp(number))} for number in ids]


@cache
def _plain_rows(ids: range) -> Sequence[Row]:
    """Rows that many tests begin with, made once: lists hand out copies of their rows."""
    return [{"ID": str(number), "DATE_MODIFY": _text(float(number))} for number in ids]


@dataclass
class FakeList:
    """One list of a portal. The switches name what real servers do wrong without an error."""

    rows: list[Row]
    counts: bool = True
    """Sends `total` and `next` with offset pages; controllers inside a batch do not."""
    wraps: bool = True
    """Answers page 1 to an offset beyond the end."""
    drops_id_filter: bool = False
    drops_window: bool = False
    drops_order: bool = False
    breaks_after: int | None = None
    """Id from which on the three switches above hold; None: from the beginning."""
    refuses_newest: bool = False
    refuses_id_filter: bool = False
    """Answers an error to `>ID`, as strict lists do, instead of dropping it."""
    refuses_order: bool = False
    """Answers an error to an order by id."""
    page_total: bool = False
    """Sends the page's size as `total` (crm.address.list)."""
    short: Random | None = None
    """Cuts pages short at random, but not to none."""
    shift: timedelta = timedelta()
    """Reads date bounds in another zone."""
    finds_nothing_by_date: bool = False
    """Does not understand date bounds: no row is between them."""
    refuses_dates: bool = False
    """Answers an error to date bounds."""
    empty_at: dict[int, int] = field(default_factory=dict)
    """Position (the id or offset a page starts after) → how many answers there are empty, though rows follow."""
    refuses_at: dict[int, int] = field(default_factory=dict)
    """Position → how many pages are refused there; a chain is cut off before them."""
    refusal: PortalError = field(default_factory=lambda: RejectedError("Access denied.", code="ACCESS_DENIED"))
    """What such a page is answered with."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Id → the field of that row whose text is not UTF-8: answers that would hold it are refused."""
    error: PortalError | None = None
    changes: Callable[["FakeList"], None] | None = None
    """Called before each page: changes the list while it is read."""
    changes_in_order: bool = False
    """Changes remove rows and add some with larger ids: the rows need no sorting."""
    _sorted: dict[Any, list[Row]] = field(default_factory=dict)
    _sorted_rows: list[Row] = field(default_factory=list)
    """The rows as they were when they were last sorted, of a list that changes."""

    def answer(self, request: PageRequest) -> Answer:
        """Answer one page request."""
        if (refusal := self.error or self._refused(request)) is not None:
            return Answer([], refusal)
        if request.descending:
            return self._newest(request)
        return self._by_id(request) if request.offset is None else self._from_offset(request, request.offset)

    def _refused(self, request: PageRequest) -> PortalError | None:
        """The error of a strict list about the request itself."""
        if (self.refuses_order and request.offset is None) or (self.refuses_id_filter and request.after):
            return RejectedError("ERROR_ARGUMENT: not allowed", code="ERROR_ARGUMENT")
        if self.refuses_dates and request.window is not None:
            return RejectedError("INVALID_ARG_VALUE: filter", code="INVALID_ARG_VALUE")
        return None

    def _from_offset(self, request: PageRequest, first: int) -> Answer:
        pages: list[Page] = []
        for number in range(request.pages):
            offset = first + number * request.list_spec.endpoint.page_size
            page = self._by_offset(request, offset)
            if (error := self._fault(offset) or self._unreadable(request, page.rows)) is not None:
                return Answer(pages, None if pages else error)
            pages.append(Page([], page.total) if _happens(self.empty_at, offset) else page)
        return Answer(pages)

    def _by_id(self, request: PageRequest) -> Answer:
        pages: list[Page] = []
        after = request.after or 0
        for _ in range(request.pages):
            rows = [] if _happens(self.empty_at, after) else self._behind(request, after)
            if (error := self._fault(after) or self._unreadable(request, rows)) is not None:
                return Answer(pages, None if pages else error)
            rows = _selected(request, rows)
            total = self._rows_behind(request, after) if request.counted else None
            pages.append(Page(rows, total))
            full = len(rows) == request.list_spec.endpoint.page_size
            # docs/protocol.md §2.4: after a short page the reference is the page itself, read as 1, or as 0 if empty
            after = _id(rows[-1]) if full else len(rows[:1])
        return Answer(pages)

    def _rows_behind(self, request: PageRequest, after: int) -> int:
        rows = self._ordered(request)
        return len(rows) - bisect_right(rows, after, key=_id)

    def _fault(self, position: int) -> PortalError | None:
        return self.refusal if _happens(self.refuses_at, position) else None

    def _unreadable(self, request: PageRequest, rows: Sequence[Row]) -> PortalError | None:
        """The refusal of a page that would hold an unreadable field."""
        if not self.unreadable:
            return None
        broken = [self.unreadable[_id(row)] for row in rows if _id(row) in self.unreadable]
        if any(request.select is None or name in request.select for name in broken):
            return UnreadableError("broken text", code="WRONG_ENCODING")
        return None

    def _newest(self, request: PageRequest) -> Answer:
        if self.refuses_newest:
            return Answer([], PortalError("order: DESC is not supported"))
        size = request.list_spec.endpoint.page_size
        rows = self._matching(request)[:size] if self.drops_order else self._ordered(request)[: -size - 1 : -1]
        return Answer([Page([{request.list_spec.endpoint.key: row["ID"]} for row in rows])])

    def _behind(self, request: PageRequest, after: int) -> list[Row]:
        if self.changes is not None:
            self.changes(self)
        broken = self.breaks_after is None or after >= self.breaks_after
        in_order, filtered = not (self.drops_order and broken), not (self.drops_id_filter and broken)
        rows = self._ordered(request, broken=broken) if in_order else self._matching(request, broken=broken)
        size = request.list_spec.endpoint.page_size
        if in_order and filtered:
            first = bisect_right(rows, after, key=_id)
            rows = rows[first : first + size]
        elif filtered:
            rows = [row for row in rows if _id(row) > after]
        if self.short is not None and self.short.random() < 0.3:
            size = self.short.randint(1, size)
        up_to = inf if request.up_to is None else request.up_to
        return [dict(row) for row in rows[:size] if _id(row) <= up_to]

    def _by_offset(self, request: PageRequest, offset: int) -> Page:
        if self.changes is not None:
            self.changes(self)
        rows = self._matching(request) if self.drops_order else self._ordered(request)
        size = request.list_spec.endpoint.page_size
        if self.wraps and offset >= len(rows):
            offset = 0
        more = offset + size < len(rows)
        total, following = (len(rows), offset + size if more else None) if self.counts else (None, None)
        page = rows[offset : offset + size]
        return Page(page, len(page) if self.page_total else total, following)

    def _ordered(self, request: PageRequest, *, broken: bool = True) -> list[Row]:
        """The matching rows in order of ids; sorted once if the list does not change."""
        if self.changes_in_order and request.window is None:
            return self.rows
        key = (request.window, broken)
        if self.changes is not None and (request.window is not None or self._sorted_rows != self.rows):
            self._sorted.clear()
            self._sorted_rows = list(self.rows)
        if key not in self._sorted:
            rows = self._matching(request, broken=broken)
            ids = _ids(rows)
            self._sorted[key] = rows if ids == sorted(ids) else sorted(rows, key=_id)
        return self._sorted[key]

    def _matching(self, request: PageRequest, *, broken: bool = True) -> list[Row]:
        window, key = request.window, request.list_spec.replication_key
        if window is None or key is None or (self.drops_window and broken):
            return list(self.rows)
        if self.finds_nothing_by_date:
            return []
        slack = timedelta(seconds=0 if window.exact else key.timezone_margin)
        low = window.low - slack + self.shift if window.low else None
        high = window.high + slack + self.shift if window.high else None

        def inside(row: Row) -> bool:
            by_creation = window.date_key is DateKey.CREATED
            text = row.get(key.created) if by_creation else row[key.row_key] or row.get(key.fallback)
            if not text:
                return False
            modified = _moment(text)
            return (low is None or modified >= low) and (high is None or modified < high)

        return [row for row in self.rows if inside(row)]


def _happens(times: dict[int, int], position: int) -> bool:
    """Whether a fault is due at a position; it is then due there once less."""
    due = times.get(position, 0)
    times[position] = due - 1
    return due > 0


def _selected(request: PageRequest, rows: list[Row]) -> list[Row]:
    """Rows with the columns that were asked for."""
    if request.select is None:
        return rows
    return [{name: value for name, value in row.items() if name in request.select} for row in rows]


def _id(row: Row) -> int:
    return _number(row.get("ID") or 0)


def _ids(rows: Sequence[Row]) -> list[int]:
    """Return the same of many rows, several times as fast."""
    return list(map(_number, [row.get("ID") or 0 for row in rows]))


_number = cache(int)


@dataclass
class Outcome:
    """What a strategy yielded."""

    rows: list[Row] = field(default_factory=list)
    states: list[Mapping[str, Any]] = field(default_factory=list)
    read_before: list[int] = field(default_factory=list)
    """Rows yielded before the state at the same position."""
    warnings: list[str] = field(default_factory=list)
    child_reads: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """Reference of a parent → how many children it has, and when they were read."""
    events: list[StrategyEvent] = field(default_factory=list)
    """All it yielded, read requests included."""
    requests: int = 0
    page_requests: list[PageRequest] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """Ids in the order of the rows."""
        return _ids(self.rows)


Lists = FakeList | Sequence[tuple[ListSpec, FakeList]] | Callable[[PageRequest], Answer]


def pump(
    strategy: SubStrategy[object],
    lists: Lists,
    *,
    outcome: Outcome | None = None,
    stop_after: int | None = None,
    ahead: Callable[[], int] = lambda: 0,
) -> Outcome:
    """Run a strategy to its end.

    Args:
        strategy: The strategy; what it returns is ignored.
        lists: One list for all requests, one for each ListSpec, or a function that answers page requests.
        outcome: Filled as it goes, so that it can be looked at after an error.
        stop_after: Stop after that many events, as a killed process does.
        ahead: Returns how many requests may be prefetched besides a read request.
    """
    outcome = outcome or Outcome()
    early: dict[int, Answer] = {}
    """Ids of prefetched page requests → their answers at that time."""
    answers: list[Answer] | None = None
    events = 0
    while stop_after is None or events < stop_after:
        try:
            event = strategy.send(answers)
        except StopIteration:
            return outcome
        answers = None
        events += 1
        outcome.events.append(event)
        if isinstance(event, ReadRequest):
            answers = _served(event, lists, outcome, early, ahead)
        elif isinstance(event, Rows):
            outcome.rows += event.rows
        elif isinstance(event, Checkpoint):
            outcome.states.append(event.state)
            outcome.read_before.append(len(outcome.rows))
        elif isinstance(event, ChildGroupsRead):
            outcome.child_reads |= {name: (count, event.read_at) for name, count in event.counts.items()}
        elif isinstance(event, Notice):
            outcome.warnings.append(event.text)
    strategy.close()
    return outcome


def _served(
    read_request: ReadRequest,
    lists: Lists,
    outcome: Outcome,
    early: dict[int, Answer],
    ahead: Callable[[], int],
) -> list[Answer]:
    """Answer page requests, and prefetch others meanwhile."""
    fresh = [request for request in read_request.page_requests if request.id not in early]
    answers = {request.id: _answer(_sound(request), lists) for request in fresh}
    outcome.page_requests += fresh
    outcome.requests += _requests(fresh)

    def arrived(request: PageRequest) -> Answer | None:
        return answers.get(request.id) or early.get(request.id)

    for _ in range(ahead() if read_request.prefetch else 0):
        if read_request.prefetch and (request := read_request.prefetch(COMMANDS_A_REQUEST, arrived)) is not None:
            early[request.id] = _answer(_sound(request), lists)
            outcome.page_requests.append(request)
            outcome.requests += 1
    return [
        answers[request.id] if request.id in answers else early.pop(request.id)
        for request in read_request.page_requests
    ]


def _answer(request: PageRequest, lists: Lists) -> Answer:
    if isinstance(lists, FakeList):
        return lists.answer(request)
    if isinstance(lists, Sequence):
        return next(each for list_spec, each in lists if list_spec is request.list_spec).answer(request)
    return lists(request)


def _sound(request: PageRequest) -> PageRequest:
    assert [request.after is not None, request.descending, request.offset is not None].count(True) == 1, request
    assert 1 <= request.pages <= COMMANDS_A_REQUEST, request
    return request


def _requests(page_requests: Sequence[PageRequest]) -> int:
    """HTTP requests that page requests take: what is in doubt, or counted outside of batches only, is alone in one."""
    alone = [
        request
        for request in page_requests
        if request.alone or (request.counted and not request.list_spec.endpoint.counted_in_batch)
    ]
    pages = sum(request.pages for request in page_requests) - sum(request.pages for request in alone)
    return len(alone) + ceil(pages / COMMANDS_A_REQUEST)
