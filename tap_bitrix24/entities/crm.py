"""The first ring of CRM: leads, deals, clients, quotes, activities, their dictionaries, smart processes (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    NO_SUCH_TYPE,
    SINGLE_PAGE,
    Entity,
    StreamTemplate,
    Universal,
    camel,
    entity_type_variant,
    for_each_entity_type,
    upper,
)
from tap_bitrix24.entities.owners import SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.model.endpoint import ReplicationKey

_CRM = ("crm",)


ITEMS = camel("crm.item.list", "items", select="select")
ITEM_STAMP = ReplicationKey("updatedTime", "updatedTime", timezone_margin=ALL_TIMEZONES)

_MODIFIED = ReplicationKey("DATE_MODIFY", "DATE_MODIFY")
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
        "entityTypeId",
        "dateCreateShort",
        "dateModifyShort",
        "begindateShort",
        "closedateShort",
        "eventDateShort",
        "shortName",
        "login",
        "emailHome",
        "emailWork",
        "emailMailing",
        "phoneMobile",
        "phoneWork",
        "phoneMailing",
        "imol",
        "email",
        "phone",
        "searchContent",
        "fullName",
        "orderStage",
        "isWork",
        "isWon",
        "isLose",
    }
)
"""Keys of crm.item.list rows that repeat other columns of the five classic entities in another form."""

DEALS = Entity(
    selected_by_default=True,
    stream="deals",
    scope=_CRM,
    endpoint=upper("crm.deal.list", select="select"),
    fields_method="crm.deal.fields",
    replication_key=_MODIFIED,
    select=("*", "UF_*"),
    columns_selectable=True,
    universal=Universal(2, _ITEM_RENAMES),
)
LEADS = Entity(
    selected_by_default=True,
    stream="leads",
    scope=_CRM,
    endpoint=upper("crm.lead.list", select="select"),
    fields_method="crm.lead.fields",
    replication_key=_MODIFIED,
    select=_MULTIFIELDS,
    columns_selectable=True,
    universal=Universal(
        1,
        {
            **_ITEM_RENAMES,
            "stageId": "STATUS_ID",
            "stageSemanticId": "STATUS_SEMANTIC_ID",
            "stageDescription": "STATUS_DESCRIPTION",
        },
    ),
)
CONTACTS = Entity(
    selected_by_default=True,
    stream="contacts",
    scope=_CRM,
    endpoint=upper("crm.contact.list", select="select"),
    fields_method="crm.contact.fields",
    type_overrides={"FACE_ID": "integer", "CATEGORY_ID": "crm_category"},
    yes_no_columns=frozenset({"EXPORT"}),
    replication_key=_MODIFIED,
    select=_MULTIFIELDS,
    columns_selectable=True,
    universal=Universal(3, _ITEM_RENAMES),
)
COMPANIES = Entity(
    selected_by_default=True,
    stream="companies",
    scope=_CRM,
    endpoint=upper("crm.company.list", select="select"),
    fields_method="crm.company.fields",
    type_overrides={"CATEGORY_ID": "crm_category"},
    replication_key=_MODIFIED,
    select=_MULTIFIELDS,
    columns_selectable=True,
    universal=Universal(4, {**_ITEM_RENAMES, "typeId": "COMPANY_TYPE"}),
)
QUOTES = Entity(
    selected_by_default=True,
    stream="quotes",
    scope=_CRM,
    endpoint=upper("crm.quote.list", select="select"),
    fields_method="crm.quote.fields",
    type_overrides={"QUOTE_NUMBER": "string", "STATUS_ID": "crm_status"},
    replication_key=_MODIFIED,
    select=("*", "UF_*"),
    columns_selectable=True,
    universal=Universal(7, {**_ITEM_RENAMES, "stageId": "STATUS_ID", "actualDate": "ACTUAL_DATE"}),
)
ACTIVITIES = Entity(
    selected_by_default=True,
    stream="crm_activities",
    scope=_CRM,
    endpoint=upper("crm.activity.list", select="select"),
    fields_method="crm.activity.fields",
    type_overrides={"WEBDAV_ELEMENTS": "diskfile[]", "FILES": "diskfile[]"},
    yes_no_columns=frozenset({"COMPLETED"}),
    replication_key=ReplicationKey("LAST_UPDATED", "LAST_UPDATED"),
    select=("*", "COMMUNICATIONS", "FILES", "BINDINGS"),
    columns_selectable=True,
)
STATUSES = Entity(
    selected_by_default=True,
    stream="crm_statuses",
    scope=_CRM,
    endpoint=upper("crm.status.list", paging=SINGLE_PAGE),
    fields_method="crm.status.fields",
    type_overrides={
        "ID": "integer",
        "ENTITY_ID": "string",
        "STATUS_ID": "string",
        "SORT": "integer",
        "NAME": "string",
        "NAME_INIT": "string",
        "SYSTEM": "char",
        "CATEGORY_ID": "integer",
        "COLOR": "string",
        "SEMANTICS": "string",
        "EXTRA": "object",
    },
    yes_no_columns=frozenset({"SYSTEM"}),
)
CATEGORIES = Entity(
    selected_by_default=True,
    stream="crm_categories",
    scope=_CRM,
    endpoint=camel("crm.category.list", "categories", paging=SINGLE_PAGE),
    fields_method="crm.category.fields",
    fields_params={"entityTypeId": 2},
    primary_key=("entityTypeId", "id"),
    type_overrides={"entityTypeId": "integer", "isSystem": "boolean", "code": "string"},
    variants=for_each_entity_type(2, 3, 4, SMART_INVOICE),
    ignorable_errors=NO_SUCH_TYPE,
)
CURRENCIES = Entity(
    selected_by_default=True,
    stream="currencies",
    scope=_CRM,
    endpoint=upper("crm.currency.list", paging=SINGLE_PAGE, key="CURRENCY"),
    fields_method="crm.currency.fields",
    type_overrides={"LANG": "json"},
    yes_no_columns=frozenset({"BASE"}),
    primary_key=("CURRENCY",),
)
TYPES = Entity(
    selected_by_default=True,
    stream="crm_types",
    scope=_CRM,
    endpoint=camel("crm.type.list", "types"),
    fields_method="crm.type.fields",
    primary_key=("id",),
    type_overrides={
        "isPaymentsEnabled": "boolean",
        "isCountersEnabled": "boolean",
        "relations": "json",
        "linkedUserFields": "json",
        "customSections": "json",
    },
)
SMART_INVOICES = Entity(
    selected_by_default=True,
    stream="smart_invoices",
    scope=_CRM,
    endpoint=ITEMS,
    fields_method="crm.item.fields",
    fields_params={"entityTypeId": SMART_INVOICE},
    type_overrides={"entityTypeId": "integer"},
    primary_key=("id",),
    replication_key=ITEM_STAMP,
    select=("*",),
    columns_selectable=True,
    variants=lambda _: [entity_type_variant(SMART_INVOICE)],
)
SMART_PROCESSES = Entity(
    selected_by_default=True,
    stream=SMART_PROCESS,
    template=StreamTemplate(lambda portal: portal.smart_processes, lambda number, _: entity_type_variant(number)),
    scope=_CRM,
    endpoint=ITEMS,
    fields_method="crm.item.fields",
    type_overrides={"entityTypeId": "integer"},
    primary_key=("id",),
    replication_key=ITEM_STAMP,
    select=("*",),
    columns_selectable=True,
)
STAGE_HISTORY = Entity(
    selected_by_default=True,
    stream="crm_stage_history",
    scope=_CRM,
    endpoint=upper("crm.stagehistory.list", "items", select="select"),
    type_overrides={
        "entityTypeId": "integer",
        "ID": "integer",
        "TYPE_ID": "integer",
        "OWNER_ID": "integer",
        "CREATED_TIME": "datetime",
        "CATEGORY_ID": "integer",
        "STAGE_SEMANTIC_ID": "string",
        "STAGE_ID": "string",
        "STATUS_SEMANTIC_ID": "string",
        "STATUS_ID": "string",
    },
    primary_key=("entityTypeId", "ID"),
    replication_key=ReplicationKey("CREATED_TIME", "CREATED_TIME", timezone_margin=ALL_TIMEZONES),
    variants=for_each_entity_type(1, 2, SMART_INVOICE),
    ignorable_errors=NO_SUCH_TYPE,
)

CRM: Sequence[Entity] = (
    DEALS,
    LEADS,
    CONTACTS,
    COMPANIES,
    QUOTES,
    ACTIVITIES,
    STATUSES,
    CATEGORIES,
    CURRENCIES,
    TYPES,
    SMART_INVOICES,
    SMART_PROCESSES,
    STAGE_HISTORY,
)
