"""Discovery: the streams of a portal, the requests it takes, and what a catalog changes.

See docs/decisions.md#decision-9, docs/decisions.md#decision-16 and docs/decisions.md#decision-19.
"""

import json
import re
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.entities import ENTITIES, REST_V3_ENTITIES, SMART_PROCESS
from tap_bitrix24.entities.entity import Callers
from tap_bitrix24.entities.portal_info import PortalInfo
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

Catalog = dict[str, Any]
UNPARSED = "_bitrix24_unparsed"
ANY_PORTAL = PortalInfo(datetime.now(UTC))
FIXED = {
    entity.stream: entity for entity in ENTITIES if entity.template is None and entity.quirks.callers is Callers.ANYONE
}
"""Streams that every portal offers to a webhook."""
DEFAULT = {stream for stream, entity in FIXED.items() if entity.selected_by_default}
MADE = {"fields", "field_options", "child_reads"}
"""Streams the tap makes itself; they need no scope."""


def _names(catalog: Catalog) -> set[str]:
    return {entry["tap_stream_id"] for entry in catalog["streams"]}


def _deselect(catalog: Catalog, stream: str, *columns: str) -> Catalog:
    """Return the catalog with some columns of a stream deselected."""
    catalog = deepcopy(catalog)
    (entry,) = (each for each in catalog["streams"] if each["tap_stream_id"] == stream)
    for metadata in entry["metadata"]:
        if metadata["breadcrumb"] and metadata["breadcrumb"][-1] in columns:
            metadata["metadata"]["selected"] = False
    return catalog


def _forget(catalog: Catalog, stream: str, *columns: str) -> Catalog:
    """Return the catalog as it was before these columns existed."""
    catalog = deepcopy(catalog)
    (entry,) = (each for each in catalog["streams"] if each["tap_stream_id"] == stream)
    for column in columns:
        del entry["schema"]["properties"][column]
    entry["metadata"] = [
        each for each in entry["metadata"] if each["breadcrumb"][-1:] not in ([column] for column in columns)
    ]
    return catalog


def test_discovery_costs_at_most_twelve_requests(start: Start, run_tap: Tap) -> None:
    portal = start(smart_processes=10)
    catalog = run_tap.discover(portal.config())
    others = {name.rstrip("0123456789") for name in _names(catalog) - FIXED.keys()}
    assert FIXED.keys() <= _names(catalog)
    assert others == {SMART_PROCESS, "list_elements_"} | {entity.stream for entity in REST_V3_ENTITIES}
    assert sum(name.startswith(SMART_PROCESS) for name in _names(catalog)) == 10
    assert portal.stats()["requests"] <= 12


def test_every_stream_is_described(catalog: Catalog) -> None:
    for entry in catalog["streams"]:
        properties = entry["schema"]["properties"]
        assert set(entry["key_properties"]) <= properties.keys(), entry["tap_stream_id"]
        for name, facts in properties.items():
            assert facts["type"], (entry["tap_stream_id"], name)
            assert facts["title"], (entry["tap_stream_id"], name)
            assert facts["description"], (entry["tap_stream_id"], name)


def test_streams_that_take_a_call_per_parent_are_not_selected_by_default(catalog: Catalog) -> None:
    chosen = {
        entry["tap_stream_id"]
        for entry in catalog["streams"]
        for metadata in entry["metadata"]
        if not metadata["breadcrumb"] and metadata["metadata"]["selected-by-default"]
    }
    assert {name for name in chosen if name in FIXED} == DEFAULT
    for name in DEFAULT:
        parents = FIXED[name].parents
        for parent in parents(ANY_PORTAL) if parents else ():
            assert parent.group_size > 1 or parent.embedded_children, f"{name} takes a call per parent"


def test_a_catalog_saves_every_request_but_the_preflight(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start()
    run_tap(portal.config(), catalog=catalog, streams=[]).succeeded()
    stats = portal.stats()
    assert stats["requests"] == 1
    assert not [method for method in stats["commands"] if method.lower().endswith("fields")]
    portal.forget_stats()
    run_tap(portal.config(), catalog=catalog, streams=["currencies"]).succeeded()
    stats = portal.stats()
    assert stats["requests"] == 2
    assert stats["commands"]["crm.currency.list"] == 1


@pytest.mark.parametrize(
    ("scopes", "some"),
    [
        (["crm"], {"tasks", "users", "departments"}),
        (["task", "user_brief"], {"deals", "orders", "departments"}),
        (["user", "crm", "task"], {"departments", "products"}),
    ],
    ids=["crm", "task and user", "no department"],
)
def test_streams_without_their_scope_are_skipped(start: Start, run_tap: Tap, scopes: list[str], some: set[str]) -> None:
    portal = start(scale=60, scopes=scopes)
    run = run_tap(portal.config()).succeeded()
    missing = {stream for stream in DEFAULT - MADE if not {*FIXED[stream].scope} & {*scopes}}
    assert some <= missing
    assert not run.schemas.keys() & missing
    assert DEFAULT - missing <= run.schemas.keys()
    (warning,) = (line for line in run.warnings if "skipped" in line)
    assert "the credentials lack their scope" in warning
    assert missing == DEFAULT & set(re.findall(r"\w+", warning.partition("their scope:")[2])) - set(scopes)


def test_a_selected_stream_without_its_scope_fails_alone(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=60, scopes=["crm", "user"])
    run = run_tap(portal.config(), catalog=catalog, streams=["currencies", "departments", "deals", "tasks", "users"])
    assert run.code == 1
    last = run.stderr.splitlines()[-1]
    assert last.startswith("tap-bitrix24: 2 of 5 streams failed: departments, tasks")
    assert "scope" in last
    assert len(run.ids("deals")) == 60
    assert run.records("currencies")
    assert run.records("users")
    assert run.records("tasks") == []
    assert "deals" in run.state["bookmarks"]
    assert not run.state["bookmarks"].get("tasks")


def test_new_fields_and_smart_processes_appear_by_themselves(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60)
    before = run_tap(portal.config()).succeeded()
    assert "uf_crm_added_later" not in before.schemas["deals"]
    portal.mutate(add_field={"table": "deals", "name": "UF_CRM_ADDED_LATER", "type": "double", "label": "Margin"})
    number = portal.mutate(add_smart_process=True)["entityTypeId"]
    after = run_tap(portal.config()).succeeded()
    added = after.schemas["deals"]["uf_crm_added_later"]
    assert added == {
        "type": ["number", "null"],
        "title": "UF_CRM_ADDED_LATER",
        "description": "Margin",
    }
    assert after.schemas.keys() - before.schemas.keys() == {f"{SMART_PROCESS}{number}"}
    truth = portal.table("deals")
    for record in after.records("deals"):
        value = truth[record["id"]]["UF_CRM_ADDED_LATER"]
        assert record["uf_crm_added_later"] == (float(value) if value else None)


def test_with_an_old_catalog_unknown_fields_are_kept_unparsed(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=60)
    portal.mutate(add_field={"table": "deals", "name": "UF_CRM_ADDED_LATER", "type": "string"})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals", "leads"]).succeeded()
    assert not [method for method in portal.stats()["commands"] if method.lower().endswith("fields")]
    assert "uf_crm_added_later" not in run.schemas["deals"]
    filled = {number: row for number, row in portal.table("deals").items() if row["UF_CRM_ADDED_LATER"]}
    assert filled
    kept = {record["id"]: record[UNPARSED] for record in run.records("deals") if record[UNPARSED]}
    assert kept == {number: {"uf_crm_added_later": row["UF_CRM_ADDED_LATER"]} for number, row in filled.items()}
    (warning,) = (line for line in run.warnings if "no column describes" in line)
    assert "UF_CRM_ADDED_LATER" in warning


def test_a_catalog_without_a_column_keeps_its_values_unparsed(portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
    run = run_tap(
        portal.config(), catalog=_forget(catalog, "deals", "title", "opportunity"), streams=["deals"]
    ).succeeded()
    truth = portal.table("deals")
    for record in run.records("deals"):
        assert not record.keys() & {"title", "opportunity"}
        row = truth[record["id"]]
        expected = {"title": row["TITLE"], "opportunity": row["OPPORTUNITY"]}
        assert record[UNPARSED] == {name: value for name, value in expected.items() if value}


def test_deselected_columns_do_not_appear(portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
    fewer = _deselect(catalog, "deals", "title", "comments", UNPARSED)
    run = run_tap(portal.config(), catalog=fewer, streams=["deals", "leads"]).succeeded()
    gone = {"title", "comments", UNPARSED}
    assert not run.schemas["deals"].keys() & gone
    for record in run.records("deals"):
        assert record.keys() == run.schemas["deals"].keys()
    assert run.schemas["leads"].keys() >= gone


def _listed(portal: Portal, method: str) -> set[int]:
    """Return all ids of a list method, read by keyset."""
    found: list[int] = []
    while page := portal.ids(method, {"order": {"ID": "ASC"}, "filter": {">ID": max(found, default=0)}, "start": -1}):
        found += page
    return set(found)


@pytest.mark.parametrize(("stream", "method"), [("contacts", "crm.contact.list"), ("companies", "crm.company.list")])
def test_hidden_categories_arrive_in_the_same_stream(
    portal: Portal, run_tap: Tap, catalog: Catalog, stream: str, method: str
) -> None:
    everyone = portal.table(stream).keys()
    hidden = everyone - _listed(portal, method)
    assert hidden
    run = run_tap(portal.config(), catalog=catalog, streams=[stream]).succeeded()
    found = {record["id"]: record["category_id"] for record in run.records(stream)}
    assert found.keys() == everyone
    assert {number for number, category in found.items() if category} == hidden


FIVE = ["leads", "deals", "contacts", "companies", "quotes"]
ONLY_UNIVERSAL = {
    ("leads", "contact_ids"),
    ("deals", "contact_ids"),
    ("quotes", "contact_ids"),
    ("contacts", "company_ids"),
    ("contacts", "category_id"),
    ("companies", "category_id"),
    ("companies", "contact_id"),
}
"""Columns the field methods describe, but only the universal lists contain: null with the classic methods."""


def _tables(run: Run) -> dict[str, dict[int, dict[str, Any]]]:
    return {stream: {record["id"]: record for record in run.records(stream)} for stream in FIVE}


def _same(ours: Any, theirs: Any) -> bool:
    """Return whether two values are equal; files by their ids, because the two methods give different links."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, dict) and "downloadUrl" in ours and isinstance(theirs, dict):
        return bool(ours["id"] == theirs["id"] and theirs["urlMachine"])
    return bool(ours == theirs)


def test_universal_methods_change_no_table(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=120)
    classic = run_tap(portal.config(), catalog=catalog, streams=FIVE).succeeded()
    portal.forget_stats()
    universal = run_tap(portal.config(crm_methods="universal"), catalog=catalog, streams=FIVE).succeeded()
    preflight = {"scope", "crm.type.list", "crm.category.list", "catalog.catalog.list", "lists.get"}
    assert portal.stats()["commands"].keys() == {*preflight, "crm.item.list"}
    assert json.dumps(classic.schemas) == json.dumps(universal.schemas)
    ours, theirs = _tables(classic), _tables(universal)
    compared = 0
    for stream in FIVE:
        assert ours[stream].keys() == theirs[stream].keys()
        for number, record in ours[stream].items():
            other = theirs[stream][number]
            assert record.keys() == other.keys()
            for name, value in record.items():
                if (stream, name) in ONLY_UNIVERSAL and not value:
                    continue
                assert _same(value, other[name]), (stream, number, name)
                compared += value is not None
    assert compared > 5_000
    for stream, name in ONLY_UNIVERSAL:
        assert any(record[name] for record in theirs[stream].values()), (stream, name)
