"""`bitrix24-export --verify`: counts and sample rows of the portal, compared with the tables."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.export import pipeline
from tap_bitrix24.export.command import run
from tap_bitrix24.export.selection import discover
from tap_bitrix24.export.verification import StreamResult, newest_before_run, verify
from tests.end_to_end.export.conftest import Export
from tests.support.running import Portal

CONNECTIONS = ("webhook", "vibecode")
each_connection = pytest.mark.parametrize(
    "connection",
    ["webhook", *(pytest.param(each, marks=pytest.mark.slow) for each in CONNECTIONS if each != "webhook")],
)
STREAMS = "deals,contacts,crm_activities,tasks,requisites"


@dataclass(frozen=True)
class Connections:
    """A portal, and the tap's settings for each connection to it."""

    portal: Portal
    configs: dict[str, dict[str, Any]]


@pytest.fixture
def portal() -> Iterator[Connections]:
    with serve(scale=200, seed=1, no_limits=True, clock="now") as running:
        yield Connections(Portal(running.url), {name: dict(running.config(name)) for name in (*CONNECTIONS, "site")})


@dataclass
class Loaded:
    """A loaded file that a test may damage before it is verified."""

    export: Export
    config: dict[str, Any]
    catalog: dict[str, Any]
    results: dict[str, StreamResult]

    def sql(self, *statements: str) -> None:
        with duckdb.connect(str(self.export.database)) as database:
            database.execute("USE bitrix24")
            for statement in statements:
                database.execute(statement)


@contextmanager
def loaded(export: Export, config: dict[str, Any], *streams: str, complete: Sequence[str] = ()) -> Iterator[Loaded]:
    """Load streams, let the block damage the tables, verify them."""
    catalog, _ = discover(config, streams)
    newest = newest_before_run(config, catalog)
    done = export("--select", ",".join(streams), config=config)
    assert done.code == 0, done.stderr
    damaged = Loaded(export, config, catalog, {})
    yield damaged
    options = argparse.Namespace(database=export.database, schema="bitrix24")
    results = verify(config, catalog, newest, complete or streams, options)
    damaged.results.update({each.stream: each for each in results})


def failed(results: dict[str, StreamResult]) -> set[str]:
    return {name for name, each in results.items() if each.failed}


@each_connection
def test_complete_tables_are_verified(portal: Connections, export: Export, connection: str) -> None:
    done = export("--select", STREAMS, "--verify", config=portal.configs[connection])
    assert (done.code, done.stderr) == (0, "")
    assert (
        "because the portal cannot count them: none\nverified: 5 streams, 0 with missing or wrong rows" in done.stdout
    )


@each_connection
def test_rows_added_and_deleted_meanwhile_are_no_failure(portal: Connections, export: Export, connection: str) -> None:
    """New rows have ids beyond those counted; deleted ones are reported, for their table still has them."""
    assert export("--select", "deals", config=portal.configs[connection]).code == 0
    portal.portal.mutate(table="deals", delete_ids=[3, 5])
    portal.portal.mutate(every_requests=1, table="deals", insert=1)
    done = export("--select", "deals", "--verify", config=portal.configs[connection])
    assert done.code == 0, done.stderr
    assert "2 rows no longer on the portal" in done.stdout


@each_connection
@pytest.mark.parametrize(
    "loss",
    ["DELETE FROM deals WHERE id IN (7, 8, 9)", "DELETE FROM deals WHERE id > 70", "DELETE FROM deals"],
    ids=["in the middle", "at the end", "all of them"],
)
def test_missing_rows_are_counted(portal: Connections, export: Export, connection: str, loss: str) -> None:
    """Rows at the end are beyond the last id the table holds: only the portal's newest id shows them."""
    with loaded(export, portal.configs[connection], "deals", "contacts") as table:
        table.sql(loss)
        rows = len(export.query("FROM deals"))
    assert failed(table.results) == {"deals"}
    assert table.results["deals"].rows_missing == 200 - rows
    assert f"{200 - rows} rows missing" in table.results["deals"].findings


def test_an_emptied_list_without_filter_by_id_is_counted(portal: Connections, export: Export) -> None:
    with loaded(export, portal.configs["webhook"], "crm_statuses") as table:
        rows = len(export.query("FROM crm_statuses"))
        table.sql("DELETE FROM crm_statuses")
    assert table.results["crm_statuses"].rows_missing == rows > 0


@each_connection
def test_wrong_values_are_found_by_reading_rows_again(portal: Connections, export: Export, connection: str) -> None:
    with loaded(export, portal.configs[connection], "deals", "contacts") as table:
        table.sql("UPDATE deals SET title = 'wrong'")
    assert failed(table.results) == {"deals"}
    assert len(table.results["deals"].wrong) == table.results["deals"].compared == 50
    assert table.results["deals"].wrong[0].endswith("(title)")
    assert not table.results["contacts"].undated


def test_rows_modified_since_the_run_may_differ(portal: Connections, export: Export) -> None:
    with loaded(export, portal.configs["webhook"], "deals") as table:
        portal.portal.mutate(table="deals", update=200)
    assert failed(table.results) == set()
    assert table.results["deals"].compared == 50


def test_rows_that_do_not_say_when_they_were_modified_are_reported(portal: Connections, export: Export) -> None:
    with loaded(export, portal.configs["webhook"], "crm_statuses") as table:
        table.sql("UPDATE crm_statuses SET name = 'renamed' WHERE id = (SELECT min(id) FROM crm_statuses)")
    assert failed(table.results) == set()
    (text,) = table.results["crm_statuses"].findings
    assert text.startswith("1 rows differ, perhaps modified since: ")
    assert text.endswith("(name)")


@pytest.mark.parametrize(
    ("lost", "finding"),
    [
        ("DELETE FROM crm_product_rows", "parents lack children: "),
        (
            "DELETE FROM child_reads WHERE parent LIKE 'deal:%' AND substr(parent, 6)::INT > 150",
            "of 200 (deal) were not read",
        ),
    ],
    ids=["children", "parents whose children were never read"],
)
def test_missing_children_are_found_by_their_parents(
    portal: Connections, export: Export, lost: str, finding: str
) -> None:
    with loaded(export, portal.configs["webhook"], "deals", "crm_product_rows") as table:
        table.sql(lost)
    assert failed(table.results) == {"crm_product_rows"}
    assert finding in " ".join(table.results["crm_product_rows"].findings)


def test_streams_that_did_not_fail_are_verified_when_others_did(portal: Connections, export: Export) -> None:
    """The command fails anyway; it says which tables can be relied on."""
    portal.portal.faults({"fault": "command_error", "method": "crm.contact.list", "param": "WRONG_ENCODING"})
    done = export("--select", "deals,contacts", "--verify", config=portal.configs["webhook"], timeout=120)
    assert done.code == 1
    assert "verified: 1 streams, 0 with missing or wrong rows" in done.stdout
    assert "not verified, because the run did not complete it: contacts" in done.stdout
    assert "1 of 2 streams failed: contacts" in done.stderr


def test_a_run_whose_table_lacks_rows_fails_and_names_the_table(
    portal: Connections, export: Export, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table loses its last rows between its load and the verification of the same command."""

    def damage_and_verify(*arguments: Any) -> list[StreamResult]:
        with duckdb.connect(str(export.database)) as database:
            database.execute("DELETE FROM bitrix24.deals WHERE id > 50")
        return verify(*arguments)

    monkeypatch.setattr(pipeline, "verify", damage_and_verify)
    arguments = [str(export.database), "--config", export.config_file(portal.configs["webhook"])]
    assert run([*arguments, "--select", "deals,contacts", "--verify"]) == 1
    printed = capsys.readouterr()
    assert re.search(r"^deals: \d+ rows missing", printed.out, re.MULTILINE)
    assert printed.err.startswith("bitrix24-export: --verify: rows are missing or wrong in deals; ")


def test_only_rows_modified_since_are_counted(portal: Connections, export: Export) -> None:
    done = export("--select", "deals", "--since", "2026-03-01", "--verify", config=portal.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "because the portal cannot count them: none\nverified: 1 streams" in done.stdout


def test_streams_that_cannot_be_counted_are_named(portal: Connections, export: Export) -> None:
    done = export("--select", "crm_addresses,fields,deals", "--verify", config=portal.configs["webhook"])
    assert done.code == 0, done.stderr
    assert "compared by some rows only, because the portal cannot count them: crm_addresses\n" in done.stdout
    assert "not verified, because the tap makes it of other streams: fields\n" in done.stdout


def test_a_site_counts_its_lists(portal: Connections, export: Export) -> None:
    with loaded(export, portal.configs["site"], "orders", "products") as table:
        table.sql("DELETE FROM orders WHERE id % 2 = 0", "UPDATE products SET name = 'wrong'")
    assert table.results["orders"].failed
    assert table.results["products"].on_portal == table.results["products"].in_table


@each_connection
def test_verification_takes_less_than_two_requests_a_stream(
    portal: Connections, export: Export, connection: str
) -> None:
    with loaded(export, portal.configs[connection], *STREAMS.split(",")):
        portal.portal.control("stats", {"reset": True})
    before_run, streams = 1, STREAMS.count(",") + 1
    assert portal.portal.stats()["requests"] + before_run <= 2 * streams
