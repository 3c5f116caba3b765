"""What worked before absence had to be proven: limits inside batches, and small portals that end with 0."""

from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Tap

Catalog = dict[str, Any]
STREAMS = ["deals", "tasks", "crm_statuses", "smart_invoices"]
OPTIONAL = "booking.v1.booking.list,rpa.stage.listfortype,lists.get,catalog.catalog.list,crm.stagehistory.list"
"""Methods of modules that small portals lack."""


@pytest.mark.parametrize("method", ["crm.deal.list", "tasks.task.list", "crm.item.list"])
@pytest.mark.parametrize("fault", ["operation_time_limit", "query_limit", "query limit of a command"])
def test_limits_inside_batches_lose_nothing(
    start: Start, run_tap: Tap, catalog: Catalog, method: str, fault: str
) -> None:
    portal = start(scale=300)
    rule = {"fault": fault}
    if fault == "query limit of a command":
        rule = {"fault": "refuse_command", "param": "QUERY_LIMIT_EXCEEDED"}
    portal.faults({**rule, "method": method, "after": 1, "times": 3})
    run = run_tap(portal.config(), catalog=catalog, streams=STREAMS).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
    assert sorted(run.ids("tasks")) == sorted(portal.table("tasks", "id"))
    assert sorted(run.ids("smart_invoices")) == sorted(portal.table("smart_invoices", "id"))


@pytest.mark.parametrize("scopes", ["crm", "task,user", "crm,user_brief,department"])
def test_a_webhook_with_few_scopes_ends_with_0(start: Start, run_tap: Tap, scopes: str) -> None:
    portal = start(scale=60, scopes=scopes)
    first = run_tap(portal.config()).succeeded()
    again = run_tap(portal.config(), state=first.state).succeeded()
    assert again.warnings == first.warnings or len(again.warnings) <= len(first.warnings)


def test_a_portal_without_optional_modules_ends_with_0(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60, smart_processes=0, without="crm.automatedsolution.list,booking.v1.booking.list")
    run = run_tap(portal.config()).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))


@pytest.mark.parametrize("method", OPTIONAL.split(","))
def test_a_portal_that_never_had_a_module_ends_with_0(start: Start, run_tap: Tap, method: str) -> None:
    """Nothing of it has ever been read: its streams are left out with a warning."""
    portal = start(scale=60, without=method)
    run = run_tap(portal.config())
    assert "Traceback" not in run.stderr
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
    assert run.code == 0, run.stderr.splitlines()[-1]
