"""docs/protocol.md §4.4 to §4.6: tasks, users and departments each filter in a way of their own."""

from typing import Any

import pytest

from tests.demo.wire import Wire, ids, instant

TASKS = "tasks.task.list"
USERS = "user.get"


# §4.4


@pytest.fixture(scope="module")
def tasks(portal: Wire) -> list[Any]:
    rows = portal.truth("tasks")
    assert len(rows) > 50
    return rows


def found(portal: Wire, conditions: Any, **more: Any) -> list[int]:
    """Ids of all tasks that obey a filter."""
    known: list[int] = []
    start: int | None = 0
    while start is not None:
        params = {"filter": conditions, "order": {"ID": "asc"}, "select": ["ID"], "start": start, **more}
        body = portal.call(TASKS, params).body
        assert "error" not in body, body
        known += ids(body["result"]["tasks"], "id")
        start = body.get("next")
    return known


def test_4_4_comparisons(portal: Wire, tasks: list[Any]) -> None:
    known = ids(tasks, "id")
    assert found(portal, {">ID": known[10], "<=ID": known[20]}) == known[11:21]
    assert found(portal, {"ID": known[10]}) == [known[10]]
    assert found(portal, {"!ID": known[10]}) == known[:10] + known[11:]


@pytest.mark.parametrize("size", [2, 79])
def test_4_4_an_array_on_a_number_means_in_for_2_to_79_values(portal: Wire, tasks: list[Any], size: int) -> None:
    known = ids(tasks, "id")
    wanted = known[1 : 1 + size]
    assert found(portal, {"ID": wanted}) == wanted


@pytest.mark.parametrize("key", ["id", ">id", "changedDate", "NO_SUCH_FIELD"])
def test_4_4_keys_are_upper_snake_and_others_ignored(own: Wire, key: str) -> None:
    assert own.call(TASKS, {"filter": {key: 999_999_999}}).body["total"] == own.counts()["tasks"]
    assert own.stats()["dropped_filters"] == {f"{TASKS}:{key}": 1}


@pytest.mark.parametrize("value", ["", None, []])
def test_4_4_an_empty_value_drops_its_condition(portal: Wire, tasks: list[Any], value: Any) -> None:
    assert found(portal, {">ID": value}) == ids(tasks, "id")


def test_4_4_dates_obey_their_offset(portal: Wire, tasks: list[Any]) -> None:
    moment = instant(next(row["changedDate"] for row in tasks[40:] if row["changedDate"]))
    later = [int(row["id"]) for row in tasks if instant(row["changedDate"] or row["createdDate"]) >= moment]
    utc = instant("2026-01-01T00:00:00+00:00").tzinfo
    assert found(portal, {">=CHANGED_DATE": moment.isoformat()}) == later
    assert found(portal, {">=CHANGED_DATE": moment.astimezone(utc).isoformat()}) == later


def test_4_4_an_unparsable_date_is_1970_so_everything_is_later(portal: Wire, tasks: list[Any]) -> None:
    assert found(portal, {">=CHANGED_DATE": "not a date"}) == ids(tasks, "id")
    assert found(portal, {"<CHANGED_DATE": "not a date"}) == []


def test_4_4_a_task_never_changed_is_found_by_its_creation(portal: Wire, tasks: list[Any]) -> None:
    """The filter falls back to CREATED_DATE where CHANGED_DATE is null; the row still says null."""
    untouched = next(row for row in tasks if row["changedDate"] is None)
    moment = untouched["createdDate"]
    assert int(untouched["id"]) in found(portal, {">=CHANGED_DATE": moment, "<=CHANGED_DATE": moment})


def test_4_4_an_unknown_order_is_an_error_known_ones_in_any_case(portal: Wire, tasks: list[Any]) -> None:
    assert portal.call(TASKS, {"order": {"NO_SUCH_FIELD": "asc"}}).status == 400
    backwards = ids(tasks, "id")[::-1][:50]
    assert portal.ids(TASKS, {"order": {"id": "desc"}}) == backwards
    assert portal.ids(TASKS, {"order": {"ID": "DESC"}}) == backwards


def test_4_4_select_items_must_be_strings_unknown_ones_are_dropped(portal: Wire) -> None:
    answer = portal.call(TASKS, {"select": [["ID"]]})
    assert answer.status == 400
    assert "Invalid select data" in answer.body["error_description"]
    rows = portal.result(TASKS, {"select": ["ID", "TITLE", "NO_SUCH_FIELD"]})["tasks"]
    assert all({"id", "title"} <= set(row) and "noSuchField" not in row for row in rows)


# §4.5


@pytest.fixture
def users(portal: Wire) -> list[Any]:
    return portal.truth("users")


@pytest.mark.parametrize("name", ["FILTER", "filter"])
def test_4_5_prefixes_on_allowed_fields(portal: Wire, users: list[Any], name: str) -> None:
    known = ids(users)
    assert portal.ids(USERS, {name: {">ID": known[1], "<=ID": known[3]}}) == known[2:4]
    assert portal.ids(USERS, {name: {"!=ID": known[0]}}) == known[1:51]
    assert portal.ids(USERS, {name: {"@ID": known[1:3]}}) == known[1:3]


def test_4_5_keys_are_case_folded(portal: Wire, users: list[Any]) -> None:
    assert portal.ids(USERS, {"FILTER": {">id": ids(users)[1]}}) == ids(users)[2:52]


def test_4_5_bare_keys_filter_unless_filter_is_there(portal: Wire, users: list[Any]) -> None:
    known = ids(users)
    assert portal.ids(USERS, {"ID": known[2]}) == [known[2]]
    assert portal.ids(USERS, {"ID": known[2], "FILTER": {"ID": known[3]}}) == [known[3]]


@pytest.mark.parametrize("prefix", ["!=%", "!%="])
def test_4_5_three_character_prefixes_are_dropped_though_documented(own: Wire, prefix: str) -> None:
    everyone = ids(own.truth("users"))
    assert own.ids(USERS, {"FILTER": {f"{prefix}NAME": "%"}}) == everyone[:50]
    assert own.stats()["dropped_filters"] == {f"{USERS}:{prefix}NAME": 1}


def test_4_5_the_modified_stamp_filters_though_rows_hide_it(own: Wire) -> None:
    """New users carry the portal's clock; every other one is older."""
    now = own.control("clock", {"advance": 0})["now"]
    added = own.mutate(table="users", insert=2)
    found_ids = own.ids(USERS, {"FILTER": {">=TIMESTAMP_X": now}})
    assert len(found_ids) == 2
    assert set(found_ids) <= set(ids(own.truth("users")))
    assert added
    assert own.ids(USERS, {"FILTER": {">=TIMESTAMP_X": "2031-01-01T00:00:00+00:00"}}) == []


def test_4_5_an_unparsable_stamp_matches_nobody(portal: Wire) -> None:
    assert portal.ids(USERS, {"FILTER": {">=TIMESTAMP_X": "not a date"}}) == []


def test_4_5_active_is_a_filter_and_the_dismissed_are_there_without_it(portal: Wire, users: list[Any]) -> None:
    dismissed = [int(row["ID"]) for row in users if row["ACTIVE"] is False]
    assert dismissed
    assert set(dismissed) <= set(portal.ids(USERS))
    working = portal.ids(USERS, {"FILTER": {"ACTIVE": True}})
    assert working == [int(row["ID"]) for row in users if row["ACTIVE"]][:50]


def test_4_5_select_is_honoured_by_the_newest(portal: Wire) -> None:
    rows = portal.result(USERS, {"SELECT": ["ID", "NAME"]})
    assert all(set(row) <= {"ID", "NAME"} for row in rows)
    everything = portal.result(USERS, {"SELECT": ["*", "UF_*"]})
    assert any("UF_DEPARTMENT" in row for row in everything)


# §4.6


def test_4_6_departments_filter_by_bare_keys_exactly(portal: Wire) -> None:
    rows = portal.truth("departments")
    child = next(row for row in rows if "PARENT" in row)
    siblings = [int(row["ID"]) for row in rows if row.get("PARENT") == child["PARENT"]]
    assert portal.ids("department.get", {"ID": child["ID"]}) == [int(child["ID"])]
    assert sorted(portal.ids("department.get", {"PARENT": child["PARENT"]})) == siblings
    assert portal.ids("department.get", {"FILTER": {"NAME": child["NAME"]}})[:1] == [int(child["ID"])]


def test_4_6_prefixed_department_keys_are_dropped(own: Wire) -> None:
    everyone = ids(own.truth("departments"))
    assert sorted(own.ids("department.get", {"FILTER": {">ID": everyone[-1]}})) == everyone[:50]
    assert own.stats()["dropped_filters"] == {"department.get:>ID": 1}


def test_4_6_department_sort_and_order_are_read_from_inside_the_filter(portal: Wire) -> None:
    everyone = ids(portal.truth("departments"))
    backwards = everyone[::-1][:50]
    assert portal.ids("department.get", {"SORT": "ID", "ORDER": "DESC"}) == backwards
    assert portal.ids("department.get", {"FILTER": {"SORT": "ID", "ORDER": "DESC"}}) == backwards
    assert portal.ids("department.get", {"sort": "ID", "order": "DESC"}) == backwards
