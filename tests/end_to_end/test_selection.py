"""Where a list can be requested with columns, only the selected ones are; their values are the same."""

import json
from typing import Any

import pytest

from tap_bitrix24.entities import BY_STREAM
from tap_bitrix24.entities.portal_info import PortalInfo as PortalFacts
from tap_bitrix24.replication.plan import ReadOptions, read_plan
from tests.support.fixtures import Start
from tests.support.lists import EPOCH
from tests.support.running import Portal, Tap, only

Catalog = dict[str, Any]
CHOSEN = {
    "deals": ("title", "opportunity", "uf_crm_1700009118", "uf_crm_1700011144_line"),
    "contacts": ("name", "phone", "phone_first"),
    "tasks": ("title", "creator"),
    "products": ("name",),
    "smart_process_156": ("title", "stage_id"),
    "crm_activities": ("subject", "communications"),
    "users": ("name",),
}
"""Stream → columns, some made from others, some that only come along with others."""


def chosen(catalog: Catalog) -> Catalog:
    """The catalog with some streams selected, and of those some columns."""
    selection = only(catalog, *CHOSEN)
    for entry in selection["streams"]:
        for each in entry["metadata"]:
            if each["breadcrumb"] and each["metadata"].get("inclusion") != "automatic":
                each["metadata"]["selected"] = each["breadcrumb"][-1] in CHOSEN.get(entry["tap_stream_id"], ())
    return selection


def test_selected_columns_hold_what_they_hold_among_all_columns(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=120)
    everything = run_tap(portal.config(), catalog=only(catalog, *CHOSEN)).succeeded()
    some = run_tap(portal.config(), catalog=chosen(catalog)).succeeded()
    for stream, columns in CHOSEN.items():
        whole = everything.records(stream)
        assert len(whole) >= 5, stream
        kept = {*some.records(stream)[0]}
        assert {*columns} <= kept < {*whole[0]}, stream
        assert some.records(stream) == [{name: row[name] for name in row if name in kept} for row in whole], stream


@pytest.mark.parametrize(
    ("stream", "wanted", "requested"),
    [
        ("deals", {"ID", "TITLE"}, ["ID", "DATE_MODIFY", "TITLE"]),
        ("deals", {"ID", "DATE_MODIFY", "UF_CRM_1", "_bitrix24_unparsed"}, ["ID", "DATE_MODIFY", "UF_CRM_1"]),
        ("tasks", {"ID", "ACCOMPLICES"}, ["ID", "CHANGED_DATE", "CREATED_DATE", "ACCOMPLICES"]),
    ],
)
def test_names_reading_needs_are_always_requested(stream: str, wanted: set[str], requested: list[str]) -> None:
    options = ReadOptions(PortalFacts(EPOCH), selected=frozenset(wanted))
    (only_list,) = read_plan(BY_STREAM[stream], stream, options).lists
    assert only_list.params["select"] == requested


@pytest.mark.parametrize(("stream", "wanted"), [("tasks", {"ID", "creator"}), ("documents", {"id", "title"})])
def test_a_column_without_a_name_of_its_own_makes_all_names_necessary(stream: str, wanted: set[str]) -> None:
    portal = PortalFacts(EPOCH)
    (some,) = read_plan(BY_STREAM[stream], stream, ReadOptions(portal, selected=frozenset(wanted))).lists
    (everything,) = read_plan(BY_STREAM[stream], stream, ReadOptions(portal)).lists
    assert some.params == everything.params


def test_streams_deselected_in_the_catalog_are_not_read(portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
    given = json.loads(json.dumps(catalog))
    for entry in given["streams"]:
        root = next(part for part in entry["metadata"] if not part["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] in {"deals", "currencies"}
    run = run_tap(portal.config(), catalog=given).succeeded()
    assert run.schemas.keys() == {"deals", "currencies"}
