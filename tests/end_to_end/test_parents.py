"""Lists that are read parent by parent, in batches: they are complete although some parents are refused."""

from typing import Any

import pytest

from tests.support.comparison import CHECKLISTS, COMMENTS, ComparedStream
from tests.support.fixtures import Start
from tests.support.loading import load
from tests.support.running import Portal, Tap

Catalog = dict[str, Any]
OBJECT = "id=ID name=NAME type=TYPE parent_id=PARENT_ID storage_id=STORAGE_ID"
"""What objects of the disk are compared by."""
PER_PARENT = [
    (ComparedStream("task_history", "task_history", "id=id task_id=taskId field=field"), 5),
    (ComparedStream("task_comments", "task_comments", "id=ID task_id=TASK_ID author_id=AUTHOR_ID"), 7),
    (
        ComparedStream(
            "crm_timeline_log_messages", "timeline_log_messages", "id=id entity_type_id=entityTypeId entity_id=entityId"
        ),
        58,
    ),
    (
        ComparedStream(
            "crm_timeline_bindings",
            "crm_timeline_bindings",
            "owner_id=OWNER_ID entity_type=ENTITY_TYPE entity_id=ENTITY_ID",
        ),
        58,
    ),
    (ComparedStream("workgroup_members", "workgroup_members", "group_id=GROUP_ID user_id=USER_ID role=ROLE"), 4),
    (ComparedStream("disk_storage_children", "disk_objects", OBJECT, only=lambda row: int(row["ROOT_OF"]) > 0), 5),
    (ComparedStream("disk_folder_children", "disk_objects", OBJECT, only=lambda row: int(row["ROOT_OF"]) == 0), 13),
    (ComparedStream("disk_file_versions", "disk_file_versions", "id=ID object_id=OBJECT_ID name=NAME size=SIZE"), 25),
    (ComparedStream("booking_clients", "booking_clients", "booking_id=bookingId id=id"), 9),
    (ComparedStream("im_dialog_messages", "im_messages", "id=id chat_id=chat_id dialog_id=DIALOG text=text"), 6),
    (
        ComparedStream(
            "timeman_absence_reports", "workdays", "user_id=USER_ID index=index workday_duration=workday_duration"
        ),
        6,
    ),
]
"""Streams, and the requests they may take: preflight, lists of parents, then 50 parents a request.

Parents without children take a second one, except of methods that count.
"""


@pytest.mark.parametrize(("stream", "most"), PER_PARENT, ids=str)
def test_children_of_all_parents(
    portal: Portal, run_tap: Tap, catalog: Catalog, stream: ComparedStream, most: int
) -> None:
    wanted = stream.truth(portal)
    assert len(wanted) > 10
    assert max(wanted.values()) == 1
    portal.forget_stats()
    run = run_tap(portal.config(plan="enterprise"), catalog=catalog, streams=[stream.stream]).succeeded()
    assert stream.read_by(run) == wanted
    stats = portal.stats()
    assert stats["requests"] <= most
    assert stats["max_commands_in_batch"] <= 50


def test_folders_lie_in_folders(portal: Portal) -> None:
    """The portal has nested folders; otherwise the test above would show nothing."""
    rows = {int(row["ID"]): int(row["PARENT_ID"]) for row in portal.truth("disk_objects")}
    assert any(rows.get(rows.get(rows.get(number, 0), 0), 0) in rows for number in rows)


def test_a_refused_parent_is_named_and_the_others_are_read(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=100)
    wanted = CHECKLISTS.truth(portal)
    rule = {"fault": "command_error", "method": "task.checklistitem.getlist", "param": "ACCESS_DENIED", "after": 11}
    portal.faults({**rule, "times": 1})
    run = run_tap(portal.config(), catalog=catalog, streams=[str(CHECKLISTS), "task_results"])
    assert run.code == 1
    tasks = len(portal.truth("tasks"))
    assert f"the children of 1 of {tasks} parents could not be read, first task:" in run.stderr.splitlines()[-1]
    assert "task.checklistitem.getlist: access denied" in run.stderr.splitlines()[-1]
    missing = wanted - CHECKLISTS.read_by(run)
    assert CHECKLISTS.read_by(run) <= wanted
    assert len({task for _, task, _ in missing}) <= 1
    assert len(run.records("task_results")) == len(portal.truth("task_results"))
    again = run_tap(portal.config(), catalog=catalog, streams=[str(CHECKLISTS)], state=run.state).succeeded()
    assert CHECKLISTS.read_by(again) >= missing
    assert "unanswered" not in again.state["bookmarks"][str(CHECKLISTS)]


def test_a_passing_fault_of_one_parent_is_asked_again(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=100)
    rule = {"fault": "command_error", "method": "task.checklistitem.getlist", "param": "ERROR_CORE", "after": 11}
    portal.faults({**rule, "times": 1})
    run = run_tap(portal.config(), catalog=catalog, streams=[str(CHECKLISTS)]).succeeded()
    assert CHECKLISTS.read_by(run) == CHECKLISTS.truth(portal)


def test_a_stream_whose_parents_are_all_refused_fails_alone(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=100)
    portal.faults({"fault": "command_error", "method": "crm.timeline.comment.list", "param": "ACCESS_DENIED"})
    run = run_tap(portal.config(), catalog=catalog, streams=[str(COMMENTS), str(CHECKLISTS)])
    assert run.code == 1
    assert "1 of 2 streams failed: crm_timeline_comments (the children of" in run.stderr
    assert run.records(str(COMMENTS)) == []
    assert run.state["bookmarks"][str(COMMENTS)] == {}
    assert CHECKLISTS.read_by(run) == CHECKLISTS.truth(portal)


def test_rows_of_a_refused_parent_stay_current(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    """It is not known whether they still exist, so no read of this parent's children is recorded."""
    portal = start(scale=100)
    streams = [str(CHECKLISTS), "child_reads"]
    first = run_tap(portal.config(), catalog=catalog, streams=streams).succeeded()
    portal.control("clock", {"advance": 25 * 3_600})
    portal.faults({"fault": "command_error", "method": "task.checklistitem.getlist", "param": "X", "times": 1})
    second = run_tap(portal.config(), catalog=catalog, streams=streams, state=first.state)
    assert second.code == 1
    parents = [{row["parent"] for row in run.records("child_reads")} for run in (first, second)]
    (refused,) = parents[0] - parents[1]
    assert parents[1] - parents[0] == {f"?{refused}"}
    path = load(first.stdout + second.stdout, run_tap.folder)
    assert CHECKLISTS.current(path) == CHECKLISTS.truth(portal)
