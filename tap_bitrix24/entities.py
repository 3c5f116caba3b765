"""The table: one typed row per entity. Everything the tap knows of an entity stands in its row, nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.model import Endpoint, Stamp

SMART_PROCESS = "smart_process_"
"""Prefix of the streams of smart processes: `smart_process_<entityTypeId>`."""
SMART_INVOICE = 31

REDACTED: frozenset[tuple[str, str]] = frozenset()
"""(stream, column) whose values never leave the tap: the only data that is left out. Besides these, the
parameters `auth`, `token` and the like are cut out of file links (`values.without_secrets`)."""


@dataclass(frozen=True, slots=True)
class Universal:
    """How `crm.item.list` tells the same rows as a classic method."""

    entity_type_id: int
    renames: Mapping[str, str] = field(default_factory=dict)
    """Row key → classic name, where upper snake case is not it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row of the table: a list of the portal and how it becomes a stream (or one per type of item)."""

    stream: str
    scope: Sequence[str]
    """Any one of these will do."""
    endpoint: Endpoint
    fields_method: str = ""
    fields_params: Mapping[str, Any] = field(default_factory=dict)
    more_fields: str = ""
    """A second method that knows types or multiplicity of user fields; another scope may be needed for it."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Portal name → type, `[]` appended when multiple: what the field method leaves out or gets wrong."""
    flags: frozenset[str] = frozenset()
    """Y/N columns whose name does not say so."""
    key: Sequence[str] = ("ID",)
    stamp: Stamp | None = None
    """Read incrementally by it; None: read whole every run."""
    keyset: bool = True
    """Whether ids can be filtered and ordered; otherwise the list comes whole or by offset."""
    select: Sequence[str] = ()
    """Names to ask for besides the method's default; none: the method has no say in it."""
    select_fields: bool = False
    """Every described field must be named, or it is left out of the rows."""
    per_type: Sequence[int] = ()
    """entityTypeId values the list is asked for one by one; smart processes are added to them."""
    tolerated: frozenset[str] = frozenset()
    """Codes or words of errors that say a list does not exist for one of these types."""
    universal: Universal | None = None


def order_map(key: str, direction: str) -> Mapping[str, Any]:
    """`order: {ID: ASC}`, what most methods take."""
    return {"order": {key: direction}}


def order_words(key: str, direction: str) -> Mapping[str, Any]:
    """`sort: ID, order: ASC`: user.get orders only when given both."""
    return {"sort": key, "order": direction}


_CRM = ("crm",)
_NO_SUCH_TYPE = frozenset({"entity_type_not_supported", "not_found", "is not supported"})


def _crm(method: str) -> Endpoint:
    return Endpoint(method, order=order_map, select_param="select")


ITEMS = Endpoint("crm.item.list", rows_at="items", key="id", request_key="id", order=order_map, select_param="select")
ITEM_STAMP = Stamp("updatedTime", "updatedTime", margin=26 * 3600)
"""crm.item.list may read date bounds in the user's zone instead of the given one: 26 hours span all zones."""

_MODIFIED = Stamp("DATE_MODIFY", "DATE_MODIFY")
_MULTIFIELDS = ("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM", "LINK")
_ITEM_RENAMES = {
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
}
ITEM_ECHOES = frozenset(
    {
        "entityTypeId", "dateCreateShort", "dateModifyShort", "begindateShort", "closedateShort", "eventDateShort",
        "shortName", "login", "emailHome", "emailWork", "emailMailing", "phoneMobile", "phoneWork", "phoneMailing",
        "imol", "email", "phone", "searchContent", "fullName", "orderStage", "isWork", "isWon", "isLose",
    }
)  # fmt: skip
"""Keys of crm.item.list rows that repeat other columns of the five classic entities in another form."""

DEALS = Entity(
    stream="deals", scope=_CRM, endpoint=_crm("crm.deal.list"), fields_method="crm.deal.fields",
    stamp=_MODIFIED, select=("*", "UF_*"), universal=Universal(2, _ITEM_RENAMES),
)  # fmt: skip
LEADS = Entity(
    stream="leads", scope=_CRM, endpoint=_crm("crm.lead.list"), fields_method="crm.lead.fields",
    stamp=_MODIFIED, select=_MULTIFIELDS,
    universal=Universal(1, {
        **_ITEM_RENAMES, "stageId": "STATUS_ID", "stageSemanticId": "STATUS_SEMANTIC_ID",
        "stageDescription": "STATUS_DESCRIPTION",
    }),
)  # fmt: skip
CONTACTS = Entity(
    stream="contacts", scope=_CRM, endpoint=_crm("crm.contact.list"), fields_method="crm.contact.fields",
    types={"FACE_ID": "integer", "CATEGORY_ID": "crm_category"}, flags=frozenset({"EXPORT"}),
    stamp=_MODIFIED, select=_MULTIFIELDS, universal=Universal(3, _ITEM_RENAMES),
)  # fmt: skip
COMPANIES = Entity(
    stream="companies", scope=_CRM, endpoint=_crm("crm.company.list"), fields_method="crm.company.fields",
    types={"CATEGORY_ID": "crm_category"}, stamp=_MODIFIED, select=_MULTIFIELDS,
    universal=Universal(4, {**_ITEM_RENAMES, "typeId": "COMPANY_TYPE"}),
)  # fmt: skip
QUOTES = Entity(
    stream="quotes", scope=_CRM, endpoint=_crm("crm.quote.list"), fields_method="crm.quote.fields",
    types={"QUOTE_NUMBER": "string", "STATUS_ID": "crm_status"}, stamp=_MODIFIED, select=("*", "UF_*"),
    universal=Universal(7, {**_ITEM_RENAMES, "stageId": "STATUS_ID", "actualDate": "ACTUAL_DATE"}),
)  # fmt: skip
ACTIVITIES = Entity(
    stream="crm_activities", scope=_CRM, endpoint=_crm("crm.activity.list"), fields_method="crm.activity.fields",
    types={"WEBDAV_ELEMENTS": "diskfile[]", "FILES": "diskfile[]"}, flags=frozenset({"COMPLETED"}),
    stamp=Stamp("LAST_UPDATED", "LAST_UPDATED"), select=("*", "COMMUNICATIONS", "FILES", "BINDINGS"),
)  # fmt: skip
STATUSES = Entity(
    stream="crm_statuses", scope=_CRM, endpoint=Endpoint("crm.status.list"), fields_method="crm.status.fields",
    types={
        "ID": "integer", "ENTITY_ID": "string", "STATUS_ID": "string", "SORT": "integer", "NAME": "string",
        "NAME_INIT": "string", "SYSTEM": "char", "CATEGORY_ID": "integer", "COLOR": "string",
        "SEMANTICS": "string", "EXTRA": "object",
    },
    flags=frozenset({"SYSTEM"}), keyset=False,
)  # fmt: skip
CATEGORIES = Entity(
    stream="crm_categories", scope=_CRM,
    endpoint=Endpoint("crm.category.list", rows_at="categories", key="id", request_key="id"),
    fields_method="crm.category.fields", fields_params={"entityTypeId": 2}, key=("entityTypeId", "id"),
    types={"entityTypeId": "integer", "isSystem": "boolean", "code": "string"}, keyset=False,
    per_type=(2, 3, 4, SMART_INVOICE), tolerated=_NO_SUCH_TYPE,
)  # fmt: skip
CURRENCIES = Entity(
    stream="currencies", scope=_CRM, endpoint=Endpoint("crm.currency.list", key="CURRENCY", request_key="CURRENCY"),
    fields_method="crm.currency.fields", types={"LANG": "json"}, flags=frozenset({"BASE"}), key=("CURRENCY",),
    keyset=False,
)  # fmt: skip
TYPES = Entity(
    stream="crm_types", scope=_CRM,
    endpoint=Endpoint("crm.type.list", rows_at="types", key="id", request_key="id", order=order_map),
    fields_method="crm.type.fields", key=("id",),
    types={
        "isPaymentsEnabled": "boolean", "isCountersEnabled": "boolean", "relations": "json",
        "linkedUserFields": "json", "customSections": "json",
    },
)  # fmt: skip
SMART_INVOICES = Entity(
    stream="smart_invoices", scope=_CRM, endpoint=ITEMS, fields_method="crm.item.fields",
    fields_params={"entityTypeId": SMART_INVOICE}, types={"entityTypeId": "integer"}, key=("id",),
    stamp=ITEM_STAMP, select=("*",), per_type=(SMART_INVOICE,),
)  # fmt: skip
SMART_PROCESSES = Entity(
    stream=SMART_PROCESS, scope=_CRM, endpoint=ITEMS, fields_method="crm.item.fields",
    types={"entityTypeId": "integer"}, key=("id",), stamp=ITEM_STAMP, select=("*",),
)  # fmt: skip
STAGE_HISTORY = Entity(
    stream="crm_stage_history", scope=_CRM,
    endpoint=Endpoint("crm.stagehistory.list", rows_at="items", order=order_map, select_param="select"),
    types={
        "entityTypeId": "integer", "ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer",
        "CREATED_TIME": "datetime", "CATEGORY_ID": "integer", "STAGE_SEMANTIC_ID": "string", "STAGE_ID": "string",
        "STATUS_SEMANTIC_ID": "string", "STATUS_ID": "string",
    },
    key=("entityTypeId", "ID"), stamp=Stamp("CREATED_TIME", "CREATED_TIME", margin=26 * 3600),
    per_type=(1, 2, SMART_INVOICE), tolerated=_NO_SUCH_TYPE,
)  # fmt: skip
USERS = Entity(
    stream="users", scope=("user", "user_basic", "user_brief"),
    endpoint=Endpoint("user.get", filter_param="FILTER", order=order_words),
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
    stream="departments", scope=("department",), endpoint=Endpoint("department.get"), fields_method="department.fields",
    types={"ID": "integer", "NAME": "string", "SORT": "integer", "PARENT": "integer", "UF_HEAD": "user"},
    keyset=False,
)  # fmt: skip
TASKS = Entity(
    stream="tasks", scope=("task", "tasks"),
    endpoint=Endpoint("tasks.task.list", rows_at="tasks", key="id", order=order_map, select_param="select"),
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

ENTITIES: Sequence[Entity] = (
    DEALS, LEADS, CONTACTS, COMPANIES, QUOTES, ACTIVITIES, STATUSES, CATEGORIES, CURRENCIES, TYPES, SMART_INVOICES,
    SMART_PROCESSES, STAGE_HISTORY, USERS, DEPARTMENTS, TASKS,
)  # fmt: skip
BY_STREAM: Mapping[str, Entity] = {entity.stream: entity for entity in ENTITIES}


def entity_of(stream: str) -> Entity | None:
    """The row a stream name belongs to; streams of smart processes share one."""
    suffix = stream.removeprefix(SMART_PROCESS)
    if suffix != stream and suffix.isdecimal():
        return SMART_PROCESSES
    return BY_STREAM.get(stream)
