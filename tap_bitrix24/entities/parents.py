"""Parents of lists that exist once per row of another list, and how their rows tell about their children."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tap_bitrix24.dialects.response_shapes import without_gaps
from tap_bitrix24.entities.entity import Parent
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.variants import for_each_date_range
from tap_bitrix24.model.endpoint import Row

SMART_PROCESS = "smart_process_"
"""Prefix of the streams of smart processes: `smart_process_<entityTypeId>`."""
LIST_ELEMENTS = "list_elements_"
"""Prefix of the streams of universal lists: `list_elements_<iblockId>`."""
SMART_INVOICE = 31
"""entityTypeId of smart invoices."""


class CrmItems(NamedTuple):
    """CRM items of one kind."""

    stream: str
    entity_type_id: int
    word: str
    """Their kind in filters of classic methods."""
    code: str
    """Their kind in filters of product rows."""


CRM_ITEMS: Mapping[str, CrmItems] = {
    items.stream: items
    for items in (
        CrmItems("leads", 1, "lead", "L"),
        CrmItems("deals", 2, "deal", "D"),
        CrmItems("contacts", 3, "contact", "C"),
        CrmItems("companies", 4, "company", "CO"),
        CrmItems("quotes", 7, "quote", "Q"),
        CrmItems("smart_invoices", SMART_INVOICE, "smart_invoice", "SI"),
    )
}
"""Stream → its items, without those of smart processes."""


def crm_items(portal: PortalInfo, *streams: str) -> list[CrmItems]:
    """Return the items of these streams, then those of all smart processes."""
    smart_processes = [
        CrmItems(f"{SMART_PROCESS}{number}", number, f"dynamic_{number}", f"T{number:x}")
        for number in portal.smart_processes
    ]
    return [*(CRM_ITEMS[stream] for stream in streams), *smart_processes]


def timeline_items(portal: PortalInfo) -> list[Parent]:
    """Items whose timeline can be commented on; filters name their kind by its word."""
    return [
        Parent(items.stream, "filter.ENTITY_ID", name=items.word, fixed_params={"filter.ENTITY_TYPE": items.word})
        for items in crm_items(portal, "deals", "leads", "contacts", "companies", "quotes")
    ]


def all_items(portal: PortalInfo) -> list[Parent]:
    """Items of all kinds, named by entityTypeId and entityId."""
    return [_by_entity_type(items) for items in crm_items(portal, *CRM_ITEMS)]


def payable_items(portal: PortalInfo) -> list[Parent]:
    """Items that can have payments and deliveries."""
    return [_by_entity_type(items) for items in crm_items(portal, "deals", "smart_invoices")]


def _by_entity_type(items: CrmItems) -> Parent:
    fixed = {"entityTypeId": items.entity_type_id}
    return Parent(items.stream, "entityId", column="entityId", name=items.word, fixed_params=fixed, constants=fixed)


def items_with_products(portal: PortalInfo) -> list[Parent]:
    """Items that can have product rows; `=ownerId` takes many ids, `=ownerType` the code of one kind."""
    return [
        Parent(
            items.stream,
            "filter.=ownerId",
            name=items.word,
            fixed_params={"filter.=ownerType": items.code},
            group_size=50,
            owner_key="ownerId",
        )
        for items in crm_items(portal, "deals", "leads", "quotes", "smart_invoices")
        if items.entity_type_id not in portal.without_products
    ]


OF_PAYMENTS = Parent("order_payments", "paymentId", fixed_params={"filter.>id": 0})
"""Payments; their methods refuse a request without `filter`, and an empty one is lost in a batch's query string."""
ITEMS_WITH_CHATS: Sequence[Parent] = [
    Parent(
        items.stream,
        "CRM_ENTITY",
        column="CRM_ENTITY",
        name=items.word,
        constants={"CRM_ENTITY_TYPE": items.word},
        fixed_params={"CRM_ENTITY_TYPE": items.word, "ACTIVE_ONLY": "N"},
    )
    for items in CRM_ITEMS.values()
    if items.stream in ("leads", "deals", "contacts", "companies")
]
"""Items that chats of open lines belong to."""
OPEN_LINE_SESSIONS = Parent(
    "crm_activities",
    "SESSION_ID",
    value_key="ASSOCIATED_ENTITY_ID",
    column="sessionId",
    name="session",
    parent_filter={"PROVIDER_ID": "IMOPENLINES_SESSION"},
)
"""Sessions of open lines, which no method lists: each has a CRM activity that names it."""


def of_tasks(param: str, column: str = "") -> Parent:
    """Tasks; `param` takes a task's id, `column` keeps it."""
    return Parent("tasks", param, column=column, name="task")


def embedded_clients(parent: str, child: str) -> Callable[[Row], list[Row] | None]:
    """Return a function that reads an item's clients from its own row, where the universal method gives them.

    The row has `contactIds` and the primary `contactId`, but neither the clients' order nor their roles.

    Args:
        parent: Portal name of the column that keeps the item's id.
        child: `contact` or `company`.
    """
    primary, column = f"{child}Id", f"{child.upper()}_ID"

    def embedded(row: Row) -> list[Row] | None:
        clients = _client_ids(row, child)
        if clients is None:
            return None
        first = str(row.get(primary))
        return [
            {parent: row["id"], column: client, "IS_PRIMARY": "Y" if str(client) == first else "N"}
            for client in clients
        ]

    return embedded


def contradicts_its_clients(child: str) -> Callable[[Row], bool]:
    """Return a function that says whether a row's primary client is missing from the clients it lists.

    Args:
        child: `contact` or `company`.
    """

    def contradicts(row: Row) -> bool:
        clients, primary = _client_ids(row, child), row.get(f"{child}Id")
        return (
            clients is not None and primary not in (None, "", 0, "0", False) and str(primary) not in map(str, clients)
        )

    return contradicts


def _client_ids(row: Row, child: str) -> list[Any] | None:
    """Return the ids of a row's clients; None if it does not list them."""
    ids = without_gaps(row.get(f"{child}Ids"))
    if isinstance(ids, list):
        return ids
    return [] if f"{child}Ids" in row else None


CALENDARS_BY_DATE: Sequence[Parent] = (
    Parent("users", "ownerId", name="user", variants=for_each_date_range("from", "to", type="user")),
    Parent("workgroups", "ownerId", name="group", variants=for_each_date_range("from", "to", type="group")),
)
"""Calendars of users and of workgroups, by date range: without one the portal gives three months."""
CALENDARS: Sequence[Parent] = (
    Parent("users", "ownerId", name="user", fixed_params={"type": "user"}),
    Parent("workgroups", "ownerId", name="group", fixed_params={"type": "group"}),
)
"""Calendars of users and of workgroups."""


def is_folder(row: Row) -> bool:
    """Whether a disk object can have children."""
    return row.get("TYPE") == "folder"


def is_file(row: Row) -> bool:
    """Whether a disk object has versions."""
    return row.get("TYPE") == "file"


def folder_id(row: Row) -> Any:
    """The id of a folder among the children of a folder, or None."""
    return row.get("ID") if is_folder(row) else None


def is_scrum(row: Row) -> bool:
    """Whether a workgroup is a scrum team."""
    return row.get("type") == "scrum"


def in_group(row: Row) -> bool:
    """Whether a task belongs to a workgroup, and so may belong to a scrum team."""
    return row.get("groupId") not in (None, "", "0", 0)


def is_group_chat(row: Row) -> bool:
    """Whether a dialog is a chat of several users."""
    return str(row.get("id", "")).startswith("chat")
