"""Progress of one parent group during a run: parents still to request, children counted, refusals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tap_bitrix24.errors import PortalError, RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import ChildGroupsRead, Notice, Rows
from tap_bitrix24.replication.absence import no_such_list
from tap_bitrix24.replication.bulk_filter import BulkFilterProbe
from tap_bitrix24.replication.keyset_reader import CHAIN_LENGTH
from tap_bitrix24.replication.parent_groups import PARENT, ParentGroup


@dataclass(slots=True)
class ParentProgress:
    """Progress of one parent group; parents are known by the values that their children are requested with."""

    group: ParentGroup
    read_at: str | None
    """When the children of this run count as read; None: rows do not name their parents, and nothing is counted."""
    probe: BulkFilterProbe
    answered: bool = False
    """At least one parent's children are known."""
    refused: dict[Any, PortalError] = field(default_factory=dict)
    """Parents whose children the portal refused to show."""
    _waiting: dict[Any, None] = field(default_factory=dict)
    """Parents to request, in order and once each: a date window that is cut is read again in parts."""
    _seen: set[Any] = field(default_factory=set)
    """Parents noted before, where parents may share a value (a template of many tasks) or contain each other."""
    _requested: int = 0
    _deleted: int = 0
    """Requested parents that do not exist any more."""
    _counts: dict[str, int | None] = field(default_factory=dict)
    """Reference of a parent → its children so far, for the next `ChildGroupsRead`."""
    _retry: dict[Any, None] = field(default_factory=dict)
    """Parents to request one by one because the portal refused them as a group."""

    def add(self, value: Any) -> None:
        """Note a parent whose children are to be requested."""
        if not isinstance(value, (str, int)) or value in ("", 0, "0") or value in self._seen:
            return
        if self.group.recurse_into or self.group.value_key != self.group.parents.endpoint.key:
            self._seen.add(value)
        self._waiting[value] = None

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
        values = list(islice(self._waiting, size * (CHAIN_LENGTH if size == 1 or self.probe.proven else 1)))
        for value in values:
            del self._waiting[value]
        self._requested += len(values)
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

    def without_children(self, values: Sequence[Any]) -> list[Any]:
        """Return those of some parents that no child has been counted for."""
        return [value for value in values if not self._counts.get(self.group.reference(value))]

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

    def note_refusal(self, list_spec: ListSpec, parents: Sequence[Any], error: PortalError) -> None:
        """Note that the portal answered a command for these parents with an error.

        A parent that was deleted meanwhile has no children; one that this user may not see is reported at the end.

        Raises:
            PortalError: The error is not about these parents alone.
        """
        deleted = no_such_list(list_spec, error, 0) is not None
        if not deleted and not isinstance(error, RejectedError):
            raise error
        if len(parents) > 1:
            self._retry |= dict.fromkeys(parents)
        elif deleted:
            self.answered = True
            self._deleted += 1
        else:
            self.refused[parents[0]] = error

    def discard_refused(self) -> None:
        """Forget the counts of refused parents: how many children they have is unknown."""
        for value in self.refused:
            self._counts.pop(self.group.reference(value), None)

    def finished_groups(self) -> Iterator[ChildGroupsRead]:
        """Yield the counts of parents whose children have been read since the last call."""
        counts, self._counts = self._counts, {}
        if counts and self.read_at is not None:
            yield ChildGroupsRead(counts, self.read_at)

    def notices(self) -> Iterator[Notice]:
        """Yield what the operator should know of this group at the end of a run."""
        if self._deleted and self._deleted == self._requested:
            yield Notice(f"none of {self._requested} parents ({self.group.name}) exists any more")
        for first in islice(self.refused.values(), 1):
            refused = f"{len(self.refused)} of {self._requested} parents ({self.group.name})"
            yield Notice(f"{refused}: the portal refused their rows: {first}")


def all_refused(progresses: Collection[ParentProgress]) -> bool:
    """Whether parents were requested and none of any group has answered."""
    return any(each.refused for each in progresses) and not any(each.answered for each in progresses)
