"""Full-table strategies: lists read whole on every run, without a bookmark.

`read_all_by_id` is keyset pagination (see `keyset`) of all rows. `read_whole` is for lists that fit into one answer or
can't be read by id: the first pages of all lists come in one request, in the order of the lists, and only those that
have more are read on by offset (see `offset`, also for what is checked). Cost: one request for up to 50 lists of one
page each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import OffsetReader, accept_pages, read_pages
from tap_bitrix24.replication.sub_strategies import handle_events, request_pages
from tap_bitrix24.replication.validation import Deduplicator, is_ignorable, keys_of


def read_all_by_id(list_specs: Sequence[ListSpec]) -> Strategy:
    """Read all rows of a stream by id, without checkpoints."""
    yield from keyset([KeysetReader(each) for each in list_specs])


def read_whole(
    list_specs: Sequence[ListSpec], missing: Callable[[ListSpec, PortalError], bool] = is_ignorable
) -> Strategy:
    """Read the first pages of lists in one request, and further pages where there are some.

    Args:
        list_specs: The lists.
        missing: Whether an error means that a list does not exist on this portal: it has no rows then.
    """
    answers = yield from request_pages([PageRequest(list_spec=each, offset=0) for each in list_specs])
    first_pages: list[tuple[ListSpec, Page]] = []
    for list_spec, answer in zip(list_specs, answers, strict=True):
        if answer.error is None:
            first_pages.append((list_spec, answer.pages[0]))
        elif not missing(list_spec, answer.error):
            raise answer.error
    yield from read_remaining(first_pages)


def read_remaining(first_pages: Sequence[tuple[ListSpec, Page]]) -> Strategy:
    """Yield the rows of lists whose first pages have been read, and read the pages after them, if any."""
    continued: list[OffsetReader] = []
    restarted: list[OffsetReader] = []
    for list_spec, page in first_pages:
        reader = OffsetReader(list_spec, None)
        if list_spec.endpoint.pagination.exact_offset:
            continued.append(reader)
            yield from accept_pages(reader, Answer([page]))
        elif _has_more(list_spec, page):
            restarted.append(reader)
        elif page.rows:
            yield from _only_page(list_spec, page)
    yield from read_pages([*continued, *restarted])


def _has_more(list_spec: ListSpec, page: Page) -> bool:
    """Whether pages follow the first one; a full page without a reliable total may have a next one."""
    endpoint = list_spec.endpoint
    if page.next is not None:
        return True
    if endpoint.pagination.single_page:
        return False
    if page.total is None or not endpoint.reliable_total:
        return len(page.rows) >= endpoint.page_size
    return page.total > len(page.rows)


def _only_page(list_spec: ListSpec, page: Page) -> Iterator[StrategyEvent]:
    keys = keys_of(list_spec, page.rows, "at offset 0")
    if len(set(keys)) < len(keys):
        duplicates = ", ".join(sorted({str(key) for key in keys if keys.count(key) > 1}))
        yield Notice(f"{list_spec.endpoint.method}: duplicate primary key {duplicates}; keeping the last row")
    yield Rows(list_spec, page.rows)


def deduplicated(strategy: Strategy) -> Strategy:
    """Yield each row of a strategy once, where the lists it reads belong to one stream and may overlap."""
    deduplicate = Deduplicator()

    def handle(event: StrategyEvent) -> Strategy:
        yield Rows(event.list_spec, deduplicate(event.list_spec, event.rows)) if isinstance(event, Rows) else event

    yield from handle_events(strategy, handle)
