"""Tasks, scrum, workgroups, calendars, bookings, working time."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import PositionalParameters, StartParameter
from tap_bitrix24.dialects.response_shapes import keyed, listed, scalars, single
from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    SINGLE_PAGE,
    Entity,
    Parent,
    camel,
    columns,
    for_each_month,
    for_each_value,
    static_parents,
    upper,
)
from tap_bitrix24.entities.owners import (
    calendar_owners,
    client_type,
    company_calendar,
    each_booking_span,
    in_group,
    is_scrum,
    of_tasks,
    resource_calendars,
    section_owners,
)
from tap_bitrix24.entities.rest_v3 import TASK_RESULTS
from tap_bitrix24.model.endpoint import ReplicationKey, Row

WORKGROUP_FIELDS = (
    "ID",
    "ACTIVE",
    "SUBJECT_ID",
    "NAME",
    "DESCRIPTION",
    "KEYWORDS",
    "CLOSED",
    "VISIBLE",
    "OPENED",
    "DATE_CREATE",
    "DATE_UPDATE",
    "DATE_ACTIVITY",
    "IMAGE_ID",
    "OWNER_ID",
    "INITIATE_PERMS",
    "SPAM_PERMS",
    "NUMBER_OF_MEMBERS",
    "NUMBER_OF_MODERATORS",
    "PROJECT",
    "PROJECT_DATE_START",
    "PROJECT_DATE_FINISH",
    "LANDING",
    "AVATAR_TYPE",
    "SCRUM_OWNER_ID",
    "SCRUM_MASTER_ID",
    "SCRUM_SPRINT_DURATION",
    "SCRUM_TASK_RESPONSIBLE",
    "TYPE",
)
"""The list gives nothing but ids unless it is asked for more."""


def clients(value: object) -> list[Row] | None:
    """Clients of bookings, their kind spelled out before anything is told apart by it."""
    rows = listed(value)
    return rows and [client_type(row) for row in rows]


WORK: Sequence[Entity] = (
    Entity(
        stream="task_elapsed_items",
        scope=("task",),
        endpoint=upper("task.elapseditem.getlist", paging=PositionalParameters()),
        documented_columns=columns(
            integer="ID TASK_ID USER_ID SECONDS MINUTES",
            datetime="CREATED_DATE DATE_START DATE_STOP",
            string="COMMENT_TEXT SOURCE",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="task_checklist_items",
        scope=("task",),
        endpoint=upper("task.checklistitem.getlist", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID TASK_ID PARENT_ID CREATED_BY TOGGLED_BY",
            boolean="IS_COMPLETE IS_IMPORTANT",
            datetime="TOGGLED_DATE",
            string="TITLE SORT_INDEX",
            object_list="MEMBERS",
            json="ATTACHMENTS",
        ),
        parents=of_tasks("TASKID"),
    ),
    Entity(
        stream="task_comments",
        scope=("task",),
        endpoint=upper("task.commentitem.getlist", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID AUTHOR_ID TASK_ID",
            datetime="POST_DATE",
            string="POST_MESSAGE_HTML AUTHOR_NAME AUTHOR_EMAIL POST_MESSAGE",
            json="ATTACHED_OBJECTS",
        ),
        parents=of_tasks("0", column="TASK_ID"),
    ),
    Entity(
        stream="task_results",
        scope=("task",),
        endpoint=camel("tasks.task.result.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id taskId commentId createdBy status",
            datetime="createdAt updatedAt",
            string="text formattedText",
            json="files",
        ),
        primary_key=("id",),
        parents=of_tasks("taskId"),
        rest_v3=TASK_RESULTS,
    ),
    Entity(
        stream="task_history",
        scope=("task",),
        endpoint=camel("tasks.task.history.list", "list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id taskId",
            datetime="createdDate",
            string="field",
            json="value user",
        ),
        primary_key=("id",),
        parents=of_tasks("taskId", column="taskId"),
    ),
    Entity(
        stream="task_stages",
        scope=("task",),
        endpoint=upper("task.stages.get", paging=SINGLE_PAGE, shape=keyed("ID")),
        documented_columns=columns(
            integer="ID SORT ENTITY_ID",
            string="TITLE COLOR SYSTEM_TYPE ENTITY_TYPE",
            json="ADDITIONAL_FILTER TO_UPDATE TO_UPDATE_ACCESS",
        ),
        variants=for_each_value("entityId", 0),  # the planner of the webhook's user
        parents=static_parents(Parent(stream="workgroups", param="entityId", name="group")),
    ),
    Entity(
        stream="task_userfields",
        scope=("task",),
        endpoint=upper("task.item.userfield.getlist", paging=SINGLE_PAGE),
        fields_method="task.item.userfield.getfields",
        documented_columns=columns(
            integer="ID SORT",
            boolean="MULTIPLE MANDATORY SHOW_FILTER SHOW_IN_LIST EDIT_IN_LIST IS_SEARCHABLE",
            string="ENTITY_ID FIELD_NAME USER_TYPE_ID XML_ID",
            json="SETTINGS",
            object_list="LIST",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="task_flows",
        scope=("task",),
        endpoint=camel("tasks.flow.Flow.get", paging=SINGLE_PAGE, shape=single),
        documented_columns=columns(
            integer="id creatorId ownerId groupId templateId efficiency plannedCompletionTime notifyOnQueueOverflow "
            "notifyOnTasksInProgressOverflow notifyWhenEfficiencyDecreases",
            boolean="active demo responsibleCanChangeDeadline matchWorkTime taskControl notifyAtHalfTime "
            "trialFeatureEnabled",
            datetime="activity",
            string="name description distributionType",
            json="responsibleList taskCreators team",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="tasks", param="flowId", value_key="flowId", value_request_key="FLOW_ID")),
    ),
    Entity(
        stream="task_templates",
        scope=("task",),
        endpoint=upper("tasks.template.get", paging=SINGLE_PAGE, shape=single),
        fields_method="tasks.template.fields",
        documented_columns=columns(
            integer="ID PRIORITY STATUS STAGE_ID RESPONSIBLE_ID CREATED_BY GROUP_ID PARENT_ID TASK_ID TPARAM_TYPE "
            "TPARAM_REPLICATION_COUNT BASE_TEMPLATE_ID TEMPLATE_CHILDREN_COUNT CREATED_BY_PHOTO RESPONSIBLE_PHOTO",
            boolean="DESCRIPTION_IN_BBCODE REPLICATE ALLOW_CHANGE_DEADLINE ALLOW_TIME_TRACKING TASK_CONTROL "
            "ADD_IN_REPORT MULTITASK MATCH_WORK_TIME",
            string="TITLE DESCRIPTION START_DATE_PLAN_AFTER END_DATE_PLAN_AFTER XML_ID SITE_ID ACCOMPLICES AUDITORS "
            "RESPONSIBLES REPLICATE_PARAMS CREATED_BY_NAME CREATED_BY_LAST_NAME CREATED_BY_SECOND_NAME "
            "CREATED_BY_LOGIN CREATED_BY_WORK_POSITION RESPONSIBLE_NAME RESPONSIBLE_LAST_NAME "
            "RESPONSIBLE_SECOND_NAME RESPONSIBLE_LOGIN RESPONSIBLE_WORK_POSITION SCENARIO DEADLINE_AFTER",
            json="FILES TAGS DEPENDS_ON UF_CRM_TASK UF_TASK_WEBDAV_FILES",
        ),
        parents=static_parents(
            Parent(
                stream="tasks",
                param="templateId",
                value_key="forkedByTemplateId",
                value_request_key="FORKED_BY_TEMPLATE_ID",
            )
        ),
        type_overrides={
            **dict.fromkeys(("ACCOMPLICES", "AUDITORS", "RESPONSIBLES"), "text"),  # serialized by PHP
            "START_DATE_PLAN_AFTER": "integer",
            "END_DATE_PLAN_AFTER": "integer",
            "DEADLINE_AFTER": "integer",
            "UF_CRM_TASK": "crm[]",
            "UF_TASK_WEBDAV_FILES": "disk_file[]",
        },
    ),
    Entity(
        stream="task_template_checklist_items",
        scope=("task",),
        endpoint=camel("tasks.template.checklist.list", "checkListItems", paging=SINGLE_PAGE, shape=keyed("id")),
        documented_columns=columns(
            integer="id parentId templateId sortIndex",
            boolean="isComplete isImportant",
            string="title",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="task_templates", param="templateId")),
    ),
    Entity(
        stream="task_planner",
        scope=("task",),
        endpoint=upper("task.planner.getlist", paging=SINGLE_PAGE, shape=scalars("TASK_ID"), key="TASK_ID"),
        documented_columns=columns(
            integer="TASK_ID",
        ),
        primary_key=("TASK_ID",),
    ),
    Entity(
        stream="scrum_epics",
        scope=("task",),
        endpoint=camel("tasks.api.scrum.epic.list", request_key="ID"),
        fields_method="tasks.api.scrum.epic.getFields",
        documented_columns=columns(
            integer="id groupId createdBy modifiedBy",
            string="name description color",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="scrum_sprints",
        scope=("task",),
        endpoint=camel("tasks.api.scrum.sprint.list", request_key="ID"),
        fields_method="tasks.api.scrum.sprint.getFields",
        documented_columns=columns(
            integer="id groupId sort createdBy modifiedBy",
            datetime="dateStart dateEnd",
            string="entityType name goal status info",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="scrum_backlogs",
        scope=("task",),
        endpoint=camel("tasks.api.scrum.backlog.get", paging=SINGLE_PAGE, shape=single),
        fields_method="tasks.api.scrum.backlog.getFields",
        documented_columns=columns(
            integer="id groupId createdBy modifiedBy",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="workgroups", param="id", has_children=is_scrum, select=("TYPE",))),
    ),
    Entity(
        stream="scrum_kanban_stages",
        scope=("task",),
        endpoint=camel("tasks.api.scrum.kanban.getStages", paging=SINGLE_PAGE),
        fields_method="tasks.api.scrum.kanban.getFields",
        documented_columns=columns(
            integer="id sort sprintId",
            string="name type color",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="scrum_sprints", param="sprintId")),
    ),
    Entity(
        stream="scrum_tasks",
        scope=("task",),
        endpoint=camel("tasks.api.scrum.task.get", paging=SINGLE_PAGE, shape=single, key="entityId"),
        fields_method="tasks.api.scrum.task.getFields",
        documented_columns=columns(
            integer="entityId epicId sort createdBy modifiedBy taskId",
            string="storyPoints",
        ),
        primary_key=("taskId",),
        parents=static_parents(
            Parent(stream="tasks", param="id", column="taskId", has_children=in_group, select=("GROUP_ID",))
        ),
    ),
    Entity(
        stream="workgroups",
        scope=("socialnetwork",),
        endpoint=camel("socialnetwork.api.workgroup.list", "workgroups", select="select", request_key="ID"),
        documented_columns=columns(
            integer="SUBJECT_ID OWNER_ID NUMBER_OF_MEMBERS NUMBER_OF_MODERATORS SCRUM_OWNER_ID SCRUM_MASTER_ID "
            "SCRUM_SPRINT_DURATION id imageId",
            boolean="ACTIVE CLOSED VISIBLE OPENED PROJECT LANDING",
            datetime="DATE_CREATE DATE_UPDATE DATE_ACTIVITY PROJECT_DATE_START PROJECT_DATE_FINISH",
            string="DESCRIPTION KEYWORDS INITIATE_PERMS SPAM_PERMS SCRUM_TASK_RESPONSIBLE name type avatarType "
            "avatar dialogId",
            json="additionalData",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateUpdate", "DATE_UPDATE", timezone_margin=ALL_TIMEZONES),
        selected_by_default=True,
        select=WORKGROUP_FIELDS,
    ),
    Entity(
        stream="workgroups_classic",
        scope=("sonet_group",),
        endpoint=upper("sonet_group.get", paging=StartParameter("FILTER", "ORDER")),
        documented_columns=columns(
            integer="ID SUBJECT_ID OWNER_ID NUMBER_OF_MEMBERS",
            boolean="ACTIVE VISIBLE OPENED CLOSED IS_EXTRANET",
            datetime="DATE_CREATE DATE_UPDATE DATE_ACTIVITY",
            string="SITE_ID NAME DESCRIPTION KEYWORDS SUBJECT_NAME IMAGE",
        ),
        replication_key=ReplicationKey("DATE_UPDATE", "DATE_UPDATE"),
    ),
    Entity(
        stream="workgroup_members",
        scope=("sonet_group",),
        endpoint=upper("sonet_group.user.get", paging=SINGLE_PAGE, key="USER_ID"),
        documented_columns=columns(
            integer="USER_ID GROUP_ID",
            string="ROLE",
        ),
        primary_key=("GROUP_ID", "USER_ID"),
        parents=static_parents(Parent(stream="workgroups_classic", param="ID", column="GROUP_ID")),
    ),
    Entity(
        stream="calendar_events",
        scope=("calendar",),
        endpoint=upper("calendar.event.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID DT_LENGTH COLLAB_ID PARENT_ID OWNER_ID TZ_OFFSET_FROM TZ_OFFSET_TO DATE_FROM_TS_UTC "
            "DATE_TO_TS_UTC CREATED_BY MEETING_HOST VERSION RECURRENCE_ID SECTION_ID SECT_ID",
            boolean="DELETED DT_SKIP_TIME PRIVATE_EVENT IS_MEETING",
            string="CAL_TYPE NAME TZ_FROM TZ_TO EVENT_TYPE DESCRIPTION ACCESSIBILITY IMPORTANCE MEETING_STATUS "
            "LOCATION COLOR EXDATE DAV_XML_ID G_EVENT_ID CAL_DAV_LABEL SYNC_STATUS DATE_FROM_FORMATTED "
            "DATE_TO_FORMATTED DATE_FROM DATE_TO ORIGINAL_DATE_FROM DATE_CREATE TIMESTAMP_X SECTION_DAV_XML_ID",
            json="MEETING REMIND RRULE ATTENDEES_CODES RELATIONS UF_CRM_CAL_EVENT UF_WEBDAV_CAL_EVENT ATTENDEE_LIST "
            "attendeesEntityList",
        ),
        primary_key=("ID", "DATE_FROM"),
        variants=company_calendar,
        parents=calendar_owners,
    ),
    Entity(
        stream="calendar_sections",
        scope=("calendar",),
        endpoint=upper("calendar.section.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID CREATED_BY",
            boolean="IS_COLLAB",
            string="NAME GAPI_CALENDAR_ID DESCRIPTION COLOR TEXT_COLOR CAL_TYPE OWNER_ID CAL_DAV_CON SYNC_TOKEN "
            "PAGE_TOKEN EXTERNAL_TYPE DATE_CREATE TIMESTAMP_X",
            json="EXPORT ACCESS PERM LINK",
        ),
        variants=for_each_value("ownerId", "", type="company_calendar"),
        parents=section_owners,
    ),
    Entity(
        stream="calendar_resources",
        scope=("calendar",),
        endpoint=upper("calendar.resource.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID CREATED_BY",
            string="NAME",
        ),
    ),
    Entity(
        stream="calendar_resource_bookings",
        scope=("calendar",),
        endpoint=upper("calendar.resource.booking.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID PARENT_ID OWNER_ID DT_LENGTH CREATED_BY VERSION SECTION_ID SECT_ID RESOURCE_BOOKING_ID "
            "TZ_OFFSET_FROM TZ_OFFSET_TO DATE_FROM_TS_UTC DATE_TO_TS_UTC MEETING_HOST",
            boolean="DELETED DT_SKIP_TIME IS_MEETING",
            string="MEETING_STATUS CAL_TYPE NAME TZ_FROM TZ_TO EVENT_TYPE DESCRIPTION DATE_FROM_FORMATTED "
            "DATE_TO_FORMATTED DATE_FROM DATE_TO DATE_CREATE TIMESTAMP_X",
        ),
        parents=resource_calendars,
    ),
    Entity(
        stream="timeman_absence_reports",
        scope=("timeman",),
        endpoint=camel("timeman.timecontrol.reports.get", "report.days", paging=SINGLE_PAGE, key="index"),
        documented_columns=columns(
            integer="index workday_time_leaks_user workday_time_leaks_final workday_duration workday_duration_final "
            "workday_duration_config workday_time_leaks_real USER_ID",
            boolean="workday_complete",
            datetime="workday_date_start workday_date_finish",
            string="day_title",
            object_list="reports",
        ),
        primary_key=("USER_ID", "index"),
        parents=static_parents(Parent(stream="users", param="USER_ID", column="USER_ID", variants=for_each_month)),
        complete=False,
    ),
    Entity(
        stream="bookings",
        scope=("booking",),
        endpoint=camel("booking.v1.booking.list", "booking", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id",
            string="description name",
            json="datePeriod",
            integer_list="resourceIds",
        ),
        primary_key=("id",),
        selected_by_default=True,
        variants=each_booking_span,
    ),
    Entity(
        stream="booking_clients",
        scope=("booking",),
        endpoint=camel("booking.v1.booking.client.list", "bookingClient", paging=SINGLE_PAGE, shape=clients),
        documented_columns=columns(
            integer="id bookingId",
            string="typeCode",
            json="type",
        ),
        primary_key=("bookingId", "typeCode", "id"),
        parents=static_parents(Parent(stream="bookings", param="bookingId", column="bookingId")),
    ),
    Entity(
        stream="booking_external_data",
        scope=("booking",),
        endpoint=camel("booking.v1.booking.externalData.list", "externalData", paging=SINGLE_PAGE, key="value"),
        documented_columns=columns(
            integer="bookingId",
            string="entityTypeId moduleId value",
        ),
        primary_key=("bookingId", "moduleId", "entityTypeId", "value"),
        parents=static_parents(Parent(stream="bookings", param="bookingId", column="bookingId")),
    ),
    Entity(
        stream="booking_resources",
        scope=("booking",),
        endpoint=camel("booking.v1.resource.list", "resource", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="confirmationCounterDelay confirmationNotificationDelay "
            "confirmationNotificationRepetitionsInterval delayedCounterDelay delayedNotificationDelay id "
            "reminderNotificationDelay typeId "
            "confirmationNotificationRepetitions infoNotificationDelay",
            boolean="isConfirmationNotificationOn isDelayedNotificationOn isFeedbackNotificationOn "
            "isInfoNotificationOn isMain isReminderNotificationOn",
            string="description name templateTypeConfirmation templateTypeDelayed templateTypeFeedback "
            "templateTypeInfo templateTypeReminder",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="booking_resource_types",
        scope=("booking",),
        endpoint=camel("booking.v1.resourceType.list", "resource", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="confirmationNotificationRepetitions infoNotificationDelay confirmationCounterDelay "
            "confirmationNotificationDelay confirmationNotificationRepetitionsInterval delayedCounterDelay "
            "delayedNotificationDelay id reminderNotificationDelay",
            boolean="isConfirmationNotificationOn isDelayedNotificationOn isFeedbackNotificationOn "
            "isReminderNotificationOn",
            string="code name templateTypeConfirmation templateTypeDelayed templateTypeFeedback templateTypeReminder",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="booking_resource_slots",
        scope=("booking",),
        endpoint=camel("booking.v1.resource.slots.list", "slots", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="from id slotSize to resourceId",
            string="timezone",
            string_list="weekDays",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="booking_resources", param="resourceId", column="resourceId")),
    ),
    Entity(
        stream="booking_waitlist",
        scope=("booking",),
        endpoint=camel("booking.v1.waitlist.list", "waitList", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id",
            string="note",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="booking_waitlist_clients",
        scope=("booking",),
        endpoint=camel("booking.v1.waitlist.client.list", "waitListClient", paging=SINGLE_PAGE, shape=clients),
        documented_columns=columns(
            integer="id waitListId",
            string="typeCode",
            json="type",
        ),
        primary_key=("waitListId", "typeCode", "id"),
        parents=static_parents(Parent(stream="booking_waitlist", param="waitListId", column="waitListId")),
    ),
    Entity(
        stream="booking_waitlist_external_data",
        scope=("booking",),
        endpoint=camel("booking.v1.waitlist.externalData.list", "externalData", paging=SINGLE_PAGE, key="value"),
        documented_columns=columns(
            integer="waitListId",
            string="entityTypeId moduleId value",
        ),
        primary_key=("waitListId", "moduleId", "entityTypeId", "value"),
        parents=static_parents(Parent(stream="booking_waitlist", param="waitListId", column="waitListId")),
    ),
    Entity(
        stream="booking_client_types",
        scope=("booking",),
        endpoint=camel("booking.v1.clienttype.list", "clientType", paging=SINGLE_PAGE, key="code"),
        documented_columns=columns(
            string="code module",
        ),
        primary_key=("code",),
    ),
    Entity(
        stream="user_userfields",
        scope=("user.userfield",),
        endpoint=upper("user.userfield.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID XML_ID SORT",
            boolean="MULTIPLE MANDATORY SHOW_IN_LIST EDIT_IN_LIST IS_SEARCHABLE",
            string="ENTITY_ID FIELD_NAME USER_TYPE_ID SHOW_FILTER",
            json="SETTINGS",
            object_list="LIST",
        ),
        selected_by_default=True,
    ),
)
