"""Faults at the start, during discovery and in mid-run pass; exit code 2 is only for what repeating cannot help."""

from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Tap

Catalog = dict[str, Any]
PASSING = ["internal_server_error", "html_502", "gateway_timeout", "disconnect", "html_200", "empty_200", "query_limit"]
STREAMS = ["deals", "crm_statuses", "tasks"]


def some(values: list[str], *kept: str) -> list[Any]:
    """Return values of which only these are tried by default."""
    return [value if value in kept else pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("fault", some(PASSING, "query_limit"))
@pytest.mark.parametrize("times", [1, 5])
def test_some_seconds_of_faults_at_the_start_lose_nothing(
    start: Start, run_tap: Tap, catalog: Catalog, fault: str, times: int
) -> None:
    portal = start(scale=60)
    portal.faults({"fault": fault, "times": times})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("fault", some(PASSING, "html_200"))
def test_a_portal_that_stays_unreachable_ends_with_1(start: Start, run_tap: Tap, catalog: Catalog, fault: str) -> None:
    portal = start(scale=60)
    portal.faults({"fault": fault})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS)
    assert (run.code, run.stdout, "Traceback" in run.stderr) == (1, "", False)
    assert portal.url.rstrip("/").rpartition("/")[2] not in run.stderr
    assert portal.stats()["requests"] <= 40


@pytest.mark.slow
@pytest.mark.parametrize("fault", PASSING)
def test_a_portal_that_breaks_down_after_the_first_request_ends_with_1(
    start: Start, run_tap: Tap, catalog: Catalog, fault: str
) -> None:
    portal = start(scale=60)
    portal.faults({"fault": fault, "after": 1})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS)
    assert (run.code, "Traceback" in run.stderr) == (1, False)
    assert not list(run.of_type("ACTIVATE_VERSION"))
    portal.faults(clear=True)
    state = run.state if run.states else {}
    again = run_tap(portal.config(), catalog=catalog, streams=STREAMS, state=state).succeeded()
    assert {*run.ids("deals"), *again.ids("deals")} == set(portal.table("deals"))


@pytest.mark.parametrize("code", ["INVALID_CREDENTIALS", "NO_AUTH_FOUND", "PORTAL_DELETED"])
def test_what_repeating_cannot_help_ends_with_2_at_once(
    start: Start, run_tap: Tap, catalog: Catalog, code: str
) -> None:
    portal = start(scale=60)
    portal.faults({"fault": "auth", "param": code})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS)
    assert (run.code, run.stdout, "Traceback" in run.stderr) == (2, "", False)
    assert portal.stats()["requests"] == 1


@pytest.mark.parametrize("code", ["CONNECTION_ERROR", "ERROR_CORE", "INTERNAL_SERVER_ERROR", 0])
def test_passing_codes_of_the_first_request_are_asked_again(
    start: Start, run_tap: Tap, catalog: Catalog, code: str | int
) -> None:
    portal = start(scale=60)
    kind: dict[str, Any] = {"fault": "auth", "param": code}
    if code != "CONNECTION_ERROR":
        kind = {"fault": "refuse_request", "param": {"status": 500, "code": code, "text": ""}}
    portal.faults({**kind, "times": 3})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
