"""State of the keyset reading of one list: how far it has come, what it accepts of an answer, what to request next.

A list is read from id to id. While the answer to one chain of pages is on its way, the next chains can be requested:
where ids are evenly spaced, the id at which a chain will end can be estimated. A chain has no upper bound, so one that
starts a little too early only repeats some rows, which are dropped, and one that starts a little too late leaves a gap,
which is requested before the list goes on. Nothing but speed depends on the estimate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from math import ceil

from tap_bitrix24.errors import PortalError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import Answer, AnswerLookup, Page, PageRequest, Window
from tap_bitrix24.replication.absence import EmptyAnswers, ProvenEnd, newest_read
from tap_bitrix24.replication.reading_state import KeysetSupport, NoKeysetError, Phase
from tap_bitrix24.replication.validation import ids_of, rows_within

CHAIN_LENGTH = 50
"""Pages a request can hold: the portal runs 50 commands of a batch."""
CHAIN_GROWTH = 8
"""How many times as long as the last one the next chain is, where the number of pages left was underestimated."""
PAGE_MARGIN = 1.1
"""Pages requested per page estimated: a page too many costs less than a request."""
DENSITY_MARGIN = 1.015
"""Ids are taken to be this many times as dense as those read last: rows read twice cost less than a gap."""
LAST_CHAIN_OVERLAP = 100
"""Rows by which the last, short chain starts earlier: it has room, and no other request would fill a gap before it."""
DENSITY_TOLERANCE = 0.1
"""A chain ended where it was expected to if it missed by no more than this part of its rows."""
SIMILAR_DENSITY = 0.8
"""Both ends of a list are equally dense if one has at least this part of the other's density."""
MAX_PREFETCHED_CHAINS = 64
"""Chains that may be prefetched beyond the one the list waits for."""


@dataclass(slots=True)
class KeysetReader:
    """The keyset reading of one list."""

    list_spec: ListSpec
    after: int = 0
    """All rows up to this id have been read."""
    window: Window | None = None
    filtered: bool = True
    """The window is part of the requests; False: the portal can't filter by it, all rows are read and cut here."""
    newest_id: int | None = None
    """The newest id according to the portal; a short page that reaches it is the end."""
    nothing_newest: bool = False
    """Asked for the newest id, the portal answered with no row."""
    phase: Phase = Phase.START
    end: ProvenEnd | None = None
    """What proves that nothing follows."""
    refusal: PortalError | None = None
    """Why the list cannot be read any further; other lists of the stream are."""
    refusal_at_end: PortalError | None = None
    """Why a row could not be read; the rows after it are."""
    left_out: int = 0
    """Rows that could not be read."""
    contradicted: bool = False
    """The last page was empty although the portal says that rows follow."""
    support: KeysetSupport = KeysetSupport.UNKNOWN
    rows_read: int = 0
    first_id: int | None = None
    expected_pages: int = 0
    """Pages of the last chain if it was meant to reach the end, else 0."""
    density: float = 0.0
    """Rows per id among those read last; 0 if unknown."""
    newest_density: float = 0.0
    """Rows per id among the newest ids."""
    prefetch_depth: int = 0
    """How many chains may be prefetched beyond the one the list waits for."""
    prefetched: deque[PageRequest] = field(default_factory=deque)
    """Requests for those chains, in order of ids."""
    sample: Row = field(default_factory=dict)
    """A row that was read."""
    first_row: Row = field(default_factory=dict)
    """The first row that was read."""
    current: PageRequest | None = None
    """The request the list waits for."""
    empty_answers: EmptyAnswers = field(init=False)

    def __post_init__(self) -> None:
        """Start without any empty answer."""
        self.empty_answers = EmptyAnswers(self.list_spec)

    @property
    def done(self) -> bool:
        """Whether the list has been read as far as possible: to its proven end, or up to a refusal."""
        return self.end is not None or self.refusal is not None

    @property
    def selectable_names(self) -> Sequence[str]:
        """Names of single columns to request: the list's own, or the keys of its rows if requests share them."""
        if self.list_spec.field_names:
            return self.list_spec.field_names
        alike = self.list_spec.endpoint.key == self.list_spec.endpoint.request_key
        return list(self.sample) if alike else []

    @property
    def requested_window(self) -> Window | None:
        """The date bounds that requests carry."""
        return self.window if self.filtered else None

    def for_window(self, window: Window) -> KeysetReader:
        """Return a reader for another window of the same list; what is known of the method's support is kept."""
        return KeysetReader(self.list_spec, window=window, support=self.support, filtered=self.filtered)

    def accept(self, request: PageRequest, answer: Answer) -> list[Row]:
        """Return the new rows of a chain that pass the checks, and move on to the last of them.

        Args:
            request: The chain; it starts at `after` or before it.
            answer: The portal's answer.

        Raises:
            NoKeysetError: A check failed on the first pages: the method does not support keyset pagination.
            UntrustedError: A check failed although the method passed it before.
        """
        accepted: list[Row] = []
        if len(answer.pages) < self.expected_pages:  # cut off by an error: that says nothing about how much is left
            self.expected_pages = 0
        at, first, rows = request.after or 0, None, 0
        for page in answer.pages:
            if not page.rows:
                self._judge_empty(page)
                break
            ids = self._checked_ids(page, at)
            first, at, rows = first or ids[0], ids[-1], rows + len(ids)
            accepted += self._new_rows(page, ids)
            self._judge_rows(len(ids), bounded=request.up_to is not None)
            if self.phase is not Phase.MORE or self.end is not None:
                break
        if first is not None and self.phase is Phase.MORE and request.up_to is None:
            self._learn_density(request, rows, rows / (at - first + 1), at)
        return accepted

    def _judge_rows(self, rows: int, *, bounded: bool) -> None:
        """Note how far the list has been read with a page of so many rows, the last of which is `after`.

        Args:
            rows: How many.
            bounded: The page was to end at an id: that it is short says nothing.
        """
        full = rows >= self.list_spec.endpoint.page_size
        self.phase = Phase.MORE if full or bounded else Phase.SHORT_PAGE
        if not full:
            self.end = newest_read(self.after, self.newest_id)
        if self.phase is Phase.SHORT_PAGE:
            self.empty_answers.note(self.after)

    def _judge_empty(self, page: Page) -> None:
        """Note an empty page: the end if it is proven, else a doubt.

        Raises:
            UntrustedError: The portal contradicts itself, and has been asked again.
        """
        counted = page.total if self.list_spec.endpoint.reliable_total else None
        rows_follow: bool | None = None
        if self.newest_id is not None:
            rows_follow = self.after < self.newest_id
        elif counted:  # a count of 0 stands for "not counted" as well
            rows_follow = True
        elif self.nothing_newest and self.rows_read:  # what was read a moment ago would be gone
            rows_follow = True if self.requested_window is None else None
        elif self.nothing_newest and self.requested_window is not None:
            rows_follow = False
        self.contradicted = rows_follow is True
        self.phase, self.end = Phase.DOUBTED, self.empty_answers.judge(self.after, rows_follow=rows_follow)

    def _checked_ids(self, page: Page, after: int) -> list[int]:
        """Return the ids of a page, if they ascend from `after` and its rows match the date filter."""
        method = self.list_spec.endpoint.method
        ids = ids_of(self.list_spec, page.rows, f"after id {after}")
        ascending = ids[0] > after and all(low < high for low, high in pairwise(ids))
        inside = rows_within(self.list_spec, page.rows, self.requested_window, self._filter_slack())
        if not ascending or len(inside) != len(page.rows):
            problem = "ids do not ascend" if not ascending else "rows do not match the date filter"
            text = f"{method}: {problem} after id {after}"
            raise (UntrustedError if self.support is KeysetSupport.PROVEN else NoKeysetError)(text, method=method)
        if after > 0:
            self.support = KeysetSupport.PROVEN
        return ids

    def _filter_slack(self) -> timedelta:
        """Return how far outside the window a row may be that matches the date filter: twice the timezone margin.

        Once for the wider bounds the portal was asked with, once for the shift it may have added.
        """
        key = self.list_spec.replication_key
        exact = key is None or (self.window is not None and self.window.exact)
        return timedelta() if key is None or exact else timedelta(seconds=2 * key.timezone_margin)

    def _new_rows(self, page: Page, ids: list[int]) -> list[Row]:
        """Return the rows after the last id, and move on; a chain that started early repeats some rows."""
        known = bisect_right(ids, self.after)
        rows = page.rows[known:] if known else page.rows
        self.first_id = ids[0] if self.first_id is None else self.first_id
        self.rows_read += len(rows)
        self.after = max(self.after, ids[-1])
        self.first_row = self.first_row or page.rows[0]
        self.sample = page.rows[-1]
        return rows_within(self.list_spec, rows, self.window)

    def _learn_density(self, request: PageRequest, rows: int, density: float, last_id: int) -> None:
        """Decide how far ahead to prefetch: twice as far after a good estimate, not at all after a bad one.

        A list whose newest ids are as dense as its oldest is taken to be so throughout, until proven otherwise.
        """
        if not self.density:
            sparse, dense = sorted((density, self.newest_density))
            even = self.list_spec.endpoint.supports_chaining and sparse >= SIMILAR_DENSITY * dense
            self.prefetch_depth = MAX_PREFETCHED_CHAINS if even else 0
            density = (sparse + dense) / 2 if even else density
        elif rows > CHAIN_LENGTH * self.list_spec.endpoint.page_size // 5:
            missed = abs(last_id - _expected_end(request, rows, self.density)) * density
            even = missed <= rows * DENSITY_TOLERANCE
            self.prefetch_depth = min(MAX_PREFETCHED_CHAINS, max(1, self.prefetch_depth * 2)) if even else 0
            density = (density + self.density) / 2 if even else density
        self.density = density

    def learn_newest_id(self, answer: Answer) -> None:
        """Note the newest id from a page in descending order; an error, or another order, changes nothing."""
        if not answer.pages:
            return
        ids = ids_of(self.list_spec, answer.pages[0].rows, "in descending order")
        self.nothing_newest = not ids
        if any(high <= low for high, low in pairwise(ids)):
            return
        self.newest_id = ids[0] if ids and ids[0] >= self.after else None
        if ids:
            self.newest_density = len(ids) / (ids[0] - ids[-1] + 1)

    def page_request(self) -> PageRequest:
        """Return the request for the next single page."""
        self.current = PageRequest(list_spec=self.list_spec, window=self.requested_window, after=self.after)
        return self.current

    def newest_id_request(self) -> PageRequest:
        """Return the request for a page of ids in descending order."""
        return PageRequest(list_spec=self.list_spec, window=self.requested_window, descending=True)

    def requests_in_doubt(self) -> list[PageRequest]:
        """Return the requests to ask again with after an empty page: the newest id if possible, then the page.

        Where the portal has contradicted itself, each is an HTTP request of its own.
        """
        endpoint, page = self.list_spec.endpoint, self.page_request()
        self.prefetched.clear()
        if self._worth_a_count():
            page = self.current = replace(page, counted=True)
        requests = [*([self.newest_id_request()] if endpoint.pagination.supports_descending else []), page]
        return [replace(request, alone=True) for request in requests] if self.contradicted else requests

    def _worth_a_count(self) -> bool:
        """Whether the portal is to count the rows of an empty page that is asked again.

        Methods that count in no batch take a request of their own for it: only after a contradiction, and where the
        bookmark of a first load depends on it. Lists read whole on every run would pay for it on every run.
        """
        endpoint = self.list_spec.endpoint
        counts = endpoint.reliable_total and endpoint.pagination.counts_matches
        due = self.contradicted or self.list_spec.replication_key is not None
        return self.window is None and counts and (endpoint.counted_in_batch or due)

    def chain_request(self, max_pages: int) -> PageRequest:
        """Return the request for the next chain: as many pages as the density of ids suggests, at most `max_pages`.

        A chain that should have reached the end and came back full is followed by one CHAIN_GROWTH times as long:
        after a large gap in the ids the estimate is far too low.
        """
        if (prefetched := self._next_prefetched()) is not None:
            self.current, self.expected_pages = prefetched, 0
        elif not self.list_spec.endpoint.supports_chaining:
            self.current = self.page_request()
        elif self.prefetched:  # a gap before the next prefetched chain
            gap = (self.prefetched[0].after or 0) - self.after
            self.current = self._chain(self.after, min(max_pages, self._pages(gap, self.density)))
            self.expected_pages = 0
        elif self.phase is Phase.MORE and self.newest_id is None:  # the length of the list is unknown
            self.current = self._chain(self.after, max_pages)
        else:
            pages = self._pages_to_end()
            self.expected_pages = pages if pages <= max_pages else 0
            self.current = self._chain(self.after, min(max_pages, pages))
        return self.current

    def _next_prefetched(self) -> PageRequest | None:
        """Return the prefetched chain that continues from here, or None; chains before it are dropped."""
        request = None
        while self.prefetched and (self.prefetched[0].after or 0) <= self.after:
            request = self.prefetched.popleft()
        return request

    @property
    def pages_left(self) -> int:
        """Pages up to the newest id, if ids stay as dense as those read last; 0 where that is unknown."""
        left = max(0, (self.newest_id or 0) - self.after)
        return ceil(left * self.density / self.list_spec.endpoint.page_size) if self.phase is Phase.MORE else 0

    def _pages_to_end(self) -> int:
        """Pages to request up to the newest id, at the density of all rows read so far; 1 where that is unknown."""
        left = (self.newest_id or 0) - self.after
        if self.phase is not Phase.MORE or left <= 0 or self.first_id is None:
            return 1
        density = self.rows_read / (self.after - self.first_id + 1)
        return max(self._pages(left, density), self.expected_pages * CHAIN_GROWTH)

    def _pages(self, ids: int, density: float) -> int:
        """Pages to request for a range of ids, with a margin."""
        return max(1, ceil(ids * density * PAGE_MARGIN / self.list_spec.endpoint.page_size))

    def _chain(self, after: int, pages: int) -> PageRequest:
        return PageRequest(list_spec=self.list_spec, window=self.requested_window, after=after, pages=pages)

    def prefetch_request(self, max_pages: int, answer_of: AnswerLookup) -> PageRequest | None:
        """Return the next chain to prefetch, or None where it can't be estimated or may not be needed.

        Args:
            max_pages: Most pages the chain may have.
            answer_of: Looks up the answer to a request that is under way.
        """
        if (gap := self._gap_request(max_pages, answer_of)) is not None:
            return gap
        enough = self.done or len(self.prefetched) >= self.prefetch_depth
        if enough or self.current is None or self.newest_id is None:
            return None
        page_size = self.list_spec.endpoint.page_size
        before = self.prefetched[-1] if self.prefetched else self.current
        start = _expected_end(before, before.pages * page_size, self.density * DENSITY_MARGIN)
        if start >= self.newest_id:
            return None
        rows = (self.newest_id - start) * self.density
        if rows < CHAIN_LENGTH * page_size / 2:  # the last chain: a gap before it would take a request of its own
            start = max(before.after or 0, start - int(LAST_CHAIN_OVERLAP / self.density))
            rows += LAST_CHAIN_OVERLAP
        pages = min(max_pages, CHAIN_LENGTH, ceil(rows * PAGE_MARGIN / page_size))
        self.prefetched.append(self._chain(start, pages))
        return self.prefetched[-1]

    def _gap_request(self, max_pages: int, answer_of: AnswerLookup) -> PageRequest | None:
        """Return a request for the first gap between prefetched chains, or None.

        A gap shows as soon as the chain before it has arrived, even if other chains come before that one.
        """
        before = self.current
        for place, request in enumerate(self.prefetched):
            end = self._last_id(answer_of(before)) if before is not None else None
            start = request.after or 0
            if end is not None and end < start:
                pages = min(max_pages, CHAIN_LENGTH, self._pages(start - end, self.density))
                gap = self._chain(end, pages)
                self.prefetched.insert(place, gap)
                return gap
            before = request
        return None

    def _last_id(self, answer: Answer | None) -> int | None:
        """Return the last id of a chain of full pages, or None; the chain is not checked before its turn."""
        pages = answer.pages if answer is not None else []
        if not pages or any(len(page.rows) < self.list_spec.endpoint.page_size for page in pages):
            return None
        last = str(pages[-1].rows[-1].get(self.list_spec.endpoint.key))
        return int(last) if last.isdecimal() else None


def _expected_end(request: PageRequest, rows: int, density: float) -> int:
    """Return the id that a number of rows after a request's start end at, with at most one row per id."""
    return (request.after or 0) + int(rows / min(1.0, density))


def prefetch_from(readers: Iterable[KeysetReader], max_pages: int, answer_of: AnswerLookup) -> PageRequest | None:
    """Return the first request that any of the readers has to prefetch, or None."""
    requests = (reader.prefetch_request(max_pages, answer_of) for reader in readers)
    return next((request for request in requests if request is not None), None)
