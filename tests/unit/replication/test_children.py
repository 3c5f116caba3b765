"""Children of parents, whatever the portal does with a list of ids (docs/decisions.md#decision-15)."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tap_bitrix24.errors import (
    AccessError,
    MissingMethodError,
    PortalError,
    RejectedError,
    UnavailableError,
    UnreadableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Rows, Strategy
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.children import children_of
from tap_bitrix24.replication.full_table import read_all_by_id, read_whole
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.replication.parent_groups import ParentGroup
from tests.support.lists import FakeList, Outcome, list_spec_of, pump, rows_of
from tests.support.parameters import seeds
from tests.support.parent_groups import (
    ALONE,
    MANY,
    ParentPortal,
    child,
    child_lists_of,
    denied,
    parent_group,
    portal_with,
)

UNREADABLE = UnreadableError("a row holds text that is not UTF-8", code="WRONG_ENCODING")
NOW = "2025-01-01T00:00:00Z"


def read(
    portal: ParentPortal, *groups: ParentGroup, read_at: str | None = NOW, outcome: Outcome | None = None
) -> Outcome:
    """Read the children of all parents the portal has, in one parent group unless others are given."""
    if not portal.parents.rows:
        portal.parents = FakeList(rows_of(int(number) for number in portal.children))
    kinds = groups or (parent_group(),)
    parents = read_all_by_id([each.parents for each in kinds])
    return pump(children_of(parents, kinds, read_at), portal, outcome=outcome)


def refused(portal: ParentPortal, message: str, *groups: ParentGroup) -> Outcome:
    """Read children although some parents do not answer: the stream fails at its end, with this message."""
    outcome = Outcome()
    with pytest.raises(RejectedError, match=message):
        read(portal, *groups, outcome=outcome)
    return outcome


def deleting(portal: ParentPortal, parent: str) -> ParentPortal:
    """Delete a parent once its row has been read."""
    rows = rows_of(int(number) for number in portal.children)

    def delete(parents: FakeList) -> None:
        if portal.requested:
            parents.rows[:] = [row for row in parents.rows if row["ID"] != parent]

    portal.parents = FakeList(rows, changes=delete)
    return portal


def nothing() -> Strategy:
    """Read no parents."""
    yield from ()


def ids_by_parent(outcome: Outcome) -> dict[str, list[int]]:
    """Reference of a parent → ids of its children's rows."""
    children: dict[str, list[int]] = {}
    for row in outcome.rows:
        children.setdefault(row["_bitrix24_parent"], []).append(int(row["ID"]))
    return children


def counts(outcome: Outcome) -> dict[str, int | None]:
    """Reference of a parent → the count of its children that was yielded."""
    return {name: count for name, (count, _) in outcome.child_reads.items()}


def check(outcome: Outcome, portal: ParentPortal, name: str = "deal") -> None:
    """All children were yielded, each with its parent, and the counts are right."""
    wanted = {f"{name}:{parent}": list(ids) for parent, ids in portal.children.items()}
    assert {key: sorted(set(ids)) for key, ids in ids_by_parent(outcome).items()} == {
        k: ids for k, ids in wanted.items() if ids
    }
    assert counts(outcome) == {key: len(ids) for key, ids in wanted.items()}
    assert {read_at for _, read_at in outcome.child_reads.values()} <= {NOW}


# One parent at a time


def test_children_name_their_parent_and_parents_are_counted() -> None:
    portal = portal_with([2, 0, 1])
    outcome = read(portal)
    assert outcome.rows == [
        {**child(1, 1_001), "_bitrix24_parent": "deal:1"},
        {**child(1, 1_002), "_bitrix24_parent": "deal:1"},
        {**child(3, 3_001), "_bitrix24_parent": "deal:3"},
    ]
    assert outcome.child_reads == {"deal:1": (2, NOW), "deal:2": (0, NOW), "deal:3": (1, NOW)}


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 150])
def test_a_request_holds_fifty_parents(count: int) -> None:
    portal = portal_with([number % 3 for number in range(count)])
    outcome = read(portal)
    check(outcome, portal)
    assert portal.requested == [[str(number)] for number in range(1, count + 1)]
    only_parents = pump(read_all_by_id([list_spec_of()]), portal.parents).requests
    assert outcome.requests == only_parents + -(-count // 50)


def test_a_full_table_read_neither_names_nor_counts_parents() -> None:
    outcome = read(portal_with([2, 0]), read_at=None)
    assert outcome.rows == [child(1, 1_001), child(1, 1_002)]
    assert outcome.child_reads == {}


def test_a_parent_read_twice_is_counted_once() -> None:
    """A date window that is cut is read again in parts."""
    portal = portal_with([3, 1])
    for group in (1, 50):
        kind = parent_group(group)

        def twice(kind: ParentGroup = kind) -> Strategy:
            yield Rows(kind.parents, rows_of([1, 2]))
            yield Rows(kind.parents, rows_of([2, 1]))

        outcome = pump(children_of(twice(), [kind], NOW), portal)
        check(outcome, portal)
        assert len(outcome.rows) == 4


@pytest.mark.parametrize("value", [None, "", 0, "0", False, [], {}])
def test_a_parent_without_the_value_has_no_children(value: Any) -> None:
    kind = parent_group(value_key="TEMPLATE")
    portal = ParentPortal({"7": [1]}, parents=FakeList([{"ID": "1", "TEMPLATE": value}, {"ID": "2", "TEMPLATE": "7"}]))
    read(portal, kind)
    assert portal.requested == [["7"]]


def test_a_value_that_parents_share_is_requested_once() -> None:
    kind = parent_group(value_key="TEMPLATE")
    rows: list[Row] = [{"ID": str(number), "TEMPLATE": str(number % 3)} for number in range(1, 200)]
    portal = ParentPortal({"1": [10], "2": [20, 21]}, parents=FakeList(rows))
    outcome = read(portal, kind)
    assert portal.requested == [["1"], ["2"]]
    check(outcome, portal)


def test_only_some_parents_have_children() -> None:
    portal = portal_with([1, 1, 1, 1])
    read(portal, parent_group(has_children=lambda row: int(row["ID"]) % 2 == 0))
    assert portal.requested == [["2"], ["4"]]


def test_several_lists_of_one_parent_are_counted_together() -> None:
    def windows(values: Sequence[Any]) -> list[ListSpec]:
        return [*child_lists_of(ALONE)(values), *child_lists_of(ALONE)([f"{values[0]}b"])]

    portal = ParentPortal({"1": [11, 12], "1b": [13], "2": [], "2b": []}, parents=FakeList(rows_of([1, 2])))
    outcome = read(portal, parent_group(child_lists=windows))
    assert ids_by_parent(outcome) == {"deal:1": [11, 12, 13]}
    assert counts(outcome) == {"deal:1": 3, "deal:2": 0}


def test_children_that_take_several_pages() -> None:
    portal = portal_with([120, 0, 51, 50])
    kind = parent_group(endpoint=MANY)
    check(read(portal, kind), portal)


def test_parents_of_several_kinds_keep_their_children_apart() -> None:
    deals, leads = (
        parent_group(),
        parent_group(name="lead", child_lists=lambda values: child_lists_of(ALONE)([f"lead {values[0]}"])),
    )
    portal = ParentPortal({"1": [11], "2": [], "lead 1": [21, 22]}, parents=FakeList(rows_of([1, 2])))
    outcome = read(portal, deals, leads)
    assert ids_by_parent(outcome) == {"deal:1": [11], "lead:1": [21, 22]}
    assert counts(outcome) == {"deal:1": 1, "deal:2": 0, "lead:1": 2, "lead:2": 0}


# Children that are part of the parent's row


def linked(row: Row) -> list[Row] | None:
    """Links of a deal to contacts, where its row holds them."""
    return [{"ID": number} for number in row["contacts"]] if "contacts" in row else None


def test_embedded_children_cost_no_request() -> None:
    contacts = ListSpec(ALONE)
    kind = parent_group(embedded_children=linked, embedded_source=contacts)
    rows: list[Row] = [{"ID": "1", "contacts": [5, 6]}, {"ID": "2", "contacts": []}, {"ID": "3"}]
    portal = ParentPortal({"3": [31]}, parents=FakeList(rows))
    outcome = read(portal, kind)
    assert portal.requested == [["3"]], "its row holds no children"
    assert ids_by_parent(outcome) == {"deal:1": [5, 6], "deal:3": [31]}
    assert counts(outcome) == {"deal:1": 2, "deal:2": 0, "deal:3": 1}
    (first, *_) = [event for event in outcome.events if isinstance(event, Rows)]
    assert first.list_spec is contacts


def test_rows_that_contradict_themselves_are_told_and_their_children_requested() -> None:
    kind = parent_group(
        embedded_children=linked,
        embedded_source=ListSpec(ALONE),
        contradicts=lambda row: "main" in row and row["main"] not in row["contacts"],
    )
    rows: list[Row] = [
        {"ID": "1", "contacts": [5], "main": 5},
        {"ID": "2", "contacts": [], "main": 7},
        {"ID": "3", "contacts": [], "main": 8},
    ]
    portal = ParentPortal({"2": [7, 9], "3": [8]}, parents=FakeList(rows))
    outcome = read(portal, kind)
    assert ids_by_parent(outcome) == {"deal:1": [5], "deal:2": [7, 9], "deal:3": [8]}
    (warning,) = outcome.warnings
    assert warning.startswith("children of deal: 2 rows, first deal:2, name a main one")


def test_embedded_children_of_a_full_table_read() -> None:
    kind = parent_group(embedded_children=linked, embedded_source=ListSpec(ALONE))
    portal = ParentPortal({}, parents=FakeList([{"ID": "1", "contacts": [5]}]))
    outcome = read(portal, kind, read_at=None)
    assert outcome.rows == [{"ID": 5}]
    assert outcome.child_reads == {}


# Refusals


def test_refused_parents_fail_the_stream_after_the_others_have_been_read() -> None:
    portal = portal_with([1, 2, 0, 3], refuses={"2": denied(), "3": denied("Other.")})
    outcome = refused(portal, "2 of 4 parents could not be read, first deal:2: Access denied.")
    assert ids_by_parent(outcome) == {"deal:1": [1_001], "deal:4": [4_001, 4_002, 4_003]}
    assert counts(outcome) == {"deal:1": 1, "deal:4": 3}, "the counts of the others are unknown"


def test_a_stream_fails_if_all_parents_are_refused() -> None:
    with pytest.raises(RejectedError, match="Access denied"):
        read(portal_with([1, 2], refuses={"1": denied(), "2": denied()}))


def test_a_group_of_refused_parents_does_not_keep_the_others_from_arriving() -> None:
    deals, smart = (
        parent_group(),
        parent_group(name="dynamic_128", child_lists=lambda values: child_lists_of(ALONE)([f"x{values[0]}"])),
    )
    refusing = {"x1": denied("Not supported."), "x2": denied("Not supported.")}
    portal = ParentPortal({"1": [11], "2": []}, parents=FakeList(rows_of([1, 2])), refuses=refusing)
    outcome = refused(portal, "2 of 4 parents could not be read, first dynamic_128:1: Not supported", deals, smart)
    assert ids_by_parent(outcome) == {"deal:1": [11]}
    assert counts(outcome) == {"deal:1": 1, "deal:2": 0}


def test_a_list_that_a_method_does_not_have_by_its_own_code_has_no_children() -> None:
    gone = RejectedError("Deal is not found", code="NOT_FOUND")
    portal = portal_with([1, 2], refuses={"2": gone})
    outcome = read(portal, parent_group(absent_codes=frozenset({"not_found"})))
    assert counts(outcome) == {"deal:1": 1, "deal:2": 0}
    assert outcome.warnings == []


NOT_FOUND = RejectedError("Deal is not found", code="NOT_FOUND")


@pytest.mark.parametrize("group", [1, 50])
def test_not_found_does_not_mean_that_a_parent_was_deleted(group: int) -> None:
    """Its own list still holds it."""
    portal = portal_with([1, 2, 1], refuses={"2": NOT_FOUND})
    outcome = refused(portal, "1 of 3 parents could not be read, first deal:2: Deal is not found", parent_group(group))
    assert counts(outcome) == {"deal:1": 1, "deal:3": 1}


@pytest.mark.parametrize("group", [1, 50])
@pytest.mark.parametrize("deleted", ["2", "3"])
def test_a_parent_that_its_own_list_no_longer_holds_has_no_children(group: int, deleted: str) -> None:
    """Other parents follow it there, or none does, which is asked twice."""
    portal = deleting(portal_with([1, 2, 2], refuses={deleted: NOT_FOUND}), deleted)
    outcome = read(portal, parent_group(group))
    assert counts(outcome)[f"deal:{deleted}"] == 0
    assert sum(count or 0 for count in counts(outcome).values()) == 3


def test_refused_parents_share_the_requests_for_looking_them_up() -> None:
    portal = portal_with([1] * 50, refuses=dict.fromkeys(map(str, range(10, 40)), denied()))
    outcome = refused(portal, "30 of 50 parents")
    assert outcome.requests <= pump(read_all_by_id([list_spec_of()]), portal.parents).requests + 2


def test_a_parent_is_deleted_only_if_no_list_of_its_kind_holds_it() -> None:
    """Contacts of other categories are in a list of their own; STATE names neither."""
    portal = portal_with([1, 2], refuses={"2": NOT_FOUND})
    mine, other = parent_group(), parent_group()
    lists = {mine.parents: FakeList(rows_of([1, 2])), other.parents: FakeList(rows_of([3]))}

    def answer(request: PageRequest) -> Answer:
        of_parents = lists.get(request.list_spec)
        return portal(request) if of_parents is None else of_parents.answer(request)

    for order in ([mine, other], [other, mine]):
        reading = children_of(nothing(), order, NOW, unanswered={"deal": ["2"]})
        with pytest.raises(RejectedError, match="first deal:2"):
            pump(reading, answer)


def test_a_parent_that_is_known_by_another_value_cannot_be_looked_up() -> None:
    kind = parent_group(value_key="TEMPLATE")
    rows: list[Row] = [{"ID": "1", "TEMPLATE": "7"}, {"ID": "2", "TEMPLATE": "8"}]
    portal = ParentPortal({"7": [1]}, parents=FakeList(rows), refuses={"8": NOT_FOUND})
    outcome = refused(portal, "1 of 2 parents could not be read, first deal:8", kind)
    assert counts(outcome) == {"deal:7": 1}


def test_a_list_of_parents_that_drops_the_id_filter_proves_nothing() -> None:
    portal = portal_with([1, 2, 1], refuses={"3": NOT_FOUND})
    portal.parents = FakeList(rows_of([1, 2]), drops_id_filter=True)
    kind = parent_group()
    with pytest.raises(RejectedError, match="first deal:3"):
        pump(children_of(nothing(), [kind], NOW, unanswered={"deal": ["1", "3"]}), portal)


@pytest.mark.parametrize("error", [UntrustedError("the answer is not a list of rows"), UNREADABLE])
@pytest.mark.parametrize("group", [1, 50])
def test_an_unusable_answer_for_one_parent_loses_no_other_parents_children(error: PortalError, group: int) -> None:
    portal = portal_with([1] * 60, refuses={"17": error})
    outcome = refused(portal, "1 of 60 parents could not be read, first deal:17", parent_group(group, endpoint=ALONE))
    assert sorted(counts(outcome)) == sorted(f"deal:{number}" for number in range(1, 61) if number != 17)
    assert sum(map(len, ids_by_parent(outcome).values())) == 59


def test_rows_beside_an_unreadable_one_arrive_where_children_are_read_by_id() -> None:
    portal = portal_with([3, 2], unreadable=frozenset({1_002}))
    outcome = refused(portal, "1 of 2 parents could not be read, first deal:1.*row 1002", parent_group(endpoint=MANY))
    assert ids_by_parent(outcome) == {"deal:1": [1_001, 1_003], "deal:2": [2_001, 2_002]}
    assert counts(outcome) == {"deal:2": 2}, "one of the first deal's children is missing"


def test_an_unreadable_row_of_several_parents_is_narrowed_down_to_its_parent() -> None:
    portal = portal_with([2] * 60, unreadable=frozenset({17_001}))
    outcome = refused(portal, "1 of 60 parents could not be read, first deal:17", parent_group(50))
    assert ids_by_parent(outcome)["deal:17"] == [17_002]
    assert len(counts(outcome)) == 59


# Empty answers


@pytest.mark.parametrize("counted", [None, 0])
def test_an_empty_answer_is_asked_for_once_more_unless_the_portal_counts(counted: int | None) -> None:
    portal = portal_with([0] * 30, total_of_nothing=counted)
    outcome = read(portal)
    check(outcome, portal)
    assert len(portal.requested) == (60 if counted is None else 30)
    assert outcome.requests == pump(read_all_by_id([list_spec_of()]), portal.parents).requests + (2 - (counted == 0))


def test_one_empty_answer_does_not_empty_a_parent() -> None:
    portal = portal_with([2, 3, 1], empty_once={"2"}, total_of_nothing=None)
    check(read(portal), portal)


@pytest.mark.parametrize("endpoint", [ALONE, MANY])
def test_one_empty_answer_for_many_parents_does_not_empty_them(endpoint: Endpoint) -> None:
    portal = portal_with([1] * 150, empty_once={"60"}, total_of_nothing=None)
    kind = parent_group(50, endpoint=endpoint)
    outcome = read(portal, kind)
    check(outcome, portal)
    assert len({tuple(many) for many in portal.requested}) == 3, "the filter is proven by then"


def test_an_empty_answer_that_contradicts_its_own_total_leaves_the_parent_unanswered() -> None:
    portal = portal_with([2, 0, 1], total_of_nothing=4)
    outcome = refused(portal, "1 of 3 parents could not be read, first deal:2: .*rows follow")
    assert counts(outcome) == {"deal:1": 2, "deal:3": 1}


@pytest.mark.parametrize("error", [UnavailableError("down"), AccessError("closed"), MissingMethodError("none")])
def test_an_error_that_is_no_refusal_fails_the_stream(error: PortalError) -> None:
    with pytest.raises(type(error)):
        read(portal_with([1, 1], refuses={"2": error}))


# Many parents in one command


@pytest.mark.parametrize("count", [0, 1, 2, 50, 51, 130, 2_600])
def test_a_proven_filter_takes_many_parents(count: int) -> None:
    portal = portal_with([1 + number % 2 for number in range(count)])
    outcome = read(portal, parent_group(50))
    check(outcome, portal)
    assert all(len(many) <= 50 for many in portal.requested)
    assert len(portal.requested) == -(-count // 50)
    assert outcome.warnings == []


def test_a_proven_filter_is_not_checked_again() -> None:
    portal = portal_with([*[1] * 50, *[0] * 500])
    check(read(portal, parent_group(50)), portal)
    assert max(len(many) for many in portal.requested) == 50
    assert len(portal.requested) == 11


def test_until_it_is_proven_parents_without_children_are_checked_one_by_one() -> None:
    portal = portal_with([0] * 60)
    outcome = read(portal, parent_group(50))
    check(outcome, portal)
    assert sorted({many[0] for many in portal.requested if len(many) == 1}, key=int) == [str(n) for n in range(1, 61)]
    assert outcome.warnings == []


def test_the_number_of_checks_is_limited() -> None:
    portal = portal_with([0] * 3_000)
    check(read(portal, parent_group(50)), portal)
    assert sum(len(many) == 1 for many in portal.requested) == 20 * 50, "after twenty groups it is taken as proven"


@pytest.mark.parametrize("switch", ["first_only", "casts_to_one", "finds_nothing", "drops_lists"])
@pytest.mark.parametrize("sizes", [[1, 2, 0, 3], [0, 0, 0, 2], [2, 0, 0], [1] * 120, [0] * 49 + [2] * 30])
def test_a_filter_that_does_not_take_many_ids_loses_nothing(switch: str, sizes: list[int]) -> None:
    portal = portal_with(sizes, **{switch: True})
    outcome = read(portal, parent_group(50))
    wanted = {f"deal:{parent}": sorted(ids) for parent, ids in portal.children.items() if ids}
    assert {name: sorted(set(ids)) for name, ids in ids_by_parent(outcome).items()} == wanted


@pytest.mark.parametrize("switch", ["first_only", "casts_to_one", "finds_nothing", "drops_lists"])
def test_a_missing_filter_yields_a_notice_and_parents_are_requested_one_by_one(switch: str) -> None:
    portal = portal_with([2] * 170, **{switch: True})
    outcome = read(portal, parent_group(50))
    check(outcome, portal)
    assert sum(len(many) > 1 for many in portal.requested) == 1
    (warning,) = outcome.warnings
    assert warning.startswith("children.list: the filter does not take several parents at once")


def test_what_one_parent_group_has_shown_holds_for_the_others() -> None:
    deals, leads = parent_group(50), parent_group(50, name="lead")
    portal = portal_with([1] * 60, finds_nothing=True)
    outcome = read(portal, deals, leads)
    assert sum(len(many) > 1 for many in portal.requested) == 1
    assert len(outcome.warnings) == 1


@pytest.mark.parametrize("refusal", [denied("wrong type"), RejectedError("none", code="NOT_FOUND")])
def test_parents_refused_together_are_requested_one_by_one(refusal: PortalError) -> None:
    portal = portal_with([1, 0, 2], refuses_lists=refusal)
    outcome = read(portal, parent_group(50, absent_codes=frozenset({"not_found"})))
    check(outcome, portal)
    assert portal.requested[0] == ["1", "2", "3"]


def test_one_refused_parent_loses_no_child_of_the_others_of_its_command() -> None:
    portal = portal_with([1] * 120, refuses={"70": denied()})
    outcome = refused(portal, "1 of 120 parents could not be read, first deal:70", parent_group(50))
    wanted = {f"deal:{parent}": list(ids) for parent, ids in portal.children.items() if parent != "70"}
    assert ids_by_parent(outcome) == wanted


def test_parents_refused_in_several_lists_are_requested_once_more_only() -> None:
    def windows(values: Sequence[Any]) -> list[ListSpec]:
        child_lists = parent_group(50).child_lists
        return [*child_lists(values), *child_lists([f"{value}b" for value in values])]

    portal = ParentPortal(
        {"1": [11], "1b": [12], "2": [21], "2b": []}, parents=FakeList(rows_of([1, 2])), refuses_lists=denied("no")
    )
    outcome = read(portal, parent_group(50, child_lists=windows))
    assert ids_by_parent(outcome) == {"deal:1": [11, 12], "deal:2": [21]}
    assert counts(outcome) == {"deal:1": 2, "deal:2": 1}


def test_children_of_other_parents_fail_the_stream_once_the_filter_is_proven() -> None:
    portal = portal_with([1] * 200)
    portal.parents = FakeList(rows_of(range(1, 201)))
    answers = portal.__call__

    def later(request: Any) -> Any:
        portal.drops_filter = len(portal.requested) >= 2
        return answers(request)

    kind = parent_group(50)
    with pytest.raises(UntrustedError, match=r"children\.list.*deal"):
        pump(children_of(keyset([KeysetReader(kind.parents)], resumable={}), [kind], NOW), later)


@pytest.mark.parametrize("group", [1, 50])
def test_a_dropped_filter_gives_no_parent_the_children_of_all(group: int) -> None:
    portal = portal_with([1, 0, *[2] * 60], drops_filter=True)
    check(read(portal, parent_group(group, endpoint=MANY)), portal)


@pytest.mark.parametrize("seed", seeds(10, 40))
def test_any_sizes_in_any_groups(seed: int) -> None:
    random = Random(seed)
    switch = random.choice(["first_only", "casts_to_one", "finds_nothing", "drops_lists", None])
    sizes = [random.choice([0, 0, 1, 2, 60]) for _ in range(random.randint(0, 160))]
    portal = portal_with(sizes, **({switch: True} if switch else {}))
    outcome = read(portal, parent_group(random.choice([2, 10, 50])))
    wanted = {f"deal:{parent}": sorted(ids) for parent, ids in portal.children.items() if ids}
    assert {name: sorted(set(ids)) for name, ids in ids_by_parent(outcome).items()} == wanted


# Trees


@pytest.mark.parametrize("group", [1, 10])
def test_folders_in_folders_are_read_to_the_last(group: int) -> None:
    tree = {"1": [2, 3], "2": [4], "3": [], "4": [5, 6], "5": [], "6": []}
    kind = parent_group(group, recurse_into=lambda row: row["ID"])
    portal = ParentPortal(tree, parents=FakeList(rows_of([1])))
    outcome = read(portal, kind)
    assert sorted(outcome.ids) == [2, 3, 4, 5, 6]
    assert sorted(counts(outcome).items()) == [
        ("deal:1", 2),
        ("deal:2", 1),
        ("deal:3", 0),
        ("deal:4", 2),
        ("deal:5", 0),
        ("deal:6", 0),
    ]


def test_folders_that_contain_each_other_are_read_once() -> None:
    portal = ParentPortal({"1": [2], "2": [1, 2]}, parents=FakeList(rows_of([1])))
    read(portal, parent_group(recurse_into=lambda row: row["ID"]))
    assert portal.requested == [["1"], ["2"]]


def test_only_some_children_are_parents() -> None:
    portal = ParentPortal({"1": [2, 3], "3": [4]}, parents=FakeList(rows_of([1])))
    outcome = read(portal, parent_group(recurse_into=lambda row: row["ID"] if row["ID"] == "3" else None))
    assert sorted(outcome.ids) == [2, 3, 4]
    assert portal.requested == [["1"], ["3"]]


def test_parents_that_are_read_whole() -> None:
    portal = portal_with([1, 2])
    portal.parents = FakeList(rows_of([1, 2]))
    kind = parent_group()
    check(pump(children_of(read_whole([kind.parents]), [kind], NOW), portal), portal)


# Order


def test_a_checkpoint_follows_the_children_of_all_parents_before_it() -> None:
    portal = portal_with([1] * 600)
    portal.parents = FakeList(rows_of(range(1, 601)))
    kind = parent_group(parents=list_spec_of(page_size=5))
    outcome = pump(children_of(keyset([KeysetReader(kind.parents)], resumable={}), [kind], NOW), portal)
    done: set[str] = set()
    states = 0
    for event in outcome.events:
        if isinstance(event, ChildGroupsRead):
            done |= event.counts.keys()
        if isinstance(event, Checkpoint):
            states += 1
            assert done >= {f"deal:{number}" for number in range(1, event.state["snapshot"]["after"] + 1)}
    assert states > 2


def test_a_count_follows_its_rows() -> None:
    outcome = read(portal_with([1, 0, 2] * 40))
    seen: dict[str, int] = {}
    for event in outcome.events:
        if isinstance(event, Rows):
            for row in event.rows:
                seen[row["_bitrix24_parent"]] = seen.get(row["_bitrix24_parent"], 0) + 1
        if isinstance(event, ChildGroupsRead):
            assert all(seen.get(name, 0) == count for name, count in event.counts.items())
