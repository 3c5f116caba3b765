"""Full-table strategies: lists read whole on every run, without a bookmark.

`read_all_by_id` is keyset pagination (see `keyset`) of all rows. `read_whole` is for lists that fit into one answer or
can't be read by id: the first pages of all lists come in one request, in the order of the lists, and only those that
have more are read on by offset (see `offset`, also for what is checked). Cost: one request for up to 50 lists of one
page each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import OffsetReader, accept_pages, check_read, read_to_ends
from tap_bitrix24.replication.sub_strategies import handle_events, request_pages
from tap_bitrix24.replication.validation import Deduplicator, keys_of


def read_all_by_id(list_specs: Sequence[ListSpec]) -> Strategy:
    """Read all rows of a stream by id, without checkpoints."""
    yield from keyset([KeysetReader(each) for each in list_specs])


def read_whole(list_specs: Sequence[ListSpec]) -> Strategy:
    """Read the first pages of lists in one request, and further pages where there are some.

    Raises:
        PortalError: Some lists were refused; the others have been read.
    """
    readers = [OffsetReader(each, None) for each in list_specs]
    answers = yield from request_pages([reader.first_request() for reader in readers])
    yield from read_remaining(list(zip(readers, answers, strict=True)))


def read_remaining(first_answers: Sequence[tuple[OffsetReader, Answer]]) -> Strategy:
    """Yield the rows of lists whose first pages have been answered, and read the pages after them, if any.

    Raises:
        PortalError: Some lists were refused; the others have been read.
    """
    yield from read_on(first_answers)
    check_read([reader for reader, _ in first_answers])


def read_on(first_answers: Sequence[tuple[OffsetReader, Answer]]) -> Strategy:
    """Yield the rows of such lists, each to its end or up to what it was refused with; its reader keeps that.

    A list of many pages is read again from its beginning: its pages are then parts of one request, between which rows
    have less time to move.
    """
    for reader, answer in first_answers:
        if answer.error is None and _has_more(reader.list_spec, answer.pages[0]):
            reader.pages = 1
            continue
        for page in answer.pages[:1]:
            yield from _duplicate_keys(reader.list_spec, page)
        yield from accept_pages(reader, answer)
    yield from read_to_ends([reader for reader, _ in first_answers])


def _has_more(list_spec: ListSpec, page: Page) -> bool:
    """Whether pages certainly follow the first one."""
    endpoint = list_spec.endpoint
    if endpoint.pagination.exact_offset or endpoint.pagination.single_page:
        return False
    return page.next is not None or len(page.rows) >= endpoint.page_size


def _duplicate_keys(list_spec: ListSpec, page: Page) -> Iterator[Notice]:
    """Yield a notice if rows of a first page share their primary key."""
    keys = keys_of(list_spec, page.rows, "at offset 0")
    if len(set(keys)) < len(keys):
        duplicates = ", ".join(sorted({str(key) for key in keys if keys.count(key) > 1}))
        yield Notice(f"{list_spec.endpoint.method}: duplicate primary key {duplicates}; keeping the last row")


def deduplicated(strategy: Strategy) -> Strategy:
    """Yield each row of a strategy once, where the lists it reads belong to one stream and may overlap."""
    deduplicate = Deduplicator()

    def handle(event: StrategyEvent) -> Strategy:
        yield Rows(event.list_spec, deduplicate(event.list_spec, event.rows)) if isinstance(event, Rows) else event

    yield from handle_events(strategy, handle)
