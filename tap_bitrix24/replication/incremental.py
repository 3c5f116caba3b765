"""Incremental strategies: a first load by id, then date windows after the bookmark.

During the first load STATE is `{"snapshot": {"after": <id>, "clock": <portal time when the load began>}}` and survives
restarts. Afterwards it is `{"replication_key": …, "replication_key_value": <end of the last finished window>}`. The
bookmark is never the largest date-time seen: rows arrive ordered by id, so a row modified earlier may still be unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Strategy, SubStrategy
from tap_bitrix24.model.request import Window
from tap_bitrix24.replication.date_windows import read_windows
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import read_by_offset
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark, parse_id

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Lower bound where a list must have one: no portal is older."""


@dataclass(frozen=True, slots=True)
class RunBounds:
    """The date-times a run reads between."""

    clock: datetime
    """Portal time at the start of the run, exclusive upper bound: whatever changes later belongs to the next run."""
    lookback: timedelta = timedelta()
    """How far before the bookmark reading starts again. A row gets its modification time when its transaction begins
    and becomes visible when it ends, so a row older than the bookmark may appear after it."""
    start_date: datetime | None = None
    """Rows modified earlier are not read; None: all rows."""

    def resume_from(self, bookmark: datetime, lists: Sequence[ListSpec]) -> datetime:
        """Return the lower bound after a bookmark: earlier by the lookback and the lists' longest visibility delay."""
        delays = [each.replication_key.visibility_delay for each in lists if each.replication_key]
        return bookmark - self.lookback - timedelta(seconds=max(delays, default=0))


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
    if "replication_key_value" in state:
        finished = parse_bookmark(state["replication_key_value"])
    else:
        finished = yield from _first_load(lists, state.get("snapshot") or {}, bounds)
        yield Checkpoint(_bookmark(replication_key, finished))
        if finished >= bounds.clock:
            return
    low = bounds.resume_from(finished, lists)
    if bounds.start_date is not None:
        low = max(low, bounds.start_date.replace(microsecond=0))
    # the first windows end before the bookmark, by the lookback; a run stopped among them must not move it back
    yield from read_windows(lists, low, bounds.clock, lambda end: _bookmark(replication_key, max(end, finished)))


def _first_load(lists: Sequence[ListSpec], snapshot: Mapping[str, Any], bounds: RunBounds) -> SubStrategy[datetime]:
    """Read all rows by id; return the portal time up to which they are complete: the start of the first attempt."""
    began = parse_bookmark(snapshot["clock"]) if "clock" in snapshot else bounds.clock
    after, window = parse_id(snapshot.get("after", 0)), _first_window(lists, bounds.start_date, began)
    readers = [KeysetReader(each, after=after, window=window) for each in lists]
    yield from keyset(readers, resumable={"clock": format_bookmark(began)})
    return began


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
    bounded = bounds.start_date is not None or "replication_key_value" in state
    bounded = bounded or any(each.endpoint.pagination.uses_cursor for each in lists)
    low = bounds.start_date or BEGINNING
    if "replication_key_value" in state:
        low = max(low, bounds.resume_from(parse_bookmark(state["replication_key_value"]), lists))
    yield from read_by_offset(*lists, window=Window(low, max(bounds.clock, low)) if bounded else None)
    if replication_key:
        yield Checkpoint(_bookmark(replication_key, bounds.clock))


def _bookmark(replication_key: str, finished: datetime) -> dict[str, Any]:
    return {"replication_key": replication_key, "replication_key_value": format_bookmark(finished)}
