"""Incremental reading: all rows modified in [low, high), in date windows of about 5,000 rows.

Order: windows ascend by date, with a checkpoint after each; inside a window rows come by id (see `keyset`), so a row
that is modified meanwhile can't move to a page that was read before.

Checked: a window is half-open, and its rows are compared with it again here, because the portal drops filters it does
not know and reads some bounds in another time zone (docs/protocol.md §4). `total` decides nothing but how wide a window
is: counting is expensive for the portal and not always right.

Cost: one request when fewer than a page of rows were modified. Otherwise one counted command per run, then about
ceil(rows / 2,500) + 2 requests per window. A window that turns out too large is read again in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import PageRequest, Window
from tap_bitrix24.replication.keyset import chains, first_pages
from tap_bitrix24.replication.keyset_reader import KeysetReader, Phase
from tap_bitrix24.replication.sub_strategies import handle_events, request_pages

WINDOW_ROWS = 5_000
"""Rows a window should hold: two batches. A stopped run repeats no more than that."""
TOO_MANY = 3
"""A window that turns out to hold this many times WINDOW_ROWS is cut into CUT parts."""
CUT = 8
"""Parts such a window is cut into: each cut reads rows again, so halving would cost more where rows cluster in time."""
GROWTH = 4
"""A window is at most this many times as wide as the one before."""
SECOND = timedelta(seconds=1)


def read_windows(
    list_specs: Sequence[ListSpec],
    low: datetime,
    high: datetime,
    state: Callable[[datetime], Mapping[str, Any]],
) -> Strategy:
    """Read the rows modified in [low, high), window by window, with a checkpoint after each.

    The first window takes the whole range. Only if its first page is full is one counted command spent; from then on
    the number of rows in a window sets the width of the next.

    Args:
        list_specs: The lists that make up the stream; a window is finished when all of them are.
        low: Inclusive, UTC, whole seconds.
        high: Exclusive, not after the portal's clock at the start of the run.
        state: Returns the STATE for the end of a finished window.
    """
    keys = [each.replication_key for each in list_specs if each.replication_key]
    narrowest = max(SECOND, *(2 * timedelta(seconds=key.timezone_margin) for key in keys))
    start, width, counted = low, high - low, False
    readers = [KeysetReader(each) for each in list_specs]
    while start < high:
        end = min(high, start + max(narrowest, _whole_seconds(width)))
        readers = [reader.for_window(Window(start, end)) for reader in readers]
        splittable = end - start > narrowest
        if not counted and splittable:
            rows, counted = yield from _counted_first_pages(readers)
            if rows > WINDOW_ROWS:
                width = (end - start) * WINDOW_ROWS / rows
                continue
        else:
            yield from first_pages(readers)
        if not (yield from _read_to_end(readers, splittable=splittable)):
            width = (end - start) / CUT
            continue
        yield Checkpoint(state(end))
        rows = sum(reader.rows_read for reader in readers)
        width = (end - start) * min(GROWTH, WINDOW_ROWS / rows if rows else GROWTH)
        start = end


def _counted_first_pages(readers: Sequence[KeysetReader]) -> SubStrategy[tuple[int, bool]]:
    """Read the first page of each list; count the rows of the first list that has more.

    Events are held back until the size is known: a window that is too large is requested again in parts.

    Returns:
        Rows in the window as counted by the portal, 0 if unknown; and whether a counted command was spent.
    """
    events: list[StrategyEvent] = []

    def hold_back(event: StrategyEvent) -> Strategy:
        events.append(event)
        yield from ()

    yield from handle_events(first_pages(readers), hold_back)
    unfinished = next((reader for reader in readers if reader.phase is Phase.MORE), None)
    rows = 0
    if unfinished is not None:
        request = PageRequest(list_spec=unfinished.list_spec, window=unfinished.window, after=0, counted=True)
        (answer,) = yield from request_pages([request])
        rows = (answer.pages[0].total or 0) if answer.pages else 0
    if rows <= WINDOW_ROWS:
        yield from events
    return rows, unfinished is not None


def _read_to_end(readers: Sequence[KeysetReader], *, splittable: bool) -> SubStrategy[bool]:
    """Read the rest of a window; returns False if it holds far too many rows and should be cut.

    Rows yielded before the cut are correct; they are read again in the parts.
    """

    def too_many() -> bool:
        return splittable and sum(reader.rows_read for reader in readers) > TOO_MANY * WINDOW_ROWS

    return (yield from handle_events(chains(readers), stop=too_many))


def _whole_seconds(width: timedelta) -> timedelta:
    return timedelta(seconds=int(width.total_seconds()))
