"""Offset pagination, where nothing better works: duplicates are dropped, moved rows looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from tap_bitrix24.dialects.pagination import EXACT_OFFSET, CursorPaginator, PageNumber
from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest, Window
from tap_bitrix24.replication.keyset_reader import CHAIN_GROWTH, CHAIN_LENGTH
from tap_bitrix24.replication.strategy import request_pages
from tap_bitrix24.replication.validation import is_ignorable, keys_of, rows_within

MAX_PASSES = 4
"""How often a list is gone through whose rows move while it is read."""


@dataclass(slots=True)
class OffsetReader:
    """How far the pages of one list have been turned."""

    list_spec: ListSpec
    window: Window | None
    seen: set[Any] = field(default_factory=set)
    offset: int = 0
    pages: int = 1
    total: int | None = None
    moved: bool = False
    """The count has changed meanwhile: rows may have moved to pages that were turned already."""
    repeated: bool = False
    """A row came on two pages: others may have come on none."""
    passes: int = 1
    done: bool = False
    cursor: Any = None
    """Where the next page begins, if the portal says so itself."""

    def accept(self, page: Page) -> list[Row]:
        """The rows of the next page that are new, inside the window and with their key."""
        source = self.list_spec
        keys = dict(zip(keys_of(source, page.rows, f"at offset {self.offset}"), page.rows, strict=True))
        fresh = [row for key, row in keys.items() if key not in self.seen]
        self.repeated = self.repeated or 0 < len(fresh) < len(keys)
        self.seen.update(keys)
        total = (page.total if source.endpoint.reliable_total else None) or self.total
        self.moved = self.moved or (self.total is not None and total != self.total)
        self.total = total
        exact = isinstance(source.endpoint.pagination, EXACT_OFFSET)
        self.offset += len(page.rows) if exact else source.endpoint.page_size
        # beyond the end page 1 comes again, and promises a next one
        more = total is None or total > len(self.seen) or (page.next is not None and self.offset < total)
        if isinstance(source.endpoint.pagination, CursorPaginator):
            self.done = self._ends(page)
        elif self.passes > 1:  # all of it once more: known rows are no end
            self.done = not page.rows or self.offset >= (total or 0)
        else:
            self.done = not fresh or not more
        return rows_within(source, fresh, self.window)

    def restart(self) -> bool:
        """Begin anew where rows have moved between pages and nothing but all of them once more can find them."""
        moved = self.moved or self.repeated or (self.total or 0) > len(self.seen)
        if not moved or self.passes >= MAX_PASSES or not isinstance(self.list_spec.endpoint.pagination, PageNumber):
            return False
        self.offset, self.total, self.moved, self.repeated, self.done = 0, None, False, False, False
        self.passes += 1
        return True

    def _ends(self, page: Page) -> bool:
        """Whether the portal gives no way on.

        Raises:
            UntrustedError: The way it gives leads back to where we are.
        """
        if page.cursor is not None and page.cursor == self.cursor:
            method = self.list_spec.endpoint.method
            text = f"{method}: the next page begins where this one did"
            raise UntrustedError(text, method=method)
        self.cursor = page.cursor
        return page.cursor is None

    def next_request(self, most: int) -> PageRequest:
        """The next pages: as many as are left by the count, or RAMP times as many as before."""
        if isinstance(self.list_spec.endpoint.pagination, EXACT_OFFSET):
            return PageRequest(list_spec=self.list_spec, window=self.window, offset=self.offset, cursor=self.cursor)
        asked = PageRequest(
            list_spec=self.list_spec, window=self.window, offset=self.offset, pages=min(self.pages, most)
        )
        left = None if self.total is None else ceil((self.total - self.offset) / self.list_spec.endpoint.page_size)
        return asked if left is None else replace(asked, pages=min(most, max(1, left)))


def read_by_offset(*sources: ListSpec, window: Window | None = None) -> Strategy:
    """Read by offset where nothing better works: duplicates dropped, the end is a page with nothing new.

    A legacy list answers page 1 again when the offset lies beyond its end; that is why an empty page is not
    waited for. `next` and `total` end it sooner where they are told: controllers leave them out in a batch.
    Several lists share their requests.

    Raises:
        UntrustedError: Fewer rows came than the portal counts.
    """
    yield from read_pages([OffsetReader(source, window) for source in sources])


def read_pages(lists: Sequence[OffsetReader]) -> Strategy:
    """Turn the pages of several lists to their ends."""
    while left := [each for each in lists if not each.done]:
        most = max(1, CHAIN_LENGTH // len(left))
        answers = yield from request_pages([each.next_request(most) for each in left])
        for each, answer in zip(left, answers, strict=True):
            yield from accept_pages(each, answer)


def accept_pages(turned: OffsetReader, answer: Answer) -> Iterator[StrategyEvent]:
    """Yield the rows of an answer that can be believed, and note whether the list has ended."""
    if answer.error is not None:
        if not is_ignorable(turned.list_spec, answer.error):
            raise answer.error
        turned.done = True
    for page in answer.pages:
        if rows := turned.accept(page):
            yield Rows(turned.list_spec, rows)
        if turned.done and turned.restart():
            return
        if turned.done:
            _check_complete(turned.list_spec, len(turned.seen), turned.total)
            if turned.moved:
                method = turned.list_spec.endpoint.method
                yield Notice(
                    f"{method}: rows came or went while it was read by offset; some may come with the next run"
                )
            return
    turned.pages *= CHAIN_GROWTH


def _check_complete(source: ListSpec, read: int, total: int | None) -> None:
    """Pages that overlap or repeat leave rows out without a word; only the portal's own count can tell."""
    if total is not None and read < total:
        method = source.endpoint.method
        text = f"{method}: read by offset, its pages hold {read} different rows of {total}; the others can't be had"
        raise UntrustedError(text, method=method)
