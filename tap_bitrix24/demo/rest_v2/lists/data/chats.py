"""Telephones with their passwords, sessions of open lines, members of chats, the news feed."""

from collections.abc import Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.names import COMMENTS, FIRST_NAMES, LAST_NAMES, POSTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Condition, Row
from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.company.work import is_open_line
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.filters import ranged
from tap_bitrix24.demo.rest_v2.lists.entry import Ask, Entry, Owner, Refusal, columns
from tap_bitrix24.demo.rest_v2.lists.request import Asked
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw, fixed, numbered, one_of

_CRM_KINDS: Final = (("leads", "lead"), ("deals", "deal"), ("contacts", "contact"), ("companies", "company"))
_NO_DIALOG: Final = Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")

_SIP: Final = """
    CONFIG_ID:integer TYPE:string TITLE:string REG_ID:integer APP_ID:string SERVER:string LOGIN:string
    PASSWORD:string INCOMING_SERVER:string INCOMING_LOGIN:string INCOMING_PASSWORD:string AUTH_USER:string
    OUTBOUND_PROXY:string DETECT_LINE_NUMBER:char LINE_DETECT_HEADER_ORDER:string REGISTRATION_STATUS_CODE:integer
    REGISTRATION_ERROR_MESSAGE:string
"""


def _secret(draw: Draw) -> str:
    """Return a password; what reads it must not keep it."""
    return f"pw-{draw.seeds.mix(draw.number, 97):012x}"


def _messages(seeds: Seeds, activity: int) -> int:
    """Return how many messages a session of an open line has; other activities are none."""
    return 2 + activity % 4 if is_open_line(seeds, activity) else 0


def _session(asked: Asked, rows: Any, listed: Sequence[Row]) -> Row:
    """Put the chat and the people beside the messages of a session."""
    session = int(asked.at("SESSION_ID"))
    people = {row["senderid"]: {"id": row["senderid"], "name": "Anna", "avatar": ""} for row in listed}
    return {
        "chatId": 1000 + session,
        "canJoin": "Y",
        "sessionId": session,
        "sessionCommentHead": None,
        "userId": f"chat{1000 + session}",
        "message": rows,
        "usersMessage": {f"chat{1000 + session}": [row["id"] for row in listed]},
        "users": people,
        "chat": {str(1000 + session): {"id": str(1000 + session), "name": "Live Chat", "owner": "0"}},
    }


def _active_only(asked: Asked) -> Sequence[Condition]:
    """Leave out chats that are over, unless ``ACTIVE_ONLY=N`` asks for them."""
    if asked.at("ACTIVE_ONLY") == "N":
        return []
    return [Condition("ACTIVE", "=", "Y", lambda value: value == "Y")]


def _members(_: Seeds, chat: int) -> int:
    """Return how many people a chat has; a talk of two is none."""
    return 0 if chat % 4 == 0 else 1 + chat % 5


def _in_chat(draw: Draw) -> int:
    """Return one of a chat's members, each place another one."""
    people = draw.seeds.initial_ids["users"]
    return people[(draw.owner + draw.place) % len(people)]


def _member_name(draw: Draw, place: int) -> str:
    """Return first or last name of a member, the same in every chat."""
    mixed = draw.seeds.mix(draw.row["id"], 61)
    return (FIRST_NAMES[mixed % len(FIRST_NAMES)], LAST_NAMES[(mixed >> 9) % len(LAST_NAMES)])[place]


def _attached(draw: Draw) -> list[int]:
    """Return the ids of the files of a comment."""
    return [90_000 + draw.number] if draw.number % 9 == 0 else []


def _comments(seeds: Seeds, user: int) -> int:
    """Return how many comments someone wrote: one person more than a page."""
    return 130 if user == seeds.initial_ids["users"][1] else 2 * user % 7


def _with_files(_: Asked, rows: Any, listed: Sequence[Row]) -> Row:
    """Put the files of comments beside them: a map by id, or an empty list."""
    files = {
        str(number): {"id": number, "type": "image", "name": "схема <1>.png", "size": 184_320, "authorId": 1}
        for row in listed
        for number in row["attach"]
    }
    return {"comments": rows, "files": files}


def _after_entry(asked: Asked) -> Sequence[Condition]:
    """Read FIRST_ID: an entry of the feed, whose ids are others than those of posts and not told."""
    first = asked.at("FIRST_ID")
    return [] if first is None else [ranged("LOG", ">", php.intval(first))]


def _post_files(draw: Draw) -> Any:
    """Return the files of a post, with a link that holds a secret; posts without any say so in three ways."""
    if draw.number % 5:
        return (None, [], False)[draw.number % 3]
    link = f"https://demo.example/bitrix/tools/disk/uf.php?attachedId={draw.number}&auth[aplogin]=1&auth[ap]=s3cr3t"
    return [{"id": str(draw.number), "name": "план.pdf", "size": 1024, "urlDownload": link}]


ENTRIES: Final = (
    Entry(
        method="voximplant.sip.get",
        table="sip_lines",
        scope="telephony",
        key="CONFIG_ID",
        columns=f"ID:integer {_SIP}",
        shows=tuple(one.name for one in columns(_SIP)),  # the ID filters, but is not told
        count=4,
        values={
            "ID": lambda draw: draw.number + 20,
            "TYPE": one_of("cloud", "office"),
            "TITLE": numbered("Линия <{}>"),
            "REG_ID": lambda draw: draw.bits % 90_000,
            "APP_ID": fixed("demo.telephony"),
            "SERVER": fixed("sip.example.com:5060"),
            "LOGIN": numbered("line{}"),
            "PASSWORD": _secret,
            "INCOMING_SERVER": fixed("sip.example.com"),
            "INCOMING_LOGIN": numbered("in{}"),
            "INCOMING_PASSWORD": lambda draw: f"in-{_secret(draw)}",
            "AUTH_USER": fixed(""),
            "OUTBOUND_PROXY": fixed(None),
            "LINE_DETECT_HEADER_ORDER": fixed("diversion;to"),
            "REGISTRATION_STATUS_CODE": one_of(200, 403),
            "REGISTRATION_ERROR_MESSAGE": one_of("", "Forbidden"),
        },
        spelling="upper",
        order="words",
        selects=False,
        paging="offset",
    ),
    Entry(
        method="voximplant.user.get",
        table="telephony_users",
        scope="telephony",
        columns="""
            ID:integer DEFAULT_LINE:string? PHONE_ENABLED:char SIP_SERVER:string SIP_LOGIN:string SIP_PASSWORD:string
            INNER_NUMBER:string?
        """,
        mirrors="users",
        values={
            "DEFAULT_LINE": one_of("reg123", "sip7"),
            "SIP_SERVER": fixed("ip.demo.bitrixphone.example"),
            "SIP_LOGIN": numbered("phone{}"),
            "SIP_PASSWORD": lambda draw: None if draw.number % 3 == 0 else _secret(draw),
            "INNER_NUMBER": numbered("10{}"),
        },
        asks=(
            Ask(at="USER_ID", column="ID", many=True, missing=Refusal("ERROR_ARGUMENT", "Argument 'USER_ID' is empty")),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="imopenlines.crm.chat.get",
        table="openline_crm_chats",
        scope="imopenlines",
        key="CHAT_ID",
        columns="""
            CRM_ENTITY_TYPE:string~ CRM_ENTITY:integer~ ACTIVE:char~ CHAT_ID:integer CONNECTOR_ID:string
            CONNECTOR_TITLE:string
        """,
        owners=tuple(Owner(table=table, also={"CRM_ENTITY_TYPE": word}) for table, word in _CRM_KINDS),
        owner_column="CRM_ENTITY",
        per=(0, 0, 0, 0, 1, 0, 0, 2),
        values={
            "CONNECTOR_ID": one_of("livechat", "telegrambot"),
            "CONNECTOR_TITLE": lambda draw: {"livechat": "Онлайн-чат"}.get(draw.row["CONNECTOR_ID"], "Telegram"),
        },
        asks=tuple(
            Ask(at=name, column=name, missing=Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty"))
            for name in ("CRM_ENTITY_TYPE", "CRM_ENTITY")
        ),
        window=_active_only,
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="imopenlines.session.history.get",
        table="openline_messages",
        scope="imopenlines",
        key="id",
        columns="""
            SESSION:integer~ id:integer chatid:integer senderid:integer recipientid:string date:datetime
            textlegacy:string text:string params:object
        """,
        owners=(Owner(table="activities"),),
        owner_column="SESSION",
        per=_messages,
        created="date",
        values={
            "chatid": lambda draw: 1000 + draw.owner,
            "senderid": lambda draw: draw.pick("users") if draw.place else 0,
            "recipientid": lambda draw: f"chat{1000 + draw.owner}",
            "textlegacy": lambda draw: str(draw.one_of(COMMENTS) or "") if draw.place else "<b>Новый лид</b>",
            "text": lambda draw: draw.row["textlegacy"].replace("<b>", "[b]").replace("</b>", "[/b]"),
            "params": lambda draw: {"connectorMid": [str(draw.number)], "fileId": [draw.number]} if draw.place else [],
        },
        asks=(
            Ask(
                at="SESSION_ID",
                column="SESSION",
                missing=Refusal("MISSING_REQUIRED_PARAM", "Session ID or Chat ID must be provided"),
                unknown=Refusal("ACCESS_DENIED", "You don't have access to this chat"),
                of="activities",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="keyed",
        around=_session,
    ),
    Entry(
        method="im.chat.user.list",
        table="im_chat_users",
        scope="im",
        key="",
        columns="CHAT:integer~ USER:integer",
        owners=(Owner(table="im_chats"),),
        owner_column="CHAT",
        per=(2, 5, 1),
        values={"USER": _in_chat},
        asks=(
            Ask(
                at="CHAT_ID",
                column="CHAT",
                missing=Refusal("CHAT_ID_EMPTY", "Chat ID can't be empty"),
                unknown=Refusal("ACCESS_ERROR", "You don't have access to this chat", 403),
                of="im_chats",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="scalars",
        value="USER",
        form="typed",
    ),
    Entry(
        method="im.dialog.users.list",
        table="im_dialog_users",
        scope="im",
        key="",
        columns="""
            CHAT:integer~ DIALOG:string~ id:integer active:bool first_name:string last_name:string name:string
            work_position:string color:string avatar:string avatar_hr:string gender:string birthday:string
            extranet:bool network:bool bot:bool connector:bool external_auth_id:string status:string idle:any
            last_activity_date:datetime mobile_last_date:any desktop_last_date:any absent:any departments:array
            phones:any bot_data:any type:string website:string email:string
        """,
        owners=(Owner(table="im_chats"),),
        owner_column="CHAT",
        per=_members,
        values={
            "DIALOG": lambda draw: draw.tables["im_chats"].row(draw.owner)["id"],
            "id": _in_chat,
            "active": fixed(value=True),
            "first_name": lambda draw: _member_name(draw, 0),
            "last_name": lambda draw: _member_name(draw, 1),
            "name": lambda draw: f"{draw.row['first_name']} {draw.row['last_name']}",
            "work_position": one_of(*POSTS),
            "color": fixed("#df532d"),
            "avatar": fixed(""),
            "avatar_hr": fixed(""),
            "gender": one_of("M", "F", ""),
            "birthday": one_of("", "08-03"),
            **dict.fromkeys(("extranet", "network", "bot", "connector"), fixed(value=False)),
            "external_auth_id": fixed("default"),
            "status": fixed("online"),
            "idle": fixed(value=False),
            "mobile_last_date": fixed(value=False),
            "desktop_last_date": lambda draw: server_iso(draw.created) if draw.number % 2 else False,
            "absent": fixed(value=False),
            "departments": lambda draw: [1, 7] if draw.number % 2 else [],
            "phones": lambda draw: {"work_phone": "+49 30 1234"} if draw.number % 3 == 0 else False,
            "type": fixed("user"),
            "website": fixed(""),
            "email": one_of("", "a.weber@example.com"),
        },
        asks=(Ask(at="DIALOG_ID", column="DIALOG", missing=_NO_DIALOG),),
        filters="none",
        selects=False,
        order="none",
        paging="limit",
        most=200,
        form="typed",
    ),
    Entry(
        method="log.blogpost.get",
        table="feed_posts",
        scope="log",
        columns="""
            ID:integer LOG:integer~ BLOG_ID:integer PUBLISH_STATUS:char TITLE:string AUTHOR_ID:integer>users
            ENABLE_COMMENTS:char
            NUM_COMMENTS:integer CODE:string MICRO:char DETAIL_TEXT:string DATE_PUBLISH:datetime CATEGORY_ID:string
            HAS_SOCNET_ALL:char HAS_TAGS:char HAS_IMAGES:char HAS_PROPS:char HAS_COMMENT_IMAGES:any
            UF_BLOG_POST_DOC:any UF_BLOG_POST_IMPRTNT:any UF_GRATITUDE:any FILES:any
        """,
        count=130,
        created="DATE_PUBLISH",
        values={
            "LOG": lambda draw: draw.number + 400,
            "BLOG_ID": lambda draw: draw.number % 5 + 1,
            "PUBLISH_STATUS": fixed("P"),
            "TITLE": one_of("", "Итоги недели", "New office & parking"),
            "NUM_COMMENTS": lambda draw: draw.bits % 7,
            "CODE": fixed(None),
            "DETAIL_TEXT": lambda draw: str(draw.one_of(COMMENTS) or "Всем привет! 👋"),
            "DATE_PUBLISH": lambda draw: draw.created,
            "CATEGORY_ID": one_of("", "3,5"),
            "HAS_COMMENT_IMAGES": one_of(None, "N"),
            "UF_BLOG_POST_DOC": lambda draw: {
                "ID": "1",
                "ENTITY_ID": "BLOG_POST",
                "FIELD_NAME": "UF_BLOG_POST_DOC",
                "VALUE": False if draw.number % 2 else [str(draw.number)],
            },
            "UF_BLOG_POST_IMPRTNT": one_of([], None),
            "FILES": _post_files,
        },
        filters="none",
        selects=False,
        order="none",
        default_order=(("ID", True),),
        window=_after_entry,
    ),
    Entry(
        method="log.blogcomment.user.get",
        table="feed_comments",
        scope="log",
        key="id",
        columns="""
            USER_ID:integer~ id:integer comment_id:integer log_id:integer date:datetime text:string attach:array
        """,
        owners=(Owner(table="users"),),
        owner_column="USER_ID",
        per=_comments,
        created="date",
        values={
            "comment_id": lambda draw: draw.number,
            "log_id": lambda draw: 13_000 + draw.bits % 130,
            "text": lambda draw: str(draw.one_of(COMMENTS) or ""),
            "attach": _attached,
        },
        asks=(
            Ask(
                at="USER_ID",
                column="USER_ID",
                unknown=Refusal("ACCESS_DENIED", "Access denied"),
                of="users",
            ),
        ),
        filters="none",
        selects=False,
        order="none",
        paging="first_id",
        size=100,
        most=100,
        form="typed",
        around=_with_files,
    ),
)
