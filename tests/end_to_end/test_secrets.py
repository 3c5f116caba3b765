"""The webhook's secret appears nowhere: neither in any output, nor in arguments of a process, nor in a file."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.fixtures import Start
from tests.support.loading import load
from tests.support.running import SCRIPTS, Portal, Run, Tap

Catalog = dict[str, Any]
AWKWARD = "pa~ss+w0rd(é)"
"""A secret that looks different when percent-encoded."""


def secret_of(portal: Portal) -> str:
    """Return the secret in a webhook's URL."""
    return portal.url.rstrip("/").rpartition("/")[2]


def unseen(secret: str, *texts: str | bytes) -> None:
    """Assert that no text contains the secret in any form."""
    forms = {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        for form in forms:
            place = data.find(form.encode())
            assert place < 0, data[max(0, place - 200) : place + 200]


@pytest.fixture
def loud(tmp_path: Path) -> Tap:
    """A tap with the log level DEBUG, also for urllib3."""
    logging = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"all": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
        "root": {"level": "DEBUG", "handlers": ["all"]},
    }
    path = tmp_path / "logging.json"
    path.write_text(json.dumps(logging))
    return Tap(tmp_path, {"TAP_BITRIX24_LOGLEVEL": "DEBUG", "SINGER_SDK_LOG_CONFIG": str(path)})


def test_a_good_run_with_every_log_line_there_is(start: Start, loud: Tap, catalog: Catalog) -> None:
    portal = start()
    run = loud(portal.config(), catalog=catalog, streams=["deals", "users"]).succeeded()
    assert "urllib3" in run.stderr or "POST /rest/" in run.stderr, "no debug lines of urllib3: nothing was tested"
    assert "/rest/1/[hidden]/batch" in run.stderr
    unseen(secret_of(portal), run.stdout, run.stderr, json.dumps(run.state))


def test_discovery(start: Start, loud: Tap) -> None:
    portal = start()
    run = loud(portal.config(), "--discover").succeeded()
    unseen(secret_of(portal), run.stdout, run.stderr)


@pytest.mark.parametrize("format_", ["json", "markdown"])
def test_about(portal: Portal, loud: Tap, format_: str) -> None:
    run = loud(portal.config(), "--about", "--format", format_).succeeded()
    unseen(secret_of(portal), run.stdout, run.stderr)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "command_error", "method": "crm.deal.list", "param": "ERROR_CORE"},
        {"fault": "truncated_json", "times": 1},
        {"fault": "disconnect", "times": 1},
        {"fault": "auth", "param": "INVALID_CREDENTIALS"},
        {"fault": "redirect", "param": "https://login.example/?backurl=x"},
    ],
    ids=lambda fault: fault["fault"],
)
def test_failing_runs(start: Start, loud: Tap, catalog: Catalog, fault: Mapping[str, Any]) -> None:
    portal = start()
    portal.faults(fault)
    run = loud(portal.config(), catalog=catalog, streams=["deals"])
    unseen(secret_of(portal), run.stdout, run.stderr)
    assert len(run.stderr.splitlines()) > 5


def test_an_unreachable_host(loud: Tap) -> None:
    url = f"http://127.0.0.1:9/rest/1/{quote(AWKWARD, safe='')}/"
    for given in (url, f"http://127.0.0.1:9/rest/1/{AWKWARD}/"):
        run = loud({"webhook_url": given})
        assert run.code == 1
        unseen(AWKWARD, run.stdout, run.stderr)


@pytest.mark.parametrize(
    "config",
    [
        {"webhook_url": f"https://example.bitrix24.com/rest/{AWKWARD}/"},
        {"webhook_url": f"https://example.bitrix24.com/rest/1/{AWKWARD}/?x=1"},
        {"webhook_url": f"ftp://example.bitrix24.com/rest/1/{AWKWARD}/"},
        {"webhook_url": [f"https://example.bitrix24.com/rest/1/{AWKWARD}/"]},
        {"webhok_url": f"https://example.bitrix24.com/rest/1/{AWKWARD}/"},
        {"webhook_url": f"https://example.bitrix24.com/rest/1/{AWKWARD}/", "start_date": 5},
    ],
)
def test_settings_that_are_refused(loud: Tap, config: Mapping[str, Any]) -> None:
    run = loud(config)
    assert run.code == 2
    unseen(AWKWARD, run.stdout, run.stderr)


def test_a_settings_file_that_is_no_json(loud: Tap, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(f'{{"webhook_url": "https://example.bitrix24.com/rest/1/{AWKWARD}/", ')
    run = loud({}, "--config", str(path))
    assert run.code == 2
    unseen(AWKWARD, run.stdout, run.stderr)


def test_a_crash_shows_a_traceback_without_it(portal: Portal, tmp_path: Path) -> None:
    """A bug in the middle of a run: secrets are removed from the message of its exception."""
    program = (
        "import sys, tap_bitrix24.tap as tap\n"
        "class Broken(tap.TapBitrix24):\n"
        "    def sync_all(self):\n"
        "        raise RuntimeError(self.config['webhook_url'])\n"
        "tap.TapBitrix24 = Broken\n"
        "sys.exit(tap.run())\n"
    )
    (tmp_path / "config.json").write_text(json.dumps(portal.config()))
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", "config.json"],
        check=False,
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    unseen(secret_of(portal), done.stdout, done.stderr)


def test_the_loaded_file(portal: Portal, run_tap: Tap, catalog: Catalog, tmp_path: Path) -> None:
    run: Run = run_tap(portal.config(), catalog=catalog, streams=["deals", "users"]).succeeded()
    unseen(secret_of(portal), load(run.stdout, tmp_path).read_bytes())


SECRETIVE = re.compile(
    r"(?:auth|token|sign|signature|sessid|access_token|aplogin|ap)(?:\[[^]]*\]|%5B[^=&]*%5D)?=([^&#\s\"'<>\[\]\\]*)",
    re.IGNORECASE,
)
"""A secret parameter of a link, and its value."""
PASSWORDS = [
    ("sip_lines", "PASSWORD"),
    ("sip_lines", "INCOMING_PASSWORD"),
    ("telephony_users", "SIP_PASSWORD"),
]


@pytest.mark.slow
def test_all_streams_with_every_log_line_there_is(start: Start, loud: Tap) -> None:
    """Secrets of links and passwords appear neither in messages, STATE and log, nor in the loaded file."""
    portal = start(scale=60)
    config = portal.config(plan="enterprise")
    catalog = loud.discover(config)
    streams = [entry["tap_stream_id"] for entry in catalog["streams"]]
    run = loud(config, catalog=catalog, streams=streams, timeout=200).succeeded()
    assert len({message["stream"] for message in run.of_type("RECORD")}) > 150
    wire = "\n".join(json.dumps(portal.truth(table)) for table in portal.counts())
    links = {match[1] for match in SECRETIVE.finditer(wire) if len(match[1]) > 3}
    assert len(links) > 50, "the portal has no secrets to keep"
    passwords = {row[column] for table, column in PASSWORDS for row in portal.truth(table) if row[column]}
    assert len(passwords) > 8
    output = run.stdout + run.stderr + json.dumps(run.state)
    assert [match[0] for match in SECRETIVE.finditer(output)] == []
    for secret in links | passwords:
        assert secret not in output
    unseen(secret_of(portal), run.stdout, run.stderr, json.dumps(run.state))
    assert "sip_lines" not in run.schemas, "its method works for applications only"
    for table, column in PASSWORDS[2:]:
        assert column.lower() not in run.schemas[table]
        assert run.records(table)
    loaded = load(run.stdout, loud.folder).read_bytes()
    assert not [secret for secret in passwords | {secret_of(portal)} if secret.encode() in loaded]


class TestExport:
    """`bitrix24-export` passes the settings to the tap in a file that only its owner can read."""

    @pytest.fixture
    def exporting(self, start: Start, tmp_path: Path) -> Iterator[tuple[Portal, "subprocess.Popen[bytes]", Path]]:
        """An export that waits for the portal, and the folder of its temporary files."""
        portal, folder = start(), tmp_path / "temporary"
        folder.mkdir()
        portal.faults({"fault": "slow", "method": "crm.lead.list", "times": 1, "param": 5})
        (tmp_path / "config.json").write_text(json.dumps(portal.config()))
        command = [str(SCRIPTS / "bitrix24-export"), "out.duckdb", "--config", "config.json", "--select", "leads"]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(folder), "TAP_BITRIX24_LOGLEVEL": "DEBUG"},
        ) as process:
            try:
                yield portal, process, folder
            finally:
                process.kill()

    def test_neither_arguments_nor_files_show_it(
        self, exporting: tuple[Portal, "subprocess.Popen[bytes]", Path], tmp_path: Path
    ) -> None:
        portal, process, folder = exporting
        secret = secret_of(portal)
        child = _child_of(process.pid)
        unseen(secret, Path(f"/proc/{child}/cmdline").read_bytes(), Path(f"/proc/{child}/environ").read_bytes())
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert any(secret in path.read_text(errors="replace") for path in files), "where are the settings then?"
        for path in files:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, printed
        unseen(secret, printed, (tmp_path / "out.duckdb").read_bytes())
        left = [path for path in folder.rglob("*") if path.is_file()]
        assert [path.name for path in left] == ["rate_limit.sqlite"], "the settings stay behind"
        unseen(secret, left[0].read_bytes())


def _child_of(parent: int) -> int:
    """Return the process id of the child that runs the tap."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if b"tap_bitrix24.tap" in Path(f"/proc/{number}/cmdline").read_bytes():
                return int(number)
        time.sleep(0.02)
    message = f"{parent} starts no tap; temporary files go to {tempfile.gettempdir()}"
    raise AssertionError(message)
