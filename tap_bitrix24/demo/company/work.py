"""Rows of tasks, activities and stage history."""

from array import array
from bisect import bisect_left
from typing import Any, Final

from tap_bitrix24.demo.company import dictionaries, sales
from tap_bitrix24.demo.company.dictionaries import DEAL_PIPELINES
from tap_bitrix24.demo.company.fields import Field, camel, documented
from tap_bitrix24.demo.company.names import COMMENTS, SUBJECTS, TASKS
from tap_bitrix24.demo.company.seeds import Seeds, moved_at
from tap_bitrix24.demo.company.store import Row, RowFactory, Table
from tap_bitrix24.demo.company.timestamps import DAY

TASK_USER_FIELDS: Final = (
    "UF_CRM_TASK",
    "UF_TASK_WEBDAV_FILES",
    "UF_MAIL_MESSAGE",
    "UF_NEW_TASKS_FIELD",
    "UF_AUTO_683150216402",
)
_PENDING, _RUNNING, _DONE = 2, 3, 5
_DONE_LONG_AGO: Final = 97
_DONE_RECENTLY: Final = 45
_RECENT_FROM: Final = 0.85
_PROVIDERS: Final = (
    ("CRM_TODO", "TODO"),
    ("VOXIMPLANT_CALL", "CALL"),
    ("CRM_MEETING", "MEETING"),
    ("CRM_EMAIL", "EMAIL"),
)


def task_fields() -> dict[str, Field]:
    """Return the task fields as filters and orders need them."""
    listed = documented()["task"]
    made = {
        name: Field(name=name, type=facts["type"], title=facts["title"] or "", item=camel(name))
        for name, facts in listed.items()
    }
    return made | {
        "UF_AUTO_683150216402": Field(
            name="UF_AUTO_683150216402", type="string", title="Регион", item="ufAuto683150216402"
        )
    }


def task_group(seeds: Seeds, number: int) -> int:
    """Return the workgroup of a task; 0 is none."""
    drawn = seeds.mix(number, 81)
    return drawn % 9 if drawn % 3 == 0 else 0


def is_open_line(seeds: Seeds, number: int) -> bool:
    """Return whether an activity is a session of an open line; the session has its id."""
    return seeds.mix(number, 93) % 12 == 0


def task(seeds: Seeds) -> RowFactory:
    """Return the row factory of tasks; some deadlines have passed."""

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 81), seeds.mix(number, 82)
        recent = number > seeds.initial_ids["tasks"][-1] * _RECENT_FROM
        done = drawn % 100 < (_DONE_RECENTLY if recent else _DONE_LONG_AGO)
        closed = moved_at(number, created, modified) if done else None
        return {
            "ID": number,
            "PARENT_ID": 0,
            "TITLE": f"{TASKS[drawn % 8]} #{number}",
            "DESCRIPTION": COMMENTS[other % 9] or "",
            "MARK": ("", "P", "N")[other % 3] if done else "",
            "PRIORITY": drawn % 3,
            "STATUS": _DONE if done else (_PENDING, _RUNNING)[drawn & 1],
            "GROUP_ID": task_group(seeds, number),
            "STAGE_ID": 0,
            "CREATED_DATE": created,
            "CHANGED_DATE": None if modified == created else modified,
            "STATUS_CHANGED_DATE": moved_at(number, created, modified),
            "CLOSED_BY": seeds.pick("users", drawn >> 9) if done else 0,
            "CLOSED_DATE": closed,
            "ACTIVITY_DATE": modified,
            "DATE_START": created + 3600 if drawn & 1 else None,
            "DEADLINE": created + (1 + other % 45) * DAY if drawn % 6 else None,
            **_task_people(seeds, drawn, other),
            **_task_extras(seeds, drawn, other),
            "XML_ID": None,
            "COMMENTS_COUNT": other % 5,
            "SITE_ID": "s1",
            "VIEWED_DATE": modified if drawn % 2 else None,
            "TAGS": [(other % 40 + 1, "срочно"), (41, "demo")][: other % 3],
        }

    return make


def _task_people(seeds: Seeds, drawn: int, other: int) -> Row:
    """Return the users of a task: creator, responsible, accomplices, auditors."""
    return {
        "CREATED_BY": seeds.pick("users", drawn >> 5),
        "RESPONSIBLE_ID": seeds.pick("users", drawn >> 9),
        "ACCOMPLICES": [seeds.pick("users", drawn >> 3)] if drawn % 4 == 0 else [],
        "AUDITORS": [seeds.pick("users", other), seeds.pick("users", other >> 4)] if other % 5 == 0 else [],
        "CHANGED_BY": seeds.pick("users", other >> 9),
        "STATUS_CHANGED_BY": seeds.pick("users", other >> 9),
    }


def _task_extras(seeds: Seeds, drawn: int, other: int) -> Row:
    """Return the effort fields and the user fields of a task."""
    return {
        "FORKED_BY_TEMPLATE_ID": 1 + other % 4 if other % 7 == 0 else None,
        "FLOW_ID": 1 + drawn % 3 if drawn % 10 == 0 else 0,
        "TIME_ESTIMATE": other % 4 * 3600,
        "TIME_SPENT_IN_LOGS": None if other % 3 else other % 7200,
        "SORTING": f"{other % 9000 / 8:.4f}" if other % 4 == 0 else None,
        "DURATION_PLAN": other % 9 or None,
        "DURATION_FACT": None,
        "DURATION_TYPE": "days",
        "UF_CRM_TASK": [f"D_{seeds.pick('deals', drawn >> 7)}"] if drawn % 3 == 0 else False,
        "UF_TASK_WEBDAV_FILES": [drawn % 5000 + 1] if drawn % 13 == 0 else False,
        "UF_MAIL_MESSAGE": None,
        "UF_NEW_TASKS_FIELD": "Север" if drawn % 4 == 0 else "",
        "UF_AUTO_683150216402": f"зона {other % 7}" if other % 3 else None,
    }


_UNUSED: Final[Row] = {
    "RESULT_STATUS": 0,
    "RESULT_STREAM": 0,
    "RESULT_MARK": 0,
    "RESULT_VALUE": None,
    "RESULT_SUM": None,
    "AUTOCOMPLETE_RULE": 0,
    "NOTIFY_TYPE": 0,
    "NOTIFY_VALUE": 0,
    "DESCRIPTION_TYPE": 1,
    "PROVIDER_GROUP_ID": None,
    "ASSOCIATED_ENTITY_ID": 0,
    "LOCATION": "",
    "PROVIDER_DATA": "",
    "WEBDAV_ELEMENTS": [],
}


def activity(seeds: Seeds) -> RowFactory:
    """Return the row factory of activities of deals and leads."""

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 91), seeds.mix(number, 92)
        deal = bool(drawn & 1)
        owner = seeds.pick("deals" if deal else "leads", other)
        communications = _communications(number, seeds.pick("contacts", other)) if drawn % 3 == 1 else []
        starts = created + drawn % (5 * DAY) // 900 * 900
        who = seeds.pick("users", drawn >> 9)
        return {
            "ID": number,
            "OWNER_ID": owner,
            "OWNER_TYPE_ID": 2 if deal else 1,
            "TYPE_ID": (6, 2, 1, 4)[drawn >> 2 & 3],
            **_UNUSED,
            **_provider(seeds, number, drawn),
            "SUBJECT": f"{SUBJECTS[drawn % 6]} {number}",
            "START_TIME": starts,
            "END_TIME": starts + 1800,
            "DEADLINE": starts + 1800 if drawn % 3 else None,
            "COMPLETED": "NYY"[drawn % 3],
            "STATUS": (1, 2, 2)[drawn % 3],
            **dict.fromkeys(("RESPONSIBLE_ID", "AUTHOR_ID", "EDITOR_ID"), who),
            "PRIORITY": 1 + drawn % 3,
            "DESCRIPTION": COMMENTS[other % 9] or "",
            "DIRECTION": 1 + (drawn >> 5 & 1),
            "CREATED": created,
            "LAST_UPDATED": modified,
            "SETTINGS": {"IS_INCOMING": "Y"} if drawn % 5 == 0 else [],
            "PROVIDER_PARAMS": {"MISSED": True, "LINES": 2} if drawn % 7 == 0 else [],
            "BINDINGS": [{"OWNER_ID": str(owner), "OWNER_TYPE_ID": "2" if deal else "1"}],
            "COMMUNICATIONS": communications,
            "FILES": _files(number) if drawn % 17 == 0 else [],
            "IS_INCOMING_CHANNEL": "NY"[drawn >> 6 & 1],
        }

    return make


def _provider(seeds: Seeds, number: int, drawn: int) -> Row:
    """Return the provider of an activity; a session of an open line has its own id as ASSOCIATED_ENTITY_ID."""
    if is_open_line(seeds, number):
        return {"PROVIDER_ID": "IMOPENLINES_SESSION", "PROVIDER_TYPE_ID": "7", "ASSOCIATED_ENTITY_ID": number}
    provider, kind = _PROVIDERS[drawn >> 2 & 3]
    return {"PROVIDER_ID": provider, "PROVIDER_TYPE_ID": kind}


def _files(number: int) -> list[Row]:
    """Return the one file of an activity."""
    return [{"id": number * 2, "url": f"/bitrix/tools/crm_show_file.php?fileId={number * 2}&auth="}]


def _communications(number: int, contact: int) -> list[Row]:
    """Return the communications of an activity; the settings of the partner may be empty."""
    settings: Any = {"NAME": "Klaus", "LAST_NAME": "Weber", "COMPANY_TITLE": "Müller GmbH"} if number % 2 else []
    return [
        {
            "ID": str(number * 3),
            "TYPE": "PHONE",
            "VALUE": f"+49301{number}",
            "ENTITY_ID": str(contact),
            "ENTITY_TYPE_ID": "3",
            "ENTITY_SETTINGS": settings,
        }
    ]


def history_fields(kind: int) -> dict[str, Field]:
    """Return the columns of stage history: leads have statuses, all others stages and pipelines."""
    word = "STATUS" if kind == 1 else "STAGE"
    types = {"ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer", "CREATED_TIME": "datetime"}
    if kind != 1:
        types["CATEGORY_ID"] = "integer"
    types |= {f"{word}_SEMANTIC_ID": "string", f"{word}_ID": "string"}
    return {name: Field(name=name, type=kind_, title=name, item=name) for name, kind_ in types.items()}


def history(seeds: Seeds, kind: int, owners: Table, category: int, own: str) -> RowFactory:
    """Return the row factory of stage history: two rows per owner, its creation and the move to its present stage."""

    def make(number: int, created: int, _modified: int) -> Row:
        owner_ids, own_ids = seeds.initial_ids[owners.name], seeds.initial_ids[own]
        place = bisect_left(own_ids, number)
        owner, step = owner_ids[place // 2 % len(owner_ids)], place % 2
        pipeline, code, semantics = _stage(seeds, kind, owners.name, owner, category)
        if step == 0:
            code, semantics = _first_code(kind, pipeline), "P"
        word = "STATUS" if kind == 1 else "STAGE"
        row = {
            "ID": number,
            "TYPE_ID": 1 if step == 0 else (2 if semantics == "P" else 3),
            "OWNER_ID": owner,
            "CREATED_TIME": created,
        }
        if kind != 1:
            row["CATEGORY_ID"] = pipeline
        return row | {f"{word}_SEMANTIC_ID": semantics, f"{word}_ID": code}

    return make


def _first_code(kind: int, pipeline: int) -> str:
    """Return the code of a pipeline's first stage."""
    return dictionaries.stage_prefix(kind, pipeline) + ("N" if kind == dictionaries.INVOICE_TYPE else "NEW")


def _stage(seeds: Seeds, kind: int, table: str, owner: int, category: int) -> tuple[int, str, str]:
    """Return pipeline, code and semantics of an owner's present stage."""
    if kind == 1:
        stage = sales.lead_stage(seeds, owner)
        return 0, stage.code, stage.semantics or "P"
    if kind == DEAL_PIPELINES[0].entity_type_id:
        pipeline, code, stage = sales.deal_stage(seeds, owner)
        return pipeline, code, stage.semantics or "P"
    _, stage = sales.smart_stage(seeds, table, kind, owner)
    return category, dictionaries.stage_prefix(kind, category) + stage.code, stage.semantics or "P"


def history_times(owners: Table) -> "array[int]":
    """Return the times of stage history rows: creation and last move of every owner."""
    times = array("q")
    for number, created, modified in zip(owners.ids, owners.created, owners.modified, strict=True):
        times.append(created)
        times.append(moved_at(number, created, modified))
    return times
