"""Incremental reading: all rows modified in [low, high), in date windows of about 5,000 rows.

Order: windows ascend by date, with a checkpoint after each; inside a window rows come by id (see `keyset`), so a row
that is modified meanwhile can't move to a page that was read before.

Checked: a window is half-open, and its rows are compared with it again here, because the portal drops filters it does
not know and reads some bounds in another time zone (docs/protocol.md §4). No window is finished before the filter has
found a row that is known to be there (see `filter_probe`); with one that does not, all rows are read, and cut here.
`total` decides nothing but how wide a window is: counting is expensive for the portal and not always right.

Cost: one request when fewer than a page of rows were modified. Otherwise one counted command per run, then about
ceil(rows / 2,500) + 2 requests per window. A window that turns out too large is read again in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Notice, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import DateKey, PageRequest, Window
from tap_bitrix24.replication.filter_probe import FilterProbes
from tap_bitrix24.replication.keyset import chains, first_pages
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.reading_state import Phase
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
UNUSABLE = (
    "the portal's date filter does not find a row by its own date; "
    "reading all rows, and selecting those of the period here: slower"
)
"""Text of a notice."""


def window_readers(
    lists: Sequence[ListSpec], window: Window, probes: FilterProbes, *, after: int = 0, filtered: bool = True
) -> list[KeysetReader]:
    """Return readers of the rows of a window: two for a list whose rows have no replication key until first edited.

    Args:
        lists: The lists that make up the stream.
        window: The date bounds.
        probes: What is known of the date filters.
        after: Only rows after this id.
        filtered: The portal's date filter is used; False: all rows are requested, and cut here.
    """
    date_keys = (DateKey.MODIFIED, DateKey.CREATED) if filtered else (DateKey.MODIFIED,)
    return [
        KeysetReader(
            each,
            after=after,
            window=replace(window, date_key=date_key, exact=probes.is_exact(each)),
            filtered=filtered,
        )
        for date_key in date_keys
        for each in lists
        if date_key is DateKey.MODIFIED or (each.replication_key and each.replication_key.created)
    ]


def read_windows(
    list_specs: Sequence[ListSpec],
    low: datetime,
    high: datetime,
    state: Callable[[datetime], Mapping[str, Any]],
    probes: FilterProbes,
) -> Strategy:
    """Read the rows modified in [low, high), window by window, with a checkpoint after each.

    The first window takes the whole range. Only if its first page is full is one counted command spent; from then on
    the number of rows in a window sets the width of the next.

    Args:
        list_specs: The lists that make up the stream; a window is finished when all of them are.
        low: Inclusive, UTC, whole seconds.
        high: Exclusive, not after the portal's clock at the start of the run.
        state: Returns the STATE for the end of a finished window.
        probes: What is known of the date filters; they are tried with the first window if they have to be.
    """
    start, width, counted = low, high - low, False
    readers = window_readers(list_specs, Window(low, high), probes)
    while start < high:
        narrowest = _narrowest(list_specs, probes)
        end = min(high, start + max(narrowest, _whole_seconds(width)))
        readers = [_moved(reader, start, end, probes) for reader in readers]
        splittable = end - start > narrowest
        rows, spent = yield from _first_pages(readers, probes, count=splittable and not counted)
        counted = counted or spent
        if probes.unusable or not all(reader.filtered for reader in readers):
            yield from _read_unfiltered(list_specs, Window(start, high), probes)
            yield Checkpoint(state(high))
            return
        if any(reader.window and reader.window.exact and not probes.is_exact(reader.list_spec) for reader in readers):
            continue  # bounds were exact, as in earlier runs, and must be widened now
        if rows > WINDOW_ROWS or not (yield from _read_to_end(readers, splittable=splittable)):
            width = (end - start) / (rows / WINDOW_ROWS if rows > WINDOW_ROWS else CUT)
            continue
        yield Checkpoint(state(end))
        start, width = end, _next_width(end - start, readers)


def _next_width(width: timedelta, readers: Sequence[KeysetReader]) -> timedelta:
    """Return the width of the next window, by the rows in the last one."""
    rows = sum(reader.rows_read for reader in readers)
    return width * min(GROWTH, WINDOW_ROWS / rows if rows else GROWTH)


def _moved(reader: KeysetReader, low: datetime, high: datetime, probes: FilterProbes) -> KeysetReader:
    """Return a reader of the same kind for other bounds."""
    exact = probes.is_exact(reader.list_spec)
    return reader.for_window(replace(reader.window or Window(), low=low, high=high, exact=exact))


def _narrowest(list_specs: Sequence[ListSpec], probes: FilterProbes) -> timedelta:
    """Return the narrowest window: twice the margin its bounds are widened by, or one second."""
    keys = [each.replication_key for each in list_specs if each.replication_key and not probes.is_exact(each)]
    return max([SECOND, *(2 * timedelta(seconds=key.timezone_margin) for key in keys)])


def _first_pages(
    readers: Sequence[KeysetReader], probes: FilterProbes, *, count: bool
) -> SubStrategy[tuple[int, bool]]:
    """Read the first page of each list, try the filter if that is due, and count the rows of the first list with more.

    Events are held back until the filter has proved itself and the size is known: a window that is too large is
    requested again in parts.

    Returns:
        Rows in the window as counted by the portal, 0 if unknown; and whether a counted command was spent.
    """
    events: list[StrategyEvent] = []

    def hold_back(event: StrategyEvent) -> Strategy:
        events.append(event)
        yield from ()

    def pages() -> Strategy:
        answers = yield from first_pages(readers, probes.first_requests())
        yield from probes.conclude(answers)

    yield from handle_events(pages(), hold_back)
    unfinished = next((reader for reader in readers if reader.phase is Phase.MORE and reader.end is None), None)
    rows, spent = 0, False
    if count and unfinished is not None and not probes.unusable:
        request = PageRequest(list_spec=unfinished.list_spec, window=unfinished.window, after=0, counted=True)
        (answer,) = yield from request_pages([request])
        rows, spent = (answer.pages[0].total or 0) if answer.pages else 0, True
    if rows <= WINDOW_ROWS and not probes.unusable:
        yield from events
    return rows, spent


def _read_unfiltered(list_specs: Sequence[ListSpec], window: Window, probes: FilterProbes) -> Strategy:
    """Read all rows, and yield those of a window: the portal's date filter can't be used."""
    if probes.unusable:
        yield Notice(f"{list_specs[0].endpoint.method}: {UNUSABLE}")
    readers = window_readers(list_specs, window, probes, filtered=False)
    yield from first_pages(readers)
    yield from chains(readers)


def _read_to_end(readers: Sequence[KeysetReader], *, splittable: bool) -> SubStrategy[bool]:
    """Read the rest of a window; returns False if it holds far too many rows and should be cut.

    Rows yielded before the cut are correct; they are read again in the parts.
    """

    def too_many() -> bool:
        return splittable and sum(reader.rows_read for reader in readers) > TOO_MANY * WINDOW_ROWS

    return (yield from handle_events(chains(readers), stop=too_many))


def _whole_seconds(width: timedelta) -> timedelta:
    return timedelta(seconds=int(width.total_seconds()))
