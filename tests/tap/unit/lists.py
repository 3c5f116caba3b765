"""An in-memory list that answers wishes the way the portal's servers do, and a pump that feeds it to a strategy."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from random import Random
from typing import Any

from tap_bitrix24.errors import PortalError, RejectedError
from tap_bitrix24.model import (
    Answer,
    Ask,
    Endpoint,
    Event,
    Page,
    Reached,
    Reading,
    Row,
    Rows,
    SetsRead,
    Source,
    Stamp,
    Want,
    Warned,
)
from tap_bitrix24.paging import ByStart
from tap_bitrix24.shapes import listed

COMMANDS_A_REQUEST = 50
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment, in seconds from the test's epoch."""
    return EPOCH + timedelta(seconds=seconds)


def source(page_size: int = 50, *, stamped: bool = False, margin: int = 0, **facts: Any) -> Source:
    """A classic list of deals."""
    stamp = Stamp("DATE_MODIFY", "DATE_MODIFY", margin=margin) if stamped else None
    return Source(Endpoint("crm.deal.list", ByStart(), listed, page_size=page_size), stamp=stamp, **facts)


@cache
def _text(seconds: float) -> str:
    return at(seconds).isoformat()


_moment = cache(datetime.fromisoformat)


def rows_of(ids: Iterable[int], stamp: Callable[[int], float] = float) -> list[Row]:
    """Rows with ids as classic methods send them: as text."""
    return [{"ID": str(number), "DATE_MODIFY": _text(stamp(number))} for number in ids]


@dataclass
class FakeList:
    """One list of a portal. The switches name what real servers get wrong without an error."""

    rows: list[Row]
    counts: bool = True
    """Tells `total` and `next` of offset pages; controllers inside a batch do not."""
    wraps: bool = True
    """An offset beyond the end is page 1 again."""
    drops_id_filter: bool = False
    drops_window: bool = False
    drops_order: bool = False
    breaks_after: int | None = None
    """From this id on, the switches above hold; None: from the beginning."""
    refuses_newest: bool = False
    refuses_id_filter: bool = False
    """A strict list says no to `>ID` instead of dropping it."""
    refuses_order: bool = False
    """And to an order by id."""
    page_total: bool = False
    """`total` is the page's size (crm.address.list)."""
    short: Random | None = None
    """Cuts pages short at random, never to nothing."""
    shift: timedelta = timedelta()
    """Reads date bounds in another zone."""
    error: PortalError | None = None
    changes: Callable[["FakeList"], None] | None = None
    """Called before each page: the portal lives on while it is read."""
    _sorted: dict[Any, list[Row]] = field(default_factory=dict)
    _stamps: list[datetime] = field(default_factory=list)
    """When each row was modified; looked up once if nothing changes meanwhile."""
    _known: list[Row] = field(default_factory=list)
    """The rows that were sorted, where they change."""

    def answer(self, ask: Ask) -> Answer:
        """Serve one wish."""
        if self.error is not None:
            return Answer([], self.error)
        if (self.refuses_order and ask.offset is None) or (self.refuses_id_filter and ask.after):
            return Answer([], RejectedError("ERROR_ARGUMENT: not allowed", code="ERROR_ARGUMENT"))
        if ask.newest:
            return self._newest(ask)
        if ask.offset is not None:
            size = ask.source.endpoint.page_size
            return Answer([self._by_offset(ask, ask.offset + page * size) for page in range(ask.pages)])
        pages: list[Page] = []
        after = ask.after or 0
        for _ in range(ask.pages):
            rows = self._behind(ask, after)
            total = len(self._ordered(ask)) if ask.counted else None
            pages.append(Page(rows, total))
            full = len(rows) == ask.source.endpoint.page_size
            # protocol §2.4: behind a short page the reference is the page itself, which reads as 1, or 0 if empty
            after = _id(rows[-1]) if full else len(rows[:1])
        return Answer(pages)

    def _newest(self, ask: Ask) -> Answer:
        if self.refuses_newest:
            return Answer([], PortalError("order: DESC is not supported"))
        size = ask.source.endpoint.page_size
        rows = self._matching(ask)[:size] if self.drops_order else self._ordered(ask)[: -size - 1 : -1]
        return Answer([Page([{ask.source.endpoint.key: row["ID"]} for row in rows])])

    def _behind(self, ask: Ask, after: int) -> list[Row]:
        if self.changes is not None:
            self.changes(self)
        broken = self.breaks_after is None or after >= self.breaks_after
        in_order, filtered = not (self.drops_order and broken), not (self.drops_id_filter and broken)
        rows = self._ordered(ask, broken=broken) if in_order else self._matching(ask, broken=broken)
        size = ask.source.endpoint.page_size
        if in_order and filtered:
            first = bisect_right(rows, after, key=_id)
            rows = rows[first : first + size]
        elif filtered:
            rows = [row for row in rows if _id(row) > after]
        if self.short is not None and self.short.random() < 0.3:
            size = self.short.randint(1, size)
        return [dict(row) for row in rows[:size]]

    def _by_offset(self, ask: Ask, offset: int) -> Page:
        if self.changes is not None:
            self.changes(self)
        rows = self._matching(ask) if self.drops_order else self._ordered(ask)
        size = ask.source.endpoint.page_size
        if self.wraps and offset >= len(rows):
            offset = 0
        more = offset + size < len(rows)
        told = (len(rows), offset + size if more else None) if self.counts else (None, None)
        page = rows[offset : offset + size]
        return Page(page, len(page) if self.page_total else told[0], told[1])

    def _ordered(self, ask: Ask, *, broken: bool = True) -> list[Row]:
        """The matching rows by id; sorted once if nothing changes meanwhile."""
        key = (ask.window, broken)
        if self.changes is not None and (ask.window is not None or self._known != self.rows):
            self._sorted.clear()
            self._known = list(self.rows)
        if key not in self._sorted:
            self._sorted[key] = sorted(self._matching(ask, broken=broken), key=_id)
        return self._sorted[key]

    def _matching(self, ask: Ask, *, broken: bool = True) -> list[Row]:
        window, stamp = ask.window, ask.source.stamp
        if window is None or stamp is None or (self.drops_window and broken):
            return list(self.rows)
        slack = timedelta(seconds=stamp.margin)
        low = window.low - slack + self.shift if window.low else None
        high = window.high + slack + self.shift if window.high else None

        if self.changes is not None or len(self._stamps) != len(self.rows):
            self._stamps = [_moment(row[stamp.row] or row[stamp.fallback]) for row in self.rows]
        first, last = low or _ALWAYS[0], high or _ALWAYS[1]
        return [row for row, told in zip(self.rows, self._stamps, strict=True) if first <= told < last]


_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _id(row: Row) -> int:
    return _number(row.get("ID") or 0)


_number = cache(int)


@dataclass
class Outcome:
    """What a reading came to."""

    rows: list[Row] = field(default_factory=list)
    states: list[Mapping[str, Any]] = field(default_factory=list)
    read_before: list[int] = field(default_factory=list)
    """Rows handed on before the state of the same position."""
    warnings: list[str] = field(default_factory=list)
    sets: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """Set → how many it holds, and when it was read."""
    events: list[Event] = field(default_factory=list)
    """All it yielded, wishes included."""
    requests: int = 0
    asks: list[Ask] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """Ids in the order they came."""
        return [_id(row) for row in self.rows]


Lists = FakeList | Sequence[tuple[Source, FakeList]] | Callable[[Ask], Answer]


def pump(
    reading: Reading,
    lists: Lists,
    *,
    outcome: Outcome | None = None,
    stop_after: int | None = None,
    ahead: Callable[[], int] = lambda: 0,
) -> Outcome:
    """Run a strategy to its end.

    Args:
        reading: The strategy.
        lists: One list for all its sources, each source's own, or who answers any wish.
        outcome: Filled as it goes, so that it can be looked at after an error.
        stop_after: Leave after so many events, as a killed process does.
        ahead: How many requests can be under way at the time of a wish, besides its own.
    """
    outcome = outcome or Outcome()
    early: dict[int, tuple[Ask, Answer]] = {}
    """Wishes given beforehand, by identity, and what they were answered with at that time."""
    answers: list[Answer] | None = None
    events = 0
    while stop_after is None or events < stop_after:
        try:
            event = reading.send(answers)
        except StopIteration:
            return outcome
        answers = None
        events += 1
        outcome.events.append(event)
        if isinstance(event, Want):
            answers = _served(event, lists, outcome, early, ahead)
        elif isinstance(event, Rows):
            outcome.rows += event.rows
        elif isinstance(event, Reached):
            outcome.states.append(event.state)
            outcome.read_before.append(len(outcome.rows))
        elif isinstance(event, SetsRead):
            outcome.sets |= {name: (count, event.read_at) for name, count in event.counts.items()}
        elif isinstance(event, Warned):
            outcome.warnings.append(event.text)
    reading.close()
    return outcome


def _served(
    want: Want, lists: Lists, outcome: Outcome, early: dict[int, tuple[Ask, Answer]], ahead: Callable[[], int]
) -> list[Answer]:
    """Answer wishes, and those given beforehand meanwhile."""
    told = {id(ask): _answer(_sound(ask), lists) for ask in want.asks if id(ask) not in early}
    fresh = [ask for ask in want.asks if id(ask) in told]
    outcome.asks += fresh
    outcome.requests += _requests(fresh)

    def arrived(ask: Ask) -> Answer | None:
        return told.get(id(ask)) or (early[id(ask)][1] if id(ask) in early else None)

    for _ in range(ahead() if want.more else 0):
        if want.more and (ask := want.more(COMMANDS_A_REQUEST, arrived)) is not None:
            early[id(ask)] = (ask, _answer(_sound(ask), lists))
            outcome.asks.append(ask)
            outcome.requests += 1
    return [told[id(ask)] if id(ask) in told else early.pop(id(ask))[1] for ask in want.asks]


def _answer(ask: Ask, lists: Lists) -> Answer:
    if isinstance(lists, FakeList):
        return lists.answer(ask)
    if isinstance(lists, Sequence):
        return next(each for owner, each in lists if owner is ask.source).answer(ask)
    return lists(ask)


def _sound(ask: Ask) -> Ask:
    assert [ask.after is not None, ask.newest, ask.offset is not None].count(True) == 1, ask
    assert 1 <= ask.pages <= COMMANDS_A_REQUEST, ask
    return ask


def _requests(asks: Sequence[Ask]) -> int:
    """Requests a set of wishes takes: a counted one goes alone."""
    counted = sum(ask.counted for ask in asks)
    return counted + ceil(sum(ask.pages for ask in asks if not ask.counted) / COMMANDS_A_REQUEST)
