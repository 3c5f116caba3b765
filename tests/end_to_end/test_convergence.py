"""Rows are inserted, updated and deleted during a run: the next run makes the tables equal to the portal.

`python -m tests.benchmarks.end_to_end` does the same with 100,000 deals.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.loading import load
from tests.support.running import Tap
from tests.support.truth import differences

SCALE = 5_000
CHANGED = SCALE // 100
"""1 % of the deals are inserted, as many updated, as many deleted."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("each", "every"), [(10, {"every_requests": 1}), (5, {"every_requests": 10, "between_commands": True})]
)
def test_a_second_run_converges(
    start: Start, run_tap: Tap, catalog: dict[str, Any], tmp_path: Path, each: int, every: dict[str, Any]
) -> None:
    portal = start(scale=SCALE)
    before = portal.counts()["deals"]
    portal.mutate(table="deals", insert=each, update=each, delete=each, times=CHANGED // each, **every)
    first = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    database = load(first.stdout, tmp_path)
    touched = portal.table("deals")
    assert len(touched) == before, "as many rows are deleted as inserted"
    assert max(touched) > before, "nothing was inserted"
    assert differences(database, "deals", touched.values(), gone=CHANGED), "nothing to converge: too easy"
    portal.mutate(clear=True)
    portal.control("clock", {"advance": 5})
    second = run_tap(portal.config(), catalog=catalog, streams=["deals"], state=first.state).succeeded()
    load(second.stdout, tmp_path)
    assert differences(database, "deals", portal.truth("deals"), gone=CHANGED) == []
    assert portal.stats()["rows_served_twice"]["crm.deal.list"] > 0
    assert len(second.ids("deals")) < SCALE / 5, "the second run read everything again"
