"""How far the keyset reading of one list has come, which of its answers can be believed, and what to ask next. Pure.

A list is read from id to id. While the answer to one chain of pages is under way, the next chains can be too: where
ids lie evenly, the id a chain will end at is known well enough beforehand. A chain has no upper bound, so one that
begins a little early only repeats some rows, which are dropped, and one that begins a little late leaves a gap, which
is asked for before the list goes on. Nothing rests on the guess but speed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import Answer, AnswerLookup, Page, PageRequest, Window
from tap_bitrix24.replication.validation import ids_of, rows_within

CHAIN_LENGTH = 50
"""Pages a request can hold: the portal runs 50 commands of a batch."""
CHAIN_GROWTH = 8
PAGE_MARGIN = 1.1
"""Pages asked for beyond the estimate: a page too many costs less than a request."""
DENSITY_MARGIN = 1.015
"""Ids are taken to lie this much denser than lately: rows read twice cost less than a gap."""
LAST_CHAIN_OVERLAP = 100
"""Rows the last, short chain begins earlier: it has room, and no other request would fill a gap before it."""
DENSITY_TOLERANCE = 0.1
"""A chain ended where it was expected to if it missed by no more than this part of its rows."""
SIMILAR_DENSITY = 0.8
"""Both ends of a list are as dense as each other if one has at least this part of the other's density."""
MAX_PREFETCHED_CHAINS = 64
"""Chains that may be under way beyond the one the list waits for."""


class NoKeysetError(UntrustedError):
    """This method does not filter or order by id here; its rows must be had by offset."""


@dataclass(slots=True)
class KeysetReader:
    """The reading of one source."""

    list_spec: ListSpec
    after: int = 0
    window: Window | None = None
    newest_id: int | None = None
    """The newest id as the portal told it; a short page that reaches it is the end."""
    done: bool = False
    keyset_proven: bool = False
    """A page behind an id above 0, and inside the window if there is one, has been right once."""
    needs_offset: bool = False
    """It has been shown that this method does not do keyset here."""
    rows_read: int = 0
    """Rows seen so far."""
    last_page_full: bool = False
    """The last page was full: more may follow."""
    first_id: int | None = None
    expected_pages: int = 0
    """Pages of the last chain if it was meant to reach the end, else 0."""
    density: float = 0.0
    """Rows per id, lately."""
    newest_density: float = 0.0
    """The same among the newest ids."""
    prefetch_depth: int = 0
    """How many chains may be under way beyond the one the list waits for."""
    prefetched: deque[PageRequest] = field(default_factory=deque)
    """Those chains, in order."""
    current: PageRequest | None = None
    """The wish the list waits for."""

    def for_window(self, window: Window) -> KeysetReader:
        """A cursor for the source's next window, which need not learn again what this one has learnt."""
        return KeysetReader(
            self.list_spec, window=window, keyset_proven=self.keyset_proven, needs_offset=self.needs_offset
        )

    def accept(self, ask: PageRequest, answer: Answer) -> list[Row]:
        """Accept what can be believed of a chain; moves the cursor behind it.

        Args:
            ask: What was asked; it begins at the cursor, or before it.
            answer: What came of it.

        Raises:
            NoKeysetError: The very first proof failed: the method does not do keyset here.
            UntrustedError: A method that did keyset before no longer does.
        """
        accepted: list[Row] = []
        if len(answer.pages) < self.expected_pages:  # cut off by an error: that says nothing about how much is left
            self.expected_pages = 0
        at, first, rows = ask.after or 0, None, 0
        for page in answer.pages:
            if not page.rows:
                self.done = True
                break
            ids = self._checked_ids(page, at)
            first, at, rows = first or ids[0], ids[-1], rows + len(ids)
            accepted += self._new_rows(page, ids)
            self.last_page_full = len(ids) >= self.list_spec.endpoint.page_size
            if not self.last_page_full:
                self.done = self.newest_id is not None and self.after >= self.newest_id
                break
        if first is not None and self.last_page_full:
            self._learn_density(ask, rows, rows / (at - first + 1), at)
        return accepted

    def _checked_ids(self, page: Page, at: int) -> list[int]:
        ids = ids_of(self.list_spec, page.rows, f"behind id {at}")
        rising = ids[0] > at and all(low < high for low, high in pairwise(ids))
        inside = rows_within(self.list_spec, page.rows, self.window, margin=True)
        if not rising or len(inside) != len(page.rows):
            what = "ids do not rise" if not rising else "rows lie outside the date filter"
            text = f"{self.list_spec.endpoint.method}: {what} behind id {at}, although asked for"
            raise (UntrustedError if self.keyset_proven else NoKeysetError)(text, method=self.list_spec.endpoint.method)
        self.keyset_proven = self.keyset_proven or at > 0
        return ids

    def _new_rows(self, page: Page, ids: list[int]) -> list[Row]:
        """The rows behind the cursor, which moves on; a chain that began early repeats some."""
        known = bisect_right(ids, self.after)
        rows = page.rows[known:] if known else page.rows
        self.first_id = ids[0] if self.first_id is None else self.first_id
        self.rows_read += len(rows)
        self.after = max(self.after, ids[-1])
        return rows_within(self.list_spec, rows, self.window)

    def _learn_density(self, ask: PageRequest, rows: int, density: float, at: int) -> None:
        """Judge how far ahead ids can be guessed: twice as far after a good guess, not at all after a bad one.

        A list whose newest ids lie as dense as its oldest is taken to be so throughout, until shown otherwise.
        """
        if not self.density:
            sparse, dense = sorted((density, self.newest_density))
            even = self.list_spec.endpoint.supports_chaining and sparse >= SIMILAR_DENSITY * dense
            self.prefetch_depth = MAX_PREFETCHED_CHAINS if even else 0
            density = (sparse + dense) / 2 if even else density
        elif rows > CHAIN_LENGTH * self.list_spec.endpoint.page_size // 5:
            missed = abs(at - _expected_end(ask, rows, self.density)) * density
            even = missed <= rows * DENSITY_TOLERANCE
            self.prefetch_depth = min(MAX_PREFETCHED_CHAINS, max(1, self.prefetch_depth * 2)) if even else 0
            density = (density + self.density) / 2 if even else density
        self.density = density

    def learn_newest_id(self, answer: Answer) -> None:
        """Note the newest id from a page in descending order, if it is one."""
        rows = answer.pages[0].rows if answer.pages else []
        ids = ids_of(self.list_spec, rows, "in descending order") if rows else []
        if ids and all(high > low for high, low in pairwise(ids)) and ids[0] >= self.after:
            self.newest_id = ids[0]
            self.newest_density = len(ids) / (ids[0] - ids[-1] + 1)

    def page_request(self) -> PageRequest:
        """The next single page."""
        self.current = PageRequest(list_spec=self.list_spec, window=self.window, after=self.after)
        return self.current

    def newest_id_request(self) -> PageRequest:
        """A page of ids, newest first."""
        return PageRequest(list_spec=self.list_spec, window=self.window, descending=True)

    def chain_request(self, most: int) -> PageRequest:
        """The next chain, as long as the density of ids so far says, at most `most` pages.

        A chain that should have reached the end and came back full is followed by one RAMP times as long:
        behind a desert of ids the estimate is far too low.
        """
        if (early := self._prefetched_from_here()) is not None:
            self.current, self.expected_pages = early, 0
        elif not self.list_spec.endpoint.supports_chaining:
            self.current = self.page_request()
        elif self.prefetched:  # a gap before the next chain under way
            self.current = self._chain(
                self.after, min(most, self._pages((self.prefetched[0].after or 0) - self.after, self.density))
            )
            self.expected_pages = 0
        elif self.last_page_full and self.newest_id is None:  # no idea how long the list is
            self.current = self._chain(self.after, most)
        else:
            pages = self._pages_left()
            self.expected_pages = pages if pages <= most else 0
            self.current = self._chain(self.after, min(most, pages))
        return self.current

    def _prefetched_from_here(self) -> PageRequest | None:
        """The chain under way that goes on from here; those it makes needless are forgotten."""
        found = None
        while self.prefetched and (self.prefetched[0].after or 0) <= self.after:
            found = self.prefetched.popleft()
        return found

    @property
    def pages_left(self) -> int:
        """Pages up to the newest id, if ids go on lying as dense as lately; 0 where that can't be told."""
        left = max(0, (self.newest_id or 0) - self.after)
        return ceil(left * self.density / self.list_spec.endpoint.page_size) if self.last_page_full else 0

    def _pages_left(self) -> int:
        left = (self.newest_id or 0) - self.after
        if not self.last_page_full or left <= 0 or self.first_id is None:
            return 1
        density = self.rows_read / (self.after - self.first_id + 1)
        return max(self._pages(left, density), self.expected_pages * CHAIN_GROWTH)

    def _pages(self, ids: int, density: float) -> int:
        """Pages of so many ids, and some to spare."""
        return max(1, ceil(ids * density * PAGE_MARGIN / self.list_spec.endpoint.page_size))

    def _chain(self, after: int, pages: int) -> PageRequest:
        return PageRequest(list_spec=self.list_spec, window=self.window, after=after, pages=pages)

    def prefetch_request(self, room: int, arrived: AnswerLookup) -> PageRequest | None:
        """A chain that will surely be asked for, `room` pages at most; None where it can't be told which."""
        if (gap := self._gap_request(room, arrived)) is not None:
            return gap
        if self.current is None or self.newest_id is None or self.done or len(self.prefetched) >= self.prefetch_depth:
            return None
        before = self.prefetched[-1] if self.prefetched else self.current
        start = _expected_end(before, before.pages * self.list_spec.endpoint.page_size, self.density * DENSITY_MARGIN)
        if start >= self.newest_id:
            return None
        rows = (self.newest_id - start) * self.density
        if (
            rows < CHAIN_LENGTH * self.list_spec.endpoint.page_size / 2
        ):  # the end: a gap before it would take one of its own
            start = max(before.after or 0, start - int(LAST_CHAIN_OVERLAP / self.density))
            rows += LAST_CHAIN_OVERLAP
        self.prefetched.append(
            self._chain(start, min(room, CHAIN_LENGTH, ceil(rows * PAGE_MARGIN / self.list_spec.endpoint.page_size)))
        )
        return self.prefetched[-1]

    def _gap_request(self, room: int, arrived: AnswerLookup) -> PageRequest | None:
        """The first gap between chains under way, seen as soon as the one before it has arrived, not when it is due."""
        before = self.current
        for place, ask in enumerate(self.prefetched):
            end = self._last_id(arrived(before)) if before is not None else None
            if end is not None and end < (ask.after or 0):
                gap = self._chain(end, min(room, CHAIN_LENGTH, self._pages((ask.after or 0) - end, self.density)))
                self.prefetched.insert(place, gap)
                return gap
            before = ask
        return None

    def _last_id(self, answer: Answer | None) -> int | None:
        """The id a chain of full pages ends at; it is believed when it is due, and only then."""
        pages = answer.pages if answer is not None else []
        if not pages or any(len(page.rows) < self.list_spec.endpoint.page_size for page in pages):
            return None
        told = str(pages[-1].rows[-1].get(self.list_spec.endpoint.key))
        return int(told) if told.isdecimal() else None


def _expected_end(ask: PageRequest, rows: int, density: float) -> int:
    """The id so many rows behind an ask's end at, if ids lie that dense: at most one behind the other."""
    return (ask.after or 0) + int(rows / min(1.0, density))


def prefetch_from(cursors: Iterable[KeysetReader], room: int, arrived: AnswerLookup) -> PageRequest | None:
    """The first wish beforehand any of the cursors has."""
    return next((ask for cursor in cursors if (ask := cursor.prefetch_request(room, arrived)) is not None), None)
