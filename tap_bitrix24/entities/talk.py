"""Calls, chats, open lines, the news feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tap_bitrix24.dialects.pagination import LimitOffset, SinceId, StartParameter
from tap_bitrix24.dialects.response_shapes import keyed, named, scalars
from tap_bitrix24.entities.base import (
    DAY,
    SINGLE_PAGE,
    Entity,
    Parent,
    camel,
    columns,
    for_each_value,
    static_parents,
    upper,
)
from tap_bitrix24.entities.owners import OPEN_LINE_SESSIONS, chat_owners, is_group_chat
from tap_bitrix24.model.endpoint import ReplicationKey

IN_PARAMS = LimitOffset("PARAMS.limit", "PARAMS.offset", "PARAMS.filter", "PARAMS.order")
"""How open lines want their pages."""

TALK: Sequence[Entity] = (
    Entity(
        stream="calls",
        scope=("telephony",),
        endpoint=upper("voximplant.statistic.get", paging=StartParameter("FILTER", ("SORT", "ORDER"))),
        documented_columns=columns(
            integer="ID PORTAL_USER_ID CALL_TYPE CALL_DURATION CALL_VOTE CRM_ENTITY_ID CRM_ACTIVITY_ID REST_APP_ID "
            "TRANSCRIPT_ID SESSION_ID REDIAL_ATTEMPT RECORD_DURATION RECORD_FILE_ID",
            double="COST",
            datetime="CALL_START_DATE",
            string="CALL_ID EXTERNAL_CALL_ID CALL_CATEGORY PORTAL_NUMBER PHONE_NUMBER CALL_LOG CALL_RECORD_URL "
            "COST_CURRENCY CALL_FAILED_CODE CALL_FAILED_REASON CRM_ENTITY_TYPE REST_APP_NAME TRANSCRIPT_PENDING "
            "COMMENT",
        ),
        selected_by_default=True,
        replication_key=ReplicationKey("CALL_START_DATE", "CALL_START_DATE", visibility_delay=2 * DAY),
    ),
    Entity(
        stream="telephony_lines",
        scope=("telephony",),
        endpoint=upper("voximplant.line.get", paging=SINGLE_PAGE, shape=named("LINE_ID", "NAME"), key="LINE_ID"),
        documented_columns=columns(
            string="LINE_ID NAME",
        ),
        primary_key=("LINE_ID",),
    ),
    Entity(
        stream="sip_lines",
        scope=("telephony",),
        endpoint=upper("voximplant.sip.get", paging=StartParameter("FILTER", ("SORT", "ORDER")), key="CONFIG_ID"),
        documented_columns=columns(
            integer="ID CONFIG_ID REG_ID REGISTRATION_STATUS_CODE",
            string="TYPE TITLE APP_ID SERVER LOGIN PASSWORD INCOMING_SERVER INCOMING_LOGIN INCOMING_PASSWORD AUTH_USER "
            "OUTBOUND_PROXY DETECT_LINE_NUMBER LINE_DETECT_HEADER_ORDER REGISTRATION_ERROR_MESSAGE",
        ),
        primary_key=("CONFIG_ID",),
    ),
    Entity(
        stream="telephony_users",
        scope=("telephony",),
        endpoint=upper("voximplant.user.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID",
            boolean="PHONE_ENABLED",
            string="DEFAULT_LINE SIP_SERVER SIP_LOGIN SIP_PASSWORD INNER_NUMBER",
        ),
        parents=static_parents(Parent(stream="users", param="USER_ID", group_size=50, owner_key="ID")),
    ),
    Entity(
        stream="openlines_configs",
        scope=("imopenlines",),
        endpoint=upper(
            "imopenlines.config.list.get",
            paging=LimitOffset("PARAMS.limit", "PARAMS.offset", "PARAMS.filter", "PARAMS.order"),
        ),
        documented_columns=columns(
            integer="ID",
            boolean="ACTIVE",
            string="LINE_NAME CRM CRM_CREATE CRM_CREATE_SECOND CRM_CREATE_THIRD CRM_FORWARD CRM_CHAT_TRACKER "
            "CRM_TRANSFER_CHANGE CRM_SOURCE QUEUE_TYPE QUEUE_TIME NO_ANSWER_TIME CHECK_AVAILABLE WATCH_TYPING "
            "WELCOME_BOT_ENABLE WELCOME_MESSAGE WELCOME_MESSAGE_TEXT VOTE_MESSAGE VOTE_TIME_LIMIT "
            "VOTE_BEFORE_FINISH VOTE_CLOSING_DELAY VOTE_MESSAGE_1_TEXT VOTE_MESSAGE_1_LIKE VOTE_MESSAGE_1_DISLIKE "
            "VOTE_MESSAGE_2_TEXT VOTE_MESSAGE_2_LIKE VOTE_MESSAGE_2_DISLIKE AGREEMENT_MESSAGE AGREEMENT_ID "
            "CATEGORY_ENABLE CATEGORY_ID WELCOME_BOT_JOIN WELCOME_BOT_ID WELCOME_BOT_TIME WELCOME_BOT_LEFT "
            "NO_ANSWER_RULE NO_ANSWER_FORM_ID NO_ANSWER_BOT_ID NO_ANSWER_TEXT WORKTIME_ENABLE WORKTIME_FROM "
            "WORKTIME_TO WORKTIME_TIMEZONE WORKTIME_DAYOFF_RULE WORKTIME_DAYOFF_FORM_ID WORKTIME_DAYOFF_BOT_ID "
            "WORKTIME_DAYOFF_TEXT CLOSE_RULE CLOSE_FORM_ID CLOSE_BOT_ID CLOSE_TEXT FULL_CLOSE_TIME "
            "AUTO_CLOSE_RULE AUTO_CLOSE_FORM_ID AUTO_CLOSE_BOT_ID AUTO_CLOSE_TIME AUTO_CLOSE_TEXT "
            "AUTO_EXPIRE_TIME MODIFY_USER_ID TEMPORARY XML_ID LANGUAGE_ID QUICK_ANSWERS_IBLOCK_ID "
            "SESSION_PRIORITY TYPE_MAX_CHAT MAX_CHAT OPERATOR_DATA KPI_FIRST_ANSWER_TIME KPI_FIRST_ANSWER_ALERT "
            "KPI_FIRST_ANSWER_TEXT KPI_FURTHER_ANSWER_TIME KPI_FURTHER_ANSWER_ALERT KPI_FURTHER_ANSWER_TEXT "
            "KPI_CHECK_OPERATOR_ACTIVITY SEND_NOTIFICATION_EMPTY_QUEUE USE_WELCOME_FORM WELCOME_FORM_ID "
            "WELCOME_FORM_DELAY SEND_WELCOME_EACH_SESSION CONFIRM_CLOSE IGNORE_WELCOME_FORM_RESPONSIBLE",
            datetime="DATE_CREATE DATE_MODIFY",
            integer_list="QUEUE",
            object_list="CONFIG_QUEUE",
            json="WORKTIME_HOLIDAYS WORKTIME_DAYOFF QUEUE_USERS_FIELDS "
            "DEFAULT_OPERATOR_DATA KPI_FIRST_ANSWER_LIST KPI_FURTHER_ANSWER_LIST",
        ),
        variants=for_each_value(
            "OPTIONS.QUEUE", "Y", **{"OPTIONS.CONFIG_QUEUE": "Y"}
        ),  # unasked, a line tells no queue
    ),
    Entity(
        stream="openlines_crm_chats",
        scope=("imopenlines",),
        endpoint=upper("imopenlines.crm.chat.get", paging=SINGLE_PAGE, key="CHAT_ID"),
        documented_columns=columns(
            integer="CHAT_ID CRM_ENTITY",
            string="CONNECTOR_ID CONNECTOR_TITLE CRM_ENTITY_TYPE",
        ),
        primary_key=("CRM_ENTITY_TYPE", "CRM_ENTITY", "CHAT_ID"),
        parents=chat_owners,
    ),
    Entity(
        stream="openlines_session_messages",
        scope=("imopenlines",),
        endpoint=camel("imopenlines.session.history.get", "message", paging=SINGLE_PAGE, shape=keyed("id")),
        documented_columns=columns(
            integer="id chatid senderid sessionId",
            datetime="date",
            string="recipientid text textlegacy",
            json="params",
        ),
        primary_key=("id",),
        parents=static_parents(OPEN_LINE_SESSIONS),
    ),
    Entity(
        stream="im_recent_chats",
        scope=("im",),
        endpoint=camel("im.recent.list", "items", paging=LimitOffset()),
        documented_columns=columns(
            integer="chat_id counter last_id",
            boolean="pinned unread has_reminder",
            datetime="date_update date_last_activity",
            string="id type title",
            json="avatar message user chat lines options",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="im_dialog_messages",
        scope=("im",),
        endpoint=camel("im.dialog.messages.get", "messages", paging=SinceId()),
        documented_columns=columns(
            integer="id chat_id author_id",
            boolean="unread",
            datetime="date disappearing_date",
            string="text uuid dialogId",
            json="replaces params",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="im_recent_chats", param="DIALOG_ID", column="dialogId")),
    ),
    Entity(
        stream="im_chat_users",
        scope=("im",),
        endpoint=upper("im.chat.user.list", paging=SINGLE_PAGE, shape=scalars("USER_ID"), key="USER_ID"),
        documented_columns=columns(
            integer="CHAT_ID USER_ID",
        ),
        primary_key=("CHAT_ID", "USER_ID"),
        parents=static_parents(
            Parent(stream="im_recent_chats", param="CHAT_ID", column="CHAT_ID", value_key="chat_id")
        ),
    ),
    Entity(
        stream="im_dialog_users",
        scope=("im",),
        endpoint=camel("im.dialog.users.list", paging=LimitOffset()),
        documented_columns=columns(
            integer="id",
            boolean="active extranet network bot connector",
            datetime="idle last_activity_date mobile_last_date desktop_last_date",
            string="name first_name last_name work_position color avatar avatar_hr gender birthday external_auth_id "
            "status type website email absent dialogId",
            json="departments phones bot_data",
        ),
        primary_key=("dialogId", "id"),
        parents=static_parents(
            Parent(stream="im_recent_chats", param="DIALOG_ID", column="dialogId", has_children=is_group_chat)
        ),
    ),
    Entity(
        stream="feed_posts",
        scope=("log",),
        endpoint=upper(
            "log.blogpost.get", paging=StartParameter(order=None)
        ),  # FIRST_ID takes ids of the feed, not of posts
        documented_columns=columns(
            integer="ID BLOG_ID AUTHOR_ID NUM_COMMENTS",
            datetime="DATE_PUBLISH",
            string="PUBLISH_STATUS TITLE ENABLE_COMMENTS CODE MICRO DETAIL_TEXT CATEGORY_ID",
            text="HAS_SOCNET_ALL HAS_TAGS HAS_IMAGES HAS_PROPS HAS_COMMENT_IMAGES",
            json="UF_BLOG_POST_DOC UF_BLOG_POST_URL_PRV UF_GRATITUDE UF_BLOG_POST_FILE UF_BLOG_POST_IMPRTNT "
            "UF_IMPRTANT_DATE_END UF_BLOG_POST_VOTE UF_MAIL_MESSAGE FILES",
        ),
    ),
    Entity(
        stream="feed_comments",
        scope=("log",),
        endpoint=replace(camel("log.blogcomment.user.get", "comments", paging=SinceId()), page_size=100),
        documented_columns=columns(
            integer="id comment_id log_id USER_ID",
            datetime="date",
            string="text",
            integer_list="attach",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="users", param="USER_ID", column="USER_ID")),
    ),
)
