"""Batches and counts of the VibeCode service."""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service, good, refused, rows

GOOD: dict[str, Any] = {"id": "good", "entity": "deals", "action": "list", "params": {"limit": 2}}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """For reading only, and for making mistakes in batches."""
    with serve(scale=120, no_limits=True) as running:
        yield Service.of(running)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"entity": "nothing", "action": "list"}, "UNKNOWN_ENTITY"),
        ({"entity": "deals", "action": "explode"}, "ACTION_NOT_SUPPORTED"),
        ({"entity": "addresses", "action": "search"}, "ACTION_NOT_SUPPORTED"),
        ({"entity": "departments", "action": "fields"}, "ACTION_NOT_SUPPORTED"),
        ({"entity": "deals", "action": "get"}, "MISSING_ENTITY_ID"),
        ({"entity": "items", "action": "list"}, "MISSING_DYNAMIC_PARAM"),
        ({"entity": "items", "action": "list", "params": {"entityTypeId": "x"}}, "INVALID_DYNAMIC_PARAM"),
        ({"entity": "items", "action": "list", "params": {"entityTypeId": 2}}, "USE_DEDICATED_ENTITY"),
        ({"entity": "task-comments", "action": "list", "params": {"taskId": 1}}, "ENTITY_CUSTOM_ROUTES"),
        ({"action": "list"}, "INVALID_CALL"),
        ({"entity": "deals", "action": "list", "params": 5}, "INVALID_CALL"),
        ({"entity": "deals", "action": "list", "id": "x" * 65}, "INVALID_CALL"),
        ({"entity": "deals", "action": "get", "entityId": 999999}, "ENTITY_NOT_FOUND"),
        ({"entity": "bizproc-templates", "action": "list"}, "OAUTH_REQUIRED"),
        ({"entity": "timelines", "action": "list"}, "MISSING_REQUIRED_FILTER"),
        ({"entity": "deals", "action": "list", "params": {"filter": {"nothing": 1}}}, "INVALID_FILTER_FIELD"),
        ({"entity": "deals", "action": "update", "entityId": 1}, "WRITE_BLOCKED_READONLY_KEY"),
    ],
)
def test_a_call_fails_alone_by_its_code(service: Service, call: dict[str, Any], code: str) -> None:
    """Success is true although a call has failed."""
    name = call.get("id", "1")
    data = good(service.post("/batch", {"calls": [GOOD, call]}))["data"]
    assert data["errors"][name]["code"] == code
    assert [len(result) for result in data["results"].values()] == [2]
    assert data["summary"] == {"total": 2, "succeeded": 1, "failed": 1}


def test_a_batch_without_a_valid_call_is_a_mistake(service: Service) -> None:
    """HTTP 400 with the error of each call."""
    calls = [{"entity": "nothing", "action": "list"}, {"entity": "deals", "action": "get"}]
    answer = service.post("/batch", {"calls": calls})
    assert refused(answer) == (400, "INVALID_REQUEST")
    codes = {name: error["code"] for name, error in answer.body["data"]["errors"].items()}
    assert codes == {"0": "UNKNOWN_ENTITY", "1": "MISSING_ENTITY_ID"}
    gone = service.post("/batch", {"calls": [{"entity": "deals", "action": "get", "entityId": 999999}]})
    assert good(gone)["data"]["errors"]["0"]["code"] == "ENTITY_NOT_FOUND"


@pytest.mark.parametrize("calls", [[], [GOOD] * 51, "x", None])
def test_a_batch_has_fifty_calls(service: Service, calls: Any) -> None:
    assert refused(service.post("/batch", {"calls": calls})) == (400, "BATCH_LIMIT_EXCEEDED")


def test_what_a_batch_tells_of_each_call(service: Service) -> None:
    """Results, totals and meta by the call's id, which is its place unless given."""
    get = {"entity": "contacts", "action": "get", "entityId": 7}
    fields = {"entity": "items", "action": "fields", "params": {"entityTypeId": 156}}
    data = service.calls(GOOD, get, fields)
    assert data["results"]["1"]["id"] == 7
    assert "opportunity" in data["results"]["2"]
    assert data["totals"] == {"good": 120}
    assert data["meta"] == {"good": {"total": 120, "returned": 2, "hasMore": True}}
    assert data["errors"] == []
    assert data["summary"]["succeeded"] == 3


def test_a_user_got_by_a_batch_comes_in_a_list(service: Service) -> None:
    """An array of one."""
    found = service.calls({"id": "a", "entity": "users", "action": "get", "entityId": 1})["results"]["a"]
    assert [row["id"] for row in found] == [1]


def test_a_batch_of_one_entity(service: Service) -> None:
    """The same calls without the entity's name; writing is refused."""
    data = good(service.post("/deals/batch", {"calls": [{"action": "get", "entityId": 1}]}))["data"]
    assert data["results"]["0"]["id"] == 1
    writes = service.post("/deals/batch", {"action": "delete", "ids": [1]})
    assert refused(writes) == (403, "WRITE_BLOCKED_READONLY_KEY")


COUNT = [{"field": "*", "function": "count"}]


@pytest.mark.parametrize("entity", ["deals", "contacts", "tasks", "orders", "items/156", "activities", "users"])
def test_counts(service: Service, entity: str) -> None:
    """Exact, and cheap."""
    data = good(service.post(f"/{entity}/aggregate", {"aggregate": COUNT}))["data"]
    assert data["count"] == data["meta"]["totalRecords"] == len(rows(service.search(entity, limit=5000)))
    assert data["aggregates"] == {}
    some = service.post(f"/{entity}/aggregate", {"aggregate": COUNT, "filter": {"id": {"$gt": 3}}})
    assert good(some)["data"]["count"] == len(rows(service.search(entity, filter={"id": {"$gt": 3}}, limit=5000)))


def test_sums_and_groups(service: Service) -> None:
    """Sum, avg, min and max; groups only on request."""
    functions = ("sum", "avg", "min", "max")
    asked = {"aggregate": [{"field": "amount", "function": name} for name in functions], "groupBy": ["categoryId"]}
    data = good(service.post("/deals/aggregate", asked))["data"]
    deals = rows(service.search("deals", limit=5000))
    amounts = [row["amount"] for row in deals if row["amount"] is not None]
    reply = data["aggregates"]["amount"]
    wanted = (sum(amounts), fmean(amounts), min(amounts), max(amounts))
    assert [reply[name] for name in functions] == pytest.approx(wanted)
    groups = {group["categoryId"]: group["count"] for group in data["groups"]}
    assert groups == {key: sum(row["categoryId"] == key for row in deals) for key in groups}
    assert data["meta"] == {"totalRecords": 120, "recordsProcessed": 120, "truncated": False}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_AGGREGATION_OP"),
        ({"aggregate": []}, "INVALID_AGGREGATION_OP"),
        ({"aggregate": [{"field": "amount", "function": "median"}]}, "INVALID_PARAMS"),
        ({"aggregate": [{"field": "title", "function": "sum"}]}, "INVALID_PARAMS"),
        ({"aggregate": COUNT, "groupBy": ["title"]}, "INVALID_PARAMS"),
        ({"aggregate": COUNT, "groupBy": ["stageId"] * 6}, "INVALID_PARAMS"),
        ({"aggregate": COUNT, "filter": {"nothing": 1}}, "INVALID_FILTER_FIELD"),
    ],
)
def test_what_can_not_be_counted(body: dict[str, Any], code: str) -> None:
    """A message lists what can be."""
    with serve(scale=60, no_limits=True) as running:
        assert refused(Service.of(running).post("/deals/aggregate", body)) == (400, code)


@pytest.mark.parametrize("entity", ["addresses", "smart-processes", "requisite-links", "list-elements"])
def test_some_entities_are_not_counted(service: Service, entity: str) -> None:
    """Four are not."""
    answer = service.post(f"/{entity}/aggregate", {"aggregate": COUNT})
    assert refused(answer) == (404, "ACTION_NOT_SUPPORTED")
