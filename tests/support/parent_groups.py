"""Parents and their children in memory: a list of parents, and a list of children for each of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import PortalError, RejectedError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, Row
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.children import ParentGroup
from tests.support.lists import FakeList, source

ALONE = Endpoint("children.get", SinglePage(), listed)
MANY = Endpoint("children.list", StartParameter(), listed)


@dataclass
class Family:
    """A portal that answers for parents and children. The switches name what real servers do with many ids."""

    children: Mapping[Any, Sequence[int]]
    """Parent's id → ids of its children."""
    parents: FakeList = field(default_factory=lambda: FakeList([]))
    first_only: bool = False
    """Reads a list of ids as its first one."""
    as_one: bool = False
    """Reads a list of ids as the number 1, as PHP casts arrays."""
    nothing: bool = False
    """Finds nothing for a list of ids."""
    everything: bool = False
    """Drops the condition."""
    unfiltered: bool = False
    """Drops it when it is a list of ids."""
    no_groups: PortalError | None = None
    """Refuses lists of ids."""
    refuses: Mapping[Any, PortalError] = field(default_factory=dict)
    """Parent → why its children can't be had."""
    asked: list[list[Any]] = field(default_factory=list)
    """Parents of each command that asked for children (once, however many pages it took)."""

    def __call__(self, ask: PageRequest) -> Answer:
        """Serve one wish."""
        if ask.list_spec.endpoint not in (ALONE, MANY):
            return self.parents.answer(ask)
        told = ask.list_spec.params["of"]
        many = told if isinstance(told, list) else [told]
        if not ask.after and not ask.descending:
            self.asked.append(many)
        error = self.no_groups if len(many) > 1 else None
        error = error or next((self.refuses[each] for each in many if each in self.refuses), None)
        if error is not None:
            return Answer([], error)
        rows = [child(owner, number) for owner in self._meant(many) for number in self.children.get(owner, ())]
        if ask.list_spec.endpoint is ALONE:
            return Answer([Page(rows, len(rows))])
        return FakeList(rows).answer(ask)

    def _meant(self, many: list[Any]) -> Sequence[Any]:
        if self.everything:
            return list(self.children)
        if len(many) == 1:
            return many
        if self.nothing or self.unfiltered:
            return list(self.children) if self.unfiltered else []
        return many[:1] if self.first_only else ["1"] if self.as_one else many


def child(owner: Any, number: int) -> Row:
    """A child's row, which names its parent; the letters in `lead 5` and `5b` only tell questions apart."""
    return {"ID": str(number), "OWNER": "".join(filter(str.isdigit, str(owner)))}


def asking(endpoint: Endpoint, **facts: Any) -> Callable[[Sequence[Any]], list[ListSpec]]:
    """Asks for the children of one parent, or of several in one command."""

    def ask(values: Sequence[Any]) -> list[ListSpec]:
        return [ListSpec(endpoint, params={"of": list(values) if len(values) > 1 else values[0]}, **facts)]

    return ask


def parent_group(size: int = 1, **facts: Any) -> ParentGroup:
    """Children asked for one parent, or so many parents, at a time."""
    endpoint = facts.pop("endpoint", ALONE if size == 1 else MANY)
    tolerated = facts.pop("ignorable_errors", frozenset())
    given: dict[str, Any] = {
        "parents": source(stamped=True),
        "value_key": "ID",
        "name": "deal",
        "group_size": size,
        "owner_key": "OWNER",
        "child_lists": asking(endpoint, ignorable_errors=tolerated),
        **facts,
    }
    return ParentGroup(**given)


def family(sizes: Iterable[int], **facts: Any) -> Family:
    """Parents 1, 2, 3 … with so many children each; a child's id tells its parent (5003: third child of 5)."""
    children = {
        str(parent): [parent * 1_000 + number for number in range(1, size + 1)] for parent, size in enumerate(sizes, 1)
    }
    return Family(children, **facts)


def denied(text: str = "Access denied.") -> RejectedError:
    """What a parent says that this user may not see."""
    return RejectedError(text, code="")
