"""Lists of the VibeCode service at paths of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service, good, refused, rows


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """For reading only."""
    with serve(scale=120, no_limits=True) as running:
        yield Service.of(running)


OWNERS = {"deals": ("deals", "D"), "leads": ("leads", "L"), "quotes": ("quotes", "Q"),
          "invoices": ("smart_invoices", "SI"), "items/156": ("smart_process_156", "T9c")}  # fmt: skip


@pytest.mark.parametrize("entity", OWNERS)
def test_product_rows_of_one_owner(service: Service, entity: str) -> None:
    """One request for each parent; Y and N stay text."""
    table, code = OWNERS[entity]
    found: list[dict[str, Any]] = []
    for owner in service.truth(table):
        found += rows(service.get(f"/{entity}/{owner.get('id') or owner['ID']}/products", "limit=500"))
    truth = {row["id"]: row for row in service.truth("product_rows") if row["ownerType"] == code}
    assert sorted(row["id"] for row in found) == sorted(truth)
    for row in found:
        assert row == truth[row["id"]]
        assert row["taxIncluded"] in {"Y", "N"}
    assert refused(service.get(f"/{entity}/9999999/products")) == (404, "ENTITY_NOT_FOUND")


def test_contacts_have_no_products(service: Service) -> None:
    assert refused(service.get("/contacts/1/products")) == (404, "NOT_FOUND")


def test_timelines_are_told_of_one_owner_whatever_else_is_asked(service: Service) -> None:
    """Two filters are required; all others and any order are dropped."""
    assert refused(service.get("/timelines")) == (400, "MISSING_REQUIRED_FILTER")
    assert refused(service.get("/timelines", "filter[entityType]=deal")) == (400, "MISSING_REQUIRED_FILTER")
    truth = service.truth("timeline_comments")
    owner = next(row["ENTITY_ID"] for row in truth if row["ENTITY_TYPE"] == "deal")
    wanted = [int(r["ID"]) for r in truth if (r["ENTITY_TYPE"], r["ENTITY_ID"]) == ("deal", owner)]
    asked = f"filter[entityType]=DEAL&filter[entityId]={owner}"
    whole = rows(service.get("/timelines", asked))
    assert [row["id"] for row in whole] == wanted
    assert {"createdAt", "comment", "authorId", "entityType"} <= whole[0].keys()
    assert whole[0]["entityType"] == "deal"
    assert whole[0]["createdAt"].endswith(".000Z")
    service.forget_stats()
    same = service.get("/timelines", f"{asked}&filter[id][$gt]=9999999&order[id]=desc")
    assert rows(same) == whole
    assert service.stats()["dropped_filters"] == {"timelines/list:id": 1}
    assert [row["id"] for row in rows(service.get("/timelines", f"{asked}&limit=1&offset=1"))] == wanted[1:2]


def test_timelines_of_many_owners_share_a_batch(service: Service) -> None:
    """Action list, the filter among the parameters."""
    truth = service.truth("timeline_comments")
    owners = sorted({(row["ENTITY_TYPE"], row["ENTITY_ID"]) for row in truth})[:50]
    calls = [
        {"entity": "timelines", "action": "list", "params": {"filter": {"entityType": kind, "entityId": int(owner)}}}
        for kind, owner in owners
    ]
    results = service.calls(*calls)["results"]
    for place, (kind, owner) in enumerate(owners):
        wanted = [int(r["ID"]) for r in truth if (r["ENTITY_TYPE"], r["ENTITY_ID"]) == (kind, owner)]
        assert [row["id"] for row in results[str(place)]] == wanted


@pytest.mark.parametrize(("word", "kind"), [("deal", 2), ("lead", 1), ("invoice", 31), ("DYNAMIC_156", 156)])
def test_stage_history_of_a_portal(service: Service, word: str, kind: int) -> None:
    """Limit and offset, hasMore and no total, seven columns."""
    assert refused(service.get("/stage-history")) == (400, "MISSING_PARAMS")
    found: list[dict[str, Any]] = []
    while True:
        body = good(service.get("/stage-history", f"entityType={word}&limit=100&offset={len(found)}&sort=id"))
        assert body["meta"].keys() == {"hasMore"}
        found += body["data"]
        if not body["data"]:
            break
    truth = service.truth(f"stage_history_{kind}")
    assert [row["id"] for row in found] == [row["ID"] for row in truth]
    columns = ["id", "typeId", "ownerId", "createdAt", "categoryId", "stageSemanticId", "stageId"]
    assert [list(row) for row in found] == [columns] * len(found)
    assert [row["stageId"] for row in found] == [row.get("STAGE_ID") or row["STATUS_ID"] for row in truth]
    one = rows(service.get("/stage-history", f"entityType={word}&ownerId={found[0]['ownerId']}"))
    assert {row["ownerId"] for row in one} == {found[0]["ownerId"]}


def test_some_portals_tell_stage_history_of_one_owner_only(own_service: Service) -> None:
    own_service.switch(vibe_history="owner")
    assert refused(own_service.get("/stage-history", "entityType=deal")) == (400, "MISSING_PARAMS")
    assert len(rows(own_service.get("/stage-history", "entityType=deal&ownerId=1"))) == 2


def test_funnels_without_the_first(own_service: Service) -> None:
    """Sources disagree on whether the default one is listed."""
    own_service.switch(vibe_funnel0="missing")
    assert [row["id"] for row in rows(own_service.get("/deal-categories", "sort=id"))] == [3, 5]


@pytest.mark.parametrize("owner", ["deals", "leads", "contacts", "companies", "quotes"])
def test_user_fields_of_one_kind_of_owners(service: Service, owner: str) -> None:
    """Unpaged, flags as Y and N, sort as text, names in capitals."""
    body = good(service.get(f"/userfields/{owner}", "limit=1"))
    entity = {"companies": "company"}.get(owner, owner.removesuffix("s"))
    classic = service.result(f"crm.{entity}.userfield.list")
    assert body["meta"]["total"] == len(body["data"]) == len(classic)
    shown = [(row["id"], row["fieldName"], row["userTypeId"], row["multiple"], row["sort"]) for row in body["data"]]
    wanted = [(int(r["ID"]), r["FIELD_NAME"], r["USER_TYPE_ID"], r["MULTIPLE"], r["SORT"]) for r in classic]
    assert shown == wanted
    lists = {row["fieldName"]: row["list"] for row in body["data"] if "list" in row}
    assert all(option.keys() == {"ID", "SORT", "VALUE", "DEF"} for options in lists.values() for option in options)


def test_user_fields_of_requisites_and_those_of_one_type(service: Service) -> None:
    found = rows(service.get("/userfields/requisites"))
    assert {row["fieldName"] for row in found} == {r["FIELD_NAME"] for r in service.truth("requisite_userfields")}
    assert {row["userTypeId"] for row in rows(service.get("/userfields/deals", "userTypeId=money"))} == {"money"}
    assert refused(service.get("/userfields/tasks")) == (404, "NOT_FOUND")


def test_calls_are_handed_through_as_text(service: Service) -> None:
    """Capitals, strings, sort and order as two parameters."""
    truth = service.truth("calls")
    found: list[dict[str, Any]] = []
    while page := rows(service.get("/calls/statistics", f"sort=ID&order=ASC&limit=50&offset={len(found)}")):
        found += page
    assert found == truth
    newest = rows(service.get("/calls/statistics", "sort=CALL_START_DATE&order=DESC&limit=5"))
    dates = sorted((row["CALL_START_DATE"] for row in truth), reverse=True)
    assert [row["CALL_START_DATE"] for row in newest] == dates[:5]
    later = rows(service.get("/calls/statistics", "filter[>CALL_START_DATE]=2025-06-01T00:00:00Z&limit=500"))
    earlier = rows(service.get("/calls/statistics", "filter[<CALL_START_DATE]=2025-06-01T00:00:00Z&limit=500"))
    assert len(later) + len(earlier) == len(truth)
    assert later
    assert earlier
    assert all(type(row[name]) is str for row in found for name in ("ID", "CALL_DURATION", "COST"))


@pytest.mark.parametrize(
    ("path", "table", "key"), [("posts", "feed_posts", "ID"), ("workflows", "workflow_instances", "ID")]
)
def test_raw_lists_by_offset_with_a_total(service: Service, path: str, table: str, key: str) -> None:
    """Names in capitals; the count stands in meta."""
    truth = service.truth(table)
    found: list[dict[str, Any]] = []
    while True:
        body = good(service.get(f"/{path}", f"offset={len(found)}"))
        assert body["meta"]["total"] == len(truth)
        if not body["data"]:
            break
        assert len(body["data"]) <= 50
        found += body["data"]
    assert sorted(row[key] for row in found) == sorted(row[key] for row in truth)
    assert all(name.isupper() for row in found for name in row)


def test_workflows_of_one_user(service: Service) -> None:
    found = rows(service.get("/workflows", "startedBy=1"))
    assert len(found) == sum(row["STARTED_BY"] == "1" for row in service.truth("workflow_instances"))


def test_warehouses_keep_y_and_n(service: Service) -> None:
    """Flags survive as letters there."""
    found = rows(service.get("/warehouses"))
    assert sorted(row["id"] for row in found) == [row["id"] for row in service.truth("stores")]
    assert {row["active"] for row in found} <= {"Y", "N"}


@pytest.mark.parametrize(("kind", "ids"), [(2, [0, 3, 5]), (156, None)])
def test_categories_of_a_type(service: Service, kind: int, ids: list[int] | None) -> None:
    found = rows(service.get(f"/categories/{kind}", "sort=id"))
    assert {row["entityTypeId"] for row in found} == {kind}
    assert found[0]["isDefault"] is True
    assert ids is None or [row["id"] for row in found] == ids


def test_fields_of_a_preset_of_requisites(service: Service) -> None:
    """Below their preset only."""
    found: list[tuple[int, int]] = []
    for preset in rows(service.get("/requisite-presets")):
        inner = rows(service.get(f"/requisite-presets/{preset['id']}/fields"))
        found += [(preset["id"], row["id"]) for row in inner]
        assert all(type(row["inShortList"]) is bool for row in inner)
    truth = service.truth("requisite_preset_fields")
    assert sorted(found) == sorted((row["presetId"], row["ID"]) for row in truth)
    assert refused(service.get("/requisite-presets/99999/fields")) == (404, "ENTITY_NOT_FOUND")
    assert "name" in service.data("/requisite-presets/fields")


def test_comments_and_time_of_tasks(service: Service) -> None:
    """Below their task only; comments are in no batch."""
    comments, times = [], []
    for task in service.truth("tasks"):
        comments += rows(service.get(f"/tasks/{task['id']}/comments"))
        times += rows(service.get(f"/tasks/{task['id']}/time", "limit=500"))
    assert sorted(row["id"] for row in comments) == [int(row["ID"]) for row in service.truth("task_comments")]
    assert comments[0].keys() == {"id", "authorId", "message", "createdAt"}
    truth = service.truth("elapsed_items")
    assert sorted(row["id"] for row in times) == [int(row["ID"]) for row in truth]
    assert {type(row["seconds"]) for row in times} == {int}
    assert refused(service.get("/tasks/99999/comments")) == (404, "ENTITY_NOT_FOUND")
    found = rows(service.get("/task-time", "userId=1&limit=500"))
    assert len(found) == sum(row["USER_ID"] == "1" for row in truth)


def test_log_of_a_timeline(service: Service) -> None:
    """Two parameters are needed."""
    truth = service.truth("timeline_log_messages")
    one = {name: truth[0][name] for name in ("entityTypeId", "entityId")}
    found = rows(service.get("/timeline-logs", "&".join(f"{name}={value}" for name, value in one.items())))
    assert truth[0]["id"] in {row["id"] for row in found}
    assert refused(service.get("/timeline-logs", "entityTypeId=2")) == (400, "MISSING_PARAMS")
