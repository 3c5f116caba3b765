"""Offset pagination, for lists that can't be read by id (docs/protocol.md §3).

Order: the portal's own, which may be none.

Checked: duplicate keys are dropped, and a list ends with a page that has no new key. An empty page is not waited for: a
legacy list answers page 1 again to an offset beyond its end. `next` and `total` end a list sooner where they are given
(controllers leave them out in a batch) and where `total` is reliable. Rows that move to a page that was read before are
missed. A changed `total` shows that rows may have moved, and yields a notice at the end. Lists of a site's own API are
read again after a changed `total`, a page with known and new keys, or fewer rows than `total`, up to MAX_PASSES times;
a notice is then given only if `total` changed during the last pass. Fewer rows than `total` fail the stream.

Cost: one request for a list of one page, else about ceil(rows / 2,500) + 2; several lists share requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tap_bitrix24.dialects.pagination import PageNumber
from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest, Window
from tap_bitrix24.replication.keyset_reader import CHAIN_GROWTH, CHAIN_LENGTH
from tap_bitrix24.replication.sub_strategies import request_pages
from tap_bitrix24.replication.validation import is_ignorable, keys_of, rows_within

MAX_PASSES = 4
"""How many times a list is read whose rows move between pages meanwhile."""


@dataclass(slots=True)
class _Pass:
    """State of one reading of a list from its first page to its last."""

    offset: int = 0
    total: int | None = None
    total_changed: bool = False
    """`total` changed meanwhile: rows may have moved to pages that were read before."""
    repeated: bool = False
    """A page held known and new rows: others may have been on no page."""
    done: bool = False


@dataclass(slots=True)
class OffsetReader:
    """State of the offset pagination of one list."""

    list_spec: ListSpec
    window: Window | None
    seen: set[Any] = field(default_factory=set)
    """Keys of the rows read so far."""
    pages: int = 1
    """Pages to request next where the length of the list is unknown."""
    current: _Pass = field(default_factory=_Pass)
    passes: int = 1
    """Passes begun, the current one included."""
    cursor: Any = None
    """Where the next page begins, where the portal says so itself."""

    @property
    def done(self) -> bool:
        """Whether the list has been read to its end."""
        return self.current.done

    def accept(self, page: Page) -> list[Row]:
        """Return the rows of the next page that are new and inside the window.

        Raises:
            UntrustedError: A row has no key, or the portal's cursor does not move on.
        """
        current = self.current
        keys = dict(zip(keys_of(self.list_spec, page.rows, f"at offset {current.offset}"), page.rows, strict=True))
        fresh = [row for key, row in keys.items() if key not in self.seen]
        current.repeated = current.repeated or 0 < len(fresh) < len(keys)
        self.seen.update(keys)
        endpoint = self.list_spec.endpoint
        total = (page.total if endpoint.reliable_total else None) or current.total
        current.total_changed = current.total_changed or (current.total is not None and total != current.total)
        current.total = total
        current.offset += len(page.rows) if endpoint.pagination.exact_offset else endpoint.page_size
        # an offset beyond the end brings page 1 again, with a `next`
        more = total is None or total > len(self.seen) or (page.next is not None and current.offset < total)
        if endpoint.pagination.uses_cursor:
            current.done = self._cursor_ends(page)
        elif self.passes > 1:  # all rows are read once more: known ones do not mean the end
            current.done = not page.rows or current.offset >= (total or 0)
        else:
            current.done = not fresh or not more
        return rows_within(self.list_spec, fresh, self.window)

    def restart(self) -> bool:
        """Start again from the first page, if rows have moved between pages and another pass can find them."""
        ended = self.current
        moved = ended.total_changed or ended.repeated or (ended.total or 0) > len(self.seen)
        if not moved or self.passes >= MAX_PASSES or not isinstance(self.list_spec.endpoint.pagination, PageNumber):
            return False
        self.current = _Pass()
        self.passes += 1
        return True

    def _cursor_ends(self, page: Page) -> bool:
        """Move to the page's cursor; returns True if it has none, which is the end.

        Raises:
            UntrustedError: The cursor is the one this page was requested with.
        """
        if page.cursor is not None and page.cursor == self.cursor:
            method = self.list_spec.endpoint.method
            text = f"{method}: the cursor for the next page is that of the current page"
            raise UntrustedError(text, method=method)
        self.cursor = page.cursor
        return page.cursor is None

    def next_request(self, max_pages: int) -> PageRequest:
        """Return the request for the next pages: those left by `total`, or CHAIN_GROWTH times as many as before."""
        endpoint = self.list_spec.endpoint
        pages = min(self.pages, max_pages)
        if endpoint.pagination.exact_offset:
            pages = 1
        elif self.current.total is not None:
            pages = min(max_pages, max(1, ceil((self.current.total - self.current.offset) / endpoint.page_size)))
        offset = self.current.offset
        return PageRequest(list_spec=self.list_spec, window=self.window, offset=offset, cursor=self.cursor, pages=pages)


def read_by_offset(*list_specs: ListSpec, window: Window | None = None) -> Strategy:
    """Read lists by offset, all in the same requests.

    Raises:
        UntrustedError: The pages hold fewer rows than the portal counts.
    """
    yield from read_pages([OffsetReader(each, window) for each in list_specs])


def read_pages(readers: Sequence[OffsetReader]) -> Strategy:
    """Read several lists from where their readers are to their ends."""
    while unfinished := [reader for reader in readers if not reader.done]:
        share = max(1, CHAIN_LENGTH // len(unfinished))
        answers = yield from request_pages([reader.next_request(share) for reader in unfinished])
        for reader, answer in zip(unfinished, answers, strict=True):
            yield from accept_pages(reader, answer)


def accept_pages(reader: OffsetReader, answer: Answer) -> Iterator[StrategyEvent]:
    """Yield the new rows of an answer, and note whether the list has ended."""
    if answer.error is not None:
        if not is_ignorable(reader.list_spec, answer.error):
            raise answer.error
        reader.current.done = True
    method = reader.list_spec.endpoint.method
    for page in answer.pages:
        if rows := reader.accept(page):
            yield Rows(reader.list_spec, rows)
        if reader.done and reader.restart():
            return
        if reader.done:
            _check_complete(method, len(reader.seen), reader.current.total)
            if reader.current.total_changed:
                yield Notice(
                    f"{method}: the number of rows changed during offset pagination; "
                    "rows that moved between pages may be missing until the next run"
                )
            return
    reader.pages *= CHAIN_GROWTH


def _check_complete(method: str, rows: int, total: int | None) -> None:
    """Compare the rows read with `total`: only that shows rows which overlapping or repeated pages left out."""
    if total is not None and rows < total:
        text = f"{method}: offset pagination returned {rows} different rows of {total}; the others cannot be read"
        raise UntrustedError(text, method=method)
