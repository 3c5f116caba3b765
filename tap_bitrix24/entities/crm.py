"""CRM items, activities, their dictionaries and their history (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.entity import Entity, Select, StreamTemplate, Universal
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.entities.presets import ALL_TIMEZONES, Scope, classic_list, controller_list, unpaged_list
from tap_bitrix24.entities.variants import NO_SUCH_TYPE, entity_type_variant, for_each_entity_type, for_each_value
from tap_bitrix24.model.endpoint import ReplicationKey

_COLUMNS = known_columns("crm")
crm = Scope(("crm",), _COLUMNS)


_ITEM_RENAMES = {
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
}
ITEMS = controller_list("crm.item.list", "items", select_param="select").endpoint
"""The universal list of CRM items, by entityTypeId."""
ITEM_REPLICATION_KEY = ReplicationKey("updatedTime", "updatedTime", timezone_margin=ALL_TIMEZONES)
_WITH_MULTIFIELDS = Select(names=("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM", "LINK"), narrowable=True)
_WITH_USER_FIELDS = Select(names=("*", "UF_*"), narrowable=True)
_ALL_ITEM_COLUMNS = Select(names=("*",), narrowable=True)
_LEAD_RENAMES = {
    **_ITEM_RENAMES,
    "stageId": "STATUS_ID",
    "stageSemanticId": "STATUS_SEMANTIC_ID",
    "stageDescription": "STATUS_DESCRIPTION",
}
_COMPANY_RENAMES = {**_ITEM_RENAMES, "typeId": "COMPANY_TYPE"}
_QUOTE_RENAMES = {**_ITEM_RENAMES, "stageId": "STATUS_ID", "actualDate": "ACTUAL_DATE"}
_HISTORY_REPLICATION_KEY = ReplicationKey("CREATED_TIME", "CREATED_TIME", timezone_margin=ALL_TIMEZONES)
REPEATED_ITEM_KEYS = frozenset(
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
"""Keys of crm.item.list rows that repeat, in another form, other columns of the five classic entities."""


CRM: Sequence[Entity] = (
    crm.default_stream(
        "deals",
        classic_list("crm.deal.list", fields="crm.deal.fields"),
        replication_key="DATE_MODIFY",
        select=_WITH_USER_FIELDS,
        universal=Universal(2, _ITEM_RENAMES),
    ),
    crm.default_stream(
        "leads",
        classic_list("crm.lead.list", fields="crm.lead.fields"),
        replication_key="DATE_MODIFY",
        select=_WITH_MULTIFIELDS,
        universal=Universal(1, _LEAD_RENAMES),
    ),
    crm.default_stream(
        "contacts",
        classic_list("crm.contact.list", fields="crm.contact.fields"),
        replication_key="DATE_MODIFY",
        select=_WITH_MULTIFIELDS,
        universal=Universal(3, _ITEM_RENAMES),
    ),
    crm.default_stream(
        "companies",
        classic_list("crm.company.list", fields="crm.company.fields"),
        replication_key="DATE_MODIFY",
        select=_WITH_MULTIFIELDS,
        universal=Universal(4, _COMPANY_RENAMES),
    ),
    crm.default_stream(
        "quotes",
        classic_list("crm.quote.list", fields="crm.quote.fields"),
        replication_key="DATE_MODIFY",
        select=_WITH_USER_FIELDS,
        universal=Universal(7, _QUOTE_RENAMES),
    ),
    crm.default_stream(
        "crm_activities",
        classic_list("crm.activity.list", fields="crm.activity.fields"),
        replication_key="LAST_UPDATED",
        select=Select(names=("*", "COMMUNICATIONS", "FILES", "BINDINGS"), narrowable=True),
    ),
    crm.default_stream("crm_statuses", unpaged_list("crm.status.list", fields="crm.status.fields")),
    crm.default_stream(
        "crm_categories",
        unpaged_list(
            "crm.category.list", "categories", key="id", fields="crm.category.fields", fields_params={"entityTypeId": 2}
        ),
        primary_key=("entityTypeId", "id"),
        variants=for_each_entity_type(2, 3, 4, SMART_INVOICE),
        ignorable_errors=NO_SUCH_TYPE,
    ),
    crm.default_stream("currencies", unpaged_list("crm.currency.list", key="CURRENCY", fields="crm.currency.fields")),
    crm.default_stream("crm_types", controller_list("crm.type.list", "types", fields="crm.type.fields")),
    crm.default_stream(
        "smart_invoices",
        controller_list(
            "crm.item.list", "items", fields="crm.item.fields", fields_params={"entityTypeId": SMART_INVOICE}
        ),
        replication_key=ITEM_REPLICATION_KEY,
        select=_ALL_ITEM_COLUMNS,
        variants=for_each_value("entityTypeId", SMART_INVOICE, column="entity_type_id"),
    ),
    crm.default_stream(
        SMART_PROCESS,
        controller_list("crm.item.list", "items", fields="crm.item.fields"),
        replication_key=ITEM_REPLICATION_KEY,
        select=_ALL_ITEM_COLUMNS,
        template=StreamTemplate(lambda portal: portal.smart_processes, lambda number, _: entity_type_variant(number)),
    ),
    crm.default_stream(
        "crm_stage_history",
        classic_list("crm.stagehistory.list", "items", select_param="select"),
        primary_key=("entityTypeId", "ID"),
        replication_key=_HISTORY_REPLICATION_KEY,
        variants=for_each_entity_type(1, 2, SMART_INVOICE),
        ignorable_errors=NO_SUCH_TYPE,
    ),
)
