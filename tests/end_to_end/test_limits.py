"""The portal's limits: the tap exceeds neither the request rate nor the operating time of a method."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import SCRIPTS, Tap, only

Catalog = dict[str, Any]
CHILDREN = "crm_timeline_comments"
"""A list that is asked for parent by parent: dozens of requests."""


@pytest.mark.slow
def test_other_methods_are_read_while_one_waits_for_operating_time(
    start: Start, run_tap: Tap, catalog: Catalog
) -> None:
    """Twenty pages a budget, budgets forgotten after four seconds: deals take two of them, leads one and a bit."""
    portal = start(scale=1500, no_limits=False, plan="enterprise", operating_window=4)
    portal.faults(operating_ms=21_000)
    tap = replace(run_tap, short_pauses=False)
    run = tap(portal.config(plan="enterprise"), catalog=catalog, streams=["deals", "leads"]).succeeded()
    for stream in ("deals", "leads"):
        assert sorted(run.ids(stream)) == sorted(portal.table(stream))
    stats = portal.stats()
    assert stats["errors"] == {}
    assert stats["highest_operating"]["crm.deal.list"] > 300, "the budget is used"
    assert not [line for line in run.warnings if "trying again" in line]


@pytest.mark.slow
def test_two_taps_on_one_machine_keep_to_the_rate_together(start: Start, catalog: Catalog, tmp_path: Path) -> None:
    portal = start(scale=360, no_limits=False)
    (tmp_path / "config.json").write_text(json.dumps(portal.config()))
    (tmp_path / "catalog.json").write_text(json.dumps(only(catalog, CHILDREN)))
    command = [str(SCRIPTS / "tap-bitrix24"), "--config", "config.json", "--catalog", "catalog.json"]
    taps = [
        subprocess.Popen(command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [tap.communicate(timeout=100) for tap in taps]
    assert [tap.returncode for tap in taps] == [0, 0], outputs
    stats = portal.stats()
    assert stats["requests"] > 50, "one burst would not do"
    assert stats["errors"] == {}


@pytest.mark.slow
def test_no_more_requests_are_in_flight_than_allowed(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=20_000, latency=50)
    for most in (1, 3):
        portal.forget_stats()
        run = run_tap(portal.config(max_concurrency=most, plan="enterprise"), catalog=catalog, streams=["deals"])
        assert run.succeeded().ids("deals") == sorted(portal.table("deals"))
        assert portal.stats()["in_flight_most"] == most
