"""Mutation, faults and counters work for declared lists as for the others; documented answers replace them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import Wire, command, ids

SOURCES = "biconnector.source.list"


def test_rows_are_inserted_updated_and_deleted(own: Wire) -> None:
    before = ids(own.truth("bi_sources"), "id")
    reply = own.mutate(table="bi_sources", insert=2, update=1, delete_ids=[before[0], before[5]])
    after = ids(own.truth("bi_sources"), "id")
    assert after == [*before[1:5], *before[6:], *reply["inserted"]]
    assert reply["deleted"] == [before[0], before[5]]


def test_a_set_field_and_the_modified_stamp_show(own: Wire) -> None:
    number = ids(own.truth("bi_sources"), "id")[3]
    before = own.truth("bi_sources")[3]
    own.mutate(table="bi_sources", set={"id": number, "fields": {"title": "Anders"}})
    after = own.truth("bi_sources")[3]
    assert after["title"] == "Anders"
    assert after["dateUpdate"] > before["dateUpdate"]


def test_a_changed_child_leaves_its_parent_s_stamp_alone(own: Wire) -> None:
    row = own.truth("product_rows")[0]
    stamp = {deal["ID"]: deal["DATE_MODIFY"] for deal in own.truth("deals")}
    own.mutate(table="product_rows", set={"id": row["id"], "fields": {"quantity": 99}})
    own.mutate(table="product_rows", delete_ids=[own.truth("product_rows")[1]["id"]])
    own.mutate(table="product_rows", insert=1, fields={"ownerId": row["ownerId"], "ownerType": row["ownerType"]})
    assert {deal["ID"]: deal["DATE_MODIFY"] for deal in own.truth("deals")} == stamp
    rows = own.result(
        "crm.item.productrow.list", {"filter": {"=ownerType": row["ownerType"], "=ownerId": row["ownerId"]}}
    )["productRows"]
    assert rows[0]["quantity"] == 99
    assert rows == [
        one
        for one in own.truth("product_rows")
        if (one["ownerId"], one["ownerType"]) == (row["ownerId"], row["ownerType"])
    ]


def test_rows_served_and_served_twice_are_counted(own: Wire) -> None:
    own.result(SOURCES, {"page": 1})
    own.result(SOURCES, {"page": 1})
    stats = own.stats()
    assert stats["rows"][SOURCES] == 100
    assert stats["rows_served_twice"][SOURCES] == 50


@pytest.mark.parametrize(
    ("method", "asked", "key"),
    [(SOURCES, {"page": 2}, "id"), ("imopenlines.config.list.get", {"PARAMS": {"limit": 20, "offset": 20}}, "ID")],
)
def test_faults_spoil_pages(own: Wire, method: str, asked: dict[str, Any], key: str) -> None:
    good = own.result(method, asked)
    own.faults({"fault": "short_page", "method": method, "param": 2})
    assert own.result(method, asked) == good[:-2]
    own.faults({"fault": "missing_id", "method": method}, clear=True)
    assert sum(key not in row for row in own.result(method, asked)) == 1
    own.faults({"fault": "repeat_page", "method": method}, clear=True)
    assert ids(own.result(method, asked), key)[0] == 1


def test_a_lost_filter_gives_the_unfiltered_list(own: Wire) -> None:
    asked = {"filter": {"id": 3}}
    assert len(own.result(SOURCES, asked)) == 1
    own.faults({"fault": "drop_filter", "method": SOURCES})
    assert len(own.result(SOURCES, asked)) == 50


def test_every_listed_method_is_known_and_in_its_scope(start: Start) -> None:
    portal = start(scopes="crm,task")
    assert portal.call("catalog.catalog.list").error == (401, "insufficient_scope")
    assert {"crm.item.productrow.list", "crm.item.productrow.fields"} <= set(portal.result("methods"))


# Documented answers


def write(folder: Path, method: str, result: Any, **more: Any) -> None:
    responses = [{"status": 200, "v3": False, "body": {"result": result, **more}}]
    body = {"method": method, "pages": [], "responses": responses, "errors": []}
    (folder / f"{method}.json").write_text(json.dumps(body), encoding="utf-8")


SHAPES = {
    "voximplant.line.get": {"reg1": "A", "sip2": "B"},
    "task.planner.getlist": [5, 9, 12],
    "bizproc.activity.list": ["a", "b"],
    "tasks.template.get": {"ID": "3", "TITLE": "x", "ACCOMPLICES": [], "TAGS": [{"a": 1}]},
    "task.stages.get": {"5": {"ID": "5", "TITLE": "New"}, "6": {"ID": "6", "TITLE": "Done"}},
    "documentgenerator.region.list": {"regions": {"de": {"CODE": "de", "x": []}}},
    "crm.documentgenerator.template.list": {"templates": {"7": {"id": "7"}, "9": {"id": "9"}}},
    "im.dialog.messages.get": {"chat_id": 3, "messages": [{"id": 8}, {"id": 4}], "users": [], "files": []},
    "log.blogcomment.user.get": {"comments": [{"id": 4821}], "files": {"1": {"id": 1}}},
}


@pytest.mark.parametrize("method", SHAPES)
def test_any_shape_is_served_as_documented(start: Start, tmp_path: Path, method: str) -> None:
    write(tmp_path, method, SHAPES[method])
    portal = start(samples=tmp_path)
    assert portal.result(method, {"DIALOG_ID": "chat3", "entityId": 1}) == SHAPES[method]


def test_children_are_served_to_any_parent(start: Start, tmp_path: Path) -> None:
    rows = [{"id": 17650, "ownerId": 13142, "ownerType": "D"}, {"id": 17649, "ownerId": 13142, "ownerType": "D"}]
    write(tmp_path, "crm.item.productrow.list", {"productRows": rows}, total=2)
    portal = start(samples=tmp_path)
    asked = {"filter": {"=ownerType": "Q", "=ownerId": 3, ">id": 17649}, "order": {"id": "ASC"}, "start": -1}
    maps = portal.batch({"a": command("crm.item.productrow.list", asked)})
    assert maps["result"]["a"]["productRows"] == rows[:1]


def test_cursors_and_pages_end_on_documented_rows(start: Start, tmp_path: Path) -> None:
    messages = [{"id": 8, "text": "b"}, {"id": 4, "text": "a"}]
    write(tmp_path, "im.dialog.messages.get", {"chat_id": 3, "messages": messages, "users": []})
    write(tmp_path, "im.notify.get", {"total_count": 1, "notifications": [{"id": 1500, "notify_type": 2}]})
    write(tmp_path, SOURCES, [{"id": "11"}, {"id": "10"}])
    write(tmp_path, "task.elapseditem.getlist", [{"ID": "1"}, {"ID": "2"}], total=2)
    portal = start(samples=tmp_path)
    dialog = {"DIALOG_ID": "chat9"}
    assert portal.result("im.dialog.messages.get", {**dialog, "FIRST_ID": 0})["messages"] == messages[::-1]
    assert portal.result("im.dialog.messages.get", {**dialog, "FIRST_ID": 8})["messages"] == []
    assert len(portal.result("im.notify.get")["notifications"]) == 1
    assert portal.result("im.notify.get", {"LAST_ID": 1500, "LAST_TYPE": 2})["notifications"] == []
    assert ids(portal.result(SOURCES, {"order": {"id": "ASC"}}), "id") == [10, 11]
    assert portal.result(SOURCES, {"page": 2}) == []
    assert ids(portal.result("task.elapseditem.getlist", [{"ID": "asc"}, {">ID": 1}])) == [2]
