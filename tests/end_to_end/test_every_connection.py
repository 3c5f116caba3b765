"""What holds for every door: rows come whole through faults that pass, and while others change them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.running import Portal, Tap

DOORS = {"webhook": "deals", "oauth": "deals", "vibecode": "deals", "site": "orders"}
"""Door → the stream whose rows are the portal's deals."""
CALLS = {"webhook": "*", "oauth": "batch", "vibecode": "v1/*/*", "site": "api/v1/*"}
"""Door → what a fault is to hit: calls that read, after the door has opened."""
Opened = tuple[Portal, dict[str, Any]]
each_door = pytest.mark.parametrize("door", DOORS)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Starts a portal: the raw client, and settings of a tap that comes through a door."""
    with ExitStack() as stack:

        def begin(door: str, **options: Any) -> Opened:
            chosen = {"scale": 800, "seed": 1, "no_limits": True, "clock": "now", **options}
            running = stack.enter_context(serve(**chosen))
            tokens = {"token_file": str(tmp_path / "tokens.json")} if door == "oauth" else {}
            return Portal(running.url), {**running.config(door), **tokens}

        yield begin


@each_door
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
def test_faults_that_pass_cost_no_row(
    opened: Callable[..., Opened], run_tap: Tap, door: str, fault: dict[str, Any]
) -> None:
    portal, config = opened(door)
    catalog = run_tap.discover(config)
    portal.faults({"method": CALLS[door], **fault, "after": fault["after"] - 2})
    run = run_tap(config, catalog=catalog, streams=[DOORS[door]]).succeeded()
    assert Counter(run.ids(DOORS[door])) == Counter(int(row["ID"]) for row in portal.truth("deals"))


@each_door
def test_rows_that_come_and_go_meanwhile_cost_no_other(opened: Callable[..., Opened], run_tap: Tap, door: str) -> None:
    portal, config = opened(door)
    catalog = run_tap.discover(config)
    before = {int(row["ID"]) for row in portal.truth("deals")}
    portal.mutate(every_requests=1, times=25, table="deals", insert=2, delete=1, update=2)
    run = run_tap(config, catalog=catalog, streams=[DOORS[door]]).succeeded()
    after = {int(row["ID"]) for row in portal.truth("deals")}
    read = Counter(run.ids(DOORS[door]))
    assert set(read.values()) == {1}
    assert before & after <= read.keys()


@each_door
def test_a_list_that_grows_meanwhile_has_an_end(opened: Callable[..., Opened], run_tap: Tap, door: str) -> None:
    """Rows that are added while it is read are the next run's; nobody waits for a page that has none."""
    portal, config = opened(door, scale=300)
    catalog = run_tap.discover(config)
    before = {int(row["ID"]) for row in portal.truth("deals")}
    portal.mutate(every_requests=1, table="deals", insert=3)
    run = run_tap(config, catalog=catalog, streams=[DOORS[door]]).succeeded()
    assert before <= set(run.ids(DOORS[door]))


@each_door
def test_two_runs_bring_what_one_would(opened: Callable[..., Opened], run_tap: Tap, door: str) -> None:
    portal, config = opened(door, scale=300)
    catalog = run_tap.discover(config)
    first = run_tap(config, catalog=catalog, streams=[DOORS[door]]).succeeded()
    portal.control("clock", {"advance": -5})
    portal.mutate(table="deals", insert=7, update=5)
    portal.control("clock", {"advance": 5})  # what changes in the very second a run begins is the next one's
    again = run_tap(config, catalog=catalog, streams=[DOORS[door]], state=first.state).succeeded()
    assert len(again.ids(DOORS[door])) < 60
    read = {*first.ids(DOORS[door]), *again.ids(DOORS[door])}
    assert read == {int(row["ID"]) for row in portal.truth("deals")}


@each_door
def test_no_secret_is_printed(opened: Callable[..., Opened], run_tap: Tap, door: str) -> None:
    portal, config = opened(door, scale=60)
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
