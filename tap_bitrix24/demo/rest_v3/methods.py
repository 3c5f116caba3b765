"""The read methods of REST 3.0, one row of data each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_LIMIT: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One method; ``handler`` is a key of ``handlers.HANDLERS``."""

    method: str
    scope: str
    handler: str
    shape: str
    """Name of the type of its rows, a key of ``objects.OBJECTS``."""
    table: str
    max_limit: int = MAX_LIMIT
    default_limit: int = 50
    required: str = ""
    """A field that the filter must name."""
    default_select: Sequence[str] = ()
    """Fields without ``select``; empty: all but relations."""
    heavy: Sequence[str] = ()
    """Fields that reduce the maximum limit to 20."""
    key: str = "id"


def _entries() -> Sequence[Entry]:
    framework, own = "framework", "own_parameters"
    return (
        Entry(method="tasks.task.list", scope="tasks", handler=framework, shape="tasks.task", table="tasks",
              max_limit=50,
              default_select=("id",)),
        Entry(method="tasks.task.get", scope="tasks", handler="get", shape="tasks.task", table="tasks"),
        Entry(method="tasks.task.result.list", scope="tasks", handler=framework, shape="tasks.task.result",
              table="results", required="taskId"),
        Entry(method="tasks.task.gantt.link.list", scope="tasks", handler=framework, shape="tasks.task.gantt.link",
              table="links", required="taskId", key="dependentId"),
        Entry(method="main.eventlog.list", scope="main", handler=framework, shape="main.eventlog", table="events"),
        Entry(method="main.eventlog.get", scope="main", handler="get", shape="main.eventlog", table="events"),
        Entry(method="main.eventlog.tail", scope="main", handler="tail", shape="main.eventlog", table="events"),
        Entry(method="timeman.record.list", scope="timeman", handler=framework, shape="timeman.record",
              table="records", required="userId"),
        Entry(method="humanresources.node.list", scope="humanresources", handler=own, shape="humanresources.node",
              table="nodes", max_limit=200, required="type"),
        Entry(method="humanresources.node.get", scope="humanresources", handler="get", shape="humanresources.node",
              table="nodes"),
        Entry(method="humanresources.node.communication.list", scope="humanresources", handler="communications",
              shape="humanresources.node", table="nodes"),
        Entry(method="mail.mailbox.list", scope="mail", handler=own, shape="mail.mailbox", table="mailboxes",
              max_limit=100,
              default_limit=25),
        Entry(method="mail.message.list", scope="mail", handler=own, shape="mail.message", table="letters",
              max_limit=200,
              default_limit=25),
        Entry(method="note.collection.list", scope="note", handler="collections", shape="note.collection",
              table="collections", max_limit=200),
        Entry(method="note.document.tree.list", scope="note", handler="tree", shape="note.document.tree",
              table="documents", required="collectionId"),
        Entry(method="note.document.get", scope="note", handler="get", shape="note.document", table="documents"),
        Entry(method="call.followup.list", scope="call", handler="followups", shape="call.followup",
              table="followups", max_limit=200, key="callId",
              default_select=("callId", "callType", "initiatorId", "startDate", "endDate", "durationSeconds"),
              heavy=("transcription", "overview", "insights")),
    )  # fmt: skip


ENTRIES: Final[dict[str, Entry]] = {entry.method: entry for entry in _entries()}
