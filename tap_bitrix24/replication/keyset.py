"""Keyset pagination: several lists read by id, side by side, in chains of up to 50 pages a request.

The server restarts a chain behind a short page, wraps an offset beyond the end to page 1 and drops filters it
does not know, all without an error. So no page is trusted: ids must rise above the last one, rows must obey
the filter, every row must have its key. What follows a short page in a chain is thrown away and asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tap_bitrix24.dialects.pagination import ONE_WAY
from tap_bitrix24.errors import RejectedError
from tap_bitrix24.model.event import Reached, Reading, Rows, Warned
from tap_bitrix24.model.request import Answer, Ask
from tap_bitrix24.replication.keyset_reader import CHAIN, Cursor, NoKeysetError, ahead_of
from tap_bitrix24.replication.offset import offsets
from tap_bitrix24.replication.strategy import want
from tap_bitrix24.replication.validation import tolerates


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
