"""Whose children a list holds, where several kinds of parents have them; and rows that hold children themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tap_bitrix24.entities.base import Parent, date_ranges, for_each_date_range
from tap_bitrix24.entities.portal_info import ListVariant, PortalInfo
from tap_bitrix24.model.endpoint import Row

SMART_PROCESS = "smart_process_"
"""Prefix of the streams of smart processes: `smart_process_<entityTypeId>`."""
LIST_ELEMENTS = "list_elements_"
"""Prefix of the streams of universal lists: `list_elements_<iblockId>`."""
SMART_INVOICE = 31
CRM_OWNERS: Mapping[str, tuple[int, str, str]] = {
    "leads": (1, "lead", "L"),
    "deals": (2, "deal", "D"),
    "contacts": (3, "contact", "C"),
    "companies": (4, "company", "CO"),
    "quotes": (7, "quote", "Q"),
    "smart_invoices": (SMART_INVOICE, "smart_invoice", "SI"),
}
"""Stream → entityTypeId, the word for it, its short code."""


def crm_owners(portal: PortalInfo, *streams: str) -> list[tuple[str, int, str, str]]:
    """Stream, entityTypeId, word and short code of these and of all smart processes."""
    known = [(stream, *CRM_OWNERS[stream]) for stream in streams]
    smart = [
        (f"{SMART_PROCESS}{number}", number, f"dynamic_{number}", f"T{number:x}") for number in portal.smart_processes
    ]
    return known + smart


def timeline_owners(portal: PortalInfo) -> list[Parent]:
    """Items whose timeline can be commented on; their kind is a word in the filter."""
    return [
        Parent(stream=stream, param="filter.ENTITY_ID", name=word, fixed_params={"filter.ENTITY_TYPE": word})
        for stream, _, word, _ in crm_owners(portal, "deals", "leads", "contacts", "companies", "quotes")
    ]


def item_owners(portal: PortalInfo) -> list[Parent]:
    """Items of any kind, named by entityTypeId and entityId."""
    return [_item(stream, number, word) for stream, number, word, _ in crm_owners(portal, *CRM_OWNERS)]


def payment_owners(portal: PortalInfo) -> list[Parent]:
    """Items that can have payments and deliveries."""
    return [_item(stream, number, word) for stream, number, word, _ in crm_owners(portal, "deals", "smart_invoices")]


def _item(stream: str, number: int, word: str) -> Parent:
    fixed = {"entityTypeId": number}
    return Parent(stream=stream, param="entityId", column="entityId", name=word, fixed_params=fixed, constants=fixed)


def product_row_owners(portal: PortalInfo) -> list[Parent]:
    """Items that can have product rows; `=ownerId` takes many ids, `=ownerType` the short code of their kind."""
    return [
        Parent(
            stream=stream,
            param="filter.=ownerId",
            name=word,
            fixed_params={"filter.=ownerType": code},
            group_size=50,
            owner_key="ownerId",
        )
        for stream, _, word, code in crm_owners(portal, "deals", "leads", "quotes", "smart_invoices")
    ]


def chat_owners(_: PortalInfo) -> list[Parent]:
    """Items that open-line chats belong to."""
    return [
        Parent(
            stream=stream,
            param="CRM_ENTITY",
            column="CRM_ENTITY",
            name=word,
            constants={"CRM_ENTITY_TYPE": word},
            fixed_params={"CRM_ENTITY_TYPE": word, "ACTIVE_ONLY": "N"},
        )
        for stream, (_, word, _) in CRM_OWNERS.items()
        if stream in ("leads", "deals", "contacts", "companies")
    ]


OPEN_LINE_SESSIONS = Parent(
    stream="crm_activities",
    param="SESSION_ID",
    value_key="ASSOCIATED_ENTITY_ID",
    column="sessionId",
    name="session",
    parent_filter={"PROVIDER_ID": "IMOPENLINES_SESSION"},
)
"""Sessions of open lines have no list; the activity of each names it."""


def of_tasks(param: str, column: str = "") -> Callable[[PortalInfo], Sequence[Parent]]:
    """Children of tasks."""
    parent = Parent(stream="tasks", param=param, column=column, name="task")
    return lambda _: (parent,)


def linked(parent: str, child: str) -> Callable[[Row], list[Row] | None]:
    """Links that a universal item tells itself: `contactIds` and the primary `contactId`; no order, no role.

    Args:
        parent: Portal name of the column that keeps the item's id.
        child: `contact` or `company`.
    """
    ids, first, column = f"{child}Ids", f"{child}Id", f"{child.upper()}_ID"

    def told(row: Row) -> list[Row] | None:
        found = row.get(ids)
        if not isinstance(found, list):
            return None if ids not in row else []
        return [
            {parent: row["id"], column: number, "IS_PRIMARY": "Y" if number == row.get(first) else "N"}
            for number in found
        ]

    return told


def calendar_owners(_: PortalInfo) -> list[Parent]:
    """Calendars of people and of groups, in date ranges: without one the portal gives three months."""
    return [
        Parent(stream="users", param="ownerId", name="user", variants=for_each_date_range("from", "to", type="user")),
        Parent(
            stream="workgroups", param="ownerId", name="group", variants=for_each_date_range("from", "to", type="group")
        ),
    ]


company_calendar = for_each_date_range("from", "to", type="company_calendar", ownerId="")


def section_owners(_: PortalInfo) -> list[Parent]:
    """Calendars of people and of groups."""
    return [
        Parent(stream="users", param="ownerId", name="user", fixed_params={"type": "user"}),
        Parent(stream="workgroups", param="ownerId", name="group", fixed_params={"type": "group"}),
    ]


def resource_calendars(_: PortalInfo) -> list[Parent]:
    """Resources, fifty in one call."""
    bounds = for_each_date_range("filter.from", "filter.to")
    return [
        Parent(
            stream="calendar_resources",
            param="filter.resourceTypeIdList",
            name="resource",
            group_size=50,
            owner_key="SECT_ID",
            variants=bounds,
        )
    ]


def each_booking_span(portal: PortalInfo) -> list[ListVariant]:
    """Bookings by date, in unix seconds; the first range begins and the last one ends beyond all bookings."""
    inner = [int(start.timestamp()) for start, _ in date_ranges(portal)[1:]]
    first = int(portal.start_date.timestamp()) if portal.start_date else 0
    cuts = [first, *inner, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())]
    return [ListVariant({"filter.within.dateFrom": low, "filter.within.dateTo": high}) for low, high in pairwise(cuts)]


def is_folder(row: Row) -> bool:
    """Whether a disk object has children."""
    return row.get("TYPE") == "folder"


def is_file(row: Row) -> bool:
    """Whether a disk object has versions."""
    return row.get("TYPE") == "file"


def folder_id(row: Row) -> Any:
    """The id of a folder among the children of a folder."""
    return row.get("ID") if is_folder(row) else None


def is_scrum(row: Row) -> bool:
    """Whether a workgroup is a scrum team."""
    return row.get("type") == "scrum"


def in_group(row: Row) -> bool:
    """Whether a task belongs to a workgroup, and may belong to a scrum."""
    return row.get("groupId") not in (None, "", "0", 0)


def is_group_chat(row: Row) -> bool:
    """Whether a dialog is a chat of several."""
    return str(row.get("id", "")).startswith("chat")


def client_type(row: Row) -> Row:
    """Spell the kind of a booking's client out: ids are unique only within it."""
    type_ = row.get("type")
    return {**row, "typeCode": type_.get("code")} if isinstance(type_, dict) else row
