"""Chats, telephony, open lines and BI sources as data."""

from collections.abc import Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.store import WHOLE_ROW, Condition, Row
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import text, without_zone
from tap_bitrix24.demo.rest_v2.lists.row_values import fixed, numbered, one_of

_CONFIRMATION: Final = 1
_QUEUES: Final = {"QUEUE": ("QUEUE", "QUEUE_USERS_FIELDS"), "CONFIG_QUEUE": ("CONFIG_QUEUE",)}
_INCOMPLETE_CURSOR: Final = Refusal(
    "LAST_ID_AND_LAST_TYPE", "Parameters LAST_ID and LAST_TYPE should be used together."
)


def _dialog(request: ListRequest, rows: Any, listed: Sequence[Row]) -> dict[str, Any]:
    """Return the messages of a dialog with users and files."""
    authors = sorted({row["author_id"] for row in listed})
    users = [{"id": number, "active": True, "name": f"User {number}", "departments": [1]} for number in authors]
    chat = str(request.at("DIALOG_ID")).removeprefix("chat")
    return {"chat_id": int(chat) if chat.isdigit() else 0, "messages": rows, "users": users, "files": []}


def _more(request: ListRequest, rows: Any, listed: Sequence[Row]) -> dict[str, Any]:
    """Return the recent chats with hasMore, without a total."""
    return {"items": rows, "hasMorePages": len(listed) == request.number("limit", 50), "hasMore": False}


def _queues(request: ListRequest, _: Any, listed: Sequence[Row]) -> list[Row]:
    """Return open lines without their queues, unless ``OPTIONS`` asks for them."""
    hidden = {name for option, names in _QUEUES.items() if request.at(f"OPTIONS.{option}") != "Y" for name in names}
    return [
        {name: php.EMPTY_OBJECT if value == {} else value for name, value in row.items() if name not in hidden}
        for row in listed
    ]


def select_is_array(request: ListRequest) -> None:
    """Refuse a select that is no array, as BI lists do: an error with HTTP 200."""
    given = request.spelled("select")
    if given is not None and not isinstance(given, dict):
        raise RestError(code="VALIDATION_SELECT_TYPE", text='Parameter "select" must be array.', status=200)


def _both_or_none(request: ListRequest) -> None:
    """Refuse an incomplete cursor."""
    if (request.at("LAST_ID") is None) is not (request.at("LAST_TYPE") is None):
        raise _INCOMPLETE_CURSOR.error()


def _older(request: ListRequest) -> list[Condition]:
    """Return the conditions of a cursor: confirmations (type 1) first, then all others, each by descending id."""
    last, stage = request.at("LAST_ID"), php.intval(request.at("LAST_TYPE"))
    if last is None or "repeat_page" in request.faults:
        return []
    bound = php.intval(last)

    def accepts(row: Row) -> bool:
        first = int(row["notify_type"]) == _CONFIRMATION
        if stage == _CONFIRMATION:
            return not first or int(row["id"]) < bound
        return not first and int(row["id"]) < bound

    return [Condition(WHOLE_ROW, "older", (bound, stage), accepts)]


def _notified(request: ListRequest, rows: Any, listed: Sequence[Row]) -> dict[str, Any]:
    """Return the notifications with counts and users."""
    authors = sorted({row["author_id"] for row in listed})
    users = [{"id": number, "active": True, "name": f"User {number}"} for number in authors]
    counts = {"total_count": len(listed), "total_unread_count": 0} if request.at("LAST_ID") is None else {}
    return {**counts, "chat_id": 77, "notifications": rows, "users": users}


ENTRIES: Final = (
    Entry(
        method="im.dialog.messages.get",
        table="im_messages",
        scope="im",
        key="id",
        columns="""
            DIALOG:string~ id:integer chat_id:integer author_id:integer>users date:datetime text:string unread:bool
            uuid:string? replaces:array params:object disappearing_date:any
        """,
        owners=(Owner(table="im_chats"),),
        owner_column="chat_id",
        per=(120, 3, 0, 51),
        created="date",
        values={
            "DIALOG": lambda draft: draft.tables["im_chats"].row(draft.owner)["id"],
            "unread": fixed(value=False),
            "uuid": lambda draft: f"{draft.bits:012x}",
            "params": lambda draft: {"LIKE": [draft.pick("users")]} if draft.number % 4 == 0 else [],
        },
        parents=(
            ParentParameter(
                path="DIALOG_ID", column="DIALOG", missing=Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")
            ),
        ),
        filters="none",
        selects=False,
        order="none",
        paging="first_id",
        size=20,
        form="typed",
        envelope=_dialog,
    ),
    Entry(
        method="im.notify.get",
        table="im_notifications",
        scope="im",
        key="id",
        columns="""
            id:integer chat_id:integer author_id:integer>users date:datetime notify_type:integer stage:integer~
            notify_module:string
            notify_event:string notify_tag:string notify_title:string text:string notify_read:char params:any
        """,
        count=130,
        created="date",
        values={
            "chat_id": fixed(77),
            "notify_type": lambda draft: _CONFIRMATION if draft.number % 3 == 0 else draft.one_of((2, 4)),
            "stage": lambda draft: 0 if draft.row["notify_type"] == _CONFIRMATION else 1,
            "notify_module": one_of("rest", "tasks"),
        },
        filters="none",
        selects=False,
        order="none",
        default_order=(("stage", False), ("id", True)),
        check=_both_or_none,
        extra_conditions=_older,
        paging="limit",
        form="typed",
        envelope=_notified,
    ),
    Entry(
        method="im.recent.list",
        table="im_chats",
        scope="im",
        key="chat_id",
        columns="""
            chat_id:integer id:string type:string title:string avatar:object message:object counter:integer
            last_id:integer pinned:bool unread:bool has_reminder:bool date_update:datetime date_last_activity:datetime
            user:object chat:object lines:any options:array
        """,
        count=9,
        modified="date_last_activity",
        values={
            "type": lambda draft: "user" if draft.number % 4 == 0 else "chat",
            "id": lambda draft: str(draft.number // 4) if draft.number % 4 == 0 else f"chat{draft.number}",
            "title": one_of("Общий чат", "Sales & Support", "", "<Проект>"),
            "avatar": lambda _: {"url": "", "color": "#4ba984"},
            "message": lambda draft: {"id": draft.bits % 9000, "text": "Ок 👍", "file": False, "author_id": 1},
            "counter": one_of(0, 0, 3),
            "has_reminder": fixed(value=False),
            "date_update": lambda draft: draft.modified,
            "user": lambda draft: {"id": draft.number // 4, "name": "Анна"} if draft.number % 4 == 0 else {"id": 0},
            "chat": lambda draft: {"id": draft.number, "owner": 1} if draft.number % 4 else [],
            "lines": one_of(None, []),
        },
        filters="none",
        paging="limit",
        form="typed",
        envelope=_more,
    ),
    Entry(
        method="biconnector.source.list",
        table="bi_sources",
        scope="biconnector",
        key="id",
        columns="""
            id:integer!* title:string! type:string!* code:string!* description:string active:bool dateCreate:datetime!*
            dateUpdate:datetime!* createdById:integer*>users updatedById:integer*>users connectorId:integer
            settings:array[]
        """,
        count=120,
        created="dateCreate",
        modified="dateUpdate",
        values={"type": fixed("rest"), "connectorId": one_of(1, 2)},
        check=select_is_array,
        filters="orm",
        spelling="lower",
        paging="page",
        form="typed",
        formats={"datetime": without_zone, "integer": text},
        fields_method="biconnector.source.fields",
        fields_shape="listed",
    ),
    Entry(
        method="imopenlines.config.list.get",
        table="openline_configs",
        scope="imopenlines",
        columns="""
            ID:integer LINE_NAME:string ACTIVE:char CRM:char CRM_SOURCE:string QUEUE_TYPE:string QUEUE_TIME:integer
            WELCOME_MESSAGE:char WELCOME_MESSAGE_TEXT:string DATE_CREATE:datetime DATE_MODIFY:datetime
            MODIFY_USER_ID:user LANGUAGE_ID:string QUEUE:array QUEUE_USERS_FIELDS:object CONFIG_QUEUE:array
            CRM_CREATE:string CRM_FORWARD:char CRM_CHAT_TRACKER:char CRM_TRANSFER_CHANGE:char NO_ANSWER_TIME:integer
            CHECK_AVAILABLE:char WATCH_TYPING:char WELCOME_BOT_ENABLE:char VOTE_MESSAGE:char VOTE_TIME_LIMIT:integer
            VOTE_MESSAGE_1_TEXT:string VOTE_MESSAGE_1_LIKE:string AGREEMENT_MESSAGE:char AGREEMENT_ID:integer
            CATEGORY_ENABLE:char CATEGORY_ID:integer NO_ANSWER_RULE:string NO_ANSWER_TEXT:string WORKTIME_ENABLE:char
            WORKTIME_FROM:string WORKTIME_TO:string WORKTIME_TIMEZONE:string WORKTIME_HOLIDAYS:array
            WORKTIME_DAYOFF:any CLOSE_RULE:string CLOSE_TEXT:string AUTO_CLOSE_TIME:integer TEMPORARY:char XML_ID:string
            SESSION_PRIORITY:integer MAX_CHAT:integer OPERATOR_DATA:string DEFAULT_OPERATOR_DATA:object
            KPI_FIRST_ANSWER_TIME:integer KPI_FIRST_ANSWER_LIST:array CONFIRM_CLOSE:char
        """,
        count=60,
        created="DATE_CREATE",
        modified="DATE_MODIFY",
        values={
            "QUEUE": lambda draft: [draft.pick("users")],
            "QUEUE_USERS_FIELDS": lambda draft: {
                str(draft.row["QUEUE"][0]): {"USER_NAME": "Анна Weber", "USER_WORK_POSITION": None, "USER_AVATAR": ""}
            },
            "CONFIG_QUEUE": lambda draft: [{"ENTITY_ID": "1", "ENTITY_TYPE": "department"}] if draft.number % 2 else [],
            "CRM_CREATE": one_of("none", "lead"),
            "NO_ANSWER_TIME": one_of(60, 300),
            "VOTE_MESSAGE_1_TEXT": one_of("Оцените работу", "How did we do?"),
            "NO_ANSWER_RULE": one_of("none", "text"),
            **dict.fromkeys(("WORKTIME_FROM", "WORKTIME_TO"), one_of("9", "18.30")),
            "WORKTIME_TIMEZONE": one_of("Europe/Riga", ""),
            "WORKTIME_HOLIDAYS": lambda draft: ["1.01", "8.03"] if draft.number % 3 else [""],
            "WORKTIME_DAYOFF": one_of(["SA", "SU"], [""], None),
            "CLOSE_RULE": one_of("none", "text"),
            "XML_ID": fixed(None),
            "OPERATOR_DATA": one_of("profile", "hide"),
            "KPI_FIRST_ANSWER_LIST": lambda draft: [str(draft.pick("users"))] if draft.number % 4 == 0 else [],
            "QUEUE_TYPE": one_of("evenly", "strictly", "all"),
            "LANGUAGE_ID": one_of("ru", "en"),
        },
        formats={"datetime": lambda _: {}},  # PHP objects, which JSON shows nothing of
        inside="PARAMS",
        spelling="lower",
        paging="limit",
        max_size=200,
        envelope=_queues,
    ),
    Entry(
        method="voximplant.statistic.get",
        table="calls",
        scope="telephony",
        columns="""
            ID:integer CALL_ID:string CALL_TYPE:integer PORTAL_USER_ID:user PORTAL_NUMBER:string PHONE_NUMBER:string
            CALL_CATEGORY:string CALL_DURATION:integer CALL_START_DATE:datetime COST:double COST_CURRENCY:string
            CALL_FAILED_CODE:integer CALL_FAILED_REASON:string CRM_ENTITY_TYPE:string CRM_ENTITY_ID:integer>contacts
            RECORD_FILE_ID:any CALL_RECORD_URL:any CALL_VOTE:integer? EXTERNAL_CALL_ID:string? SESSION_ID:integer
            CRM_ACTIVITY_ID:integer?>activities REST_APP_ID:integer? REST_APP_NAME:string? TRANSCRIPT_ID:integer?
            TRANSCRIPT_PENDING:char REDIAL_ATTEMPT:integer? RECORD_DURATION:integer? CALL_LOG:string COMMENT:string
        """,
        share=0.4,
        created="CALL_START_DATE",
        values={
            "CALL_ID": numbered("externalCall.{}"),
            "CALL_TYPE": one_of(1, 2, 3, 4),
            "CALL_START_DATE": lambda draft: draft.created,
            "CALL_DURATION": lambda draft: draft.bits % 900,
            "CALL_CATEGORY": fixed("external"),
            "PORTAL_NUMBER": one_of("reg123", "sip7"),
            "PHONE_NUMBER": lambda draft: f"+7912{draft.bits % 10_000_000:07}",
            "CALL_FAILED_CODE": one_of(200, 200, 304),
            "CRM_ENTITY_TYPE": fixed("CONTACT"),
            "RECORD_FILE_ID": lambda draft: draft.number + 7000 if draft.number % 3 == 0 else None,
            "CALL_RECORD_URL": lambda draft: (
                f"https://demo.example/rest/download.json?auth=s3cr3t&token=voximplant%7C{draft.number}%7Cs3cr3t"
                if draft.row["RECORD_FILE_ID"]
                else one_of("", None)(draft)
            ),
            "EXTERNAL_CALL_ID": numbered("ext-{}"),
            "CALL_LOG": one_of("", None, "https://storage.example/log.txt"),
            "REST_APP_NAME": one_of("АТС «Связь»", ""),
        },
        order="words",
        selects=False,
        paging="offset",
    ),
    Entry(
        method="voximplant.line.get",
        table="telephony_lines",
        scope="telephony",
        columns="ID:string NAME:string",
        rows=lambda _: [
            {"ID": "reg123", "NAME": "Отдел продаж"},
            {"ID": "sip7", "NAME": "Office <Berlin>"},
            {"ID": "link", "NAME": ""},
        ],
        shape="map",
        value="NAME",
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
)
