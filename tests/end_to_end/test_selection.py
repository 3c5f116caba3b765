"""Only selected columns are requested, where a list allows it; their values stay the same."""

from typing import Any

import pytest

from tap_bitrix24.entities import BY_STREAM
from tap_bitrix24.entities.portal_info import PortalInfo as PortalFacts
from tap_bitrix24.replication.plan import ReadPlan, list_specs
from tests.support.fixtures import Start
from tests.support.lists import EPOCH
from tests.support.running import Tap, only

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
    """Return the catalog with some streams selected, and some of their columns."""
    found = only(catalog, *CHOSEN)
    for entry in found["streams"]:
        for each in entry["metadata"]:
            if each["breadcrumb"] and each["metadata"].get("inclusion") != "automatic":
                each["metadata"]["selected"] = each["breadcrumb"][-1] in CHOSEN.get(entry["tap_stream_id"], ())
    return found


def test_selected_columns_have_the_same_values_as_among_all_columns(
    start: Start, run_tap: Tap, catalog: Catalog
) -> None:
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
    ("stream", "wanted", "asked"),
    [
        ("deals", {"ID", "TITLE"}, ["ID", "DATE_MODIFY", "TITLE"]),
        ("deals", {"ID", "DATE_MODIFY", "UF_CRM_1", "_bitrix24_unparsed"}, ["ID", "DATE_MODIFY", "UF_CRM_1"]),
        ("tasks", {"ID", "ACCOMPLICES"}, ["ID", "CHANGED_DATE", "CREATED_DATE", "ACCOMPLICES"]),
    ],
)
def test_columns_that_reading_needs_are_requested_as_well(stream: str, wanted: set[str], asked: list[str]) -> None:
    plan = ReadPlan(PortalFacts(EPOCH), selected=frozenset(wanted))
    (source,) = list_specs(BY_STREAM[stream], stream, plan)
    assert source.params["select"] == asked


@pytest.mark.parametrize(("stream", "wanted"), [("tasks", {"ID", "creator"}), ("documents", {"id", "title"})])
def test_all_columns_are_requested_if_the_name_of_one_is_unknown(stream: str, wanted: set[str]) -> None:
    (source,) = list_specs(BY_STREAM[stream], stream, ReadPlan(PortalFacts(EPOCH), selected=frozenset(wanted)))
    (everything,) = list_specs(BY_STREAM[stream], stream, ReadPlan(PortalFacts(EPOCH)))
    assert source.params == everything.params
