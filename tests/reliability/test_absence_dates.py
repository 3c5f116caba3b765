"""Date filters that find nothing, or are refused: a window without rows is believed only of a filter seen to work."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.absence import failed_aloud
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

Catalog = dict[str, Any]
ITEM_SWITCHES = ["exact", "shifted", "iso_unread", "refused"]
READINGS = ["nothing", "iso_unread", "refused", "shifted:3600", "shifted:-36000"]
LISTS = {
    "deals": ("crm.deal.list", "deals", "ID"),
    "tasks": ("tasks.task.list", "tasks", "id"),
    "crm_activities": ("crm.activity.list", "activities", "ID"),
    "smart_process_156": ("crm.item.list", "smart_process_156", "id"),
    "leads": ("crm.lead.list", "leads", "ID"),
    "orders": ("sale.order.list", "orders", "id"),
}


def changed_between(portal: Portal, tap: Any, streams: list[str], tables: list[str]) -> tuple[Run, dict[str, set[int]]]:
    """Return a first run, and the rows that are changed after it."""
    first = tap(None)
    portal.control("clock", {"advance": 3_600})
    changed = {}
    for stream, table in zip(streams, tables, strict=True):
        done = portal.mutate(table=table, update=5, insert=5)
        changed[stream] = {*done["updated"], *done["inserted"]}
    portal.control("clock", {"advance": 600})
    return first, changed


@pytest.mark.parametrize("reading", ITEM_SWITCHES)
def test_items_whose_date_filter_is_read_otherwise(start: Start, run_tap: Tap, catalog: Catalog, reading: str) -> None:
    portal = start(scale=120)
    portal.switch(item_date_filter=reading)
    streams, tables = ["smart_process_156", "smart_invoices"], ["smart_process_156", "smart_invoices"]

    def tap(state: Any) -> Run:
        return run_tap(portal.config(), catalog=catalog, streams=streams, state=state).succeeded()

    first, changed = changed_between(portal, tap, streams, tables)
    again = tap(first.state)
    for stream in streams:
        assert changed[stream] <= set(again.ids(stream))
    portal.control("clock", {"advance": 600})
    assert not any(changed[stream] - set(again.ids(stream)) for stream in streams)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("stream", LISTS)
def test_a_date_filter_that_stops_working(
    start: Start, run_tap: Tap, catalog: Catalog, stream: str, reading: str
) -> None:
    method, table, _ = LISTS[stream]
    portal = start(scale=60)

    def tap(state: Any) -> Run:
        return run_tap(portal.config(), catalog=catalog, streams=[stream], state=state)

    first, changed = changed_between(portal, lambda state: tap(state).succeeded(), [stream], [table])
    portal.faults({"fault": "date_filter", "method": method, "param": reading})
    again = tap(first.state)
    assert "Traceback" not in again.stderr
    if again.code == 0:
        assert changed[stream] <= set(again.ids(stream)), again.stderr[-1500:]
    else:
        failed_aloud(again, stream)
    portal.faults(clear=True)
    last = tap(again.state if again.states else first.state).succeeded()
    assert changed[stream] <= {*again.ids(stream), *last.ids(stream)}


@pytest.mark.parametrize("reading", ITEM_SWITCHES)
def test_start_date_with_items(start: Start, run_tap: Tap, catalog: Catalog, reading: str) -> None:
    """As it was seen: no smart-process row, and 1,250 of 1,500 product rows."""
    portal = start(scale=120)
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    portal.switch(item_date_filter=reading)
    config = portal.config(start_date=begin.isoformat())
    run = run_tap(config, catalog=catalog, streams=["smart_process_156", "crm_product_rows"]).succeeded()
    rows = portal.table("smart_process_156", "id")
    expected = {number for number, row in rows.items() if datetime.fromisoformat(row["updatedTime"]) >= begin}
    assert expected
    assert set(run.ids("smart_process_156")) == expected
    portal.switch(item_date_filter="exact")
    whole = run_tap(config, catalog=catalog, streams=["crm_product_rows"]).succeeded()
    assert set(run.ids("crm_product_rows")) == set(whole.ids("crm_product_rows"))


@pytest.mark.parametrize("reading", ["refused", "nothing", "iso_unread"])
@pytest.mark.parametrize("stream", ["deals", "smart_process_156", "tasks"])
def test_a_filter_that_does_not_work_is_told_and_cut_here(
    start: Start, run_tap: Tap, catalog: Catalog, stream: str, reading: str
) -> None:
    method, table, key = LISTS[stream]
    portal = start(scale=60)
    portal.faults({"fault": "date_filter", "method": method, "param": reading})
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    name = {"deals": "DATE_MODIFY", "smart_process_156": "updatedTime", "tasks": "changedDate"}[stream]
    run = run_tap(portal.config(start_date=begin.isoformat()), catalog=catalog, streams=[stream]).succeeded()
    rows = portal.table(table, key)
    dates = {number: datetime.fromisoformat(row[name] or row["createdDate"]) for number, row in rows.items()}
    expected = {number for number, date in dates.items() if date >= begin}
    assert expected
    assert set(run.ids(stream)) == expected
    assert any(method in line for line in run.warnings), run.warnings
