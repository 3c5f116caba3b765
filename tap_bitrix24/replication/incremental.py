"""Incremental strategies: a first load by id, then date windows from the bookmark on.

While the first load runs, STATE is `{"snapshot": {"after": <id>, "clock": <when it first began>}}`, kept over restarts.
Then it is `{"replication_key": …, "replication_key_value": <end of the last finished window>}`: never the largest date
seen, because rows are read by id and a row modified meanwhile may lie behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_bitrix24.dialects.pagination import CursorPaginator
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Strategy
from tap_bitrix24.model.request import Window
from tap_bitrix24.replication.date_windows import read_windows
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.offset import read_by_offset
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark, parse_id

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before there was a portal."""


def incremental(
    sources: Sequence[ListSpec],
    state: Mapping[str, Any],
    *,
    replication_key: str,
    clock: datetime,
    lookback: timedelta,
    start_date: datetime | None,
) -> Strategy:
    """Load a stream for the first time by id, or go on by date windows.

    Args:
        sources: The lists that make up the stream.
        state: The stream's STATE; empty on the very first run.
        replication_key: The column the bookmark names.
        clock: The portal's own time at the start of this run; nothing newer is claimed to be read.
        lookback: Read again before the bookmark: a transaction may have been open while its stamp was past.
        start_date: Rows modified before it are not wanted.
    """

    def bookmark(high: datetime) -> dict[str, Any]:
        # windows begin a lookback before what is finished; stopped among those, a bookmark must not go back
        return {"replication_key": replication_key, "replication_key_value": format_bookmark(max(high, finished))}

    if "replication_key_value" in state:
        finished = parse_bookmark(state["replication_key_value"])
    else:
        snapshot = state.get("snapshot") or {}
        finished = parse_bookmark(snapshot["clock"]) if "clock" in snapshot else clock
        after, window = parse_id(snapshot.get("after", 0)), _first_window(sources, start_date, finished)
        cursors = [KeysetReader(source, after=after, window=window) for source in sources]
        yield from keyset(cursors, resumable={"clock": format_bookmark(finished)})
        yield Checkpoint(bookmark(finished))
        if finished >= clock:
            return
    low = (
        finished
        - lookback
        - timedelta(
            seconds=max(each.replication_key.visibility_delay if each.replication_key else 0 for each in sources)
        )
    )
    if start_date is not None:
        low = max(low, start_date.replace(microsecond=0))
    yield from read_windows(sources, low, clock, bookmark)


def _first_window(sources: Sequence[ListSpec], start_date: datetime | None, clock: datetime) -> Window | None:
    """The dates of a first load; None: all there are.

    A list that can't tell its newest row ends with an empty page. Rows added meanwhile must not keep it from that, so
    it is bounded by the clock: they are the next run's.
    """
    endless = not all(each.endpoint.pagination.supports_descending for each in sources)
    return Window(start_date, clock if endless else None) if start_date or endless else None


def read_period(
    sources: Sequence[ListSpec],
    state: Mapping[str, Any],
    *,
    replication_key: str | None,
    clock: datetime,
    lookback: timedelta,
    start_date: datetime | None,
) -> Strategy:
    """Read lists that must be bounded by dates and page in a way of their own: one period, and go on behind it.

    Args:
        sources: The lists that make up the stream.
        state: The stream's STATE; empty where all there is is wanted.
        replication_key: The column the bookmark names; None: there is none.
        clock: End of the period, the portal's own time at the start of this run.
        lookback: Read again before the bookmark, besides what the stream's stamp lags behind.
        start_date: Rows of before are not wanted.
    """
    bounded = start_date is not None or "replication_key_value" in state
    bounded = bounded or any(isinstance(each.endpoint.pagination, CursorPaginator) for each in sources)
    low = start_date or BEGINNING
    if "replication_key_value" in state:
        lag = timedelta(
            seconds=max(each.replication_key.visibility_delay if each.replication_key else 0 for each in sources)
        )
        low = max(low, parse_bookmark(state["replication_key_value"]) - lookback - lag)
    yield from read_by_offset(*sources, window=Window(low, max(clock, low)) if bounded else None)
    if replication_key is not None:
        yield Checkpoint({"replication_key": replication_key, "replication_key_value": format_bookmark(clock)})
