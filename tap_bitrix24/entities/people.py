"""People: users and departments; and tasks, whose rows name both."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import ByStart
from tap_bitrix24.entities.base import Entity, camel, upper
from tap_bitrix24.model.endpoint import Stamp

USERS = Entity(
    default=True,
    stream="users", scope=("user", "user_basic", "user_brief"),
    endpoint=upper("user.get", paging=ByStart("FILTER", ("sort", "order"))),
    fields_method="user.fields", more_fields="user.userfield.list",
    types={
        "ID": "integer", "ACTIVE": "boolean", "LAST_LOGIN": "datetime", "DATE_REGISTER": "datetime",
        "TIMESTAMP_X": "datetime", "LAST_ACTIVITY_DATE": "datetime", "IS_ONLINE": "char",
        "PERSONAL_BIRTHDAY": "date", "UF_EMPLOYMENT_DATE": "date", "UF_DEPARTMENT": "integer[]",
        "UF_TIMEMAN": "string", "IS_EXTRANET": "char", "TIME_ZONE_OFFSET": "integer",
        **dict.fromkeys((
            "XML_ID", "NAME", "LAST_NAME", "SECOND_NAME", "TITLE", "EMAIL", "TIME_ZONE", "PERSONAL_GENDER",
            "PERSONAL_PROFESSION", "PERSONAL_WWW", "PERSONAL_PHOTO", "PERSONAL_ICQ", "PERSONAL_PHONE",
            "PERSONAL_FAX", "PERSONAL_MOBILE", "PERSONAL_PAGER", "PERSONAL_STREET", "PERSONAL_CITY",
            "PERSONAL_STATE", "PERSONAL_ZIP", "PERSONAL_COUNTRY", "PERSONAL_MAILBOX", "PERSONAL_NOTES",
            "WORK_PHONE", "WORK_COMPANY", "WORK_POSITION", "WORK_DEPARTMENT", "WORK_WWW", "WORK_FAX",
            "WORK_PAGER", "WORK_STREET", "WORK_MAILBOX", "WORK_CITY", "WORK_STATE", "WORK_ZIP", "WORK_COUNTRY",
            "WORK_PROFILE", "WORK_LOGO", "WORK_NOTES", "UF_SKYPE_LINK", "UF_ZOOM", "UF_INTERESTS", "UF_SKILLS",
            "UF_WEB_SITES", "UF_XING", "UF_LINKEDIN", "UF_FACEBOOK", "UF_TWITTER", "UF_SKYPE", "UF_DISTRICT",
            "UF_PHONE_INNER", "USER_TYPE",
        ), "string"),
    },
)  # fmt: skip
DEPARTMENTS = Entity(
    default=True,
    stream="departments", scope=("department",), endpoint=upper("department.get", paging=ByStart("", None)),
    fields_method="department.fields",
    types={"ID": "integer", "NAME": "string", "SORT": "integer", "PARENT": "integer", "UF_HEAD": "user"},
)  # fmt: skip
TASKS = Entity(
    default=True,
    stream="tasks", scope=("task", "tasks"),
    endpoint=camel("tasks.task.list", "tasks", select="select", request_key="ID"),
    fields_method="tasks.task.getFields", more_fields="task.item.userfield.getlist",
    types={
        "ACCOMPLICES": "integer[]", "AUDITORS": "integer[]", "CHECKLIST": "json", "FORKED_BY_TEMPLATE_ID": "integer",
        "MATCH_WORK_TIME": "char", "UF_CRM_TASK": "crm[]", "UF_TASK_WEBDAV_FILES": "disk_file[]", "TAGS": "json",
        "DESCRIPTION_IN_BBCODE": "char",
        "group": "object", "creator": "object", "responsible": "object", "accomplicesData": "json",
        "auditorsData": "json", "subStatus": "integer", "lengthDeadline": "integer", "timeElapsed": "integer",
        "taskRequireResult": "char", "taskHasOpenResult": "char", "taskHasResult": "char",
        "timerIsRunningForCurrentUser": "char", "parsedDescription": "string", "counter": "object",
        "action": "json", "checkListTree": "json", "checkListCanAdd": "boolean", "chatId": "integer",
        "viewed": "char",
    },
    flags=frozenset({
        "MATCH_WORK_TIME", "DESCRIPTION_IN_BBCODE", "taskRequireResult", "taskHasOpenResult", "taskHasResult",
        "timerIsRunningForCurrentUser", "viewed",
    }),
    key=("ID",), stamp=Stamp("changedDate", "CHANGED_DATE", fallback="createdDate"), select_fields=True,
)  # fmt: skip

PEOPLE: Sequence[Entity] = (USERS, DEPARTMENTS, TASKS)
