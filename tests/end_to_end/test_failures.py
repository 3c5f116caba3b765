"""Failures of the portal: all rows are read all the same, or the failed stream is named and the others are complete."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tap_bitrix24.auth.from_settings import webhook
from tap_bitrix24.client import Client
from tap_bitrix24.connections import REST
from tap_bitrix24.entities import find_entity
from tap_bitrix24.entities.portal_info import PortalInfo as PortalFacts
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Rows, Strategy
from tap_bitrix24.model.message import Command
from tap_bitrix24.replication.full_table import read_all_by_id
from tap_bitrix24.replication.plan import ReadOptions, read_plan
from tap_bitrix24.replication.state import parse_bookmark
from tap_bitrix24.scheduler.loop import Ended, Scheduler
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

Catalog = dict[str, Any]
PASSING = {
    "html_502": "crm.deal.list",
    "html_200": "crm.lead.list",
    "empty_200": "crm.contact.list",
    "truncated_json": "crm.company.list",
    "disconnect": "crm.quote.list",
    "internal_server_error": "crm.activity.list",
    "query_limit": "crm.status.list",
}
"""Fault that passes when asked again → the method it strikes once."""
TABLES = {
    "deals": "deals",
    "leads": "leads",
    "contacts": "contacts",
    "companies": "companies",
    "quotes": "quotes",
    "crm_activities": "activities",
    "crm_statuses": "statuses",
    "users": "users",
}
"""Stream → the portal's table."""


def complete(run: Run, portal: Portal, *streams: str) -> None:
    """Assert that each stream has every row of the portal, none twice."""
    for stream in streams:
        assert sorted(run.ids(stream)) == sorted(portal.table(TABLES[stream])), stream


def later(portal: Portal, *tables: str) -> None:
    """Advance the clock by half an hour, and change rows in each table."""
    portal.control("clock", {"advance": 1800})
    for table in tables:
        portal.mutate(table=table, insert=3, update=5)
    portal.control("clock", {"advance": 60})


class TestPassing:
    """Temporary failures only cost time."""

    def test_every_kind_of_failure_once_and_all_rows_arrive(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        portal = start()
        rules = [{"fault": fault, "method": method, "times": 1} for fault, method in PASSING.items()]
        portal.faults(
            *rules, {"fault": "command_error", "method": "user.get", "times": 1, "param": "INTERNAL_SERVER_ERROR"}
        )
        run = run_tap(portal.config(), catalog=catalog, streams=list(TABLES)).succeeded()
        complete(run, portal, *TABLES)
        assert [rule["fired"] for rule in portal.faults()["rules"]] == [1] * len(TABLES)
        assert any("trying again" in line for line in run.warnings)

    def test_a_gateway_timeout_makes_batches_smaller(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        portal = start(scale=3000)
        portal.faults({"fault": "gateway_timeout", "method": "crm.deal.list", "after": 1, "times": 2})
        run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
        complete(run, portal, "deals")
        shrunk = [int(line.rpartition("asking for ")[2].split()[0]) for line in run.warnings if "asking for" in line]
        assert len(shrunk) == 2
        assert max(shrunk) <= 50 // 2

    def test_a_slow_answer_makes_batches_smaller(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        portal = start(scale=600)
        portal.faults({"fault": "slow", "method": "crm.deal.list", "after": 1, "times": 1, "param": 3})
        run = run_tap(portal.config(request_timeout=1), catalog=catalog, streams=["deals"]).succeeded()
        complete(run, portal, "deals")
        assert any("asking for" in line for line in run.warnings)

    def test_a_portal_that_has_moved_is_followed_by_post(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        portal, moved = start(), start()
        portal.faults({"fault": "redirect", "param": f"{moved.url}batch"})
        run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
        complete(run, moved, "deals")
        assert any("change the address" in line for line in run.warnings)
        assert moved.stats()["rows"]["crm.deal.list"] >= len(moved.table("deals"))

    def test_a_redirect_to_a_page_is_not_followed(self, start: Start, run_tap: Tap) -> None:
        portal, other = start(), start()
        portal.faults({"fault": "redirect", "param": f"http://{urlsplit(other.url).netloc}/auth/?backurl=1"})
        run = run_tap(portal.config())
        assert (run.code, run.stdout) == (2, "")
        assert "correct its address" in run.stderr.splitlines()[-1]
        assert other.stats()["requests"] == 0


class TestSpentBudget:
    """429 OPERATION_TIME_LIMIT: the tap waits for minutes; here the waits are recorded instead of slept."""

    @staticmethod
    def _read(portal: Portal, reading: Strategy, naps: list[float]) -> list[dict[str, Any]]:
        def now() -> float:
            return time.monotonic() + sum(naps)

        client = Client(
            webhook(portal.url), RateLimiter(TARIFFS["standard"], clock=now), REST.dialects, sleep=naps.append
        )
        try:
            found = [event for _, event in Scheduler(client, clock=now, nap=naps.append).run({"deals": reading})]
        finally:
            client.close()
        assert found[-1] == Ended(None)
        return [row for each in found if isinstance(each, Rows) for row in each.rows]

    def test_a_method_over_its_operating_time_is_called_again_minutes_later(self, start: Start) -> None:
        portal, naps = start(scale=600), list[float]()
        portal.faults({"fault": "operation_time_limit", "method": "crm.deal.list", "after": 3, "times": 6})
        rows = self._read(portal, read_all_by_id(_deals()), naps)
        assert sorted(int(row["ID"]) for row in rows) == sorted(portal.table("deals"))
        assert naps[0] >= 10
        assert sum(naps) >= 240

    def test_operating_time_spent_within_a_chain_keeps_the_pages_before(self, start: Start) -> None:
        portal, naps = start(scale=600), list[float]()
        portal.faults({"fault": "operation_time_limit", "method": "crm.deal.list", "after": 8, "times": 1})
        rows = self._read(portal, read_all_by_id(_deals()), naps)
        assert sorted(int(row["ID"]) for row in rows) == sorted(portal.table("deals"))
        stats = portal.stats()
        assert stats["requests"] <= 4
        assert stats["rows"]["crm.deal.list"] <= 2 * len(rows)

    def test_a_single_call_waits_as_well(self, start: Start) -> None:
        portal, naps = start(), list[float]()
        portal.faults({"fault": "operation_time_limit", "times": 2})
        client = Client(webhook(portal.url), RateLimiter(TARIFFS["standard"]), REST.dialects, sleep=naps.append)
        answer = client.call(Command("crm.deal.list"))
        client.close()
        assert answer.total == len(portal.table("deals"))
        assert [10 <= nap <= 30 for nap in naps] == [True, True]

    def test_a_rate_limit_used_up_by_others_is_waited_for(self, start: Start) -> None:
        portal, naps = start(), list[float]()
        portal.faults({"fault": "query_limit", "times": 12})
        rows = self._read(portal, read_all_by_id(_deals()), naps)
        assert sorted(int(row["ID"]) for row in rows) == sorted(portal.table("deals"))
        assert len(naps) >= 12


def _deals() -> list[ListSpec]:
    """Return the only list of the stream deals."""
    entity = find_entity("deals")
    assert entity is not None
    return list(read_plan(entity, "deals", ReadOptions(PortalFacts(datetime.now(UTC)))).lists)


class TestFailingStream:
    """One stream fails permanently; the others are complete and their STATE advances."""

    SOME = ("leads", "deals", "users")

    @pytest.mark.parametrize(
        ("fault", "says"),
        [
            ({"fault": "command_error", "param": "ERROR_CORE"}, "[ERROR_CORE]"),
            ({"fault": "command_error", "param": "ACCESS_DENIED"}, "access denied"),
            ({"fault": "missing_id"}, "has no primary key (ID)"),
            ({"fault": "wrong_encoding"}, "not UTF-8"),
        ],
    )
    def test_a_failed_stream_is_named_and_keeps_its_bookmark(
        self, start: Start, run_tap: Tap, catalog: Catalog, fault: Mapping[str, Any], says: str
    ) -> None:
        portal = start()
        before = run_tap(portal.config(), catalog=catalog, streams=self.SOME).succeeded().state
        later(portal, "deals", "leads")
        portal.faults({**fault, "method": "crm.lead.list"})
        run = run_tap(portal.config(), catalog=catalog, streams=self.SOME, state=before)
        last = run.stderr.splitlines()[-1]
        assert run.code == 1
        assert last.startswith("tap-bitrix24: 1 of 3 streams failed: leads (")
        assert says in last
        assert "Traceback" not in run.stderr
        assert run.state["bookmarks"]["leads"] == before["bookmarks"]["leads"]
        assert run.state["bookmarks"]["deals"] != before["bookmarks"]["deals"]
        complete(run, portal, "users")
        self._catches_up(portal, run_tap, catalog, run.state)

    @staticmethod
    def _catches_up(portal: Portal, run_tap: Tap, catalog: Catalog, state: Mapping[str, Any]) -> None:
        """Assert that, without the fault, the next run reads what the stream missed."""
        portal.faults(clear=True)
        run = run_tap(portal.config(), catalog=catalog, streams=["leads"], state=state).succeeded()
        since = parse_bookmark(state["bookmarks"]["leads"]["replication_key_value"])
        rows = portal.table("leads").items()
        missed = {number for number, row in rows if datetime.fromisoformat(row["DATE_MODIFY"]) >= since}
        assert missed
        assert missed <= set(run.ids("leads"))

    def test_credentials_that_expire_during_the_run_end_it(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        portal = start()
        portal.faults({"fault": "auth", "param": "INVALID_CREDENTIALS", "method": "crm.lead.list"})
        run = run_tap(portal.config(), catalog=catalog, streams=self.SOME)
        assert run.code == 2
        assert "copy its URL from the portal again" in run.stderr.splitlines()[-1]
        assert "Traceback" not in run.stderr
        assert not any(state.get("bookmarks", {}).get("leads") for state in run.states)
        assert not run.records("leads")
