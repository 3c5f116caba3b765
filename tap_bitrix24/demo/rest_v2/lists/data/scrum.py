"""Scrum teams: epics, sprints, backlogs, stages of the kanban, tasks with story points."""

from collections.abc import Callable
from typing import Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.work import task_group
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, numbered, one_of

GROUP_KINDS: Final = ("scrum", "group", "project")
_STAGES: Final = (("Новые", "NEW", "00C4FB"), ("In Progress", "WORK", "47D1E2"), ("Done", "FINISH", "75D900"))


def group_kind(number: int) -> str:
    """Return the kind of a workgroup."""
    return GROUP_KINDS[number % 3]


def _of_scrums(count: int) -> Callable[[Seeds, int], int]:
    """Return the function that gives scrum teams ``count`` rows each, other workgroups none."""
    return lambda _, group: count if group_kind(group) == "scrum" else 0


def _planned(seeds: Seeds, task: int) -> int:
    """Return whether a task belongs to a scrum team."""
    group = task_group(seeds, task)
    return int(group > 0 and group_kind(group) == "scrum")


def _starts(draft: RowDraft) -> int:
    """Return the start of a sprint: two weeks after the one before it."""
    return draft.seeds.anchor - (42 - 14 * draft.place) * DAY - 3 * 3600


ENTRIES: Final = (
    Entry(
        method="tasks.api.scrum.epic.list",
        table="scrum_epics",
        scope="task",
        key="id",
        request_names="upper",
        columns="""
            id:integer* groupId:integer! name:string! description:string createdBy:integer>users modifiedBy:integer
            color:string
        """,
        owners=(Owner(table="workgroups"),),
        owner_column="groupId",
        per=_of_scrums(26),
        values={
            "name": numbered('Epic "{}"'),
            "description": one_of("", "", "Всё, что связано с оплатой", "UX & design"),
            "modifiedBy": lambda draft: draft.pick("users") if draft.number % 2 else 0,
            "color": one_of("#69dafc", "#e3f299"),
        },
        filters="skipping",
        paging="controller",
        form="typed",
        fields_method="tasks.api.scrum.epic.getFields",
        fields_shape="fields",
    ),
    Entry(
        method="tasks.api.scrum.sprint.list",
        table="scrum_sprints",
        scope="task",
        key="id",
        request_names="upper",
        columns="""
            id:integer* groupId:integer! entityType:string* name:string! goal:string sort:integer
            createdBy:integer>users modifiedBy:integer>users dateStart:datetime dateEnd:datetime status:string
            info:array*
        """,
        owners=(Owner(table="workgroups"),),
        owner_column="groupId",
        per=_of_scrums(4),
        values={
            "entityType": lambda _: "sprint",
            "name": numbered("Спринт {}"),
            "goal": one_of("", "Release 2.0 & docs"),
            "sort": lambda draft: draft.place + 1,
            "dateStart": _starts,
            "dateEnd": lambda draft: draft.row["DATE_START"] + 14 * DAY,
            "status": lambda draft: ("completed", "completed", "active", "planned")[draft.place],
        },
        filters="skipping",
        paging="controller",
        form="typed",
        fields_method="tasks.api.scrum.sprint.getFields",
        fields_shape="fields",
    ),
    Entry(
        method="tasks.api.scrum.backlog.get",
        table="scrum_backlogs",
        scope="task",
        key="id",
        columns="id:integer* groupId:integer! createdBy:integer>users modifiedBy:integer>users",
        owners=(Owner(table="workgroups"),),
        owner_column="groupId",
        per=_of_scrums(1),
        parents=(
            ParentParameter(
                path="id",
                column="groupId",
                missing=Refusal("100", "Could not find value for parameter {id}"),
                unknown=Refusal(0, "Access denied"),
                table="workgroups",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="single",
        form="typed",
        fields_method="tasks.api.scrum.backlog.getFields",
        fields_shape="fields",
    ),
    Entry(
        method="tasks.api.scrum.kanban.getStages",
        table="scrum_kanban_stages",
        scope="task",
        key="id",
        columns="id:integer* name:string! sort:integer type:string! sprintId:integer! color:string",
        owners=(Owner(table="scrum_sprints"),),
        owner_column="sprintId",
        per=(3,),
        values={
            "name": lambda draft: _STAGES[draft.place][0],
            "sort": lambda draft: 100 + 100 * draft.place,
            "type": lambda draft: _STAGES[draft.place][1],
            "color": lambda draft: _STAGES[draft.place][2],
        },
        parents=(
            ParentParameter(
                path="sprintId",
                column="sprintId",
                missing=Refusal(0, "Sprint id not found"),
                unknown=Refusal(0, "Sprint not found"),
                table="scrum_sprints",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        fields_method="tasks.api.scrum.kanban.getFields",
        fields_shape="fields",
    ),
    Entry(
        method="tasks.api.scrum.task.get",
        table="scrum_tasks",
        scope="task",
        key="",
        columns="""
            TASK:integer~ entityId:integer! storyPoints:string epicId:integer>scrum_epics sort:integer
            createdBy:integer>users modifiedBy:integer>users
        """,
        owners=(Owner(table="tasks"),),
        owner_column="TASK",
        per=_planned,
        values={
            "entityId": lambda draft: draft.pick("scrum_sprints"),
            "storyPoints": one_of("", "1", "3", "5", "0.5"),
            "sort": lambda draft: draft.number,
        },
        parents=(
            ParentParameter(
                path="id",
                column="TASK",
                missing=Refusal("100", "Could not find value for parameter {id}"),
                unknown=Refusal(0, "Task not found"),
                table="tasks",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="single",
        form="typed",
        fields_method="tasks.api.scrum.task.getFields",
        fields_shape="fields",
    ),
)
