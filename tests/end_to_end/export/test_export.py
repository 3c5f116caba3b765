"""What the export writes to the file and to the terminal, and how it fails."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server import running
from tap_bitrix24.export.demo_portal import CONNECTIONS
from tap_bitrix24.export.examples import EXAMPLES
from tests.end_to_end.export.conftest import COMMAND, Done, Export
from tests.support.running import Portal


def test_a_portal_becomes_a_file(export: Export, own: Portal) -> None:
    done = export(config=own.config(plan="enterprise"))
    assert (done.code, done.stderr) == (0, "")
    loaded, there = export.counts(), own.counts()
    same = loaded.keys() & there.keys()
    assert {"deals", "contacts", "tasks", "users", "orders"} <= same
    assert {name: loaded[name] for name in same - {"products"}} == {name: there[name] for name in same - {"products"}}
    assert sum(loaded[name] for name in ("products", "product_offers", "product_skus", "product_services")) > 0
    shown = {stream: int(rows.replace(",", "")) for stream, (rows, _, _) in done.figures.items() if rows != "rows"}
    assert shown == {**loaded, "total": sum(loaded.values())}


def requests(done: Done, stream: str) -> int:
    return int(done.figures[stream][2])


def test_the_closing_table_counts_every_request(export: Export, own: Portal) -> None:
    done = export(config=own.config(plan="enterprise"))
    assert requests(done, "total") == own.stats()["requests"]
    assert requests(done, "deals") in (0, 1), "its first page travels with those of the others"


def test_only_the_selected_streams(export: Export, portal: Portal) -> None:
    done = export("--select", "deals, contacts", config=portal.config())
    assert done.code == 0, done.stderr
    assert export.counts().keys() == {"contacts", "deals"}
    assert done.figures.keys() == {"stream", "contacts", "deals", "total"}


def test_since_leaves_older_rows_out(export: Export, portal: Portal) -> None:
    since = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    newer = [int(row["ID"]) for row in portal.truth("deals") if datetime.fromisoformat(row["DATE_MODIFY"]) >= since]
    assert 0 < len(newer) < 300
    done = export("--select", "deals", "--since", "2026-03-01", config=portal.config())
    assert done.code == 0, done.stderr
    assert export.query("SELECT id FROM deals ORDER BY id") == [(number,) for number in newer]


def test_a_second_run_updates_the_same_file(export: Export, own: Portal) -> None:
    assert export("--select", "deals,users", "--schema", "bitrix24", config=own.config()).code == 0
    ((newest,),) = export.query("SELECT max(id) FROM deals")
    own.mutate(table="deals", set={"id": newest, "fields": {"TITLE": "Renamed"}})
    assert export("--select", "deals,users", config=own.config()).code == 0
    assert export.query("SELECT count(*), count(*) FILTER (title = 'Renamed') FROM deals") == [(60, 1)]


@pytest.mark.slow
def test_the_demo_prints_example_queries_with_their_answers(export: Export) -> None:
    done = export("--demo", "--scale", "200")
    assert done.code == 0, done.stderr
    assert done.figures["deals"][0] == "200"
    for example in EXAMPLES:
        _, found, after = done.stdout.partition(f"-- {example.title}\n{example.sql.strip()};\n")
        assert found, f"{example.title} is not shown"
        answer = [line.split() for line in after.partition("-- ")[0].splitlines() if line.strip()][2:]
        rows = export.query(example.sql)
        assert rows
        assert [line[0] for line in answer] == [str(row[0]).split()[0] for row in rows]


def test_the_export_offers_the_connections_of_the_demo() -> None:
    assert CONNECTIONS == running.CONNECTIONS


def test_output_into_a_pipe_is_plain(export: Export, portal: Portal) -> None:
    done = export("--select", "deals", config=portal.config())
    assert "\x1b" not in done.stdout + done.stderr
    assert "extracting" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--select", "deals,dealz"], "--select: Unknown stream 'dealz'. Did you mean 'deals'?"),
        (["--select", "nowhere"], "--select: Unknown stream 'nowhere'. Available: ai_engines, "),
        (["--since", "yesterday"], "start_date 'yesterday' is not a date: write it like 2025-01-31"),
    ],
)
def test_a_wrong_option_ends_with_one_line_and_code_2(
    export: Export, portal: Portal, arguments: list[str], text: str
) -> None:
    done = export(*arguments, config=portal.config())
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"bitrix24-export: {text}")
    assert done.stderr.count("\n") == 1
    assert not export.database.exists()


def test_a_wrong_secret_ends_with_one_line_that_does_not_show_it(export: Export, portal: Portal) -> None:
    wrong = portal.url.rstrip("/") + "0/"
    done = export(config={"webhook_url": wrong})
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert wrong.split("/")[-2] not in done.stderr
    assert not export.database.exists()


@pytest.mark.parametrize(("content", "text"), [(None, "No such file"), ("{", "Expecting"), ("[]", "a JSON object")])
def test_an_unreadable_config(export: Export, content: str | None, text: str) -> None:
    path = export.folder / "broken.json"
    if content is not None:
        path.write_text(content)
    done = export("--config", str(path))
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert text in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--demo", "--config", "x.json"], ["--demo", "--sel", "deals"]])
def test_an_invalid_command_line(export: Export, arguments: list[str]) -> None:
    done = export(*arguments)
    assert done.code == 2
    assert done.stderr.startswith("usage: bitrix24-export")


def test_a_file_that_cannot_be_written(export: Export, portal: Portal) -> None:
    export.database.mkdir()
    done = export(config=portal.config())
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(export.database) in done.stderr


def test_a_failing_stream_is_named_and_the_others_are_there(export: Export, own: Portal) -> None:
    own.faults({"fault": "command_error", "method": "crm.lead.list", "param": "ACCESS_DENIED"})
    done = export("--select", "leads,deals", config=own.config())
    assert done.code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("tap-bitrix24: 1 of 2 streams failed: leads")
    assert export.query("SELECT count(*) FROM deals") == [(60,)]
    assert "SELECT" not in done.stdout


def test_a_stream_without_scope_is_left_out_with_a_warning(export: Export) -> None:
    with serve(port=0, scale=60, seed=1, no_limits=True, scopes=["crm"]) as running:
        done = export(config={"webhook_url": running.url, "plan": "enterprise"})
    assert done.code == 0
    warning = next(line for line in done.stderr.splitlines() if "tasks" in line)
    assert warning.startswith("warning: streams skipped, because the credentials lack their scope: ")
    assert "task or tasks (tasks)" in warning
    assert "tasks" not in done.figures


def test_it_is_a_module_too() -> None:
    command = [sys.executable, "-m", "tap_bitrix24.export", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.startswith("usage: bitrix24-export")


def test_the_command_is_installed() -> None:
    assert os.access(COMMAND, os.X_OK), Path(COMMAND)


def test_a_file_of_another_portal_is_refused_and_stays_as_it_is(export: Export, portal: Portal, own: Portal) -> None:
    assert export("--select", "deals", config=portal.config()).code == 0
    before = export.query("FROM deals ORDER BY id")
    done = export("--select", "deals,contacts", config=own.config())
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert "another portal" in done.stderr
    assert "renamed_from" in done.stderr
    assert export.query("FROM deals ORDER BY id") == before
    assert export.counts().keys() == {"deals"}
    assert export("--select", "deals", "--schema", "own", config=own.config()).code == 0


def test_the_demo_portal_is_the_same_at_any_port_and_no_real_one(export: Export, portal: Portal) -> None:
    for _ in range(2):
        assert export("--demo", "--scale", "60", "--select", "deals").code == 0
    assert export("--select", "deals", config=portal.config()).code == 2
