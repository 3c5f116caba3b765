"""Every connection: all rows are read in spite of temporary faults, and while rows are changed."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.running import Portal, Tap

STREAMS = {"webhook": "deals", "oauth": "deals", "vibecode": "deals", "site": "orders"}
"""Connection → the stream whose rows are the portal's deals."""
CALLS = {"webhook": "*", "oauth": "batch", "vibecode": "v1/*/*", "site": "api/v1/*"}
"""Connection → the calls that get a fault: those that read rows, not those of the authorization."""
Opened = tuple[Portal, dict[str, Any]]
each_connection = pytest.mark.parametrize("connection", STREAMS)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return a function that starts a portal; it returns the raw client, and the tap's settings for a connection."""
    with ExitStack() as stack:

        def begin(connection: str, **options: Any) -> Opened:
            chosen = {"scale": 800, "seed": 1, "no_limits": True, "clock": "now", **options}
            running = stack.enter_context(serve(**chosen))
            tokens = {"token_file": str(tmp_path / "tokens.json")} if connection == "oauth" else {}
            return Portal(running.url), {**running.config(connection), **tokens}

        yield begin


@each_connection
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "html_502", "after": 3, "every": 4, "times": 4},
        {"fault": "disconnect", "after": 2, "every": 5, "times": 3},
        {"fault": "truncated_json", "after": 3, "every": 3, "times": 3},
        {"fault": "gateway_timeout", "after": 4, "times": 1},
        {"fault": "query_limit", "after": 4, "times": 2},
    ],
    ids=lambda fault: fault["fault"],
)
def test_temporary_faults_lose_no_row(
    opened: Callable[..., Opened], run_tap: Tap, connection: str, fault: dict[str, Any]
) -> None:
    portal, config = opened(connection)
    catalog = run_tap.discover(config)
    portal.faults({"method": CALLS[connection], **fault, "after": fault["after"] - 2})
    run = run_tap(config, catalog=catalog, streams=[STREAMS[connection]]).succeeded()
    assert Counter(run.ids(STREAMS[connection])) == Counter(int(row["ID"]) for row in portal.truth("deals"))


@each_connection
def test_rows_inserted_and_deleted_during_the_read_lose_no_other(
    opened: Callable[..., Opened], run_tap: Tap, connection: str
) -> None:
    portal, config = opened(connection)
    catalog = run_tap.discover(config)
    before = {int(row["ID"]) for row in portal.truth("deals")}
    portal.mutate(every_requests=1, times=25, table="deals", insert=2, delete=1, update=2)
    run = run_tap(config, catalog=catalog, streams=[STREAMS[connection]]).succeeded()
    after = {int(row["ID"]) for row in portal.truth("deals")}
    read = Counter(run.ids(STREAMS[connection]))
    assert set(read.values()) == {1}
    assert before & after <= read.keys()


@each_connection
def test_reading_a_growing_list_ends(opened: Callable[..., Opened], run_tap: Tap, connection: str) -> None:
    """Rows inserted while it is read are left to the next run; the tap does not wait for an empty page."""
    portal, config = opened(connection, scale=300)
    catalog = run_tap.discover(config)
    before = {int(row["ID"]) for row in portal.truth("deals")}
    portal.mutate(every_requests=1, table="deals", insert=3)
    run = run_tap(config, catalog=catalog, streams=[STREAMS[connection]]).succeeded()
    assert before <= set(run.ids(STREAMS[connection]))


@each_connection
def test_two_runs_read_what_one_would(opened: Callable[..., Opened], run_tap: Tap, connection: str) -> None:
    portal, config = opened(connection, scale=300)
    catalog = run_tap.discover(config)
    first = run_tap(config, catalog=catalog, streams=[STREAMS[connection]]).succeeded()
    portal.control("clock", {"advance": -5})
    portal.mutate(table="deals", insert=7, update=5)
    portal.control("clock", {"advance": 5})  # what changes in the second a run starts is read by the next run
    again = run_tap(config, catalog=catalog, streams=[STREAMS[connection]], state=first.state).succeeded()
    assert len(again.ids(STREAMS[connection])) < 60
    read = {*first.ids(STREAMS[connection]), *again.ids(STREAMS[connection])}
    assert read == {int(row["ID"]) for row in portal.truth("deals")}


@each_connection
def test_no_secret_is_printed(opened: Callable[..., Opened], run_tap: Tap, connection: str) -> None:
    portal, config = opened(connection, scale=60)
    portal.faults({"method": "*", "fault": "html_502", "after": 2, "every": 3, "times": 3})
    run = run_tap(config)
    secrets = [
        config[name]
        for name in ("client_secret", "refresh_token", "vibecode_api_key", "site_api_key")
        if name in config
    ]
    secrets += [config["webhook_url"].rstrip("/").rpartition("/")[2]] if "webhook_url" in config else []
    assert secrets
    assert not [secret for secret in secrets if secret in run.stdout + run.stderr]
