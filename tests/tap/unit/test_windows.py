"""Decisions 11 to 13: date windows, STATE after each, nothing lost at borders, stops or changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from random import Random
from typing import Any

import pytest

from tap_bitrix24.bookmarks import everything, from_text, incremental, to_text
from tap_bitrix24.checks import moment
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.model import Row, Source, Window
from tap_bitrix24.paging import Tail
from tap_bitrix24.windows import windows
from tests.tap.unit.lists import EPOCH, FakeList, Outcome, at, pump, rows_of, source

DAY = 86_400


def read_windows(rows: list[Row], low: float, high: float, **switches: Any) -> Outcome:
    """Read [low, high) by windows; each STATE is the window's end."""
    listed = FakeList(rows, **switches)
    return pump(windows([source(stamped=True)], at(low), at(high), lambda end: {"end": end}), listed)


def check(outcome: Outcome, rows: Iterable[Row], low: float, high: float) -> None:
    """Exactly the rows of [low, high); behind every STATE all rows before it have been handed on."""
    stamps = {int(row["ID"]): moment(row["DATE_MODIFY"]) for row in rows}
    ids, first, last = outcome.ids, at(low), at(high)
    assert set(ids) == {number for number, stamp in stamps.items() if first <= stamp < last}
    ends: list[datetime] = [state["end"] for state in outcome.states]
    assert ends == sorted(set(ends))
    assert ends[-1] == last
    for end, count in zip(ends, outcome.read_before, strict=True):
        assert set(ids[:count]) >= {number for number, stamp in stamps.items() if first <= stamp < end}


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 2_000])
def test_few_changes_are_one_window(count: int) -> None:
    rows = rows_of(range(1, count + 1), stamp=lambda number: number * 10)
    outcome = read_windows(rows, 0, DAY)
    check(outcome, rows, 0, DAY)
    assert len(outcome.states) == 1
    assert outcome.requests <= ceil(count / 2_500) + 2
    assert sum(ask.counted for ask in outcome.asks) == (1 if count >= 50 else 0), "counted only behind a full page"


def test_many_changes_are_many_windows_counted_once() -> None:
    rows = rows_of(range(1, 40_001), stamp=lambda number: (number * 7_919) % (30 * DAY))
    outcome = read_windows(rows, 0, 30 * DAY)
    check(outcome, rows, 0, 30 * DAY)
    assert len(outcome.states) >= 5
    assert sum(ask.counted for ask in outcome.asks) == 1
    assert outcome.requests <= 2 * ceil(40_000 / 2_500) + 2 * len(outcome.states)


@pytest.mark.parametrize("low", [0, 299, 300, 301])
def test_thousands_of_rows_in_one_second(low: int) -> None:
    rows = rows_of(range(1, 20_001), stamp=lambda number: 300 if number % 8 else number / 100)
    outcome = read_windows(rows, low, 1_000)
    check(outcome, rows, low, 1_000)


def test_a_burst_after_a_long_silence() -> None:
    rows = rows_of(range(1, 30_001), stamp=lambda number: number if number < 60 else 20 * DAY + number % 3_000)
    outcome = read_windows(rows, 0, 30 * DAY)
    check(outcome, rows, 0, 30 * DAY)
    assert outcome.requests <= 100


def test_an_empty_or_reversed_range_asks_nothing() -> None:
    for low, high in ((5, 5), (9, 5)):
        outcome = read_windows(rows_of([5]), low, high)
        assert (outcome.requests, outcome.states) == (0, [])


def test_dropped_date_filter_in_windows_is_survived() -> None:
    rows = rows_of(range(1, 401), stamp=lambda number: number)
    outcome = read_windows(rows, 100, 200, drops_window=True)
    check(outcome, rows, 100, 200)
    assert outcome.warnings


@pytest.mark.parametrize("seed", range(40))
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
    owner = source(page_size=random.choice([3, 50]), stamped=True, margin=margin)
    outcome = pump(windows([owner], at(low), at(high), lambda end: {"end": end}), listed)
    check(outcome, rows, low, high)


def test_several_sources_share_a_window() -> None:
    sources = [source(stamped=True), source(stamped=True), source(stamped=True)]
    lists = [
        (each, FakeList(rows_of(range(start, start + count), stamp=lambda number: number % 500)))
        for each, start, count in zip(sources, (1, 10_000, 50_000), (30, 700, 8_000), strict=True)
    ]
    outcome = pump(windows(sources, at(0), at(500), lambda end: {"end": end}), lists)
    check(outcome, [row for _, listed in lists for row in listed.rows], 0, 500)


# Bookmarks


def run(
    listed: FakeList,
    state: Mapping[str, Any],
    clock: float,
    *,
    lookback: int = 300,
    start_date: datetime | None = None,
    owner: Source | None = None,
    stop_after: int | None = None,
) -> Outcome:
    """One run of the tap over one stream."""
    reading = incremental(
        [owner or source(page_size=5, stamped=True)],
        state,
        replication_key="date_modify",
        clock=at(clock),
        lookback=timedelta(seconds=lookback),
        start_date=start_date,
    )
    return pump(reading, listed, stop_after=stop_after)


def bookmark(seconds: float) -> dict[str, str]:
    """The STATE of a stream read up to this moment."""
    return {"replication_key": "date_modify", "replication_key_value": to_text(at(seconds))}


def test_the_first_load_reads_by_id_and_ends_at_the_runs_clock() -> None:
    outcome = run(FakeList(rows_of(range(1, 600), stamp=lambda number: number)), {}, 5_000)
    assert outcome.ids == list(range(1, 600))
    assert outcome.states[-1] == bookmark(5_000), "never a row's maximum"
    for state in outcome.states[:-1]:
        assert state.keys() == {"snapshot"}
        assert state["snapshot"]["clock"] == to_text(at(5_000))
        assert state["snapshot"]["after"] > 0


def test_a_first_load_that_can_not_know_its_end_is_bounded_by_the_clock() -> None:
    """What is added while it is read is the next run's: it would go on for as long as rows keep coming."""
    endpoint = replace(source(page_size=5, stamped=True).endpoint, paging=Tail())
    log = replace(source(page_size=5, stamped=True), endpoint=endpoint)
    outcome = run(FakeList(rows_of(range(1, 100), stamp=lambda number: number)), {}, 50, owner=log)
    assert outcome.ids == list(range(1, 50))
    assert {ask.window for ask in outcome.asks} == {Window(None, at(50))}
    assert outcome.states[-1] == bookmark(50)


def test_a_resumed_first_load_keeps_its_first_clock_and_catches_up() -> None:
    rows = rows_of(range(1, 600), stamp=lambda number: number)
    rows[0]["DATE_MODIFY"] = at(6_000).isoformat()  # modified after the first attempt had read it
    state = {"snapshot": {"after": 400, "clock": to_text(at(5_000))}}
    outcome = run(FakeList(rows), state, 9_000)
    assert set(outcome.ids) == {1, *range(401, 600)}
    assert outcome.states[-1] == bookmark(9_000)
    assert all(each["snapshot"]["clock"] == to_text(at(5_000)) for each in outcome.states if "snapshot" in each)


def test_the_next_run_begins_a_lookback_before_the_bookmark_and_ends_at_the_clock() -> None:
    rows = rows_of([1, 2, 3, 4, 5], stamp={1: 699, 2: 700, 3: 1_999, 4: 2_000, 5: 3_000}.__getitem__)
    outcome = run(FakeList(rows), bookmark(1_000), 2_000)
    assert outcome.ids == [2, 3]
    assert outcome.states == [bookmark(2_000)]


def test_a_bookmark_never_goes_back() -> None:
    rows = rows_of(range(1, 40_001), stamp=lambda number: 700 + number % 1_000)
    outcome = run(FakeList(rows), bookmark(1_000), 1_700, owner=source(stamped=True))
    ends = [from_text(state["replication_key_value"]) for state in outcome.states]
    assert len(ends) > 2
    assert min(ends) >= at(1_000)
    assert ends == sorted(ends)


def test_start_date_is_honoured_in_both_ways_of_reading() -> None:
    rows = rows_of(range(1, 200), stamp=lambda number: number)
    first = run(FakeList(rows), {}, 5_000, start_date=at(100))
    assert first.ids == list(range(100, 200))
    later = run(FakeList(rows), bookmark(350), 5_000, start_date=at(150))
    assert later.ids == list(range(150, 200))
    assert later.states[-1] == bookmark(5_000)


def test_a_clock_behind_the_bookmark_reads_nothing() -> None:
    outcome = run(FakeList(rows_of([1])), bookmark(10_000), 5_000)
    assert (outcome.rows, outcome.states, outcome.requests) == ([], [], 0)


@pytest.mark.parametrize("text", ["yesterday", "2025-01-01", "2025-01-01T00:00:00", "", None, 5])
def test_a_spoilt_bookmark_is_a_setting_to_correct(text: Any) -> None:
    with pytest.raises(SettingsError, match="STATE") as told:
        run(FakeList([]), {"replication_key": "date_modify", "replication_key_value": text}, 0)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("after", ["x", None, [], -1, True])
def test_a_spoilt_snapshot_is_a_setting_to_correct(after: Any) -> None:
    with pytest.raises(SettingsError, match="STATE"):
        run(FakeList([]), {"snapshot": {"after": after, "clock": to_text(EPOCH)}}, 0)


@pytest.mark.parametrize("text", ["2025-01-01T03:00:00+03:00", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.9+00:00"])
def test_bookmarks_are_read_in_any_zone_and_floored(text: str) -> None:
    assert to_text(from_text(text)) == "2025-01-01T00:00:00Z"


def test_everything_ignores_dates_and_writes_no_state() -> None:
    outcome = pump(everything([source(stamped=True)]), FakeList(rows_of(range(1, 120))))
    assert (outcome.ids, outcome.states) == (list(range(1, 120)), [])


class LivingPortal:
    """Rows that are inserted and modified while they are read, stamped by the portal's own clock."""

    def __init__(self, random: Random) -> None:
        self.now = 10_000
        self._random = random
        self._next = 1
        ids = sorted(random.sample(range(1, 5_000), 120))
        self.listed = FakeList(rows_of(ids, stamp=lambda _: random.randint(0, self.now)), changes=self.change)
        self._next = 5_000

    def change(self, listed: FakeList) -> None:
        """A second passes now and then; something is modified, something is added."""
        self.now += self._random.random() < 0.5
        if self._random.random() < 0.3:
            self._random.choice(listed.rows)["DATE_MODIFY"] = at(self.now).isoformat()
        if self._random.random() < 0.2:
            self._next += self._random.randint(1, 40)
            listed.rows += rows_of([self._next], stamp=lambda _: self.now)


@pytest.mark.parametrize("seed", range(80))
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
    assert {ask.window for ask in outcome.asks} == {Window(low=at(0))}
