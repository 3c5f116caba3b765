"""Reading around rows the portal cannot send: text that is not UTF-8 makes it refuse the whole answer.

The scheduler narrows a refused request down to one page. Here the page is narrowed down to the row, by ranges of ids,
and the row to the field, by `select`: all other rows and fields arrive (docs/protocol.md §1.4,
docs/decisions.md#decision-24).

Cost: about 2 * log2(ids of a page) requests to find the row, 2 * log2(fields) to find the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tap_bitrix24.errors import UnreadableError, UntrustedError
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.absence import EmptyAnswers
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.reading_state import Phase
from tap_bitrix24.replication.sub_strategies import request_pages
from tap_bitrix24.replication.validation import ids_of

MAX_LEFT_OUT = 10
"""Rows of a list that may be left out before it counts as refused as a whole."""
_HIGHEST_ID = 2**62
"""Up to which an unreadable row is looked for where the newest id is unknown."""


def read_around(reader: KeysetReader, error: UnreadableError) -> Strategy:
    """Read the rows of a page that holds an unreadable one, and that one without its unreadable fields.

    Where a row cannot be read without a field, because the method takes no `select`, the reader keeps the refusal. If
    no row is at fault and none is found, the page is asked for again.
    """
    empty_answers = EmptyAnswers(reader.list_spec)
    width = reader.list_spec.endpoint.page_size
    before, enough = reader.after, reader.rows_read + width
    low, highest = reader.after, _HIGHEST_ID if reader.newest_id is None else reader.newest_id
    while not reader.done and reader.rows_read < enough and low < highest:
        answer = yield from _range(reader, low, low + width)
        if answer is None and width > 1:
            width = (width + 1) // 2
        elif answer is None:
            yield from _read_without_fields(reader, low + 1, error)
            return
        elif answer.pages[0].rows:
            yield from accepted(reader, low, low + width, answer)
            low = reader.after
        elif empty_answers.judge(low, rows_follow=None) is not None:
            low, width = low + width, width * 2
    if reader.after > before:  # the page that was refused lies behind: read on as usual
        return
    if reader.phase is Phase.DOUBTED:
        reader.refusal = error
    reader.phase, reader.contradicted = Phase.DOUBTED, True


def accepted(reader: KeysetReader, low: int, high: int, answer: Answer) -> Iterator[StrategyEvent]:
    """Yield the rows of a range that pass the reader's checks."""
    request = PageRequest(list_spec=reader.list_spec, window=reader.requested_window, after=low, up_to=high)
    if rows := reader.accept(request, answer):
        yield Rows(reader.list_spec, rows)


def _range(
    reader: KeysetReader, low: int, high: int, select: Sequence[str] | None = None
) -> SubStrategy[Answer | None]:
    """Request the rows of a range of ids; returns None if one of them is unreadable.

    Raises:
        UntrustedError: The portal answers with other rows.
        PortalError: It refuses the request for another reason.
    """
    request = PageRequest(
        list_spec=reader.list_spec,
        window=reader.requested_window,
        after=low,
        up_to=high,
        select=select,
        alone=True,
    )
    (answer,) = yield from request_pages([request])
    if isinstance(answer.error, UnreadableError):
        return None
    if answer.error is not None:
        raise answer.error
    ids = ids_of(reader.list_spec, answer.pages[0].rows, f"after id {low}")
    if not all(low < each <= high for each in ids):
        method = reader.list_spec.endpoint.method
        text = f"{method}: a row of another id than {low + 1} to {high}: the method cannot be asked for a range of ids"
        raise UntrustedError(text, method=method)
    return answer


def _leave_out(reader: KeysetReader, row_id: int, error: UnreadableError) -> None:
    """Go on after a row that can't be read at all; the stream fails at its end, or now if there are too many."""
    endpoint = reader.list_spec.endpoint
    text = f"{endpoint.method}: row {row_id} holds text that is not UTF-8 and cannot be read"
    reader.refusal_at_end = reader.refusal_at_end or UnreadableError(text, code=error.code, method=endpoint.method)
    reader.after, reader.left_out = row_id, reader.left_out + 1
    if reader.left_out > MAX_LEFT_OUT:
        reader.refusal = error


def _read_without_fields(reader: KeysetReader, row_id: int, error: UnreadableError) -> Strategy:
    """Read one row field by field where necessary; go on after it."""
    endpoint = reader.list_spec.endpoint
    names = [name for name in reader.selectable_names if name != endpoint.request_key]
    if not endpoint.select_param or not names:
        _leave_out(reader, row_id, error)
        return
    if (yield from _range(reader, row_id - 1, row_id, [endpoint.request_key, *endpoint.required_select])) is None:
        reader.refusal = error  # an id holds no text: it is not the row that the portal refuses
        return
    row: Row = {}
    unreadable: list[str] = []
    parts, empty_answers = [names], EmptyAnswers(reader.list_spec)
    while parts:
        part = parts.pop()
        answer = yield from _range(reader, row_id - 1, row_id, [endpoint.request_key, *endpoint.required_select, *part])
        if answer is None and len(part) > 1:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
        elif answer is None:
            unreadable += part
        elif answer.pages[0].rows:
            row |= answer.pages[0].rows[0]
        elif empty_answers.judge(part, rows_follow=None) is None:
            parts.append(part)  # an empty answer alone would leave out readable fields
        else:  # the row was deleted meanwhile
            reader.after = row_id
            return
    yield from accepted(reader, row_id - 1, row_id, Answer([Page([row])]))
    if unreadable:
        fields = ", ".join(sorted(unreadable))
        yield Notice(f"{endpoint.method}: row {row_id} arrives without {fields}: text that is not UTF-8")
