"""The first ring of CRM: leads, deals, clients, quotes, activities, their dictionaries, smart processes (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.base import (
    NO_SUCH_TYPE,
    WHOLE,
    ZONES,
    Entity,
    Members,
    Universal,
    camel,
    each_type,
    of_type,
    upper,
)
from tap_bitrix24.entities.owners import SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.model.endpoint import Stamp

_CRM = ("crm",)


ITEMS = camel("crm.item.list", "items", select="select")
ITEM_STAMP = Stamp("updatedTime", "updatedTime", margin=ZONES)

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
    default=True,
    stream="deals", scope=_CRM, endpoint=upper("crm.deal.list", select="select"), fields_method="crm.deal.fields",
    stamp=_MODIFIED, select=("*", "UF_*"), selectable=True, universal=Universal(2, _ITEM_RENAMES),
)  # fmt: skip
LEADS = Entity(
    default=True,
    stream="leads", scope=_CRM, endpoint=upper("crm.lead.list", select="select"), fields_method="crm.lead.fields",
    stamp=_MODIFIED, select=_MULTIFIELDS, selectable=True,
    universal=Universal(1, {
        **_ITEM_RENAMES, "stageId": "STATUS_ID", "stageSemanticId": "STATUS_SEMANTIC_ID",
        "stageDescription": "STATUS_DESCRIPTION",
    }),
)  # fmt: skip
CONTACTS = Entity(
    default=True,
    stream="contacts", scope=_CRM, endpoint=upper("crm.contact.list", select="select"),
    fields_method="crm.contact.fields",
    types={"FACE_ID": "integer", "CATEGORY_ID": "crm_category"}, flags=frozenset({"EXPORT"}),
    stamp=_MODIFIED, select=_MULTIFIELDS, selectable=True, universal=Universal(3, _ITEM_RENAMES),
)  # fmt: skip
COMPANIES = Entity(
    default=True,
    stream="companies", scope=_CRM, endpoint=upper("crm.company.list", select="select"),
    fields_method="crm.company.fields",
    types={"CATEGORY_ID": "crm_category"}, stamp=_MODIFIED, select=_MULTIFIELDS, selectable=True,
    universal=Universal(4, {**_ITEM_RENAMES, "typeId": "COMPANY_TYPE"}),
)  # fmt: skip
QUOTES = Entity(
    default=True,
    stream="quotes", scope=_CRM, endpoint=upper("crm.quote.list", select="select"), fields_method="crm.quote.fields",
    types={"QUOTE_NUMBER": "string", "STATUS_ID": "crm_status"}, stamp=_MODIFIED, select=("*", "UF_*"), selectable=True,
    universal=Universal(7, {**_ITEM_RENAMES, "stageId": "STATUS_ID", "actualDate": "ACTUAL_DATE"}),
)  # fmt: skip
ACTIVITIES = Entity(
    default=True,
    stream="crm_activities", scope=_CRM, endpoint=upper("crm.activity.list", select="select"),
    fields_method="crm.activity.fields",
    types={"WEBDAV_ELEMENTS": "diskfile[]", "FILES": "diskfile[]"}, flags=frozenset({"COMPLETED"}),
    stamp=Stamp("LAST_UPDATED", "LAST_UPDATED"), select=("*", "COMMUNICATIONS", "FILES", "BINDINGS"), selectable=True,
)  # fmt: skip
STATUSES = Entity(
    default=True,
    stream="crm_statuses", scope=_CRM, endpoint=upper("crm.status.list", paging=WHOLE),
    fields_method="crm.status.fields",
    types={
        "ID": "integer", "ENTITY_ID": "string", "STATUS_ID": "string", "SORT": "integer", "NAME": "string",
        "NAME_INIT": "string", "SYSTEM": "char", "CATEGORY_ID": "integer", "COLOR": "string",
        "SEMANTICS": "string", "EXTRA": "object",
    },
    flags=frozenset({"SYSTEM"}),
)  # fmt: skip
CATEGORIES = Entity(
    default=True,
    stream="crm_categories", scope=_CRM,
    endpoint=camel("crm.category.list", "categories", paging=WHOLE),
    fields_method="crm.category.fields", fields_params={"entityTypeId": 2}, key=("entityTypeId", "id"),
    types={"entityTypeId": "integer", "isSystem": "boolean", "code": "string"},
    each=each_type(2, 3, 4, SMART_INVOICE), tolerated=NO_SUCH_TYPE,
)  # fmt: skip
CURRENCIES = Entity(
    default=True,
    stream="currencies", scope=_CRM, endpoint=upper("crm.currency.list", paging=WHOLE, key="CURRENCY"),
    fields_method="crm.currency.fields", types={"LANG": "json"}, flags=frozenset({"BASE"}), key=("CURRENCY",),
)  # fmt: skip
TYPES = Entity(
    default=True,
    stream="crm_types", scope=_CRM,
    endpoint=camel("crm.type.list", "types"),
    fields_method="crm.type.fields", key=("id",),
    types={
        "isPaymentsEnabled": "boolean", "isCountersEnabled": "boolean", "relations": "json",
        "linkedUserFields": "json", "customSections": "json",
    },
)  # fmt: skip
SMART_INVOICES = Entity(
    default=True,
    stream="smart_invoices", scope=_CRM, endpoint=ITEMS, fields_method="crm.item.fields",
    fields_params={"entityTypeId": SMART_INVOICE}, types={"entityTypeId": "integer"}, key=("id",),
    stamp=ITEM_STAMP, select=("*",), selectable=True,
    each=lambda _: [of_type(SMART_INVOICE)],
)  # fmt: skip
SMART_PROCESSES = Entity(
    default=True,
    stream=SMART_PROCESS, members=Members(lambda portal: portal.types, lambda number, _: of_type(number)),
    scope=_CRM, endpoint=ITEMS, fields_method="crm.item.fields",
    types={"entityTypeId": "integer"}, key=("id",), stamp=ITEM_STAMP, select=("*",), selectable=True,
)  # fmt: skip
STAGE_HISTORY = Entity(
    default=True,
    stream="crm_stage_history", scope=_CRM,
    endpoint=upper("crm.stagehistory.list", "items", select="select"),
    types={
        "entityTypeId": "integer", "ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer",
        "CREATED_TIME": "datetime", "CATEGORY_ID": "integer", "STAGE_SEMANTIC_ID": "string", "STAGE_ID": "string",
        "STATUS_SEMANTIC_ID": "string", "STATUS_ID": "string",
    },
    key=("entityTypeId", "ID"), stamp=Stamp("CREATED_TIME", "CREATED_TIME", margin=ZONES),
    each=each_type(1, 2, SMART_INVOICE), tolerated=NO_SUCH_TYPE,
)  # fmt: skip

CRM: Sequence[Entity] = (
    DEALS, LEADS, CONTACTS, COMPANIES, QUOTES, ACTIVITIES, STATUSES, CATEGORIES, CURRENCIES, TYPES, SMART_INVOICES,
    SMART_PROCESSES, STAGE_HISTORY,
)  # fmt: skip
