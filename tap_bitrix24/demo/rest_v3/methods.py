"""The read methods of REST 3.0: one row of data each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How a method is asked. ``engine`` names what answers it (``engines.ENGINES``)."""

    method: str
    scope: str
    engine: str
    shape: str
    """Its object."""
    table: str
    cap: int = MAX
    usual: int = 50
    required: str = ""
    """A field the filter must name."""
    default: Sequence[str] = ()
    """What comes without ``select``; empty: all but relations."""
    heavy: Sequence[str] = ()
    """Fields that lower the cap to 20."""
    key: str = "id"


def _entries() -> Sequence[Entry]:
    framework, own = "framework", "own"
    return (
        Entry(method="tasks.task.list", scope="tasks", engine=framework, shape="tasks.task", table="tasks", cap=50,
              default=("id",)),
        Entry(method="tasks.task.get", scope="tasks", engine="get", shape="tasks.task", table="tasks"),
        Entry(method="tasks.task.result.list", scope="tasks", engine=framework, shape="tasks.task.result",
              table="results", required="taskId"),
        Entry(method="tasks.task.gantt.link.list", scope="tasks", engine=framework, shape="tasks.task.gantt.link",
              table="links", required="taskId", key="dependentId"),
        Entry(method="main.eventlog.list", scope="main", engine=framework, shape="main.eventlog", table="events"),
        Entry(method="main.eventlog.get", scope="main", engine="get", shape="main.eventlog", table="events"),
        Entry(method="main.eventlog.tail", scope="main", engine="tail", shape="main.eventlog", table="events"),
        Entry(method="timeman.record.list", scope="timeman", engine=framework, shape="timeman.record",
              table="records", required="userId"),
        Entry(method="humanresources.node.list", scope="humanresources", engine=own, shape="humanresources.node",
              table="nodes", cap=200, required="type"),
        Entry(method="humanresources.node.get", scope="humanresources", engine="get", shape="humanresources.node",
              table="nodes"),
        Entry(method="humanresources.node.communication.list", scope="humanresources", engine="talks",
              shape="humanresources.node", table="nodes"),
        Entry(method="mail.mailbox.list", scope="mail", engine=own, shape="mail.mailbox", table="mailboxes", cap=100,
              usual=25),
        Entry(method="mail.message.list", scope="mail", engine=own, shape="mail.message", table="letters", cap=200,
              usual=25),
        Entry(method="note.collection.list", scope="note", engine="collections", shape="note.collection",
              table="collections", cap=200),
        Entry(method="note.document.tree.list", scope="note", engine="tree", shape="note.document.tree",
              table="documents", required="collectionId"),
        Entry(method="note.document.get", scope="note", engine="get", shape="note.document", table="documents"),
        Entry(method="call.followup.list", scope="call", engine="followups", shape="call.followup",
              table="followups", cap=200, key="callId",
              default=("callId", "callType", "initiatorId", "startDate", "endDate", "durationSeconds"),
              heavy=("transcription", "overview", "insights")),
    )  # fmt: skip


ENTRIES: Final[dict[str, Entry]] = {entry.method: entry for entry in _entries()}
