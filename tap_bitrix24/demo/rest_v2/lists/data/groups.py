"""Workgroups and their members, calendars of people and resources, working days, user fields of users."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.names import COMMENTS
from tap_bitrix24.demo.company.store import Condition, Row
from tap_bitrix24.demo.company.timestamps import DAY, server_iso
from tap_bitrix24.demo.rest_v2.filters import ranged
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import display_format, without_zone
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of

_ZONE: Final = "Europe/Riga"
_SHIFT: Final = 8 * 3600


def _of_group(name: str) -> Callable[[RowDraft], Any]:
    """Return a value of the workgroup that a row shows in another method's form."""
    return lambda draft: draft.tables["workgroups"].row(draft.number)[name]


def _member(draft: RowDraft) -> int:
    """Return a member of a workgroup by its place; members differ."""
    people = draft.seeds.initial_ids["users"]
    return people[(3 * draft.owner + draft.place) % len(people)]


def _needs(parameter: str, method: str) -> Refusal:
    """Return the error of calendars for a missing parameter."""
    return Refusal("", f'The required parameter "{parameter}" for the method "{method}" is not set')


def _booked(draft: RowDraft) -> int:
    """Return the start of a resource booking: on a quarter of an hour within a year around the portal's start."""
    return (draft.seeds.anchor - 300 * DAY + draft.seeds.mix(draft.number, 79) % (360 * DAY)) // 900 * 900


def _booked_within(request: ListRequest) -> Sequence[Condition]:
    """Return conditions for the bookings from one day to another, both included."""
    start = timestamps.parse_time(request.at("filter.from"), timestamps.server_zone())
    end = timestamps.parse_time(request.at("filter.to"), timestamps.server_zone())
    found = [] if start is None else [ranged("TO", ">=", start)]
    return found if end is None else [*found, ranged("FROM", "<=", end + DAY - 1)]


def _workday(draft: RowDraft) -> int:
    """Return the start of a working day: one a day, the latest first."""
    return (
        draft.seeds.anchor // DAY * DAY - (1 + draft.place) * DAY + 11 * 3600 + draft.seeds.mix(draft.number, 7) % 3600
    )


def _local(seconds: int) -> datetime:
    """Return a time of day in the server's zone."""
    return datetime.fromtimestamp(seconds + timestamps.server_zone().offset(seconds), UTC)


def _entries(draft: RowDraft) -> list[Row]:
    """Return the entries of a working day; a day without any has an empty list."""
    if draft.place % 5 == 0:
        return []
    started = server_iso(draft.row["workday_date_start"])
    return [
        {
            "id": str(draft.number),
            "user_id": str(draft.owner),
            "type": "TM_START",
            "date_start": started,
            "date_finish": started,
            "duration": 0,
            "active": False,
            "report_text": draft.one_of(COMMENTS),
            "system_text": None,
            "ip_start": "203.0.113.7",
        }
    ]


def _month(request: ListRequest, _: Any, rows: Sequence[Row]) -> Row:
    """Return the days of a month with the month and the user."""
    report = {"month_title": f"{request.at('MONTH')}/{request.at('YEAR')}", "days": list(rows)}
    person = {"id": int(request.at("USER_ID")), "active": True, "name": f"User {request.at('USER_ID')}", "avatar": ""}
    return {"report": report, "user": person}


_CALENDARS: Final = (
    Owner(table="users", also={"CAL_TYPE": "user"}),
    Owner(table="workgroups", also={"CAL_TYPE": "group"}),
    Owner(table="", also={"CAL_TYPE": "company_calendar"}),
)
_LIKES: Final = (("1669", "Шахматы"), ("1671", "Running & cycling"), ("1673", ""))

ENTRIES: Final = (
    Entry(
        method="sonet_group.get",
        table="workgroups_classic",
        scope="sonet_group",
        columns="""
            ID:integer SITE_ID:string NAME:string DESCRIPTION:string DATE_CREATE:datetime DATE_UPDATE:datetime
            DATE_ACTIVITY:datetime ACTIVE:char VISIBLE:char OPENED:char CLOSED:char SUBJECT_ID:integer OWNER_ID:integer
            KEYWORDS:string NUMBER_OF_MEMBERS:integer SUBJECT_NAME:string IMAGE:file IS_EXTRANET:char
        """,
        mirrors="workgroups",
        created="DATE_CREATE",
        modified="DATE_UPDATE",
        values={
            **{
                name: _of_group(name)
                for name in (
                    "NAME",
                    "DESCRIPTION",
                    "DATE_ACTIVITY",
                    "ACTIVE",
                    "VISIBLE",
                    "OPENED",
                    "CLOSED",
                    "OWNER_ID",
                )
            },
            "SITE_ID": fixed("s1"),
            "SUBJECT_ID": fixed(1),
            "KEYWORDS": one_of("", "офис, 2026", "A & B"),
            "SUBJECT_NAME": fixed("Рабочие группы"),
            "IMAGE": lambda draft: f"/upload/group_{draft.number}.png" if draft.number % 2 else None,
            "IS_EXTRANET": fixed("N"),
        },
        selects=False,
        default_order=(("ID", True),),
    ),
    Entry(
        method="sonet_group.user.get",
        table="workgroup_members",
        scope="sonet_group",
        key="",
        columns="GROUP_ID:integer~ USER_ID:integer ROLE:string",
        owners=(Owner(table="workgroups"),),
        owner_column="GROUP_ID",
        per=(1, 3, 5, 2),
        values={"USER_ID": _member, "ROLE": lambda draft: "AEK"[min(draft.place, 2)]},
        parents=(
            ParentParameter(
                path="ID",
                column="GROUP_ID",
                missing=Refusal("ERROR_CORE", "Wrong group ID"),
                unknown=Refusal("ERROR_CORE", "Socialnetwork group not found."),
                table="workgroups",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="calendar.section.get",
        table="calendar_sections",
        scope="calendar",
        columns="""
            ID:integer NAME:string GAPI_CALENDAR_ID:string DESCRIPTION:string COLOR:string TEXT_COLOR:string
            EXPORT:object CAL_TYPE:string OWNER_ID:integer CREATED_BY:integer>users DATE_CREATE:datetime
            TIMESTAMP_X:datetime CAL_DAV_CON:string SYNC_TOKEN:string PAGE_TOKEN:string EXTERNAL_TYPE:string
            ACCESS:object IS_COLLAB:bool PERM:object
        """,
        owners=_CALENDARS,
        owner_column="OWNER_ID",
        per=(1, 2),
        created="DATE_CREATE",
        modified="TIMESTAMP_X",
        values={
            "NAME": one_of("Мой календарь", "Travel", "Kalender Büro", ""),
            "GAPI_CALENDAR_ID": fixed(None),
            "DESCRIPTION": one_of("", None, "shared <with> all"),
            "COLOR": one_of("#9dcf00", "#DE2B24"),
            "TEXT_COLOR": one_of(None, "#fff"),
            "EXPORT": lambda draft: (
                {"ALLOW": True, "SET": "all", "LINK": f"?action=export&sign={draft.bits:012x}"}
                if draft.number % 2
                else {"ALLOW": False}
            ),
            **dict.fromkeys(("CAL_DAV_CON", "SYNC_TOKEN", "PAGE_TOKEN"), fixed(None)),
            "EXTERNAL_TYPE": fixed("local"),
            "ACCESS": lambda draft: {f"U{draft.owner}": 77, "D1": 71} if draft.number % 3 else [],
            "IS_COLLAB": fixed(value=False),
            "PERM": lambda _: {"view_time": True, "view_title": True, "edit": False},
        },
        formats={"datetime": without_zone},
        parents=(
            ParentParameter(path="type", column="CAL_TYPE", missing=_needs("type", "calendar.section.get")),
            ParentParameter(path="ownerId", column="OWNER_ID"),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="calendar.resource.list",
        table="calendar_resources",
        scope="calendar",
        columns="ID:integer NAME:string CREATED_BY:integer>users",
        count=6,
        values={"NAME": one_of("Переговорная «Нева»", "Van 3.5 t", "Beamer & Leinwand")},
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="calendar.resource.booking.list",
        table="calendar_resource_bookings",
        scope="calendar",
        columns="""
            ID:integer FROM:datetime~ TO:datetime~ PARENT_ID:integer DELETED:char CAL_TYPE:string OWNER_ID:integer
            NAME:string DATE_FROM:string DATE_TO:string TZ_FROM:string TZ_TO:string TZ_OFFSET_FROM:integer
            TZ_OFFSET_TO:integer DATE_FROM_TS_UTC:string DATE_TO_TS_UTC:string DT_SKIP_TIME:char DT_LENGTH:any
            EVENT_TYPE:string CREATED_BY:integer>users DATE_CREATE:datetime TIMESTAMP_X:datetime DESCRIPTION:string
            IS_MEETING:bool MEETING_STATUS:string MEETING_HOST:integer VERSION:integer SECTION_ID:integer
            DATE_FROM_FORMATTED:string DATE_TO_FORMATTED:string SECT_ID:integer RESOURCE_BOOKING_ID:integer
        """,
        owners=(Owner(table="calendar_resources"),),
        owner_column="SECT_ID",
        per=(12, 3, 0),
        created="DATE_CREATE",
        modified="TIMESTAMP_X",
        values={
            "FROM": _booked,
            "TO": lambda draft: draft.row["FROM"] + 1800 * (1 + draft.number % 5),
            "PARENT_ID": lambda draft: draft.number,
            "DELETED": fixed("N"),
            "CAL_TYPE": fixed("resource"),
            "OWNER_ID": fixed(0),
            "DATE_FROM": lambda draft: display_format(draft.row["FROM"]),
            "DATE_TO": lambda draft: display_format(draft.row["TO"]),
            **dict.fromkeys(("TZ_FROM", "TZ_TO"), fixed(_ZONE)),
            **dict.fromkeys(("TZ_OFFSET_FROM", "TZ_OFFSET_TO"), fixed(7200)),
            "DATE_FROM_TS_UTC": lambda draft: str(draft.row["FROM"]),
            "DATE_TO_TS_UTC": lambda draft: str(draft.row["TO"]),
            "DT_SKIP_TIME": fixed("N"),
            "DT_LENGTH": lambda draft: draft.row["TO"] - draft.row["FROM"],
            "EVENT_TYPE": fixed("#resourcebooking#"),
            "DESCRIPTION": one_of("", "Услуга: доставка", "Service: some"),
            "IS_MEETING": fixed(value=False),
            "MEETING_STATUS": fixed("Y"),
            "MEETING_HOST": fixed(0),
            "VERSION": fixed(1),
            "SECTION_ID": lambda draft: draft.owner,
            "DATE_FROM_FORMATTED": lambda draft: f"{_local(draft.row['FROM']):%a %b %d %Y}",
            "DATE_TO_FORMATTED": lambda draft: f"{_local(draft.row['TO']):%a %b %d %Y}",
            "RESOURCE_BOOKING_ID": lambda draft: draft.number + 9,
        },
        formats={"datetime": display_format},
        parents=(
            ParentParameter(
                path="filter.resourceTypeIdList",
                column="SECT_ID",
                many=True,
                missing=_needs("filter['resourceTypeIdList']", "calendar.resource.booking.list"),
            ),
            ParentParameter(path="filter.from"),
            ParentParameter(path="filter.to"),
        ),
        extra_conditions=_booked_within,
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="timeman.timecontrol.reports.get",
        table="workdays",
        scope="timeman",
        key="",
        columns="""
            USER_ID:integer~ workday_duration:integer workday_date_start:datetime workday_date_finish:datetime
            YEAR:integer~ MONTH:integer~ index:string day_title:string workday_complete:bool
            workday_time_leaks_user:integer workday_time_leaks_final:integer workday_duration_final:integer
            workday_duration_config:integer reports:array workday_time_leaks_real:integer
        """,
        owners=(Owner(table="users"),),
        owner_column="USER_ID",
        per=(45, 0, 20),
        values={
            "workday_date_start": _workday,
            "workday_date_finish": lambda draft: (
                None if draft.place == 0 else draft.row["workday_date_start"] + draft.row["workday_duration"]
            ),
            "workday_duration": lambda draft: draft.seeds.mix(draft.number, 8) % 30_000,
            "workday_complete": lambda draft: draft.place > 0,
            "YEAR": lambda draft: _local(draft.row["workday_date_start"]).year,
            "MONTH": lambda draft: _local(draft.row["workday_date_start"]).month,
            "index": lambda draft: f"{_local(draft.row['workday_date_start']):%Y%m%d}",
            "day_title": lambda draft: f"{_local(draft.row['workday_date_start']):%d.%m.%Y}",
            "workday_time_leaks_user": fixed(0),
            "workday_time_leaks_final": lambda draft: max(0, _SHIFT - draft.row["workday_duration"]),
            "workday_duration_final": lambda draft: draft.row["workday_duration"],
            "workday_duration_config": fixed(_SHIFT),
            "workday_time_leaks_real": fixed(0),
            "reports": _entries,
        },
        parents=(
            ParentParameter(
                path="USER_ID",
                column="USER_ID",
                missing=Refusal("USER_ACCESS_ERROR", "You don't have access to report for this user"),
                unknown=Refusal("USER_ACCESS_ERROR", "You don't have access to report for this user"),
                table="users",
            ),
            ParentParameter(
                path="YEAR", column="YEAR", missing=Refusal("ERROR_ARGUMENT", "Argument 'YEAR' is null or empty")
            ),
            ParentParameter(
                path="MONTH", column="MONTH", missing=Refusal("ERROR_ARGUMENT", "Argument 'MONTH' is null or empty")
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
        envelope=_month,
    ),
    Entry(
        method="user.userfield.list",
        table="user_userfields",
        scope="user.userfield",
        columns="""
            ID:integer ENTITY_ID:string FIELD_NAME:string USER_TYPE_ID:string XML_ID:string SORT:integer MULTIPLE:char
            MANDATORY:char SHOW_FILTER:char SHOW_IN_LIST:char EDIT_IN_LIST:char IS_SEARCHABLE:char SETTINGS:object
            LIST:file
        """,
        rows=lambda _: [
            {
                "ID": 176,
                "FIELD_NAME": "UF_USR_1724228142162",
                "USER_TYPE_ID": "enumeration",
                "MULTIPLE": "Y",
                "SETTINGS": {"DISPLAY": "LIST", "LIST_HEIGHT": 5, "CAPTION_NO_VALUE": "", "SHOW_NO_VALUE": "Y"},
                "LIST": [{"ID": number, "SORT": "500", "VALUE": title, "DEF": "N"} for number, title in _LIKES],
            },
            {"ID": 177, "FIELD_NAME": "UF_USR_MONEY", "USER_TYPE_ID": "money", "SETTINGS": {"DEFAULT_VALUE": ""}},
            {"ID": 181, "FIELD_NAME": "UF_USR_MET", "USER_TYPE_ID": "datetime", "SETTINGS": []},
        ],
        values={
            "ENTITY_ID": fixed("USER"),
            "XML_ID": fixed(None),
            "SORT": fixed(100),
            "EDIT_IN_LIST": fixed("Y"),
            **dict.fromkeys(("MULTIPLE", "MANDATORY", "SHOW_FILTER", "SHOW_IN_LIST", "IS_SEARCHABLE"), fixed("N")),
            "LIST": fixed(None),
        },
        filters="equal",
        selects=False,
        paging="unpaged",
    ),
)
