"""Calls, chats, open lines, the news feed."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import LimitOffset, SinceId
from tap_bitrix24.dialects.response_shapes import keyed, named, scalars
from tap_bitrix24.entities.entity import Callers, Entity, Parent
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import ITEMS_WITH_CHATS, OPEN_LINE_SESSIONS, is_group_chat
from tap_bitrix24.entities.presets import (
    DAY,
    FILTER_SORT_ORDER,
    UNORDERED,
    Scope,
    classic_list,
    controller_list,
    unpaged_list,
)
from tap_bitrix24.entities.variants import for_each_value
from tap_bitrix24.model.endpoint import ReplicationKey

_COLUMNS = known_columns("communication")
telephony = Scope(("telephony",), _COLUMNS)
imopenlines = Scope(("imopenlines",), _COLUMNS)
im = Scope(("im",), _COLUMNS)
log = Scope(("log",), _COLUMNS)

IN_PARAMS = LimitOffset("PARAMS.limit", "PARAMS.offset", "PARAMS.filter", "PARAMS.order")
"""How pages of open lines are requested."""

COMMUNICATION: Sequence[Entity] = (
    telephony.default_stream(
        "calls",
        classic_list("voximplant.statistic.get", paging=FILTER_SORT_ORDER),
        replication_key=ReplicationKey("CALL_START_DATE", "CALL_START_DATE", visibility_delay=2 * DAY),
    ),
    telephony.stream(
        "telephony_lines", unpaged_list("voximplant.line.get", key="LINE_ID", shape=named("LINE_ID", "NAME"))
    ),
    telephony.stream(
        "sip_lines",
        classic_list("voximplant.sip.get", key="CONFIG_ID", paging=FILTER_SORT_ORDER),
        callers=Callers.APPLICATIONS,
    ),
    telephony.stream(
        "telephony_users",
        unpaged_list("voximplant.user.get"),
        parents=Parent("users", "USER_ID", group_size=50, owner_key="ID"),
    ),
    imopenlines.stream(
        "openlines_configs",
        classic_list("imopenlines.config.list.get", paging=IN_PARAMS),
        variants=for_each_value("OPTIONS.QUEUE", "Y", **{"OPTIONS.CONFIG_QUEUE": "Y"}),  # or lines lack their queue
    ),
    imopenlines.stream(
        "openlines_crm_chats",
        unpaged_list("imopenlines.crm.chat.get", key="CHAT_ID"),
        primary_key=("CRM_ENTITY_TYPE", "CRM_ENTITY", "CHAT_ID"),
        parents=ITEMS_WITH_CHATS,
    ),
    imopenlines.stream(
        "openlines_session_messages",
        unpaged_list("imopenlines.session.history.get", "message", key="id", shape=keyed("id")),
        parents=OPEN_LINE_SESSIONS,
    ),
    im.stream("im_recent_chats", controller_list("im.recent.list", "items", paging=LimitOffset())),
    im.stream(
        "im_dialog_messages",
        controller_list("im.dialog.messages.get", "messages", paging=SinceId()),
        parents=Parent("im_recent_chats", "DIALOG_ID", column="dialogId"),
    ),
    im.stream(
        "im_chat_users",
        unpaged_list("im.chat.user.list", key="USER_ID", shape=scalars("USER_ID")),
        primary_key=("CHAT_ID", "USER_ID"),
        parents=Parent("im_recent_chats", "CHAT_ID", column="CHAT_ID", value_key="chat_id"),
    ),
    im.stream(
        "im_dialog_users",
        controller_list("im.dialog.users.list", paging=LimitOffset()),
        primary_key=("dialogId", "id"),
        parents=Parent("im_recent_chats", "DIALOG_ID", column="dialogId", has_children=is_group_chat),
    ),
    # FIRST_ID takes ids of the feed, not of posts
    log.stream("feed_posts", classic_list("log.blogpost.get", paging=UNORDERED)),
    log.stream(
        "feed_comments",
        controller_list("log.blogcomment.user.get", "comments", paging=SinceId(), page_size=100),
        parents=Parent("users", "USER_ID", column="USER_ID"),
    ),
)
