"""The table of the VibeCode door: the same streams, by the lists its entity API has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.pagination import SinglePage, VibecodePages, VibecodeSearch
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.entities.base import (
    Entity,
    Parent,
    StreamTemplate,
    columns,
    entity_type_variant,
    for_each_entity_type,
    static_parents,
)
from tap_bitrix24.entities.catalog import CATALOG
from tap_bitrix24.entities.content import CONTENT
from tap_bitrix24.entities.crm_parts import CRM_PARTS
from tap_bitrix24.entities.owners import SMART_INVOICE, SMART_PROCESS, crm_owners, of_tasks
from tap_bitrix24.entities.people import USERS
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.sale import SALE
from tap_bitrix24.entities.talk import TALK
from tap_bitrix24.entities.work import WORK
from tap_bitrix24.model.endpoint import VIBECODE, Endpoint, Pagination, ReplicationKey

PAGE = 500
"""Rows a search brings: about ten calls of Bitrix24 for the service; ten times as many are allowed, and take long."""
SMALL = 50
"""Rows of a list that shares one batch of Bitrix24's with others."""
MOST = 5_000
"""Rows of a list that can't be searched: beyond half of them the service may fail at any offset."""


def _list(path: str, paging: Pagination, *, key: str = "id", size: int = PAGE, batchable: bool = True) -> Endpoint:
    return Endpoint(
        path,
        paging,
        listed,
        "",
        key,
        key,
        page_size=size,
        supports_chaining=False,
        dialect=VIBECODE,
        batchable=batchable and size != PAGE,
    )


def _searched(
    stream: str,
    entity: str,
    modified: str = "",
    *,
    scope: Sequence[str] = ("crm",),
    fallback: str = "",
    documented: Mapping[str, str] | None = None,
    default: bool = True,
) -> Entity:
    """A list that is read by id, page by page; one that is `documented` has no `/fields`, by the vendor's pages."""
    return Entity(
        stream=stream,
        scope=scope,
        selected_by_default=default,
        endpoint=_list(f"/{entity}/search", VibecodeSearch()),
        fields_method="" if documented else f"/{entity}/fields",
        documented_columns=documented or {},
        primary_key=("id",),
        type_overrides={"id": "integer"},
        replication_key=ReplicationKey(modified, modified, fallback=fallback) if modified else None,
    )


def _person(stream: str) -> Entity:
    """Those who have phones and addresses: as one list, as a text, or as a list each, by the page one believes."""
    known = _searched(stream, stream, "updatedTime", fallback="updatedAt")
    return replace(known, type_overrides={**known.type_overrides, **dict.fromkeys(("fm", "phone", "email"), "any")})


def _small(
    stream: str,
    entity: str,
    kind: str = "integer",
    *,
    scope: Sequence[str] = ("crm",),
    documented: Mapping[str, str] | None = None,
    default: bool = True,
) -> Entity:
    """A dictionary, which shares a request with others; `documented` as above."""
    return Entity(
        stream=stream,
        scope=scope,
        selected_by_default=default,
        endpoint=_list(f"/{entity}", VibecodePages(), size=SMALL),
        fields_method="" if documented else f"/{entity}/fields",
        documented_columns=documented or {},
        primary_key=("id",),
        type_overrides={"id": kind},
    )


def _at_once(stream: str, entity: str, *key: str, default: bool) -> Entity:
    """A list without ids, which can't be searched by them: as many rows in a page as there may be."""
    return Entity(
        stream=stream,
        scope=("crm",),
        selected_by_default=default,
        primary_key=key,
        fields_method=f"/{entity}/fields",
        endpoint=_list(f"/{entity}", VibecodePages(sorted=False), size=MOST, batchable=False),
        type_overrides=dict.fromkeys(key, "integer"),
    )


def _special(
    stream: str,
    path: str,
    documented: Mapping[str, str],
    *,
    key: Sequence[str] = ("id",),
    kind: str = "integer",
    paging: Pagination | None = None,
    **more: Any,
) -> Entity:
    """A path of its own, in no batch; nothing but the documentation describes its rows."""
    endpoint = _list(path, paging or VibecodePages(sorted=False), key=key[-1], size=SMALL, batchable=False)
    return Entity(
        stream=stream,
        endpoint=endpoint,
        documented_columns=documented,
        primary_key=key,
        type_overrides={key[-1]: kind},
        **{"scope": ("crm",), **more},
    )


_BY_REST: Mapping[str, Entity] = {each.stream: each for each in (*CATALOG, *CONTENT, *CRM_PARTS, *SALE, *TALK, *WORK)}


def _as_by_rest(stream: str, *, without: str = "", **declared: str) -> Mapping[str, str]:
    """The columns the same list has through REST: what the service does not declare it hands on as it is.

    Args:
        stream: Its name there.
        without: Columns the service calls otherwise, space-separated.
        declared: As in `columns`, what the service declares.
    """
    known = _BY_REST[stream]
    left_out = {*without.split(), *known.primary_key}
    rest = {name: kind for name, kind in known.documented_columns.items() if name not in left_out}
    return columns(**declared) | rest


_TASK = ("task", "tasks")
_USER = ("user", "user_basic", "user_brief")
SMART = Entity(
    stream=SMART_PROCESS,
    scope=("crm",),
    selected_by_default=True,
    template=StreamTemplate(lambda portal: portal.smart_processes, lambda number, _: entity_type_variant(number)),
    endpoint=_list("/items/{entityTypeId}/search", VibecodeSearch()),
    fields_method="/items/{entityTypeId}/fields",
    primary_key=("id",),
    type_overrides={"entityTypeId": "integer", "id": "integer"},
    replication_key=ReplicationKey("updatedTime", "updatedTime", fallback="updatedAt"),
)
USER_COLUMNS = {name: kind for name, kind in USERS.type_overrides.items() if name != "ID"} | columns(
    boolean="isAdmin", integer_list="departmentId"
)


def _commented(portal: PortalInfo) -> list[Parent]:
    """Items whose timeline can be commented on; smart processes are DYNAMIC_<type> in filters."""
    owners = crm_owners(portal, "deals", "leads", "contacts", "companies")
    kinds = [(stream, word.replace("dynamic_", "DYNAMIC_")) for stream, _, word, _ in owners]
    return [
        Parent(stream=stream, param="filter.entityId", name=kind, fixed_params={"filter.entityType": kind})
        for stream, kind in kinds
    ]


def _staged(_: PortalInfo) -> list[Parent]:
    return [
        Parent(
            stream=stream,
            param="ownerId",
            name=word,
            fixed_params={"entityType": word},
            constants={"entityTypeId": number},
        )
        for stream, word, number in (("leads", "lead", 1), ("deals", "deal", 2))
    ]


def _priced(portal: PortalInfo) -> list[Parent]:
    """Items with product rows; their kind is part of the path."""
    paths = {"deals": "deals", "leads": "leads", "quotes": "quotes", "smart_invoices": "invoices"}
    return [
        Parent(stream=stream, param="id", name=word, fixed_params={"entity": paths.get(stream, f"items/{number}")})
        for stream, number, word, _ in crm_owners(portal, *paths)
    ]


DEAL_CATEGORIES = _small("deal_categories", "deal-categories")
STATUSES = _small("crm_statuses", "statuses")
LISTS: Sequence[Entity] = (
    _searched("deals", "deals", "updatedAt"),
    _searched("quotes", "quotes", "updatedAt"),
    _person("leads"),
    _person("contacts"),
    _person("companies"),
    _searched("smart_invoices", "invoices", "updatedTime", fallback="updatedAt"),
    SMART,
    _searched("crm_activities", "activities", "updatedAt", fallback="createdAt"),
    DEAL_CATEGORIES,
    STATUSES,
    _small("currencies", "currencies", "string"),
    _searched("requisites", "requisites", "updatedAt", fallback="createdAt"),
    _searched("requisite_bank_details", "bank-details"),
    _small("requisite_presets", "requisite-presets", default=False),
    _at_once("crm_addresses", "addresses", "typeId", "entityTypeId", "entityId", default=True),
    _at_once("requisite_links", "requisite-links", "entityTypeId", "entityId", default=False),
    Entity(
        stream="crm_timeline_comments",
        scope=("crm",),
        primary_key=("id",),
        parents=_commented,
        endpoint=_list("/timelines", VibecodePages(sorted=False), size=SMALL),
        fields_method="/timelines/fields",
        type_overrides=columns(integer="id entityId", string="entityType"),
    ),
    _searched("crm_products_old", "products", "updatedAt", default=False),
    _searched("crm_product_sections_old", "product-sections", default=False),
    _searched("tasks", "tasks", "changedDate", scope=_TASK, fallback="createdDate"),
    replace(_searched("users", "users", scope=_USER), documented_columns=USER_COLUMNS),
    _small(
        "departments",
        "departments",
        scope=("department",),
        documented=columns(
            integer="sort parentId headId PARENT UF_HEAD",
            string="name",
        ),
    ),
    _searched(
        "workgroups",
        "workgroups",
        "dateUpdate",
        scope=("sonet_group", "socialnetwork"),
        documented=_as_by_rest(
            "workgroups_classic",
            without="NUMBER_OF_MEMBERS",
            integer="membersCount",
            datetime="dateCreate dateUpdate",
        ),
    ),
    _searched("disk_storages", "storages", scope=("disk",)),
    _searched("products", "catalog-products", "createdAt", scope=("catalog",)),
    _searched(
        "product_sections",
        "catalog-sections",
        scope=("catalog",),
        documented=_as_by_rest(
            "product_sections",
            integer="createdBy modifiedBy",
            datetime="dateCreate",
        ),
    ),
    _searched("product_prices", "catalog-prices", scope=("catalog",), documented=_as_by_rest("product_prices")),
    _searched("orders", "orders", "dateUpdate", scope=("sale",), fallback="dateInsert"),
    _searched(
        "order_basket_items",
        "basket-items",
        "dateUpdate",
        scope=("sale",),
        fallback="dateInsert",
        documented=_as_by_rest("order_basket_items"),
    ),
    _searched("order_payments", "payments", scope=("sale",), documented=_as_by_rest("order_payments")),
    _small("order_statuses", "order-statuses", "string", scope=("sale",), documented=_as_by_rest("order_statuses")),
    _searched(
        "sites",
        "sites",
        scope=("landing",),
        default=False,
        documented=_as_by_rest(
            "sites",
            datetime="dateCreate dateModify",
        ),
    ),
    _searched(
        "site_pages",
        "pages",
        scope=("landing",),
        default=False,
        documented=_as_by_rest(
            "site_pages",
            datetime="dateCreate dateModify",
        ),
    ),
    _searched("document_templates", "doc-templates", "updateTime", scope=("documentgenerator",), default=False),
    _searched("documents", "documents", "updateTime", scope=("documentgenerator",), default=False),
    _searched("bookings", "bookings", scope=("booking",), documented=_as_by_rest("bookings")),
    _small(
        "openlines_configs",
        "openline-configs",
        scope=("imopenlines",),
        default=False,
        documented=_as_by_rest(
            "openlines_configs",
            integer="lineId agentId",
            string="name queueType workTimeFrom workTimeTo",
        ),
    ),
    _small(
        "telephony_external_lines",
        "telephony-lines",
        scope=("telephony",),
        default=False,
        documented=columns(
            string="number serverName name",
        ),
    ),
)
"""Lists of the entity API, of which a key names those it opens. Those with ids that can be searched by come page by
page; dictionaries share a request."""

CATEGORIES = _special(
    "crm_categories",
    "/categories/{entityTypeId}",
    columns(
        integer="entityTypeId sort",
        string="name code",
        boolean="isDefault isSystem",
        datetime="createdDate",
    ),
    key=("entityTypeId", "id"),
    paging=SinglePage(),
    variants=for_each_entity_type(SMART_INVOICE),
)


def _user_fields(name: str, path: str) -> Entity:
    return _special(
        f"{name}_userfields",
        f"/userfields/{path}",
        columns(
            string="entityId fieldName userTypeId xmlId showFilter",
            integer="sort",
            boolean="multiple mandatory showInList editInList isSearchable",
            json="editFormLabel listColumnLabel listFilterLabel errorMessage helpMessage list settings",
        ),
        paging=SinglePage(),
    )


USER_FIELDS: Mapping[str, Entity] = {
    "deals": _user_fields("deal", "deals"),
    "leads": _user_fields("lead", "leads"),
    "contacts": _user_fields("contact", "contacts"),
    "companies": _user_fields("company", "companies"),
    "quotes": _user_fields("quote", "quotes"),
}
"""Stream → what its users have added to it."""
REQUISITE_FIELDS = _user_fields("requisite", "requisites")
SPECIAL: Sequence[Entity] = (
    _special(
        "crm_product_rows",
        "/{entity}/{id}/products",
        columns(
            integer="ownerId productId discountTypeId measureCode sort type storeId",
            string="ownerType productName",
            double="price priceAccount priceExclusive priceNetto priceBrutto quantity discountRate discountSum"
            " discount",
            boolean="taxIncluded customized",
            text="measureName xmlId",
        )
        | columns(double="taxRate"),
        paging=SinglePage(),
        parents=_priced,
    ),
    _special(
        "crm_stage_history",
        "/stage-history",
        columns(
            integer="entityTypeId typeId ownerId categoryId",
            string="stageSemanticId stageId",
            datetime="createdAt",
        ),
        key=("entityTypeId", "id"),
        parents=_staged,
    ),
    _special(
        "task_comments",
        "/tasks/{taskId}/comments",
        _as_by_rest(
            "task_comments",
            without="POST_MESSAGE POST_DATE",
            integer="taskId",
            string="message",
            datetime="createdAt",
        ),
        scope=_TASK,
        parents=of_tasks("taskId", "taskId"),
    ),
    _special(
        "task_elapsed_items",
        "/tasks/{taskId}/time",
        _as_by_rest("task_elapsed_items"),
        scope=_TASK,
        parents=of_tasks("taskId", "taskId"),
    ),
    _special(
        "requisite_preset_fields",
        "/requisite-presets/{presetId}/fields",
        columns(
            integer="presetId sort",
            string="fieldName fieldTitle",
            boolean="inShortList",
        ),
        key=("presetId", "id"),
        parents=static_parents(Parent(stream="requisite_presets", param="presetId", column="presetId", name="preset")),
    ),
    CATEGORIES,
    *USER_FIELDS.values(),
    REQUISITE_FIELDS,
    _special("stores", "/warehouses", _as_by_rest("stores"), scope=("catalog",), selected_by_default=True),
    _special(
        "feed_posts", "/posts", {**_as_by_rest("feed_posts"), "POST_TITLE": "string"}, scope=("log",), key=("ID",)
    ),
    _special(
        "bizproc_workflow_instances",
        "/workflows",
        {**_as_by_rest("bizproc_workflow_instances"), "DOCUMENT_ID": "any"},
        scope=("bizproc",),
        key=("ID",),
        kind="string",
    ),
)
"""Lists on paths of their own, most of them one for each owner: a request each, four in a second."""
VIBE: Sequence[Entity] = (*LISTS, *SPECIAL)
BY_STREAM: Mapping[str, Entity] = {each.stream: each for each in VIBE}
UNREAD = frozenset(
    {
        "smart-processes",
        "task-comments",
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
"""Lists the key names that are read on a path of their own, or not (NOT_LISTED)."""


def unforeseen(name: str) -> Entity:
    """A list the key names and this table does not: described by its own `/fields`, read whole, by id."""
    return _searched(name.replace("-", "_"), name, scope=(), default=False)


DIFFERENCES: Sequence[tuple[str, str, str, str]] = (
    ("deals, leads, quotes", "`opportunity`, `currency_id`", "`amount`, `currency`", "the same values"),
    ("deals, quotes", "`date_create`, `date_modify`", "`created_at`, `updated_at`", "the same moments"),
    (
        "leads, contacts, companies",
        "`date_create`, `date_modify`",
        "`created_time`, `updated_time`",
        "the same moments",
    ),
    ("crm_activities", "`created`, `last_updated`", "`created_at`, `updated_at`", "the same moments"),
    ("requisites", "`date_create`, `date_modify`", "`created_at`, `updated_at`", "the same moments"),
    ("products", "`timestamp_x`", "`created_at`", "a date of change, whatever its name says"),
    ("deals, quotes", "`closedate`, `is_return_customer`", "`closed_at`, `is_returning`", "`closed_at` is a date-time"),
    ("CRM", "`created_by_id`, `modify_by_id`", "`created_by`, `updated_by`", "the same values"),
    ("contacts, companies", "`phone`, `email`, `web` …", "`fm`", "all of them in one list"),
    ("currencies", "`currency`", "`id`", "the same codes"),
    ("users", "`uf_department`", "`department_id`", "the same ids"),
    ("departments", "`parent`, `uf_head`", "`parent_id`, `head_id`", "the same ids"),
    ("task_comments", "`post_message`, `post_date`", "`message`, `created_at`", "the same values"),
    (
        "workgroups",
        "`number_of_members`",
        "`members_count`",
        "rows of `workgroups_classic`; archived groups are missing",
    ),
    ("all", "Y/N flags", "true, false", "booleans through both doors"),
)
"""Streams, columns through the REST doors, columns here, and what of the values."""

NOT_LISTED: Mapping[str, str] = {
    "calendar_events": "one event by its id; its page has no list",
    "calls": "the service does not say how the pages of its statistics are turned",
    "disk_storage_children, disk_folder_children": "one folder at a time; how folders are asked for is not documented",
    "archived workgroups": "their list leaves them out",
    "list_elements": "the service describes their fields, and has no rows",
    "chats, messages": "the latest only, and those of the key's owner",
    "bizproc_workflow_templates": "for applications that a user has signed in to",
    "bizproc activities and robots": "codes the calling application has registered",
    "open line sessions, landing blocks, BI connector, REST 3.0": "the service has no such lists",
}
"""What this door does not read, and why."""
