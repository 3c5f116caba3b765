"""Tasks, scrum, workgroups, calendars, bookings, working time."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import PositionalParameters
from tap_bitrix24.dialects.response_shapes import keyed, listed, scalars, single
from tap_bitrix24.entities.entity import Entity, Parent, Select
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import CALENDARS, CALENDARS_BY_DATE, in_group, is_scrum, of_tasks
from tap_bitrix24.entities.presets import (
    ALL_FIELDS,
    ALL_TIMEZONES,
    FILTER_ORDER,
    Scope,
    classic_list,
    controller_list,
    unpaged_list,
)
from tap_bitrix24.entities.rest_v3 import TASK_RESULTS
from tap_bitrix24.entities.variants import for_each_booking_range, for_each_date_range, for_each_month, for_each_value
from tap_bitrix24.model.endpoint import ReplicationKey, Row

_COLUMNS = known_columns("work")
tasks = Scope(("task", "tasks"), _COLUMNS)
task = Scope(("task",), _COLUMNS)
socialnetwork = Scope(("socialnetwork",), _COLUMNS)
sonet_group = Scope(("sonet_group",), _COLUMNS)
calendar = Scope(("calendar",), _COLUMNS)
timeman = Scope(("timeman",), _COLUMNS)
booking = Scope(("booking",), _COLUMNS)
user_userfield = Scope(("user.userfield",), _COLUMNS)


_WORKGROUP_REPLICATION_KEY = ReplicationKey("dateUpdate", "DATE_UPDATE", timezone_margin=ALL_TIMEZONES)
_TASK_REPLICATION_KEY = ReplicationKey("changedDate", "CHANGED_DATE", fallback="createdDate")
_RESOURCES = Parent(
    "calendar_resources",
    "filter.resourceTypeIdList",
    name="resource",
    group_size=50,
    owner_key="SECT_ID",
    variants=for_each_date_range("filter.from", "filter.to"),
)
_OF_BOOKINGS = Parent("bookings", "bookingId", column="bookingId")
_OF_WAITLIST = Parent("booking_waitlist", "waitListId", column="waitListId")


def clients(value: object) -> list[Row] | None:
    """Clients of bookings with `typeCode`, their kind: ids are unique only within it."""
    rows = listed(value)
    return rows and [_with_type_code(row) for row in rows]


def _with_type_code(row: Row) -> Row:
    type_ = row.get("type")
    return {**row, "typeCode": type_.get("code")} if isinstance(type_, dict) else row


WORK: Sequence[Entity] = (
    tasks.default_stream(
        "tasks",
        controller_list(
            "tasks.task.list",
            "tasks",
            request_key="ID",
            fields="tasks.task.getFields",
            user_fields="task.item.userfield.getlist",
        ),
        primary_key=("ID",),
        replication_key=_TASK_REPLICATION_KEY,
        select=ALL_FIELDS,
    ),
    task.default_stream("task_elapsed_items", classic_list("task.elapseditem.getlist", paging=PositionalParameters())),
    task.stream("task_checklist_items", unpaged_list("task.checklistitem.getlist"), parents=of_tasks("TASKID")),
    task.stream("task_comments", unpaged_list("task.commentitem.getlist"), parents=of_tasks("0", column="TASK_ID")),
    task.stream(
        "task_results",
        unpaged_list("tasks.task.result.list", key="id"),
        parents=of_tasks("taskId"),
        rest_v3=TASK_RESULTS,
    ),
    task.stream(
        "task_history",
        unpaged_list("tasks.task.history.list", "list", key="id"),
        parents=of_tasks("taskId", column="taskId"),
    ),
    task.stream(
        "task_stages",
        unpaged_list("task.stages.get", shape=keyed("ID")),
        variants=for_each_value("entityId", 0),  # the planner of the webhook's user
        parents=Parent("workgroups", "entityId", name="group"),
    ),
    task.default_stream(
        "task_userfields", unpaged_list("task.item.userfield.getlist", fields="task.item.userfield.getfields")
    ),
    task.stream(
        "task_flows",
        unpaged_list("tasks.flow.Flow.get", key="id", shape=single),
        parents=Parent("tasks", "flowId", value_key="flowId", value_request_key="FLOW_ID"),
    ),
    task.stream(
        "task_templates",
        unpaged_list("tasks.template.get", shape=single, fields="tasks.template.fields"),
        parents=Parent(
            "tasks", "templateId", value_key="forkedByTemplateId", value_request_key="FORKED_BY_TEMPLATE_ID"
        ),
    ),
    task.stream(
        "task_template_checklist_items",
        unpaged_list("tasks.template.checklist.list", "checkListItems", key="id", shape=keyed("id")),
        parents=Parent("task_templates", "templateId"),
    ),
    task.stream("task_planner", unpaged_list("task.planner.getlist", key="TASK_ID", shape=scalars("TASK_ID"))),
    task.stream(
        "scrum_epics",
        controller_list("tasks.api.scrum.epic.list", request_key="ID", fields="tasks.api.scrum.epic.getFields"),
    ),
    task.stream(
        "scrum_sprints",
        controller_list("tasks.api.scrum.sprint.list", request_key="ID", fields="tasks.api.scrum.sprint.getFields"),
    ),
    task.stream(
        "scrum_backlogs",
        unpaged_list("tasks.api.scrum.backlog.get", key="id", shape=single, fields="tasks.api.scrum.backlog.getFields"),
        parents=Parent("workgroups", "id", has_children=is_scrum, select=("TYPE",)),
    ),
    task.stream(
        "scrum_kanban_stages",
        unpaged_list("tasks.api.scrum.kanban.getStages", key="id", fields="tasks.api.scrum.kanban.getFields"),
        parents=Parent("scrum_sprints", "sprintId"),
    ),
    task.stream(
        "scrum_tasks",
        unpaged_list("tasks.api.scrum.task.get", key="entityId", shape=single, fields="tasks.api.scrum.task.getFields"),
        primary_key=("taskId",),
        parents=Parent("tasks", "id", column="taskId", has_children=in_group, select=("GROUP_ID",)),
    ),
    socialnetwork.default_stream(
        "workgroups",
        controller_list("socialnetwork.api.workgroup.list", "workgroups", request_key="ID"),
        replication_key=_WORKGROUP_REPLICATION_KEY,
        select=Select(names=_COLUMNS["workgroups"].select),  # by default the list gives ids only
    ),
    sonet_group.stream(
        "workgroups_classic", classic_list("sonet_group.get", paging=FILTER_ORDER), replication_key="DATE_UPDATE"
    ),
    sonet_group.stream(
        "workgroup_members",
        unpaged_list("sonet_group.user.get", key="USER_ID"),
        primary_key=("GROUP_ID", "USER_ID"),
        parents=Parent("workgroups_classic", "ID", column="GROUP_ID"),
    ),
    calendar.stream(
        "calendar_events",
        unpaged_list("calendar.event.get"),
        primary_key=("ID", "DATE_FROM"),
        variants=for_each_date_range("from", "to", type="company_calendar", ownerId=""),
        parents=CALENDARS_BY_DATE,
    ),
    calendar.stream(
        "calendar_sections",
        unpaged_list("calendar.section.get"),
        variants=for_each_value("ownerId", "", type="company_calendar"),
        parents=CALENDARS,
    ),
    calendar.stream("calendar_resources", unpaged_list("calendar.resource.list")),
    calendar.stream("calendar_resource_bookings", unpaged_list("calendar.resource.booking.list"), parents=_RESOURCES),
    timeman.stream(
        "timeman_absence_reports",
        unpaged_list("timeman.timecontrol.reports.get", "report.days", key="index"),
        primary_key=("USER_ID", "index"),
        parents=Parent("users", "USER_ID", column="USER_ID", variants=for_each_month),
        complete=False,
    ),
    booking.default_stream(
        "bookings", unpaged_list("booking.v1.booking.list", "booking", key="id"), variants=for_each_booking_range
    ),
    booking.stream(
        "booking_clients",
        unpaged_list("booking.v1.booking.client.list", "bookingClient", key="id", shape=clients),
        primary_key=("bookingId", "typeCode", "id"),
        parents=_OF_BOOKINGS,
    ),
    booking.stream(
        "booking_external_data",
        unpaged_list("booking.v1.booking.externalData.list", "externalData", key="value"),
        primary_key=("bookingId", "moduleId", "entityTypeId", "value"),
        parents=_OF_BOOKINGS,
    ),
    booking.stream("booking_resources", unpaged_list("booking.v1.resource.list", "resource", key="id")),
    booking.stream("booking_resource_types", unpaged_list("booking.v1.resourceType.list", "resource", key="id")),
    booking.stream(
        "booking_resource_slots",
        unpaged_list("booking.v1.resource.slots.list", "slots", key="id"),
        parents=Parent("booking_resources", "resourceId", column="resourceId"),
    ),
    booking.stream("booking_waitlist", unpaged_list("booking.v1.waitlist.list", "waitList", key="id")),
    booking.stream(
        "booking_waitlist_clients",
        unpaged_list("booking.v1.waitlist.client.list", "waitListClient", key="id", shape=clients),
        primary_key=("waitListId", "typeCode", "id"),
        parents=_OF_WAITLIST,
    ),
    booking.stream(
        "booking_waitlist_external_data",
        unpaged_list("booking.v1.waitlist.externalData.list", "externalData", key="value"),
        primary_key=("waitListId", "moduleId", "entityTypeId", "value"),
        parents=_OF_WAITLIST,
    ),
    booking.stream("booking_client_types", unpaged_list("booking.v1.clienttype.list", "clientType", key="code")),
    user_userfield.default_stream("user_userfields", unpaged_list("user.userfield.list")),
)
