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
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal, columns
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_CRM_KINDS: Final = (("leads", "lead"), ("deals", "deal"), ("contacts", "contact"), ("companies", "company"))
_NO_DIALOG: Final = Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")

_SIP: Final = """
    CONFIG_ID:integer TYPE:string TITLE:string REG_ID:integer APP_ID:string SERVER:string LOGIN:string
    PASSWORD:string INCOMING_SERVER:string INCOMING_LOGIN:string INCOMING_PASSWORD:string AUTH_USER:string
    OUTBOUND_PROXY:string DETECT_LINE_NUMBER:char LINE_DETECT_HEADER_ORDER:string REGISTRATION_STATUS_CODE:integer
    REGISTRATION_ERROR_MESSAGE:string
"""


def _secret(draft: RowDraft) -> str:
    """Return a password; clients must not store it."""
    return f"pw-{draft.seeds.mix(draft.number, 97):012x}"


def _messages(seeds: Seeds, activity: int) -> int:
    """Return the number of messages of an activity; only sessions of open lines have any."""
    return 2 + activity % 4 if is_open_line(seeds, activity) else 0


def _session(request: ListRequest, rows: Any, listed: Sequence[Row]) -> Row:
    """Return the messages of a session with its chat and its users."""
    session = int(request.at("SESSION_ID"))
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


def _active_only(request: ListRequest) -> Sequence[Condition]:
    """Return the condition for active chats, or none with ``ACTIVE_ONLY=N``."""
    if request.at("ACTIVE_ONLY") == "N":
        return []
    return [Condition("ACTIVE", "=", "Y", lambda value: value == "Y")]


def _members(_: Seeds, chat: int) -> int:
    """Return the number of members of a chat; private dialogs have none."""
    return 0 if chat % 4 == 0 else 1 + chat % 5


def _in_chat(draft: RowDraft) -> int:
    """Return a member of a chat by its place; members differ."""
    people = draft.seeds.initial_ids["users"]
    return people[(draft.owner + draft.place) % len(people)]


def _member_name(draft: RowDraft, place: int) -> str:
    """Return first or last name of a member, the same in every chat."""
    mixed = draft.seeds.mix(draft.row["id"], 61)
    return (FIRST_NAMES[mixed % len(FIRST_NAMES)], LAST_NAMES[(mixed >> 9) % len(LAST_NAMES)])[place]


def _attached(draft: RowDraft) -> list[int]:
    """Return the ids of the files of a comment."""
    return [90_000 + draft.number] if draft.number % 9 == 0 else []


def _comments(seeds: Seeds, user: int) -> int:
    """Return the number of comments of a user; one user has more than a page."""
    return 130 if user == seeds.initial_ids["users"][1] else 2 * user % 7


def _with_files(_: ListRequest, rows: Any, listed: Sequence[Row]) -> Row:
    """Return comments with their files: a map by id, or an empty list."""
    files = {
        str(number): {"id": number, "type": "image", "name": "схема <1>.png", "size": 184_320, "authorId": 1}
        for row in listed
        for number in row["attach"]
    }
    return {"comments": rows, "files": files}


def _after_entry(request: ListRequest) -> Sequence[Condition]:
    """Return the condition of FIRST_ID, the id of a feed entry: answers do not show it, posts have ids of their own."""
    first = request.at("FIRST_ID")
    return [] if first is None else [ranged("LOG", ">", php.intval(first))]


def _post_files(draft: RowDraft) -> Any:
    """Return the files of a post, with a link that holds a token; without files null, false or an empty list."""
    if draft.number % 5:
        return (None, [], False)[draft.number % 3]
    link = f"https://demo.example/bitrix/tools/disk/uf.php?attachedId={draft.number}&auth[aplogin]=1&auth[ap]=s3cr3t"
    return [{"id": str(draft.number), "name": "план.pdf", "size": 1024, "urlDownload": link}]


ENTRIES: Final = (
    Entry(
        method="voximplant.sip.get",
        table="sip_lines",
        scope="telephony",
        key="CONFIG_ID",
        columns=f"ID:integer {_SIP}",
        visible_names=tuple(one.name for one in columns(_SIP)),  # the ID can be filtered by, but is not shown
        count=4,
        values={
            "ID": lambda draft: draft.number + 20,
            "TYPE": one_of("cloud", "office"),
            "TITLE": numbered("Линия <{}>"),
            "REG_ID": lambda draft: draft.bits % 90_000,
            "APP_ID": fixed("demo.telephony"),
            "SERVER": fixed("sip.example.com:5060"),
            "LOGIN": numbered("line{}"),
            "PASSWORD": _secret,
            "INCOMING_SERVER": fixed("sip.example.com"),
            "INCOMING_LOGIN": numbered("in{}"),
            "INCOMING_PASSWORD": lambda draft: f"in-{_secret(draft)}",
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
            "SIP_PASSWORD": lambda draft: None if draft.number % 3 == 0 else _secret(draft),
            "INNER_NUMBER": numbered("10{}"),
        },
        parents=(
            ParentParameter(
                path="USER_ID", column="ID", many=True, missing=Refusal("ERROR_ARGUMENT", "Argument 'USER_ID' is empty")
            ),
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
            "CONNECTOR_TITLE": lambda draft: {"livechat": "Онлайн-чат"}.get(draft.row["CONNECTOR_ID"], "Telegram"),
        },
        parents=tuple(
            ParentParameter(
                path=name, column=name, missing=Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty")
            )
            for name in ("CRM_ENTITY_TYPE", "CRM_ENTITY")
        ),
        extra_conditions=_active_only,
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
            "chatid": lambda draft: 1000 + draft.owner,
            "senderid": lambda draft: draft.pick("users") if draft.place else 0,
            "recipientid": lambda draft: f"chat{1000 + draft.owner}",
            "textlegacy": lambda draft: str(draft.one_of(COMMENTS) or "") if draft.place else "<b>Новый лид</b>",
            "text": lambda draft: draft.row["textlegacy"].replace("<b>", "[b]").replace("</b>", "[/b]"),
            "params": lambda draft: (
                {"connectorMid": [str(draft.number)], "fileId": [draft.number]} if draft.place else []
            ),
        },
        parents=(
            ParentParameter(
                path="SESSION_ID",
                column="SESSION",
                missing=Refusal("MISSING_REQUIRED_PARAM", "Session ID or Chat ID must be provided"),
                unknown=Refusal("ACCESS_DENIED", "You don't have access to this chat"),
                table="activities",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="keyed",
        envelope=_session,
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
        parents=(
            ParentParameter(
                path="CHAT_ID",
                column="CHAT",
                missing=Refusal("CHAT_ID_EMPTY", "Chat ID can't be empty"),
                unknown=Refusal("ACCESS_ERROR", "You don't have access to this chat", 403),
                table="im_chats",
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
            "DIALOG": lambda draft: draft.tables["im_chats"].row(draft.owner)["id"],
            "id": _in_chat,
            "active": fixed(value=True),
            "first_name": lambda draft: _member_name(draft, 0),
            "last_name": lambda draft: _member_name(draft, 1),
            "name": lambda draft: f"{draft.row['first_name']} {draft.row['last_name']}",
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
            "desktop_last_date": lambda draft: server_iso(draft.created) if draft.number % 2 else False,
            "absent": fixed(value=False),
            "departments": lambda draft: [1, 7] if draft.number % 2 else [],
            "phones": lambda draft: {"work_phone": "+49 30 1234"} if draft.number % 3 == 0 else False,
            "type": fixed("user"),
            "website": fixed(""),
            "email": one_of("", "a.weber@example.com"),
        },
        parents=(ParentParameter(path="DIALOG_ID", column="DIALOG", missing=_NO_DIALOG),),
        filters="none",
        selects=False,
        order="none",
        paging="limit",
        max_size=200,
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
            "LOG": lambda draft: draft.number + 400,
            "BLOG_ID": lambda draft: draft.number % 5 + 1,
            "PUBLISH_STATUS": fixed("P"),
            "TITLE": one_of("", "Итоги недели", "New office & parking"),
            "NUM_COMMENTS": lambda draft: draft.bits % 7,
            "CODE": fixed(None),
            "DETAIL_TEXT": lambda draft: str(draft.one_of(COMMENTS) or "Всем привет! 👋"),
            "DATE_PUBLISH": lambda draft: draft.created,
            "CATEGORY_ID": one_of("", "3,5"),
            "HAS_COMMENT_IMAGES": one_of(None, "N"),
            "UF_BLOG_POST_DOC": lambda draft: {
                "ID": "1",
                "ENTITY_ID": "BLOG_POST",
                "FIELD_NAME": "UF_BLOG_POST_DOC",
                "VALUE": False if draft.number % 2 else [str(draft.number)],
            },
            "UF_BLOG_POST_IMPRTNT": one_of([], None),
            "FILES": _post_files,
        },
        filters="none",
        selects=False,
        order="none",
        default_order=(("ID", True),),
        extra_conditions=_after_entry,
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
            "comment_id": lambda draft: draft.number,
            "log_id": lambda draft: 13_000 + draft.bits % 130,
            "text": lambda draft: str(draft.one_of(COMMENTS) or ""),
            "attach": _attached,
        },
        parents=(
            ParentParameter(
                path="USER_ID",
                column="USER_ID",
                unknown=Refusal("ACCESS_DENIED", "Access denied"),
                table="users",
            ),
        ),
        filters="none",
        selects=False,
        order="none",
        paging="first_id",
        size=100,
        max_size=100,
        form="typed",
        envelope=_with_files,
    ),
)
