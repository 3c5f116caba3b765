"""What only REST 3.0 lists: event log, structure, working time, follow-ups of calls, mail, notes, task links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_bitrix24.dialects.pagination import CursorPaginator, PaginationObject, SinglePage, TailCursor
from tap_bitrix24.dialects.response_shapes import listed, single
from tap_bitrix24.entities.base import DAY, Entity, Parent, columns, for_each_value, static_parents
from tap_bitrix24.entities.owners import of_tasks
from tap_bitrix24.entities.portal_info import ListVariant, PortalInfo
from tap_bitrix24.model.endpoint import REST_3, Endpoint, Pagination, ReplicationKey, ResponseShape, Row


def _newer(
    method: str,
    rows_at: str = "items",
    *,
    paging: Pagination | None = None,
    shape: ResponseShape = listed,
    size: int = 1_000,
    select: str = "select",
) -> Endpoint:
    """A list of REST 3.0; `size` is the most the documentation allows, and what is asked for."""
    return Endpoint(
        method,
        paging or PaginationObject(),
        shape,
        rows_at,
        "id",
        "id",
        select,
        page_size=size,
        supports_chaining=False,
        reliable_total=False,
        dialect=REST_3,
    )


def _tree(value: Any) -> list[Row] | None:
    """Nested documents → one row each; `children` lie below their parent."""
    nodes = listed(value)
    if nodes is None:
        return None
    rows: list[Row] = []
    for node in nodes:
        rows.append({name: each for name, each in node.items() if name != "children"})
        rows += _tree(node.get("children")) or []
    return rows


def _talks(value: Any) -> list[Row] | None:
    """Chats, channels and collabs of a department, which come in a list each."""
    if not isinstance(value, Mapping):
        return None
    return [row for kind in ("chats", "channels", "collabs") for row in listed(value.get(kind)) or []]


def _read_until_now(portal: PortalInfo) -> list[ListVariant]:
    """Mail is paged by offset and has no order: what arrives while it is read must not move the pages."""
    since = {} if portal.start_date is None else {"dateFrom": portal.start_date.isoformat(timespec="seconds")}
    return [ListVariant({**since, "dateTo": portal.clock.isoformat(timespec="seconds")})]


EVENT_LOG = Entity(
    stream="event_log",
    scope=("main",),
    endpoint=_newer("main.eventlog.tail", paging=TailCursor()),
    fields_method="main.eventlog.field.list",
    documented_columns=columns(
        integer="id userId guestId",
        datetime="timestampX",
        string="severity auditTypeId moduleId itemId remoteAddr userAgent requestUri siteId description",
    ),
    primary_key=("id",),
    replication_key=ReplicationKey("timestampX", "timestampX"),
    select_all_fields=True,
)
NODES = Entity(
    stream="hr_structure_nodes",
    scope=("humanresources",),
    endpoint=_newer("humanresources.node.list", size=200),
    fields_method="humanresources.node.field.list",
    documented_columns=columns(
        integer="id structureId parentId userCount",
        string="name type description accessCode colorName xmlId",
    ),
    type_overrides={"createdAt": "datetime", "updatedAt": "datetime"},
    primary_key=("id",),
    variants=for_each_value("type", "DEPARTMENT", "TEAM"),
    select_all_fields=True,
)
NODE_MEMBERS = Entity(
    stream="hr_node_members",
    scope=("humanresources",),
    endpoint=_newer("humanresources.node.get", "item.members", paging=SinglePage(), select=""),
    fields_method="humanresources.node.member.field.list",
    documented_columns=columns(integer="userId", string="name workPosition role avatar url"),
    type_overrides={"nodeId": "integer"},
    primary_key=("nodeId", "userId"),
    parents=static_parents(
        Parent(
            stream="hr_structure_nodes",
            param="id",
            column="nodeId",
            name="node",
            fixed_params={"select": ["id", "members"]},
        )
    ),
)
NODE_TALKS = Entity(
    stream="hr_node_communications",
    scope=("humanresources",),
    endpoint=_newer("humanresources.node.communication.list", "", paging=SinglePage(), shape=_talks, select=""),
    documented_columns=columns(
        integer="id originalNodeId",
        string="dialogId title subtitle type avatar color",
        boolean="hasAccess isExtranet",
    ),
    type_overrides={"nodeId": "integer"},
    primary_key=("nodeId", "dialogId"),
    parents=static_parents(Parent(stream="hr_structure_nodes", param="id", column="nodeId", name="node")),
)
TIME_RECORDS = Entity(
    stream="timeman_records",
    scope=("timeman",),
    endpoint=_newer("timeman.record.list", paging=PaginationObject(orderable=True)),
    fields_method="timeman.record.field.list",
    documented_columns=columns(
        integer="id userId duration breakLength",
        datetime="startTime endTime",
        string="state",
        boolean="isApproved",
    ),
    primary_key=("id",),
    select_all_fields=True,
    parents=static_parents(Parent(stream="users", param="filter.userId", name="user")),
)
FOLLOW_UPS = Entity(
    stream="call_followups",
    scope=("call",),
    endpoint=_newer("call.followup.list", paging=CursorPaginator("startDate"), size=20),
    fields_method="call.followup.field.list",
    documented_columns=columns(
        integer="callId callType initiatorId durationSeconds version",
        string="uuid language",
        json="participants outcomes tracks transcription overview summary insights evaluation",
    ),
    type_overrides={"startDate": "datetime", "endDate": "datetime", "createdAt": "datetime"},
    primary_key=("callId",),
    replication_key=ReplicationKey("startDate", "startDate", visibility_delay=7 * DAY),
    select_all_fields=True,
)
"""What AI makes of a call comes days later, and changes no date that could be asked for."""
MAILBOXES = Entity(
    stream="mailboxes",
    scope=("mail",),
    endpoint=_newer("mail.mailbox.list", size=100, select=""),
    fields_method="mail.mailbox.field.list",
    documented_columns=columns(integer="id", string="name email senderName"),
    primary_key=("id",),
)
MESSAGES = Entity(
    stream="mail_messages",
    scope=("mail",),
    endpoint=_newer("mail.message.list", size=200, select=""),
    fields_method="mail.message.field.list",
    documented_columns=columns(
        integer="id mailboxId",
        string="mailboxEmail subject from to cc url body",
        boolean="isSeen hasAttachments",
        json="bindings",
    ),
    type_overrides={"date": "datetime"},
    primary_key=("id",),
    parents=static_parents(Parent(stream="mailboxes", param="mailboxId", name="mailbox", variants=_read_until_now)),
)
NOTE_COLLECTIONS = Entity(
    stream="note_collections",
    scope=("note",),
    endpoint=_newer("note.collection.list", paging=CursorPaginator(), size=200, select=""),
    fields_method="note.collection.field.list",
    documented_columns=columns(integer="id position createdBy updatedBy", string="name policyLevel"),
    type_overrides={"createdAt": "datetime", "updatedAt": "datetime"},
    primary_key=("id",),
)
NOTE_DOCUMENTS = Entity(
    stream="note_documents",
    scope=("note",),
    endpoint=_newer("note.document.tree.list", paging=SinglePage(), shape=_tree, select=""),
    documented_columns=columns(integer="id collectionId parentId position", string="title"),
    primary_key=("id",),
    parents=static_parents(Parent(stream="note_collections", param="collectionId", name="collection")),
)
NOTE_CONTENTS = Entity(
    stream="note_document_contents",
    scope=("note",),
    endpoint=_newer("note.document.get", "item", paging=SinglePage(), shape=single, select=""),
    fields_method="note.document.field.list",
    documented_columns=columns(
        integer="id collectionId parentId position createdBy updatedBy", string="title markdown"
    ),
    type_overrides={"createdAt": "datetime", "updatedAt": "datetime"},
    primary_key=("id",),
    parents=static_parents(Parent(stream="note_documents", param="id", name="document")),
)
TASK_LINKS = Entity(
    stream="task_gantt_links",
    scope=("tasks",),
    endpoint=_newer("tasks.task.gantt.link.list"),
    fields_method="tasks.task.gantt.link.field.list",
    documented_columns=columns(integer="taskId dependentId creatorId", string="type"),
    primary_key=("taskId", "dependentId"),
    select_all_fields=True,
    parents=of_tasks("filter.taskId"),
)

REST_V3: Sequence[Entity] = (
    EVENT_LOG,
    NODES,
    NODE_MEMBERS,
    NODE_TALKS,
    TIME_RECORDS,
    FOLLOW_UPS,
    MAILBOXES,
    MESSAGES,
    NOTE_COLLECTIONS,
    NOTE_DOCUMENTS,
    NOTE_CONTENTS,
    TASK_LINKS,
)

_STATES = {"open": 0, "closed": 1}


def _classic_result(row: Row) -> Row:
    """A task's result as classic REST has it: who wrote it, and its state as a number."""
    renamed = {"authorId": "createdBy", "messageId": "commentId", "fileIds": "files"}
    brought = {renamed.get(name, name): value for name, value in row.items()}
    return {**brought, "status": _STATES.get(row.get("status", ""), row.get("status"))}


TASK_RESULTS = Entity(
    stream="task_results",
    scope=("tasks",),
    endpoint=_newer("tasks.task.result.list", paging=PaginationObject(ordered=True)),
    select=("id", "taskId", "text", "authorId", "createdAt", "updatedAt", "status", "fileIds", "messageId"),
    primary_key=("id",),
    reshape=_classic_result,
    parents=of_tasks("filter.taskId"),
)
"""Preferred to the classic method: typed, ordered and paged; `formattedText` comes from that one only."""
