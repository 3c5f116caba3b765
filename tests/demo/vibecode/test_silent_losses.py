"""Silent errors of the VibeCode service (HTTP 200), each with its switch."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service, good, refused, rows

LONG_AGO = {"$gte": "2020-01-01T00:00:00+00:00"}
SOON = "2026-11-20T00:00:00+00:00"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """For reading only."""
    with serve(scale=450, no_limits=True) as running:
        yield Service.of(running)


@pytest.mark.parametrize("entity", ["deals", "invoices", "contacts", "orders"])
def test_totals_may_be_zero_or_absent_in_every_envelope(own_service: Service, entity: str) -> None:
    """Total 0 with rows; at the root, in meta or nowhere."""

    def reply() -> list[Any]:
        body = good(own_service.get(f"/{entity}", "limit=2"))
        assert len(body["data"]) == 2
        return [place["total"] for place in (body, body.get("meta", {})) if "total" in place]

    assert reply()[0] > 2
    own_service.switch(vibe_total="zero")
    assert reply() == [0]
    own_service.switch(vibe_total="absent")
    assert reply() == []


def test_one_row_may_come_as_a_single_object(own_service: Service) -> None:
    """An object in place of a list of one row; two rows are a list."""
    own_service.switch(vibe_single="on")
    assert own_service.data("/users", "limit=1")["id"] == 5
    assert isinstance(own_service.data("/users", "limit=2"), list)
    assert own_service.search("deal-categories", filter={"id": 3}).body["data"]["id"] == 3
    call = {"id": "a", "entity": "users", "action": "list", "params": {"limit": 1}}
    assert own_service.calls(call)["results"]["a"]["id"] == 5


def test_numbers_of_tasks_may_be_text(own_service: Service) -> None:
    """On some portals."""
    numbers = ("id", "responsibleId", "priority", "timeEstimate")
    task = rows(own_service.get("/tasks", "limit=1"))[0]
    assert {type(task[name]) for name in numbers} == {int}
    own_service.switch(vibe_numbers="text")
    text = rows(own_service.get("/tasks", "limit=1"))[0]
    assert {type(text[name]) for name in numbers} == {str}
    assert [int(text[name]) for name in numbers] == [task[name] for name in numbers]
    assert type(rows(own_service.get("/deals", "limit=1"))[0]["id"]) is int


def test_select_takes_names_with_commas_and_a_list(service: Service) -> None:
    """Repeated parameters leave the last one; a row read alone is whole."""
    assert set(rows(service.get("/deals", "select=id,title&limit=1"))[0]) == {"id", "title"}
    assert set(rows(service.search("deals", select=["id", "amount"], limit=1))[0]) == {"id", "amount"}
    assert set(rows(service.get("/deals", "select=title&select=amount&limit=1"))[0]) == {"id", "amount"}
    assert set(rows(service.get("/deals", "select[]=title&select[]=amount&limit=1"))[0]) == {"id", "title", "amount"}
    assert len(service.data("/deals/1", "select=id,title")) > 20


def test_related_rows_are_dropped_from_long_pages(service: Service) -> None:
    """Three relations, two hundred rows."""
    few = rows(service.get("/deals", "include=company,contact&limit=200"))
    assert all(row["_included"].keys() == {"company", "contact"} for row in few)
    deal = next(row for row in few if row["_included"]["company"])
    assert deal["_included"]["company"]["id"] == deal["companyId"]
    body = good(service.search("deals", include=["company"], limit=201))
    assert body["meta"]["includeSkipped"] is True
    assert not any("_included" in row for row in body["data"])
    assert refused(service.get("/deals", "include=company,contact,quote,deal")) == (400, "INVALID_INCLUDE")
    assert refused(service.get("/deals", "include=nothing")) == (400, "INVALID_INCLUDE")


@pytest.mark.parametrize("entity", ["contacts", "leads"])
def test_some_lose_filters_by_creation(service: Service, entity: str) -> None:
    """Rows outside the range arrive without an error."""
    whole = service.search(entity, limit=1, autoWindow=False).body["meta"]["total"]
    for name in ("createdAt", "createdTime"):
        service.forget_stats()
        asked = {"filter": {name: {"$gte": SOON}}, "limit": 1}
        assert service.search(entity, **asked).body["meta"]["total"] == whole
        assert service.stats()["dropped_filters"] == {f"{entity}/search:{name}": 1}
    changed = service.search(entity, filter={"updatedTime": {"$gte": SOON}}, limit=1)
    assert changed.body["meta"]["total"] < whole


def test_companies_keep_theirs(service: Service) -> None:
    found = rows(service.search("companies", filter={"createdAt": {"$lt": "2024-06-01T00:00:00Z"}}, limit=500))
    assert found
    assert max(row["createdTime"] for row in found) < "2024-06-02"


@pytest.mark.parametrize("field", ["createdAt", "updatedAt"])
def test_wide_ranges_are_cut_into_weeks(service: Service, field: str) -> None:
    """Ranges of either date; not narrow ones, nor with autoWindow=false."""
    wide = service.search("deals", filter={field: LONG_AGO}, limit=5000)
    assert wide.body["meta"]["windowCount"] > 100
    assert refused(service.search("deals", filter={field: LONG_AGO}, offset=1)) == (400, "UNSTABLE_OFFSET_PAGINATION")
    for body in ({"filter": {field: {"$gte": SOON}}}, {"filter": {field: LONG_AGO}, "autoWindow": False}):
        assert "windowCount" not in service.search("deals", **body).body["meta"]
    assert "windowCount" not in service.get("/deals", f"filter[{field}][$gte]=2020-01-01T00:00:00Z").body["meta"]


def test_windows_cap_and_merge(service: Service) -> None:
    """Rows beyond the limit are cut off and reported; the rows are not in the requested order."""
    body = good(service.search("deals", filter={"updatedAt": LONG_AGO}, sort="id", limit=100))
    assert body["meta"]["truncated"] is True
    shown = [row["id"] for row in body["data"]]
    assert shown != sorted(shown)


def test_windows_of_tasks_are_on_demand(service: Service) -> None:
    """Their page gives false as the default."""
    asked = {"filter": {"createdDate": LONG_AGO}}
    assert "windowCount" not in service.search("tasks", **asked).body["meta"]
    assert "windowCount" in service.search("tasks", **asked, autoWindow=True).body["meta"]


def test_all_windows_may_fail(own_service: Service) -> None:
    """That is an error."""
    own_service.switch(vibe_search="failed")
    asked = {"filter": {"updatedAt": LONG_AGO}}
    assert refused(own_service.search("deals", **asked)) == (502, "WINDOWED_SEARCH_FAILED")
    assert len(rows(own_service.search("deals", **asked, autoWindow=False, limit=500))) == 60


def test_unsorted_pages_overlap(own_service: Service) -> None:
    """The latest rows come first, so that added rows move all others."""
    first = [row["id"] for row in rows(own_service.get("/contacts", "limit=10"))]
    own_service.mutate(table="contacts", insert=3)
    second = [row["id"] for row in rows(own_service.get("/contacts", "limit=10&offset=10"))]
    assert set(first) & set(second)


@pytest.mark.parametrize(
    "query",
    [
        "filter[amount][$gte]=1000",
        "filter[$gte][amount]=1000",
        "filter[>=amount]=1000",
        "filter[OPPORTUNITY][>=]=1000",
    ],
)
def test_a_filter_has_four_spellings(service: Service, query: str) -> None:
    """All of a list's query; Bitrix24's own names pass."""
    amounts = [row["amount"] for row in rows(service.get("/deals", f"{query}&limit=500"))]
    assert amounts
    assert min(amounts) >= 1000


def test_operators(service: Service) -> None:
    """Operators of the syntax page, and those of a later error."""
    some = {"$in": [1, 2, 3]}
    assert [row["id"] for row in rows(service.search("contacts", filter={"id": some}, sort="id"))] == [1, 2, 3]
    assert [row["id"] for row in rows(service.search("contacts", filter={"id": [1, 2]}, sort="-id"))] == [2, 1]
    assert 1 not in {row["id"] for row in rows(service.search("contacts", filter={"id": {"$nin": [1]}}, limit=500))}
    assert 1 not in {row["id"] for row in rows(service.search("contacts", filter={"!id": 1}, limit=500))}
    deals = rows(service.search("deals", filter={"title": {"$contains": "№"}, "closed": True}, limit=500))
    assert all("№" in row["title"] and row["closed"] is True for row in deals)
    between = {"id": {"$gte": 5, "$lte": 9}}
    assert [row["id"] for row in rows(service.search("quotes", filter=between, sort={"id": 1}))] == [5, 6, 7, 8, 9]


def test_orders_of_several_fields(service: Service) -> None:
    """A text with commas, an object, a list; a wrong spelling of the parameter is dropped."""
    wanted = sorted(rows(service.search("quotes", limit=500)), key=lambda row: (row["stageId"], -row["id"]))
    ids = [row["id"] for row in wanted]
    for sort in ("stageId,-id", {"stageId": "asc", "id": "desc"}, ["stageId", "-id"]):
        found = rows(service.search("quotes", sort=sort, limit=500))
        assert [(row["stageId"].lower()) for row in found] == [row["stageId"].lower() for row in wanted], sort
        assert [row["id"] for row in found] == ids, sort
    assert [row["id"] for row in rows(service.get("/quotes", "order[id]=asc&limit=2"))] == [1, 2]
    assert [row["id"] for row in rows(service.search("quotes", orderBy="id", limit=1))] != [1]


def test_offsets_from_2500_may_work(own_service: Service) -> None:
    """They may fail, and fail here by default (switch)."""
    assert refused(own_service.get("/deals", "offset=2500")) == (500, "INTERNAL_ERROR")
    own_service.switch(vibe_offset="works")
    assert rows(own_service.get("/deals", "offset=2500")) == []
