"""Online booking: bookings, their clients and links, the waiting list, resources with types and slots."""

from collections.abc import Sequence
from typing import Final

from tap_bitrix24.demo.company.store import Condition, Row
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.filters import ranged
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_NO_BOOKING: Final = Refusal(1023, "Booking not found")
_NO_WAITING: Final = Refusal(1040, "Wait list not found")
_NO_RESOURCE: Final = Refusal(1009, "Resource not found")
_MISSING: Final = Refusal(100, "Could not find value for parameter {{{}}}")
_BAD_PERIOD: Final = Refusal(422, "Invalid date period")
_KINDS: Final = ("CONTACT", "COMPANY")
_NOTIFICATIONS: Final = """
    confirmationCounterDelay:integer confirmationNotificationDelay:integer
    confirmationNotificationRepetitions:any confirmationNotificationRepetitionsInterval:integer
    delayedCounterDelay:integer delayedNotificationDelay:integer infoNotificationDelay:any
    isConfirmationNotificationOn:char isDelayedNotificationOn:char isFeedbackNotificationOn:char
    isReminderNotificationOn:char reminderNotificationDelay:integer templateTypeConfirmation:string
    templateTypeDelayed:string templateTypeFeedback:string templateTypeReminder:string
"""
_DELAYS: Final = {
    "confirmationCounterDelay": fixed(10_800),
    "confirmationNotificationDelay": fixed(86_400),
    "confirmationNotificationRepetitionsInterval": fixed(10_800),
    "delayedCounterDelay": fixed(300),
    "delayedNotificationDelay": fixed(300),
    "reminderNotificationDelay": one_of(-1, 7200),
    "templateTypeConfirmation": fixed("animate"),
    "templateTypeDelayed": fixed("animate"),
    "templateTypeFeedback": one_of("animate", "inanimate"),
    "templateTypeReminder": fixed("base"),
}


def _missing(name: str) -> Refusal:
    """Return the error of a missing parameter."""
    return Refusal(_MISSING.code, _MISSING.text.format(name))


def _begins(draft: RowDraft) -> int:
    """Return the start of a booking: on a quarter of an hour, from half a year ago to three months ahead."""
    return (draft.seeds.anchor - 180 * DAY + draft.seeds.mix(draft.number, 83) % (270 * DAY)) // 900 * 900


def _period(draft: RowDraft) -> Row:
    """Return the period of a booking: both ends as unix time with the zone they were entered in."""
    zone = draft.one_of(("Europe/Berlin", "Europe/Riga"))
    return {
        "from": {"timestamp": draft.row["FROM"], "timezone": zone},
        "to": {"timestamp": draft.row["TO"], "timezone": zone},
    }


def _within(request: ListRequest) -> Sequence[Condition]:
    """Return conditions for the bookings that overlap ``filter.within`` (unix seconds); an empty period is an error."""
    given = request.at("filter.within")
    if not isinstance(given, dict):
        return []
    low, high = php.intval(given.get("dateFrom")), php.intval(given.get("dateTo"))
    if low >= high:
        raise _BAD_PERIOD.error()
    return [ranged("FROM", "<", high), ranged("TO", ">", low)]


def _resources(draft: RowDraft) -> list[int]:
    """Return one or two resources."""
    first = draft.pick("booking_resources")
    second = draft.pick("booking_resources", 9)
    return [first] if first == second or draft.number % 3 else [first, second]


def _client_kind(draft: RowDraft) -> Row:
    """Return the kind of a client: a contact first, then a company, in turn."""
    return {"module": "crm", "code": _KINDS[draft.place % 2]}


def _client(draft: RowDraft) -> int:
    """Return the id of the contact or company; the two may be equal."""
    return draft.pick("companies" if draft.place % 2 else "contacts")


def _clients(method: str, table: str, owner: str, column: str, wrapper: str, unknown: Refusal) -> Entry:
    """Return the list of clients of bookings or of the waiting list."""
    return Entry(
        method=method,
        table=table,
        scope="booking",
        key="",
        wrapper=wrapper,
        columns=f"{column}:integer~ id:integer type:object",
        owners=(Owner(table=owner),),
        owner_column=column,
        per=(1, 2, 0),
        values={"id": _client, "type": _client_kind},
        parents=(ParentParameter(path=column, column=column, missing=_missing(column), unknown=unknown, table=owner),),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    )


def _links(method: str, table: str, owner: str, column: str, unknown: Refusal) -> Entry:
    """Return the list of external links of bookings or of the waiting list."""
    return Entry(
        method=method,
        table=table,
        scope="booking",
        key="",
        wrapper="externalData",
        columns=f"{column}:integer~ entityTypeId:string moduleId:string value:string",
        owners=(Owner(table=owner),),
        owner_column=column,
        per=(0, 1, 2),
        values={
            "moduleId": fixed("crm"),
            "entityTypeId": lambda draft: ("DEAL", "DYNAMIC_156")[draft.place % 2],
            "value": lambda draft: str(draft.pick("deals")),
        },
        parents=(ParentParameter(path=column, column=column, missing=_missing(column), unknown=unknown, table=owner),),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    )


ENTRIES: Final = (
    Entry(
        method="booking.v1.booking.list",
        table="bookings",
        scope="booking",
        key="id",
        wrapper="booking",
        columns="""
            id:integer FROM:integer~ TO:integer~ datePeriod:object name:string description:string? resourceIds:array
        """,
        count=120,
        values={
            "FROM": _begins,
            "TO": lambda draft: draft.row["FROM"] + 900 * (1 + draft.number % 6),
            "datePeriod": _period,
            "name": lambda draft: draft.one_of(("Стрижка", "", "Tyre change {}", "Consultation & tea {}")).format(
                draft.number
            ),
            "resourceIds": _resources,
        },
        parents=(ParentParameter(path="filter.within"),),
        extra_conditions=_within,
        filters="none",
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    _clients(
        "booking.v1.booking.client.list", "booking_clients", "bookings", "bookingId", "bookingClient", _NO_BOOKING
    ),
    _links("booking.v1.booking.externalData.list", "booking_links", "bookings", "bookingId", _NO_BOOKING),
    Entry(
        method="booking.v1.waitlist.list",
        table="booking_waitlist",
        scope="booking",
        key="id",
        wrapper="waitList",
        columns="id:integer note:string?",
        count=14,
        values={"note": one_of("", "Call back", "Ждёт окно в пятницу 🕐")},
        filters="none",
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    _clients(
        "booking.v1.waitlist.client.list",
        "waitlist_clients",
        "booking_waitlist",
        "waitListId",
        "waitListClient",
        _NO_WAITING,
    ),
    _links("booking.v1.waitlist.externalData.list", "waitlist_links", "booking_waitlist", "waitListId", _NO_WAITING),
    Entry(
        method="booking.v1.resourceType.list",
        table="booking_resource_types",
        scope="booking",
        key="id",
        wrapper="resource",
        columns=f"id:integer code:string name:string {_NOTIFICATIONS}",
        rows=lambda _: [
            {"id": 3, "code": "equipment", "name": "Оборудование"},
            {"id": 5, "code": "expert", "name": "Expert"},
            {"id": 8, "code": "", "name": "Räume & Säle"},
        ],
        values=_DELAYS,
        filters="equal",
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    Entry(
        method="booking.v1.resource.list",
        table="booking_resources",
        scope="booking",
        key="id",
        wrapper="resource",
        columns=f"""
            id:integer typeId:integer>booking_resource_types name:string description:string? isMain:char
            isInfoNotificationOn:char templateTypeInfo:string {_NOTIFICATIONS}
        """,
        count=8,
        values={**_DELAYS, "name": numbered("Мастер «{}»"), "templateTypeInfo": fixed("inanimate")},
        filters="equal",
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    Entry(
        method="booking.v1.resource.slots.list",
        table="booking_slots",
        scope="booking",
        key="id",
        wrapper="slots",
        columns="RESOURCE:integer~ id:integer from:integer to:integer slotSize:integer timezone:string weekDays:array",
        owners=(Owner(table="booking_resources"),),
        owner_column="RESOURCE",
        per=(1, 2, 0),
        values={
            "from": one_of(480, 540),
            "to": one_of(1080, 1200),
            "slotSize": one_of(15, 60),
            "timezone": one_of("Europe/Berlin", "America/Sao_Paulo"),
            "weekDays": lambda draft: ["Mon", "Tue", "Wed", "Thu", "Fri"] if draft.place == 0 else ["Sat"],
        },
        parents=(
            ParentParameter(
                path="resourceId",
                column="RESOURCE",
                missing=_missing("resourceId"),
                unknown=_NO_RESOURCE,
                table="booking_resources",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    Entry(
        method="booking.v1.clienttype.list",
        table="booking_client_types",
        scope="booking",
        key="code",
        wrapper="clientType",
        columns="code:string module:string",
        rows=lambda _: [{"code": code, "module": "crm"} for code in _KINDS],
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    ),
)
