"""Keyset pagination: several lists read by id, side by side, in chains of up to 50 pages a request.

Order: the rows of a list come in ascending order of ids, the lists take turns.

Checked: the server starts a chain again after a short page (docs/protocol.md §2.4), answers page 1 to an offset beyond
the end and drops filters it does not know, all without an error. So no page is trusted: ids must ascend from the last
one, rows must match the date filter, every row must have its key. Pages after a short page in a chain are discarded and
requested again. A list that breaks these rules on its first pages is read by offset; later, its stream fails
(docs/decisions.md#decision-10). An empty page ends a list only if `absence` finds it proven; it is asked again
otherwise. A list that is refused does not stop the others; the stream fails after them.

Cost: one request for lists of less than a page, ceil(rows / 2,500) + 2 for dense ids. Sparse ids cost hardly more,
because a chain goes from id to id and not through ranges of ids: one or two short chains after each large gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tap_bitrix24.errors import PortalError, RejectedError, UnreadableError, UntrustedError
from tap_bitrix24.model.event import Checkpoint, Notice, Rows, Strategy, SubStrategy
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.absence import check_any_list, no_such_list
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH, KeysetReader, prefetch_from
from tap_bitrix24.replication.narrowing import read_around
from tap_bitrix24.replication.offset import UNFILTERED, IdOrder, OffsetReader, read_to_ends
from tap_bitrix24.replication.reading_state import KeysetSupport, NoKeysetError, Phase
from tap_bitrix24.replication.sub_strategies import request_pages


def keyset(
    readers: Sequence[KeysetReader],
    *,
    resumable: Mapping[str, Any] | None = None,
    also: Callable[[], Sequence[PageRequest]] = tuple,
) -> SubStrategy[Sequence[Answer]]:
    """Read lists by id, side by side, up to 50 pages a request.

    The first request reads one page of each list and its newest id: small lists are finished with it, and large ones
    can be read in chains that do not run past the end, without the portal counting anything.

    Args:
        readers: One per list, each with the id to start after.
        resumable: If given, a checkpoint `{"snapshot": {"after": id, **resumable}}` follows each request: up to that
            id all rows of all lists have been read.
        also: Gives further page requests to send with the first chains, if there are any.

    Returns:
        The answers to the further page requests; none if they were not sent.

    Raises:
        PortalError: Some lists were refused; the others have been read.
    """
    yield from first_pages(readers)
    yield from _checkpoint(readers, resumable)
    return (yield from chains(readers, resumable=resumable, also=also))


def first_pages(readers: Sequence[KeysetReader], also: Sequence[PageRequest] = ()) -> SubStrategy[Sequence[Answer]]:
    """Read one page and the newest id of each list, in one request.

    Args:
        readers: One per list; those that do not support keyset pagination are left out.
        also: Further page requests to send with them.

    Returns:
        The answers to the further page requests.
    """
    by_id = [reader for reader in readers if reader.support is not KeysetSupport.MISSING]
    bounded = [reader for reader in by_id if reader.list_spec.endpoint.pagination.supports_descending]
    requests = [reader.page_request() for reader in by_id]
    newest_ids = [reader.newest_id_request() for reader in bounded]
    all_requests = [*requests, *newest_ids, *also]
    answers = iter((yield from request_pages(all_requests)) if all_requests else ())
    pages = [next(answers) for _ in requests]
    for reader in bounded:
        reader.learn_newest_id(next(answers))
    for reader, request, answer in zip(by_id, requests, pages, strict=True):
        yield from accept_answer(reader, request, answer)
    return list(answers)


def chains(
    readers: Sequence[KeysetReader],
    *,
    resumable: Mapping[str, Any] | None = None,
    also: Callable[[], Sequence[PageRequest]] = tuple,
) -> SubStrategy[Sequence[Answer]]:
    """Read all lists to their ends; those that do not support keyset pagination by offset.

    Args and what is returned: as of `keyset`.

    Raises:
        PortalError: Some lists were refused, or all are absent; the others have been read.
    """
    further: list[Answer] = []
    while unfinished := [reader for reader in readers if not reader.done]:
        if by_offset := [reader for reader in unfinished if reader.support is KeysetSupport.MISSING]:
            yield from _read_by_offset(by_offset)
            continue
        if doubted := [reader for reader in unfinished if reader.phase is Phase.DOUBTED]:
            yield from _ask_again(doubted)
            continue
        further_requests = [] if further else list(also())
        share = max(1, (CHAIN_LENGTH - len(further_requests)) // len(unfinished))
        requests = [reader.chain_request(share) for reader in unfinished]
        pages_left = sum(reader.pages_left for reader in unfinished)
        all_requests = [*requests, *further_requests]
        answers = yield from request_pages(all_requests, partial(prefetch_from, unfinished), pages_left=pages_left)
        further = further or answers[len(requests) :]
        for reader, request, answer in zip(unfinished, requests, answers, strict=False):
            yield from accept_answer(reader, request, answer)
        yield from _checkpoint(readers, resumable)
    for reader in readers:
        if (refusal := reader.refusal or reader.refusal_at_end) is not None:
            raise refusal
    check_any_list([(reader.list_spec, reader.end) for reader in readers])
    return further


def _read_by_offset(readers: Sequence[KeysetReader]) -> Strategy:
    """Read lists by offset, with the date bounds of their readers."""
    by_offset = [
        OffsetReader(reader.list_spec, reader.window, filtered=reader.filtered, order=IdOrder()) for reader in readers
    ]
    yield from read_to_ends(by_offset)
    for reader, read in zip(readers, by_offset, strict=True):
        read.check_counted()
        reader.end, reader.refusal = read.end, read.refusal


def _ask_again(readers: Sequence[KeysetReader]) -> Strategy:
    """Request the pages again that were empty without proof, and the newest ids."""
    requests = [reader.requests_in_doubt() for reader in readers]
    answers = iter((yield from request_pages([each for of_reader in requests for each in of_reader])))
    for reader, of_reader in zip(readers, requests, strict=True):
        *newest_ids, page = [next(answers) for _ in of_reader]
        for newest in newest_ids:
            reader.learn_newest_id(newest)
        yield from accept_answer(reader, of_reader[-1], page)


def _checkpoint(readers: Sequence[KeysetReader], resumable: Mapping[str, Any] | None) -> Iterator[Checkpoint]:
    unfinished = [reader.after for reader in readers if reader.end is None]
    if resumable is not None and unfinished and not any(reader.refusal_at_end for reader in readers):
        yield Checkpoint({"snapshot": {"after": min(unfinished), **resumable}})


def accept_answer(reader: KeysetReader, request: PageRequest, answer: Answer) -> Strategy:
    """Yield the rows of an answer that pass the reader's checks.

    A list that broke the rules after it had kept them, or that can't be read by offset, is read no further: the reader
    keeps that as its refusal.

    Raises:
        PortalError: The portal does not answer, or has no such method.
    """
    error, before = answer.error, reader.after
    try:
        if error is not None:
            yield from _accept_error(reader, error)
        elif rows := reader.accept(request, answer):
            yield Rows(reader.list_spec, rows)
    except NoKeysetError as broken:
        reader.after = before  # no checkpoint may pass rows of the pages before the broken one: they are not yielded
        if not reader.list_spec.endpoint.pagination.has_offset:
            reader.refusal = broken
            return
        yield Notice(f"{broken}; falling back to offset pagination: slower; rows that move between pages may be missed")
        reader.support = KeysetSupport.MISSING
    except (RejectedError, UntrustedError) as broken:
        reader.after, reader.refusal = before, broken


def _accept_error(reader: KeysetReader, error: PortalError) -> Strategy:
    """Go on after an error: around an unreadable row, or by asking again, alone; what is refused twice stays so.

    A list that refuses its first pages is then asked without the date filter, and at last by offset.

    Raises:
        NoKeysetError: The first pages are refused: strict lists refuse what lenient ones drop.
        PortalError: The error concerns more than this list.
    """
    if (end := no_such_list(reader.list_spec, error, reader.rows_read)) is not None:
        reader.end = end
    elif isinstance(error, UnreadableError):
        yield from read_around(reader, error)
    elif not isinstance(error, RejectedError):
        raise error
    elif reader.phase is not Phase.DOUBTED:
        reader.phase, reader.contradicted = Phase.DOUBTED, True
    elif reader.support is KeysetSupport.PROVEN:
        reader.refusal = error
    elif reader.requested_window is not None:
        yield Notice(f"{error}; {UNFILTERED}")
        reader.filtered, reader.phase = False, Phase.START
    else:
        raise NoKeysetError(str(error), code=error.code, method=error.method)
