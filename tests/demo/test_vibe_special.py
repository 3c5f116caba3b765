"""What the VibeCode service lists at paths of its own (vibecode.md §7)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibe import Service, good, refused, rows


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """For reading only."""
    with serve(scale=120, no_limits=True) as running:
        yield Service.of(running)


@pytest.fixture
def own() -> Iterator[Service]:
    """For tests that turn switches."""
    with serve(scale=60, no_limits=True) as running:
        yield Service.of(running)


OWNERS = {"deals": ("deals", "D"), "leads": ("leads", "L"), "quotes": ("quotes", "Q"),
          "invoices": ("smart_invoices", "SI"), "items/156": ("smart_process_156", "T9c")}  # fmt: skip


@pytest.mark.parametrize("entity", OWNERS)
def test_product_rows_of_one_owner(service: Service, entity: str) -> None:
    """§7: one request for each parent; flags stay Y and N (§5)."""
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
    """§7: two filters are needed, all others and any order lost."""
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
    """§9: action list, the filter among the parameters."""
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
    """§7: limit and offset, hasMore and no total, seven columns."""
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


def test_some_portals_tell_stage_history_of_one_owner_only(own: Service) -> None:
    own.switch(vibe_history="owner")
    assert refused(own.get("/stage-history", "entityType=deal")) == (400, "MISSING_PARAMS")
    assert len(rows(own.get("/stage-history", "entityType=deal&ownerId=1"))) == 2


def test_funnels_without_the_first(own: Service) -> None:
    """§7: sources disagree on whether the default one is listed."""
    own.switch(vibe_funnel0="missing")
    assert [row["id"] for row in rows(own.get("/deal-categories", "sort=id"))] == [3, 5]
