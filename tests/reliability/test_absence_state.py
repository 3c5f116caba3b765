"""STATE that would silence a stream: bookmarks ahead of the portal's clock, and a `start_date` that moved earlier."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap, only

Catalog = dict[str, Any]
Connect = Callable[..., tuple[Portal, dict[str, Any]]]
CLOCK = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""Where the portal's clock starts; it goes on while other tests read the same portal."""
TABLES = {
    "deals": ("deals", "date_modify", "ID"),
    "contacts": ("contacts", "date_modify", "ID"),
    "crm_activities": ("activities", "last_updated", "ID"),
    "tasks": ("tasks", "changed_date", "id"),
    "smart_invoices": ("smart_invoices", "updated_time", "id"),
    "smart_process_156": ("smart_process_156", "updated_time", "id"),
    "crm_stage_history": ("stage_history", "created_time", "ID"),
}
"""Stream → the portal's table, the replication key, the key of the portal's rows."""
each_stream = pytest.mark.parametrize(
    "stream",
    [name if name in ("deals", "smart_invoices") else pytest.param(name, marks=pytest.mark.slow) for name in TABLES],
)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rows(portal: Portal, stream: str) -> int:
    return len(portal.truth(TABLES[stream][0]))


def bookmark(stream: str, moment: datetime) -> dict[str, Any]:
    return {"bookmarks": {stream: {"replication_key": TABLES[stream][1], "replication_key_value": iso(moment)}}}


def snapshot(stream: str, moment: datetime, after: int = 10**6) -> dict[str, Any]:
    return {"bookmarks": {stream: {"snapshot": {"after": after, "clock": iso(moment)}}}}


def bookmarked(run: Run, stream: str) -> datetime:
    return datetime.fromisoformat(run.state["bookmarks"][stream]["replication_key_value"])


@each_stream
@pytest.mark.parametrize("state", [bookmark, snapshot], ids=["bookmark", "snapshot.clock"])
def test_state_beyond_the_portals_clock_is_not_believed(
    portal: Portal, run_tap: Tap, catalog: Catalog, stream: str, state: Any
) -> None:
    given = state(stream, CLOCK + timedelta(days=400))
    run = run_tap(portal.config(), catalog=catalog, streams=[stream], state=given).succeeded()
    assert len(run.records(stream)) == rows(portal, stream) > 0
    assert [line for line in run.warnings if stream in line and "ahead of the portal's clock" in line]
    assert bookmarked(run, stream) <= datetime.fromisoformat(portal.control("clock", {})["now"])
    again = run_tap(portal.config(), catalog=catalog, streams=[stream], state=run.state).succeeded()
    assert not [line for line in again.warnings if "ahead of the portal's clock" in line]


@pytest.mark.parametrize("stream", ["deals", "smart_invoices"])
@pytest.mark.parametrize("seconds", [60, 250])
def test_a_bookmark_ahead_by_less_than_the_lookback_is_the_clock(
    start: Start, run_tap: Tap, catalog: Catalog, stream: str, seconds: int
) -> None:
    portal = start(scale=60)
    first = run_tap(portal.config(), catalog=catalog, streams=[stream]).succeeded()
    portal.control("clock", {"advance": -seconds})
    again = run_tap(portal.config(), catalog=catalog, streams=[stream], state=first.state).succeeded()
    assert len(again.records(stream)) < len(first.records(stream)) or len(first.records(stream)) < 5
    assert bookmarked(again, stream) < bookmarked(first, stream)
    assert not [line for line in again.warnings if "ahead of" in line]


def test_rows_changed_after_the_portals_clock_was_put_back_arrive(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=60)
    state = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded().state
    portal.control("clock", {"advance": -200})
    for _ in range(3):
        portal.mutate(table="deals", insert=4)
        portal.control("clock", {"advance": 30})
        run = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=state).succeeded()
        state = run.state
        assert max(run.ids("deals")) == max(portal.table("deals"))


@pytest.fixture
def connections() -> Iterator[Connect]:
    """Return a function that starts a portal; it returns the raw client and the tap's settings for a connection."""
    with ExitStack() as stack:

        def connect(connection: str, **options: Any) -> tuple[Portal, dict[str, Any]]:
            running = stack.enter_context(
                serve(**{"scale": 300, "seed": 1, "no_limits": True, "clock": "now", **options})
            )
            return Portal(running.url), dict(running.config(connection))

        yield connect


@pytest.mark.parametrize(
    ("connection", "stream", "key"),
    [("vibecode", "deals", "updated_at"), ("site", "orders", "updated_at"), ("webhook", "event_log", "timestamp_x")],
)
def test_other_connections_do_not_believe_it_either(
    connections: Connect, run_tap: Tap, connection: str, stream: str, key: str
) -> None:
    portal, config = connections(connection)
    catalog = only(run_tap.discover(config), stream)
    first = run_tap(config, catalog=catalog).succeeded()
    portal.control("clock", {"advance": -86_400 * 3})
    again = run_tap(config, catalog=catalog, state=first.state).succeeded()
    assert len(again.records(stream)) >= len(first.records(stream)) * 0.9 > 0
    assert [line for line in again.warnings if "ahead of the portal's clock" in line]
    assert again.records(stream)[0][key]


@pytest.mark.parametrize(
    ("begin", "earlier"),
    [("2026-08-01", "2026-03-01"), ("2026-08-01", None), ("2026-10-30T12:00:00Z", "2026-10-30T00:00:00+05:00")],
)
@each_stream
def test_a_start_date_moved_earlier_brings_the_older_rows(
    portal: Portal, run_tap: Tap, catalog: Catalog, stream: str, begin: str, earlier: str | None
) -> None:
    since = {} if earlier is None else {"start_date": earlier}
    whole = run_tap(portal.config(**since), catalog=catalog, streams=[stream]).succeeded()
    first = run_tap(portal.config(start_date=begin), catalog=catalog, streams=[stream]).succeeded()
    second = run_tap(portal.config(**since), catalog=catalog, streams=[stream], state=first.state).succeeded()
    assert {*first.ids(stream), *second.ids(stream)} == set(whole.ids(stream))
    third = run_tap(portal.config(**since), catalog=catalog, streams=[stream], state=second.state).succeeded()
    assert len(third.ids(stream)) <= len(first.ids(stream)), "the older rows are loaded once"


@pytest.mark.parametrize(
    ("connection", "stream"), [("vibecode", "deals"), ("site", "orders"), ("webhook", "event_log")]
)
def test_other_connections_load_the_older_rows_too(
    connections: Connect, run_tap: Tap, connection: str, stream: str
) -> None:
    _, config = connections(connection)
    catalog = only(run_tap.discover(config), stream)
    whole = run_tap(config, catalog=catalog).succeeded()
    late = (datetime.now(UTC) - timedelta(days=20)).isoformat()
    first = run_tap({**config, "start_date": late}, catalog=catalog).succeeded()
    assert len(first.ids(stream)) < len(whole.ids(stream))
    second = run_tap(config, catalog=catalog, state=first.state).succeeded()
    assert {*first.ids(stream), *second.ids(stream)} == set(whole.ids(stream))


@pytest.mark.parametrize("fault", [{"fault": "null_result"}, {"fault": "refuse_command", "param": "ACCESS_DENIED"}])
def test_older_rows_that_could_not_be_read_are_asked_for_again(
    start: Start, run_tap: Tap, catalog: Catalog, fault: dict[str, Any]
) -> None:
    portal = start(scale=600)
    first = run_tap(portal.config(start_date="2026-09-01"), catalog=catalog, streams=["deals"]).succeeded()
    portal.faults({**fault, "method": "crm.deal.list", "after": 3})
    failed = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=first.state)
    assert failed.code == 1
    assert "deals" in failed.stderr.splitlines()[-1]
    portal.faults(clear=True)
    state = failed.state if failed.states else first.state
    last = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=state).succeeded()
    assert {*first.ids("deals"), *failed.ids("deals"), *last.ids("deals")} == set(portal.table("deals"))


def test_a_first_load_that_is_stopped_begins_anew_with_an_earlier_start_date(
    start: Start, run_tap: Tap, catalog: Catalog
) -> None:
    portal = start(scale=1500)
    portal.faults({"fault": "refuse_command", "param": "ACCESS_DENIED", "method": "crm.deal.list", "after": 6})
    first = run_tap(portal.config(start_date="2026-09-01"), catalog=catalog, streams=["deals"])
    assert first.code == 1
    assert first.ids("deals")
    portal.faults(clear=True)
    second = run_tap(portal.config(start_date="2026-01-01"), catalog=catalog, streams=["deals"], state=first.state)
    wanted = {
        number
        for number, row in portal.table("deals").items()
        if datetime.fromisoformat(row["DATE_MODIFY"]) >= datetime(2026, 1, 1, tzinfo=UTC)
    }
    assert {*first.ids("deals"), *second.succeeded().ids("deals")} == wanted
