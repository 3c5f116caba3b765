"""What asking for children costs: requests are shared, nothing is asked for again, no child comes twice."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import pytest

from tap_bitrix24.model.endpoint import Source
from tap_bitrix24.model.event import SetsRead
from tap_bitrix24.replication.children import families
from tap_bitrix24.replication.full_table import everything
from tests.tap.unit.family import ALONE, Family, asking, brood, family
from tests.tap.unit.lists import FakeList, Outcome, pump, rows_of, source

NOW = "2025-01-01T00:00:00Z"


def read(portal: Family, group: int) -> Outcome:
    """Read the children of one kind of parents."""
    kind = brood(group)
    portal.parents = FakeList(rows_of(int(number) for number in portal.children))
    return pump(families(everything([kind.parents]), [kind], NOW), portal)


@pytest.mark.parametrize("sizes", [[1, 1, *[0] * 98], [*[0] * 48, 1, 1, *[0] * 50], [0, 3, 2, *[0] * 97]])
def test_children_of_two_parents_prove_that_a_filter_takes_many_ids(sizes: list[int]) -> None:
    portal = family(sizes)
    read(portal, 50)
    assert [len(many) for many in portal.asked] == [50, 50], "nobody is asked alone"


def test_children_of_one_parent_prove_nothing() -> None:
    portal = family([0, 2, *[0] * 48])
    read(portal, 50)
    assert [len(many) for many in portal.asked] == [50, *[1] * 49]


@pytest.mark.parametrize(("kinds", "parents"), [(2, 20), (3, 50), (7, 9), (10, 1)])
def test_parents_of_all_kinds_share_requests(kinds: int, parents: int) -> None:
    broods = [
        brood(name=f"kind{number}", ask=lambda values, number=number: asking(ALONE)([f"{number}x{values[0]}"]))
        for number in range(kinds)
    ]
    portal = Family({}, parents=FakeList(rows_of(range(1, parents + 1))))
    lists = [each.parents for each in broods]
    alone = pump(everything([source() for _ in lists]), portal.parents).requests
    outcome = pump(families(everything(lists), broods, NOW), portal)
    assert len(portal.asked) == kinds * parents
    assert outcome.requests <= alone + ceil(kinds * parents / 50) + 1


def test_a_request_is_full_of_parents_before_it_is_sent() -> None:
    portal = family([1] * 500)
    kind = brood(parents=source(page_size=7))
    portal.parents = FakeList(rows_of(range(1, 501)))
    outcome = pump(families(everything([kind.parents]), [kind], NOW), portal)
    of_parents = pump(everything([source(page_size=7)]), portal.parents).requests
    assert outcome.requests <= of_parents + ceil(500 / 50) + 1


def test_a_child_in_the_answers_to_several_questions_comes_once() -> None:
    def windows(values: Sequence[Any]) -> list[Source]:
        return [*asking(ALONE)(values), *asking(ALONE)([f"{values[0]}b"])]

    portal = Family({"1": [11, 12], "1b": [12, 13], "2": [12], "2b": []}, parents=FakeList(rows_of([1, 2])))
    kind = brood(ask=windows)
    outcome = pump(families(everything([kind.parents]), [kind], NOW), portal)
    assert [count for each in outcome.events if isinstance(each, SetsRead) for count in each.counts.values()] == [3, 1]
    assert [row["ID"] for row in outcome.rows] == ["11", "12", "13", "12"]
