"""Reading strategies: what to ask next, and which rows to believe. Pure generators, no I/O.

The server restarts a chain behind a short page, wraps an offset beyond the end to page 1 and drops filters it
does not know, all without an error. So no page is trusted: ids must rise above the last one, rows must obey
the filter, every row must have its key. What follows a short page in a chain is thrown away and asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import Any

from tap_bitrix24.checks import Once, keys_of, within
from tap_bitrix24.cursor import CHAIN, RAMP, Cursor, NoKeysetError, ahead_of
from tap_bitrix24.errors import PortalError, RejectedError, UntrustedError
from tap_bitrix24.model import (
    Answer,
    Ask,
    Event,
    More,
    Page,
    Reached,
    Reading,
    Row,
    Rows,
    Source,
    Steps,
    Want,
    Warned,
    Window,
)
from tap_bitrix24.paging import EXACT, ONE_WAY, ByPage, ByToken, Unpaged


def keyset(cursors: Sequence[Cursor], *, resumable: Mapping[str, Any] | None = None) -> Reading:
    """Read sources by id, side by side, up to 50 pages a request.

    The first request brings one page of each source and its newest id: small lists are done with it and
    large ones can be cut into chains that do not run past the end, without the portal counting anything.
    Dense ids cost ceil(rows / 2,500) + 2 requests at most. Sparse ones cost hardly more, because a chain goes
    from id to id and not through ranges of them: one or two short chains behind a desert.

    Args:
        cursors: One per source, with the id to start behind.
        resumable: If given, after each request `Reached({"snapshot": {"after": id, **resumable}})` is
            yielded: behind that id nothing is missing in any source.
    """
    yield from first_pages(cursors)
    yield from _checkpoint(cursors, resumable)
    yield from chains(cursors, resumable=resumable)


def first_pages(cursors: Sequence[Cursor]) -> Reading:
    """One page and the newest id of each source, in one request."""
    keyed = [cursor for cursor in cursors if not cursor.by_offset]
    told = [cursor for cursor in keyed if cursor.source.endpoint.paging.descends]
    pages = [cursor.ask_page() for cursor in keyed]
    answers = (yield from want([*pages, *(cursor.ask_newest() for cursor in told)])) if pages else []
    for cursor, newest in zip(told, answers[len(keyed) :], strict=True):
        cursor.learn_newest(newest)
    for cursor, ask, page in zip(keyed, pages, answers, strict=False):
        yield from deliver(cursor, ask, page)


def chains(cursors: Sequence[Cursor], *, resumable: Mapping[str, Any] | None = None) -> Reading:
    """Go on until every cursor has seen its end."""
    while left := [cursor for cursor in cursors if not cursor.done]:
        if keyless := [cursor for cursor in left if cursor.by_offset]:
            yield from offsets(*(cursor.source for cursor in keyless), window=keyless[0].window)
            for cursor in keyless:
                cursor.done = True
            continue
        share = max(1, CHAIN // len(left))
        asks = [cursor.ask_chain(share) for cursor in left]
        answers = yield from want(asks, partial(ahead_of, left), left=sum(cursor.pages_left for cursor in left))
        for cursor, ask, answer in zip(left, asks, answers, strict=True):
            yield from deliver(cursor, ask, answer)
        yield from _checkpoint(cursors, resumable)


def _checkpoint(cursors: Sequence[Cursor], resumable: Mapping[str, Any] | None) -> Iterator[Reached]:
    open_ones = [cursor.after for cursor in cursors if not cursor.done]
    if resumable is not None and open_ones:
        yield Reached({"snapshot": {"after": min(open_ones), **resumable}})


def deliver(cursor: Cursor, ask: Ask, answer: Answer) -> Reading:
    """Hand on what a cursor believes of an answer."""
    error = answer.error
    if error is not None and tolerates(cursor.source, error):
        cursor.done = True
        return
    try:
        if error is not None:
            raise _no_keyset(error) if isinstance(error, RejectedError) and not cursor.proven else error
        rows = cursor.take(ask, answer)
    except NoKeysetError as told:
        if isinstance(cursor.source.endpoint.paging, ONE_WAY):
            raise
        yield Warned(f"{told}. Reading this list by offset: slower, and blind to rows moved meanwhile.")
        cursor.by_offset = True
        return
    if rows:
        yield Rows(cursor.source, rows)


def _no_keyset(error: RejectedError) -> NoKeysetError:
    """A strict list refuses a filter or an order by id that a lenient one would drop."""
    return NoKeysetError(str(error), code=error.code, method=error.method)


ROUNDS = 4
"""How often a list is gone through whose rows move while it is read."""


@dataclass(slots=True)
class _Turned:
    """How far the pages of one list have been turned."""

    source: Source
    window: Window | None
    seen: set[Any] = field(default_factory=set)
    offset: int = 0
    pages: int = 1
    total: int | None = None
    moved: bool = False
    """The count has changed meanwhile: rows may have moved to pages that were turned already."""
    repeated: bool = False
    """A row came on two pages: others may have come on none."""
    rounds: int = 1
    done: bool = False
    cursor: Any = None
    """Where the next page begins, if the portal says so itself."""

    def take(self, page: Page) -> list[Row]:
        """The rows of the next page that are new, inside the window and with their key."""
        source = self.source
        keys = dict(zip(keys_of(source, page.rows, f"at offset {self.offset}"), page.rows, strict=True))
        fresh = [row for key, row in keys.items() if key not in self.seen]
        self.repeated = self.repeated or 0 < len(fresh) < len(keys)
        self.seen.update(keys)
        total = (page.total if source.endpoint.counts else None) or self.total
        self.moved = self.moved or (self.total is not None and total != self.total)
        self.total = total
        exact = isinstance(source.endpoint.paging, EXACT)
        self.offset += len(page.rows) if exact else source.endpoint.page_size
        # beyond the end page 1 comes again, and promises a next one
        more = total is None or total > len(self.seen) or (page.next is not None and self.offset < total)
        if isinstance(source.endpoint.paging, ByToken):
            self.done = self._ends(page)
        elif self.rounds > 1:  # all of it once more: known rows are no end
            self.done = not page.rows or self.offset >= (total or 0)
        else:
            self.done = not fresh or not more
        return within(source, fresh, self.window)

    def again(self) -> bool:
        """Begin anew where rows have moved between pages and nothing but all of them once more can find them."""
        moved = self.moved or self.repeated or (self.total or 0) > len(self.seen)
        if not moved or self.rounds >= ROUNDS or not isinstance(self.source.endpoint.paging, ByPage):
            return False
        self.offset, self.total, self.moved, self.repeated, self.done = 0, None, False, False, False
        self.rounds += 1
        return True

    def _ends(self, page: Page) -> bool:
        """Whether the portal gives no way on.

        Raises:
            UntrustedError: The way it gives leads back to where we are.
        """
        if page.cursor is not None and page.cursor == self.cursor:
            method = self.source.endpoint.method
            text = f"{method}: the next page begins where this one did"
            raise UntrustedError(text, method=method)
        self.cursor = page.cursor
        return page.cursor is None

    def ask(self, most: int) -> Ask:
        """The next pages: as many as are left by the count, or RAMP times as many as before."""
        if isinstance(self.source.endpoint.paging, EXACT):
            return Ask(source=self.source, window=self.window, offset=self.offset, cursor=self.cursor)
        asked = Ask(source=self.source, window=self.window, offset=self.offset, pages=min(self.pages, most))
        left = None if self.total is None else ceil((self.total - self.offset) / self.source.endpoint.page_size)
        return asked if left is None else replace(asked, pages=min(most, max(1, left)))


def offsets(*sources: Source, window: Window | None = None) -> Reading:
    """Read by offset where nothing better works: duplicates dropped, the end is a page with nothing new.

    A legacy list answers page 1 again when the offset lies beyond its end; that is why an empty page is not
    waited for. `next` and `total` end it sooner where they are told: controllers leave them out in a batch.
    Several lists share their requests.

    Raises:
        UntrustedError: Fewer rows came than the portal counts.
    """
    yield from _turned([_Turned(source, window) for source in sources])


def _turned(lists: Sequence[_Turned]) -> Reading:
    """Turn the pages of several lists to their ends."""
    while left := [each for each in lists if not each.done]:
        most = max(1, CHAIN // len(left))
        answers = yield from want([each.ask(most) for each in left])
        for each, answer in zip(left, answers, strict=True):
            yield from _turn(each, answer)


def _turn(turned: _Turned, answer: Answer) -> Iterator[Event]:
    if answer.error is not None:
        if not tolerates(turned.source, answer.error):
            raise answer.error
        turned.done = True
    for page in answer.pages:
        if rows := turned.take(page):
            yield Rows(turned.source, rows)
        if turned.done and turned.again():
            return
        if turned.done:
            _complete(turned.source, len(turned.seen), turned.total)
            if turned.moved:
                method = turned.source.endpoint.method
                yield Warned(
                    f"{method}: rows came or went while it was read by offset; some may come with the next run"
                )
            return
    turned.pages *= RAMP


def _complete(source: Source, read: int, total: int | None) -> None:
    """Pages that overlap or repeat leave rows out without a word; only the portal's own count can tell."""
    if total is not None and read < total:
        method = source.endpoint.method
        text = f"{method}: read by offset, its pages hold {read} different rows of {total}; the others can't be had"
        raise UntrustedError(text, method=method)


def tolerates(source: Source, error: PortalError) -> bool:
    """Whether an error only says that this list does not exist here; codes and texts both occur for that."""
    told = f"{error.code} {error}".lower()
    return any(phrase in told for phrase in source.tolerated)


def whole(sources: Sequence[Source], missing: Callable[[Source, PortalError], bool] = tolerates) -> Reading:
    """Read lists that come in one answer, all in one request; page on only where an answer says so.

    Args:
        sources: The lists.
        missing: Whether an error says that a list does not exist here: it has no rows then.
    """
    answers = yield from want([Ask(source=source, offset=0) for source in sources])
    firsts: list[tuple[Source, Page]] = []
    for source, answer in zip(sources, answers, strict=True):
        if answer.error is None:
            firsts.append((source, answer.pages[0]))
        elif not missing(source, answer.error):
            raise answer.error
    yield from rest_of(firsts)


def rest_of(firsts: Sequence[tuple[Source, Page]]) -> Reading:
    """The rows of lists whose first pages are here, and the pages that follow them, if any do."""
    longer: list[Source] = []
    begun: list[_Turned] = []
    for source, page in firsts:
        endpoint = source.endpoint
        if isinstance(endpoint.paging, EXACT):
            begun.append(_Turned(source, None))
            yield from _turn(begun[-1], Answer([page]))
            continue
        uncounted = page.total is None or not endpoint.counts
        full = uncounted and len(page.rows) >= endpoint.page_size and not isinstance(endpoint.paging, Unpaged)
        unfinished = not uncounted and (page.total or 0) > len(page.rows) and not isinstance(endpoint.paging, Unpaged)
        if page.next is not None or full or unfinished:
            longer.append(source)
        elif page.rows:
            yield from _only_page(source, page)
    yield from _turned([*begun, *(_Turned(source, None) for source in longer)])


def _only_page(source: Source, page: Page) -> Iterator[Event]:
    keys = keys_of(source, page.rows, "of its only page")
    if len(set(keys)) < len(keys):
        again = sorted({str(key) for key in keys if keys.count(key) > 1})
        yield Warned(f"{source.endpoint.method}: more than one row has the key {', '.join(again)}; the last counts")
    yield Rows(source, page.rows)


def distinct(reading: Reading) -> Reading:
    """Each row once, where the lists a strategy reads are one stream's and may overlap."""
    once = Once()

    def handle(event: Event) -> Reading:
        yield Rows(event.source, once(event.source, event.rows)) if isinstance(event, Rows) else event

    yield from through(reading, handle)


def through(reading: Reading, handle: Callable[[Event], Reading]) -> Reading:
    """Pass a strategy's wishes on, and let another say what becomes of what it finds."""
    answers: list[Answer] | None = None
    while True:
        try:
            event = reading.send(answers)
        except StopIteration:
            return
        answers = None
        if isinstance(event, Want):
            answers = yield event
        else:
            yield from handle(event)


def want(asks: Sequence[Ask], more: More | None = None, *, left: int = 0) -> Steps[list[Answer]]:
    """Yield the wishes and return their answers (to be used with `yield from`)."""
    answers = yield Want(asks, more, left)
    if answers is None:
        msg = "a strategy must be sent the answers it asked for"
        raise TypeError(msg)
    return answers
