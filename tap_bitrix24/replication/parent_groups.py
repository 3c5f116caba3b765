"""Parent groups: parents of one kind, and how their children are requested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.replication.state import format_bookmark

PARENT = "_bitrix24_parent"
"""Row key and column: the parent whose child a row is."""
CHILDREN_READ_AT = "_bitrix24_children_read_at"
"""Column: when the children of the row's parent were read; the replication key of children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentGroup:
    """Parents of one kind, and how their children are requested."""

    parents: ListSpec
    value_key: str
    """Key of a parent's row that holds the value to request its children with."""
    has_children: Callable[[Row], bool] | None = None
    """Whether a parent has children at all; None: each may have some."""
    child_lists: Callable[[Sequence[Any]], Sequence[ListSpec]]
    """Values of one or several parents → the lists that hold their children."""
    name: str
    """Prefix of the parents' references: `deal` gives `deal:17`."""
    group_size: int = 1
    """How many parents one command can request the children of."""
    owner_key: str = ""
    """Key of a child's row that names its parent, where a command requests those of several."""
    embedded_children: Callable[[Row], list[Row] | None] | None = None
    """Children that are part of the parent's own row; None if this row does not hold them."""
    contradicts: Callable[[Row], bool] | None = None
    """Whether a parent's row contradicts itself about its children, which are then requested."""
    embedded_source: ListSpec | None = None
    """The list such children are yielded as rows of."""
    recurse_into: Callable[[Row], Any] | None = None
    """A child that is a parent itself (a folder in a folder) → the value to request its children with."""

    def reference(self, value: Any) -> str:
        """Return the text that names one parent in its children's rows and in `child_reads`."""
        return f"{self.name}:{value}"

    def id_in_list(self, value: Any) -> int | None:
        """Return the id by which the list of parents can be asked whether it still holds one, or None.

        None where parents are known by another value, are children themselves, or cannot be read by id.
        """
        by_id = self.value_key == self.parents.endpoint.key and self.recurse_into is None
        searchable = by_id and self.parents.endpoint.pagination.supports_keyset and str(value).isdecimal()
        return int(value) if searchable else None


def with_read_time(list_spec: ListSpec, read_at: datetime) -> ListSpec:
    """Return a list each of whose rows says when the children of its parent were read."""
    return replace(list_spec, constants={**list_spec.constants, CHILDREN_READ_AT: format_bookmark(read_at)})
