"""Requests for the children of the waiting parents of one or several parent groups.

Parents of all groups share requests: 50 commands each, one per parent and list; one per several parents where the
filter takes several ids. Children that are parents themselves (folders in folders) wait in turn, until none are left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.full_table import read_remaining
from tap_bitrix24.replication.keyset import accept_answer, chains
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH, KeysetReader
from tap_bitrix24.replication.offset import OffsetReader
from tap_bitrix24.replication.parent_progress import ParentProgress
from tap_bitrix24.replication.sub_strategies import handle_events, request_pages
from tap_bitrix24.replication.validation import Deduplicator

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _ChildList:
    """A list of children of one or several parents, and whose they are."""

    list_spec: ListSpec
    progress: ParentProgress
    parents: Sequence[Any]
    deduplicate: Deduplicator | None
    """Shared by the lists of the same parents where there are several: they may overlap."""

    def first_request(self) -> PageRequest:
        """Return the request for the first page."""
        by_id = self.list_spec.endpoint.pagination.supports_keyset
        return PageRequest(list_spec=self.list_spec, after=0 if by_id else None, offset=None if by_id else 0)

    def attribute(self, rows: Rows) -> Rows:
        """Count rows for their parents, and name the parent in each."""
        if self.deduplicate is not None:
            rows = Rows(rows.list_spec, self.deduplicate(rows.list_spec, rows.rows))
        return self.progress.attribute(rows, self.parents)


def read_children(progresses: Collection[ParentProgress]) -> Strategy:
    """Read the children of all waiting parents, and of children that are parents themselves.

    While it is not known whether the filter takes several ids, one command is sent at a time, and the parents that its
    answer holds no children of are requested one by one.
    """
    while waiting := [each for each in progresses if each.waiting]:
        probing = waiting[0].parents_per_command > 1 and not waiting[0].probe.proven
        taken = [(each, each.take()) for each in (waiting[:1] if probing else waiting)]
        yield from _read(
            [(each, parents) for each, values in taken for parents in _batches(values, each.parents_per_command)]
        )
        waiting[0].probe.conclude()
        for progress, values in taken:
            yield from _read([(progress, [value]) for value in progress.take_retries()])
            if progress.parents_per_command > 1 and not progress.probe.proven:
                yield from _check_bulk_filter(progress, values)
            progress.discard_refused()
            yield from progress.finished_groups()


def _check_bulk_filter(progress: ParentProgress, parents: Sequence[Any]) -> Strategy:
    """Request one by one the parents that the answer to a command for all of them held no children of."""
    childless = progress.without_children(parents)
    yield from _read([(progress, [value]) for value in childless])
    progress.probe.note_check(children_missed=progress.without_children(childless) != childless)
    if progress.probe.missing:
        method = progress.group.child_lists(parents[:1])[0].endpoint.method
        yield Notice(f"{method}: the filter does not take several parents at once; requesting them one by one")


def _read(commands: Sequence[tuple[ParentProgress, Sequence[Any]]]) -> Strategy:
    """Read the children of parents, given as (progress, parents of one command)."""
    lists: list[_ChildList] = []
    for progress, parents in commands:
        list_specs = progress.group.child_lists(parents)
        deduplicate = Deduplicator() if len(list_specs) > 1 else None
        lists += [_ChildList(each, progress, parents, deduplicate) for each in list_specs]
    for batch in _batches(lists, CHAIN_LENGTH):
        yield from _read_lists(batch)


def _read_lists(lists: Sequence[_ChildList]) -> Strategy:
    """Read the first pages of lists of children in one request, then the pages after them."""
    by_list_spec = {each.list_spec: each for each in lists}

    def attribute(event: StrategyEvent) -> Strategy:
        yield by_list_spec[event.list_spec].attribute(event) if isinstance(event, Rows) else event

    requests = [each.first_request() for each in lists]
    answers = yield from request_pages(requests)
    readers: list[KeysetReader] = []
    first_answers: list[tuple[OffsetReader, Answer]] = []
    for child_list, request, answer in zip(lists, requests, answers, strict=True):
        list_spec = child_list.list_spec
        if answer.error is not None:
            child_list.progress.note_refusal(list_spec, child_list.parents, answer.error)
            continue
        child_list.progress.answered = True
        if list_spec.endpoint.pagination.supports_keyset:
            readers.append(KeysetReader(list_spec))
            yield from handle_events(accept_answer(readers[-1], request, answer), attribute)
        else:
            first_answers.append((OffsetReader(list_spec, None), answer))
    yield from handle_events(read_remaining(first_answers), attribute)
    yield from handle_events(chains(readers), attribute)


def _batches(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
