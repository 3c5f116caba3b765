"""Progress of one parent group during a run: parents still to request, children counted, parents without an answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tap_bitrix24.errors import PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import ChildGroupsRead, Notice, Rows
from tap_bitrix24.replication.absence import ProvenEnd, no_such_list
from tap_bitrix24.replication.bulk_filter import BulkFilterProbe
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH
from tap_bitrix24.replication.parent_groups import PARENT, ParentGroup

MAX_UNANSWERED = 1_000
"""Parents without an answer that STATE keeps; with more, the stream fails and does not move on."""


@dataclass(slots=True)
class ParentProgress:
    """Progress of one parent group; parents are known by the values that their children are requested with."""

    group: ParentGroup
    read_at: str | None
    """When the children of this run count as read; None: rows do not name their parents, and nothing is counted."""
    probe: BulkFilterProbe
    answered: bool = False
    """At least one parent's children are known."""
    unanswered: dict[Any, PortalError] = field(default_factory=dict)
    """Parents whose children could not be read, each with the reason: what is known of them stays."""
    requested: int = 0
    """How many parents' children have been requested so far."""
    _refused: dict[Any, PortalError] = field(default_factory=dict)
    """Parents that were refused on their own: they may have been deleted."""
    _waiting: dict[str, Any] = field(default_factory=dict)
    """Parents to request, in order and once each: a date window that is cut is read again in parts."""
    _seen: set[Any] = field(default_factory=set)
    """Parents noted before, where parents may share a value (a template of many tasks) or contain each other."""
    _deleted: int = 0
    """Requested parents that do not exist any more."""
    _counts: dict[str, int | None] = field(default_factory=dict)
    """Reference of a parent → its children so far, for the next `ChildGroupsRead`."""
    _retry: dict[Any, None] = field(default_factory=dict)
    """Parents to request one by one because the portal refused them as a group."""
    _contradictory: list[Any] = field(default_factory=list)
    """Parents whose own rows contradict themselves about their children."""

    def add(self, value: Any) -> None:
        """Note a parent whose children are to be requested."""
        if not isinstance(value, (str, int)) or value in ("", 0, "0") or value in self._seen:
            return
        if self.group.recurse_into or self.group.value_key != self.group.parents.endpoint.key:
            self._seen.add(value)
        self._waiting[str(value)] = value

    def add_contradictory(self, value: Any) -> None:
        """Note a parent whose row contradicts itself about its children: they are to be requested."""
        self._contradictory.append(value)
        self.add(value)

    def add_embedded(self, value: Any, children: list[Row]) -> Iterator[Rows]:
        """Count and yield the children that are part of their parent's row."""
        name = self.group.reference(value)
        self.answered = True
        self._counts[name] = len(children)
        if children and self.group.embedded_source is not None:
            yield Rows(self.group.embedded_source, [self._with_parent(child, name) for child in children])

    @property
    def waiting(self) -> bool:
        """Whether there are parents to request."""
        return bool(self._waiting)

    @property
    def parents_per_command(self) -> int:
        """How many parents one command requests the children of."""
        return 1 if self.probe.missing else self.group.group_size

    @property
    def commands(self) -> int:
        """How many commands the waiting parents take."""
        return -(-len(self._waiting) // self.parents_per_command)

    def take(self) -> list[Any]:
        """Return the parents to request now: one command's as long as the filter is not proven to take several."""
        size = self.parents_per_command
        limit = size * (CHAIN_LENGTH if size == 1 or self.probe.proven else 1)
        values = [self._waiting.pop(name) for name in list(islice(self._waiting, limit))]
        self.requested += len(values)
        self._count_from_zero(values)
        return values

    def take_retries(self) -> list[Any]:
        """Return the parents of refused groups, to be requested one by one."""
        values = list(self._retry)
        self._retry.clear()
        self._count_from_zero(values)
        return values

    def _count_from_zero(self, values: Sequence[Any]) -> None:
        self._counts.update(dict.fromkeys(map(self.group.reference, values), 0))
        for value in values:
            self.unanswered.pop(value, None)

    def without_children(self, values: Sequence[Any]) -> list[Any]:
        """Return those of some parents that no child has been counted for, refused ones excepted."""
        found = [value for value in values if not self._counts.get(self.group.reference(value))]
        return [value for value in found if value not in self._refused]

    def attribute(self, children: Rows, parents: Sequence[Any]) -> Rows:
        """Count the rows of an answer for their parents, and name the parent in each.

        Args:
            children: Rows of one of the lists requested.
            parents: Those whose children the command asked for.

        Raises:
            UntrustedError: A row belongs to none of the parents, although the filter is proven to take several.
        """
        owners = {str(value): value for value in parents}
        several = len(parents) > 1
        rows: list[Row] = []
        for row in children.rows:
            named = row.get(self.group.owner_key) if several else row.get(self.group.owner_key) or parents[0]
            owner = owners.get(str(named))
            if several and owner is None:
                self._check_foreign(children.list_spec, named)
                continue
            if several:
                self.probe.note_owner(owner)
            name = self.group.reference(named)  # a portal that drops the condition returns all children for each parent
            if owner is not None:
                self._counts[name] = (self._counts.get(name) or 0) + 1
            rows.append(self._with_parent(row, name))
            if self.group.recurse_into is not None:
                self.add(self.group.recurse_into(row))
        return Rows(children.list_spec, rows)

    def _check_foreign(self, list_spec: ListSpec, owner: Any) -> None:
        method = list_spec.endpoint.method
        if self.probe.proven:
            text = f"{method}: returned a row of {self.group.name} {owner}, which was not requested"
            raise UntrustedError(text, method=method)
        self.probe.note_foreign_child()

    def _with_parent(self, row: Row, name: str) -> Row:
        return row if self.read_at is None else {**row, PARENT: name}

    def note_error(self, list_spec: ListSpec, parents: Sequence[Any], error: PortalError) -> None:
        """Note that the portal answered a command for these parents with an error.

        Raises:
            PortalError: The error is not about these parents alone.
        """
        if len(parents) == 1 and no_such_list(list_spec, error, 0) is not None:
            self.answered = True
        elif len(parents) > 1 or isinstance(error, (RejectedError, UntrustedError)):
            self.note_refusal(parents, error)
        else:
            raise error

    def note_refusal(self, parents: Sequence[Any], error: PortalError) -> None:
        """Note that the children of these parents could not be read; several parents are requested one by one.

        Raises:
            PortalError: The error is not about these parents alone.
        """
        if not isinstance(error, (RejectedError, UntrustedError)):
            raise error
        if len(parents) > 1:
            self._retry |= dict.fromkeys(parents)
        else:
            self._refused[parents[0]] = error

    def take_refused(self) -> Mapping[Any, PortalError]:
        """Return the parents that were refused on their own; each is then noted as deleted or as unanswered."""
        refused, self._refused = self._refused, {}
        return refused

    def note_refused(self, value: Any, error: PortalError, deleted: ProvenEnd | None) -> None:
        """Note what has become of a refused parent: a deleted one has no children, else their number is unknown.

        Args:
            value: The parent.
            error: Why its children could not be read.
            deleted: The proof that it was deleted, or None.
        """
        name = self.group.reference(value)
        if deleted is None:
            self.unanswered[value] = error
            self._counts.pop(name, None)
        else:
            self.answered = True
            self._deleted += 1
            self._counts[name] = 0

    def finished_groups(self) -> Iterator[ChildGroupsRead]:
        """Yield the counts of parents whose children have been read since the last call."""
        counts, self._counts = self._counts, {}
        if counts and self.read_at is not None:
            yield ChildGroupsRead(counts, self.read_at)

    def notices(self) -> Iterator[Notice]:
        """Yield what the operator should know of this group at the end of a run."""
        if self._deleted and self._deleted == self.requested:
            yield Notice(f"none of {self.requested} parents ({self.group.name}) exists any more")
        if self._contradictory:
            first = self.group.reference(self._contradictory[0])
            count = f"{len(self._contradictory)} rows, first {first}, name a main one that is not in their list"
            yield Notice(f"children of {self.group.name}: {count}; their children were requested one by one")


def all_refused(progresses: Collection[ParentProgress]) -> bool:
    """Whether parents were requested and none of any group has answered."""
    return any(each.unanswered for each in progresses) and not any(each.answered for each in progresses)


def may_move_on(progresses: Collection[ParentProgress]) -> bool:
    """Whether STATE may move on: it can keep the parents that have not answered, for the next run to request again."""
    return not all_refused(progresses) and sum(len(each.unanswered) for each in progresses) <= MAX_UNANSWERED


def unanswered_state(progresses: Collection[ParentProgress]) -> dict[str, Any]:
    """Return the part of STATE that names the parents without an answer; empty if there are none."""
    names: dict[str, list[Any]] = {}
    for each in progresses:
        if each.unanswered:
            names.setdefault(each.group.name, []).extend(each.unanswered)
    return {"unanswered": names} if names else {}


def unanswered_error(progresses: Collection[ParentProgress]) -> RejectedError | None:
    """Return the error that names how many parents have not answered and the first of them; None if all have."""
    found = [(each, value, error) for each in progresses for value, error in each.unanswered.items()]
    if not found:
        return None
    progress, value, error = found[0]
    requested = sum(each.requested for each in progresses)
    first = progress.group.reference(value)
    text = f"the children of {len(found)} of {requested} parents could not be read, first {first}: {error}"
    return RejectedError(text, code=error.code, method=error.method)
