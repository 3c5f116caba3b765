"""Children: lists that exist once per parent (product rows of deals, comments, group members).

The portal has no list of all children; each parent's are requested. A child's change does not change its parent's
replication key, so besides the children of changed parents all children are read now and then, in a sweep
(docs/decisions.md#decision-15).

Order: parents in the order of their own strategy; their children once enough parents wait to fill a request.
`ChildGroupsRead` follows the rows of the parents it names, a checkpoint of the parents' strategy follows the children
of all parents before it.

Checked: a filter for several parents is not relied on before answers have shown that it works (see `bulk_filter`), and
each child is counted for a parent that was requested. A parent without an answer keeps its children: nothing is yielded
that ends them, STATE moves on with the parent in it, the next run requests it again, and this one fails at the end, all
other rows delivered. If no parent answers, or too many do not, there is no checkpoint.

Cost: one request per 50 parents, or per 2,500 parents where one command takes 50; nothing for children that are part of
the parent's own row. Further pages cost what `keyset` and `offset` say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tap_bitrix24.errors import RejectedError
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Rows, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.replication.bulk_filter import BulkFilterProbe
from tap_bitrix24.replication.child_reader import read_children
from tap_bitrix24.replication.incremental import incremental
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, ParentGroup
from tap_bitrix24.replication.parent_progress import (
    ParentProgress,
    may_move_on,
    unanswered_error,
    unanswered_state,
)
from tap_bitrix24.replication.run_bounds import RunBounds
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark
from tap_bitrix24.replication.sub_strategies import handle_events

ALL_PARENTS = "*"
"""Stands for all parents in `ChildGroupsRead`: what a sweep has read."""
UNANSWERED_MARK = "?"
"""Stands before a parent in `ChildGroupsRead` that did not answer in a sweep: its children stay as last read."""


def children_of(
    parents: SubStrategy[object],
    groups: Sequence[ParentGroup],
    read_at: str | None = None,
    *,
    unanswered: Mapping[str, Sequence[Any]] | None = None,
) -> Strategy:
    """Replace the rows of parents by their children.

    A checkpoint of the parents' strategy is yielded once the children of all parents before it have been read; it names
    the parents that have not answered.

    Args:
        parents: Yields rows of the groups' parents.
        groups: Rows belong to the group whose `parents` they come from; a single group takes all rows.
        read_at: When the children of this run count as read, not after the first of them was; None: the stream is read
            whole, so rows do not name their parents and no `ChildGroupsRead` is yielded.
        unanswered: Name of a group → parents that did not answer an earlier run; they are requested first.

    Raises:
        PortalError: Some parents, or some lists of them, have not answered; the children of the others have been read.
    """
    probe = BulkFilterProbe()
    by_list_spec = {group.parents: ParentProgress(group, read_at, probe) for group in groups}
    progresses = by_list_spec.values()
    single = next(iter(progresses)) if len(progresses) == 1 else None  # parents that are children come from many lists
    checkpoint: Checkpoint | None = None
    _add_unanswered(progresses, unanswered or {})

    def handle(event: StrategyEvent) -> Strategy:
        nonlocal checkpoint
        if isinstance(event, Rows):
            yield from _take_parents(single or by_list_spec[event.list_spec], event.rows)
        elif isinstance(event, Checkpoint):
            checkpoint = event
        else:
            yield event
        commands = sum(each.commands for each in progresses)
        # a checkpoint of a first load waits until a request is full of parents; that at its end does not
        if commands >= CHAIN_LENGTH or (checkpoint and (not commands or "snapshot" not in checkpoint.state)):
            yield from read_children(progresses)
            # if all parents go on refusing, the stream fails, and nothing must be checkpointed
            if checkpoint and may_move_on(progresses):
                yield _with_unanswered(checkpoint, progresses)
                checkpoint = None

    refusals: list[RejectedError] = []
    yield from handle_events(_to_its_end(parents, refusals), handle)
    yield from read_children(progresses)
    for progress in progresses:
        yield from progress.notices()
    if checkpoint and not refusals and may_move_on(progresses):
        yield _with_unanswered(checkpoint, progresses)
    if (failure := next(iter(refusals), None) or unanswered_error(progresses)) is not None:
        raise failure


def _to_its_end(parents: SubStrategy[object], refusals: list[RejectedError]) -> Strategy:
    """Read parents; if some of their lists are refused, note it: the children of the others are still to be read."""
    try:
        yield from parents
    except RejectedError as error:
        refusals.append(error)


def _add_unanswered(progresses: Collection[ParentProgress], unanswered: Mapping[str, Sequence[Any]]) -> None:
    """Have parents requested again; those of several lists with one name are requested alike."""
    by_name = {each.group.name: each for each in progresses}
    for name, values in unanswered.items():
        for value in values if name in by_name else ():
            by_name[name].add(value)


def _with_unanswered(checkpoint: Checkpoint, progresses: Collection[ParentProgress]) -> Checkpoint:
    return Checkpoint({**checkpoint.state, **unanswered_state(progresses)})


def incremental_children(
    groups: Sequence[ParentGroup],
    state: Mapping[str, Any],
    bounds: RunBounds,
    *,
    sweep: timedelta,
) -> Strategy:
    """Read the children of changed parents, or of all parents when the last sweep is too long ago.

    STATE is that of the parents (see `incremental`), with `swept`: when the last finished sweep began, and
    `unanswered`: name of a group → parents that did not answer and are requested again.

    Args:
        groups: Parent groups whose parents have a replication key.
        state: The stream's STATE.
        bounds: The date-times this run reads between, by the parents' replication key.
        sweep: How old a sweep may be.
    """
    clock, swept = bounds.clock, state.get("swept")
    due = swept is None or not timedelta() <= clock - parse_bookmark(swept) < sweep
    sweeping = due or "snapshot" in state
    began = state.get("snapshot", {}).get("clock") or format_bookmark(clock)
    kept = {} if sweeping and "snapshot" not in state else state
    known = {name: kept[name] for name in kept if name not in ("swept", "unanswered")}

    def handle(event: StrategyEvent) -> Strategy:
        nonlocal swept, sweeping
        if isinstance(event, Checkpoint):
            if sweeping and "replication_key_value" in event.state:
                sweeping, swept = False, began
                yield ChildGroupsRead({**_still_unanswered(event.state), ALL_PARENTS: None}, swept)
            event = Checkpoint({**event.state, **({"swept": swept} if swept else {})})
        yield event

    parents = incremental(
        [group.parents for group in groups],
        known,
        bounds,
        replication_key=CHILDREN_READ_AT,
    )
    unanswered = kept.get("unanswered")
    yield from handle_events(children_of(parents, groups, format_bookmark(clock), unanswered=unanswered), handle)


def _still_unanswered(state: Mapping[str, Any]) -> dict[str, None]:
    """Return the parents that a sweep got no answer for, as `ChildGroupsRead` names them."""
    unanswered = state.get("unanswered", {}).items()
    return {f"{UNANSWERED_MARK}{name}:{value}": None for name, values in unanswered for value in values}


def _take_parents(progress: ParentProgress, rows: Sequence[Row]) -> Strategy:
    """Note parents whose children are to be requested; yield those that are part of their rows."""
    group = progress.group
    for row in rows if group.has_children is None else filter(group.has_children, rows):
        value = row.get(group.value_key)
        children = group.embedded_children(row) if group.embedded_children else None
        if group.contradicts is not None and group.contradicts(row):
            progress.add_contradictory(value)
        elif children is None:
            progress.add(value)
        else:
            yield from progress.add_embedded(value, children)
    yield from progress.finished_groups()
