"""Full-table strategies: lists read whole on every run, by id or in one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tap_bitrix24.dialects.pagination import EXACT_OFFSET, SinglePage
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import OffsetReader, accept_pages, read_pages
from tap_bitrix24.replication.strategy import handle_events, request_pages
from tap_bitrix24.replication.validation import Deduplicator, is_ignorable, keys_of


def read_all_by_id(sources: Sequence[ListSpec]) -> Strategy:
    """Read a stream whole, by id; nothing to resume from."""
    yield from keyset([KeysetReader(source) for source in sources])


def read_whole(
    sources: Sequence[ListSpec], missing: Callable[[ListSpec, PortalError], bool] = is_ignorable
) -> Strategy:
    """Read lists that come in one answer, all in one request; page on only where an answer says so.

    Args:
        sources: The lists.
        missing: Whether an error says that a list does not exist here: it has no rows then.
    """
    answers = yield from request_pages([PageRequest(list_spec=source, offset=0) for source in sources])
    firsts: list[tuple[ListSpec, Page]] = []
    for source, answer in zip(sources, answers, strict=True):
        if answer.error is None:
            firsts.append((source, answer.pages[0]))
        elif not missing(source, answer.error):
            raise answer.error
    yield from read_remaining(firsts)


def read_remaining(firsts: Sequence[tuple[ListSpec, Page]]) -> Strategy:
    """The rows of lists whose first pages are here, and the pages that follow them, if any do."""
    longer: list[ListSpec] = []
    begun: list[OffsetReader] = []
    for source, page in firsts:
        endpoint = source.endpoint
        if isinstance(endpoint.pagination, EXACT_OFFSET):
            begun.append(OffsetReader(source, None))
            yield from accept_pages(begun[-1], Answer([page]))
            continue
        uncounted = page.total is None or not endpoint.reliable_total
        full = uncounted and len(page.rows) >= endpoint.page_size and not isinstance(endpoint.pagination, SinglePage)
        unfinished = (
            not uncounted and (page.total or 0) > len(page.rows) and not isinstance(endpoint.pagination, SinglePage)
        )
        if page.next is not None or full or unfinished:
            longer.append(source)
        elif page.rows:
            yield from _only_page(source, page)
    yield from read_pages([*begun, *(OffsetReader(source, None) for source in longer)])


def _only_page(source: ListSpec, page: Page) -> Iterator[StrategyEvent]:
    keys = keys_of(source, page.rows, "of its only page")
    if len(set(keys)) < len(keys):
        again = sorted({str(key) for key in keys if keys.count(key) > 1})
        yield Notice(f"{source.endpoint.method}: more than one row has the key {', '.join(again)}; the last counts")
    yield Rows(source, page.rows)


def deduplicated(reading: Strategy) -> Strategy:
    """Each row once, where the lists a strategy reads are one stream's and may overlap."""
    once = Deduplicator()

    def handle(event: StrategyEvent) -> Strategy:
        yield Rows(event.list_spec, once(event.list_spec, event.rows)) if isinstance(event, Rows) else event

    yield from handle_events(reading, handle)
