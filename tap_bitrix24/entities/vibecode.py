"""The table of VibeCode: the same streams, by the lists of its entity API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from tap_bitrix24.dialects.pagination import VibecodePages, VibecodeSearch
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.entities.catalog import CATALOG
from tap_bitrix24.entities.communication import COMMUNICATION
from tap_bitrix24.entities.content import CONTENT
from tap_bitrix24.entities.crm import CRM, SMART_PROCESS_TEMPLATE
from tap_bitrix24.entities.crm_parts import CRM_PARTS
from tap_bitrix24.entities.entity import Entity, Parent
from tap_bitrix24.entities.known_columns import KnownColumns, known_columns
from tap_bitrix24.entities.parents import SMART_INVOICE, SMART_PROCESS, crm_items, of_tasks
from tap_bitrix24.entities.people import PEOPLE
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.presets import SINGLE_PAGE, ListFacts, ListMethods, Scope, list_methods
from tap_bitrix24.entities.sale import SALE
from tap_bitrix24.entities.variants import for_each_entity_type
from tap_bitrix24.entities.work import WORK
from tap_bitrix24.model.endpoint import VIBECODE, Endpoint, Pagination, ReplicationKey
from tap_bitrix24.schema.naming import column_name

SEARCH_PAGE = 500
"""Rows of a page of a search: about ten calls of Bitrix24 for the service; ten times as many are allowed, but slow."""
SMALL_PAGE = 50
"""Rows of a page of a list that shares one batch of Bitrix24's with others."""
LARGEST_PAGE = 5_000
"""Rows of a page of a list that can't be searched: beyond half of them the service may fail at any offset."""


def _list(path: str, paging: Pagination, key: str, page_size: int, *, batchable: bool, facts: ListFacts) -> ListMethods:
    endpoint = Endpoint(
        path,
        paging,
        listed,
        "",
        key,
        key,
        page_size=page_size,
        supports_chaining=False,
        dialect=VIBECODE,
        batchable=batchable,
    )
    return list_methods(endpoint, facts)


def searchable_list(entity: str, *, described: bool = True) -> ListMethods:
    """A list that is read by id, page by page; `described` by its `/fields`."""
    facts: ListFacts = {"fields": f"/{entity}/fields"} if described else {}
    return _list(f"/{entity}/search", VibecodeSearch(), "id", SEARCH_PAGE, batchable=False, facts=facts)


def dictionary(entity: str, *, described: bool = True, ordered: bool = True) -> ListMethods:
    """A dictionary, which shares a request with others; `described` by its `/fields`."""
    facts: ListFacts = {"fields": f"/{entity}/fields"} if described else {}
    return _list(f"/{entity}", VibecodePages(sorted=ordered), "id", SMALL_PAGE, batchable=True, facts=facts)


def unsearchable_list(entity: str) -> ListMethods:
    """A list without ids, so that it cannot be searched by them: pages as large as they may be."""
    facts: ListFacts = {"fields": f"/{entity}/fields"}
    return _list(f"/{entity}", VibecodePages(sorted=False), "id", LARGEST_PAGE, batchable=False, facts=facts)


def nested_list(path: str, *, key: str = "id", **facts: Unpack[ListFacts]) -> ListMethods:
    """A list on a path of its own, which no batch takes and no `/fields` describes."""
    return _list(path, VibecodePages(sorted=False), key, SMALL_PAGE, batchable=False, facts=facts)


_COLUMNS = known_columns("vibecode")
_BY_REST: Mapping[str, Entity] = {
    entity.stream: entity for entity in (*CATALOG, *CONTENT, *CRM_PARTS, *SALE, *COMMUNICATION, *WORK)
}
_YES_NO = frozenset(column_name(name) for entity in (*CRM, *CRM_PARTS, *WORK) for name in entity.columns.yes_no)
"""Flags of the same lists by REST; here they come as true and false, and are described as `char` all the same."""
ID_IS_INTEGER = KnownColumns(overrides={"id": "integer"}, yes_no=_YES_NO)
ID_IS_STRING = KnownColumns(overrides={"id": "string"}, yes_no=_YES_NO)
PERSON = KnownColumns(overrides={"id": "integer", "fm": "any", "phone": "any", "email": "any"}, yes_no=_YES_NO)
"""Phones and addresses come as one list, as a text, or as a list each: pages of the documentation differ."""


def _documented(stream: str, columns: Mapping[str, str] | None = None) -> KnownColumns:
    """Return the stream's columns in the data file, then these; its id is an integer."""
    known = _COLUMNS[stream].documented if stream in _COLUMNS else {}
    return KnownColumns(documented={**known, **(columns or {})}, overrides={"id": "integer"})


def _as_by_rest(stream: str, rest_stream: str = "", *, without: Sequence[str] = ()) -> KnownColumns:
    """Return the stream's columns in the data file, then those of the same list by REST, which the service passes on.

    Args:
        stream: The stream's name.
        rest_stream: Its name by REST, if it differs.
        without: Columns by REST that have another name here.
    """
    entity = _BY_REST[rest_stream or stream]
    renamed = {*without, *entity.primary_key}
    rest = {name: type_ for name, type_ in entity.columns.documented.items() if name not in renamed}
    return _documented(stream, rest)


crm = Scope(("crm",), {})
task = Scope(("task", "tasks"), {})
user = Scope(("user", "user_basic", "user_brief"), {})
department = Scope(("department",), {})
workgroup = Scope(("sonet_group", "socialnetwork"), {})
disk = Scope(("disk",), {})
catalog = Scope(("catalog",), {})
sale = Scope(("sale",), {})
landing = Scope(("landing",), {})
documentgenerator = Scope(("documentgenerator",), {})
booking = Scope(("booking",), {})
imopenlines = Scope(("imopenlines",), {})
telephony = Scope(("telephony",), {})
log = Scope(("log",), {})
bizproc = Scope(("bizproc",), {})

_UPDATED_TIME = ReplicationKey("updatedTime", "updatedTime", fallback="updatedAt")
_UPDATED_AT = ReplicationKey("updatedAt", "updatedAt", fallback="createdAt")
_CHANGED_DATE = ReplicationKey("changedDate", "changedDate", fallback="createdDate")
_DATE_UPDATE = ReplicationKey("dateUpdate", "dateUpdate", fallback="dateInsert")
_USER_COLUMNS = {name: type_ for name, type_ in PEOPLE[0].columns.overrides.items() if name != "ID"} | {
    "isAdmin": "boolean",
    "departmentId": "integer[]",
}


def _items_with_comments(portal: PortalInfo) -> list[Parent]:
    """Items whose timeline can be commented on; smart processes are DYNAMIC_<type> in filters."""
    items = crm_items(portal, "deals", "leads", "contacts", "companies")
    kinds = [(each.stream, each.word.replace("dynamic_", "DYNAMIC_")) for each in items]
    return [
        Parent(stream, "filter.entityId", name=kind, fixed_params={"filter.entityType": kind}) for stream, kind in kinds
    ]


_ITEMS_WITH_STAGES: Sequence[Parent] = [
    Parent(stream, "ownerId", name=word, fixed_params={"entityType": word}, constants={"entityTypeId": number})
    for stream, word, number in (("leads", "lead", 1), ("deals", "deal", 2))
]


def _items_with_products(portal: PortalInfo) -> list[Parent]:
    """Items with product rows; their kind is part of the path."""
    paths = {"deals": "deals", "leads": "leads", "quotes": "quotes", "smart_invoices": "invoices"}
    return [
        Parent(
            items.stream,
            "id",
            name=items.word,
            fixed_params={"entity": paths.get(items.stream, f"items/{items.entity_type_id}")},
        )
        for items in crm_items(portal, *paths)
    ]


_POSTS = _as_by_rest("feed_posts")
_POST_COLUMNS = KnownColumns(documented={**_POSTS.documented, "POST_TITLE": "string"}, overrides={"ID": "integer"})
_WORKFLOWS = _as_by_rest("bizproc_workflow_instances")
_WORKFLOW_COLUMNS = KnownColumns(documented={**_WORKFLOWS.documented, "DOCUMENT_ID": "any"}, overrides={"ID": "string"})

VIBECODE_SMART_PROCESSES = crm.default_stream(
    SMART_PROCESS,
    nested_list(
        "/items/{entityTypeId}/search",
        paging=VibecodeSearch(),
        page_size=SEARCH_PAGE,
        fields="/items/{entityTypeId}/fields",
    ),
    columns=KnownColumns(overrides={"entityTypeId": "integer", "id": "integer"}),
    replication_key=_UPDATED_TIME,
    template=SMART_PROCESS_TEMPLATE,
)
DEAL_CATEGORIES = crm.default_stream("deal_categories", dictionary("deal-categories"), columns=ID_IS_INTEGER)
VIBECODE_STATUSES = crm.default_stream("crm_statuses", dictionary("statuses"), columns=ID_IS_INTEGER)
VIBECODE_LISTS: Sequence[Entity] = (
    crm.default_stream("deals", searchable_list("deals"), columns=ID_IS_INTEGER, replication_key="updatedAt"),
    crm.default_stream("quotes", searchable_list("quotes"), columns=ID_IS_INTEGER, replication_key="updatedAt"),
    crm.default_stream("leads", searchable_list("leads"), columns=PERSON, replication_key=_UPDATED_TIME),
    crm.default_stream("contacts", searchable_list("contacts"), columns=PERSON, replication_key=_UPDATED_TIME),
    crm.default_stream("companies", searchable_list("companies"), columns=PERSON, replication_key=_UPDATED_TIME),
    crm.default_stream(
        "smart_invoices", searchable_list("invoices"), columns=ID_IS_INTEGER, replication_key=_UPDATED_TIME
    ),
    VIBECODE_SMART_PROCESSES,
    crm.default_stream(
        "crm_activities", searchable_list("activities"), columns=ID_IS_INTEGER, replication_key=_UPDATED_AT
    ),
    DEAL_CATEGORIES,
    VIBECODE_STATUSES,
    crm.default_stream("currencies", dictionary("currencies"), columns=ID_IS_STRING),
    crm.default_stream("requisites", searchable_list("requisites"), columns=ID_IS_INTEGER, replication_key=_UPDATED_AT),
    crm.default_stream("requisite_bank_details", searchable_list("bank-details"), columns=ID_IS_INTEGER),
    crm.stream("requisite_presets", dictionary("requisite-presets"), columns=ID_IS_INTEGER),
    crm.default_stream(
        "crm_addresses",
        unsearchable_list("addresses"),
        primary_key=("typeId", "entityTypeId", "entityId"),
        columns=KnownColumns(overrides={"typeId": "integer", "entityTypeId": "integer", "entityId": "integer"}),
    ),
    crm.stream(
        "requisite_links",
        unsearchable_list("requisite-links"),
        primary_key=("entityTypeId", "entityId"),
        columns=KnownColumns(overrides={"entityTypeId": "integer", "entityId": "integer"}),
    ),
    crm.stream(
        "crm_timeline_comments",
        dictionary("timelines", ordered=False),
        columns=KnownColumns(overrides={"id": "integer", "entityId": "integer", "entityType": "string"}),
        parents=_items_with_comments,
    ),
    crm.stream("crm_products_old", searchable_list("products"), columns=ID_IS_INTEGER, replication_key="updatedAt"),
    crm.stream("crm_product_sections_old", searchable_list("product-sections"), columns=ID_IS_INTEGER),
    task.default_stream("tasks", searchable_list("tasks"), columns=ID_IS_INTEGER, replication_key=_CHANGED_DATE),
    user.default_stream("users", searchable_list("users"), columns=_documented("users", _USER_COLUMNS)),
    department.default_stream(
        "departments", dictionary("departments", described=False), columns=_documented("departments")
    ),
    workgroup.default_stream(
        "workgroups",
        searchable_list("workgroups", described=False),
        columns=_as_by_rest("workgroups", "workgroups_classic", without=("NUMBER_OF_MEMBERS",)),
        replication_key="dateUpdate",
    ),
    disk.default_stream("disk_storages", searchable_list("storages"), columns=ID_IS_INTEGER),
    catalog.default_stream(
        "products", searchable_list("catalog-products"), columns=ID_IS_INTEGER, replication_key="createdAt"
    ),
    catalog.default_stream(
        "product_sections",
        searchable_list("catalog-sections", described=False),
        columns=_as_by_rest("product_sections"),
    ),
    catalog.default_stream(
        "product_prices", searchable_list("catalog-prices", described=False), columns=_as_by_rest("product_prices")
    ),
    sale.default_stream("orders", searchable_list("orders"), columns=ID_IS_INTEGER, replication_key=_DATE_UPDATE),
    sale.default_stream(
        "order_basket_items",
        searchable_list("basket-items", described=False),
        columns=_as_by_rest("order_basket_items"),
        replication_key=_DATE_UPDATE,
    ),
    sale.default_stream(
        "order_payments", searchable_list("payments", described=False), columns=_as_by_rest("order_payments")
    ),
    sale.default_stream(
        "order_statuses",
        dictionary("order-statuses", described=False),
        columns=replace(_as_by_rest("order_statuses"), overrides={"id": "string"}),
    ),
    landing.stream("sites", searchable_list("sites", described=False), columns=_as_by_rest("sites")),
    landing.stream("site_pages", searchable_list("pages", described=False), columns=_as_by_rest("site_pages")),
    documentgenerator.stream(
        "document_templates", searchable_list("doc-templates"), columns=ID_IS_INTEGER, replication_key="updateTime"
    ),
    documentgenerator.stream(
        "documents", searchable_list("documents"), columns=ID_IS_INTEGER, replication_key="updateTime"
    ),
    booking.default_stream("bookings", searchable_list("bookings", described=False), columns=_as_by_rest("bookings")),
    imopenlines.stream(
        "openlines_configs", dictionary("openline-configs", described=False), columns=_as_by_rest("openlines_configs")
    ),
    telephony.stream(
        "telephony_external_lines",
        dictionary("telephony-lines", described=False),
        columns=_documented("telephony_external_lines"),
    ),
)
"""Lists of the entity API; a key says which of them it opens. Those with ids to search by come page by page;
dictionaries share a request."""

VIBECODE_CATEGORIES = crm.stream(
    "crm_categories",
    nested_list("/categories/{entityTypeId}", paging=SINGLE_PAGE),
    primary_key=("entityTypeId", "id"),
    columns=_documented("crm_categories"),
    variants=for_each_entity_type(SMART_INVOICE),
)


def _user_fields(name: str, path: str) -> Entity:
    methods = nested_list(f"/userfields/{path}", paging=SINGLE_PAGE)
    return crm.stream(f"{name}_userfields", methods, columns=_documented("userfields"))


USER_FIELDS: Mapping[str, Entity] = {
    "deals": _user_fields("deal", "deals"),
    "leads": _user_fields("lead", "leads"),
    "contacts": _user_fields("contact", "contacts"),
    "companies": _user_fields("company", "companies"),
    "quotes": _user_fields("quote", "quotes"),
}
"""Stream → the list of its user fields."""
REQUISITE_FIELDS = _user_fields("requisite", "requisites")
NESTED: Sequence[Entity] = (
    crm.stream(
        "crm_product_rows",
        nested_list("/{entity}/{id}/products", paging=SINGLE_PAGE),
        columns=_documented("crm_product_rows", {"taxRate": "double"}),
        parents=_items_with_products,
    ),
    crm.stream(
        "crm_stage_history",
        nested_list("/stage-history"),
        primary_key=("entityTypeId", "id"),
        columns=_documented("crm_stage_history"),
        parents=_ITEMS_WITH_STAGES,
    ),
    task.stream(
        "task_comments",
        nested_list("/tasks/{taskId}/comments"),
        columns=_as_by_rest("task_comments", without=("POST_MESSAGE", "POST_DATE")),
        parents=of_tasks("taskId", "taskId"),
    ),
    task.stream(
        "task_elapsed_items",
        nested_list("/tasks/{taskId}/time"),
        columns=_as_by_rest("task_elapsed_items"),
        parents=of_tasks("taskId", "taskId"),
    ),
    crm.stream(
        "requisite_preset_fields",
        nested_list("/requisite-presets/{presetId}/fields"),
        primary_key=("presetId", "id"),
        columns=_documented("requisite_preset_fields"),
        parents=Parent("requisite_presets", "presetId", column="presetId", name="preset"),
    ),
    VIBECODE_CATEGORIES,
    *USER_FIELDS.values(),
    REQUISITE_FIELDS,
    catalog.default_stream("stores", nested_list("/warehouses"), columns=_as_by_rest("stores")),
    log.stream("feed_posts", nested_list("/posts", key="ID"), columns=_POST_COLUMNS),
    bizproc.stream("bizproc_workflow_instances", nested_list("/workflows", key="ID"), columns=_WORKFLOW_COLUMNS),
)
"""Lists on paths of their own, most of them one per owner: a request each, four in a second."""
VIBECODE_ENTITIES: Sequence[Entity] = (*VIBECODE_LISTS, *NESTED)
VIBECODE_BY_STREAM: Mapping[str, Entity] = {entity.stream: entity for entity in VIBECODE_ENTITIES}
READ_OTHERWISE = frozenset(
    {
        "calls",
        "calls-statistics",
        "product-rows",
        "smart-processes",
        "task-comments",
        "task-time",
        "timeline-logs",
        "requisite-preset-fields",
        "calendar-events",
        "files",
        "folders",
        "list-elements",
        "bizproc-templates",
        "bizproc-activities",
        "bizproc-robots",
    }
)
"""Lists a key may open that are read on a path of their own, or not at all (NOT_LISTED)."""


def unlisted_entity(name: str) -> Entity:
    """Return a row for a list that a key opens and this table lacks: described by its `/fields`, read whole, by id."""
    return Scope((), {}).stream(name.replace("-", "_"), searchable_list(name), columns=ID_IS_INTEGER)
