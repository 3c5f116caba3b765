"""Lists of REST 3.0 only: event log, structure, working time, follow-ups of calls, mail, notes, task links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_bitrix24.dialects.pagination import CursorPaginator, PaginationObject, TailCursor
from tap_bitrix24.dialects.response_shapes import listed, single
from tap_bitrix24.entities.entity import Entity, Parent, Select
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import of_tasks
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.presets import ALL_FIELDS, DAY, SINGLE_PAGE, Scope, rest_v3_list
from tap_bitrix24.entities.variants import ListVariant, for_each_value
from tap_bitrix24.model.endpoint import ReplicationKey, Row


def _tree(value: Any) -> list[Row] | None:
    """Nested documents as one row each; the parent of `children` comes before them."""
    nodes = listed(value)
    if nodes is None:
        return None
    rows: list[Row] = []
    for node in nodes:
        rows.append({name: value for name, value in node.items() if name != "children"})
        rows += _tree(node.get("children")) or []
    return rows


def _chats(value: Any) -> list[Row] | None:
    """Chats, channels and collabs of a department, which come in a list each."""
    if not isinstance(value, Mapping):
        return None
    return [row for kind in ("chats", "channels", "collabs") for row in listed(value.get(kind)) or []]


def _until_run_began(portal: PortalInfo) -> list[ListVariant]:
    """Mail is paged by offset, in no order: messages that arrive during the run must not move the pages."""
    since = {} if portal.start_date is None else {"dateFrom": portal.start_date.isoformat(timespec="seconds")}
    return [ListVariant({**since, "dateTo": portal.clock.isoformat(timespec="seconds")})]


_STATES = {"open": 0, "closed": 1}


def _classic_result(row: Row) -> Row:
    """A task's result as classic REST has it: its author, and its state as a number."""
    renamed = {"authorId": "createdBy", "messageId": "commentId", "fileIds": "files"}
    classic = {renamed.get(name, name): value for name, value in row.items()}
    return {**classic, "status": _STATES.get(row.get("status", ""), row.get("status"))}


_COLUMNS = known_columns("rest_v3")
main = Scope(("main",), _COLUMNS)
humanresources = Scope(("humanresources",), _COLUMNS)
timeman = Scope(("timeman",), _COLUMNS)
call = Scope(("call",), _COLUMNS)
mail = Scope(("mail",), _COLUMNS)
note = Scope(("note",), _COLUMNS)
tasks = Scope(("tasks",), _COLUMNS)

_FOLLOW_UP_REPLICATION_KEY = ReplicationKey("startDate", "startDate", visibility_delay=7 * DAY)
"""What AI makes of a call comes days later, and changes no date that filters know."""
_RESULT_COLUMNS = ("id", "taskId", "text", "authorId", "createdAt", "updatedAt", "status", "fileIds", "messageId")
_MEMBERS_OF_NODE = {"select": ["id", "members"]}

REST_V3_ENTITIES: Sequence[Entity] = (
    main.stream(
        "event_log",
        rest_v3_list("main.eventlog.tail", paging=TailCursor(), fields="main.eventlog.field.list"),
        replication_key="timestampX",
        select=ALL_FIELDS,
    ),
    humanresources.stream(
        "hr_structure_nodes",
        rest_v3_list("humanresources.node.list", page_size=200, fields="humanresources.node.field.list"),
        select=ALL_FIELDS,
        variants=for_each_value("type", "DEPARTMENT", "TEAM"),
    ),
    humanresources.stream(
        "hr_node_members",
        rest_v3_list(
            "humanresources.node.get",
            "item.members",
            paging=SINGLE_PAGE,
            fields="humanresources.node.member.field.list",
        ),
        primary_key=("nodeId", "userId"),
        parents=Parent("hr_structure_nodes", "id", column="nodeId", name="node", fixed_params=_MEMBERS_OF_NODE),
    ),
    humanresources.stream(
        "hr_node_communications",
        rest_v3_list("humanresources.node.communication.list", "", paging=SINGLE_PAGE, shape=_chats),
        primary_key=("nodeId", "dialogId"),
        parents=Parent("hr_structure_nodes", "id", column="nodeId", name="node"),
    ),
    timeman.stream(
        "timeman_records",
        rest_v3_list(
            "timeman.record.list", paging=PaginationObject(orderable=True), fields="timeman.record.field.list"
        ),
        select=ALL_FIELDS,
        parents=Parent("users", "filter.userId", name="user"),
    ),
    call.stream(
        "call_followups",
        rest_v3_list(
            "call.followup.list", paging=CursorPaginator("startDate"), page_size=20, fields="call.followup.field.list"
        ),
        primary_key=("callId",),
        replication_key=_FOLLOW_UP_REPLICATION_KEY,
        select=ALL_FIELDS,
    ),
    mail.stream("mailboxes", rest_v3_list("mail.mailbox.list", page_size=100, fields="mail.mailbox.field.list")),
    mail.stream(
        "mail_messages",
        rest_v3_list("mail.message.list", page_size=200, fields="mail.message.field.list"),
        parents=Parent("mailboxes", "mailboxId", name="mailbox", variants=_until_run_began),
    ),
    note.stream(
        "note_collections",
        rest_v3_list(
            "note.collection.list", paging=CursorPaginator(), page_size=200, fields="note.collection.field.list"
        ),
    ),
    note.stream(
        "note_documents",
        rest_v3_list("note.document.tree.list", paging=SINGLE_PAGE, shape=_tree),
        parents=Parent("note_collections", "collectionId", name="collection"),
    ),
    note.stream(
        "note_document_contents",
        rest_v3_list("note.document.get", "item", paging=SINGLE_PAGE, shape=single, fields="note.document.field.list"),
        parents=Parent("note_documents", "id", name="document"),
    ),
    tasks.stream(
        "task_gantt_links",
        rest_v3_list("tasks.task.gantt.link.list", fields="tasks.task.gantt.link.field.list"),
        primary_key=("taskId", "dependentId"),
        select=ALL_FIELDS,
        parents=of_tasks("filter.taskId"),
    ),
)

TASK_RESULTS = tasks.stream(
    "task_results",
    rest_v3_list("tasks.task.result.list", paging=PaginationObject(ordered=True)),
    select=Select(names=_RESULT_COLUMNS),
    reshape=_classic_result,
    parents=of_tasks("filter.taskId"),
)
"""Preferred to the classic method: typed, ordered and paged; only that one gives `formattedText`."""
