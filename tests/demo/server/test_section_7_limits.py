"""docs/protocol.md §7: the leaky bucket, the operating time, and the `time` of answers."""

import http.client
import json
import time
from datetime import datetime
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import JSON, Wire, command

SERVER_TIME = "server.time"
ALWAYS = {"start", "finish", "duration", "processing", "date_start", "date_finish"}


def statuses(portal: Wire, times: int, method: str = SERVER_TIME) -> list[int]:
    return [portal.call(method).status for _ in range(times)]


# Leaky bucket


def test_7_a_burst_of_50_passes_then_503_then_two_a_second(start: Start) -> None:
    portal = start(no_limits=False)
    began = time.monotonic()
    seen = statuses(portal, 60)
    allowed = 50 + int(2 * (time.monotonic() - began)) + 1
    assert set(seen[:50]) == {200}
    assert 503 in seen
    assert seen.count(200) <= allowed
    answer = next(answer for answer in iter(lambda: portal.call(SERVER_TIME), None) if answer.status == 503)
    assert answer.error == (503, "QUERY_LIMIT_EXCEEDED")
    time.sleep(1.1)
    assert statuses(portal, 2) == [200, 200]
    assert portal.stats()["http"]["503"] >= seen.count(503)


def test_7_enterprise_allows_a_burst_of_250(start: Start) -> None:
    portal = start(no_limits=False, plan="enterprise")
    assert set(statuses(portal, 120)) == {200}


def test_7_a_batch_counts_as_one_request(start: Start) -> None:
    portal = start(no_limits=False)
    cmd = {f"c{n}": SERVER_TIME for n in range(50)}
    assert {portal.call("batch", {"cmd": cmd}).status for _ in range(10)} == {200}
    assert set(statuses(portal, 40)) == {200}


def test_7_the_bucket_comes_before_auth(start: Start) -> None:
    portal = start(no_limits=False)
    statuses(portal, 55)
    seen = {portal.send("POST", "/rest/1/wrong/crm.deal.list", "{}", {"Content-Type": JSON}).status for _ in range(4)}
    assert 503 in seen


def test_7_without_limits_there_is_no_503(own: Wire) -> None:
    assert set(statuses(own, 70)) == {200}


# Operating


def operating(portal: Wire, method: str, params: Any = None) -> float:
    return float(portal.call(method, params).body["time"]["operating"])


def test_7_calls_longer_than_a_tenth_of_a_second_are_charged_to_their_method(start: Start) -> None:
    portal = start(no_limits=False, page_time=150)
    assert operating(portal, "crm.deal.list") == 0.15
    assert operating(portal, "crm.deal.list") == 0.3
    assert operating(portal, "crm.status.list") == 0.15
    assert portal.stats()["highest_operating"] == {"crm.deal.list": 0.3, "crm.status.list": 0.15}


def test_7_an_operating_cost_is_charged_by_the_page_and_not_waited_for(start: Start) -> None:
    portal = start(no_limits=False, operating_cost=250)
    assert [operating(portal, "crm.deal.list") for _ in range(3)] == [0.25, 0.5, 0.75]
    pages = {name: command("crm.deal.list", {"start": -1}) for name in "abc"}
    times = portal.batch(pages)["result_time"]
    assert [times[name]["operating"] for name in "abc"] == [1, 1.25, 1.5]
    assert operating(portal, "server.time") == 0, "no page"
    assert portal.stats()["highest_operating"]["crm.deal.list"] == 1.5


def test_7_the_operating_cost_may_change_while_the_portal_runs(own: Wire) -> None:
    assert own.faults(operating_ms=500)["operating_ms"] == 500
    assert operating(own, "crm.deal.list") == 0.5
    own.faults(operating_ms=2000)
    assert operating(own, "crm.deal.list") == 2.5
    assert own.faults(clear=True)["operating_ms"] == 0


@pytest.mark.parametrize(("slept", "cost", "charged"), [(0, 100, 0), (25, 75, 0), (0, 100.5, 0.1005), (25, 125, 0.15)])
def test_7_pages_of_a_tenth_of_a_second_are_not_charged_longer_ones_are(
    start: Start, slept: float, cost: float, charged: float
) -> None:
    assert operating(start(page_time=slept, operating_cost=cost), "crm.deal.list") == charged


def test_7_shorter_calls_are_not(start: Start) -> None:
    portal = start(no_limits=False, page_time=5)
    assert [operating(portal, "crm.deal.list") for _ in range(4)] == [0, 0, 0, 0]


def test_7_inner_methods_of_a_batch_are_charged_batch_itself_is_not(start: Start) -> None:
    portal = start(no_limits=False, operating_cost=120)
    answer = portal.call("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.lead.list"}})
    times = answer.result["result_time"]
    assert times["a"]["operating"] == 0.12
    assert times["b"]["operating"] == 0.12
    assert portal.stats()["highest_operating"].get("batch", 0) == 0


@pytest.mark.parametrize("window", [600, 30])
def test_7_reset_at_lies_within_the_window(start: Start, window: int) -> None:
    portal = start(no_limits=False, operating_cost=120, operating_window=window)
    stamp = portal.call("crm.deal.list").body["time"]
    assert 0 < float(stamp["operating_reset_at"]) - float(stamp["start"]) <= window + 1


def exhaust(portal: Wire) -> None:
    """Calls until the operating time of deals is used up: 420 seconds; the call that exceeds them is the last."""
    assert statuses(portal, 6, "crm.deal.list") == [200] * 5 + [429]


def test_7_a_method_over_its_budget_is_429_others_go_on_and_the_window_frees_it(start: Start) -> None:
    portal = start(no_limits=False, operating_cost=105_000)
    exhaust(portal)
    answer = portal.call("crm.deal.list")
    assert answer.error == (429, "OPERATION_TIME_LIMIT")
    assert answer.body["error_description"] == "Method is blocked due to operation time limit."
    assert portal.call("crm.lead.list").status == 200
    maps = portal.batch({"a": "crm.deal.list", "b": "crm.lead.list"})
    assert maps["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert set(maps["result"]) == {"b"}
    assert portal.stats()["errors"] == {"OPERATION_TIME_LIMIT": 3}
    portal.control("clock", {"advance": 500})
    assert portal.call("crm.deal.list").status == 429
    portal.control("clock", {"advance": 101})
    assert portal.call("crm.deal.list").status == 200


def test_7_a_shorter_window_forgets_sooner_and_allows_no_less(start: Start) -> None:
    portal = start(no_limits=False, operating_cost=105_000, operating_window=30)
    exhaust(portal)
    portal.control("clock", {"advance": 31})
    exhaust(portal)


def test_7_the_operating_limit_comes_after_auth(start: Start) -> None:
    """§1.3: a wrong secret is refused as such even while the method is blocked."""
    portal = start(no_limits=False, operating_cost=105_000)
    exhaust(portal)
    wrong = portal.send("POST", "/rest/1/wrong/crm.deal.list", "{}", {"Content-Type": JSON})
    assert wrong.error == (401, "INVALID_CREDENTIALS")


# `time`


@pytest.mark.parametrize(("method", "newest"), [("crm.deal.list", False), ("crm.item.list", True)])
def test_7_time_is_complete_and_newest_code_starts_at_a_whole_second(
    portal: Wire, method: str, *, newest: bool
) -> None:
    stamp = portal.call(method, {"entityTypeId": 2}).body["time"]
    assert set(stamp) == {*ALWAYS, "operating", "operating_reset_at"}
    assert isinstance(stamp["start"], int) is newest
    assert isinstance(stamp["finish"], float)
    assert not newest or stamp["processing"] == 0
    assert stamp["duration"] >= 0
    begin, end = datetime.fromisoformat(stamp["date_start"]), datetime.fromisoformat(stamp["date_finish"])
    assert begin <= end
    assert stamp["date_start"].endswith("-03:00")


def test_7_time_runs_by_the_clock_of_the_portal(own: Wire) -> None:
    own.control("clock", {"now": "2026-12-24T18:00:00Z"})
    stamp = own.call("crm.deal.list").body["time"]
    begin = datetime.fromisoformat(stamp["date_start"])
    assert 0 <= (begin - datetime.fromisoformat("2026-12-24T18:00:00+00:00")).total_seconds() < 30


def test_7_errors_carry_no_time(portal: Wire) -> None:
    assert "time" not in portal.call("crm.deal.list", {"filter": "x"}).body


def test_7_an_answer_is_json_open_to_every_origin(portal: Wire) -> None:
    headers = portal.call("crm.deal.list").headers
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert int(headers["content-length"]) > 0


def test_7_one_connection_serves_many_requests(portal: Wire) -> None:
    """HTTP/1.1 keep-alive; without it every benchmark would measure handshakes."""
    connection = http.client.HTTPConnection(portal.host, portal.port, timeout=30)
    try:
        for _ in range(3):
            connection.request("POST", f"{portal.root}server.time", body="{}", headers={"Content-Type": JSON})
            response = connection.getresponse()
            assert response.version == 11
            assert not response.will_close
            assert json.loads(response.read())["result"]
    finally:
        connection.close()


def test_7_commands_without_limits_still_have_time(portal: Wire) -> None:
    maps = portal.batch({"a": command("crm.deal.list", {"start": -1})})
    assert set(maps["result_time"]["a"]) >= ALWAYS
