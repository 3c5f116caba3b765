"""`bitrix24-export --verify`: the portal's own count, against what the tables hold."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.export.command import catalog, verify
from tap_bitrix24.export.console import Report
from tests.end_to_end.export.conftest import Export
from tests.tap.running import Portal

DOORS = ("webhook", "vibecode")
each_door = pytest.mark.parametrize("door", DOORS)
STREAMS = "deals,contacts,crm_activities,tasks,requisites"


@dataclass(frozen=True)
class Doors:
    """A portal, and the settings for each way into it."""

    portal: Portal
    configs: dict[str, dict[str, Any]]


@pytest.fixture
def doors() -> Iterator[Doors]:
    with serve(scale=200, seed=1, no_limits=True, clock="now") as running:
        yield Doors(Portal(running.url), {door: dict(running.config(door)) for door in DOORS})


@each_door
def test_whole_tables_hold_what_the_portal_counts(doors: Doors, export: Export, door: str) -> None:
    done = export("--select", STREAMS, "--verify", config=doors.configs[door])
    assert (done.code, done.stderr) == (0, "")
    assert "5 of 5 tables hold as many rows as the portal counts; 0 streams can't be counted" in done.stdout


@each_door
def test_rows_that_come_and_go_are_no_loss(doors: Doors, export: Export, door: str) -> None:
    """Added ones have ids beyond what is counted; deleted ones are told, for their table still has them."""
    assert export("--select", "deals", config=doors.configs[door]).code == 0
    doors.portal.mutate(table="deals", delete_ids=[3, 5])
    doors.portal.mutate(every_requests=1, table="deals", insert=1)
    done = export("--select", "deals", "--verify", config=doors.configs[door])
    assert done.code == 0, done.stderr
    assert "deals: 2 rows here are gone from the portal" in done.stdout


@each_door
def test_rows_that_are_missing_are_named(
    doors: Doors, export: Export, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Something has emptied a part of the table between its load and the count."""
    config = doors.configs[door]
    assert export("--select", "deals,contacts", config=config).code == 0
    with duckdb.connect(str(export.database)) as connection:
        connection.execute("DELETE FROM bitrix24.deals WHERE id IN (7, 8, 9)")
    found, _ = catalog(config, ["deals", "contacts"])
    options = argparse.Namespace(database=export.database, schema="bitrix24")
    assert verify(config, found, options, Report()) == ["deals"]
    told = capsys.readouterr().out
    assert "deals: 3 rows are missing here (200 there, 197 here)" in told
    assert "1 of 2 tables hold as many rows" in told


def test_what_has_changed_since_is_counted_alone(doors: Doors, export: Export) -> None:
    done = export("--select", "deals", "--since", "2026-03-01", "--verify", config=doors.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "1 of 1 tables hold as many rows" in done.stdout


def test_lists_that_can_not_be_counted_are_no_failure(doors: Doors, export: Export) -> None:
    done = export("--select", "crm_product_rows,fields,deals", "--verify", config=doors.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "1 of 1 tables hold as many rows as the portal counts; 3 streams can't be counted" in done.stdout
