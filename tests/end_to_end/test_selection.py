"""Only selected columns are asked for, where a list can be asked for columns; what arrives of them is the same."""

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
    """The catalog with some streams selected, and of those some columns."""
    found = only(catalog, *CHOSEN)
    for entry in found["streams"]:
        for each in entry["metadata"]:
            if each["breadcrumb"] and each["metadata"].get("inclusion") != "automatic":
                each["metadata"]["selected"] = each["breadcrumb"][-1] in CHOSEN.get(entry["tap_stream_id"], ())
    return found


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
    ("stream", "wanted", "asked"),
    [
        ("deals", {"ID", "TITLE"}, ["ID", "DATE_MODIFY", "TITLE"]),
        ("deals", {"ID", "DATE_MODIFY", "UF_CRM_1", "_bitrix24_unparsed"}, ["ID", "DATE_MODIFY", "UF_CRM_1"]),
        ("tasks", {"ID", "ACCOMPLICES"}, ["ID", "CHANGED_DATE", "CREATED_DATE", "ACCOMPLICES"]),
    ],
)
def test_what_reading_needs_is_asked_for_besides(stream: str, wanted: set[str], asked: list[str]) -> None:
    plan = ReadPlan(PortalFacts(EPOCH), selected=frozenset(wanted))
    (source,) = list_specs(BY_STREAM[stream], stream, plan)
    assert source.params["select"] == asked


@pytest.mark.parametrize(("stream", "wanted"), [("tasks", {"ID", "creator"}), ("documents", {"id", "title"})])
def test_where_it_is_not_told_which_name_brings_a_column_all_are_asked_for(stream: str, wanted: set[str]) -> None:
    (source,) = list_specs(BY_STREAM[stream], stream, ReadPlan(PortalFacts(EPOCH), selected=frozenset(wanted)))
    (everything,) = list_specs(BY_STREAM[stream], stream, ReadPlan(PortalFacts(EPOCH)))
    assert source.params == everything.params
