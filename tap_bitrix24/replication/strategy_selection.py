"""The strategy that reads a stream as planned: one for each `ReadMethod`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_bitrix24.errors import RejectedError
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Strategy, StrategyEvent
from tap_bitrix24.replication.children import ALL_PARENTS, children_of, incremental_children
from tap_bitrix24.replication.full_table import deduplicated, read_all_by_id, read_whole
from tap_bitrix24.replication.incremental import incremental, read_period
from tap_bitrix24.replication.plan import ReadMethod, ReadPlan
from tap_bitrix24.replication.sub_strategies import handle_events


def strategy_for(plan: ReadPlan, state: Mapping[str, Any]) -> Strategy:
    """Return the strategy that reads a stream as planned, from its STATE on.

    A plan without lists reads nothing: the portal has no catalog, say. One that is not complete is read without
    checkpoints, so that the next run reads the same again, and fails.
    """
    if plan.lists or plan.groups or plan.parents:
        strategy = _strategy_for(plan, state)
        if plan.unread is None:
            yield from strategy
        else:
            yield from handle_events(strategy, _without_conclusions)
    if plan.unread is not None:
        raise plan.unread


def _without_conclusions(event: StrategyEvent) -> Strategy:
    """Yield an event unless it says that everything up to some point, or of all parents, has been read."""
    if isinstance(event, Checkpoint) or (isinstance(event, ChildGroupsRead) and ALL_PARENTS in event.counts):
        return
    yield event


def _strategy_for(plan: ReadPlan, state: Mapping[str, Any]) -> Strategy:
    match plan.method:
        case ReadMethod.ALL_BY_ID:
            return read_all_by_id(plan.lists)
        case ReadMethod.ALL_BY_OFFSET:
            return _all_by_offset(plan)
        case ReadMethod.PERIOD:
            return read_period(plan.lists, state, plan.bounds, replication_key=plan.replication_key)
        case ReadMethod.INCREMENTAL:
            return incremental(plan.lists, state, plan.bounds, replication_key=plan.replication_key)
        case ReadMethod.CHANGED_PARENTS:
            return incremental_children(plan.groups, state, plan.bounds, sweep=plan.sweep)
        case ReadMethod.ALL_PARENTS:
            return _children_of_all_parents(plan)


def _all_by_offset(plan: ReadPlan) -> Strategy:
    """Read all lists; a row that several of them hold is passed on once (an event across two date ranges)."""
    reading = read_whole(plan.lists)
    return deduplicated(reading) if len(plan.lists) > 1 else reading


def _children_of_all_parents(plan: ReadPlan) -> Strategy:
    """Read children of all rows of the parents' streams, one after another.

    Raises:
        RejectedError: Some parents have not answered; the children of the others have been read.
    """
    if plan.lists:
        yield from _all_by_offset(plan)
    refusal: RejectedError | None = None
    for each in plan.parents:
        try:
            yield from children_of(_all_rows(each.plan), each.groups)
        except RejectedError as error:  # the children of the other streams' rows are read all the same
            refusal = refusal or error
    if refusal is not None:
        raise refusal


def _all_rows(parents: ReadPlan) -> Strategy:
    """Return the strategy that reads parents; they are not deduplicated, because each list has a group of its own."""
    match parents.method:
        case ReadMethod.ALL_PARENTS:
            return _children_of_all_parents(parents)
        case ReadMethod.ALL_BY_ID:
            return read_all_by_id(parents.lists)
        case _:
            return read_whole(parents.lists)
