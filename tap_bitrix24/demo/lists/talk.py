"""Chats, telephony, open lines and BI sources as data."""

from collections.abc import Sequence
from typing import Any, Final

from tap_bitrix24.demo.errors import RestError
from tap_bitrix24.demo.lists.draw import fixed, one_of
from tap_bitrix24.demo.lists.entry import Ask, Entry, Owner, Refusal
from tap_bitrix24.demo.lists.request import Asked
from tap_bitrix24.demo.lists.wire import spaced, text
from tap_bitrix24.demo.store import Row


def _dialog(asked: Asked, rows: Any, listed: Sequence[Row]) -> dict[str, Any]:
    """Put users and files beside the messages of a dialog."""
    authors = sorted({row["author_id"] for row in listed})
    users = [{"id": number, "active": True, "name": f"User {number}", "departments": [1]} for number in authors]
    chat = str(asked.at("DIALOG_ID")).removeprefix("chat")
    return {"chat_id": int(chat) if chat.isdigit() else 0, "messages": rows, "users": users, "files": []}


def _select_is_array(asked: Asked) -> None:
    """Refuse a select that is no array, as BI lists do: with HTTP 200."""
    given = asked.spelled("select")
    if given is not None and not isinstance(given, dict):
        raise RestError(code="VALIDATION_SELECT_TYPE", text='Parameter "select" must be array.', status=200)


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
            "DIALOG": lambda draw: f"chat{draw.owner}",
            "unread": fixed(value=False),
            "uuid": lambda draw: f"{draw.bits:012x}",
            "params": lambda draw: {"LIKE": [draw.pick("users")]} if draw.number % 4 == 0 else [],
        },
        asks=(Ask(at="DIALOG_ID", column="DIALOG", missing=Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")),),
        filters="none",
        selects=False,
        order="none",
        paging="first_id",
        size=20,
        form="typed",
        around=_dialog,
    ),
    Entry(
        method="im.recent.list",
        table="im_chats",
        scope="im",
        key="id",
        columns="id:integer title:string type:string date_last_activity:datetime",
        count=9,
        modified="date_last_activity",
        values={"type": one_of("chat", "open")},
        wrapper="items",
        filters="none",
        paging="limit",
        form="typed",
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
        check=_select_is_array,
        filters="orm",
        spelling="lower",
        paging="page",
        form="typed",
        wire={"datetime": spaced, "integer": text},
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
            MODIFY_USER_ID:user LANGUAGE_ID:string QUEUE:array QUEUE_USERS_FIELDS:object
        """,
        count=60,
        created="DATE_CREATE",
        modified="DATE_MODIFY",
        values={
            "QUEUE": lambda draw: [draw.pick("users")],
            "QUEUE_USERS_FIELDS": lambda draw: {
                str(draw.row["QUEUE"][0]): {"USER_NAME": "Анна Weber", "USER_WORK_POSITION": None, "USER_AVATAR": ""}
            },
            "QUEUE_TYPE": one_of("evenly", "strictly", "all"),
            "LANGUAGE_ID": one_of("ru", "en"),
        },
        inside="PARAMS",
        spelling="lower",
        paging="limit",
        most=200,
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
