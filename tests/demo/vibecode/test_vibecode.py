"""The VibeCode service by raw HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service, refused, rows
from tests.demo.wire import Answer


@pytest.fixture
def service() -> Iterator[Service]:
    with serve(scale=1200, no_limits=True) as running:
        yield Service.of(running)


def ids(answer: Answer) -> list[int]:
    return [row["id"] for row in rows(answer)]


def test_keys(service: Service) -> None:
    assert service.get("/me").body["data"]["type"] == "personal"
    service.key = "vibe_api_nobody"
    assert refused(service.get("/me")) == (401, "INVALID_API_KEY")
    service.key = ""
    assert refused(service.get("/me")) == (401, "MISSING_API_KEY")


def test_two_envelopes(service: Service) -> None:
    deals, contacts = service.search("deals", limit=2).body, service.search("contacts", limit=2).body
    assert (deals["total"], deals["limit"]) == (1200, 2)
    assert contacts["meta"]["hasMore"] is True
    assert "total" not in contacts
    assert "total" not in service.search("deals", withTotal=False).body


def test_three_syntaxes_of_one_filter(service: Service) -> None:
    asked = ({"id": {"$gt": 900}}, {">id": 900}, {"id": {">": 900}})
    found = [ids(service.search("deals", filter=each, sort="id", limit=50)) for each in asked]
    assert found[0] == found[1] == found[2]
    assert min(found[0]) > 900


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"filter": {"id": {"from": 1}}}, "INVALID_FILTER_OPERATOR"),
        ({"filter": {"nothing": 1}}, "INVALID_FILTER_FIELD"),
        ({"sort": {"id": "up"}}, "INVALID_SORT_DIRECTION"),
        ({"limit": "x"}, "INVALID_PARAMS"),
        ({"sort": 5}, "INVALID_SORT_TYPE"),
        ({"sort": {"nothing": "asc"}}, "UNKNOWN_SORT_FIELD"),
        ({"filter": {"amount": {"$gt": "x"}}}, "INVALID_FILTER"),
    ],
)
def test_what_is_refused(service: Service, body: dict[str, Any], code: str) -> None:
    assert refused(service.search("deals", **body)) == (400, code)


def test_some_entities_lose_unknown_filters_without_a_word(service: Service) -> None:
    assert len(ids(service.search("tasks", filter={"statusChangedDate": "x"}, limit=5))) == 5
    assert service.stats()["dropped_filters"] == {"tasks/search:statusChangedDate": 1}


def test_a_naive_client_with_offsets_breaks_and_repeats(service: Service) -> None:
    """Without an order the latest rows come first, so added rows move the pages."""
    first = ids(service.search("deals", limit=50))
    service.mutate(table="deals", insert=10)
    second = ids(service.search("deals", limit=50, offset=50))
    assert set(first) & set(second)
    assert refused(service.search("deals", limit=50, offset=2500)) == (500, "INTERNAL_ERROR")


def test_a_naive_client_with_dates_loses_rows(service: Service) -> None:
    """Wide ranges are split into weeks, failed weeks are only counted; further offsets are refused."""
    service.faults(switches={"vibe_search": "window_errors"})
    wide = {"updatedAt": {"$gte": "2020-01-01T00:00:00+00:00"}}
    answer = service.search("deals", filter=wide, sort="id", limit=5000)
    assert answer.body["meta"]["windowErrors"] == 1
    assert len(ids(answer)) < 1200
    assert refused(service.search("deals", filter=wide, offset=50)) == (400, "UNSTABLE_OFFSET_PAGINATION")
    whole = service.search("deals", filter=wide, sort="id", limit=5000, autoWindow=False)
    assert len(ids(whole)) == 1200


def test_more_is_promised_on_an_exact_last_page(service: Service) -> None:
    count = len(service.truth("contacts"))
    answer = service.search("contacts", limit=count, sort="id")
    assert len(ids(answer)) == count
    assert answer.body["meta"]["hasMore"] is True


def test_fields_come_in_several_shapes(service: Service) -> None:
    assert "amount" in service.get("/deals/fields").body["data"]["fields"]
    assert "opportunity" in service.get("/invoices/fields").body["data"]
    assert "ENTITY_ID" in service.get("/statuses/fields").body["data"]


def test_a_batch_goes_on_behind_a_failed_call(service: Service) -> None:
    calls = [
        {"id": "a", "entity": "statuses", "action": "list", "params": {"limit": 5}},
        {"id": "b", "entity": "nothing", "action": "list"},
    ]
    data = service.post("/batch", {"calls": calls}).body["data"]
    assert len(data["results"]["a"]) == 5
    assert data["errors"]["b"]["code"] == "UNKNOWN_ENTITY"
    assert data["summary"] == {"total": 2, "succeeded": 1, "failed": 1}
    assert service.post("/batch", {"calls": calls[:1]}).body["data"]["errors"] == []


def test_the_same_error_again_and_again_blocks_the_key(service: Service) -> None:
    for _ in range(12):
        service.search("deals", filter={"nothing": 1})
    assert refused(service.search("deals")) == (429, "ERROR_LOOP_DETECTED")


def test_three_hundred_requests_a_minute() -> None:
    with serve(scale=60) as running:
        limited = Service.of(running)
        codes = [limited.get("/me").status for _ in range(301)]
        answer = limited.get("/me")
    assert codes.count(200) == 300
    assert refused(answer) == (429, "RATE_LIMITED")
    assert answer.headers["retry-after"] == str(answer.body["error"]["retryAfter"])


def test_what_is_no_request(service: Service) -> None:
    answer = service.send("POST", "/v1/deals/search", "no json", {"X-Api-Key": service.key})
    assert refused(answer) == (400, "INVALID_REQUEST")
    data = service.post("/batch", {"calls": [{"id": "a", "action": "list"}]}).body["data"]
    assert data["errors"]["a"]["code"] == "INVALID_CALL"


def test_declared_names_are_camel_case_although_fields_are_not(service: Service) -> None:
    row = service.get("/statuses", "limit=1").body["data"][0]
    assert {"id", "entityId", "statusId"} <= row.keys()
    assert "ENTITY_ID" in service.get("/statuses/fields").body["data"]


def test_writing_is_refused_and_counted(service: Service) -> None:
    assert refused(service.post("/deals", {"title": "x"})) == (403, "WRITE_BLOCKED_READONLY_KEY")
    assert service.stats()["write_calls"] == {"POST deals": 1}


def test_values_are_those_of_classic_rest(service: Service) -> None:
    classic = {int(row["ID"]): row for row in service.truth("deals")}
    for row in service.search("deals", limit=100, sort="id").body["data"]:
        assert row["amount"] == float(classic[row["id"]]["OPPORTUNITY"] or 0)
        assert row["createdAt"].endswith(".000Z")
        assert row["closed"] is (classic[row["id"]]["CLOSED"] == "Y")
