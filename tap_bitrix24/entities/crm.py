"""CRM items, activities, their dictionaries and their history (scope crm)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tap_bitrix24.entities.entity import Entity, Select, StreamTemplate, Universal
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.entities.presets import ALL_TIMEZONES, ListMethods, Scope, classic_list, controller_list, unpaged_list
from tap_bitrix24.entities.variants import entity_type_variant, for_each_entity_type, for_each_value
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
SMART_PROCESS_TEMPLATE = StreamTemplate(
    lambda portal: portal.smart_processes, lambda number, _: entity_type_variant(number)
)
_MULTIFIELDS = Select(names=("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM", "LINK"), narrowable=True)
_USER_FIELDS = Select(names=("*", "UF_*"), narrowable=True)
_ALL_ITEM_COLUMNS = Select(names=("*",), narrowable=True)
_LEAD_RENAMES = {
    "stageId": "STATUS_ID",
    "stageSemanticId": "STATUS_SEMANTIC_ID",
    "stageDescription": "STATUS_DESCRIPTION",
}
_COMPANY_RENAMES = {"typeId": "COMPANY_TYPE"}
_QUOTE_RENAMES = {"stageId": "STATUS_ID", "actualDate": "ACTUAL_DATE"}
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


def _items(
    stream: str, entity_type_id: int, methods: ListMethods, select: Select, renames: Mapping[str, str] | None = None
) -> Entity:
    """CRM items that a classic method lists and the universal one, too, under other names."""
    universal = Universal(entity_type_id, {**_ITEM_RENAMES, **(renames or {})})
    return crm.default_stream(stream, methods, replication_key="DATE_MODIFY", select=select, universal=universal)


CRM: Sequence[Entity] = (
    _items("deals", 2, classic_list("crm.deal.list", fields="crm.deal.fields"), _USER_FIELDS),
    _items("leads", 1, classic_list("crm.lead.list", fields="crm.lead.fields"), _MULTIFIELDS, _LEAD_RENAMES),
    _items("contacts", 3, classic_list("crm.contact.list", fields="crm.contact.fields"), _MULTIFIELDS),
    _items(
        "companies", 4, classic_list("crm.company.list", fields="crm.company.fields"), _MULTIFIELDS, _COMPANY_RENAMES
    ),
    _items("quotes", 7, classic_list("crm.quote.list", fields="crm.quote.fields"), _USER_FIELDS, _QUOTE_RENAMES),
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
        template=SMART_PROCESS_TEMPLATE,
    ),
    crm.default_stream(
        "crm_stage_history",
        controller_list("crm.stagehistory.list", "items", key="ID", select_param="select"),
        primary_key=("entityTypeId", "ID"),
        replication_key=_HISTORY_REPLICATION_KEY,
        variants=for_each_entity_type(1, 2, SMART_INVOICE),
    ),
)
