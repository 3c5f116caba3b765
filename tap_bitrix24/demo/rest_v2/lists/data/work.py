"""Lists around tasks and calendars as data."""

from collections.abc import Sequence
from typing import Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.names import COMMENTS, SUBJECTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Condition, Row
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.filters import ranged
from tap_bitrix24.demo.rest_v2.lists.data.scrum import group_kind
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import display_format
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of

_STAGES: Final = (
    ("NEW", "Не спланированы", "00C4FB"),
    (None, "Сделаю на неделе", "47D1E2"),
    ("FINISH", "Done", "75D900"),
)


def _event_window(request: ListRequest) -> Sequence[Condition]:
    """Return the conditions of the time window: by default 30 days back and 90 ahead; with ``from`` alone, no end."""
    start = timestamps.parse_time(request.at("from"), timestamps.server_zone())
    end = timestamps.parse_time(request.at("to"), timestamps.server_zone())
    if start is None and end is None:
        start, end = int(request.now) - 30 * DAY, int(request.now) + 90 * DAY
    found = [] if start is None else [ranged("TO", ">=", start)]
    return found if end is None else [*found, ranged("FROM", "<=", end + DAY - 1 if request.at("to") else end)]


def _event_start(draft: RowDraft) -> int:
    """Return the start of an event: on a quarter of an hour, within two years around the portal's start."""
    anchor = draft.seeds.anchor
    return (anchor - 500 * DAY + draft.seeds.mix(draft.number, 77) % (620 * DAY)) // 900 * 900


def _stages(seeds: Seeds) -> list[Row]:
    """Return the stages of the caller's own planner and of two groups."""
    rows = []
    for place, owner in enumerate((("U", 0), ("G", 1), ("G", 2))):
        for index, (system, title, color) in enumerate(_STAGES):
            rows.append(
                {
                    "ID": 5 + 3 * place + index,
                    "asked": owner[1],
                    "TITLE": title,
                    "SORT": 100 + 100 * index,
                    "COLOR": color,
                    "SYSTEM_TYPE": system,
                    "ENTITY_ID": owner[1] or seeds.initial_ids["users"][0],
                    "ENTITY_TYPE": owner[0],
                }
            )
    return rows


def _checklist_member(draft: RowDraft) -> list[Row]:
    """Return the members of a checklist item."""
    if not draft.place or draft.bits % 3:
        return []
    number = draft.pick("users")
    return [
        {
            "ID": str(number),
            "TYPE": "A",
            "NAME": f"User {number}",
            "PERSONAL_PHOTO": None,
            "PERSONAL_GENDER": "F",
            "IMAGE": "",
            "IS_COLLABER": False,
        }
    ]


ENTRIES: Final = (
    Entry(
        method="socialnetwork.api.workgroup.list",
        table="workgroups",
        scope="socialnetwork",
        wrapper="workgroups",
        key="id",
        request_names="upper",
        columns="""
            id:integer siteId:string active:char visible:char opened:char name:string description:string
            dateCreate:datetime dateUpdate:datetime dateActivity:datetime ownerId:integer>users numberOfMembers:integer
            project:char closed:char type:string subjectId:integer keywords:string imageId:integer? landing:char
            numberOfModerators:integer initiatePerms:string spamPerms:string projectDateStart:datetime?
            projectDateFinish:datetime? avatarType:string scrumOwnerId:integer scrumMasterId:integer
            scrumSprintDuration:integer scrumTaskResponsible:string
        """,
        count=7,
        created="dateCreate",
        modified="dateUpdate",
        values={
            "siteId": fixed("s1"),
            "type": lambda draft: group_kind(draft.number),
            "subjectId": fixed(1),
            "keywords": one_of("", "офис, 2026", "A & B"),
            "numberOfModerators": one_of(1, 2),
            "initiatePerms": one_of("K", "E"),
            "spamPerms": fixed("N"),
            "avatarType": one_of("folder", ""),
            **dict.fromkeys(
                ("scrumOwnerId", "scrumMasterId"),
                lambda draft: draft.pick("users") if draft.row["TYPE"] == "scrum" else None,
            ),
            "scrumSprintDuration": lambda draft: 1_209_600 if draft.row["TYPE"] == "scrum" else None,
            "scrumTaskResponsible": lambda draft: "A" if draft.row["TYPE"] == "scrum" else None,
        },
        filters="skipping",
        paging="controller",
        default_select=("id",),
    ),
    Entry(
        method="task.elapseditem.getlist",
        table="elapsed_items",
        scope="task",
        columns="""
            ID:integer TASK_ID:integer USER_ID:integer>users COMMENT_TEXT:string SECONDS:integer MINUTES:integer
            SOURCE:integer CREATED_DATE:datetime DATE_START:datetime DATE_STOP:datetime
        """,
        owners=(Owner(table="tasks"),),
        owner_column="TASK_ID",
        per=(0, 1, 2, 5),
        created="CREATED_DATE",
        values={
            "SECONDS": lambda draft: draft.bits % 14_400,
            "MINUTES": lambda draft: draft.row["SECONDS"] // 60,
            "SOURCE": one_of(1, 2, 3),
            "COMMENT_TEXT": one_of("", *(str(text) for text in COMMENTS)),
            "DATE_START": lambda draft: draft.created,
            "DATE_STOP": lambda draft: draft.created + draft.row["SECONDS"],
        },
        positional=("TASKID?", "ORDER", "FILTER", "SELECT", "PARAMS"),
        parents=(ParentParameter(path="TASKID", column="TASK_ID"),),
        spelling="upper",
        paging="nav",
    ),
    Entry(
        method="task.checklistitem.getlist",
        table="checklist_items",
        scope="task",
        columns="""
            ID:integer TASK_ID:integer PARENT_ID:integer CREATED_BY:user TITLE:string SORT_INDEX:integer
            IS_COMPLETE:char IS_IMPORTANT:char TOGGLED_BY:user? TOGGLED_DATE:datetime MEMBERS:array ATTACHMENTS:object
        """,
        owners=(Owner(table="tasks"),),
        owner_column="TASK_ID",
        per=(0, 3, 0, 5),
        values={
            "PARENT_ID": lambda draft: draft.number - draft.place if draft.place else 0,
            "TITLE": lambda draft: draft.one_of(SUBJECTS) if draft.place else "Чек-лист 1",
            "SORT_INDEX": lambda draft: draft.place,
            "TOGGLED_DATE": lambda draft: draft.created if draft.row["TOGGLED_BY"] else None,
            "MEMBERS": _checklist_member,
        },
        parents=(
            ParentParameter(
                path="TASKID|taskId|0",
                column="TASK_ID",
                missing=Refusal(
                    "ERROR_CORE", "TASKS_ERROR_EXCEPTION_#256; Param #0 (taskId); 256/TE/WRONG_ARGUMENTS<br>"
                ),
                unknown=Refusal(
                    "ERROR_CORE", "TASKS_ERROR_EXCEPTION_#8; Action failed; 8/TE/ACTION_FAILED_TO_BE_PROCESSED<br>"
                ),
                table="tasks",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="tasks.template.get",
        table="task_templates",
        scope="task",
        columns="""
            ID:integer* TITLE:string! DESCRIPTION:string PRIORITY:integer GROUP_ID:integer>workgroups CREATED_BY:user
            RESPONSIBLE_ID:user ACCOMPLICES:array AUDITORS:array RESPONSIBLES:array MULTITASK:char REPLICATE:char
            DESCRIPTION_IN_BBCODE:char STATUS:integer STAGE_ID:integer DEADLINE_AFTER:integer? XML_ID:string?
            START_DATE_PLAN_AFTER:integer? END_DATE_PLAN_AFTER:integer? ALLOW_CHANGE_DEADLINE:char
            ALLOW_TIME_TRACKING:char TASK_CONTROL:char ADD_IN_REPORT:char PARENT_ID:integer?>tasks SITE_ID:string
            FILES:any TAGS:any DEPENDS_ON:any MATCH_WORK_TIME:char TASK_ID:integer?>tasks TPARAM_TYPE:integer
            REPLICATE_PARAMS:string CREATED_BY_NAME:string CREATED_BY_LAST_NAME:string CREATED_BY_PHOTO:integer?
            RESPONSIBLE_NAME:string RESPONSIBLE_LAST_NAME:string SCENARIO:string UF_CRM_TASK:crm
            UF_TASK_WEBDAV_FILES:disk_file
        """,
        count=4,
        values={
            "ACCOMPLICES": fixed("a:0:{}"),
            **dict.fromkeys(("AUDITORS", "RESPONSIBLES"), lambda draft: f'a:1:{{i:0;s:1:"{draft.pick("users")}";}}'),
            "STATUS": fixed(1),
            "STAGE_ID": fixed(0),
            "XML_ID": fixed(""),
            "SITE_ID": fixed("s1"),
            "TAGS": lambda draft: ["срочно", "q3"] if draft.number % 2 else None,
            "DEPENDS_ON": one_of(None, []),
            "REPLICATE_PARAMS": one_of("a:0:{}", 'a:1:{s:6:"PERIOD";s:6:"weekly";}'),
            "SCENARIO": fixed("default"),
            "UF_CRM_TASK": lambda draft: [f"D_{draft.pick('deals')}"] if draft.number % 2 else False,
            "UF_TASK_WEBDAV_FILES": lambda draft: [1117, draft.number] if draft.number % 3 == 0 else False,
        },
        parents=(
            ParentParameter(
                path="templateId|id", column="ID", missing=Refusal("100", "Could not find value for {templateId}")
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="single",
        empty=False,
        fields_method="tasks.template.fields",
        fields_shape="upper",
        describe=lambda _, shown: {name: facts for name, facts in shown.items() if name not in {"FILES", "TAGS"}},
    ),
    Entry(
        method="task.planner.getlist",
        table="planner_tasks",
        scope="task",
        columns="ID:integer TASK:integer>tasks",
        count=4,
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="scalars",
        value="TASK",
        formats={"TASK": php.intval},
    ),
    Entry(
        method="task.stages.get",
        table="task_stages",
        scope="task",
        columns="""
            ID:integer asked:integer~ TITLE:string SORT:integer COLOR:string SYSTEM_TYPE:string ENTITY_ID:integer
            ENTITY_TYPE:string ADDITIONAL_FILTER:array TO_UPDATE:array TO_UPDATE_ACCESS:any
        """,
        rows=_stages,
        parents=(
            ParentParameter(
                path="entityId",
                column="asked",
                missing=Refusal("ACCESS_DENIED", "You cannot view stages in this group."),
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="keyed",
    ),
    Entry(
        method="calendar.event.get",
        table="calendar_events",
        scope="calendar",
        columns="""
            ID:integer FROM:datetime~ TO:datetime~ PARENT_ID:integer DELETED:char CAL_TYPE:string OWNER_ID:integer
            NAME:string DATE_FROM:string DATE_TO:string TZ_FROM:string TZ_TO:string DATE_FROM_TS_UTC:string
            DATE_TO_TS_UTC:string DT_SKIP_TIME:char DT_LENGTH:integer CREATED_BY:user DATE_CREATE:datetime
            TIMESTAMP_X:datetime DESCRIPTION:string IMPORTANCE:string IS_MEETING:bool MEETING_STATUS:string
            LOCATION:string REMIND:array RRULE:any SECTION_ID:integer ATTENDEE_LIST:array SECT_ID:integer
            EVENT_TYPE:string PRIVATE_EVENT:any ACCESSIBILITY:string COLOR:string EXDATE:string DAV_XML_ID:string
            VERSION:integer TZ_OFFSET_FROM:integer TZ_OFFSET_TO:integer MEETING_HOST:integer MEETING:any
            ATTENDEES_CODES:any RELATIONS:any UF_CRM_CAL_EVENT:any UF_WEBDAV_CAL_EVENT:any
        """,
        owners=(
            Owner(table="users", also={"CAL_TYPE": "user"}),
            Owner(table="workgroups", also={"CAL_TYPE": "group"}),
            Owner(table="", also={"CAL_TYPE": "company_calendar"}),
        ),
        owner_column="OWNER_ID",
        per=(9, 30, 0, 14),
        created="DATE_CREATE",
        modified="TIMESTAMP_X",
        values={
            "FROM": _event_start,
            "TO": lambda draft: draft.row["FROM"] + 1800 * (1 + draft.number % 5),
            "PARENT_ID": lambda draft: draft.number,
            "DELETED": fixed("N"),
            "NAME": lambda draft: f"{draft.one_of(SUBJECTS)} {draft.number}",
            "DATE_FROM": lambda draft: display_format(draft.row["FROM"]),
            "DATE_TO": lambda draft: display_format(draft.row["TO"]),
            "TZ_FROM": fixed("Europe/Riga"),
            "TZ_TO": fixed("Europe/Riga"),
            "DATE_FROM_TS_UTC": lambda draft: str(draft.row["FROM"]),
            "DATE_TO_TS_UTC": lambda draft: str(draft.row["TO"]),
            "DT_SKIP_TIME": fixed("N"),
            "DT_LENGTH": lambda draft: draft.row["TO"] - draft.row["FROM"],
            "IMPORTANCE": one_of("normal", "high"),
            "MEETING_STATUS": fixed("Y"),
            "LOCATION": one_of("", "Переговорная «Нева»", "calendar_12_305"),
            "REMIND": lambda draft: [{"type": "min", "count": 15}] if draft.number % 2 else [],
            "SECT_ID": lambda draft: draft.row["SECTION_ID"],
            "EVENT_TYPE": fixed(None),
            "PRIVATE_EVENT": one_of("", "1"),
            "ACCESSIBILITY": one_of("busy", "free"),
            "COLOR": one_of("", None, "#9dcf00"),
            "EXDATE": one_of("", None),
            "DAV_XML_ID": lambda draft: f"{draft.bits:012x}@demo",
            "VERSION": one_of(1, 3),
            **dict.fromkeys(("TZ_OFFSET_FROM", "TZ_OFFSET_TO"), fixed(7200)),
            "MEETING": lambda draft: {"HOST_NAME": "Анна", "REINVITE": False} if draft.number % 3 == 0 else [],
            "ATTENDEES_CODES": lambda draft: [f"U{draft.pick('users')}"] if draft.number % 3 == 0 else None,
            "RELATIONS": one_of(None, {"COMMENT_XML_ID": "EVENT_1"}),
            "UF_CRM_CAL_EVENT": lambda draft: [f"D_{draft.pick('deals')}"] if draft.number % 4 == 0 else False,
            "UF_WEBDAV_CAL_EVENT": fixed(value=False),
            "ATTENDEE_LIST": lambda draft: (
                [{"id": draft.pick("users"), "entryId": draft.number, "status": "Y"}] if draft.number % 3 == 0 else []
            ),
            "RRULE": lambda draft: {"FREQ": "WEEKLY", "INTERVAL": 1} if draft.number % 9 == 0 else "",
        },
        formats={"datetime": display_format, "DT_LENGTH": php.intval},
        parents=(
            ParentParameter(
                path="type",
                column="CAL_TYPE",
                missing=Refusal("", 'Mandatory parameter not specified "type" for the method "calendar.event.get"'),
            ),
            ParentParameter(path="ownerId", column="OWNER_ID"),
        ),
        extra_conditions=_event_window,
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
)
