"""The entities of the VibeCode API by name: CRM, work and people."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import DAY, server_iso
from tap_bitrix24.demo.vibecode.entity import ALL, UNDESCRIBED, UNGOT, Entity, Row
from tap_bitrix24.demo.vibecode.shop_entities import SHOP

_AMOUNT: Final = {"opportunity": "amount", "currencyId": "currency"}
_RENAMED: Final = {
    **_AMOUNT, "createdTime": "createdAt", "updatedTime": "updatedAt", "closedate": "closedAt",
    "isReturnCustomer": "isReturning",
}  # fmt: skip
_STAMPS: Final = {"DATE_CREATE": "createdAt", "DATE_MODIFY": "updatedAt"}
_LINE: Final = {"LINE_NAME": "name", "WORKTIME_FROM": "workTimeFrom", "WORKTIME_TO": "workTimeTo"}
_TIMES: Final = {"createdAt": "createdTime", "updatedAt": "updatedTime"}
_CLIENTS: Final = {"created": "createdTime", "modified": "updatedTime", "aliases": _TIMES}
_LOST: Final = frozenset({"createdAt", "createdTime"})
item: Final[Callable[..., Entity]] = Entity


def _category(number: int, row: Row) -> Row:
    """Write a pipeline of deals as the method before ``crm.category`` did."""
    created = server_iso(1_690_000_000 + number * DAY)
    return {"id": row["id"], "name": row["name"], "sort": row["sort"], "isLocked": False, "createdAt": created}


def _deals() -> tuple[Entity, ...]:
    universal: dict[str, Any] = {"family": "universal"}
    own = {**universal, "renames": _RENAMED, "created": "createdAt", "modified": "updatedAt", "utc": ("*",)}
    return (
        item(name="deals", table="deals", envelope="root", include=("contact", "company", "quote"),
             aggregatable=("amount", "stageId", "stageSemanticId", "categoryId", "assignedById", "sourceId"), **own),
        item(name="quotes", table="quotes", envelope="root", include=("deal", "contact", "company"),
             aggregatable=("amount", "stageId", "assignedById"), **own),
        item(name="leads", table="leads", renames={**_AMOUNT, "stageId": "statusId"}, blind=_LOST,
             include=("contact", "company"),
             aggregatable=("amount", "statusId", "sourceId", "assignedById"), **universal, **_CLIENTS),
        item(name="contacts", table="contacts", include=("company", "requisite"), blind=_LOST,
             aggregatable=("typeId", "sourceId", "assignedById"), **universal, **_CLIENTS),
        item(name="companies", table="companies", include=("requisite",),
             aggregatable=("revenue", "companyType", "industry", "assignedById", "sourceId"), **universal, **_CLIENTS),
        item(name="invoices", table="smart_invoices", envelope="root_total", shape="flat",
             include=("contact", "company"), aggregatable=("opportunity", "stageId", "assignedById"),
             **universal, **_CLIENTS),
        item(name="items", path="items/{entityTypeId}", table="smart_process_{}", envelope="root_total", shape="flat",
             aggregatable=("opportunity", "categoryId", "assignedById"), **universal, **_CLIENTS),
        item(name="smart-processes", table="types", family="types", key="entityTypeId", numbered=False,
             ops=ALL - {"aggregate"}, envelope="data_only", shape="batch", created="createdTime"),
        item(name="deal-categories", table="categories", family="plain", only={"entityTypeId": 2}, numbered=False,
             zero="vibe_funnel0", reshaped=_category, shape="batch", created="createdAt"),
    )  # fmt: skip


def _dictionaries() -> tuple[Entity, ...]:
    return (
        item(name="statuses", table="statuses", family="statuses", camel=True, shape="upper"),
        item(name="currencies", table="currencies", family="currencies", camel=True, renames={"CURRENCY": "id"},
             numbered=False, shape="upper"),
        item(name="requisites", table="requisites", camel=True, nulls=True, raw=("RQ_", "XML_ID", "ORIGINATOR_ID"),
             renames=_STAMPS, created="createdAt", modified="updatedAt", shape="batch",
             aggregatable=("entityTypeId", "presetId")),
        item(name="requisite-presets", table="requisite_presets", camel=True, envelope="root_total", shape="flat",
             renames=_STAMPS, created="createdAt", modified="updatedAt"),
        item(name="bank-details", table="requisite_bank_details", camel=True, renames=_STAMPS, shape="batch",
             created="createdAt", modified="updatedAt", envelope="overview", takes={"entityId": "ENTITY_ID"}),
        item(name="addresses", table="addresses", camel=True, numbered=False, key="", shape="batch", envelope="meta",
             ops=ALL - {"search", "aggregate"}, takes={"entityTypeId": "ENTITY_TYPE_ID", "entityId": "ENTITY_ID"}),
        item(name="requisite-preset-fields", path="requisite-presets/{presetId}/fields",
             table="requisite_preset_fields", camel=True, numbered=False, in_batch=False, envelope="root_total",
             ops=frozenset({"list", "get"}), needs={"presetId": "presetId"}),
        item(name="requisite-links", table="requisite_links", camel=True, numbered=False, key="", shape="flat",
             envelope="overview", ops=ALL - {"search", "aggregate"}),
        item(name="timelines", table="timeline_comments", camel=True, renames={"CREATED": "createdAt"}, utc=("*",),
             created="createdAt", shape="batch", deaf=True, lacking="MISSING_REQUIRED_FILTER",
             needs={"entityType": "ENTITY_TYPE", "entityId": "ENTITY_ID"}),
        item(name="activities", table="activities", family="classic", camel=True, shape="include",
             raw=("ORIGIN", "RESULT_", "WEBDAV_", "AUTOCOMPLETE_RULE"),
             renames={"CREATED": "createdAt", "LAST_UPDATED": "updatedAt"}, created="createdAt", modified="updatedAt",
             aggregatable=("typeId", "ownerTypeId", "responsibleId", "completed")),
    )  # fmt: skip


def _comment(_: int, row: Row) -> Row:
    """Write a comment of a task: no more than the service declares."""
    return {name: row[name] for name in ("ID", "AUTHOR_ID", "POST_MESSAGE", "POST_DATE")}


def _work() -> tuple[Entity, ...]:
    loose: dict[str, Any] = {"strict": False}
    return (
        item(name="tasks", table="tasks", family="tasks", scope="task", created="createdDate", modified="changedDate",
             shape="batch", blind=frozenset({"statusChangedDate", "activityDate"}), utc=("closedDate",), windows=False,
             codes=frozenset({"mark"}), aggregatable=("status", "priority", "responsibleId", "groupId"), **loose),
        item(name="task-comments", path="tasks/{taskId}/comments", table="task_comments", scope="task", camel=True,
             renames={"POST_DATE": "createdAt", "POST_MESSAGE": "message"}, created="createdAt",
             reshaped=_comment, needs={"taskId": "TASK_ID"}, in_batch=False, ops=frozenset({"list", "get"}), **loose),
        item(name="calendar-events", table="calendar_events", scope="calendar", camel=True, ops=UNDESCRIBED,
             raw=("DATE_FROM_TS", "DATE_TO_TS", "DT_", "TZ_", "DAV_", "TIMESTAMP_X", "DATE_CREATE"),
             needs={"type": "CAL_TYPE", "ownerId": "OWNER_ID"}, words={"company": "company_calendar"},
             between=("FROM", "TO"), envelope="root_total", **loose),
        item(name="files", table="disk_objects", scope="disk", camel=True, raw=("GLOBAL_", "REAL_"),
             renames={"CREATE_TIME": "createdAt", "UPDATE_TIME": "updatedAt"}, created="createdAt",
             modified="updatedAt", only={"TYPE": "file"}, needs={"folderId": "PARENT_ID"}, shape="flat", **loose),
        item(name="folders", table="disk_objects", scope="disk", camel=True, raw=("GLOBAL_", "REAL_", "UPDATE_TIME"),
             renames={"CREATE_TIME": "createdAt"}, created="createdAt",
             only={"TYPE": "folder"}, needs={"folderId": "PARENT_ID"}, shape="flat", envelope="overview", **loose),
        item(name="storages", table="disk_storages", scope="disk", camel=True, shape="batch", envelope="root", **loose),
        item(name="users", table="users", family="users", scope="user", camel=True, shape="batch",
             renames={"UF_DEPARTMENT": "departmentId"},
             raw=("TIMESTAMP_X", "IS_ONLINE"), **loose),
        item(name="departments", table="departments", family="departments", scope="department", camel=True,
             renames={"PARENT": "parentId", "UF_HEAD": "headId"}, ops=UNDESCRIBED, **loose),
        item(name="workgroups", table="workgroups_classic", scope="sonet_group", camel=True, ops=UNDESCRIBED,
             only={"CLOSED": "N"}, renames={"NUMBER_OF_MEMBERS": "membersCount"},
             raw=("SITE_ID", "KEYWORDS", "IMAGE", "CLOSED", "IS_EXTRANET", "DATE_ACTIVITY"), envelope="root",
             created="dateCreate", modified="dateUpdate", **loose),
    )  # fmt: skip


def _line(number: int, row: Row) -> Row:
    """Write an outside line: a number of its own, and what it is called by."""
    return {"ID": number, "NUMBER": row["ID"], "NAME": row["NAME"]}


_LINE_FIELDS: Final = (
    "AGREEMENT", "AUTO", "CATEGORY", "CHECK", "CLOSE", "CONFIG", "CONFIRM", "CRM", "DEFAULT", "KPI", "MAX", "NO_ANSWER",
    "OPERATOR", "QUEUE_USERS", "SESSION", "TEMPORARY", "VOTE", "WATCH", "WELCOME", "WORKTIME",
)  # fmt: skip
"""Beginnings of the names of an open line's settings, of which the service declares next to none."""


def _others() -> tuple[Entity, ...]:
    loose: dict[str, Any] = {"strict": False, "camel": True}
    documents: dict[str, Any] = {"scope": "documentgenerator", "created": "createTime", "modified": "updateTime"}
    sites: dict[str, Any] = {"scope": "landing", "created": "dateCreate", "modified": "dateModify"}
    process: dict[str, Any] = {"scope": "bizproc", "ops": UNGOT, "app_only": True}
    return (
        item(name="sites", table="sites", ops=UNDESCRIBED, **sites, **loose),
        item(name="pages", table="site_pages", ops=UNDESCRIBED, envelope="root_total", **sites, **loose),
        item(name="doc-templates", table="document_templates", shape="flat", envelope="root", **documents),
        item(name="documents", table="documents", shape="include", envelope="overview", **documents),
        item(name="bookings", table="bookings", scope="booking", ops=UNDESCRIBED),
        item(name="bizproc-templates", table="workflow_templates", modified="modified", **process, **loose),
        item(name="bizproc-activities", table="crm_activity_badges", strings=True, key="code", numbered=False,
             **process, **loose),
        item(name="bizproc-robots", table="crm_activity_badges", strings=True, key="code", numbered=False,
             **process, **loose),
        item(name="openline-configs", table="openline_configs", scope="imopenlines", ops=UNDESCRIBED, envelope="root",
             renames=_LINE, raw=_LINE_FIELDS, **loose),
        item(name="telephony-lines", table="telephony_lines", scope="telephony", ops=UNGOT, reshaped=_line,
             envelope="root_total", **loose),
        item(name="list-elements", table="list_elements", scope="lists", camel=True, ops=frozenset({"fields"}),
             renames={"DATE_CREATE": "createdAt"}, raw=("PROPERTY_",), shape="flat"),
    )  # fmt: skip


ENTITIES: Final[dict[str, Entity]] = {
    entity.name: entity for entity in (*_deals(), *_dictionaries(), *SHOP, *_work(), *_others())
}
