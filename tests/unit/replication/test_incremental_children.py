"""Children of changed parents on every run, all children in sweeps, and STATE (docs/decisions.md#decision-15)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from tap_bitrix24.errors import MissingMethodError, RejectedError, SettingsError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Rows
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.children import ALL_PARENTS, incremental_children
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, ParentGroup, with_read_time
from tap_bitrix24.replication.run_bounds import RunBounds
from tap_bitrix24.replication.state import format_bookmark
from tests.support.lists import FakeList, Outcome, at, list_spec_of, pump, rows_of
from tests.support.parameters import seeds
from tests.support.parent_groups import ALONE, ParentPortal, child_lists_of, denied, parent_group, portal_with

DAY = 86_400


def run(
    portal: ParentPortal,
    state: Mapping[str, Any],
    clock: float,
    *groups: ParentGroup,
    start_date: datetime | None = None,
    outcome: Outcome | None = None,
    stop_after: int | None = None,
) -> Outcome:
    """One run of the tap over one stream of children; they are swept once a day."""
    reading = incremental_children(
        groups or (parent_group(parents=list_spec_of(page_size=5, stamped=True)),),
        state,
        RunBounds(at(clock), timedelta(seconds=300), start_date),
        sweep=timedelta(days=1),
    )
    outcome = outcome or Outcome()
    try:
        return pump(reading, portal, outcome=outcome, stop_after=stop_after)
    finally:
        outcome.states[:] = [_own_marks(state) for state in outcome.states]


def _own_marks(state: Mapping[str, Any]) -> dict[str, Any]:
    """STATE without what belongs to the reading of parents alone (see test_strategies)."""
    snapshot = (
        {"snapshot": {name: state["snapshot"][name] for name in ("after", "clock")}} if "snapshot" in state else {}
    )
    own = ("replication_key", "replication_key_value", "swept", "unanswered")
    return {**snapshot, **{name: state[name] for name in own if name in state}}


def bookmark(read: float, swept: float) -> dict[str, str]:
    """STATE of a stream whose parents were read up to one moment, and swept at another."""
    return {
        "replication_key": CHILDREN_READ_AT,
        "replication_key_value": format_bookmark(at(read)),
        "swept": format_bookmark(at(swept)),
    }


def portal_of(sizes: Sequence[int], **stamps: Any) -> ParentPortal:
    """Parents modified in the order of their ids, one second apart, except as `stamps` say."""
    portal = portal_with(sizes)
    given = stamps.get("stamps", {})
    portal.parents = FakeList(rows_of(range(1, len(sizes) + 1), stamp=lambda number: given.get(number, number)))
    return portal


# What is read


def test_the_first_run_reads_all_children_and_reports_the_sweep_last() -> None:
    portal = portal_of([2, 0, 1])
    outcome = run(portal, {}, 5_000)
    now = format_bookmark(at(5_000))
    assert outcome.child_reads == {"deal:1": (2, now), "deal:2": (0, now), "deal:3": (1, now), "*": (None, now)}
    assert outcome.states[-1] == bookmark(5_000, 5_000)
    *_, before, last = outcome.events
    assert before == ChildGroupsRead({ALL_PARENTS: None}, now)
    assert isinstance(last, Checkpoint)


def test_between_sweeps_only_changed_parents_are_requested() -> None:
    portal = portal_of([1, 2, 0, 1], stamps={1: 100, 2: 9_000, 3: 9_500, 4: 20_000})
    outcome = run(portal, bookmark(8_000, 5_000), 10_000)
    assert portal.requested == [["2"], ["3"]]
    now = format_bookmark(at(10_000))
    assert outcome.child_reads == {"deal:2": (2, now), "deal:3": (0, now)}, (
        "a parent that lost all its children is counted"
    )
    assert outcome.states == [bookmark(10_000, 5_000)]


def test_changes_are_read_from_a_lookback_before_the_bookmark() -> None:
    portal = portal_of([1, 1], stamps={1: 7_699, 2: 7_700})
    run(portal, bookmark(8_000, 5_000), 10_000)
    assert portal.requested == [["2"]]


@pytest.mark.parametrize(("age", "due"), [(DAY - 1, False), (DAY, True), (30 * DAY, True)])
def test_a_sweep_is_due_when_the_last_one_is_a_day_old(age: int, *, due: bool) -> None:
    portal = portal_of([1, 1, 1])
    clock = 1_000_000
    outcome = run(portal, bookmark(clock - 10, clock - age), clock)
    assert len(portal.requested) == (3 if due else 0)
    assert (ALL_PARENTS in outcome.child_reads) is due
    assert outcome.states[-1] == bookmark(clock, clock if due else clock - age)


@pytest.mark.parametrize(
    "state", [{}, {"replication_key": CHILDREN_READ_AT, "replication_key_value": format_bookmark(at(900))}]
)
def test_without_a_sweep_in_state_one_is_due(state: dict[str, Any]) -> None:
    portal = portal_of([1, 1])
    outcome = run(portal, state, 1_000)
    assert len(portal.requested) == 2
    assert ALL_PARENTS in outcome.child_reads


def test_a_sweep_finds_changes_that_do_not_modify_the_parent() -> None:
    portal = portal_of([1, 1])
    state = run(portal, {}, 1_000).states[-1]
    portal.children = {**portal.children, "1": [1_001, 1_002]}  # its parent is not modified
    between = run(portal, state, 2_000)
    assert between.ids == []
    later = run(portal, between.states[-1], 1_000 + DAY)
    assert later.ids == [1_001, 1_002, 2_001]


def test_children_of_parents_modified_before_start_date_are_not_read() -> None:
    portal = portal_of([1] * 10)
    run(portal, {}, 5_000, start_date=at(8))
    assert portal.requested == [["8"], ["9"], ["10"]]


# STATE


def test_during_a_sweep_state_keeps_the_time_of_the_last_one() -> None:
    portal = portal_of([1] * 1_000)
    old = bookmark(100, 50)
    outcome = run(portal, old, 5 * DAY)
    *under_way, last = outcome.states
    assert len(under_way) >= 2
    for state in under_way:
        assert state.keys() == {"snapshot", "swept"}
        assert state["swept"] == old["swept"]
        assert state["snapshot"]["clock"] == format_bookmark(at(5 * DAY))
    assert last == bookmark(5 * DAY, 5 * DAY)


def test_a_resumed_sweep_goes_on_and_counts_from_when_it_began() -> None:
    portal = portal_of([1] * 100)
    state = {"snapshot": {"after": 90, "clock": format_bookmark(at(5_000))}}
    outcome = run(portal, state, 9_000)
    assert portal.requested == [[str(number)] for number in range(91, 101)]
    assert outcome.child_reads[ALL_PARENTS] == (None, format_bookmark(at(5_000))), (
        "older rows of any parent are gone, newer ones may not be"
    )
    assert {read_at for name, (_, read_at) in outcome.child_reads.items() if name != ALL_PARENTS} == {
        format_bookmark(at(9_000))
    }
    assert outcome.states[-1] == bookmark(9_000, 5_000)


def test_a_resumed_sweep_finishes_however_old_the_last_one_is() -> None:
    state = {"snapshot": {"after": 2, "clock": format_bookmark(at(5_000))}, "swept": format_bookmark(at(10))}
    portal = portal_of([1, 1, 1])
    outcome = run(portal, state, 5_000 + 40 * DAY)
    assert portal.requested[0] == ["3"]
    assert outcome.child_reads[ALL_PARENTS] == (None, format_bookmark(at(5_000)))


def test_a_sweep_under_way_is_finished_although_none_is_due_any_more() -> None:
    """child_sweep_hours was raised meanwhile."""
    state = {"snapshot": {"after": 2, "clock": format_bookmark(at(5_000))}, "swept": format_bookmark(at(4_990))}
    outcome = run(portal_of([1, 1, 1]), state, 5_500)
    assert outcome.child_reads[ALL_PARENTS] == (None, format_bookmark(at(5_000)))
    assert outcome.states[-1] == bookmark(5_500, 5_000)


def test_a_resumed_sweep_counts_from_when_it_began_even_if_only_changed_parents_answer() -> None:
    """Children read in its first attempt are older than this run, and still on the portal."""
    portal = portal_of([1, 1], stamps={1: 6_000})  # the first one has been read, and modified meanwhile
    portal.refuses = {"2": denied()}
    outcome = Outcome()
    with pytest.raises(RejectedError, match="1 of 2 parents"):
        run(portal, {"snapshot": {"after": 1, "clock": format_bookmark(at(5_000))}}, 9_000, outcome=outcome)
    assert outcome.child_reads[ALL_PARENTS] == (None, format_bookmark(at(5_000)))
    assert outcome.states[-1] == {**bookmark(9_000, 5_000), "unanswered": {"deal": ["2"]}}


def test_between_sweeps_nothing_is_read_if_the_bookmark_is_the_clock() -> None:
    outcome = run(portal_of([1]), bookmark(5_000, 4_000), 5_000)
    assert outcome.states == [bookmark(5_000, 4_000)]
    assert outcome.child_reads == {}


def test_an_invalid_time_of_the_last_sweep_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="STATE"):
        run(portal_of([1]), {**bookmark(5, 5), "swept": "yesterday"}, 10)


def test_a_checkpoint_follows_the_children_it_stands_for() -> None:
    outcome = run(portal_of([2] * 600), {}, 5_000)
    counted: set[str] = set()
    rows = 0
    for event in outcome.events:
        if isinstance(event, Rows) and event.rows and "_bitrix24_parent" in event.rows[0]:
            rows += len(event.rows)
        if isinstance(event, ChildGroupsRead):
            counted |= event.counts.keys()
        if isinstance(event, Checkpoint) and "snapshot" in event.state:
            after = event.state["snapshot"]["after"]
            assert counted >= {f"deal:{number}" for number in range(1, after + 1)}
            assert rows >= 2 * after


def test_there_is_no_checkpoint_if_all_parents_are_refused() -> None:
    portal = portal_of([1] * 300)
    portal.refuses = dict.fromkeys(portal.children, denied())
    outcome = Outcome()
    with pytest.raises(RejectedError):
        run(portal, bookmark(100, 50), 5 * DAY, outcome=outcome)
    assert outcome.states == []
    assert outcome.child_reads == {}, "in particular not that parents have no children"


def test_checkpoints_follow_the_first_parent_that_is_not_refused() -> None:
    portal = portal_of([1] * 600)
    portal.refuses = dict.fromkeys(map(str, range(1, 260)), denied())
    outcome = Outcome()
    with pytest.raises(RejectedError, match="259 of 600 parents could not be read, first deal:1: Access denied"):
        run(portal, {}, 5_000, outcome=outcome)
    assert outcome.states[0]["snapshot"]["after"] >= 250, (
        "the request that brought the first answer was full of parents"
    )
    assert outcome.states[-1] == {**bookmark(5_000, 5_000), "unanswered": {"deal": [str(n) for n in range(1, 260)]}}
    assert len(outcome.ids) == 341


def test_parents_in_several_lists_have_one_state() -> None:
    leads = parent_group(
        parents=list_spec_of(page_size=5, stamped=True),
        name="lead",
        child_lists=lambda values: child_lists_of(ALONE)([f"lead {values[0]}"]),
    )
    portal = portal_of([1] * 30)
    portal.children = {**portal.children, **{f"lead {number}": [number] for number in range(1, 31)}}
    outcome = run(portal, {}, 5_000, parent_group(parents=list_spec_of(page_size=5, stamped=True)), leads)
    assert len(outcome.child_reads) == 61
    assert outcome.states[-1] == bookmark(5_000, 5_000)


def test_children_hold_the_time_they_were_read() -> None:
    made = with_read_time(ListSpec(ALONE, constants={"deal_id": 5}), at(7))
    assert made.constants == {"deal_id": 5, CHILDREN_READ_AT: "2025-01-01T00:00:07Z"}


# Parents that do not answer


def test_a_sweep_names_the_parents_that_did_not_answer_before_it_ends() -> None:
    """Otherwise its end would say that they are gone."""
    portal = portal_of([1, 2, 1])
    portal.refuses = {"2": denied()}
    outcome = Outcome()
    with pytest.raises(RejectedError, match="1 of 3 parents could not be read, first deal:2: Access denied"):
        run(portal, {}, 5_000, outcome=outcome)
    now = format_bookmark(at(5_000))
    assert outcome.child_reads == {"deal:1": (1, now), "deal:3": (1, now), "?deal:2": (None, now), "*": (None, now)}
    assert outcome.states[-1] == {**bookmark(5_000, 5_000), "unanswered": {"deal": ["2"]}}


def test_the_next_run_requests_unanswered_parents_again() -> None:
    portal = portal_of([1, 2, 1])
    state = {**bookmark(5_000, 5_000), "unanswered": {"deal": ["2"]}}
    outcome = run(portal, state, 6_000)
    assert portal.requested == [["2"]]
    assert outcome.ids == [2_001, 2_002]
    assert outcome.child_reads == {"deal:2": (2, format_bookmark(at(6_000)))}
    assert outcome.states[-1] == bookmark(6_000, 5_000), "it has answered"


def test_a_parent_that_goes_on_refusing_stays_in_state_while_others_answer() -> None:
    portal = portal_of([1, 2, 1], stamps={3: 5_500})
    portal.refuses = {"2": denied()}
    outcome = Outcome()
    with pytest.raises(RejectedError, match="1 of 2 parents"):
        run(portal, {**bookmark(5_000, 5_000), "unanswered": {"deal": ["2"]}}, 6_000, outcome=outcome)
    assert outcome.ids == [3_001]
    assert outcome.states[-1] == {**bookmark(6_000, 5_000), "unanswered": {"deal": ["2"]}}


def test_a_kind_of_parents_that_the_portal_no_longer_has_is_not_requested() -> None:
    portal = portal_of([1])
    outcome = run(portal, {**bookmark(5_000, 5_000), "unanswered": {"dynamic_128": ["2"]}}, 6_000)
    assert portal.requested == []
    assert outcome.states[-1] == bookmark(6_000, 5_000)


def test_a_resumed_sweep_keeps_what_its_first_part_got_no_answer_for() -> None:
    portal = portal_of([1, 1, 1])
    portal.refuses = {"1": denied()}
    state = {"snapshot": {"after": 2, "clock": format_bookmark(at(5_000))}, "unanswered": {"deal": ["1"]}}
    outcome = Outcome()
    with pytest.raises(RejectedError, match="first deal:1"):
        run(portal, state, 9_000, outcome=outcome)
    assert outcome.child_reads["?deal:1"] == (None, format_bookmark(at(5_000)))
    assert outcome.states[-1]["unanswered"] == {"deal": ["1"]}


def test_with_too_many_unanswered_parents_state_does_not_move_on() -> None:
    portal = portal_of([1] * 1_100)
    portal.refuses = dict.fromkeys(map(str, range(2, 1_003)), denied())
    outcome = Outcome()
    with pytest.raises(RejectedError, match="1001 of 1100 parents"):
        run(portal, {}, 5_000, outcome=outcome)
    assert ALL_PARENTS not in outcome.child_reads
    assert all("snapshot" in state for state in outcome.states), "the load is not finished"
    assert len(outcome.ids) == 99, "what the others have arrives"


@pytest.mark.parametrize("state", [{}, bookmark(100, 50)])
def test_a_missing_method_ends_a_sweep_without_emptying_anything(state: Mapping[str, Any]) -> None:
    portal = portal_of([1] * 200)
    portal.refuses = {"120": MissingMethodError("no such method", code="ERROR_METHOD_NOT_FOUND")}
    outcome = Outcome()
    with pytest.raises(MissingMethodError):
        run(portal, state, 5 * DAY, outcome=outcome)
    assert ALL_PARENTS not in outcome.child_reads
    assert all(count == 1 for count, _ in outcome.child_reads.values())
    assert all(mark.keys() <= {"snapshot", "swept"} for mark in outcome.states)


def test_refused_parents_fail_the_stream_after_the_children_of_the_others() -> None:
    """One of the lists of parents is refused."""
    deals, leads = (
        parent_group(parents=list_spec_of(page_size=5, stamped=True), name=name) for name in ("deal", "lead")
    )
    portal = portal_of([1, 1])
    refusing = FakeList([], error=denied())
    outcome = Outcome()

    def answer(request: PageRequest) -> Answer:
        return refusing.answer(request) if request.list_spec is leads.parents else portal(request)

    reading = incremental_children((deals, leads), {}, RunBounds(at(5_000), timedelta(), None), sweep=timedelta(days=1))
    with pytest.raises(RejectedError):
        pump(reading, answer, outcome=outcome)
    assert outcome.ids == [1_001, 2_001]
    assert ALL_PARENTS not in outcome.child_reads
    assert not any("replication_key_value" in state for state in outcome.states)


def test_a_sweep_dated_after_the_portals_clock_is_not_believed() -> None:
    outcome = run(portal_of([1]), bookmark(5_000, 90_000), 6_000)
    assert outcome.child_reads[ALL_PARENTS] == (None, format_bookmark(at(6_000)))


# Stopped anywhere


@pytest.mark.parametrize("seed", seeds(20, 60))
def test_stopped_and_resumed_runs_find_all_children(seed: int) -> None:
    """As in the loader's views, current children were read no earlier than their parent was and the last sweep."""
    random = Random(seed)
    portal = portal_of([random.choice([0, 1, 3]) for _ in range(random.randint(0, 80))])
    rows: dict[str, tuple[str, str]] = {}
    read_ats: dict[str, str] = {}
    state: Mapping[str, Any] = {}
    clock = 5_000
    for attempt in range(7):
        last = attempt == 6
        outcome = run(portal, state, clock, stop_after=None if last else random.randint(1, 30))
        rows |= {row["ID"]: (row["_bitrix24_parent"], format_bookmark(at(clock))) for row in outcome.rows}
        read_ats |= {name: read_at for name, (_, read_at) in outcome.child_reads.items()}
        state = outcome.states[-1] if outcome.states else state
        change(portal, random, clock + 1)
        clock += random.choice([10, 1_000, DAY])
    clock = max(clock, 5_000 + 9 * DAY)
    state = run_to_end(portal, state, clock, rows, read_ats)
    swept = read_ats[ALL_PARENTS]
    current = {
        (key, owner) for key, (owner, read_at) in rows.items() if read_at >= max(read_ats.get(owner, swept), swept)
    }
    truth = {(str(child), f"deal:{owner}") for owner, ids in portal.children.items() for child in ids}
    assert current == truth


def change(portal: ParentPortal, random: Random, now: float) -> None:
    """Add or remove a child, with or without modifying its parent."""
    if not portal.children:
        return
    owner = random.choice(sorted(portal.children))
    ids = list(portal.children[owner])
    if ids and random.random() < 0.5:
        ids.pop(random.randrange(len(ids)))
    else:
        ids.append(int(owner) * 1_000 + random.randint(500, 999))
    portal.children = {**portal.children, owner: list(dict.fromkeys(ids))}
    if random.random() < 0.5:
        portal.parents.rows[int(owner) - 1]["DATE_MODIFY"] = at(now).isoformat()


def run_to_end(
    portal: ParentPortal,
    state: Mapping[str, Any],
    clock: float,
    rows: dict[str, tuple[str, str]],
    read_ats: dict[str, str],
) -> Mapping[str, Any]:
    """Run twice: the first run may finish a sweep that began long ago, the second one sweeps again."""
    for later in (clock, clock + 2 * DAY):
        outcome = run(portal, state, later)
        rows |= {row["ID"]: (row["_bitrix24_parent"], format_bookmark(at(later))) for row in outcome.rows}
        read_ats |= {name: read_at for name, (_, read_at) in outcome.child_reads.items()}
        state = outcome.states[-1]
    return state
