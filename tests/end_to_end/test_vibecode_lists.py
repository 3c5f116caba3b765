"""Every list of the VibeCode service, end to end: each row once, no unparsed values, and labels of codes."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server.running import RunningPortal
from tap_bitrix24.entities.vibecode import USER_FIELDS, VIBECODE_ENTITIES, VIBECODE_SMART_PROCESSES
from tap_bitrix24.schema.columns import UNPARSED
from tests.support.running import SCRIPTS, Portal, Run, Tap

TABLES = {
    "crm_activities": "activities",
    "crm_statuses": "statuses",
    "crm_addresses": "addresses",
    "crm_products_old": "products",
    "crm_product_sections_old": "product_sections",
    "workgroups": "workgroups_classic",
    "openlines_configs": "openline_configs",
    "telephony_external_lines": "telephony_lines",
    "crm_timeline_comments": "timeline_comments",
    "crm_product_rows": "product_rows",
    "crm_stage_history": "stage_history",
    "task_elapsed_items": "elapsed_items",
    "bizproc_workflow_instances": "workflow_instances",
    "deal_categories": "categories",
    "crm_categories": "categories",
}
"""Stream → the demo's table of the same rows, where it has another name."""
KEYS: dict[str, tuple[str, ...]] = {
    "crm_addresses": ("type_id", "entity_type_id", "entity_id"),
    "requisite_links": ("entity_type_id", "entity_id"),
    "crm_categories": ("entity_type_id", "id"),
    "crm_stage_history": ("entity_type_id", "id"),
    "requisite_preset_fields": ("preset_id", "id"),
}
SHOWN = {
    "workgroups": lambda row: row["CLOSED"] == "N",
    "deal_categories": lambda row: row["entityTypeId"] == 2,
    "crm_categories": lambda row: row["entityTypeId"] in (31, 156, 177),
    "crm_stage_history": lambda row: row["entityTypeId"] in (1, 2),
    "crm_product_rows": lambda row: row["ownerType"] in ("D", "L", "Q", "SI", "T9c", "Tb1"),
}
"""Rows of the table the service has."""
USER_FIELD_STREAMS = {entity.stream for entity in USER_FIELDS.values()} | {"requisite_userfields"}
READ = [entity.stream for entity in VIBECODE_ENTITIES if entity is not VIBECODE_SMART_PROCESSES]
"""All but smart processes, which other tests read."""
ODD = {("products", "can_buy_zero"), ("crm_products_old", "can_buy_zero")}
"""Y, N or D in a column the service calls a flag."""


@dataclass(frozen=True)
class Service:
    """A portal behind the service, and a run over all of its lists."""

    running: RunningPortal
    portal: Portal
    run: Run


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(scale=60, seed=1, no_limits=True, clock="now") as running:
        tap, config = Tap(tmp_path_factory.mktemp("lists")), dict(running.config("vibecode"))
        catalog = tap.discover(config)
        run = tap(config, catalog=catalog, streams=[*READ, "field_options", "child_reads"]).succeeded()
        yield Service(running, Portal(running.url), run)


def keys(rows: list[dict[str, Any]], names: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Return rows by key, whatever the case of their names."""
    plain = [{name.lower().replace("_", ""): value for name, value in row.items()} for row in rows]
    return Counter(tuple(str(row[name.replace("_", "")]) for name in names) for row in plain)


def truth(service: Service, stream: str) -> list[dict[str, Any]]:
    return list(filter(SHOWN.get(stream, bool), service.portal.truth(TABLES.get(stream, stream))))


@pytest.mark.parametrize("stream", sorted(set(READ) - USER_FIELD_STREAMS - {"currencies", "telephony_external_lines"}))
def test_every_row_arrives_once(service: Service, stream: str) -> None:
    names = KEYS.get(stream, ("id",))
    wanted = keys(truth(service, stream), names)
    assert wanted
    assert keys(service.run.records(stream), names) == wanted


@pytest.mark.parametrize("stream", ["currencies", "telephony_external_lines"])
def test_rows_with_other_ids_than_in_rest(service: Service, stream: str) -> None:
    assert len(service.run.records(stream)) == len(truth(service, stream)) > 0


@pytest.mark.parametrize("stream", sorted(USER_FIELD_STREAMS))
def test_user_fields_are_those_the_rows_have(service: Service, stream: str) -> None:
    owner = {"companies": "companies"}.get(stream, stream.removesuffix("_userfields") + "s").replace(
        "companys", "companies"
    )
    has = {column for column in service.run.schemas[owner] if column.startswith("uf_")}
    named = {row["field_name"].lower() for row in service.run.records(stream)}
    assert {name for name in named if not name.removeprefix("uf_crm_").isdecimal()} <= has
    assert len(named) == len(service.run.records(stream)) > 0


@pytest.mark.parametrize("stream", READ)
def test_no_value_is_unparsed(service: Service, stream: str) -> None:
    strange = {column for row in service.run.records(stream) for column in row[UNPARSED] or ()}
    assert {(stream, column) for column in strange} <= ODD
    doubled = {column for column in service.run.schemas[stream] if column.endswith("_2")}
    assert doubled <= {"address_2", "reg_address_2"}  # names of the portal's own


def test_children_know_their_owners(service: Service) -> None:
    rows = {row["id"]: row for row in service.run.records("crm_product_rows")}
    for expected in truth(service, "crm_product_rows"):
        row = rows[expected["id"]]
        assert (row["owner_id"], row["owner_type"], row["price"]) == (
            expected["ownerId"],
            expected["ownerType"],
            expected["price"],
        )
    comments = {row["id"]: row["task_id"] for row in service.run.records("task_comments")}
    assert comments == {int(row["ID"]): int(row["TASK_ID"]) for row in truth(service, "task_comments")}
    stages = {(row["entity_type_id"], row["id"], row["owner_id"]) for row in service.run.records("crm_stage_history")}
    told_stages = truth(service, "crm_stage_history")
    assert stages == {(row["entityTypeId"], row["ID"], row["OWNER_ID"]) for row in told_stages}


def test_codes_have_labels(service: Service) -> None:
    """Labels of stages, pipelines and values of custom lists come from the service's own lists."""
    with_labels = {(row["stream"], row["column_name"]) for row in service.run.records("field_options")}
    assert {("deals", "stage_id"), ("deals", "category_id"), ("leads", "status_id")} <= with_labels
    words = {
        (row["column_name"], row["id"]): row["label"]
        for row in service.run.records("field_options")
        if row["stream"] == "deals"
    }
    lists = [row for row in service.run.records("deal_userfields") if row["user_type_id"] == "enumeration"]
    assert lists
    for row in lists:
        for option in row["list"]:
            assert words[row["field_name"].lower(), option["ID"]] == option["VALUE"]


def test_a_second_run_reads_the_children_of_changed_owners_only(service: Service, run_tap: Tap) -> None:
    config = dict(service.running.config("vibecode"))
    catalog = run_tap.discover(config)
    streams = ["crm_product_rows", "child_reads"]
    first = run_tap(config, catalog=catalog, streams=streams).succeeded()
    service.portal.control("clock", {"advance": 600})
    service.portal.mutate(table="deals", update=3)
    service.portal.control("clock", {"advance": 5})
    before = service.portal.stats()["requests"]
    again = run_tap(config, catalog=catalog, streams=streams, state=first.state).succeeded()
    sets = {row["parent"] for row in again.records("child_reads")}
    assert len(sets) == 3
    assert {row["_bitrix24_parent"] for row in again.records("crm_product_rows")} <= sets
    assert service.portal.stats()["requests"] - before < 30, (
        "each filter is tried with a row; empty lists are asked twice"
    )


def test_an_unknown_list_is_offered(run_tap: Tap) -> None:
    """A new list of the service describes its fields itself, and is read if it is selected."""
    with serve(scale=60, seed=1, no_limits=True, clock="now", switches={"vibe_more": "on"}) as running:
        config = dict(running.config("vibecode"))
        catalog = run_tap.discover(config)
        entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == "store_documents")
        assert not [
            each for each in entry["metadata"] if each["metadata"].get("selected-by-default") and not each["breadcrumb"]
        ]
        run = run_tap(config, catalog=catalog, streams=["store_documents"]).succeeded()
        assert keys(run.records("store_documents"), ("id",)) == keys(
            Portal(running.url).truth("store_documents"), ("id",)
        )


@pytest.mark.slow
def test_they_arrive_in_duckdb(service: Service, tmp_path: Path) -> None:
    config, database = tmp_path / "config.json", tmp_path / "vibe.duckdb"
    config.write_text(json.dumps(service.running.config("vibecode")))
    chosen = ["requisites", "crm_product_rows", "crm_timeline_comments", "order_payments", "deals", "deal_categories"]
    command = [str(SCRIPTS / "bitrix24-export"), str(database), "--config", str(config), "--select", ",".join(chosen)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(database), read_only=True) as connection:
        for stream in chosen:
            (count,) = connection.table(f"bitrix24.{stream}").count("*").fetchall()[0]
            assert count == len(truth(service, stream)), stream
