"""Reading what changed: bounds on the portal's clock, STATE, resuming (decisions 11-15)."""

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
    """Where a stream's truth is told, and by which dates it is read."""

    table: str
    stamp: str
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


def _stamps(portal: Portal, stream: str) -> dict[int, datetime]:
    """The portal's truth: id → when it was last modified."""
    told = TABLES[stream]
    rows = portal.table(told.table, told.key)
    # a task nobody has changed has no changed date; the filter takes its creation date then
    return {number: datetime.fromisoformat(row[told.stamp] or row["createdDate"]) for number, row in rows.items()}


def _modified(stamps: Mapping[int, datetime], low: datetime, high: datetime) -> set[int]:
    return {number for number, stamp in stamps.items() if low <= stamp < high}


def _bookmark(stream: str, moment: datetime) -> dict[str, Any]:
    """STATE of a stream that is read up to a moment."""
    mark = {"replication_key": TABLES[stream].replication_key, "replication_key_value": _iso(moment)}
    return {"bookmarks": {stream: mark}}


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
        assert state == {"snapshot": {"after": state["snapshot"]["after"], "clock": clock}}
        assert number == 0 or state["snapshot"]["after"] > snapshots[number - 1]["snapshot"]["after"]
    assert last == {"replication_key": "date_modify", "replication_key_value": clock}


def _before(run: Run, number: int, stream: str) -> set[int]:
    """Ids written before the STATE of that number."""
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
    """Rows modified since then may lie behind the ids read already, so windows follow in the same run."""
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
    """Rows modified in every second around the run's start: what is left out by one run comes with the next."""
    portal = start()
    began = BEGIN + timedelta(hours=1)
    for second in range(30):
        portal.control("clock", {"now": _iso(began + timedelta(seconds=second))})
        portal.mutate(table="deals", update=5)
    stamps = _stamps(portal, "deals")
    portal.control("clock", {"now": _iso(began + timedelta(seconds=3))})
    config = portal.config(lookback_seconds=0)
    low = began + timedelta(seconds=1)
    first = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    high = _high(first, "deals")
    assert low + timedelta(seconds=1) < high < began + timedelta(seconds=30)
    assert {low, high} <= set(stamps.values()), "there must be rows exactly on the bounds"
    assert set(first.ids("deals")) == _modified(stamps, low, high)
    portal.control("clock", {"now": _iso(began + timedelta(seconds=60))})
    second_run = run_tap(config, catalog=catalog, streams=["deals"], state=first.state).succeeded()
    assert set(second_run.ids("deals")) == _modified(stamps, high, datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize("lookback", [0, 100, 86_400 * 20])
def test_lookback_reads_before_the_bookmark(portal: Portal, run_tap: Tap, catalog: Catalog, lookback: int) -> None:
    low = BEGIN - timedelta(days=30)
    config = portal.config(lookback_seconds=lookback)
    run = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    wanted = _modified(_stamps(portal, "deals"), low - timedelta(seconds=lookback), _high(run, "deals"))
    assert wanted
    assert sorted(run.ids("deals")) == sorted(wanted)


@pytest.mark.parametrize("shift", ["on", "off"])
def test_a_second_run_brings_what_changed(start: Start, run_tap: Tap, catalog: Catalog, shift: str) -> None:
    """Changed and new rows, those inside the lookback (here none), and the tables that are always read whole."""
    portal = start(switches={"item_date_shift": shift})
    first = run_tap(portal.config(), catalog=catalog, streams=ALL).succeeded()
    for stream, told in TABLES.items():
        assert set(first.ids(stream)) == portal.table(told.table, told.key).keys()
        assert first.state["bookmarks"][stream].keys() == {"replication_key", "replication_key_value"}
        assert first.state["bookmarks"][stream]["replication_key"] == told.replication_key
    assert first.state["bookmarks"][HISTORY]["replication_key"] == "created_time"
    assert first.state["bookmarks"].keys() == {*TABLES, HISTORY}
    portal.control("clock", {"advance": 3_600})
    changed: dict[str, set[int]] = {}
    for stream, told in TABLES.items():
        done = portal.mutate(table=told.table, update=3, insert=2)
        changed[stream] = {*done["updated"], *done["inserted"]}
    portal.mutate(table="stage_history_2", insert=4)
    portal.control("clock", {"advance": 60})
    portal.forget_stats()
    second = run_tap(portal.config(), catalog=catalog, streams=ALL, state=first.state).succeeded()
    for stream, wanted in changed.items():
        assert sorted(second.ids(stream)) == sorted(wanted), stream
    assert len(second.records(HISTORY)) == 4
    for stream, table in FULL.items():
        assert len(second.records(stream)) == portal.counts()[table], stream
    # small changes fill no page, so nothing is counted
    assert portal.stats()["counted"] == {"department.get": 1}


@pytest.mark.parametrize("shift", ["on", "off"])
def test_start_date_leaves_older_rows_out(start: Start, run_tap: Tap, catalog: Catalog, shift: str) -> None:
    portal = start(scale=600, switches={"item_date_shift": shift})
    low = datetime.fromisoformat("2026-06-01T00:00:00+05:00")
    config = portal.config(start_date=low.isoformat())
    run = run_tap(config, catalog=catalog, streams=ALL).succeeded()
    for stream in TABLES:
        stamps = _stamps(portal, stream)
        wanted = _modified(stamps, low, BEGIN)
        assert sorted(run.ids(stream)) == sorted(wanted), stream
        assert 0 < len(wanted) < len(stamps), stream
    history = portal.truth("stage_history")
    newer = [row for row in history if datetime.fromisoformat(row["CREATED_TIME"]) >= low]
    assert 0 < len(newer) < len(history)
    assert len(run.records(HISTORY)) == len(newer)
    for stream, table in FULL.items():
        assert len(run.records(stream)) == portal.counts()[table], stream


def test_at_most_one_count_per_stream_and_state_after_every_window(big: Portal, run_tap: Tap, catalog: Catalog) -> None:
    big.forget_stats()
    state = _bookmark("deals", BEGIN - timedelta(days=4_000))
    run = run_tap(big.config(), catalog=catalog, streams=["deals"], state=state).succeeded()
    ids = run.ids("deals")
    assert len(ids) == len(set(ids)) == 10_000
    assert big.stats()["counted"] == {"crm.deal.list": 1}
    highs = [each["bookmarks"]["deals"]["replication_key_value"] for each in run.states]
    assert highs == sorted(highs)
    assert len(highs) >= 3
    assert {frozenset(each["bookmarks"]["deals"]) for each in run.states} == {
        frozenset({"replication_key", "replication_key_value"})
    }


@pytest.mark.parametrize("after", [0, 1], ids=["from that second", "from the next"])
def test_a_crowded_second_at_a_windows_border(big: Portal, run_tap: Tap, catalog: Catalog, after: int) -> None:
    stamps = _stamps(big, "deals")
    ((crowded, _),) = Counter(stamps.values()).most_common(1)
    together = _modified(stamps, crowded, crowded + timedelta(seconds=1))
    assert len(together) >= 2_000
    low = crowded + timedelta(seconds=after)
    config = big.config(lookback_seconds=0)
    run = run_tap(config, catalog=catalog, streams=["deals"], state=_bookmark("deals", low)).succeeded()
    assert sorted(run.ids("deals")) == sorted(_modified(stamps, low, BEGIN))
    assert set(run.ids("deals")) & together == (set() if after else together)


def test_more_rows_in_one_second_than_a_window_should_hold(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=10_000)
    portal.control("clock", {"advance": 3_600})
    changed = set(portal.mutate(table="deals", update=7_000)["updated"])
    portal.control("clock", {"advance": 3_600})
    portal.forget_stats()
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=_bookmark("deals", BEGIN)).succeeded()
    assert set(run.ids("deals")) == changed
    assert portal.stats()["counted"] == {"crm.deal.list": 1}
    assert _high(run, "deals") >= BEGIN + timedelta(hours=2)
