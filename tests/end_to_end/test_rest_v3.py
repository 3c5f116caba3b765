"""REST 3.0, end to end: its streams are read completely, and agree with classic REST where both have a list."""

import json
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.rest_v3.rows import documented
from tap_bitrix24.schema.naming import column_name
from tests.support.fixtures import Start
from tests.support.running import SCRIPTS, Portal, Tap

TABLES = {
    "event_log": "events",
    "hr_structure_nodes": "nodes",
    "timeman_records": "records",
    "call_followups": "followups",
    "mailboxes": "mailboxes",
    "mail_messages": "letters",
    "note_collections": "collections",
    "note_documents": "documents",
    "note_document_contents": "documents",
    "task_results": "results",
}
"""Stream → the demo portal's table of the same rows, which have one id each."""
KEYS = {"call_followups": ("call_id", "callId")}


def truth(portal: Portal, table: str) -> list[dict[str, Any]]:
    """Return the portal's rows."""
    return portal.truth(f"v3:{table}")


def ids_of(rows: list[dict[str, Any]], key: str) -> Counter[int]:
    return Counter(int(row[key]) for row in rows)


@pytest.fixture(scope="module")
def discovered(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return Tap(tmp_path_factory.mktemp("rest3")).discover(portal.config())


@pytest.fixture(scope="module")
def run(portal: Portal, discovered: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run over all streams of REST 3.0."""
    tap = Tap(tmp_path_factory.mktemp("read"))
    streams = [*TABLES, "hr_node_members", "hr_node_communications", "task_gantt_links"]
    return tap(portal.config(), catalog=discovered, streams=streams).succeeded()


@pytest.mark.parametrize("stream", TABLES)
def test_every_row_arrives_once(portal: Portal, run: Any, stream: str) -> None:
    ours, theirs = KEYS.get(stream, ("id", "id"))
    assert ids_of(run.records(stream), ours) == ids_of(truth(portal, TABLES[stream]), theirs)


def test_children_know_their_parents(portal: Portal, run: Any) -> None:
    nodes = truth(portal, "nodes")
    members = {(node["id"], each["userId"]) for node in nodes for each in node["members"]}
    assert {(row["node_id"], row["user_id"]) for row in run.records("hr_node_members")} == members
    links = {(row["taskId"], row["dependentId"]) for row in truth(portal, "links")}
    assert {(row["task_id"], row["dependent_id"]) for row in run.records("task_gantt_links")} == links
    talks = Counter(row["node_id"] for row in run.records("hr_node_communications"))
    assert talks == {node["id"]: node["id"] % 3 + 1 for node in nodes}


def test_nothing_is_unparsed_and_dates_are_dates(run: Any) -> None:
    for stream in [*TABLES, "hr_node_members", "task_gantt_links"]:
        assert not [row for row in run.records(stream) if row["_bitrix24_unparsed"]], stream
    assert run.schemas["event_log"]["timestamp_x"]["format"] == "date-time"
    assert run.schemas["event_log"]["id"]["type"] == ["integer", "null"]
    assert all(row["timestamp_x"].endswith("Z") for row in run.records("event_log"))
    assert any('"кавычки" и 😀' in row["markdown"] for row in run.records("note_document_contents"))


def test_classic_rest_has_the_same_results(start: Start, run: Any, tmp_path: Path) -> None:
    """The ids are equal, and so are the columns that both describe."""
    named = ["task_id", "text", "created_by", "created_at", "updated_at", "status", "comment_id", "files"]
    old = start(switches={"v3": "off"})
    classic = Tap(tmp_path)(old.config(), streams=["task_results"]).succeeded()
    assert old.stats()["commands"]["tasks.task.result.list"] > 0

    def values(rows: list[dict[str, Any]]) -> dict[int, list[Any]]:
        return {row["id"]: [row[name] for name in named] for row in rows}

    assert values(run.records("task_results")) == values(classic.records("task_results"))


def test_classic_rest_has_the_same_departments(portal: Portal, run: Any, tmp_path: Path) -> None:
    """Ids differ, but a node's access code has the department's; teams are only in REST 3.0."""
    classic = {row["id"]: row for row in Tap(tmp_path)(portal.config(), streams=["departments"]).records("departments")}
    nodes = {row["id"]: row for row in run.records("hr_structure_nodes") if row["type"] == "DEPARTMENT"}
    code = {number: int(row["access_code"].removeprefix("DR")) for number, row in nodes.items()}
    assert Counter(code.values()) == Counter(classic.keys())
    for number, row in nodes.items():
        department = classic[code[number]]
        assert (row["name"], code.get(row["parent_id"])) == (department["name"], department["parent"])


def test_members_are_users_of_classic_rest(portal: Portal, run: Any, tmp_path: Path) -> None:
    users = {row["id"] for row in Tap(tmp_path)(portal.config(), streams=["users"]).records("users")}
    members = {row["user_id"] for row in run.records("hr_node_members")}
    assert members
    assert members <= users


def test_a_portal_without_rest_3_has_the_other_streams(start: Start, run_tap: Tap) -> None:
    portal = start(switches={"v3": "off"})
    names = {entry["tap_stream_id"] for entry in run_tap.discover(portal.config())["streams"]}
    assert "task_results" in names
    assert not names & (TABLES.keys() - {"task_results"})


def test_a_portal_with_a_part_of_rest_3_has_that_part(start: Start, run_tap: Tap) -> None:
    portal = start(switches={"v3": "partial"})
    names = {entry["tap_stream_id"] for entry in run_tap.discover(portal.config())["streams"]}
    assert {"event_log", "timeman_records"} <= names
    assert not names & {"mailboxes", "note_collections", "call_followups"}


@pytest.mark.parametrize("method", ["rest/api/*", "rest/api/*/documentation", "rest/api/*/batch"])
def test_a_portal_where_rest_3_fails_has_the_other_streams(start: Start, run_tap: Tap, method: str) -> None:
    portal = start()
    portal.faults({"fault": "internal_server_error", "method": method})
    run = run_tap(portal.config(), "--discover")
    names = {entry["tap_stream_id"] for entry in json.loads(run.stdout)["streams"]}
    assert "deals" in names
    assert not names & (TABLES.keys() - {"task_results"})
    assert run.code == 1, "whether the portal has REST 3.0 is not known"
    assert "REST 3.0" in run.stderr.splitlines()[-1]


def test_without_scopes_of_rest_3_no_request_is_sent(start: Start, run_tap: Tap) -> None:
    portal = start(scopes="crm,user")
    run_tap.discover(portal.config())
    assert "rest.scope.list" not in portal.stats()["commands"]


def test_a_second_run_reads_what_is_new(portal: Portal, discovered: dict[str, Any], run_tap: Tap) -> None:
    first = run_tap(portal.config(), catalog=discovered, streams=["event_log", "call_followups"]).succeeded()
    again = run_tap(
        portal.config(), catalog=discovered, streams=["event_log", "call_followups"], state=first.state
    ).succeeded()
    assert len(again.records("event_log")) < 10
    late = [row for row in first.records("call_followups") if row["start_date"] > "2026-10-26T09"]
    assert 0 < len(again.records("call_followups")) <= len(late) + 3


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "query_limit", "method": "rest/api/*", "times": 2},
        {"fault": "html_502", "method": "rest/api/*", "every": 5},
        {"fault": "truncated_json", "method": "rest/api/*", "every": 4, "times": 3},
        {"fault": "disconnect", "method": "rest/api/*", "every": 6, "times": 2},
        {"fault": "short_page", "method": "main.eventlog.tail", "param": 7, "times": 1},
        {"fault": "short_page", "method": "mail.message.list", "param": 3, "times": 2},
        {"fault": "short_page", "method": "timeman.record.list", "param": 1, "times": 3},
    ],
    ids=lambda fault: f"{fault['fault']}-{fault['method']}",
)
def test_temporary_faults_lose_no_row(
    start: Start, discovered: dict[str, Any], run_tap: Tap, fault: dict[str, Any]
) -> None:
    portal = start()
    portal.faults(fault)
    streams = ["event_log", "mail_messages", "timeman_records", "hr_structure_nodes"]
    run = run_tap(portal.config(plan="enterprise"), catalog=discovered, streams=streams).succeeded()
    for stream in streams:
        assert ids_of(run.records(stream), "id") == ids_of(truth(portal, TABLES[stream]), "id"), stream


@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        ({"fault": "drop_order", "method": "main.eventlog.tail"}, "event_log"),
        ({"fault": "repeat_page", "method": "main.eventlog.tail"}, "event_log"),
        ({"fault": "missing_id", "method": "main.eventlog.tail"}, "event_log"),
        ({"fault": "repeat_page", "method": "note.collection.list"}, "note_collections"),
    ],
    ids=lambda part: part["fault"] if isinstance(part, dict) else part,
)
def test_a_list_that_cannot_be_trusted_fails_alone(
    start: Start, discovered: dict[str, Any], run_tap: Tap, fault: dict[str, Any], stream: str
) -> None:
    portal = start()
    portal.faults(fault)
    run = run_tap(portal.config(), catalog=discovered, streams=[stream, "hr_structure_nodes"])
    assert run.code == 1
    assert "Traceback" not in run.stderr
    assert stream in run.stderr.splitlines()[-1]
    assert len(run.records("hr_structure_nodes")) == len(truth(portal, "nodes"))


def test_a_refused_command_loses_no_other_rows_of_its_batch(
    start: Start, discovered: dict[str, Any], run_tap: Tap
) -> None:
    """One task is refused: the batch fails as a whole, its commands are sent one by one, all other rows are read."""
    portal = start()
    refused = {"fault": "command_error", "method": "tasks.task.gantt.link.list", "param": "ACCESSDENIEDEXCEPTION"}
    portal.faults({**refused, "after": 10, "times": 2})  # in the batch, and the first that is asked again
    run = run_tap(portal.config(), catalog=discovered, streams=["task_gantt_links", "event_log"])
    assert run.code == 1
    assert "the children of 1 of" in run.stderr.splitlines()[-1]
    assert len(run.records("event_log")) == len(truth(portal, "events"))
    found = Counter((row["task_id"], row["dependent_id"]) for row in run.records("task_gantt_links"))
    links = {(row["taskId"], row["dependentId"]) for row in truth(portal, "links")}
    assert set(found.values()) == {1}
    assert found.keys() <= links
    assert len({task for task, _ in links - found.keys()}) <= 1


def test_the_secret_of_a_webhook_is_printed_nowhere(portal: Portal, run: Any) -> None:
    secret = portal.url.rstrip("/").rpartition("/")[2]
    assert secret not in run.stdout + run.stderr


SAMPLES = Path(__file__).parent.parent / "samples"
DOCUMENTED = {stream: table for stream, table in TABLES.items() if stream not in ("timeman_records", "task_results")}
"""Streams whose documented rows belong to no row of classic REST."""


def test_documented_answers_are_complete_in_duckdb(tmp_path: Path) -> None:
    """Every value of the vendor's examples is in DuckDB, for each list whose page shows rows."""
    with serve(scale=60, no_limits=True, samples=SAMPLES) as running:
        portal = Portal(running.url)
        shown = {stream: documented(running.portal, table) for stream, table in DOCUMENTED.items()}
        shown = {stream: rows for stream, rows in shown.items() if rows and stream != "note_document_contents"}
        assert {"hr_structure_nodes", "mailboxes", "note_documents"} <= shown.keys()
        config, database = tmp_path / "config.json", tmp_path / "x.duckdb"
        config.write_text(json.dumps(portal.config()))
        command = [str(SCRIPTS / "bitrix24-export"), str(database), "--config", str(config)]
        done = subprocess.run([*command, "--select", ",".join(shown)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for stream, rows in shown.items():
            assert_complete(connection, stream, rows)


def assert_complete(connection: duckdb.DuckDBPyConnection, stream: str, documented_rows: list[dict[str, Any]]) -> None:
    """Assert that a table has each documented row with all of its values, none of them unparsed."""
    ours, theirs = KEYS.get(stream, ("id", "id"))
    found = connection.table(f"bitrix24.{stream}")
    rows = {row[ours]: row for each in found.fetchall() if (row := dict(zip(found.columns, each, strict=True)))}
    for row in documented_rows:
        have = rows[row[theirs]]
        assert have["_bitrix24_unparsed"] is None
        for name, value in row.items():
            if name == "members":  # of the single node
                continue
            column = have[column_name(name)]
            wanted = datetime.fromisoformat(value) if isinstance(column, datetime) else value
            loaded = json.loads(column) if isinstance(value, (list, dict)) and isinstance(column, str) else column
            assert loaded == wanted, (stream, name)
