"""Lists of tasks as data: comments, results, history, flows, checklists of templates, user fields."""

from typing import Any, Final

from tap_bitrix24.demo.company.names import FIRST_NAMES, LAST_NAMES, SUBJECTS, TASKS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.company.timestamps import user_iso
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import value_or_omitted
from tap_bitrix24.demo.rest_v2.lists.row_format import text
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of

_NO_TASK: Final = Refusal(
    "ERROR_CORE",
    "TASKS_ERROR_EXCEPTION_#256; Param #0 (taskId) for method ctaskcommentitem::getlist() expected; "
    "256/TE/WRONG_ARGUMENTS<br>",
)
_UNKNOWN_TASK: Final = Refusal(
    "ERROR_CORE", "TASKS_ERROR_EXCEPTION_#8; Action failed; 8/TE/ACTION_FAILED_TO_BE_PROCESSED<br>"
)
_USER_FIELDS: Final[tuple[tuple[int, str, str, str, Row], ...]] = (
    (1295, "UF_CRM_TASK", "crm", "Y", {"LEAD": "Y", "CONTACT": "Y", "COMPANY": "Y", "DEAL": "Y"}),
    (663, "UF_TASK_WEBDAV_FILES", "disk_file", "Y", {"IBLOCK_ID": 0, "SECTION_ID": 0, "UF_TO_SAVE_ALLOW_EDIT": ""}),
    (662, "UF_MAIL_MESSAGE", "mail_message", "N", {}),
    (1301, "UF_NEW_TASKS_FIELD", "string", "N", {"SIZE": 20, "ROWS": 1, "REGEXP": "", "DEFAULT_VALUE": ""}),
    (1302, "UF_AUTO_683150216402", "string", "N", {"SIZE": 20, "ROWS": 1, "REGEXP": "", "DEFAULT_VALUE": "<b>"}),
)


def _attached(draft: RowDraft) -> Any:
    """Return the files of a comment by their ids; their links hold a token."""
    if draft.number % 3:
        return {} if draft.number % 2 else []
    number = 2 * draft.number + 5
    link = f"/bitrix/tools/disk/uf.php?attachedId={number}&auth%5Bauth%5D=3edf7ca92&action="
    return {
        str(number): {
            "ATTACHMENT_ID": str(number),
            "NAME": "фото & план.png",
            "SIZE": str(draft.bits % 1_500_000),
            "FILE_ID": str(3 * number),
            "DOWNLOAD_URL": f"{link}download&ncc=1",
            "VIEW_URL": f"{link}show&ncc=1",
        }
    }


def _name(draft: RowDraft, number: int) -> tuple[str, str]:
    """Return first and last name of a user, the same in all lists."""
    mixed = draft.seeds.mix(number, 61)
    return FIRST_NAMES[mixed % len(FIRST_NAMES)], LAST_NAMES[(mixed >> 9) % len(LAST_NAMES)]


def _change(draft: RowDraft) -> Any:
    """Return the values before and after a step of a task's history: texts, ids, or null."""
    return {
        "NEW": {"from": None, "to": None},
        "STATUS": {"from": "2", "to": "5"},
        "TITLE": {"from": "Черновик", "to": str(draft.one_of(TASKS))},
        "DEADLINE": {"from": "", "to": str(draft.created)},
        "AUDITORS": {"from": "", "to": str(draft.pick("users"))},
    }[draft.row["field"]]


def _changed_by(draft: RowDraft) -> Row:
    """Return the user of a step of a task's history."""
    number = draft.pick("users")
    first, last = _name(draft, number)
    return {"id": number, "name": first, "lastName": last, "secondName": "", "login": f"user{number}"}


def _flows(seeds: Seeds) -> list[Row]:
    """Return the three flows."""
    names = ("Входящие заявки", "Contracts & legal", "Wartung / Ремонт")
    return [
        {
            "id": number,
            "name": name,
            "description": ("", "Standard approval\nin two steps", "<i>24/7</i>")[number - 1],
            "creatorId": seeds.pick("users", number),
            "ownerId": seeds.pick("users", number + 1),
            "groupId": (3, 6, 3)[number - 1],
            "templateId": (0, 2, 0)[number - 1],
            "efficiency": (100, 0, 87)[number - 1],
            "active": number != len(names),
            "plannedCompletionTime": 86_400 * number,
            "activity": seeds.anchor - 5000 * number,
            "distributionType": ("manually", "queue", "himself")[number - 1],
            "responsibleList": [["user", str(seeds.pick("users", number))]] if number < len(names) else [],
            "taskCreators": [["meta-user", "all-users"]],
            "team": [["user", str(seeds.pick("users", number))], ["department", "2:F"]],
            "notifyOnQueueOverflow": (50, None, None)[number - 1],
        }
        for number, name in enumerate(names, 1)
    ]


def _user_fields(_: Seeds) -> list[Row]:
    """Return the user fields of tasks."""
    return [
        {
            "ID": number,
            "FIELD_NAME": name,
            "USER_TYPE_ID": kind,
            "MULTIPLE": multiple,
            "SETTINGS": settings or [],
            "EDIT_IN_LIST": "Y",
        }
        for number, name, kind, multiple, settings in _USER_FIELDS
    ]


ENTRIES: Final = (
    Entry(
        method="task.commentitem.getlist",
        table="task_comments",
        scope="task",
        columns="""
            TASK_ID:integer~ ID:integer AUTHOR_ID:integer>users AUTHOR_NAME:string AUTHOR_EMAIL:string
            POST_DATE:datetime POST_MESSAGE:string POST_MESSAGE_HTML:any ATTACHED_OBJECTS:object
        """,
        owners=(Owner(table="tasks"),),
        owner_column="TASK_ID",
        per=(0, 2, 0, 1),
        created="POST_DATE",
        values={
            "AUTHOR_NAME": lambda draft: " ".join(_name(draft, draft.row["AUTHOR_ID"])),
            "AUTHOR_EMAIL": one_of("", "a.weber@example.com"),
            "POST_DATE": lambda draft: draft.created,
            "POST_MESSAGE": one_of("Готово", "See [URL=https://example.com]here[/URL]", "", "Фото во вложении 📷"),
            "ATTACHED_OBJECTS": _attached,
        },
        parents=(
            ParentParameter(
                path="TASKID|taskId|0", column="TASK_ID", missing=_NO_TASK, unknown=_UNKNOWN_TASK, table="tasks"
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="tasks.task.result.list",
        table="task_results",
        scope="task",
        key="id",
        columns="""
            id:integer taskId:integer commentId:integer createdBy:integer>users createdAt:datetime updatedAt:datetime
            status:integer text:string formattedText:string files:any
        """,
        owners=(Owner(table="tasks"),),
        owner_column="taskId",
        per=(0, 0, 1, 0, 2),
        created="createdAt",
        modified="updatedAt",
        values={
            "status": one_of(0, 0, 1),
            "text": one_of("Договор подписан", "Done [b]twice[/b]", "Итог: 50/50"),
            "formattedText": lambda draft: draft.row["text"].replace("[b]", "<b>").replace("[/b]", "</b>"),
            "files": lambda draft: [draft.bits % 5000 + 1] if draft.number % 3 == 0 else [],
        },
        parents=(
            ParentParameter(
                path="taskId",
                column="taskId",
                missing=Refusal("100", "Could not find value for parameter {taskId}"),
                unknown=Refusal("ACCESS_DENIED", "Access denied.", 400),
                table="tasks",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
        formats={"datetime": user_iso},
    ),
    Entry(
        method="tasks.task.history.list",
        table="task_history",
        scope="task",
        key="id",
        wrapper="list",
        columns="taskId:integer~ id:integer createdDate:datetime field:string value:object user:object",
        owners=(Owner(table="tasks"),),
        owner_column="taskId",
        per=(1, 4, 2),
        created="createdDate",
        values={
            "field": lambda draft: (
                draft.one_of(("STATUS", "TITLE", "DEADLINE", "AUDITORS")) if draft.place or draft.later else "NEW"
            ),
            "value": _change,
            "user": _changed_by,
        },
        parents=(
            ParentParameter(
                path="taskId",
                column="taskId",
                missing=Refusal("100", "Could not find value for parameter {taskId}"),
                unknown=Refusal("0", "Access denied. (internal error)"),
                table="tasks",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
        formats={"datetime": user_iso},
    ),
    Entry(
        method="task.item.userfield.getlist",
        table="task_userfields",
        scope="task",
        columns="""
            ID:integer* ENTITY_ID:string FIELD_NAME:string! USER_TYPE_ID:string! XML_ID:string SORT:integer
            MULTIPLE:char MANDATORY:char SHOW_FILTER:char SHOW_IN_LIST:char EDIT_IN_LIST:char IS_SEARCHABLE:char
            SETTINGS:object LIST:uf_enum_element[]
        """,
        rows=_user_fields,
        formats={"LIST": value_or_omitted},
        values={
            "ENTITY_ID": fixed("TASKS_TASK"),
            "XML_ID": fixed(""),
            "SORT": fixed(100),
            "LIST": fixed(None),
            **dict.fromkeys(("MANDATORY", "SHOW_FILTER", "SHOW_IN_LIST", "IS_SEARCHABLE"), fixed("N")),
        },
        filters="none",
        selects=False,
        paging="unpaged",
        total="zero",
        fields_method="task.item.userfield.getfields",
        fields_shape="upper",
    ),
    Entry(
        method="tasks.flow.Flow.get",
        table="task_flows",
        scope="task",
        key="id",
        columns="""
            id:integer creatorId:integer ownerId:integer groupId:integer templateId:integer efficiency:integer
            active:bool plannedCompletionTime:integer activity:datetime name:string description:string
            distributionType:string responsibleList:array demo:bool responsibleCanChangeDeadline:bool
            matchWorkTime:bool taskControl:bool notifyAtHalfTime:bool notifyOnQueueOverflow:integer
            notifyOnTasksInProgressOverflow:integer? notifyWhenEfficiencyDecreases:integer? taskCreators:array
            team:array trialFeatureEnabled:bool
        """,
        rows=_flows,
        parents=(
            ParentParameter(
                path="flowId",
                column="id",
                missing=Refusal("100", "Could not find value for parameter {flowId}"),
                unknown=Refusal("0", "Flow not found"),
                table="task_flows",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="single",
        form="typed",
    ),
    Entry(
        method="tasks.template.checklist.list",
        table="template_checklist_items",
        scope="task",
        key="id",
        wrapper="checkListItems",
        columns="""
            id:integer templateId:integer parentId:integer title:string sortIndex:integer isComplete:char
            isImportant:char
        """,
        owners=(Owner(table="task_templates"),),
        owner_column="templateId",
        per=(3, 0, 5, 1),
        values={
            "parentId": lambda draft: draft.number - draft.place if draft.place else 0,
            "title": lambda draft: draft.one_of(SUBJECTS) if draft.place else "Чек-лист «1»",
            "sortIndex": lambda draft: draft.place,
        },
        parents=(
            ParentParameter(
                path="templateId",
                column="templateId",
                missing=Refusal("100", "Could not find value for parameter {templateId}"),
                unknown=Refusal("0", "Template not found or access denied"),
                table="task_templates",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="keyed",
        form="typed",
        formats={"id": text, "templateId": text, "sortIndex": text},
    ),
)
