"""The first request is as patient as any other: what passes within a minute ends no run.

See docs/decisions.md#decision-19 and docs/decisions.md#decision-23.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.running import Portal, Tap, only

Catalog = dict[str, Any]
PASSING = [
    "internal_server_error",
    "html_502",
    "html_200",
    "disconnect",
    "empty_200",
    "truncated_json",
    "gateway_timeout",
]
"""Faults of a portal, or of what stands before it, while it restarts."""
FAULTS = [pytest.param(fault, marks=[] if fault in ("html_502", "html_200") else pytest.mark.slow) for fault in PASSING]
CODES = [
    "ERROR_METHOD_NOT_FOUND",
    pytest.param("ACCESS_DENIED", marks=pytest.mark.slow),
    pytest.param("ERROR_CORE", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_portal_that_restarts_when_a_run_begins(start: Start, run_tap: Tap, catalog: Catalog, fault: str) -> None:
    portal = start(scale=60)
    portal.faults({"fault": fault, "times": 4})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_portal_that_restarts_during_discovery(start: Start, run_tap: Tap, catalog: Catalog, fault: str) -> None:
    portal = start(scale=60)
    portal.faults({"fault": fault, "after": 1, "times": 4})
    found = run_tap.discover(portal.config())
    assert [each["tap_stream_id"] for each in found["streams"]] == [
        each["tap_stream_id"] for each in catalog["streams"]
    ]


@pytest.mark.parametrize("connection", ["oauth", "vibecode", "site"])
def test_the_other_connections_wait_as_well(run_tap: Tap, tmp_path: Path, connection: str) -> None:
    with serve(scale=60, seed=1, no_limits=True) as running:
        portal, config = Portal(running.url), running.config(connection)
        if connection == "oauth":
            config = {**config, "token_file": str(tmp_path / "tokens.json")}
        portal.faults({"fault": "html_502", "times": 3})
        run_tap(config, "--discover").succeeded()


@pytest.mark.parametrize("fault", ["html_502", "disconnect"])
def test_a_token_is_renewed_after_some_tries(run_tap: Tap, tmp_path: Path, fault: str) -> None:
    with serve(scale=60, seed=1, no_limits=True) as running:
        portal = Portal(running.url)
        portal.faults({"fault": fault, "method": "oauth/token", "times": 4})
        config = {**running.config("oauth"), "token_file": str(tmp_path / "tokens.json")}
        run_tap(config, "--discover").succeeded()


def test_a_portal_that_does_not_answer_ends_with_1(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=60)
    portal.faults({"fault": "html_502"})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals"])
    assert (run.code, run.stdout) == (1, "")
    assert "Traceback" not in run.stderr
    assert portal.stats()["requests"] == 7


def test_a_field_method_that_keeps_failing_is_missing_aloud(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60)
    portal.faults({"fault": "command_error", "method": "crm.deal.fields", "param": "INTERNAL_SERVER_ERROR"})
    discovery = run_tap(portal.config(), "--discover")
    assert discovery.code == 1
    assert "deals (crm.deal.fields" in discovery.stderr.splitlines()[-1]
    assert "leads" in {each["tap_stream_id"] for each in json.loads(discovery.stdout)["streams"]}
    run = run_tap(portal.config())
    assert run.code == 1
    assert "deals: crm.deal.fields" in run.stderr.splitlines()[-1]
    assert sorted(run.ids("leads")) == sorted(portal.table("leads"))


@pytest.mark.parametrize(
    ("method", "stream"),
    [
        ("catalog.catalog.list", "product_sections"),
        ("catalog.catalog.list", "products"),
        ("lists.get", "list_fields"),
        ("crm.type.list", "crm_product_rows"),
    ],
)
@pytest.mark.parametrize("code", CODES)
def test_a_stream_whose_lists_are_unknown_fails_and_empties_nothing(
    start: Start, run_tap: Tap, catalog: Catalog, method: str, stream: str, code: str
) -> None:
    portal = start(scale=60)
    before = run_tap(portal.config(), catalog=catalog, streams=[stream, "deals"]).succeeded()
    assert before.records(stream)
    portal.faults({"fault": "command_error", "method": method, "param": code})
    run = run_tap(portal.config(), catalog=catalog, streams=[stream, "deals"], state=before.state)
    assert run.code == 1
    assert run.stderr.splitlines()[-1].startswith(f"tap-bitrix24: 1 of 2 streams failed: {stream} (")
    assert "Traceback" not in run.stderr
    assert stream not in {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    assert run.state["bookmarks"].get(stream) == before.state["bookmarks"].get(stream)
    portal.faults(clear=True)
    after = run_tap(portal.config(), catalog=catalog, streams=[stream, "deals"], state=run.state)
    after.succeeded()


@pytest.mark.parametrize("code", ["ERROR_METHOD_NOT_FOUND", "ACCESS_DENIED"])
def test_contacts_of_all_categories_come_without_the_list_of_categories(
    start: Start, run_tap: Tap, catalog: Catalog, code: str
) -> None:
    portal = start(scale=300)
    portal.faults({"fault": "command_error", "method": "crm.category.list", "param": code})
    run = run_tap(portal.config(), catalog=catalog, streams=["contacts"]).succeeded()
    assert sorted(run.ids("contacts")) == sorted(portal.table("contacts"))


def test_sip_lines_fail_by_webhook_with_the_reason(start: Start, run_tap: Tap, tmp_path: Path) -> None:
    with serve(scale=60, seed=1, no_limits=True) as running:
        config = {**running.config("oauth"), "token_file": str(tmp_path / "tokens.json")}
        of_application = only(run_tap.discover(config), "sip_lines")
    run = run_tap(start(scale=60).config(), catalog=of_application)
    assert run.code == 1
    assert "voximplant.sip.get works for applications only" in run.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_reader_is_slow_cuts_no_line(
    start: Start, tmp_path: Path, catalog: Catalog, unbuffered: str, signum: int
) -> None:
    """With PYTHONUNBUFFERED, as in containers, the pipe takes less than it is given when a signal arrives."""
    portal = start(scale=3_000)
    for name, content in (("config", portal.config()), ("catalog", only(catalog, "deals"))):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    command = [sys.executable, "-m", "tap_bitrix24.tap", "--config", "config.json", "--catalog", "catalog.json"]
    environment = {**_environment(), "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as tap:
        assert tap.stdout is not None
        first = tap.stdout.read(200_000)
        time.sleep(0.5)  # the pipe is full now, and the tap waits in the middle of a page
        tap.send_signal(signum)
        time.sleep(0.2)
        output = first + tap.stdout.read()
    assert tap.returncode == 128 + signum
    assert output.endswith(b"\n")
    ids: set[int] = set()
    for message in map(json.loads, output.splitlines()):
        if message["type"] == "RECORD":
            ids.add(message["record"]["id"])
        elif message["type"] == "STATE":
            after = message["value"].get("bookmarks", {}).get("deals", {}).get("snapshot", {}).get("after", 0)
            assert {number for number in portal.table("deals") if number <= after} <= ids, "STATE ahead of its records"
    assert ids


def _environment() -> Mapping[str, str]:
    return {**os.environ}
