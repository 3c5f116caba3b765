"""Lists around tasks, workgroups, calendars and bookings: what is special about each."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.demo.wire import Wire, ids


def of(portal: Wire, table: str, column: str) -> dict[Any, list[dict[str, Any]]]:
    """The rows of a child table by parent."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in portal.truth(table):
        found.setdefault(row[column], []).append(row)
    return found


def one_of(portal: Wire, table: str, column: str) -> tuple[Any, list[dict[str, Any]]]:
    """The parent with most rows, and its rows."""
    return max(of(portal, table, column).items(), key=lambda pair: len(pair[1]))


# Tasks (docs/protocol.md §1.4, §6)


def test_comments_take_the_task_by_position_and_their_files_are_an_object_or_empty(portal: Wire) -> None:
    task, rows = one_of(portal, "task_comments", "TASK_ID")
    answer = portal.call("task.commentitem.getlist", {"0": task})
    assert ids(answer.result) == ids(rows)
    assert portal.result("task.commentitem.getlist", {"TASKID": task}) == answer.result
    assert "TASK_ID" not in answer.result[0]
    assert "total" not in answer.body
    files = [row["ATTACHED_OBJECTS"] for row in portal.truth("task_comments")]
    assert {type(one) for one in files} == {dict, list}
    assert all("auth%5Bauth%5D=" in one["DOWNLOAD_URL"] for some in files if some for one in some.values())
    assert portal.call("task.commentitem.getlist").error == (400, "ERROR_CORE")
    assert portal.call("task.commentitem.getlist", {"0": 99_999}).error == (400, "ERROR_CORE")


def test_a_task_s_history_begins_with_its_creation_in_the_user_s_zone(portal: Wire) -> None:
    task, rows = one_of(portal, "task_history", "taskId")
    listed = portal.result("tasks.task.history.list", {"taskId": task})["list"]
    assert ids(listed, "id") == ids(rows, "id")
    assert listed[0]["field"] == "NEW"
    assert listed[0]["value"] == {"from": None, "to": None}
    assert all(row["createdDate"].endswith("+05:30") for row in listed)
    assert portal.call("tasks.task.history.list", {"taskId": 99_999}).error == (400, "0")
    assert portal.call("tasks.task.history.list").error == (400, "100")


def test_results_of_a_task_have_a_list_of_files(portal: Wire) -> None:
    task, rows = one_of(portal, "task_results", "taskId")
    assert portal.result("tasks.task.result.list", {"taskId": task}) == rows
    assert {len(row["files"]) for row in portal.truth("task_results")} == {0, 1}


def test_user_fields_of_tasks_have_a_total_of_zero(portal: Wire) -> None:
    answer = portal.call("task.item.userfield.getlist")
    assert answer.body["total"] == 0
    assert len(answer.result) == 5
    assert {row["FIELD_NAME"]: row["MULTIPLE"] for row in answer.result}["UF_CRM_TASK"] == "Y"
    assert [row["SETTINGS"] for row in answer.result if row["FIELD_NAME"] == "UF_MAIL_MESSAGE"] == [[]]


def test_flows_and_templates_are_had_one_by_one_from_the_tasks_that_name_them(portal: Wire) -> None:
    tasks = portal.truth("tasks")
    flows = {int(task["flowId"]) for task in tasks} - {0}
    assert flows <= set(ids(portal.truth("task_flows"), "id"))
    for number in flows:
        flow = portal.result("tasks.flow.Flow.get", {"flowId": number})
        assert flow["id"] == number
        assert flow["active"] in {True, False}
    assert portal.call("tasks.flow.Flow.get", {"flowId": 99}).error == (400, "0")
    templates = {int(task["forkedByTemplateId"]) for task in tasks if task["forkedByTemplateId"]}
    assert templates <= set(ids(portal.truth("task_templates")))
    assert templates


def test_checklists_of_templates_are_keyed_by_id(portal: Wire) -> None:
    template, rows = one_of(portal, "template_checklist_items", "templateId")
    listed = portal.result("tasks.template.checklist.list", {"templateId": template})["checkListItems"]
    assert listed == {row["id"]: row for row in rows}
    assert listed[rows[0]["id"]]["parentId"] == 0


# Scrum


def test_scrum_teams_have_a_backlog_sprints_and_epics_other_groups_none(portal: Wire) -> None:
    asked = {"select": ["ID", "TYPE"]}
    kinds = {
        int(one["id"]): one["type"] for one in portal.result("socialnetwork.api.workgroup.list", asked)["workgroups"]
    }
    teams = {number for number, kind in kinds.items() if kind == "scrum"}
    for table in ("scrum_backlogs", "scrum_sprints", "scrum_epics"):
        assert set(of(portal, table, "groupId")) == teams
    team, other = min(teams), min(set(kinds) - teams)
    assert portal.result("tasks.api.scrum.backlog.get", {"id": team})["groupId"] == team
    assert portal.result("tasks.api.scrum.backlog.get", {"id": other}) == []
    assert portal.call("tasks.api.scrum.backlog.get", {"id": 999}).error == (400, 0)


def test_epics_are_asked_in_upper_case_and_paged_like_controllers(portal: Wire) -> None:
    method = "tasks.api.scrum.epic.list"
    wanted = ids(portal.truth("scrum_epics"), "id")
    seen: list[int] = []
    while page := portal.call(
        method, {"filter": {">ID": seen[-1] if seen else 0}, "order": {"ID": "ASC"}, "start": -1}
    ):
        assert "total" not in page.body
        if not page.result:
            break
        seen += ids(page.result, "id")
    assert seen == wanted
    assert len(wanted) > 50
    assert portal.call(method).body["next"] == 50


def test_stages_and_story_points_are_those_of_one_sprint_and_one_task(portal: Wire) -> None:
    sprint, rows = one_of(portal, "scrum_kanban_stages", "sprintId")
    assert portal.result("tasks.api.scrum.kanban.getStages", {"sprintId": sprint}) == rows
    assert portal.call("tasks.api.scrum.kanban.getStages").error == (400, 0)
    planned = portal.truth("scrum_tasks")[0]
    task = planned.pop("TASK")
    assert portal.result("tasks.api.scrum.task.get", {"id": task}) == planned
    fields = portal.result("tasks.api.scrum.task.getFields")["fields"]
    assert set(fields) == set(planned)


# Workgroups (docs/protocol.md §3.1, §4.6)


def test_groups_in_the_classic_form_come_newest_first_and_change_with_the_others(own: Wire) -> None:
    listed = own.result("sonet_group.get")
    numbers = ids(own.truth("workgroups"), "id")
    assert ids(listed) == numbers[::-1]
    assert {"IMAGE" in row for row in listed} == {True, False}
    assert ids(own.result("sonet_group.get", {"FILTER": {">ID": numbers[2]}, "ORDER": {"ID": "ASC"}})) == numbers[3:]
    own.mutate(table="workgroups", set={"id": numbers[0], "fields": {"NAME": "Neu"}})
    own.mutate(table="workgroups", delete_ids=[numbers[1]])
    after = {int(row["ID"]): row["NAME"] for row in own.result("sonet_group.get")}
    assert set(after) == set(numbers) - {numbers[1]}
    assert after[numbers[0]] == "Neu"
    (added,) = own.mutate(table="workgroups", insert=1)["inserted"]
    assert ids(own.result("sonet_group.get"))[0] == added
    assert numbers[1] not in {int(group) for group in of(own, "workgroup_members", "GROUP_ID")}


def test_members_of_a_group_have_a_role_and_no_id_of_their_own(portal: Wire) -> None:
    group, rows = one_of(portal, "workgroup_members", "GROUP_ID")
    listed = portal.result("sonet_group.user.get", {"ID": group})
    assert [set(row) for row in listed] == [{"USER_ID", "ROLE"}] * len(rows)
    assert listed[0]["ROLE"] == "A"
    assert len({row["USER_ID"] for row in listed}) == len(listed)
    assert portal.call("sonet_group.user.get", {"ID": 999}).error == (400, "ERROR_CORE")


# Calendars and working time (docs/protocol.md §3.1)


def test_sections_belong_to_a_calendar_and_the_company_s_to_nobody(portal: Wire) -> None:
    company = portal.result("calendar.section.get", {"type": "company_calendar", "ownerId": ""})
    assert {row["OWNER_ID"] for row in company} == {"0"}
    user = portal.truth("users")[0]["ID"]
    sections = portal.result("calendar.section.get", {"type": "user", "ownerId": user})
    assert {(row["CAL_TYPE"], row["OWNER_ID"]) for row in sections} == {("user", user)}
    assert sections[0]["DATE_CREATE"][10] == " "
    assert portal.call("calendar.section.get").error == (400, "")


def test_booked_resources_are_asked_together_by_day(portal: Wire) -> None:
    method = "calendar.resource.booking.list"
    rows = portal.truth("calendar_resource_bookings")
    every = {"resourceTypeIdList": ids(portal.result("calendar.resource.list"))}
    assert ids(portal.result(method, {"filter": every})) == ids(rows)
    day = datetime.fromtimestamp(int(rows[0]["DATE_FROM_TS_UTC"]) - 3 * 3600, UTC).date().isoformat()
    that_day = portal.result(method, {"filter": {**every, "from": day, "to": day}})
    assert rows[0]["ID"] in {row["ID"] for row in that_day}
    assert len(that_day) < len(rows)
    assert {row["SECT_ID"] == row["SECTION_ID"] for row in rows} == {True}
    assert portal.call(method).error == (400, "")


def test_working_days_lie_two_levels_deep_one_month_a_call(portal: Wire) -> None:
    user, rows = one_of(portal, "workdays", "USER_ID")
    months = {(row["YEAR"], row["MONTH"]) for row in rows}
    seen: list[str] = []
    for year, month in months:
        answer = portal.result("timeman.timecontrol.reports.get", {"USER_ID": user, "YEAR": year, "MONTH": month})
        assert answer["user"]["id"] == user
        days = [day["index"] for day in answer["report"]["days"]]
        assert all(day.startswith(f"{year}{month:02}") for day in days)
        seen += days
    assert sorted(seen) == sorted(row["index"] for row in rows)
    nothing = portal.result("timeman.timecontrol.reports.get", {"USER_ID": user, "YEAR": 2001, "MONTH": 1})
    assert nothing["report"]["days"] == []
    denied = portal.call("timeman.timecontrol.reports.get", {"USER_ID": 999, "YEAR": 2026, "MONTH": 1})
    assert denied.error == (400, "USER_ACCESS_ERROR")


# Booking


def test_bookings_overlap_the_period_that_is_asked_for(portal: Wire) -> None:
    rows = portal.truth("bookings")
    assert ids(portal.result("booking.v1.booking.list")["booking"], "id") == ids(rows, "id")
    ends = {row["id"]: [row["datePeriod"][end]["timestamp"] for end in ("from", "to")] for row in rows}
    low, high = sorted(first for first, _ in ends.values())[40:61:20]
    asked = {"filter": {"within": {"dateFrom": low, "dateTo": high}}}
    inside = {number for number, (first, last) in ends.items() if first < high and last > low}
    assert set(ids(portal.result("booking.v1.booking.list", asked)["booking"], "id")) == inside
    wrong = {"filter": {"within": {"dateFrom": high, "dateTo": low}}}
    assert portal.call("booking.v1.booking.list", wrong).error == (400, 422)


def test_clients_are_contacts_and_companies_with_ids_of_their_own(portal: Wire) -> None:
    booking, rows = one_of(portal, "booking_clients", "bookingId")
    clients = portal.result("booking.v1.booking.client.list", {"bookingId": booking})["bookingClient"]
    assert [one["type"]["code"] for one in clients] == ["CONTACT", "COMPANY"]
    assert clients == [{"id": row["id"], "type": row["type"]} for row in rows]
    known = portal.result("booking.v1.clienttype.list")["clientType"]
    assert {one["code"] for one in known} == {"CONTACT", "COMPANY"}


@pytest.mark.parametrize(
    ("method", "parameter", "code"),
    [
        ("booking.v1.booking.client.list", "bookingId", 1023),
        ("booking.v1.booking.externalData.list", "bookingId", 1023),
        ("booking.v1.waitlist.client.list", "waitListId", 1040),
        ("booking.v1.waitlist.externalData.list", "waitListId", 1040),
        ("booking.v1.resource.slots.list", "resourceId", 1009),
    ],
)
def test_children_of_bookings_need_a_parent_that_is_there(portal: Wire, method: str, parameter: str, code: int) -> None:
    assert portal.call(method).error == (400, 100)
    assert portal.call(method, {parameter: 99_999}).error == (400, code)
