"""How declared lists page where they differ from the three engines of docs/protocol.md §3.1."""

from collections import Counter
from itertools import chain
from typing import Any

import pytest

from tests.demo.wire import Wire, ids

ELAPSED = "task.elapseditem.getlist"
BY_ID = {"ID": "asc"}


def nav(size: int, page: int) -> dict[str, Any]:
    return {"NAV_PARAMS": {"nPageSize": size, "iNumPage": page}}


# Positional parameters (docs/protocol.md §3.1)


def test_elapsed_items_take_positional_parameters(portal: Wire) -> None:
    all_ids = ids(portal.truth("elapsed_items"))
    assert len(all_ids) > 100
    rows = portal.result(ELAPSED, [BY_ID, {">ID": all_ids[9]}, ["*"], nav(5, 1)])
    assert ids(rows) == all_ids[10:15]
    assert portal.result(ELAPSED, {"0": BY_ID, "1": {">ID": all_ids[9]}, "2": ["*"], "3": nav(5, 1)}) == rows


def test_a_scalar_first_is_the_task(portal: Wire) -> None:
    task = portal.truth("elapsed_items")[0]["TASK_ID"]
    rows = portal.result(ELAPSED, [int(task), BY_ID])
    assert rows == [row for row in portal.truth("elapsed_items") if row["TASK_ID"] == task]


def test_a_stray_name_shifts_positional_parameters(portal: Wire) -> None:
    answer = portal.call(ELAPSED, [BY_ID], query="request_id=abc")
    assert answer.error == (400, "ERROR_CORE")
    assert "Param #0 (taskId)" in answer.body["error_description"]


def test_without_nav_params_fifty_rows_come_though_total_is_larger_and_start_is_ignored(portal: Wire) -> None:
    all_ids = ids(portal.truth("elapsed_items"))
    for query in ("", "start=50"):
        body = portal.call(ELAPSED, [BY_ID], query=query).body
        assert ids(body["result"]) == all_ids[:50]
        assert (body["total"], "next" in body) == (len(all_ids), False)


def test_a_page_beyond_the_last_repeats_the_last(portal: Wire) -> None:
    all_ids = ids(portal.truth("elapsed_items"))
    last = -(-len(all_ids) // 50)
    pages = [ids(portal.result(ELAPSED, [BY_ID, {}, ["*"], nav(50, page)])) for page in range(1, last + 3)]
    assert list(chain.from_iterable(pages[:last])) == all_ids
    assert pages[last:] == [pages[last - 1]] * 2


def test_a_page_holds_no_more_than_fifty(portal: Wire) -> None:
    assert len(portal.result(ELAPSED, [BY_ID, {}, ["*"], nav(500, 1)])) == 50


# Pages of ten, of fifty by number, by limit and offset


def test_log_messages_come_ten_at_a_time_newest_first(portal: Wire) -> None:
    rows = [row for row in portal.truth("timeline_log_messages") if row["entityTypeId"] == 2]
    entity = max((row["entityId"] for row in rows), key=lambda one: sum(row["entityId"] == one for row in rows))
    wanted = sorted((int(row["id"]) for row in rows if row["entityId"] == entity), reverse=True)
    asked = {"entityTypeId": 2, "entityId": entity}
    first = portal.call("crm.timeline.logmessage.list", asked).body
    assert (ids(first["result"], "id"), first["next"], first["total"]) == (wanted[:10], 10, 12)
    second = portal.call("crm.timeline.logmessage.list", {**asked, "start": 10}).body
    assert (ids(second["result"], "id"), "next" in second) == (wanted[10:], False)
    assert portal.call("crm.timeline.logmessage.list", {"entityId": 1}).error == (400, "100")


def test_bi_sources_are_paged_by_number(portal: Wire) -> None:
    pages = [
        portal.call("biconnector.source.list", {"page": page, "order": {"id": "ASC"}}).body for page in range(1, 5)
    ]
    assert [len(page["result"]) for page in pages] == [50, 50, 20, 0]
    assert ids(chain.from_iterable(page["result"] for page in pages), "id") == ids(portal.truth("bi_sources"), "id")
    assert not any({"total", "next"} & page.keys() for page in pages)


def test_open_lines_read_limit_offset_filter_and_order_inside_params(portal: Wire) -> None:
    all_ids = ids(portal.truth("openline_configs"))
    method = "imopenlines.config.list.get"
    inside = {"limit": 20, "offset": 20, "order": {"ID": "ASC"}, "select": ["ID"]}
    assert portal.result(method, {"PARAMS": inside}) == [{"ID": str(one)} for one in all_ids[20:40]]
    assert ids(portal.result(method, {"PARAMS": {"filter": {">ID": all_ids[30]}, "limit": 200}})) == all_ids[31:]
    assert len(portal.result(method, {"filter": {">ID": all_ids[-1]}, "limit": 1})) == 50  # beside PARAMS: not seen


# Cursors


@pytest.fixture(scope="module")
def dialog(portal: Wire) -> str:
    """The longest one."""
    return str(Counter(row["DIALOG"] for row in portal.truth("im_messages")).most_common(1)[0][0])


def test_messages_go_forwards_from_first_id_exclusive(portal: Wire, dialog: str) -> None:
    wanted = ids([row for row in portal.truth("im_messages") if row["DIALOG"] == dialog], "id")
    seen: list[int] = []
    cursor = 0
    while rows := portal.result("im.dialog.messages.get", {"DIALOG_ID": dialog, "FIRST_ID": cursor, "LIMIT": 200}):
        if not rows["messages"]:
            break
        assert len(rows["messages"]) <= 50
        seen += ids(rows["messages"], "id")
        cursor = seen[-1]
    assert seen == wanted
    assert len(wanted) > 50


def test_without_a_cursor_the_newest_twenty_messages_come_with_their_users(portal: Wire, dialog: str) -> None:
    wanted = ids([row for row in portal.truth("im_messages") if row["DIALOG"] == dialog], "id")
    answer = portal.result("im.dialog.messages.get", {"DIALOG_ID": dialog})
    assert ids(answer["messages"], "id") == wanted[::-1][:20]
    assert {row["author_id"] for row in answer["messages"]} == {user["id"] for user in answer["users"]}
    assert portal.call("im.dialog.messages.get").error == (400, "DIALOG_ID_EMPTY")


def test_notifications_go_backwards_in_two_stages(portal: Wire) -> None:
    rows = portal.truth("im_notifications")
    seen: list[Any] = []
    cursor: dict[str, Any] = {}
    while batch := portal.result("im.notify.get", cursor)["notifications"]:
        seen += batch
        cursor = {"LAST_ID": batch[-1]["id"], "LAST_TYPE": batch[-1]["notify_type"]}
    assert sorted(ids(seen, "id")) == ids(rows, "id")
    confirmations = [row for row in seen if row["notify_type"] == 1]
    assert seen[: len(confirmations)] == confirmations
    assert ids(confirmations, "id") == sorted(ids(confirmations, "id"), reverse=True)
    assert portal.call("im.notify.get", {"LAST_ID": 5}).error == (400, "LAST_ID_AND_LAST_TYPE")


# Windows of time (docs/protocol.md §3.1)

DAY = 86400


@pytest.fixture(scope="module")
def events(portal: Wire) -> list[Any]:
    return [row for row in portal.truth("calendar_events") if (row["CAL_TYPE"], row["OWNER_ID"]) == ("user", "1")]


def begun(portal: Wire, **asked: Any) -> set[str]:
    rows = portal.result("calendar.event.get", {"type": "user", "ownerId": 1, **asked})
    return {row["ID"] for row in rows}


def test_events_need_a_type_and_come_without_a_total(portal: Wire) -> None:
    assert portal.call("calendar.event.get").error == (400, "")
    assert "total" not in portal.call("calendar.event.get", {"type": "user", "ownerId": 1}).body


def test_without_bounds_the_window_is_thirty_days_back_and_ninety_ahead(portal: Wire, events: list[Any]) -> None:
    now = 1_793_606_400  # 2026-11-02 08:00 UTC
    near = {row["ID"] for row in events if now - 29 * DAY < int(row["DATE_FROM_TS_UTC"]) < now + 89 * DAY}
    far = {row["ID"] for row in events if not now - 31 * DAY < int(row["DATE_FROM_TS_UTC"]) < now + 91 * DAY}
    shown = begun(portal)
    assert near <= shown
    assert not far & shown
    assert near
    assert far


def test_with_only_from_the_end_is_open(portal: Wire, events: list[Any]) -> None:
    assert begun(portal, **{"from": "2020-01-01"}) == {row["ID"] for row in events}
    assert begun(portal, **{"from": "2020-01-01", "to": "2021-01-01"}) == set()


# Exact offsets, order in two words (docs/protocol.md §3.1, §4.6)


def test_calls_are_paged_by_exact_offset_and_ordered_by_two_words(portal: Wire) -> None:
    calls = ids(portal.truth("calls"))
    method = "voximplant.statistic.get"
    body = portal.call(method, {"SORT": "ID", "ORDER": "ASC", "start": 7}).body
    assert (ids(body["result"]), body["next"], body["total"]) == (calls[7:57], 57, len(calls))
    assert portal.ids(method, {"SORT": "ID", "ORDER": "DESC", "start": -1}) == calls[:-51:-1]
    assert portal.ids(method, {"SORT": "ID", "start": -1}) == calls[:50]
    assert (
        portal.ids(method, {"FILTER": {">ID": calls[60]}, "SORT": "ID", "ORDER": "ASC", "start": -1}) == calls[61:111]
    )
    assert portal.result(method, {"start": 5000}) == []


# Totals that mislead


def test_the_total_of_addresses_is_the_size_of_a_page_unless_start_is_minus_one(portal: Wire) -> None:
    addresses = portal.truth("addresses")
    first = portal.call("crm.address.list").body
    assert (first["total"], len(first["result"])) == (50, 50)
    assert len(addresses) > 100
    uncounted = portal.call("crm.address.list", {"start": -1}).body
    assert (uncounted["total"], len(uncounted["result"])) == (len(addresses), 50)
    order = {"ENTITY_TYPE_ID": "ASC", "ENTITY_ID": "ASC", "TYPE_ID": "ASC"}
    pages = [portal.result("crm.address.list", {"order": order, "start": start}) for start in range(0, 350, 50)]
    keys = [tuple(row[name] for name in ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")) for page in pages for row in page]
    assert len(set(keys[: len(addresses)])) == len(addresses)


def test_order_bindings_come_all_at_once_with_start_minus_one(portal: Wire) -> None:
    bindings = portal.truth("order_entities")
    assert len(bindings) > 50
    assert portal.result("crm.orderentity.list", {"start": -1})["orderEntity"] == bindings
    assert len(portal.result("crm.orderentity.list")["orderEntity"]) == 50
