"""Children: lists that exist once per parent (product rows of deals, comments, group members). Pure.

The portal has no list of all of them: each parent is asked for its own, 50 parents a request, or many parents in one
command where a filter takes their ids. A child's change does not touch its parent, so besides the children of
changed parents all of them are read again now and then (a sweep).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from tap_bitrix24.errors import PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Page, PageRequest
from tap_bitrix24.replication.full_table import read_remaining
from tap_bitrix24.replication.incremental import RunBounds, incremental
from tap_bitrix24.replication.keyset import accept_answer, chains
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH, KeysetReader
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark
from tap_bitrix24.replication.strategy import handle_events, request_pages
from tap_bitrix24.replication.validation import Deduplicator, is_ignorable

PARENT = "_bitrix24_parent"
"""Row key and column that say whose child a row is."""
CHILDREN_READ_AT = "_bitrix24_children_read_at"
"""Column that says when the set a row belongs to was read; the bookmark of children."""
ALL_PARENTS = "*"
"""The set of all sets: what a sweep has read."""
DOUBTS = 20
"""Groups whose parents without children are asked one by one, while no answer has shown children of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentGroup:
    """Parents of one kind, and how their children are asked for."""

    parents: ListSpec
    value_key: str
    """Key of a parent's row that its children are asked with."""
    has_children: Callable[[Row], bool] | None = None
    """Which parents have children at all."""
    child_lists: Callable[[Sequence[Any]], Sequence[ListSpec]]
    """Values of one or several parents → the lists that hold their children."""
    name: str
    """Names the sets: `deal` makes `deal:17`."""
    group_size: int = 1
    """Parents one command can ask for."""
    owner_key: str = ""
    """Key of a child's row that names its parent, where a command asks for several."""
    embedded_children: Callable[[Row], list[Row] | None] | None = None
    """Children that stand in the parent's own row; None: this row does not tell."""
    embedded_source: ListSpec | None = None
    """The source such children are said to come from."""
    recurse_into: Callable[[Row], Any] | None = None
    """A child that is a parent itself (a folder in a folder) → the value to ask its children with."""

    def reference(self, value: Any) -> str:
        """The name of one parent's set."""
        return f"{self.name}:{value}"


@dataclass(slots=True)
class _BulkFilterProbe:
    """What a run has learnt of asking for several parents at once; all broods of a stream ask the same method."""

    proven: bool = False
    """An answer has held children of several parents: the filter does take many ids."""
    broken: bool = False
    """It does not: parents are asked for one by one."""
    foreign: bool = False
    """An answer has held children of none of the parents asked for."""
    held: set[Any] = field(default_factory=set)
    """Parents whose children the answer for several held."""
    doubts: int = 0


@dataclass(slots=True)
class _ParentProgress:
    """What a run has learnt of one brood."""

    brood: ParentGroup
    read_at: str | None
    trust: _BulkFilterProbe
    waiting: dict[Any, None] = field(default_factory=dict)
    """Parents still to be asked, in order and once each: a window that is cut is read again in parts."""
    seen: set[Any] = field(default_factory=set)
    """Values asked before, where parents may share one (a template of many tasks) or lie in each other."""
    asked: int = 0
    answered: bool = False
    """A parent has told its children."""
    refused: dict[Any, PortalError] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    apart: list[Any] = field(default_factory=list)
    """Parents whose group was refused."""
    gone: int = 0
    """Parents that were not found any more."""

    def add(self, value: Any) -> None:
        """Note a parent to ask."""
        if not isinstance(value, (str, int)) or value in ("", 0, "0") or value in self.seen:
            return
        if self.brood.recurse_into or self.brood.value_key != self.brood.parents.endpoint.key:
            self.seen.add(value)
        self.waiting[value] = None

    @property
    def group(self) -> int:
        """How many parents one command asks for."""
        return 1 if self.trust.broken else self.brood.group_size

    @property
    def commands(self) -> int:
        """How many commands the waiting parents take."""
        return -(-len(self.waiting) // self.group)

    def next(self) -> list[Any]:
        """The parents to ask now: a few while it is not known whether one command may ask for many."""
        most = self.group * (CHAIN_LENGTH if self.group == 1 or self.trust.proven else 1)
        values = list(islice(self.waiting, most))
        for value in values:
            del self.waiting[value]
        self.asked += len(values)
        self.counts.update(dict.fromkeys(map(self.brood.reference, values), 0))
        return values


def children_of(parents: Strategy, broods: Sequence[ParentGroup], read_at: str | None = None) -> Strategy:
    """Replace parents by their children.

    `Reached` of the parents' reading is handed on once the children of all parents before it are.

    Args:
        parents: Yields rows of the broods' parents.
        broods: By their `parents`, which the rows name; one alone gets all rows.
        read_at: The time all sets of this run count as read at, not after the first of them; None: the stream is read
            whole, and nobody needs to know which of its rows belong together.
    """
    trust = _BulkFilterProbe()
    tallies = {id(brood.parents): _ParentProgress(brood, read_at, trust) for brood in broods}
    only = next(iter(tallies.values())) if len(tallies) == 1 else None  # parents that are children have many sources

    reached: Checkpoint | None = None

    def handle(event: StrategyEvent) -> Strategy:
        nonlocal reached
        if isinstance(event, Rows):
            yield from _take_parents(only or tallies[id(event.list_spec)], event.rows)
        elif isinstance(event, Checkpoint):
            reached = event
        else:
            yield event
        waiting = sum(tally.commands for tally in tallies.values())
        # a place in a first load can wait until a request is full of parents; the end of one is a time to be told
        if waiting >= CHAIN_LENGTH or (reached and (not waiting or "snapshot" not in reached.state)):
            yield from _ask_all(tallies.values())
            # should all parents go on refusing, the stream fails, and nothing has been reached
            if reached and not _all_refuse(tallies.values()):
                yield reached
                reached = None

    yield from handle_events(parents, handle)
    yield from _ask_all(tallies.values())
    yield from _tell_refused(tallies.values())
    if reached:
        yield reached


def incremental_children(
    broods: Sequence[ParentGroup],
    state: Mapping[str, Any],
    bounds: RunBounds,
    *,
    sweep: timedelta,
) -> Strategy:
    """Read the children of changed parents, or of all parents when the last sweep is too long ago.

    STATE is the parents' (`bookmarks`), with `swept`: when the last finished sweep began.

    Args:
        broods: Their parents have a stamp.
        state: The stream's STATE.
        bounds: The date-times this run reads between, by the parents' replication key.
        sweep: How old a sweep may be.
    """
    clock, swept = bounds.clock, state.get("swept")
    sweeping = "snapshot" in state or swept is None or clock - parse_bookmark(swept) >= sweep
    began = state.get("snapshot", {}).get("clock") or format_bookmark(clock)
    known = {} if sweeping and "snapshot" not in state else {name: state[name] for name in state if name != "swept"}

    def handle(event: StrategyEvent) -> Strategy:
        nonlocal swept, sweeping
        if isinstance(event, Checkpoint):
            if sweeping and "replication_key_value" in event.state:
                sweeping, swept = False, began
                yield ChildGroupsRead({ALL_PARENTS: None}, swept)
            event = Checkpoint({**event.state, **({"swept": swept} if swept else {})})
        yield event

    parents = incremental(
        [brood.parents for brood in broods],
        known,
        bounds,
        replication_key=CHILDREN_READ_AT,
    )
    yield from handle_events(children_of(parents, broods, format_bookmark(clock)), handle)


def _take_parents(tally: _ParentProgress, rows: Sequence[Row]) -> Strategy:
    brood = tally.brood
    for row in rows if brood.has_children is None else filter(brood.has_children, rows):
        value = row.get(brood.value_key)
        children = brood.embedded_children(row) if brood.embedded_children else None
        if children is None:
            tally.add(value)
            continue
        name = brood.reference(value)
        tally.answered = True
        tally.counts[name] = len(children)
        if children and brood.embedded_source is not None:
            named = children if tally.read_at is None else [{**child, PARENT: name} for child in children]
            yield Rows(brood.embedded_source, named)
    yield from _tell_sets(tally)


def _ask_all(tallies: Collection[_ParentProgress]) -> Strategy:
    """Ask for the children of all parents that wait, of all kinds together; children that are parents wait in turn."""
    while waiting := [tally for tally in tallies if tally.waiting]:
        trust = waiting[0].trust
        cautious = waiting[0].group > 1 and not trust.proven
        taken = [(tally, tally.next()) for tally in (waiting[:1] if cautious else waiting)]
        yield from _ask([(tally, group) for tally, values in taken for group in _batches(values, tally.group)])
        trust.proven = trust.proven or (len(trust.held) > 1 and not trust.foreign)
        for tally, values in taken:
            apart, tally.apart = dict.fromkeys(tally.apart), []
            tally.counts.update(dict.fromkeys(map(tally.brood.reference, apart), 0))
            yield from _ask([(tally, [value]) for value in apart])
            if tally.group > 1 and not trust.proven:
                yield from _doubt(tally, values)
            for value in tally.refused:
                tally.counts.pop(tally.brood.reference(value), None)
            yield from _tell_sets(tally)


def _ask(groups: Sequence[tuple[_ParentProgress, Sequence[Any]]]) -> Strategy:
    """Ask for the children of groups of parents, and go on where an answer does not hold them all."""
    asked: list[tuple[_ParentProgress, Sequence[Any], ListSpec]] = []
    once: dict[int, Deduplicator] = {}
    for tally, group in groups:
        sources = tally.brood.child_lists(group)
        asked += [(tally, group, source) for source in sources]
        once |= {id(source): overlapping for overlapping in [Deduplicator()] for source in sources if len(sources) > 1}
    for bundle in _batches(asked, CHAIN_LENGTH):
        asks = [_opening(source) for _, _, source in bundle]
        answers = yield from request_pages(asks)
        cursors: list[KeysetReader] = []
        firsts: list[tuple[ListSpec, Page]] = []
        whose = {id(source): (tally, group) for tally, group, source in bundle}

        def tag(event: StrategyEvent, whose: Mapping[int, tuple[_ParentProgress, Sequence[Any]]] = whose) -> Strategy:
            if isinstance(event, Rows):
                source = event.list_spec
                rows = once[id(source)](source, event.rows) if id(source) in once else event.rows
                event = _tagged(*whose[id(source)], Rows(source, rows))
            yield event

        for (tally, group, source), opening, answer in zip(bundle, asks, answers, strict=True):
            if answer.error is not None:
                _note_refusal(tally, source, group, answer.error)
                continue
            tally.answered = True
            if source.endpoint.pagination.supports_keyset:
                cursors.append(KeysetReader(source))
                yield from handle_events(accept_answer(cursors[-1], opening, answer), tag)
            else:
                firsts.append((source, answer.pages[0]))
        yield from handle_events(read_remaining(firsts), tag)
        yield from handle_events(chains(cursors), tag)


def _opening(source: ListSpec) -> PageRequest:
    return (
        PageRequest(list_spec=source, after=0)
        if source.endpoint.pagination.supports_keyset
        else PageRequest(list_spec=source, offset=0)
    )


def _tagged(tally: _ParentProgress, group: Sequence[Any], event: Rows) -> Rows:
    """Name the set of each row, and count it.

    Raises:
        UntrustedError: A row belongs to none of the parents asked for, although the method kept to them before.
    """
    brood, trust = tally.brood, tally.trust
    owners = {str(value): value for value in group}
    rows: list[Row] = []
    for row in event.rows:
        told = row.get(brood.owner_key) or group[0] if len(group) == 1 else row.get(brood.owner_key)
        owner = owners.get(str(told))
        if owner is None and len(group) > 1:
            if trust.proven:
                text = f"{event.list_spec.endpoint.method}: a row of {brood.name} {told}, which was not asked for"
                raise UntrustedError(text, method=event.list_spec.endpoint.method)
            trust.foreign = True
            continue
        if len(group) > 1:
            trust.held.add(owner)
        name = brood.reference(told)  # a condition dropped altogether brings every row for every parent: it knows whose
        if owner is not None:
            tally.counts[name] = (tally.counts.get(name) or 0) + 1
        rows.append(row if tally.read_at is None else {**row, PARENT: name})
        if brood.recurse_into is not None:
            tally.add(brood.recurse_into(row))
    return Rows(event.list_spec, rows)


def _doubt(tally: _ParentProgress, values: Sequence[Any]) -> Strategy:
    """Ask one by one for the children a group's answer left out, until it is clear that its filter takes many ids.

    A portal that reads a list of ids as one number answers with nothing, or with the children of one parent.
    """
    empty = [value for value in values if not tally.counts.get(tally.brood.reference(value))]
    yield from _ask([(tally, [value]) for value in empty])
    trust = tally.trust
    trust.doubts += 1
    trust.broken = trust.foreign or any(tally.counts.get(tally.brood.reference(value)) for value in empty)
    if trust.broken:
        method = tally.brood.child_lists(values[:1])[0].endpoint.method
        yield Notice(f"{method}: does not take several parents at once here; asking for one at a time")
    trust.proven = trust.doubts >= DOUBTS


def _note_refusal(tally: _ParentProgress, source: ListSpec, group: Sequence[Any], error: PortalError) -> None:
    """A parent deleted meanwhile has no children; one this user may not see is told at the end."""
    tolerated = is_ignorable(source, error)
    if not tolerated and not isinstance(error, RejectedError):
        raise error
    if len(group) > 1:
        tally.apart += group
    elif tolerated:
        tally.answered = True
        tally.gone += 1
    else:
        tally.refused[group[0]] = error


def _all_refuse(tallies: Collection[_ParentProgress]) -> bool:
    """Whether parents have been asked, and not one of any kind has answered."""
    return any(tally.refused for tally in tallies) and not any(tally.answered for tally in tallies)


def _tell_refused(tallies: Collection[_ParentProgress]) -> Iterator[StrategyEvent]:
    everywhere = _all_refuse(tallies)
    for tally in tallies:
        if tally.gone and tally.gone == tally.asked:
            yield Notice(f"not one of {tally.asked} parents ({tally.brood.name}) was found any more")
        for first in islice(tally.refused.values(), 1):
            if everywhere:
                raise first
            refused = f"{len(tally.refused)} of {tally.asked} parents ({tally.brood.name})"
            yield Notice(f"{refused} refuse their rows: {first}")


def _tell_sets(tally: _ParentProgress) -> Iterator[StrategyEvent]:
    counts, tally.counts = tally.counts, {}
    if counts and tally.read_at is not None:
        yield ChildGroupsRead(counts, tally.read_at)


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def with_read_time(source: ListSpec, read_at: datetime) -> ListSpec:
    """The source, each of whose rows says when its set was read."""
    return replace(source, constants={**source.constants, CHILDREN_READ_AT: format_bookmark(read_at)})
