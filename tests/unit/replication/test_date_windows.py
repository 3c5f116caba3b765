"""Date windows, STATE after each, nothing lost at bounds, stops or changes (docs/decisions.md#decision-11 to 13)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from random import Random
from typing import Any

import pytest

from tap_bitrix24.dialects.pagination import TailCursor
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.model.request import Window
from tap_bitrix24.replication.date_windows import read_windows
from tap_bitrix24.replication.filter_probe import FilterProbes
from tap_bitrix24.replication.full_table import read_all_by_id
from tap_bitrix24.replication.incremental import incremental
from tap_bitrix24.replication.run_bounds import RunBounds
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark
from tap_bitrix24.replication.validation import parse_datetime
from tests.support.lists import EPOCH, FakeList, Outcome, at, list_spec_of, pump, rows_of
from tests.support.parameters import seeds, slow

DAY = 86_400
SECOND = timedelta(seconds=1)


def windows(list_specs: Sequence[ListSpec], low: float, high: float) -> Strategy:
    """Read [low, high) by windows, with no STATE of earlier runs; each STATE is the window's end."""
    probes = FilterProbes.from_state(list_specs, {})
    return read_windows(list_specs, at(low), at(high), lambda end: {"end": end}, probes)


def outcome_of(rows: list[Row], low: float, high: float, **switches: Any) -> Outcome:
    """Read [low, high) by windows; each STATE is the window's end."""
    listed = FakeList(rows, **switches)
    return pump(windows([list_spec_of(stamped=True)], low, high), listed)


def check(outcome: Outcome, rows: Iterable[Row], low: float, high: float) -> None:
    """Exactly the rows of [low, high) were yielded, and before every STATE all rows it stands for."""
    modified = {int(row["ID"]): parse_datetime(row["DATE_MODIFY"]) for row in rows}
    ids, first, last = outcome.ids, at(low), at(high)
    assert set(ids) == {number for number, moment in modified.items() if first <= moment < last}
    ends: list[datetime] = [state["end"] for state in outcome.states]
    assert ends == sorted(set(ends))
    assert ends[-1] == last
    for end, count in zip(ends, outcome.read_before, strict=True):
        assert set(ids[:count]) >= {number for number, moment in modified.items() if first <= moment < end}


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 2_000])
def test_few_changes_are_one_window(count: int) -> None:
    rows = rows_of(range(1, count + 1), stamp=lambda number: number * 10)
    outcome = outcome_of(rows, 0, DAY)
    check(outcome, rows, 0, DAY)
    assert len(outcome.states) == 1
    assert outcome.requests <= ceil(count / 2_500) + 3, "one of them tries the filter with a row, as no STATE knows one"
    assert sum(request.counted for request in outcome.page_requests) == (1 if count >= 50 or not count else 0), (
        "counted only after a full page, or where nothing is found at all"
    )


@pytest.mark.slow
def test_many_changes_are_many_windows_counted_once() -> None:
    rows = rows_of(range(1, 40_001), stamp=lambda number: (number * 7_919) % (30 * DAY))
    outcome = outcome_of(rows, 0, 30 * DAY)
    check(outcome, rows, 0, 30 * DAY)
    assert len(outcome.states) >= 5
    assert sum(request.counted for request in outcome.page_requests) == 1
    assert outcome.requests <= 2 * ceil(40_000 / 2_500) + 2 * len(outcome.states)


@pytest.mark.parametrize("low", [300, *slow(0, 299, 301)])
def test_thousands_of_rows_in_one_second(low: int) -> None:
    rows = rows_of(range(1, 20_001), stamp=lambda number: 300 if number % 8 else number / 100)
    outcome = outcome_of(rows, low, 1_000)
    check(outcome, rows, low, 1_000)


@pytest.mark.slow
def test_a_burst_after_a_long_silence() -> None:
    rows = rows_of(range(1, 20_001), stamp=lambda number: number if number < 60 else 20 * DAY + number % 2_000)
    outcome = outcome_of(rows, 0, 30 * DAY)
    check(outcome, rows, 0, 30 * DAY)
    assert outcome.requests <= 100


def test_an_empty_or_reversed_range_requests_nothing() -> None:
    for low, high in ((5, 5), (9, 5)):
        outcome = outcome_of(rows_of([5]), low, high)
        assert (outcome.requests, outcome.states) == (0, [])


def test_a_dropped_date_filter_in_windows_loses_nothing() -> None:
    rows = rows_of(range(1, 401), stamp=lambda number: number)
    outcome = outcome_of(rows, 100, 200, drops_window=True)
    check(outcome, rows, 100, 200)
    assert outcome.warnings


@pytest.mark.parametrize("seed", seeds(10, 40))
def test_random_windows_on_an_erring_portal(seed: int) -> None:
    random = Random(seed)
    crowded = random.randint(0, 1_000)
    rows = rows_of(
        sorted(random.sample(range(1, 10**6), random.randint(0, 700))),
        stamp=lambda _: crowded if random.random() < 0.3 else random.randint(0, 1_000),
    )
    low, high = random.randint(0, 300), random.randint(301, 1_001)
    margin = random.choice([0, 0, 120])
    shift = timedelta(seconds=random.choice([-90, 0, 60]) if margin else 0)
    listed = FakeList(rows, short=Random(seed), shift=shift, refuses_newest=random.random() < 0.3)
    owner = list_spec_of(page_size=random.choice([3, 50]), stamped=True, margin=margin)
    outcome = pump(windows([owner], low, high), listed)
    check(outcome, rows, low, high)


def test_several_lists_share_a_window() -> None:
    list_specs = [list_spec_of(stamped=True), list_spec_of(stamped=True), list_spec_of(stamped=True)]
    lists = [
        (each, FakeList(rows_of(range(start, start + count), stamp=lambda number: number % 500)))
        for each, start, count in zip(list_specs, (1, 10_000, 50_000), (30, 700, 8_000), strict=True)
    ]
    outcome = pump(windows(list_specs, 0, 500), lists)
    check(outcome, [row for _, listed in lists for row in listed.rows], 0, 500)


# Bookmarks


def run(
    listed: FakeList,
    state: Mapping[str, Any],
    clock: float,
    *,
    lookback: int = 300,
    start_date: datetime | None = None,
    owner: ListSpec | None = None,
    stop_after: int | None = None,
) -> Outcome:
    """One run of the tap over one stream."""
    reading = incremental(
        [owner or list_spec_of(page_size=5, stamped=True)],
        state,
        RunBounds(at(clock), timedelta(seconds=lookback), start_date),
        replication_key="date_modify",
    )
    return pump(reading, listed, stop_after=stop_after)


def bookmark(seconds: float) -> dict[str, str]:
    """The STATE of a stream read up to this moment."""
    return {"replication_key": "date_modify", "replication_key_value": format_bookmark(at(seconds))}


def marks(state: Mapping[str, Any]) -> dict[str, Any]:
    """The bookmark in a STATE, without what it knows of the filter and of the first load."""
    return {name: state[name] for name in ("replication_key", "replication_key_value")}


def windows_of(outcome: Outcome) -> set[Window]:
    """The windows rows were read by: not those that tried the filter with one row."""
    used = {request.window for request in outcome.page_requests if request.window is not None}
    return {replace(window, exact=False) for window in used if not (window.low and window.high == window.low + SECOND)}


def test_the_first_load_reads_by_id_and_ends_at_the_runs_clock() -> None:
    outcome = run(FakeList(rows_of(range(1, 600), stamp=lambda number: number)), {}, 5_000)
    assert outcome.ids == list(range(1, 600))
    assert marks(outcome.states[-1]) == bookmark(5_000), "never a row's maximum"
    for state in outcome.states[:-1]:
        assert state.keys() == {"snapshot"}
        assert state["snapshot"]["clock"] == format_bookmark(at(5_000))
        assert state["snapshot"]["after"] > 0


def test_a_first_load_without_a_known_newest_id_is_bounded_by_the_clock() -> None:
    """Rows added while it is read are for the next run: otherwise it would not end as long as rows are added."""
    endpoint = replace(list_spec_of(page_size=5, stamped=True).endpoint, pagination=TailCursor())
    log = replace(list_spec_of(page_size=5, stamped=True), endpoint=endpoint)
    outcome = run(FakeList(rows_of(range(1, 100), stamp=lambda number: number)), {}, 50, owner=log)
    assert outcome.ids == list(range(1, 50))
    assert windows_of(outcome) == {Window(None, at(50))}
    assert marks(outcome.states[-1]) == bookmark(50)


def test_a_resumed_first_load_keeps_its_first_clock_and_catches_up() -> None:
    rows = rows_of(range(1, 600), stamp=lambda number: number)
    rows[0]["DATE_MODIFY"] = at(6_000).isoformat()  # modified after the first attempt had read it
    state = {"snapshot": {"after": 400, "clock": format_bookmark(at(5_000))}}
    outcome = run(FakeList(rows), state, 9_000)
    assert set(outcome.ids) == {1, *range(401, 600)}
    assert marks(outcome.states[-1]) == bookmark(9_000)
    assert all(each["snapshot"]["clock"] == format_bookmark(at(5_000)) for each in outcome.states if "snapshot" in each)


def test_the_next_run_begins_a_lookback_before_the_bookmark_and_ends_at_the_clock() -> None:
    rows = rows_of([1, 2, 3, 4, 5], stamp={1: 699, 2: 700, 3: 1_999, 4: 2_000, 5: 3_000}.__getitem__)
    outcome = run(FakeList(rows), bookmark(1_000), 2_000)
    assert outcome.ids == [2, 3]
    assert [marks(state) for state in outcome.states] == [bookmark(2_000)]


def test_a_bookmark_never_goes_back() -> None:
    rows = rows_of(range(1, 40_001), stamp=lambda number: 700 + number % 1_000)
    outcome = run(FakeList(rows), bookmark(1_000), 1_700, owner=list_spec_of(stamped=True))
    ends = [parse_bookmark(state["replication_key_value"]) for state in outcome.states]
    assert len(ends) > 2
    assert min(ends) >= at(1_000)
    assert ends == sorted(ends)


def test_start_date_bounds_first_loads_and_windows() -> None:
    rows = rows_of(range(1, 200), stamp=lambda number: number)
    first = run(FakeList(rows), {}, 5_000, start_date=at(100))
    assert first.ids == list(range(100, 200))
    later = run(FakeList(rows), bookmark(350), 5_000, start_date=at(150))
    assert later.ids == list(range(150, 200))
    assert marks(later.states[-1]) == bookmark(5_000)


def test_a_bookmark_far_ahead_of_the_clock_is_not_believed() -> None:
    outcome = run(FakeList(rows_of([1, 2])), bookmark(10_000), 5_000)
    assert outcome.ids == [1, 2]
    assert marks(outcome.states[-1]) == bookmark(5_000)
    assert len(outcome.warnings) == 1
    assert "ahead of the portal's clock" in outcome.warnings[0]


def test_a_bookmark_a_little_ahead_of_the_clock_counts_as_the_clock() -> None:
    rows = rows_of([1, 2, 3], stamp={1: 10, 2: 4_750, 3: 4_999}.__getitem__)
    outcome = run(FakeList(rows), bookmark(5_300), 5_000)
    assert outcome.ids == [2, 3]
    assert marks(outcome.states[-1]) == bookmark(5_000)
    assert outcome.warnings == []


def test_a_snapshot_ahead_of_the_clock_is_begun_anew() -> None:
    state = {"snapshot": {"after": 400, "clock": format_bookmark(at(9_000))}}
    outcome = run(FakeList(rows_of(range(1, 600), stamp=lambda _: 10)), state, 5_000)
    assert outcome.ids == list(range(1, 600))
    assert marks(outcome.states[-1]) == bookmark(5_000)


def test_rows_before_an_earlier_start_date_are_read_once() -> None:
    rows = FakeList(rows_of(range(1, 200), stamp=lambda number: number))
    first = run(rows, {}, 1_000, start_date=at(150))
    second = run(rows, first.states[-1], 2_000, start_date=at(100))
    third = run(rows, second.states[-1], 3_000, start_date=at(100))
    fourth = run(rows, third.states[-1], 4_000)
    assert [first.ids, second.ids, third.ids, fourth.ids] == [
        [*range(150, 200)],
        [*range(100, 150)],
        [],
        [*range(1, 100)],
    ]


@pytest.mark.parametrize("stop_after", range(1, 14))
def test_a_stop_while_earlier_rows_are_read_loses_none(stop_after: int) -> None:
    rows = FakeList(rows_of(range(1, 200), stamp=lambda number: number))
    state = run(rows, {}, 1_000, start_date=at(150)).states[-1]
    stopped = run(rows, state, 2_000, start_date=at(100), stop_after=stop_after)
    resumed = run(rows, stopped.states[-1] if stopped.states else state, 3_000, start_date=at(100))
    assert {*stopped.ids, *resumed.ids} == {*range(100, 150)}


def test_a_first_load_begins_anew_with_an_earlier_start_date() -> None:
    rows = FakeList(rows_of(range(1, 600), stamp=lambda number: number))
    stopped = run(rows, {}, 1_000, start_date=at(500), stop_after=5)
    resumed = run(rows, stopped.states[-1], 2_000, start_date=at(10))
    assert resumed.ids == list(range(10, 600))


@pytest.mark.parametrize("text", ["yesterday", "2025-01-01", "2025-01-01T00:00:00", "", None, 5])
def test_an_invalid_bookmark_is_a_settings_error(text: Any) -> None:
    with pytest.raises(SettingsError, match="STATE") as raised:
        run(FakeList([]), {"replication_key": "date_modify", "replication_key_value": text}, 0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("after", ["x", None, [], -1, True])
def test_an_invalid_snapshot_is_a_settings_error(after: Any) -> None:
    with pytest.raises(SettingsError, match="STATE"):
        run(FakeList([]), {"snapshot": {"after": after, "clock": format_bookmark(EPOCH)}}, 0)


@pytest.mark.parametrize("text", ["2025-01-01T03:00:00+03:00", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.9+00:00"])
def test_bookmarks_are_read_in_any_zone_and_floored(text: str) -> None:
    assert format_bookmark(parse_bookmark(text)) == "2025-01-01T00:00:00Z"


def test_a_full_table_read_has_no_dates_and_no_state() -> None:
    outcome = pump(read_all_by_id([list_spec_of(stamped=True)]), FakeList(rows_of(range(1, 120))))
    assert (outcome.ids, outcome.states) == (list(range(1, 120)), [])


class LivingPortal:
    """Rows that are inserted and modified while they are read, at the time of the portal's clock."""

    def __init__(self, random: Random) -> None:
        self.now = 10_000
        self._random = random
        self._next = 1
        ids = sorted(random.sample(range(1, 5_000), 120))
        self.listed = FakeList(rows_of(ids, stamp=lambda _: random.randint(0, self.now)), changes=self.change)
        self._next = 5_000

    def change(self, listed: FakeList) -> None:
        """Let time pass, modify a row, add a row, each with some probability."""
        self.now += self._random.random() < 0.5
        if self._random.random() < 0.3:
            self._random.choice(listed.rows)["DATE_MODIFY"] = at(self.now).isoformat()
        if self._random.random() < 0.2:
            self._next += self._random.randint(1, 40)
            listed.rows += rows_of([self._next], stamp=lambda _: self.now)


@pytest.mark.parametrize("seed", seeds(20, 80))
def test_stopped_and_resumed_runs_converge_on_the_portals_truth(seed: int) -> None:
    random = Random(seed)
    portal = LivingPortal(random)
    table: dict[int, Row] = {}
    state: Mapping[str, Any] = {}
    for attempt in range(6):
        last = attempt == 5
        if last:
            portal.listed.changes = None
            portal.now += 5
        stop = None if last or attempt == 3 else random.randint(1, 25)
        outcome = run(portal.listed, state, portal.now, lookback=0, stop_after=stop)
        table |= {int(row["ID"]): row for row in outcome.rows}
        state = outcome.states[-1] if outcome.states else state
        portal.now += random.choice([0, 1, 500])
    assert table == {int(row["ID"]): row for row in portal.listed.rows}


def test_rows_committed_late_are_found_within_the_lookback() -> None:
    rows = rows_of(range(1, 20), stamp=lambda number: number)
    state = run(FakeList(rows), {}, 1_000).states[-1]
    rows += rows_of([50], stamp=lambda _: 750)  # its transaction was open when the first run passed that moment
    assert 50 in run(FakeList(rows), state, 2_000).ids


def test_the_window_of_a_first_load_is_open_above() -> None:
    outcome = run(FakeList(rows_of([1, 2])), {}, 5_000, start_date=at(0))
    assert windows_of(outcome) == {Window(low=at(0))}
