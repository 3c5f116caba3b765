"""Full-table strategies: lists read whole on every run, by id or in one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tap_bitrix24.dialects.pagination import EXACT, Unpaged
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import Source
from tap_bitrix24.model.event import Event, Reading, Rows, Warned
from tap_bitrix24.model.request import Answer, Ask, Page
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import Cursor
from tap_bitrix24.replication.offset import _turn, _Turned, _turned
from tap_bitrix24.replication.strategy import through, want
from tap_bitrix24.replication.validation import Once, keys_of, tolerates


def everything(sources: Sequence[Source]) -> Reading:
    """Read a stream whole, by id; nothing to resume from."""
    yield from keyset([Cursor(source) for source in sources])


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
