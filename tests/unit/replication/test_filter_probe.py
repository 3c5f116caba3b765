"""An empty window is believed only of a date filter that has found a known row (docs/decisions.md#decision-23)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tap_bitrix24.model.endpoint import ListSpec, ReplicationKey
from tap_bitrix24.replication.incremental import incremental
from tap_bitrix24.replication.run_bounds import RunBounds
from tests.support.lists import FakeList, Outcome, at, list_spec_of, pump, rows_of

DAY = 86_400
HOUR = timedelta(hours=1)


def run(
    listed: FakeList, state: Mapping[str, Any], clock: float, owner: ListSpec | None = None, **bounds: Any
) -> Outcome:
    """One run of the tap over one stream."""
    run_bounds = RunBounds(at(clock), timedelta(seconds=300), **bounds)
    return pump(
        incremental([owner or list_spec_of(stamped=True)], state, run_bounds, replication_key="date_modify"), listed
    )


def a_list(**switches: Any) -> FakeList:
    return FakeList(rows_of(range(1, 301), stamp=lambda number: number * 100), **switches)


BROKEN = ["finds_nothing_by_date", "refuses_dates"]


@pytest.mark.parametrize("switch", BROKEN)
def test_with_a_filter_that_finds_nothing_all_rows_are_read_and_cut_here(switch: str) -> None:
    state = run(a_list(), {}, 20_000).states[-1]
    outcome = run(a_list(**{switch: True}), state, 20_000 + 2 * DAY)
    assert outcome.ids == list(range(197, 301))
    assert outcome.states[-1]["replication_key_value"] == "2025-01-03T05:33:20Z"
    assert len(outcome.warnings) == 1


@pytest.mark.parametrize("switch", BROKEN)
def test_a_first_load_from_a_start_date_is_complete_without_a_filter(switch: str) -> None:
    outcome = run(a_list(**{switch: True}), {}, 50_000, start_date=at(20_000))
    assert outcome.ids == list(range(200, 301))
    assert len(outcome.warnings) == 1


@pytest.mark.parametrize("switch", BROKEN)
def test_a_filter_is_tried_in_every_run(switch: str) -> None:
    listed = a_list()
    state = run(listed, run(listed, {}, 20_000).states[-1], 21_000).states[-1]
    outcome = run(a_list(**{switch: True}), state, 25_000)
    assert outcome.ids == list(range(207, 250))


def test_the_filter_is_tried_in_a_request_that_is_sent_anyway() -> None:
    listed = a_list()
    state = run(listed, {}, 40_000).states[-1]
    outcome = run(listed, state, 40_000 + DAY)
    assert (outcome.rows, outcome.requests, len(outcome.page_requests)) == ([], 1, 3)


def test_a_row_that_was_modified_meanwhile_is_looked_up() -> None:
    listed = a_list()
    state = run(listed, {}, 40_000).states[-1]
    listed.rows[0]["DATE_MODIFY"] = at(40_500).isoformat()
    outcome = run(listed, state, 41_000)
    assert (outcome.ids, outcome.warnings) == ([1], [])


def test_a_row_that_was_deleted_meanwhile_is_replaced() -> None:
    listed = a_list()
    state = run(listed, {}, 40_000).states[-1]
    assert run(FakeList(listed.rows[1:]), state, 41_000).warnings == []
    outcome = run(FakeList([]), state, 42_000)
    assert (outcome.rows, outcome.warnings) == ([], [])
    assert outcome.states[-1]["replication_key_value"].endswith("T11:40:00Z")


@pytest.mark.parametrize(("shift", "exact"), [(timedelta(), {True}), (3 * HOUR, {False}), (-11 * HOUR, {False})])
def test_a_filter_in_another_zone_keeps_its_margin(shift: timedelta, exact: set[bool]) -> None:
    owner = list_spec_of(stamped=True, margin=26 * 3_600)
    listed = a_list(shift=shift)
    state = run(listed, run(listed, {}, 20_000, owner).states[-1], 21_000, owner).states[-1]
    outcome = run(listed, state, 25_000, owner)
    assert outcome.ids == list(range(207, 250))
    margins = {request.window.exact for request in outcome.page_requests if request.window is not None}
    assert margins == exact
    assert outcome.warnings == []


def test_rows_without_a_replication_key_are_read_by_their_creation() -> None:
    """A requisite has no DATE_MODIFY until it is edited: a filter by it never finds a new one."""
    owner = list_spec_of()
    key = ReplicationKey("DATE_MODIFY", "DATE_MODIFY", created="DATE_CREATE")
    owner = ListSpec(owner.endpoint, replication_key=key)
    rows = [{"ID": str(number), "DATE_CREATE": at(number).isoformat(), "DATE_MODIFY": ""} for number in range(1, 101)]
    listed = FakeList(rows)
    state = run(listed, {}, 1_000, owner).states[-1]
    rows.append({"ID": "101", "DATE_CREATE": at(1_500).isoformat(), "DATE_MODIFY": ""})
    rows[3]["DATE_MODIFY"] = at(1_600).isoformat()
    outcome = run(listed, state, 2_000, owner)
    assert sorted(outcome.ids) == [4, 101]
    bounded = run(listed, {}, 2_000, owner, start_date=at(90))
    assert sorted({*bounded.ids}) == [4, *range(90, 102)]
