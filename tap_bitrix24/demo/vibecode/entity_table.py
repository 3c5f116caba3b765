"""The entities of the VibeCode API: CRM, work, people, others."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import DAY, server_iso
from tap_bitrix24.demo.vibecode.entity import ALL, LISTED, LISTED_ONLY, WITHOUT_FIELDS, Entity, Row
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
_IGNORED_FILTERS: Final = frozenset({"createdAt", "createdTime"})
item: Final[Callable[..., Entity]] = Entity


def _category(number: int, row: Row) -> Row:
    """Return a pipeline of deals as the method before ``crm.category`` had it."""
    created = server_iso(1_690_000_000 + number * DAY)
    return {"id": row["id"], "name": row["name"], "sort": row["sort"], "isLocked": False, "createdAt": created}


def _deals() -> tuple[Entity, ...]:
    universal: dict[str, Any] = {"wire_form": "universal"}
    own = {**universal, "renames": _RENAMED, "created": "createdAt", "modified": "updatedAt", "utc": ("*",)}
    return (
        item(name="deals", table="deals", envelope="root", include=("contact", "company", "quote"),
             aggregatable=("amount", "stageId", "stageSemanticId", "categoryId", "assignedById", "sourceId"), **own),
        item(name="quotes", table="quotes", envelope="root", include=("deal", "contact", "company"),
             aggregatable=("amount", "stageId", "assignedById"), **own),
        item(name="leads", table="leads", renames={**_AMOUNT, "stageId": "statusId"}, ignored_filters=_IGNORED_FILTERS,
             include=("contact", "company"),
             aggregatable=("amount", "statusId", "sourceId", "assignedById"), **universal, **_CLIENTS),
        item(name="contacts", table="contacts", include=("company", "requisite"), ignored_filters=_IGNORED_FILTERS,
             aggregatable=("typeId", "sourceId", "assignedById"), **universal, **_CLIENTS),
        item(name="companies", table="companies", include=("requisite",),
             aggregatable=("revenue", "companyType", "industry", "assignedById", "sourceId"), **universal, **_CLIENTS),
        item(name="invoices", table="smart_invoices", envelope="root_total", field_list_shape="flat",
             include=("contact", "company"), aggregatable=("opportunity", "stageId", "assignedById"),
             **universal, **_CLIENTS),
        item(name="items", path="items/{entityTypeId}", table="smart_process_{}", envelope="root_total",
             field_list_shape="flat",
             aggregatable=("opportunity", "categoryId", "assignedById"), **universal, **_CLIENTS),
        item(name="smart-processes", table="types", wire_form="types", key="entityTypeId", has_table_id=False,
             ops=ALL - {"aggregate"}, envelope="data_only", field_list_shape="batch", created="createdTime"),
        item(name="deal-categories", table="categories", wire_form="plain", fixed_values={"entityTypeId": 2},
             has_table_id=False,
             zero_row_switch="vibe_funnel0", reshape=_category, field_list_shape="batch", created="createdAt"),
    )  # fmt: skip


def _dictionaries() -> tuple[Entity, ...]:
    return (
        item(name="statuses", table="statuses", wire_form="statuses", camel=True, field_list_shape="upper"),
        item(name="currencies", table="currencies", wire_form="currencies", camel=True, renames={"CURRENCY": "id"},
             has_table_id=False, field_list_shape="upper"),
        item(name="requisites", table="requisites", camel=True, empty_as_null=True,
             undeclared_prefixes=("RQ_", "XML_ID", "ORIGINATOR_ID"),
             renames=_STAMPS, created="createdAt", modified="updatedAt", field_list_shape="batch",
             aggregatable=("entityTypeId", "presetId")),
        item(name="requisite-presets", table="requisite_presets", camel=True, envelope="root_total",
             field_list_shape="flat",
             renames=_STAMPS, created="createdAt", modified="updatedAt"),
        item(name="bank-details", table="requisite_bank_details", camel=True, renames=_STAMPS, field_list_shape="batch",
             created="createdAt", modified="updatedAt", envelope="overview",
             optional_parents={"entityId": "ENTITY_ID"}),
        item(name="addresses", table="addresses", camel=True, has_table_id=False, key="", field_list_shape="batch",
             envelope="meta",
             ops=ALL - {"search", "aggregate"},
             optional_parents={"entityTypeId": "ENTITY_TYPE_ID", "entityId": "ENTITY_ID"}),
        item(name="requisite-preset-fields", path="requisite-presets/{presetId}/fields",
             table="requisite_preset_fields", camel=True, has_table_id=False, in_batch=False, envelope="root_total",
             ops=frozenset({"list", "get"}), required_parents={"presetId": "presetId"}),
        item(name="requisite-links", table="requisite_links", camel=True, has_table_id=False, key="",
             field_list_shape="flat",
             envelope="overview", ops=ALL - {"search", "aggregate"}),
        item(name="timelines", table="timeline_comments", camel=True, renames={"CREATED": "createdAt"}, utc=("*",),
             created="createdAt", field_list_shape="batch", fixed_order=True, missing_code="MISSING_REQUIRED_FILTER",
             required_parents={"entityType": "ENTITY_TYPE", "entityId": "ENTITY_ID"}),
        item(name="activities", table="activities", wire_form="classic", camel=True, field_list_shape="include",
             undeclared_prefixes=("ORIGIN", "RESULT_", "WEBDAV_", "AUTOCOMPLETE_RULE"),
             renames={"CREATED": "createdAt", "LAST_UPDATED": "updatedAt"}, created="createdAt", modified="updatedAt",
             aggregatable=("typeId", "ownerTypeId", "responsibleId", "completed")),
    )  # fmt: skip


def _comment(_: int, row: Row) -> Row:
    """Return a comment of a task: the declared fields only."""
    return {name: row[name] for name in ("ID", "AUTHOR_ID", "POST_MESSAGE", "POST_DATE")}


def _work() -> tuple[Entity, ...]:
    loose: dict[str, Any] = {"strict": False}
    return (
        item(name="tasks", table="tasks", wire_form="tasks", scope="task", created="createdDate",
             modified="changedDate",
             field_list_shape="batch", ignored_filters=frozenset({"statusChangedDate", "activityDate"}),
             utc=("closedDate",), auto_window=False,
             text_flags=frozenset({"mark"}), aggregatable=("status", "priority", "responsibleId", "groupId"), **loose),
        item(name="task-comments", path="tasks/{taskId}/comments", table="task_comments", scope="task", camel=True,
             renames={"POST_DATE": "createdAt", "POST_MESSAGE": "message"}, created="createdAt",
             reshape=_comment, required_parents={"taskId": "TASK_ID"}, in_batch=False, ops=frozenset({"list", "get"}),
             **loose),
        item(name="calendar-events", table="calendar_events", scope="calendar", camel=True, ops=WITHOUT_FIELDS,
             undeclared_prefixes=("DATE_FROM_TS", "DATE_TO_TS", "DT_", "TZ_", "DAV_", "TIMESTAMP_X", "DATE_CREATE"),
             required_parents={"type": "CAL_TYPE", "ownerId": "OWNER_ID"},
             value_aliases={"company": "company_calendar"},
             between=("FROM", "TO"), envelope="root_total", **loose),
        item(name="files", table="disk_objects", scope="disk", camel=True, undeclared_prefixes=("GLOBAL_", "REAL_"),
             renames={"CREATE_TIME": "createdAt", "UPDATE_TIME": "updatedAt"}, created="createdAt",
             modified="updatedAt", fixed_values={"TYPE": "file"}, required_parents={"folderId": "PARENT_ID"},
             field_list_shape="flat", **loose),
        item(name="folders", table="disk_objects", scope="disk", camel=True,
             undeclared_prefixes=("GLOBAL_", "REAL_", "UPDATE_TIME"),
             renames={"CREATE_TIME": "createdAt"}, created="createdAt",
             fixed_values={"TYPE": "folder"}, required_parents={"folderId": "PARENT_ID"}, field_list_shape="flat",
             envelope="overview", **loose),
        item(name="storages", table="disk_storages", scope="disk", camel=True, field_list_shape="batch",
             envelope="root", **loose),
        item(name="users", table="users", wire_form="users", scope="user", camel=True, field_list_shape="batch",
             renames={"UF_DEPARTMENT": "departmentId"},
             undeclared_prefixes=("TIMESTAMP_X", "IS_ONLINE"), **loose),
        item(name="departments", table="departments", wire_form="departments", scope="department", camel=True,
             renames={"PARENT": "parentId", "UF_HEAD": "headId"}, ops=WITHOUT_FIELDS, **loose),
        item(name="workgroups", table="workgroups_classic", scope="sonet_group", camel=True, ops=WITHOUT_FIELDS,
             fixed_values={"CLOSED": "N"}, renames={"NUMBER_OF_MEMBERS": "membersCount"},
             undeclared_prefixes=("SITE_ID", "KEYWORDS", "IMAGE", "CLOSED", "IS_EXTRANET", "DATE_ACTIVITY"),
             envelope="root",
             created="dateCreate", modified="dateUpdate", **loose),
    )  # fmt: skip


def _line(number: int, row: Row) -> Row:
    """Return a telephone line: its id, number and name."""
    return {"ID": number, "NUMBER": row["ID"], "NAME": row["NAME"]}


_LINE_FIELDS: Final = (
    "AGREEMENT", "AUTO", "CATEGORY", "CHECK", "CLOSE", "CONFIG", "CONFIRM", "CRM", "DEFAULT", "KPI", "MAX", "NO_ANSWER",
    "OPERATOR", "QUEUE_USERS", "SESSION", "TEMPORARY", "VOTE", "WATCH", "WELCOME", "WORKTIME",
)  # fmt: skip
"""Prefixes of an open line's settings, which the service does not declare."""


def _others() -> tuple[Entity, ...]:
    loose: dict[str, Any] = {"strict": False, "camel": True}
    documents: dict[str, Any] = {"scope": "documentgenerator", "created": "createTime", "modified": "updateTime"}
    sites: dict[str, Any] = {"scope": "landing", "created": "dateCreate", "modified": "dateModify"}
    process: dict[str, Any] = {"scope": "bizproc", "ops": LISTED_ONLY, "app_only": True}
    return (
        item(name="sites", table="sites", ops=WITHOUT_FIELDS, **sites, **loose),
        item(name="pages", table="site_pages", ops=WITHOUT_FIELDS, envelope="root_total", **sites, **loose),
        item(name="posts", table="feed_posts", scope="log", ops=LISTED, key="ID", unconverted=True, strict=False,
             recent=True),
        item(name="workflows", table="workflow_instances", scope="bizproc", ops=LISTED, key="ID", unconverted=True,
             has_table_id=False, strict=False, recent=True),
        item(name="warehouses", table="stores", scope="catalog", ops=WITHOUT_FIELDS, strict=False, recent=True),
        item(name="doc-templates", table="document_templates", field_list_shape="flat", envelope="root", **documents),
        item(name="documents", table="documents", field_list_shape="include", envelope="overview", **documents),
        item(name="bookings", table="bookings", scope="booking", ops=WITHOUT_FIELDS),
        item(name="bizproc-templates", table="workflow_templates", modified="modified", **process, **loose),
        item(name="bizproc-activities", table="crm_activity_badges", bare_ids=True, key="code", has_table_id=False,
             **process, **loose),
        item(name="bizproc-robots", table="crm_activity_badges", bare_ids=True, key="code", has_table_id=False,
             **process, **loose),
        item(name="openline-configs", table="openline_configs", scope="imopenlines", ops=WITHOUT_FIELDS,
             envelope="root",
             renames=_LINE, undeclared_prefixes=_LINE_FIELDS, **loose),
        item(name="telephony-lines", table="telephony_lines", scope="telephony", ops=LISTED_ONLY, reshape=_line,
             envelope="root_total", **loose),
        item(name="list-elements", table="list_elements", scope="lists", camel=True, ops=frozenset({"fields"}),
             renames={"DATE_CREATE": "createdAt"}, undeclared_prefixes=("PROPERTY_",), field_list_shape="flat"),
    )  # fmt: skip


ENTITIES: Final[dict[str, Entity]] = {
    entity.name: entity for entity in (*_deals(), *_dictionaries(), *SHOP, *_work(), *_others())
}
