"""The tap against the portals on which the clients of `test_real_clients.py` lose rows or give up.

What both do stands side by side in docs/reliability.md.
"""

from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Portal, Tap

pytestmark = pytest.mark.slow
SCALE = 3000
DEALS = "crm.deal.list"


def ids(portal: Portal, stream: str = "deals") -> set[int]:
    """Return the ids of the portal's rows."""
    return {int(row["ID"]) for row in portal.truth(stream)}


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "html_200", "after": 1, "times": 1},
        {"fault": "short_page", "method": DEALS, "param": 5, "after": 20, "times": 1},
        {"fault": "short_page", "method": DEALS, "param": 1, "after": 11, "times": 1},
        {"fault": "drop_filter", "method": DEALS},
        {"fault": "operation_time_limit", "method": DEALS, "after": 8, "times": 20},
        {"fault": "operation_time_limit", "method": DEALS, "after": 10, "times": 20},
    ],
    ids=str,
)
def test_all_deals_arrive(start: Start, run_tap: Tap, catalog: dict[str, Any], fault: dict[str, Any]) -> None:
    portal = start(scale=SCALE)
    portal.faults(fault)
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    assert {record["id"] for record in run.records("deals")} == ids(portal)


def test_a_limit_that_never_ends_fails_the_stream_and_keeps_what_was_read(
    start: Start, run_tap: Tap, catalog: dict[str, Any]
) -> None:
    portal = start(scale=SCALE)
    portal.faults({"fault": "operation_time_limit", "method": DEALS, "after": 10})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"])
    assert run.code == 1
    assert "OPERATION_TIME_LIMIT" in run.stderr.splitlines()[-1]
    portal.faults(clear=True)
    again = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=run.state).succeeded()
    assert {record["id"] for each in (run, again) for record in each.records("deals")} == ids(portal)


@pytest.mark.parametrize(
    "change",
    [
        {"delete": 1, "every_requests": 1, "times": 40, "between_commands": True},
        {"insert": 200, "every_requests": 1, "times": 1},
        {"insert": 1, "delete": 1, "every_requests": 1, "times": 30, "between_commands": True},
    ],
    ids=str,
)
def test_rows_that_come_and_go(start: Start, run_tap: Tap, catalog: dict[str, Any], change: dict[str, Any]) -> None:
    portal = start(scale=SCALE)
    before = ids(portal)
    portal.mutate(table="deals", **change)
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    portal.mutate(clear=True)
    found = {record["id"] for record in run.records("deals")}
    assert before & ids(portal) <= found
    again = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=run.state).succeeded()
    assert ids(portal) <= found | {record["id"] for record in again.records("deals")}


def test_users_of_an_old_portal(start: Start, run_tap: Tap, catalog: dict[str, Any]) -> None:
    portal = start(scale=SCALE)
    portal.mutate(table="users", insert=max(0, 130 - len(portal.truth("users"))))
    portal.switch(user_get_prefixes="old")
    run = run_tap(portal.config(), catalog=catalog, streams=["users"]).succeeded()
    assert {record["id"] for record in run.records("users")} == ids(portal, "users")
    assert len(ids(portal, "users")) >= 130
