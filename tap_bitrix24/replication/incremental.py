"""Incremental strategies: a first load by id, then date windows after the bookmark.

During the first load STATE is `{"snapshot": {"after": <id>, "clock": <portal time when the load began>}}` and survives
restarts. Afterwards it is `{"replication_key": …, "replication_key_value": <end of the last finished window>}`. The
bookmark is never the largest date-time seen: rows arrive ordered by id, so a row modified earlier may still be unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Notice, Strategy, SubStrategy
from tap_bitrix24.model.request import PageRequest, Window
from tap_bitrix24.replication.date_windows import UNUSABLE, read_windows, window_readers
from tap_bitrix24.replication.filter_probe import FilterProbes
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import read_by_offset
from tap_bitrix24.replication.run_bounds import (
    BEGINNING,
    RunBounds,
    believable,
    bookmark_state,
    earlier_period,
    start_state,
)
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark, parse_id
from tap_bitrix24.replication.sub_strategies import request_pages


def incremental(
    lists: Sequence[ListSpec], state: Mapping[str, Any], bounds: RunBounds, *, replication_key: str
) -> Strategy:
    """Read all rows by id on the first run; on later runs, rows modified since the bookmark, by date windows.

    Args:
        lists: The lists that make up the stream.
        state: The stream's STATE; empty on the first run.
        bounds: The date-times this run reads between.
        replication_key: The column the bookmark names.
    """
    state = yield from believable(state, bounds)
    probes = FilterProbes.from_state(lists, state)

    def finished_state(end: datetime, since: datetime | None = bounds.start_date) -> dict[str, Any]:
        return {**bookmark_state(replication_key, end), **start_state(since), **probes.to_state()}

    if "replication_key_value" in state:
        finished = parse_bookmark(state["replication_key_value"])
        if (gap := earlier_period(state, bounds)) is not None:
            since = gap[1]  # until it has been read, STATE says that the rows before are missing
            yield from read_windows(lists, *gap, lambda _: finished_state(finished, since), probes)
            yield Checkpoint(finished_state(finished))
    else:
        finished = yield from _first_load(lists, state.get("snapshot") or {}, bounds, probes)
        yield Checkpoint(finished_state(finished))
        if finished >= bounds.clock:
            return
    low = bounds.resume_from(finished, lists)
    if bounds.start_date is not None:
        low = max(low, bounds.start_date.replace(microsecond=0))
    # the first windows end before the bookmark, by the lookback; a run stopped among them must not move it back
    yield from read_windows(lists, low, bounds.clock, lambda end: finished_state(max(end, finished)), probes)


def _first_load(
    lists: Sequence[ListSpec], snapshot: Mapping[str, Any], bounds: RunBounds, probes: FilterProbes
) -> SubStrategy[datetime]:
    """Read all rows by id; return the portal time up to which they are complete: the start of the first attempt."""
    began = parse_bookmark(snapshot["clock"]) if "clock" in snapshot else bounds.clock
    after, window = parse_id(snapshot.get("after", 0)), _first_window(lists, bounds.start_date, began)
    if window is None:
        readers = [KeysetReader(each, after=after) for each in lists]
    else:
        readers = yield from _bounded_readers(lists, window, after, probes)

    def tries() -> list[PageRequest]:
        """Later runs rely on the filter: tried now, it costs them nothing."""
        for reader in readers:
            probes.learn_row(reader.list_spec, reader.first_row)
        return probes.first_requests() if probes.have_rows else []

    resumable = {"clock": format_bookmark(began), **start_state(bounds.start_date)}
    answers = yield from keyset(readers, resumable=resumable, also=tries)
    if not answers and (requests := tries()):
        answers = yield from request_pages(requests)
    yield from probes.conclude(answers)
    return began


def _bounded_readers(
    lists: Sequence[ListSpec], window: Window, after: int, probes: FilterProbes
) -> SubStrategy[list[KeysetReader]]:
    """Return readers of a first load with date bounds, after the filter has been tried."""
    answers = (yield from request_pages(requests)) if (requests := probes.first_requests()) else []
    yield from probes.conclude(answers)
    if probes.unusable:
        yield Notice(f"{lists[0].endpoint.method}: {UNUSABLE}")
    return window_readers(lists, window, probes, after=after, filtered=not probes.unusable)


def _first_window(lists: Sequence[ListSpec], start_date: datetime | None, clock: datetime) -> Window | None:
    """Return the date bounds of a first load; None: unbounded.

    A list that cannot be sorted by descending id does not reveal its largest id, so it ends with an empty page. The
    clock bounds it, or rows added during the load could put that page off forever; the next run reads them.
    """
    endless = not all(each.endpoint.pagination.supports_descending for each in lists)
    return Window(start_date, clock if endless else None) if start_date or endless else None


def read_period(
    lists: Sequence[ListSpec], state: Mapping[str, Any], bounds: RunBounds, *, replication_key: str
) -> Strategy:
    """Read lists without keyset pagination by offset or cursor, from the bookmark to the clock in one period.

    Args:
        lists: The lists that make up the stream.
        state: The stream's STATE; empty on the first run and where the whole stream is read.
        bounds: The date-times this run reads between.
        replication_key: The column the bookmark names; empty: no bookmark is written.
    """
    state = yield from believable(state, bounds)
    bookmark = state.get("replication_key_value")
    if bookmark is not None and earlier_period(state, bounds) is not None:
        bookmark = None  # read all of it again: this list has no windows
    bounded = bounds.start_date is not None or bookmark is not None
    bounded = bounded or any(each.endpoint.pagination.uses_cursor for each in lists)
    low = bounds.start_date or BEGINNING
    if bookmark is not None:
        low = max(low, bounds.resume_from(parse_bookmark(bookmark), lists))
    yield from read_by_offset(*lists, window=Window(low, max(bounds.clock, low)) if bounded else None)
    if replication_key:
        yield Checkpoint({**bookmark_state(replication_key, bounds.clock), **start_state(bounds.start_date)})
