"""Full reads: their number of requests, and pages that cannot be trusted (docs/decisions.md#decision-10)."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Portal, Tap

Catalog = dict[str, Any]
ROWS = 1_200
PRODUCTS = ("products", "product_offers", "product_skus", "product_services")
"""Streams that share the portal's table of products."""


def test_a_full_read_yields_every_row_once_without_counts(start: Start, run_tap: Tap) -> None:
    portal = start()
    run = run_tap(portal.config()).succeeded()
    counts = portal.counts()
    tables = {"crm_activities": "activities", "crm_statuses": "statuses", "crm_categories": "categories"}
    tables |= {"crm_types": "types", "crm_stage_history": "stage_history"}
    compared = [stream for stream in run.schemas if tables.get(stream, stream) in counts and stream not in PRODUCTS]
    assert len(compared) > 50
    for stream in compared:
        assert len(run.records(stream)) == counts[tables.get(stream, stream)], stream
    assert sum(len(run.records(stream)) for stream in PRODUCTS) == counts["products"]
    # these know neither keyset nor a way not to count; NAV_PARAMS counts whatever is asked
    assert portal.stats()["counted"].keys() <= {"department.get", "lists.get", "task.elapseditem.getlist"}


def test_dense_ids_cost_one_request_for_2500_rows(big: Portal, run_tap: Tap, catalog: Catalog) -> None:
    big.forget_stats()
    run = run_tap(big.config(), catalog=catalog, streams=["deals"]).succeeded()
    ids = run.ids("deals")
    assert sorted(ids) == sorted(big.table("deals"))
    assert len(set(ids)) == len(ids) == 10_000
    stats = big.stats()
    assert stats["requests"] <= ceil(10_000 / 2_500) + 3
    assert stats["counted"] == {"lists.get": 3}, "universal lists, before anything is read"
    assert stats["max_commands_in_batch"] <= 50


@pytest.mark.parametrize(("deleted", "requests"), [(9_000, 3), (9_900, 4)], ids=["1 of 10", "1 of 100"])
def test_sparse_ids_take_few_more_requests(
    start: Start, run_tap: Tap, catalog: Catalog, deleted: int, requests: int
) -> None:
    """The preflight, the first page, and one or two chains: gaps make the estimate of ids inexact."""
    portal = start(scale=10_000)
    portal.mutate(table="deals", delete=deleted)
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
    assert portal.stats()["requests"] == requests


def test_short_pages_lose_nothing(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=ROWS)
    portal.faults({"fault": "short_page", "method": "crm.deal.list", "param": 7, "every": 3})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    ids = run.ids("deals")
    assert sorted(ids) == sorted(portal.table("deals"))
    assert len(set(ids)) == len(ids)


def _read_with(start: Start, run_tap: Tap, catalog: Catalog, fault: Mapping[str, Any]) -> tuple[Portal, Any]:
    portal = start(scale=ROWS)
    portal.faults({"method": "crm.deal.list", **fault})
    return portal, run_tap(portal.config(), catalog=catalog, streams=["deals", "leads"])


def test_a_list_that_drops_filters_is_read_by_offset(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal, run = _read_with(start, run_tap, catalog, {"fault": "drop_filter"})
    assert run.code == 0, run.stderr
    assert set(run.ids("deals")) == portal.table("deals").keys()
    (warning,) = run.warnings
    assert "crm.deal.list: ids do not ascend" in warning
    assert "offset pagination" in warning


@pytest.mark.parametrize("fault", ["drop_order", "repeat_page"])
def test_a_list_that_cannot_be_read_completely_fails(start: Start, run_tap: Tap, catalog: Catalog, fault: str) -> None:
    """Without an order, or with page 1 repeated, offsets do not reach all rows, as the count shows."""
    portal, run = _read_with(start, run_tap, catalog, {"fault": fault})
    assert run.code == 1
    (warning,) = run.warnings
    assert "offset pagination" in warning
    read, everyone = set(run.ids("deals")), portal.table("deals").keys()
    assert read < everyone
    assert "1 of 2 streams failed: deals (crm.deal.list: 3 answers hold nothing after" in run.stderr
    assert "replication_key_value" not in run.state["bookmarks"].get("deals", {})
    assert sorted(run.ids("leads")) == sorted(portal.table("leads"))


@pytest.mark.parametrize("fault", ["drop_filter", "drop_order", "repeat_page", "missing_id"])
def test_a_list_that_becomes_inconsistent_fails_alone(start: Start, run_tap: Tap, catalog: Catalog, fault: str) -> None:
    portal, run = _read_with(start, run_tap, catalog, {"fault": fault, "after": 5})
    assert run.code == 1
    last = run.stderr.splitlines()[-1]
    assert last.startswith("tap-bitrix24: 1 of 2 streams failed: deals (crm.deal.list: ")
    assert "has no primary key (ID)" in last if fault == "missing_id" else "ids do not ascend" in last
    read = run.ids("deals")
    assert len(set(read)) == len(read)
    reached = run.state["bookmarks"]["deals"]["snapshot"]["after"]
    assert set(read) == {number for number in portal.table("deals") if number <= reached}
    assert sorted(run.ids("leads")) == sorted(portal.table("leads"))
    assert "replication_key_value" in run.state["bookmarks"]["leads"]


def test_rows_without_a_key_are_never_written(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    _, run = _read_with(start, run_tap, catalog, {"fault": "missing_id"})
    assert run.code == 1
    assert run.records("deals") == []
    assert "row 26 of the page in descending order has no primary key (ID)" in run.stderr


@pytest.mark.parametrize("age", ["new", "old"])
def test_users_of_old_servers_are_read_by_offset(start: Start, run_tap: Tap, catalog: Catalog, age: str) -> None:
    """Old servers ignore `>ID` and the order of users; a warning says what that means."""
    portal = start()
    portal.mutate(table="users", insert=120)
    portal.switch(user_get_prefixes=age, user_get_no_count=age)
    run = run_tap(portal.config(), catalog=catalog, streams=["users"]).succeeded()
    assert set(run.ids("users")) == portal.table("users").keys()
    assert len(set(run.ids("users"))) > 120
    assert ["offset pagination" in line for line in run.warnings] == [True] * (age == "old")
