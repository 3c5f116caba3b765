"""`bitrix24-export --verify`: row counts of the portal, compared with those of the tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.export.console import Report
from tap_bitrix24.export.selection import discover
from tap_bitrix24.export.verification import incomplete_tables
from tests.end_to_end.export.conftest import Export
from tests.support.running import Portal

CONNECTIONS = ("webhook", "vibecode")
each_connection = pytest.mark.parametrize("connection", CONNECTIONS)
STREAMS = "deals,contacts,crm_activities,tasks,requisites"


@dataclass(frozen=True)
class Connections:
    """A portal, and the tap's settings for each connection to it."""

    portal: Portal
    configs: dict[str, dict[str, Any]]


@pytest.fixture
def portal() -> Iterator[Connections]:
    with serve(scale=200, seed=1, no_limits=True, clock="now") as running:
        yield Connections(Portal(running.url), {name: dict(running.config(name)) for name in CONNECTIONS})


@each_connection
def test_complete_tables_have_as_many_rows_as_the_portal_counts(
    portal: Connections, export: Export, connection: str
) -> None:
    done = export("--select", STREAMS, "--verify", config=portal.configs[connection])
    assert (done.code, done.stderr) == (0, "")
    assert "5 of 5 tables have as many rows as the portal counts; 0 streams cannot be counted" in done.stdout


@each_connection
def test_rows_added_and_deleted_meanwhile_are_no_failure(portal: Connections, export: Export, connection: str) -> None:
    """New rows have ids beyond those counted; deleted ones are reported, for their table still has them."""
    assert export("--select", "deals", config=portal.configs[connection]).code == 0
    portal.portal.mutate(table="deals", delete_ids=[3, 5])
    portal.portal.mutate(every_requests=1, table="deals", insert=1)
    done = export("--select", "deals", "--verify", config=portal.configs[connection])
    assert done.code == 0, done.stderr
    assert "deals: 2 rows no longer on the portal (" in done.stdout


@each_connection
def test_rows_that_are_missing_are_named(
    portal: Connections, export: Export, connection: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows were deleted from the table between its load and the count."""
    config = portal.configs[connection]
    assert export("--select", "deals,contacts", config=config).code == 0
    with duckdb.connect(str(export.database)) as database:
        database.execute("DELETE FROM bitrix24.deals WHERE id IN (7, 8, 9)")
    catalog, _ = discover(config, ["deals", "contacts"])
    report = Report()
    assert incomplete_tables(config, catalog, export.database, schema="bitrix24", report=report) == ["deals"]
    printed = capsys.readouterr().out
    assert "deals: 3 rows missing (200 on the portal, 197 in the table)" in printed
    assert "1 of 2 tables have as many rows" in printed


def test_only_rows_modified_since_are_counted(portal: Connections, export: Export) -> None:
    done = export("--select", "deals", "--since", "2026-03-01", "--verify", config=portal.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "1 of 1 tables have as many rows" in done.stdout


def test_streams_that_cannot_be_counted_are_no_failure(portal: Connections, export: Export) -> None:
    done = export("--select", "crm_product_rows,fields,deals", "--verify", config=portal.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "1 of 1 tables have as many rows as the portal counts; 3 streams cannot be counted" in done.stdout
