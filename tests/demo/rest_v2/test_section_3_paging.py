"""docs/protocol.md §3: three paging engines, the wrap to page 1, and what `start=-1` does to each."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.wire import Wire, command, ids

DEALS = "crm.deal.list"
ASCENDING = {"order": {"ID": "ASC"}}
LEGACY = [
    ("deals", DEALS),
    ("leads", "crm.lead.list"),
    ("quotes", "crm.quote.list"),
    ("activities", "crm.activity.list"),
]
ITEM_ORDER = {"order": {"id": "ASC"}}
CONTROLLERS: list[tuple[str, str, dict[str, Any]]] = [
    ("deals", "crm.item.list", {"entityTypeId": 2, **ITEM_ORDER}),
    ("stage_history", "crm.stagehistory.list", {"entityTypeId": 2, **ASCENDING}),
]


def rows_of(result: Any) -> Any:
    """The rows, in whatever they are wrapped."""
    return next(iter(result.values())) if isinstance(result, dict) else result


def page(portal: Wire, method: str, **params: Any) -> tuple[list[int], int | None, int | None]:
    """Ids, `total` and `next` of one page."""
    body = portal.call(method, params).body
    rows = rows_of(body["result"])
    key = "ID" if not rows or "ID" in rows[0] else "id"
    return ids(rows, key), body.get("total"), body.get("next")


# Legacy page engine


@pytest.mark.parametrize(("table", "method"), LEGACY)
def test_3_1_legacy_walks_every_row_by_next(portal: Wire, table: str, method: str) -> None:
    truth = ids(portal.truth(table))
    seen: list[int] = []
    start: int | None = 0
    while start is not None:
        got, total, start = page(portal, method, start=start, **ASCENDING)
        seen += got
        assert total == len(truth)
    assert seen == truth


def test_3_1_legacy_start_75_is_page_2(portal: Wire) -> None:
    truth = ids(portal.truth("deals"))
    assert page(portal, DEALS, start=75, **ASCENDING) == (truth[50:100], 300, 100)


def test_3_1_legacy_has_no_next_on_the_last_page(portal: Wire) -> None:
    truth = ids(portal.truth("deals"))
    assert page(portal, DEALS, start=250, **ASCENDING) == (truth[250:], 300, None)


@pytest.mark.parametrize("start", [300, 350, 100_000])
def test_3_1_legacy_start_beyond_the_end_wraps_to_page_1(portal: Wire, start: int) -> None:
    truth = ids(portal.truth("deals"))
    assert page(portal, DEALS, start=start, **ASCENDING) == (truth[:50], 300, 50)


def test_3_1_legacy_wrap_on_a_single_page_has_no_next(portal: Wire) -> None:
    few = {"filter": {"@ID": ids(portal.truth("deals"))[:3]}, **ASCENDING}
    got, total, following = page(portal, DEALS, start=50, **few)
    assert (got, total, following) == (ids(portal.truth("deals"))[:3], 3, None)


def test_3_1_legacy_no_rows_is_an_empty_list_with_total_0(portal: Wire) -> None:
    assert page(portal, DEALS, filter={"ID": 999_999_999}) == ([], 0, None)


@pytest.mark.parametrize("start", [-1, -7])
@pytest.mark.parametrize(("table", "method"), LEGACY)
def test_3_1_legacy_negative_start_gives_first_50_total_0_no_next(
    portal: Wire, table: str, method: str, start: int
) -> None:
    assert page(portal, method, start=start, **ASCENDING) == (ids(portal.truth(table))[:50], 0, None)


def test_3_1_department_get_is_legacy_too(portal: Wire) -> None:
    truth = ids(portal.truth("departments"))
    got, total, following = page(portal, "department.get", start=5000)
    assert (sorted(got), total, following) == (truth, len(truth), None)
    assert page(portal, "department.get", start=-1)[1:] == (0, None)


def test_3_1_department_get_lists_parents_before_children(portal: Wire) -> None:
    """Default order is LEFT_MARGIN ASC: a walk through the tree."""
    seen: set[str] = set()
    for row in portal.result("department.get"):
        assert "PARENT" not in row or row["PARENT"] in seen
        seen.add(row["ID"])


def test_3_1_activities_come_by_start_time_unless_told(portal: Wire) -> None:
    rows = portal.result("crm.activity.list", {"select": ["ID", "START_TIME"]})
    times = [row["START_TIME"] for row in rows]
    assert times == sorted(times)
    assert ids(rows) != sorted(ids(rows))


# ORM flavour


@pytest.fixture(scope="module")
def crowd() -> Iterator[Wire]:
    """A portal with more than two pages of users."""
    with serve(port=0, scale=300, seed=1, no_limits=True) as running:
        wire = Wire(running.url)
        wire.mutate(table="users", insert=max(0, 130 - len(wire.truth("users"))))
        yield wire


BY_ID = {"SORT": "ID", "ORDER": "ASC"}


def test_3_1_orm_offset_is_start_exactly(crowd: Wire) -> None:
    truth = ids(crowd.truth("users"))
    assert page(crowd, "user.get", start=7, **BY_ID) == (truth[7:57], len(truth), 57)


def test_3_1_orm_last_page_has_no_next(crowd: Wire) -> None:
    truth = ids(crowd.truth("users"))
    assert page(crowd, "user.get", start=100, **BY_ID) == (truth[100:150], len(truth), None)


def test_3_1_orm_beyond_the_end_is_a_plain_list_without_total(crowd: Wire) -> None:
    body = crowd.call("user.get", {"start": 5000}).body
    assert body["result"] == []
    assert set(body) == {"result", "time"}


def test_3_1_user_get_without_a_match_has_no_total(crowd: Wire) -> None:
    body = crowd.call("user.get", {"FILTER": {"ID": 999_999_999}}).body
    assert body["result"] == []
    assert "total" not in body


def test_3_1_user_get_sorts_by_id_unless_sort_and_order_are_given(crowd: Wire) -> None:
    truth = ids(crowd.truth("users"))
    assert crowd.ids("user.get") == truth[:50]
    assert crowd.ids("user.get", {"SORT": "ID"}) == truth[:50]
    assert crowd.ids("user.get", {"ORDER": "DESC"}) == truth[:50]
    assert crowd.ids("user.get", {"SORT": "ID", "ORDER": "DESC"}) == truth[::-1][:50]
    assert crowd.ids("user.get", {"sort": "ID", "order": "DESC"}) == truth[::-1][:50]


def test_3_1_user_get_start_minus_1(crowd: Wire) -> None:
    """§9 switch user_get_no_count: newest total 0, old a real total and next 50."""
    truth = ids(crowd.truth("users"))
    assert page(crowd, "user.get", start=-1, **BY_ID) == (truth[:50], 0, None)
    crowd.switch(user_get_no_count="old")
    try:
        assert page(crowd, "user.get", start=-1, **BY_ID) == (truth[:50], len(truth), 50)
    finally:
        crowd.switch(user_get_no_count="new")


# Controllers


@pytest.mark.parametrize(("table", "method", "params"), CONTROLLERS)
def test_3_1_controllers_walk_every_row_by_next(portal: Wire, table: str, method: str, params: dict[str, Any]) -> None:
    seen: list[int] = []
    start: int | None = 0
    total: int | None = None
    while start is not None:
        got, total, start = page(portal, method, start=start, **params)
        seen += got
    assert total == len(seen)
    assert seen == sorted(set(seen))
    if table == "deals":
        assert seen == ids(portal.truth("deals"))


def test_3_1_controllers_round_start_down_to_a_page(portal: Wire) -> None:
    truth = ids(portal.truth("deals"))
    got = page(portal, "crm.item.list", entityTypeId=2, start=75, **ITEM_ORDER)
    assert got == (truth[50:100], 300, 100)


@pytest.mark.parametrize(("table", "method", "params"), CONTROLLERS)
def test_3_1_controllers_beyond_the_end_have_no_rows_and_no_next(
    portal: Wire, table: str, method: str, params: dict[str, Any]
) -> None:
    got, _, following = page(portal, method, start=100_000, **params)
    assert (got, following) == ([], None)
    assert portal.counts()[table] > 0


@pytest.mark.parametrize(("table", "method", "params"), CONTROLLERS)
def test_3_1_controllers_minus_1_has_neither_total_nor_next(
    portal: Wire, table: str, method: str, params: dict[str, Any]
) -> None:
    body = portal.call(method, {"start": -1, **params}).body
    assert set(body) == {"result", "time"}
    assert len(rows_of(body["result"])) == min(50, portal.counts()[table])


@pytest.mark.parametrize("start", [-2, -50])
def test_3_1_controllers_other_negatives_are_page_1_counted(portal: Wire, start: int) -> None:
    truth = ids(portal.truth("deals"))
    got = page(portal, "crm.item.list", entityTypeId=2, start=start, **ITEM_ORDER)
    assert got == (truth[:50], 300, 50)


def test_3_1_in_a_batch_controllers_omit_totals_of_uncounted_commands(portal: Wire) -> None:
    params = {"entityTypeId": 2, "start": -1, **ITEM_ORDER}
    maps = portal.batch({"a": command("crm.item.list", params)})
    assert len(maps["result"]["a"]["items"]) == 50
    assert maps["result_total"] == []
    assert maps["result_next"] == []


def test_3_1_in_a_batch_the_outer_start_decides_whether_controllers_count(own: Wire) -> None:
    """A hidden cost: `start=-1` inside saves the total in the answer, not the query."""
    cmd = {"a": command("crm.item.list", {"entityTypeId": 2, "start": -1, **ITEM_ORDER})}
    own.batch(cmd)
    assert own.stats()["counted"].get("crm.item.list", 0) == 1
    own.batch(cmd, start=-1)
    assert own.stats()["counted"].get("crm.item.list", 0) == 1


# Controllers over legacy rows


TASK_ORDER = {"order": {"ID": "asc"}}


def test_3_1_tasks_walk_and_wrap_without_next(portal: Wire) -> None:
    truth = ids(portal.truth("tasks"), "id")
    last = (len(truth) - 1) // 50 * 50
    assert page(portal, "tasks.task.list", start=last, **TASK_ORDER) == (truth[last:], len(truth), None)
    got, total, following = page(portal, "tasks.task.list", start=5000, **TASK_ORDER)
    assert (got, following) == (truth[:50], None)
    assert total == len(truth)


def test_3_1_tasks_minus_1_has_neither_total_nor_next(portal: Wire) -> None:
    got, total, following = page(portal, "tasks.task.list", start=-1, **TASK_ORDER)
    assert got == ids(portal.truth("tasks"), "id")[:50]
    assert (total, following) == (None, None)


# Unpaged


def test_3_1_statuses_come_whole_with_total_by_sort_whatever_start_says(portal: Wire) -> None:
    truth = ids(portal.truth("statuses"))
    assert len(truth) > 50
    for start in (0, 50, -1, 5000):
        body = portal.call("crm.status.list", {"start": start}).body
        assert sorted(ids(body["result"])) == truth
        assert body["total"] == len(truth)
        assert "next" not in body
    sorts = [int(row["SORT"]) for row in portal.result("crm.status.list")]
    assert sorts == sorted(sorts)


@pytest.mark.parametrize("key", ["ENTITY_ID", "STATUS_ID", "SORT", "SEMANTICS"])
def test_3_1_an_array_filter_on_statuses_is_an_error_without_code(portal: Wire, key: str) -> None:
    assert portal.call("crm.status.list", {"filter": {key: ["a", "b"]}}).error == (400, "")


def test_3_1_status_extra_exists_for_stages_only(portal: Wire) -> None:
    for row in portal.truth("statuses"):
        staged = row["ENTITY_ID"].startswith(("DEAL_STAGE", "STATUS", "QUOTE_STATUS"))
        assert ("EXTRA" in row) == staged, row


def test_3_1_currencies_ignore_the_filter(portal: Wire) -> None:
    truth = {row["CURRENCY"] for row in portal.truth("currencies")}
    rows = portal.result("crm.currency.list", {"filter": {"CURRENCY": "USD"}})
    assert {row["CURRENCY"] for row in rows} == truth
    assert len(truth) > 1


# What lists hide


@pytest.mark.parametrize(
    ("table", "method", "entity_type"),
    [("contacts", "crm.contact.list", 3), ("companies", "crm.company.list", 4)],
)
def test_3_1_contacts_and_companies_of_other_categories_are_hidden(
    portal: Wire, table: str, method: str, entity_type: int
) -> None:
    """crm.category.list names the categories, crm.item.list shows their rows, the classic list does not."""
    truth = set(ids(portal.truth(table)))
    total = portal.call(method).body["total"]
    categories = portal.result("crm.category.list", {"entityTypeId": entity_type})["categories"]
    others = [int(row["id"]) for row in categories if int(row["id"]) > 0]
    hidden: set[int] = set()
    for category in others:
        query = {"entityTypeId": entity_type, "filter": {"categoryId": category}}
        hidden |= set(portal.ids("crm.item.list", query))
    assert hidden
    assert hidden <= truth
    assert total == len(truth) - len(hidden)
    assert portal.ids(method, {"filter": {"@ID": sorted(hidden)}}) == []
