"""Offset pagination, for lists that can't be read by id (docs/protocol.md §3).

Order: the portal's own, which may be none.

Checked: duplicate keys are dropped. A list ends when as many rows have been read as `total` says, where it is given
(controllers leave it out in a batch), reliable, and not below the rows sent; otherwise with two answers without a new
key: an empty page, or page 1 again, which a legacy list answers to an offset beyond its end (see `absence`). Rows that
move to a page that was read before are missed. A changed `total` shows that rows may have moved, and yields a notice at
the end. Lists with `Pagination.several_passes` are read until another pass finds nothing that was missed (see
`passes`). Fewer rows than `total` fail the stream. A list that is refused does not stop the others; the stream fails
after them. A cursor that comes again, or leads through too many pages without a new row, fails the stream.

Cost: one request for a list of one page whose rows are counted, else about ceil(rows / 2,500) + 2; several lists share
requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from math import ceil
from typing import Any

from tap_bitrix24.errors import MissingMethodError, PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest, Window
from tap_bitrix24.replication.absence import (
    EmptyAnswers,
    ProvenEnd,
    check_any_list,
    count_read,
    no_cursor,
    no_such_list,
    whole_answer,
)
from tap_bitrix24.replication.keyset_reader import CHAIN_GROWTH, CHAIN_LENGTH
from tap_bitrix24.replication.passes import Pass, Passes, number_of
from tap_bitrix24.replication.sub_strategies import request_pages
from tap_bitrix24.replication.validation import keys_of, rows_within

MAX_FRUITLESS_PAGES = 50
"""Pages in a row without a new row through which cursors may lead: filtered pages can be empty, but not for ever."""
UNFILTERED = "reading all rows without the date filter, and selecting those of the period here"
"""What follows the refusal of a date filter; text of a notice."""


class Doubt(Enum):
    """What the last page leaves open."""

    NONE = auto()
    UNPROVEN = auto()
    """It brought nothing, and no proof that nothing follows: it is asked for again."""
    CONTRADICTED = auto()
    """It brought nothing, or a refusal, against what the portal has said: it is asked for again, alone."""


@dataclass(slots=True)
class IdOrder:
    """Whether the ids of a list ascend: rows in no order may be on no page, or on two, which only a count shows."""

    last_id: int = 0
    broken: bool = False

    def note(self, keys: Iterable[Any]) -> None:
        """Note the keys of further rows."""
        for each in map(number_of, keys):
            self.broken = self.broken or each <= self.last_id
            self.last_id = each


@dataclass(slots=True)
class OffsetReader:
    """State of the offset pagination of one list."""

    list_spec: ListSpec
    window: Window | None
    filtered: bool = True
    """The window is part of the requests; False: the portal can't filter by it, all rows are read and cut here."""
    order: IdOrder | None = None
    """Of a list that was to be read by id, but broke the rules of that."""
    seen: set[Any] = field(default_factory=set)
    """Keys of the rows read so far."""
    pages: int = 1
    """Pages to request next where the length of the list is unknown."""
    current: Pass = field(default_factory=Pass)
    """The pass over the list that is under way."""
    cursor: Any = None
    """Where the next page begins, where the portal says so itself."""
    cursors: set[str] = field(default_factory=set)
    """The cursors so far."""
    fruitless_pages: int = 0
    """Pages in a row that brought no new row."""
    refusal: PortalError | None = None
    """Why the list cannot be read any further; other lists of the stream are."""
    doubt: Doubt = Doubt.NONE
    total_is_short: bool = False
    """The portal has sent more rows than it counts."""
    short_page: bool = False
    """The last page was not full: likely the last one."""
    passes: Passes = field(init=False)
    """The passes that have ended."""
    empty_answers: EmptyAnswers = field(init=False)

    def __post_init__(self) -> None:
        """Start without any empty answer, or with that of another request."""
        self.passes = Passes(self.list_spec.endpoint.method)
        self.empty_answers = EmptyAnswers(self.list_spec)
        if self.list_spec.known_empty:
            self.empty_answers.note(self._position)

    @property
    def _position(self) -> Any:
        """Where the next page begins: the portal's cursor, or an offset."""
        return self.current.offset if self.cursor is None else self.cursor

    @property
    def end(self) -> ProvenEnd | None:
        """What proves that nothing follows, or None."""
        return self.current.end

    @property
    def done(self) -> bool:
        """Whether the list has been read as far as possible: to its proven end, or up to a refusal."""
        return self.end is not None or self.refusal is not None

    def accept(self, page: Page) -> list[Row]:
        """Return the rows of the next page that are new and inside the window.

        Raises:
            UntrustedError: A row has no key, or the portal's cursors lead nowhere.
        """
        current = self.current
        keys = dict(zip(keys_of(self.list_spec, page.rows, f"at offset {current.offset}"), page.rows, strict=True))
        fresh = [row for key, row in keys.items() if key not in self.seen]
        if self.order is not None:
            self.order.note(key for key in keys if key not in self.seen)
        self.seen.update(keys)
        self.fruitless_pages = 0 if fresh else self.fruitless_pages + 1
        new = current.add(keys, self.list_spec.endpoint.page_size)
        self._note_total(page, new)
        current.end = self._end_after(page)
        self.doubt = Doubt.NONE
        if not new and page.cursor is None and current.end is None:
            self._doubt_end()
        if self.doubt is Doubt.NONE:
            self._move_on(page)
        return rows_within(self.list_spec, fresh, self.window)

    def _note_total(self, page: Page, new: int) -> None:
        """Note `total` where it says how many rows the list has: one below the rows sent so far says nothing.

        Args:
            page: An answer.
            new: How many of its rows are new in this pass. An offset beyond the end brings page 1 again, most of whose
                rows are known.
        """
        endpoint, current = self.list_spec.endpoint, self.current
        if page.total is None or not endpoint.reliable_total:
            return
        sent = len(page.rows) + (0 if endpoint.pagination.uses_cursor else current.offset)
        if page.total < sent and (page.total == 0 or 2 * new > len(page.rows)):
            self.total_is_short = self.total_is_short or page.total > 0
            current.total = None
            return
        current.total_changed = current.total_changed or current.total not in {None, page.total}
        current.total = page.total

    def _move_on(self, page: Page) -> None:
        """Move to where the next page begins."""
        endpoint = self.list_spec.endpoint
        self.cursor = page.cursor
        self.cursors.add(repr(page.cursor))
        self.current.offset += len(page.rows) if endpoint.pagination.exact_offset else endpoint.page_size
        self.short_page = len(page.rows) < endpoint.page_size
        if self.short_page and not self._needs_count:
            self.empty_answers.note(self._position)

    def _end_after(self, page: Page) -> ProvenEnd | None:
        """Return the proof in a page that nothing follows it in this pass, or None.

        Raises:
            UntrustedError: Its cursor leads back.
        """
        current, pagination = self.current, self.list_spec.endpoint.pagination
        total = current.total
        if pagination.uses_cursor:
            self._check_cursor(page)
            return no_cursor(page)
        if pagination.single_page:
            return whole_answer(page, total)
        if pagination.several_passes and page.rows:  # where rows move, a pass may find fewer: another one follows
            return count_read(current.offset + len(page.rows), total)
        if page.next is not None and current.offset + self.list_spec.endpoint.page_size < (total or 0):
            return None  # an offset beyond the end brings page 1 again, with a `next`
        if current.offset == 0:  # rows that share a key are counted as well
            return count_read(max(len(page.rows), len(self.seen)), total)
        return count_read(len(self.seen), total)

    def _doubt_end(self) -> None:
        """Judge a page that brought nothing new and proves nothing: it is asked for again, or nothing follows it.

        Raises:
            UntrustedError: It brought nothing again and again, although more rows are counted.
        """
        rows_follow = True if self.current.total is not None and self.current.total > len(self.seen) else None
        if not self._may_be_counted:
            self.current.end = self.empty_answers.judge(self._position, rows_follow=rows_follow)
        if self.current.end is None:
            self.doubt = Doubt.CONTRADICTED if rows_follow else Doubt.UNPROVEN

    def note_error(self, error: PortalError) -> None:
        """Note what a page was answered with instead of rows: the list does not exist, or is to be asked again.

        Raises:
            PortalError: The error concerns more than this list.
        """
        end = no_such_list(self.list_spec, error, len(self.seen))
        if end is not None:
            self.current.end = end
        elif not isinstance(error, RejectedError):
            raise error
        elif self.doubt is Doubt.NONE:
            self.doubt = Doubt.CONTRADICTED
        elif self.filtered and self.window is not None and not self.seen:
            self.filtered, self.doubt = False, Doubt.NONE
        else:
            self.refusal = error

    def restart(self) -> bool:
        """Start again from the first page, if rows may have moved between pages and another pass can find them.

        Raises:
            UntrustedError: Every pass finds rows that the others lacked.
        """
        if not self.list_spec.endpoint.pagination.several_passes or not self.passes.next_is_needed(self.current):
            return False
        self.pages, self.current = max(1, self.current.pages), Pass()
        self.empty_answers = EmptyAnswers(self.list_spec)
        return True

    def _check_cursor(self, page: Page) -> None:
        """Check that the page's cursor leads on.

        Raises:
            UntrustedError: It has been used before, or cursors lead from one page without new rows to another.
        """
        method = self.list_spec.endpoint.method
        if page.cursor is not None and repr(page.cursor) in self.cursors:
            text = f"{method}: the cursor for the next page is that of an earlier page: cursors lead in a circle"
            raise UntrustedError(text, method=method)
        if self.fruitless_pages >= MAX_FRUITLESS_PAGES:
            text = f"{method}: {self.fruitless_pages} pages in a row hold no new row, and each names a next page"
            raise UntrustedError(text, method=method)

    @property
    def lacks_count(self) -> bool:
        """Whether the portal is to count the rows: a page brought nothing, and none said how many there are."""
        return self.doubt is not Doubt.NONE and self._may_be_counted

    @property
    def _may_be_counted(self) -> bool:
        by_itself = self.list_spec.endpoint.pagination.separate_count
        return by_itself and self.current.total is None and not self.current.count_requested

    @property
    def _needs_count(self) -> bool:
        """Whether a count is needed to know that no page skipped rows: the list has several, in no known order."""
        unordered = self.order is not None and self.order.broken
        return unordered and self.current.total is None and self.current.offset > 0

    def check_counted(self) -> None:
        """Refuse to take the list for whole if nothing shows that no page skipped rows."""
        if self._needs_count and self.refusal is None and len(self.seen) > self.list_spec.endpoint.page_size:
            method = self.list_spec.endpoint.method
            text = f"{method}: rows come in no order and are not counted: pages may have skipped some"
            self.refusal = UntrustedError(text, method=method)

    def accept_count(self, answer: Answer) -> None:
        """Note how many rows the portal counts; if it refuses, the page that brought nothing is asked for again.

        Raises:
            PortalError: The portal does not answer.
            UntrustedError: Several passes have found fewer rows.
        """
        self.current.count_requested = True
        if answer.error is not None and not isinstance(answer.error, (RejectedError, MissingMethodError)):
            raise answer.error
        total = answer.pages[0].total if answer.pages else None
        if total is not None:
            self.doubt, self.current.total = Doubt.NONE, total
            self.current.end = count_read(len(self.current.keys), total)
            self.restart()

    def first_request(self) -> PageRequest:
        """Return the request for the first page; for two where only the second shows that a short one is all."""
        endpoint = self.list_spec.endpoint
        self.pages = 1 if endpoint.counted_in_batch or endpoint.pagination.single_page else 2
        return self.next_request(self.pages)

    def next_request(self, max_pages: int) -> PageRequest:
        """Return the request for the next pages: those left by `total`, or CHAIN_GROWTH times as many as before."""
        endpoint = self.list_spec.endpoint
        pages = min(self.pages, max_pages)
        if endpoint.pagination.exact_offset or self.doubt is not Doubt.NONE:
            pages = 1
        elif self.current.total is not None:
            pages = min(max_pages, max(1, ceil((self.current.total - self.current.offset) / endpoint.page_size)))
        return PageRequest(
            list_spec=self.list_spec,
            window=self.window if self.filtered else None,
            offset=self.current.offset,
            cursor=self.cursor,
            pages=pages,
            alone=self.doubt is Doubt.CONTRADICTED or (self.doubt is Doubt.UNPROVEN and self._needs_count),
            counted=self.lacks_count,
        )


def read_by_offset(*list_specs: ListSpec, window: Window | None = None) -> Strategy:
    """Read lists by offset, all in the same requests.

    Raises:
        PortalError: Some lists were refused, or contradicted themselves; the others have been read.
    """
    readers = [OffsetReader(each, window) for each in list_specs]
    yield from read_to_ends(readers)
    check_read(readers)


def check_read(readers: Sequence[OffsetReader]) -> None:
    """Check that the lists of a stream have been read to their ends.

    Raises:
        PortalError: Some were refused, or contradicted themselves; or the portal has none of them.
    """
    for reader in readers:
        if reader.refusal is not None:
            raise reader.refusal
    check_any_list([(reader.list_spec, reader.end) for reader in readers])


def read_to_ends(readers: Sequence[OffsetReader]) -> Strategy:
    """Read several lists from where their readers are, each to its end or up to what it was refused with."""
    while unfinished := [reader for reader in readers if not reader.done]:
        share = max(1, CHAIN_LENGTH // len(unfinished))
        answers = yield from request_pages([reader.next_request(share) for reader in unfinished])
        for reader, answer in zip(unfinished, answers, strict=True):
            yield from accept_pages(reader, answer)


def accept_pages(reader: OffsetReader, answer: Answer) -> Iterator[StrategyEvent]:
    """Yield the new rows of an answer, and note whether the list has ended, or why it is read no further."""
    try:
        yield from _accept_pages(reader, answer)
    except UntrustedError as broken:
        reader.refusal = broken


def _accept_pages(reader: OffsetReader, answer: Answer) -> Iterator[StrategyEvent]:
    """Do so; raises UntrustedError if the list contradicts itself."""
    if reader.lacks_count:
        reader.accept_count(answer)
        return
    if answer.error is not None:
        filtered = reader.filtered
        reader.note_error(answer.error)
        if filtered and not reader.filtered:
            yield Notice(f"{answer.error}; {UNFILTERED}")
    method = reader.list_spec.endpoint.method
    for page in answer.pages:
        if rows := reader.accept(page):
            yield Rows(reader.list_spec, rows)
        if reader.doubt is not Doubt.NONE or (reader.done and reader.restart()):
            return
        if reader.done:
            if reader.total_is_short:
                yield Notice(f"{method}: the portal sends more rows than it counts; its count was not relied on")
            if reader.current.total_changed and not reader.list_spec.endpoint.pagination.several_passes:
                yield Notice(
                    f"{method}: the number of rows changed during offset pagination; "
                    "rows that moved between pages may be missing until the next run"
                )
            return
    reader.pages = 1 if reader.short_page else min(CHAIN_LENGTH, reader.pages * CHAIN_GROWTH)
