"""Faults that answer "nothing here" though rows exist, or refuse what exists: empty pages, null, refusals, totals."""

from datetime import timedelta
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.site.openapi import BASE
from tests.demo.conftest import Start
from tests.demo.wire import JSON, Wire, command, ids, instant

DEALS = "crm.deal.list"
ITEMS = "crm.item.list"
ROWS = "crm.item.productrow.list"


@pytest.mark.parametrize(
    ("method", "params", "empty"),
    [
        (DEALS, {}, []),
        (ITEMS, {"entityTypeId": 2}, {"items": []}),
        ("tasks.task.list", {}, {"tasks": []}),
        ("crm.status.list", {}, []),
        ("crm.category.list", {"entityTypeId": 2}, {"categories": []}),
        ("crm.requisite.list", {}, []),
        ("crm.deal.fields", {}, []),
        ("crm.item.fields", {"entityTypeId": 2}, {"fields": []}),
    ],
)
def test_an_empty_page_has_the_method_s_own_shape(own: Wire, method: str, params: Any, empty: Any) -> None:
    before = own.call(method, params).body
    own.faults({"fault": "empty_page", "method": method, "times": 2}, {"fault": "wrong_total", "param": 7, "after": 1})
    first, second, third = (own.call(method, params).body for _ in range(3))
    assert (first["result"], first.get("total"), first.get("next")) == (empty, before.get("total"), before.get("next"))
    assert (second["result"], second["total"]) == (empty, 7)
    assert third["result"] == before["result"] != empty


def test_an_empty_page_without_total_and_next(own: Wire) -> None:
    own.faults({"fault": "empty_page", "method": DEALS, "param": "missing", "times": 1})
    body = own.call(DEALS).body
    assert (body["result"], "total" in body, "next" in body) == ([], False, False)
    assert own.stats()["rows"].get(DEALS, 0) == 0


@pytest.mark.parametrize(("fault", "value"), [("null_result", None), ("false_result", False), ("text_result", "")])
def test_a_list_that_is_no_list(own: Wire, fault: str, value: Any) -> None:
    own.faults({"fault": fault, "method": DEALS, "after": 1, "times": 1})
    maps = own.batch({"a": DEALS, "b": DEALS, "c": DEALS})
    assert maps["result"]["b"] is value or maps["result"]["b"] == value
    assert set(maps["result_total"]) == {"a", "c"}


@pytest.mark.parametrize(
    ("param", "error"),
    [
        ("ACCESS_DENIED", (400, "ACCESS_DENIED", "Access denied!")),
        ({"code": "ERROR_CORE", "text": "SQL query error!", "status": 500}, (500, "ERROR_CORE", "SQL query error!")),
        ({"code": "", "text": "Not found"}, (400, "", "Not found")),
        ({"code": 0, "text": "Deadlock found"}, (400, 0, "Deadlock found")),
    ],
)
def test_1_4_one_command_is_refused(own: Wire, param: Any, error: tuple[int, Any, str]) -> None:
    own.faults({"fault": "refuse_command", "method": DEALS, "param": param, "times": 2})
    alone = own.call(DEALS)
    assert (alone.status, alone.body["error"], alone.body["error_description"]) == error
    maps = own.batch({"a": DEALS, "b": DEALS})
    assert [one["error"] for one in maps["result_error"].values()] == [error[1]]
    assert set(maps["result"]) == {"b"}


def test_only_the_commands_of_one_parent_are_refused(own: Wire) -> None:
    owners = own.ids(DEALS)
    asked = {"filter": {"=ownerType": "D", "=ownerId": owners[1]}}
    many = {"filter": {"=ownerType": "D", "=ownerId": owners[:3]}}
    own.faults({"fault": "refuse_command", "param": {"code": "X", "where": {"ownerId": owners[1]}}})
    good = {"filter": {"=ownerType": "D", "=ownerId": owners[2]}}
    maps = own.batch({"a": command(ROWS, asked), "b": command(ROWS, good), "c": command(ROWS, many)})
    assert {key: one["error"] for key, one in maps["result_error"].items()} == {"a": "X", "c": "X"}
    assert set(maps["result"]) == {"b"}


def test_1_3_a_method_is_missing_from_now_on(own: Wire) -> None:
    own.faults({"fault": "missing_method", "method": "crm.stagehistory.list", "after": 1})
    asked = {"entityTypeId": 2}
    own.result("crm.stagehistory.list", asked)
    assert own.call("crm.stagehistory.list", asked).error == (404, "ERROR_METHOD_NOT_FOUND")
    maps = own.batch({"a": command("crm.stagehistory.list", asked), "b": DEALS})
    assert (maps["result_error"]["a"]["error"], set(maps["result"])) == ("ERROR_METHOD_NOT_FOUND", {"b"})


@pytest.mark.parametrize(("param", "total"), [(3, 3), ("zero", 0), ("missing", None)])
def test_a_total_that_contradicts_the_rows(own: Wire, param: Any, total: int | None) -> None:
    own.faults({"fault": "wrong_total", "method": DEALS, "param": param})
    body = own.call(DEALS).body
    assert (len(body["result"]), body.get("total")) == (50, total)


# Requests


@pytest.mark.parametrize(
    ("param", "error"),
    [({"status": 401, "code": "NO_AUTH_FOUND"}, (401, "NO_AUTH_FOUND")), ({"code": "", "status": 400}, (400, ""))],
)
def test_a_whole_request_is_refused(own: Wire, param: Any, error: tuple[int, Any]) -> None:
    own.faults({"fault": "refuse_request", "request": "batch", "param": param, "times": 1})
    assert own.call(DEALS).status == 200
    assert own.call("batch", {"cmd": {"a": DEALS}}).error == error
    assert own.call("batch", {"cmd": {"a": DEALS}}).status == 200


def test_a_request_is_refused_because_of_one_parent_in_it(own: Wire) -> None:
    def asked(*owners: int) -> dict[str, str]:
        return {f"c{one}": command(ROWS, {"filter": {"=ownerType": "D", "=ownerId": one}}) for one in owners}

    own.faults({"fault": "wrong_encoding", "method": ROWS, "where": {"ownerId": 2}})
    assert own.call("batch", {"cmd": asked(1, 2, 3)}).error == (200, "WRONG_ENCODING")
    assert set(own.batch(asked(1, 3))["result"]) == {"c1", "c3"}


def test_only_the_renewal_of_tokens_fails() -> None:
    with serve(scale=50, no_limits=True) as running:
        wire = Wire(running.url)
        wire.faults({"fault": "html_502", "request": "token"})
        assert wire.call(DEALS).status == 200
        assert wire.send("GET", "/oauth/token/?grant_type=refresh_token").status == 502


# docs/protocol.md §1.4: broken text


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [(DEALS, {}, "TITLE"), (ITEMS, {"entityTypeId": 2}, "title"), ("tasks.task.list", {}, "TITLE")],
)
def test_1_4_one_broken_field_of_one_row_loses_the_whole_reply(
    own: Wire, method: str, params: dict[str, Any], field: str
) -> None:
    number = own.ids(method, params)[20]
    own.faults({"fault": "broken_text", "method": method, "param": {"id": number, "field": field}})
    key = "id" if method == ITEMS else "ID"
    assert own.call(method, params).error == (200, "WRONG_ENCODING")
    assert own.call("batch", {"cmd": {"a": "user.get", "b": command(method, params)}}).error == (200, "WRONG_ENCODING")
    beside = params | {"filter": {f"!{key}": number}}
    assert number not in own.ids(method, beside)
    selected = params | {"filter": {key: number}, "select": [key]}
    assert own.ids(method, selected) == [number]
    assert own.call(method, selected | {"select": [key, field]}).error == (200, "WRONG_ENCODING")


# docs/protocol.md §4: dates in filters


@pytest.mark.parametrize(("reading", "found"), [("exact", "rows"), ("iso_unread", "nothing")])
def test_4_2_bounds_in_iso_8601_may_find_nothing(own: Wire, reading: str, found: str) -> None:
    own.switch(item_date_filter=reading)
    asked = {"entityTypeId": 31, "filter": {">=updatedTime": "2020-10-31T00:00:00+03:00"}}
    assert bool(own.ids(ITEMS, asked)) is (found == "rows")
    asked["filter"] = {">=updatedTime": "2020-10-31 00:00:00"}
    assert own.ids(ITEMS, asked)


def test_4_2_bounds_may_be_refused(own: Wire) -> None:
    own.switch(item_date_filter="refused")
    asked = {"entityTypeId": 31, "filter": {">=updatedTime": "2020-10-31T00:00:00+03:00"}}
    assert own.call(ITEMS, asked).error == (400, "INVALID_ARG_VALUE")
    assert own.ids(ITEMS, {"entityTypeId": 31})


@pytest.mark.parametrize(
    ("method", "field", "table"),
    [(DEALS, "DATE_MODIFY", "deals"), ("tasks.task.list", "CHANGED_DATE", "tasks")],
)
def test_dates_in_filters_are_misread_by_any_method(own: Wire, method: str, field: str, table: str) -> None:
    low = "2020-01-01T00:00:00+00:00"
    own.faults({"fault": "date_filter", "method": method, "param": "nothing", "times": 1})
    body = own.call(method, {"filter": {f">={field}": low}}).body
    rows = body["result"] if isinstance(body["result"], list) else next(iter(body["result"].values()))
    assert (rows, body["total"], body.get("next")) == ([], 0, None)
    assert own.call(method, {"filter": {f">={field}": low}}).body["total"] == own.counts()[table]
    own.faults({"fault": "date_filter", "method": method, "param": "refused"}, clear=True)
    assert own.call(method, {"filter": {f">={field}": low}}).error == (400, "INVALID_ARG_VALUE")
    assert own.ids(method)


def test_dates_in_filters_are_shifted(own: Wire) -> None:
    truth = own.truth("deals")
    moment = sorted(instant(row["DATE_MODIFY"]) for row in truth)[150]
    own.faults({"fault": "date_filter", "method": DEALS, "param": f"shifted:{-86_400 * 30}"})
    asked = {"filter": {">=DATE_MODIFY": moment.isoformat()}, "order": {"ID": "ASC"}}
    early = moment - timedelta(days=30)
    assert own.ids(DEALS, asked) == ids(row for row in truth if instant(row["DATE_MODIFY"]) >= early)[:50]


# Shapes


@pytest.mark.parametrize(
    ("method", "params", "names"),
    [
        (DEALS, {}, set()),
        (ITEMS, {"entityTypeId": 2}, {"contactIds"}),
        ("tasks.task.list", {}, {"accomplices"}),
        ("crm.contact.list", {"select": ["*", "PHONE", "UF_*"]}, {"PHONE"}),
    ],
)
def test_6_lists_with_gaps_are_objects(own: Wire, method: str, params: Any, names: set[str]) -> None:
    def rows() -> list[dict[str, Any]]:
        result = own.result(method, params)
        found: list[dict[str, Any]] = next(iter(result.values())) if isinstance(result, dict) else result
        return found

    whole = rows()
    lists = {name for row in whole for name, value in row.items() if isinstance(value, list) and value}
    assert names <= lists
    own.switch(list_gaps="on")
    for before, after in zip(whole, rows(), strict=True):
        for name in lists:
            if before.get(name):
                assert list(after[name].values()) == before[name]
                assert list(after[name]) != [str(place) for place in range(len(before[name]))]


def test_a_client_that_the_list_of_clients_lacks(own: Wire) -> None:
    own.switch(item_links="empty")
    items = own.result(ITEMS, {"entityTypeId": 2, "select": ["id", "contactId", "contactIds"]})["items"]
    assert any(item["contactId"] for item in items)
    assert all(item["contactIds"] == [] for item in items)


# Other interfaces


def test_rest_3_empty_refused_missing(start: Start) -> None:
    portal = start()

    def answer() -> tuple[int, Any]:
        path = f"{portal.root.replace('/rest/', '/rest/api/')}main.eventlog.list"
        reply = portal.send("POST", path, "{}", {"Content-Type": JSON})
        return reply.status, reply.body.get("result", reply.body.get("error"))

    assert answer()[1]["items"]
    portal.faults({"fault": "empty_page", "method": "main.eventlog.*"})
    assert answer() == (200, {"items": []})
    portal.faults({"fault": "null_result", "method": "main.eventlog.*"}, clear=True)
    assert answer() == (200, None)
    portal.faults({"fault": "missing_method", "method": "main.eventlog.*"}, clear=True)
    assert answer()[1]["code"].endswith("METHODNOTFOUNDEXCEPTION")
    portal.faults({"fault": "refuse_command", "param": {"code": "ACCESSDENIED", "status": 403}}, clear=True)
    assert (answer()[0], answer()[1]["code"]) == (403, "ACCESSDENIED")


@pytest.mark.parametrize("fault", ["cursor_circle", "cursor_runaway"])
def test_rest_3_cursors_without_an_end(own: Wire, fault: str) -> None:
    """A to B to A, or empty pages with ever new cursors."""
    path = f"{own.root.replace('/rest/', '/rest/api/')}note.collection.list"
    own.faults({"fault": fault, "method": "note.collection.list"})
    cursors: list[Any] = []
    rows: list[Any] = []
    for _ in range(6):
        pagination = {"limit": 2, **({"afterCursor": cursors[-1]} if cursors else {})}
        result = own.send("POST", path, f'{{"pagination": {pagination}}}'.replace("'", '"')).body["result"]
        cursors.append(result["nextCursor"])
        rows += result["items"]
    distinct = {str(one) for one in cursors}
    if fault == "cursor_circle":
        assert cursors[0] == cursors[2] == cursors[4] != cursors[1] == cursors[3]
    else:
        assert (rows, len(distinct)) == ([], 6)


@pytest.mark.parametrize(("place", "where"), [("missing", ()), ("root", ("body",)), ("pagination", ("pagination",))])
def test_the_site_s_totals(place: str, where: tuple[str, ...]) -> None:
    with serve(scale=50, no_limits=True, switches={"site_total": place}) as running:
        wire, key = Wire(running.url), running.config("site")["site_api_key"]

        def answer() -> Any:
            return wire.send("GET", f"{BASE}/orders", headers={"X-Api-Key": key}).body

        body = answer()
        told = {name for name, one in (("body", body), ("pagination", body["pagination"])) if "total" in one}
        assert (told, bool(body["items"])) == (set(where), True)
        wire.faults({"fault": "empty_page", "method": "site/orders", "times": 1})
        assert (answer()["items"], bool(answer()["items"])) == ([], True)


def test_a_deletion_and_an_insertion_between_two_pages_leave_the_total() -> None:
    """A page number then skips a row, though nothing shows."""
    with serve(scale=150, no_limits=True) as running:
        wire, key = Wire(running.url), running.config("site")["site_api_key"]

        def page(number: int) -> Any:
            return wire.send("GET", f"{BASE}/orders?limit=50&page={number}", headers={"X-Api-Key": key}).body

        before = [row["id"] for row in page(2)["items"]]
        wire.mutate(table="deals", every_requests=1, times=1, insert=1, delete_ids=[page(1)["items"][0]["id"]])
        first, second = page(1), page(2)
        assert first["pagination"]["total"] == second["pagination"]["total"]
        assert before[0] not in {row["id"] for answer in (first, second) for row in answer["items"]}
