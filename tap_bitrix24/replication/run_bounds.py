"""The date-times a run reads between, and what of STATE can be believed.

STATE remembers the `start_date` of the first load: with an earlier one, the rows between the two are missing. A
bookmark ahead of the portal's clock (a clock that was put back, STATE of a copy of the portal) would silence the stream
until the clock has passed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, SubStrategy
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Lower bound where a list must have one: no portal is older."""
START_DATE = "start_date"
"""Key of STATE: `start_date` of the first load; null: all rows were read."""


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


def believable(state: Mapping[str, Any], bounds: RunBounds) -> SubStrategy[Mapping[str, Any]]:
    """Return STATE without what the portal's clock, or another `start_date`, contradicts.

    A bookmark ahead of the clock by no more than the lookback is taken for the clock: servers of a portal may differ by
    seconds. One further ahead is not believed, and the stream is read as if there were none.

    Args:
        state: The stream's STATE.
        bounds: The date-times this run reads between.
    """
    moments = _moments(state)
    future = [name for name, moment in moments.items() if moment > bounds.clock]
    if any(moments[name] > bounds.clock + bounds.lookback for name in future):
        latest = format_bookmark(max(moments.values()))
        yield Notice(
            f"the bookmark {latest} lies ahead of the portal's clock {format_bookmark(bounds.clock)}: "
            "reading all rows, as if there were none"
        )
        return {}
    snapshot = state.get("snapshot")
    if isinstance(snapshot, Mapping) and START_DATE in snapshot and _is_earlier(snapshot[START_DATE], bounds):
        yield Notice("start_date is earlier than when the first load began: beginning it anew")
        return {}
    clock = format_bookmark(bounds.clock)
    if "replication_key_value" in future:
        state = {**state, "replication_key_value": clock}
    if "clock" in future and isinstance(snapshot, Mapping):
        state = {**state, "snapshot": {**snapshot, "clock": clock}}
    return state


def _moments(state: Mapping[str, Any]) -> dict[str, datetime]:
    """Return the bookmarks in STATE, by name."""
    places = {"clock": state.get("snapshot") or {}, "replication_key_value": state}
    return {name: parse_bookmark(place[name]) for name, place in places.items() if name in place}


def _is_earlier(since: Any, bounds: RunBounds) -> bool:
    """Whether this run's `start_date` is earlier than the one rows were read from."""
    if since is None:
        return False
    return bounds.start_date is None or bounds.start_date < parse_bookmark(since)


def earlier_period(state: Mapping[str, Any], bounds: RunBounds) -> tuple[datetime, datetime] | None:
    """Return the bounds of the period before the first load's `start_date` that this run's includes, or None."""
    since = state.get(START_DATE)
    if since is None or not _is_earlier(since, bounds):
        return None
    return bounds.start_date or BEGINNING, parse_bookmark(since)


def start_state(start_date: datetime | None) -> dict[str, Any]:
    """Return what STATE keeps of the `start_date` that rows were read from."""
    return {START_DATE: None if start_date is None else format_bookmark(start_date)}


def bookmark_state(replication_key: str, finished: datetime) -> dict[str, Any]:
    """Return the bookmark as STATE keeps it."""
    return {"replication_key": replication_key, "replication_key_value": format_bookmark(finished)}
