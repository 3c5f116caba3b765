"""Whether a filter takes the ids of several parents in one command, as the answers of a run show.

A portal that does not support a list of ids gives no error: it reads the list as one number or drops the condition, so
the answer holds nothing, the children of one parent, or those of parents that were not requested (docs/protocol.md §4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

MAX_CHECKS = 20
"""Groups whose parents without children are requested one by one, while no answer has held children of several."""


class BulkFilterSupport(Enum):
    """What the answers have shown."""

    UNKNOWN = auto()
    """No answer has held children of several parents so far."""
    SUSPECT = auto()
    """An answer held children of a parent that was not requested; the check of its group is still due."""
    PROVEN = auto()
    """Answers have held children of several parents, and of no others; or MAX_CHECKS groups have been checked."""
    MISSING = auto()
    """Parents must be requested one by one."""


@dataclass(slots=True)
class BulkFilterProbe:
    """What a run has learned of a stream's child method; all parent groups of a stream call the same one."""

    support: BulkFilterSupport = BulkFilterSupport.UNKNOWN
    _owners: set[Any] = field(default_factory=set)
    """Parents whose children answers to commands for several parents have held."""
    _checks: int = 0

    @property
    def proven(self) -> bool:
        """Whether answers to commands for several parents are complete."""
        return self.support is BulkFilterSupport.PROVEN

    @property
    def missing(self) -> bool:
        """Whether parents must be requested one by one."""
        return self.support is BulkFilterSupport.MISSING

    def note_owner(self, parent: Any) -> None:
        """Note that an answer held a child of one of its parents."""
        self._owners.add(parent)

    def note_foreign_child(self) -> None:
        """Note that an answer held a child of a parent that was not requested."""
        self.support = BulkFilterSupport.SUSPECT

    def conclude(self) -> None:
        """Conclude from the answers so far: children of several parents prove the filter, unless there were others."""
        if self.support is BulkFilterSupport.UNKNOWN and len(self._owners) > 1:
            self.support = BulkFilterSupport.PROVEN

    def note_check(self, *, children_missed: bool) -> None:
        """Note that the parents without children in an answer have been requested one by one.

        Args:
            children_missed: Some of them do have children.
        """
        self._checks += 1
        if children_missed or self.support is BulkFilterSupport.SUSPECT:
            self.support = BulkFilterSupport.MISSING
        elif self._checks >= MAX_CHECKS:
            self.support = BulkFilterSupport.PROVEN
