"""Incremental reading: date windows small enough to be a step, each read by id. Pure, like `reading`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import Answer, PageRequest, ReadRequest, Window
from tap_bitrix24.replication.keyset import chains, first_pages
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.strategy import request_pages

WINDOW_ROWS = 5_000
"""Rows a window should hold: two batches. A stopped run repeats no more than that."""
TOO_MANY = 3
"""A window that turned out to hold this many times WINDOW_ROWS is cut into CUT parts."""
CUT = 8
"""Not 2: what was read of the window is read again, and a burst after a silence takes many cuts to close in on."""
GROWTH = 4
"""A window is at most this many times as wide as the one before."""
SECOND = timedelta(seconds=1)


def read_windows(
    sources: Sequence[ListSpec],
    low: datetime,
    high: datetime,
    state: Callable[[datetime], Mapping[str, Any]],
) -> Strategy:
    """Read what was modified in [low, high), window by window, `Reached` after each.

    The first question takes all that is left. Only when its first page comes back full is one counted command
    spent; from then on a window is as wide as the ones before say it may be.

    Args:
        sources: Lists that make up the stream; a window is done when all of them are.
        low: Inclusive, UTC, whole seconds.
        high: Exclusive, not after the portal's clock at the start of the run.
        state: Window end → the STATE that says so.
    """
    narrowest = max(
        SECOND, *(2 * timedelta(seconds=s.replication_key.timezone_margin) for s in sources if s.replication_key)
    )
    start, width, counted = low, high - low, False
    cursors = [KeysetReader(source) for source in sources]
    while start < high:
        end = min(high, start + max(narrowest, _whole_seconds(width)))
        cursors = [cursor.for_window(Window(start, end)) for cursor in cursors]
        opening = first_pages(cursors)
        if not counted and end - start > narrowest:
            held, counted = yield from _counted_opening(opening, cursors)
            if held > WINDOW_ROWS:
                width = (end - start) * WINDOW_ROWS / held
                continue
        else:
            yield from opening
        if (yield from _read_on(cursors, splittable=end - start > narrowest)):
            width = (end - start) / CUT
            continue
        yield Checkpoint(state(end))
        held = sum(cursor.rows_read for cursor in cursors)
        width = (end - start) * min(GROWTH, WINDOW_ROWS / held if held else GROWTH)
        start = end


def _counted_opening(opening: Strategy, cursors: Sequence[KeysetReader]) -> SubStrategy[tuple[int, bool]]:
    """Ask the first pages; where the fullest list goes on, have it counted. Returns (rows, whether counted).

    Nothing is handed on before the size is known: a window that is too large is asked again in parts.
    """
    found: list[StrategyEvent] = []
    answers: list[Answer] | None = None
    while True:
        try:
            event = opening.send(answers)
        except StopIteration:
            break
        answers = None
        if isinstance(event, ReadRequest):
            answers = yield event
        else:
            found.append(event)
    full = next((cursor for cursor in cursors if cursor.last_page_full and not cursor.done), None)
    held = 0
    if full is not None:
        ask = PageRequest(list_spec=full.list_spec, window=full.window, after=0, counted=True)
        (answer,) = yield from request_pages([ask])
        held = (answer.pages[0].total or 0) if answer.pages else 0
    if held <= WINDOW_ROWS:
        yield from found
    return held, full is not None


def _read_on(cursors: Sequence[KeysetReader], *, splittable: bool) -> SubStrategy[bool]:
    """Read the window to its end; returns True if it holds far too much and should be cut instead.

    Rows handed on before that are right, and are simply read again in the parts.
    """
    reading = chains(cursors)
    answers: list[Answer] | None = None
    while True:
        if splittable and sum(cursor.rows_read for cursor in cursors) > TOO_MANY * WINDOW_ROWS:
            reading.close()
            return True
        try:
            event = reading.send(answers)
        except StopIteration:
            return False
        answers = yield event


def _whole_seconds(width: timedelta) -> timedelta:
    return timedelta(seconds=int(width.total_seconds()))
