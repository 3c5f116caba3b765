"""Requests for the children of the waiting parents of one or several parent groups.

Parents of all groups share requests: 50 commands each, one per parent and list; one per several parents where the
filter takes several ids. Children that are parents themselves (folders in folders) wait in turn, until none are left.

A parent has no children only if that is proven: by a count, or by a second request that found none, either (see
`absence`). A command for several parents that is refused is replaced by one for each; a parent that is refused then is
looked up in its own list, in requests that such parents share: it was deleted, or it has not answered.

Cost: a further command for a parent without children where the method does not count them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from tap_bitrix24.errors import RejectedError, UnreadableError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Notice, Rows, Strategy, StrategyEvent
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.absence import ProvenEnd, count_read, parent_deleted
from tap_bitrix24.replication.full_table import read_on
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

    @property
    def by_id(self) -> bool:
        """Whether the list is read by id."""
        return self.list_spec.endpoint.pagination.supports_keyset

    @property
    def counted(self) -> bool:
        """Whether the first page can be requested with a count of the rows."""
        endpoint = self.list_spec.endpoint
        return endpoint.pagination.has_offset and endpoint.counted_in_batch and endpoint.reliable_total

    def first_request(self) -> PageRequest:
        """Return the request for the first page, with a count where the portal gives it in a batch."""
        after = 0 if self.by_id and not self.counted else None
        return PageRequest(list_spec=self.list_spec, after=after, offset=0 if after is None else None)

    def attribute(self, rows: Rows) -> Rows:
        """Count rows for their parents, and name the parent in each."""
        if self.deduplicate is not None:
            rows = Rows(rows.list_spec, self.deduplicate(rows.list_spec, rows.rows))
        return self.progress.attribute(rows, self.parents)

    def settle(self, reader: KeysetReader | OffsetReader) -> None:
        """Note whether all rows of the list have been read."""
        at_end = reader.refusal_at_end if isinstance(reader, KeysetReader) else None
        if (refusal := reader.refusal or at_end) is not None:
            self.progress.note_refusal(self.parents, refusal)
        else:
            self.progress.answered = True


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
        yield from _read([(progress, [value]) for progress, _ in taken for value in progress.take_retries()])
        for progress, values in taken:
            if progress.parents_per_command > 1 and not progress.probe.proven:
                yield from _check_bulk_filter(progress, values)
        yield from _look_up_refused(progresses)
        for progress, _ in taken:
            yield from progress.finished_groups()


def _check_bulk_filter(progress: ParentProgress, parents: Sequence[Any]) -> Strategy:
    """Request one by one the parents that the answer to a command for all of them held no children of."""
    childless = progress.without_children(parents)
    yield from _read([(progress, [value]) for value in childless])
    progress.probe.note_check(children_missed=progress.without_children(childless) != childless)
    if progress.probe.missing:
        method = progress.group.child_lists(parents[:1])[0].endpoint.method
        yield Notice(f"{method}: the filter does not take several parents at once; requesting them one by one")


def _look_up_refused(progresses: Collection[ParentProgress]) -> Strategy:
    """Look parents that were refused up in their own lists: a deleted one has no children, the others did not answer.

    Groups of one name share their parents' ids: a contact of a category of its own is in another list.
    """
    refused = [(each, value, error) for each in progresses for value, error in each.take_refused().items()]
    lookups: dict[tuple[str, int], list[_Lookup]] = {}
    for progress, value, _ in refused:
        if (id_ := progress.group.id_in_list(value)) is not None:
            alike = [each.group.parents for each in progresses if each.group.name == progress.group.name]
            lookups[progress.group.name, id_] = [_Lookup(parents, id_, []) for parents in alike]
    doubted = [lookup for each in lookups.values() for lookup in each]
    for _ in range(2):
        yield from _ask(doubted)
        doubted = [lookup for lookup in doubted if lookup.pages and not lookup.pages[-1].rows]
    for progress, value, error in refused:
        found = lookups.get((progress.group.name, progress.group.id_in_list(value) or 0), [])
        ends = [lookup.deleted for lookup in found]
        progress.note_refused(value, error, ends[0] if ends and None not in ends else None)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """The search for one parent in one list of parents."""

    parents: ListSpec
    id: int
    pages: list[Page]
    """Answers so far."""

    @property
    def deleted(self) -> ProvenEnd | None:
        """The proof that the list does not hold the parent any more, or None."""
        return parent_deleted(self.parents, self.pages, self.id)


def _ask(lookups: Sequence[_Lookup]) -> Strategy:
    """Request the page of each list on which the parent would be the first row."""
    for batch in _batches(lookups, CHAIN_LENGTH):
        requests = [PageRequest(list_spec=each.parents, after=each.id - 1) for each in batch]
        answers = yield from request_pages(requests)
        for lookup, answer in zip(batch, answers, strict=True):
            lookup.pages.extend(answer.pages[:1])


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
    requests = [each.first_request() for each in lists]
    answers = yield from request_pages(requests)
    by_id: list[tuple[_ChildList, PageRequest, Answer]] = []
    by_offset: list[tuple[_ChildList, Answer]] = []
    for child_list, request, answer in zip(lists, requests, answers, strict=True):
        # several parents are narrowed down to one before its rows are
        readable = child_list.by_id and len(child_list.parents) == 1 and isinstance(answer.error, UnreadableError)
        if answer.error is not None and not readable:
            child_list.progress.note_error(child_list.list_spec, child_list.parents, answer.error)
        elif child_list.by_id:
            by_id.append((child_list, request, answer))
        else:
            by_offset.append((child_list, answer))
    yield from _read_by_offset(by_offset)
    yield from _read_by_id(by_id)


def _read_by_id(first_answers: Sequence[tuple[_ChildList, PageRequest, Answer]]) -> Strategy:
    """Yield the rows of lists whose first pages have been answered, and read the pages after them by id."""
    lists = {child_list.list_spec: child_list for child_list, _, _ in first_answers}
    readers = [KeysetReader(each) for each in lists]
    attribute = _attributed(lists)
    for reader, (child_list, request, answer) in zip(readers, first_answers, strict=True):
        yield from handle_events(accept_answer(reader, request, answer), attribute)
        if child_list.counted and reader.end is None and answer.pages:
            reader.end = count_read(reader.rows_read, answer.pages[0].total)
    yield from handle_events(_to_their_ends(readers), attribute)
    for reader in readers:
        lists[reader.list_spec].settle(reader)


def _to_their_ends(readers: Sequence[KeysetReader]) -> Strategy:
    """Read lists on by id; the readers keep what a list was refused with.

    Raises:
        PortalError: The error concerns more than one list.
    """
    try:
        yield from chains(readers)
    except RejectedError:
        if not all(reader.done for reader in readers):
            raise


def _read_by_offset(first_answers: Sequence[tuple[_ChildList, Answer]]) -> Strategy:
    """Yield the rows of lists whose first pages have been answered, and read the pages after them by offset."""
    lists = {child_list.list_spec: child_list for child_list, _ in first_answers}
    read = [(OffsetReader(child_list.list_spec, None), answer) for child_list, answer in first_answers]
    yield from handle_events(read_on(read), _attributed(lists))
    for reader, _ in read:
        lists[reader.list_spec].settle(reader)


def _attributed(lists: Mapping[ListSpec, _ChildList]) -> Callable[[StrategyEvent], Strategy]:
    """Return what names the parents in the rows of these lists."""

    def attribute(event: StrategyEvent) -> Strategy:
        yield lists[event.list_spec].attribute(event) if isinstance(event, Rows) else event

    return attribute


def _batches(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
