"""What reading children costs: parents share requests, nothing is requested twice, no child is yielded twice."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import pytest

from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import ChildGroupsRead
from tap_bitrix24.replication.children import children_of
from tap_bitrix24.replication.full_table import read_all_by_id
from tests.support.lists import FakeList, Outcome, list_spec_of, pump, rows_of
from tests.support.parent_groups import ALONE, ParentPortal, child_lists_of, parent_group, portal_with

NOW = "2025-01-01T00:00:00Z"


def read(portal: ParentPortal, group: int) -> Outcome:
    """Read the children of one parent group."""
    kind = parent_group(group)
    portal.parents = FakeList(rows_of(int(number) for number in portal.children))
    return pump(children_of(read_all_by_id([kind.parents]), [kind], NOW), portal)


@pytest.mark.parametrize("sizes", [[1, 1, *[0] * 98], [*[0] * 48, 1, 1, *[0] * 50], [0, 3, 2, *[0] * 97]])
def test_children_of_two_parents_prove_that_a_filter_takes_many_ids(sizes: list[int]) -> None:
    portal = portal_with(sizes)
    read(portal, 50)
    assert [len(many) for many in portal.requested] == [50, 50], "no parent is requested alone"


def test_children_of_one_parent_prove_nothing() -> None:
    portal = portal_with([0, 2, *[0] * 48])
    read(portal, 50)
    assert [len(many) for many in portal.requested] == [50, *[1] * 49]


@pytest.mark.parametrize(("kinds", "parents"), [(2, 20), (3, 50), (7, 9), (10, 1)])
def test_parent_groups_share_requests(kinds: int, parents: int) -> None:
    groups = [
        parent_group(
            name=f"kind{number}",
            child_lists=lambda values, number=number: child_lists_of(ALONE)([f"{number}x{values[0]}"]),
        )
        for number in range(kinds)
    ]
    portal = ParentPortal({}, parents=FakeList(rows_of(range(1, parents + 1))))
    lists = [each.parents for each in groups]
    alone = pump(read_all_by_id([list_spec_of() for _ in lists]), portal.parents).requests
    outcome = pump(children_of(read_all_by_id(lists), groups, NOW), portal)
    assert len(portal.requested) == kinds * parents
    assert outcome.requests <= alone + ceil(kinds * parents / 50) + 1


def test_a_request_is_full_of_parents_before_it_is_sent() -> None:
    portal = portal_with([1] * 500)
    kind = parent_group(parents=list_spec_of(page_size=7))
    portal.parents = FakeList(rows_of(range(1, 501)))
    outcome = pump(children_of(read_all_by_id([kind.parents]), [kind], NOW), portal)
    of_parents = pump(read_all_by_id([list_spec_of(page_size=7)]), portal.parents).requests
    assert outcome.requests <= of_parents + ceil(500 / 50) + 1


def test_a_child_in_several_lists_of_a_parent_is_yielded_once() -> None:
    def windows(values: Sequence[Any]) -> list[ListSpec]:
        return [*child_lists_of(ALONE)(values), *child_lists_of(ALONE)([f"{values[0]}b"])]

    portal = ParentPortal({"1": [11, 12], "1b": [12, 13], "2": [12], "2b": []}, parents=FakeList(rows_of([1, 2])))
    kind = parent_group(child_lists=windows)
    outcome = pump(children_of(read_all_by_id([kind.parents]), [kind], NOW), portal)
    assert [
        count for each in outcome.events if isinstance(each, ChildGroupsRead) for count in each.counts.values()
    ] == [3, 1]
    assert [row["ID"] for row in outcome.rows] == ["11", "12", "13", "12"]
