"""docs/protocol.md §9: every switch, both ways."""

from datetime import timedelta
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import JSON, Wire, command, ids, instant

DEALS = "crm.deal.list"
WINDOW = {"order": {"ID": "ASC"}}


def test_9_user_get_prefixes(own: Wire) -> None:
    """Old servers honour keys without operators only, so a keyset by `>ID` reads page 1 again and again."""
    known = ids(own.truth("users"))
    assert own.ids("user.get", {"FILTER": {">ID": known[1]}}) == known[2:52]
    own.switch(user_get_prefixes="old")
    assert sorted(own.ids("user.get", {"FILTER": {">ID": known[1]}})) == known[:50]
    assert own.ids("user.get", {"FILTER": {"ID": known[1]}}) == [known[1]]
    assert own.stats()["dropped_filters"] == {"user.get:>ID": 1}


def test_9_user_get_no_count(own: Wire) -> None:
    body = own.call("user.get", {"start": -1}).body
    assert (body["total"], body.get("next")) == (0, None)
    own.switch(user_get_no_count="old")
    assert own.call("user.get", {"start": -1}).body["total"] == own.counts()["users"]


def test_9_nested_batch(own: Wire) -> None:
    outer = {"x": command("batch", {"cmd": {"a": f"{DEALS}?select[]=ID"}})}
    assert own.batch(outer)["result_error"]["x"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    own.switch(nested_batch="allowed")
    maps = own.batch(outer)
    assert maps["result_error"] == []
    assert len(maps["result"]["x"]["result"]["a"]) == 50


def test_9_auth_status(own: Wire) -> None:
    path = f"/rest/1/wrong/{DEALS}"
    assert own.send("POST", path, "{}", {"Content-Type": JSON}).error == (401, "INVALID_CREDENTIALS")
    own.switch(auth_status="docs")
    assert own.send("POST", path, "{}", {"Content-Type": JSON}).error == (403, "INVALID_CREDENTIALS")


def test_9_item_date_filter(own: Wire) -> None:
    truth = own.truth("smart_invoices")
    moments = sorted(instant(row["updatedTime"]) for row in truth)
    moment = moments[len(moments) // 2]
    query = {"entityTypeId": 31, "filter": {">=updatedTime": moment.isoformat()}, "order": {"id": "ASC"}}
    exact = [row["id"] for row in truth if instant(row["updatedTime"]) >= moment]
    early = moment - timedelta(hours=8, minutes=30)
    shifted = [row["id"] for row in truth if instant(row["updatedTime"]) >= early]
    assert own.ids("crm.item.list", query) == shifted[:50]
    own.switch(item_date_filter="exact")
    assert own.ids("crm.item.list", query) == exact[:50]


def test_9_count_cap(own: Wire) -> None:
    """Pages beyond the cap do not exist: an offset walk ends early, a keyset does not."""
    truth = ids(own.truth("deals"))
    own.switch(count_cap=120)
    body = own.call(DEALS, {"start": 100, **WINDOW}).body
    assert body["total"] == 120
    assert "next" not in body
    assert own.ids(DEALS, {"start": 150, **WINDOW}) == truth[:50]
    assert own.ids(DEALS, {"start": -1, "filter": {">ID": truth[199]}, **WINDOW}) == truth[200:250]
    own.switch(count_cap=0)
    assert own.call(DEALS).body["total"] == 300


@pytest.mark.parametrize(("value", "codes"), [("int", (100, 0)), ("string", ("100", "0"))])
def test_9_error_code(own: Wire, value: str, codes: tuple[Any, Any]) -> None:
    own.switch(error_code=value)
    assert own.call("crm.item.list", {}).error == (400, codes[0])
    unknown = {"entityTypeId": 2, "filter": {"noSuchField": 1}}
    assert own.call("crm.item.list", unknown).error == (400, codes[1])


def test_9_last_login(own: Wire) -> None:
    """Datetime in the newest, a date (midnight in some zone) in the old."""

    def logins() -> set[str]:
        return {row["LAST_LOGIN"][11:19] for row in own.result("user.get") if row.get("LAST_LOGIN")}

    own.switch(last_login="datetime")
    assert len(logins()) > 1
    own.switch(last_login="date")
    assert len(logins()) == 1


def test_9_query_limit_body(start: Start) -> None:
    portal = start()
    portal.faults({"fault": "query_limit", "times": 1})
    assert portal.call(DEALS).error == (503, "QUERY_LIMIT_EXCEEDED")
    portal.faults({"fault": "query_limit", "times": 1}, switches={"query_limit_body": "html"})
    answer = portal.call(DEALS)
    assert answer.status == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<html" in answer.raw.lower()


def test_9_cloud(own: Wire) -> None:
    assert {"operating", "operating_reset_at"} <= set(own.call(DEALS).body["time"])
    own.switch(cloud="off")
    assert not {"operating", "operating_reset_at"} & set(own.call(DEALS).body["time"])
    inner = own.batch({"a": DEALS})["result_time"]["a"]
    assert not {"operating", "operating_reset_at"} & set(inner)


@pytest.mark.parametrize("limit", [420, 480])
def test_9_operating_limit(start: Start, limit: int) -> None:
    """The call that passes the budget is the last, whatever the window."""
    switches = {"operating_limit": str(limit)}
    portal = start(no_limits=False, operating_cost=60_000, operating_window=60, switches=switches)
    answers = [portal.call(DEALS) for _ in range(11)]
    spent = [answer.body["time"]["operating"] for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 429}
    assert answers[len(spent)].error == (429, "OPERATION_TIME_LIMIT")
    assert spent[-2] == limit < spent[-1]


def test_9_an_unknown_switch_is_refused(own: Wire) -> None:
    answer = own.send("POST", "/_demo/faults", '{"switches": {"no_such_switch": 1}}', {"Content-Type": JSON})
    assert answer.status == 400


@pytest.mark.parametrize("select", [["id", "contactId", "contactIds"], ["*"], None])
def test_items_may_not_tell_all_their_clients(own: Wire, select: list[str] | None) -> None:
    asked = {"entityTypeId": 2, **({"select": select} if select else {})}
    known = own.result("crm.item.list", asked)["items"]
    own.switch(item_links="off")
    reply = own.result("crm.item.list", asked)["items"]
    assert reply == [{name: value for name, value in item.items() if name != "contactIds"} for item in known]
    assert all("contactIds" in item for item in known)
