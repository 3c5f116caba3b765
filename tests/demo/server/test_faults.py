"""Faults by name, by rule and by count: each one as a client would meet it."""

import http.client
import time
from typing import Any

import pytest

from tests.demo.wire import JSON, Wire, command, ids

DEALS = "crm.deal.list"
ORDERED = {"order": {"ID": "ASC"}, "start": -1}


def page(portal: Wire, **params: Any) -> list[int]:
    return portal.ids(DEALS, {**ORDERED, **params})


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("query_limit", 503, "QUERY_LIMIT_EXCEEDED"),
        ("operation_time_limit", 429, "OPERATION_TIME_LIMIT"),
        ("internal_server_error", 500, "INTERNAL_SERVER_ERROR"),
        ("wrong_encoding", 200, "WRONG_ENCODING"),
    ],
)
def test_errors_in_json(own: Wire, fault: str, status: int, code: str) -> None:
    own.faults({"fault": fault, "times": 1})
    assert own.call(DEALS).error == (status, code)
    assert len(own.result(DEALS)) == 50
    assert own.stats()["errors"][code] == 1


@pytest.mark.parametrize(("fault", "status"), [("html_502", 502), ("html_200", 200), ("gateway_timeout", 504)])
def test_answers_in_html(own: Wire, fault: str, status: int) -> None:
    own.faults({"fault": fault, "times": 1})
    answer = own.call(DEALS)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<html" in answer.raw.lower()


def test_an_empty_200(own: Wire) -> None:
    own.faults({"fault": "empty_200", "times": 1})
    answer = own.call(DEALS)
    assert (answer.status, answer.raw) == (200, b"")


def test_truncated_json(own: Wire) -> None:
    """The answer is cut off, either below Content-Length or as a broken document."""
    own.faults({"fault": "truncated_json", "times": 1})
    with pytest.raises((http.client.IncompleteRead, ValueError)):
        _ = own.call(DEALS).body


def test_a_connection_that_breaks(own: Wire) -> None:
    own.faults({"fault": "disconnect", "times": 1})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        own.call(DEALS)
    assert len(own.result(DEALS)) == 50


def test_a_slow_answer(own: Wire) -> None:
    own.faults({"fault": "slow", "param": 0.4, "times": 1})
    began = time.monotonic()
    assert len(own.result(DEALS)) == 50
    assert time.monotonic() - began >= 0.4


def test_an_error_of_one_command_in_a_batch(own: Wire) -> None:
    own.faults({"fault": "command_error", "param": "SOME_CODE", "method": "crm.lead.list", "times": 1})
    maps = own.batch({"a": DEALS, "b": "crm.lead.list", "c": "crm.lead.list"})
    assert {key: error["error"] for key, error in maps["result_error"].items()} == {"b": "SOME_CODE"}
    assert set(maps["result"]) == {"a", "c"}


def test_the_operating_limit_inside_a_batch_is_the_command_s_own(own: Wire) -> None:
    own.faults({"fault": "operation_time_limit", "method": DEALS, "after": 1, "times": 1})
    answer = own.call("batch", {"cmd": {"a": DEALS, "b": DEALS, "c": DEALS}})
    assert answer.status == 200
    assert {key: error["error"] for key, error in answer.result["result_error"].items()} == {
        "b": "OPERATION_TIME_LIMIT"
    }


def test_a_short_page_though_more_rows_exist(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    own.faults({"fault": "short_page", "method": DEALS, "param": 7, "times": 1})
    assert page(own) == truth[:43]
    assert page(own) == truth[:50]


def test_a_filter_that_is_ignored(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    own.faults({"fault": "drop_filter", "method": DEALS})
    assert page(own, filter={">ID": truth[99]}) == truth[:50]


def test_an_order_that_is_ignored(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    own.faults({"fault": "drop_order", "method": DEALS})
    assert page(own) != truth[:50]


def test_a_list_that_answers_page_1_for_ever(own: Wire) -> None:
    truth = ids(own.truth("deals"))
    own.faults({"fault": "repeat_page", "method": DEALS})
    assert page(own, start=100) == truth[:50]
    assert page(own, start=200) == truth[:50]


@pytest.mark.parametrize(
    ("method", "params", "key"),
    [(DEALS, {}, "ID"), ("crm.item.list", {"entityTypeId": 2}, "id"), ("tasks.task.list", {}, "id")],
)
def test_a_row_without_its_key(own: Wire, method: str, params: dict[str, Any], key: str) -> None:
    own.faults({"fault": "missing_id", "method": method, "times": 1})
    result = own.result(method, params)
    rows = next(iter(result.values())) if isinstance(result, dict) else result
    assert len([row for row in rows if key not in row]) == 1


def test_a_redirect_to_another_address(own: Wire) -> None:
    location = "http://127.0.0.1:9/rest/1/moved/"
    own.faults({"fault": "redirect", "param": location, "times": 1})
    answer = own.call(DEALS)
    assert answer.status == 302
    assert answer.headers["location"].startswith(location)


# Rules


def test_after_every_and_times_count_the_matches(own: Wire) -> None:
    own.faults({"fault": "internal_server_error", "method": DEALS, "after": 2, "every": 3, "times": 2})
    seen = [own.call(DEALS).status for _ in range(12)]
    assert seen[:2] == [200, 200]
    assert seen.count(500) == 2
    first, second = (index for index, status in enumerate(seen) if status == 500)
    assert second - first == 3


def test_a_glob_matches_outer_and_inner_methods(own: Wire) -> None:
    own.faults({"fault": "command_error", "param": "X", "method": "crm.*.list"})
    maps = own.batch({"a": DEALS, "b": "user.get", "c": "crm.lead.list"})
    assert set(maps["result_error"]) == {"a", "c"}
    own.faults({"fault": "internal_server_error", "method": "user.*"}, clear=True)
    assert [own.call("user.get").status, own.call(DEALS).status] == [500, 200]


def test_clear_takes_all_rules_away(own: Wire) -> None:
    own.faults({"fault": "internal_server_error"})
    assert own.call(DEALS).status == 500
    active = own.faults(clear=True)
    assert active["rules"] == []
    assert own.call(DEALS).status == 200


def test_the_active_set_is_told(own: Wire) -> None:
    active = own.faults({"fault": "slow", "param": 1, "method": "user.*"}, switches={"count_cap": 5})
    assert [rule["fault"] for rule in active["rules"]] == ["slow"]
    assert str(active["switches"]["count_cap"]) == "5"


@pytest.mark.parametrize("body", ['{"rules": [{"fault": "no_such_fault"}]}', "{"])
def test_an_unknown_fault_is_refused(own: Wire, body: str) -> None:
    assert own.send("POST", "/_demo/faults", body, {"Content-Type": JSON}).status == 400
    assert own.call(DEALS).status == 200


# Costs


def elapsed(portal: Wire, method: str, params: Any = None) -> float:
    began = time.monotonic()
    portal.result(method, params)
    return time.monotonic() - began


def test_latency_is_paid_by_request_page_time_by_page_count_time_by_count(own: Wire) -> None:
    own.faults(latency_ms=200)
    assert elapsed(own, "server.time") >= 0.2
    own.faults(latency_ms=0, page_ms=100)
    batch = {"halt": 0, "cmd": {f"c{n}": command(DEALS, ORDERED) for n in range(3)}}
    assert elapsed(own, "batch", batch) >= 0.3
    own.faults(page_ms=0, count_ms=500)
    assert elapsed(own, DEALS) >= 0.5
    assert elapsed(own, DEALS, ORDERED) < 0.5
