"""Incremental reading: bounds by the portal's clock, STATE, resuming.

See docs/decisions.md#decision-11 to docs/decisions.md#decision-15.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

Catalog = dict[str, Any]
BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""Where the portal's clock starts."""


@dataclass(frozen=True)
class Table:
    """The portal's table of a stream, and the dates it is read by."""

    table: str
    modified: str
    """Key of the date of modification in the portal's rows."""
    replication_key: str
    key: str = "ID"


TABLES = {
    "deals": Table("deals", "DATE_MODIFY", "date_modify"),
    "leads": Table("leads", "DATE_MODIFY", "date_modify"),
    "contacts": Table("contacts", "DATE_MODIFY", "date_modify"),
    "companies": Table("companies", "DATE_MODIFY", "date_modify"),
    "quotes": Table("quotes", "DATE_MODIFY", "date_modify"),
    "crm_activities": Table("activities", "LAST_UPDATED", "last_updated"),
    "smart_invoices": Table("smart_invoices", "updatedTime", "updated_time", "id"),
    "smart_process_156": Table("smart_process_156", "updatedTime", "updated_time", "id"),
    "smart_process_177": Table("smart_process_177", "updatedTime", "updated_time", "id"),
    "tasks": Table("tasks", "changedDate", "changed_date", "id"),
}
HISTORY = "crm_stage_history"
FULL = {
    "currencies": "currencies",
    "users": "users",
    "departments": "departments",
    "crm_types": "types",
    "crm_statuses": "statuses",
    "crm_categories": "categories",
}
ALL = [*TABLES, HISTORY, *FULL]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _modification_dates(portal: Portal, stream: str) -> dict[int, datetime]:
    """Return id → date of modification of the portal's rows."""
    table = TABLES[stream]
    rows = portal.table(table.table, table.key)
    # a task that was never changed has no date of modification; the filter uses its creation date
    return {number: datetime.fromisoformat(row[table.modified] or row["createdDate"]) for number, row in rows.items()}


def _modified(dates: Mapping[int, datetime], low: datetime, high: datetime) -> set[int]:
    return {number for number, date in dates.items() if low <= date < high}


def _bookmark(stream: str, moment: datetime) -> dict[str, Any]:
    """Return the STATE of a stream that was read up to a moment."""
    mark = {"replication_key": TABLES[stream].replication_key, "replication_key_value": _iso(moment)}
    return {"bookmarks": {stream: mark}}


FIRST_REQUEST = {"lists.get": 3}
"""What a run counts before it reads: universal lists, of which each becomes a stream."""
BOOKMARK = {"replication_key", "replication_key_value", "start_date", "probes"}
"""What STATE keeps of a stream that has been loaded."""


def _high(run: Run, stream: str) -> datetime:
    return datetime.fromisoformat(run.state["bookmarks"][stream]["replication_key_value"])


def test_state_is_a_snapshot_while_the_first_load_runs_then_a_bookmark(
    big: Portal, run_tap: Tap, catalog: Catalog
) -> None:
    run = run_tap(big.config(), catalog=catalog, streams=["leads"]).succeeded()
    *snapshots, last = (state["bookmarks"]["leads"] for state in run.states)
    assert len(snapshots) >= 3
    clock = snapshots[0]["snapshot"]["clock"]
    for number, state in enumerate(snapshots):
        assert state == {"snapshot": {"after": state["snapshot"]["after"], "clock": clock, "start_date": None}}
        assert number == 0 or state["snapshot"]["after"] > snapshots[number - 1]["snapshot"]["after"]
    assert last.keys() == BOOKMARK
    assert (last["replication_key"], last["replication_key_value"], last["start_date"]) == ("date_modify", clock, None)
    assert last["probes"]["crm.lead.list"]["exact"] is True


def _before(run: Run, number: int, stream: str) -> set[int]:
    """Return the ids written before the STATE with this number."""
    found: set[int] = set()
    states = 0
    for message in run.messages:
        if message["type"] == "STATE":
            if states == number:
                return found
            states += 1
        elif message["type"] == "RECORD" and message["stream"] == stream:
            found.add(message["record"]["id"])
    raise AssertionError(number)


@pytest.mark.parametrize("begin", [None, BEGIN - timedelta(days=4_000)], ids=["first load", "date windows"])
def test_every_state_can_be_resumed_from(big: Portal, run_tap: Tap, catalog: Catalog, begin: datetime | None) -> None:
    everyone = big.table("leads").keys()
    state = _bookmark("leads", begin) if begin else None
    run = run_tap(big.config(), catalog=catalog, streams=["leads"], state=state).succeeded()
    assert set(run.ids("leads")) == everyone
    assert len(run.states) >= 3
    for number, reached in enumerate(run.states):
        again = run_tap(big.config(), catalog=catalog, streams=["leads"], state=reached).succeeded()
        assert _before(run, number, "leads") | set(again.ids("leads")) == everyone
        assert len(again.ids("leads")) <= len(everyone) - len(_before(run, number, "leads"))
    assert len(again.ids("leads")) == 0, "the last STATE leaves nothing to do"


def test_a_resumed_first_load_keeps_the_clock_of_the_first_attempt(
    start: Start, run_tap: Tap, catalog: Catalog
) -> None:
    """Rows with ids already read may have been modified since, so the same run also reads windows of time."""
    portal = start()
    state = {"bookmarks": {"deals": {"snapshot": {"after": 200, "clock": _iso(BEGIN)}}}}
    portal.control("clock", {"advance": 3_600})
    changed = set(portal.mutate(table="deals", update=40)["updated"])
    portal.control("clock", {"advance": 60})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=state).succeeded()
    assert any(number <= 200 for number in changed)
    assert set(run.ids("deals")) == changed | {number for number in portal.table("deals") if number > 200}
    assert _high(run, "deals") > BEGIN + timedelta(seconds=3_600)


def test_windows_are_half_open_on_the_portals_clock(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    """Rows are modified in every second around the start of the run: those it does not read, the next run reads."""
    portal = start()
    began = BEGIN + timedelta(hours=1)
    for second in range(30):
        portal.control("clock", {"now": _iso(began + timedelta(seconds=second))})
        portal.mutate(table="deals", update=5)
    dates = _modification_dates(portal, "deals")
    portal.control("clock", {"now": _iso(began + timedelta(seconds=3))})
    config = portal.config(lookback_seconds=0)
    low = began + timedelta(seconds=1)
    first = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    high = _high(first, "deals")
    assert low + timedelta(seconds=1) < high < began + timedelta(seconds=30)
    assert {low, high} <= set(dates.values()), "there must be rows exactly on the bounds"
    assert set(first.ids("deals")) == _modified(dates, low, high)
    portal.control("clock", {"now": _iso(began + timedelta(seconds=60))})
    second_run = run_tap(config, catalog=catalog, streams=["deals"], state=first.state).succeeded()
    assert set(second_run.ids("deals")) == _modified(dates, high, datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize("lookback", [0, 100, 86_400 * 20])
def test_lookback_reads_before_the_bookmark(portal: Portal, run_tap: Tap, catalog: Catalog, lookback: int) -> None:
    low = BEGIN - timedelta(days=30)
    config = portal.config(lookback_seconds=lookback)
    run = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    wanted = _modified(_modification_dates(portal, "deals"), low - timedelta(seconds=lookback), _high(run, "deals"))
    assert wanted
    assert sorted(run.ids("deals")) == sorted(wanted)


@pytest.mark.parametrize("reading", ["shifted", "exact"])
def test_a_second_run_reads_what_changed(start: Start, run_tap: Tap, catalog: Catalog, reading: str) -> None:
    """The second run reads changed and new rows, those within the lookback (here none), and all full tables."""
    portal = start(switches={"item_date_filter": reading})
    first = run_tap(portal.config(), catalog=catalog, streams=ALL).succeeded()
    for stream, table in TABLES.items():
        assert set(first.ids(stream)) == portal.table(table.table, table.key).keys()
        assert first.state["bookmarks"][stream].keys() == BOOKMARK
        assert first.state["bookmarks"][stream]["replication_key"] == table.replication_key
    assert first.state["bookmarks"][HISTORY]["replication_key"] == "created_time"
    assert first.state["bookmarks"].keys() == {*TABLES, HISTORY}
    portal.control("clock", {"advance": 3_600})
    changed: dict[str, set[int]] = {}
    for stream, table in TABLES.items():
        done = portal.mutate(table=table.table, update=3, insert=2)
        changed[stream] = {*done["updated"], *done["inserted"]}
    portal.mutate(table="stage_history_2", insert=4)
    portal.control("clock", {"advance": 60})
    portal.forget_stats()
    second = run_tap(portal.config(), catalog=catalog, streams=ALL, state=first.state).succeeded()
    for stream, wanted in changed.items():
        assert sorted(second.ids(stream)) == sorted(wanted), stream
    assert len(second.records(HISTORY)) == 4
    for stream, name in FULL.items():
        assert len(second.records(stream)) == portal.counts()[name], stream
    # small changes fill no page, so nothing is counted
    assert portal.stats()["counted"] == {"department.get": 1, **FIRST_REQUEST}


@pytest.mark.parametrize("reading", ["shifted", "exact"])
def test_start_date_skips_older_rows(start: Start, run_tap: Tap, catalog: Catalog, reading: str) -> None:
    portal = start(scale=600, switches={"item_date_filter": reading})
    low = datetime.fromisoformat("2026-06-01T00:00:00+05:00")
    config = portal.config(start_date=low.isoformat())
    run = run_tap(config, catalog=catalog, streams=ALL).succeeded()
    for stream in TABLES:
        dates = _modification_dates(portal, stream)
        wanted = _modified(dates, low, BEGIN)
        assert sorted(run.ids(stream)) == sorted(wanted), stream
        assert 0 < len(wanted) < len(dates), stream
    history = portal.truth("stage_history")
    recent = [row for row in history if datetime.fromisoformat(row["CREATED_TIME"]) >= low]
    assert 0 < len(recent) < len(history)
    assert len(run.records(HISTORY)) == len(recent)
    for stream, table in FULL.items():
        assert len(run.records(stream)) == portal.counts()[table], stream


def test_at_most_one_count_per_stream_and_state_after_every_window(big: Portal, run_tap: Tap, catalog: Catalog) -> None:
    big.forget_stats()
    state = _bookmark("deals", BEGIN - timedelta(days=4_000))
    run = run_tap(big.config(), catalog=catalog, streams=["deals"], state=state).succeeded()
    ids = run.ids("deals")
    assert len(ids) == len(set(ids)) == 10_000
    assert big.stats()["counted"] == {"crm.deal.list": 1, **FIRST_REQUEST}
    highs = [each["bookmarks"]["deals"]["replication_key_value"] for each in run.states]
    assert highs == sorted(highs)
    assert len(highs) >= 3
    assert {frozenset(each["bookmarks"]["deals"]) for each in run.states[1:]} == {frozenset(BOOKMARK)}


@pytest.mark.parametrize("after", [0, 1], ids=["from that second", "from the next"])
def test_a_crowded_second_at_a_windows_border(big: Portal, run_tap: Tap, catalog: Catalog, after: int) -> None:
    dates = _modification_dates(big, "deals")
    ((crowded, _),) = Counter(dates.values()).most_common(1)
    together = _modified(dates, crowded, crowded + timedelta(seconds=1))
    assert len(together) >= 2_000
    low = crowded + timedelta(seconds=after)
    config = big.config(lookback_seconds=0)
    run = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    assert sorted(run.ids("deals")) == sorted(_modified(dates, low, BEGIN))
    assert set(run.ids("deals")) & together == (set() if after else together)


def test_more_rows_in_one_second_than_a_window_should_hold(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=10_000)
    portal.control("clock", {"advance": 3_600})
    changed = set(portal.mutate(table="deals", update=7_000)["updated"])
    portal.control("clock", {"advance": 3_600})
    portal.forget_stats()
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=_bookmark("deals", BEGIN)).succeeded()
    assert set(run.ids("deals")) == changed
    assert portal.stats()["counted"] == {"crm.deal.list": 1, **FIRST_REQUEST}
    assert _high(run, "deals") >= BEGIN + timedelta(hours=2)
