"""Keyset pagination: several lists read by id, side by side, in chains of up to 50 pages a request.

The server restarts a chain behind a short page, wraps an offset beyond the end to page 1 and drops filters it
does not know, all without an error. So no page is trusted: ids must rise above the last one, rows must obey
the filter, every row must have its key. What follows a short page in a chain is thrown away and asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tap_bitrix24.dialects.pagination import ASCENDING_ONLY
from tap_bitrix24.errors import RejectedError
from tap_bitrix24.model.event import Checkpoint, Notice, Rows, Strategy
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH, KeysetReader, NoKeysetError, prefetch_from
from tap_bitrix24.replication.offset import read_by_offset
from tap_bitrix24.replication.strategy import request_pages
from tap_bitrix24.replication.validation import is_ignorable


def keyset(cursors: Sequence[KeysetReader], *, resumable: Mapping[str, Any] | None = None) -> Strategy:
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


def first_pages(cursors: Sequence[KeysetReader]) -> Strategy:
    """One page and the newest id of each source, in one request."""
    keyed = [cursor for cursor in cursors if not cursor.needs_offset]
    told = [cursor for cursor in keyed if cursor.list_spec.endpoint.pagination.supports_descending]
    pages = [cursor.page_request() for cursor in keyed]
    answers = (yield from request_pages([*pages, *(cursor.newest_id_request() for cursor in told)])) if pages else []
    for cursor, newest in zip(told, answers[len(keyed) :], strict=True):
        cursor.learn_newest_id(newest)
    for cursor, ask, page in zip(keyed, pages, answers, strict=False):
        yield from accept_answer(cursor, ask, page)


def chains(cursors: Sequence[KeysetReader], *, resumable: Mapping[str, Any] | None = None) -> Strategy:
    """Go on until every cursor has seen its end."""
    while left := [cursor for cursor in cursors if not cursor.done]:
        if keyless := [cursor for cursor in left if cursor.needs_offset]:
            yield from read_by_offset(*(cursor.list_spec for cursor in keyless), window=keyless[0].window)
            for cursor in keyless:
                cursor.done = True
            continue
        share = max(1, CHAIN_LENGTH // len(left))
        asks = [cursor.chain_request(share) for cursor in left]
        answers = yield from request_pages(
            asks, partial(prefetch_from, left), left=sum(cursor.pages_left for cursor in left)
        )
        for cursor, ask, answer in zip(left, asks, answers, strict=True):
            yield from accept_answer(cursor, ask, answer)
        yield from _checkpoint(cursors, resumable)


def _checkpoint(cursors: Sequence[KeysetReader], resumable: Mapping[str, Any] | None) -> Iterator[Checkpoint]:
    open_ones = [cursor.after for cursor in cursors if not cursor.done]
    if resumable is not None and open_ones:
        yield Checkpoint({"snapshot": {"after": min(open_ones), **resumable}})


def accept_answer(cursor: KeysetReader, ask: PageRequest, answer: Answer) -> Strategy:
    """Hand on what a cursor believes of an answer."""
    error = answer.error
    if error is not None and is_ignorable(cursor.list_spec, error):
        cursor.done = True
        return
    try:
        if error is not None:
            raise _no_keyset(error) if isinstance(error, RejectedError) and not cursor.keyset_proven else error
        rows = cursor.accept(ask, answer)
    except NoKeysetError as told:
        if isinstance(cursor.list_spec.endpoint.pagination, ASCENDING_ONLY):
            raise
        yield Notice(f"{told}. Reading this list by offset: slower, and blind to rows moved meanwhile.")
        cursor.needs_offset = True
        return
    if rows:
        yield Rows(cursor.list_spec, rows)


def _no_keyset(error: RejectedError) -> NoKeysetError:
    """A strict list refuses a filter or an order by id that a lenient one would drop."""
    return NoKeysetError(str(error), code=error.code, method=error.method)
