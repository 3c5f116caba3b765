"""Parents and their children in memory: a list of parents, and a list of children for each of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import PortalError, RejectedError, UnreadableError
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, Row
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.parent_groups import ParentGroup
from tests.support.lists import FakeList, list_spec_of

ALONE = Endpoint("children.get", SinglePage(), listed)
MANY = Endpoint("children.list", StartParameter(), listed)


@dataclass
class ParentPortal:
    """A portal with parents and children. The switches name what real servers do with a list of ids."""

    children: Mapping[Any, Sequence[int]]
    """Parent's id → ids of its children."""
    parents: FakeList = field(default_factory=lambda: FakeList([]))
    first_only: bool = False
    """Reads a list of ids as the first of them."""
    casts_to_one: bool = False
    """Reads a list of ids as the number 1, as PHP casts arrays."""
    finds_nothing: bool = False
    """Finds nothing for a list of ids."""
    drops_filter: bool = False
    """Drops any filter by parent."""
    drops_lists: bool = False
    """Drops a filter that is a list of ids."""
    refuses_lists: PortalError | None = None
    """Answers a list of ids with this error."""
    refuses: Mapping[Any, PortalError] = field(default_factory=dict)
    """Parent → the error that a request for its children is answered with."""
    unreadable: frozenset[int] = frozenset()
    """Ids of children whose text makes the portal refuse a whole answer."""
    empty_once: set[Any] = field(default_factory=set)
    """Parents for which, alone or with others, the portal finds nothing at first; emptied as it does."""
    total_of_nothing: int | None = 0
    """The count beside an empty answer; None: the method does not count."""
    requested: list[list[Any]] = field(default_factory=list)
    """Parents of each command that requested children (once, however many pages it took)."""

    def __call__(self, request: PageRequest) -> Answer:
        """Answer one page request."""
        if request.list_spec.endpoint not in (ALONE, MANY):
            return self.parents.answer(request)
        value = request.list_spec.params["of"]
        parents = value if isinstance(value, list) else [value]
        if not request.after and not request.descending and request.up_to is None:
            self.requested.append(parents)
        error = self.refuses_lists if len(parents) > 1 else None
        error = error or next((self.refuses[each] for each in parents if each in self.refuses), None)
        if error is not None:
            return Answer([], error)
        rows = [child(owner, number) for owner in self._matching(parents) for number in self.children.get(owner, ())]
        if self.empty_once.intersection(parents):
            self.empty_once.clear()
            rows = []
        if request.list_spec.endpoint is ALONE:
            return Answer([Page(rows, len(rows) if rows else self.total_of_nothing)])
        answer = FakeList([row for row in rows if _up_to(request, row)], counts=self.total_of_nothing == 0).answer(
            request
        )
        if any(int(row["ID"]) in self.unreadable for page in answer.pages for row in page.rows):
            return Answer([], UnreadableError("a row holds text that is not UTF-8", code="WRONG_ENCODING"))
        return answer

    def _matching(self, parents: list[Any]) -> Sequence[Any]:
        """The parents whose children the portal takes to be requested."""
        if self.drops_filter:
            return list(self.children)
        if len(parents) == 1:
            return parents
        if self.finds_nothing or self.drops_lists:
            return list(self.children) if self.drops_lists else []
        return parents[:1] if self.first_only else ["1"] if self.casts_to_one else parents


def _up_to(request: PageRequest, row: Row) -> bool:
    return request.up_to is None or int(row["ID"]) <= request.up_to


def child(owner: Any, number: int) -> Row:
    """A child's row, which names its parent: the digits of `lead 5` or `5b`."""
    return {"ID": str(number), "OWNER": "".join(filter(str.isdigit, str(owner)))}


def child_lists_of(endpoint: Endpoint, **facts: Any) -> Callable[[Sequence[Any]], list[ListSpec]]:
    """Return a function that gives the list of the children of one parent, or of several in one command."""

    def lists(values: Sequence[Any]) -> list[ListSpec]:
        return [ListSpec(endpoint, params={"of": list(values) if len(values) > 1 else values[0]}, **facts)]

    return lists


def parent_group(size: int = 1, **facts: Any) -> ParentGroup:
    """A parent group; a command requests the children of up to `size` parents."""
    endpoint = facts.pop("endpoint", ALONE if size == 1 else MANY)
    absent_codes = facts.pop("absent_codes", frozenset())
    given: dict[str, Any] = {
        "parents": list_spec_of(stamped=True),
        "value_key": "ID",
        "name": "deal",
        "group_size": size,
        "owner_key": "OWNER",
        "child_lists": child_lists_of(endpoint, absent_codes=absent_codes),
        **facts,
    }
    return ParentGroup(**given)


def portal_with(sizes: Iterable[int], **facts: Any) -> ParentPortal:
    """A portal with parents 1, 2, 3 … of `sizes` children each; 5003 is the id of the third child of parent 5."""
    children = {
        str(parent): [parent * 1_000 + number for number in range(1, size + 1)] for parent, size in enumerate(sizes, 1)
    }
    return ParentPortal(children, **facts)


def denied(text: str = "Access denied.") -> RejectedError:
    """The error for a parent that this user may not see."""
    return RejectedError(text, code="")
