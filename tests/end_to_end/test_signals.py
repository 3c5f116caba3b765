"""SIGTERM, SIGINT and a closed pipe: the tap stops at once, with complete lines and a STATE to resume from."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import SCRIPTS, Portal, Run, Tap, only

pytestmark = pytest.mark.slow
Catalog = dict[str, Any]
STREAMS = ("deals", "leads")
PROMPT = 2.0
"""Seconds the tap may take to leave."""
LATENCY_MS = 60


class Running:
    """A running tap; its output is collected as it is written."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.complaints: list[str] = []
        self._readers = [
            threading.Thread(target=self.lines.extend, args=(process.stdout or (),)),
            threading.Thread(target=self.complaints.extend, args=(process.stderr or (),)),
        ]
        for reader in self._readers:
            reader.start()

    def until(self, text: str, times: int = 1) -> None:
        """Wait until the output contains a text this many times."""
        deadline = time.monotonic() + 30
        while sum(text in line for line in [*self.lines, *self.complaints]) < times:
            assert time.monotonic() < deadline, "".join(self.complaints)
            assert self.process.poll() is None, "".join(self.complaints)
            time.sleep(0.005)

    def leave(self, signum: int) -> tuple[Run, float]:
        """Send a signal; return the tap's output, and the seconds until it ended."""
        began = time.monotonic()
        self.process.send_signal(signum)
        code = self.process.wait(30)
        took = time.monotonic() - began
        for reader in self._readers:
            reader.join()
        return Run(code, "".join(self.lines), "".join(self.complaints)), took


@contextmanager
def running(folder: Path, config: dict[str, Any], catalog: Catalog) -> Iterator[Running]:
    """A tap in a process of its own."""
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(only(catalog, *STREAMS)))
    command = [str(SCRIPTS / "tap-bitrix24"), "--config", "config.json", "--catalog", "catalog.json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=folder
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def resumed(stopped: Run, portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
    """Assert that a run from the last STATE completes the stopped one, and does not start again."""
    rest = run_tap(portal.config(), catalog=catalog, streams=STREAMS, state=stopped.state).succeeded()
    for stream in STREAMS:
        assert set(stopped.ids(stream)) | set(rest.ids(stream)) == set(portal.table(stream)), stream
    assert min(rest.ids("deals"), default=2) > 1, "the second run read the deals from the start"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_reading(
    start: Start, run_tap: Tap, tmp_path: Path, catalog: Catalog, signum: int, code: int
) -> None:
    portal = start(scale=6_000, latency=LATENCY_MS)
    with running(tmp_path, portal.config(), catalog) as tap:
        tap.until('"snapshot"', times=2)
        stopped, took = tap.leave(signum)
    assert stopped.code == code
    assert took < PROMPT
    assert stopped.stderr.splitlines()[-1].startswith("tap-bitrix24: stopped by signal")
    assert "Traceback" not in stopped.stderr
    assert stopped.stdout.endswith("}\n")
    assert stopped.messages
    assert stopped.state["bookmarks"]["deals"]["snapshot"]["after"] > 0
    assert len(stopped.records("leads")) < len(portal.table("leads"))
    resumed(stopped, portal, run_tap, catalog)


def test_a_signal_while_the_portal_is_slow(start: Start, run_tap: Tap, tmp_path: Path, catalog: Catalog) -> None:
    portal = start(scale=3_000)
    portal.faults({"fault": "slow", "method": "crm.deal.list", "after": 2, "times": 1, "param": 60})
    with running(tmp_path, portal.config(), catalog) as tap:
        tap.until('"snapshot"')
        time.sleep(0.2)  # now it waits for the answer
        stopped, took = tap.leave(signal.SIGTERM)
    assert stopped.code == 143
    assert took < PROMPT
    assert stopped.state["bookmarks"]["deals"]["snapshot"]["after"] > 0
    portal.faults(clear=True)
    resumed(stopped, portal, run_tap, catalog)


def test_a_signal_before_the_first_answer(start: Start, tmp_path: Path, catalog: Catalog) -> None:
    portal = start()
    portal.faults({"fault": "slow", "param": 60})
    with running(tmp_path, portal.config(), catalog) as tap:
        tap.until("Meltano SDK")
        time.sleep(0.3)
        stopped, took = tap.leave(signal.SIGTERM)
    assert (stopped.code, stopped.stdout) == (143, "")
    assert took < PROMPT
    assert "Traceback" not in stopped.stderr


def test_a_signal_while_waiting_for_a_retry(start: Start, tmp_path: Path, catalog: Catalog) -> None:
    portal = start()
    portal.faults({"fault": "html_502", "method": "crm.deal.list"})
    with running(tmp_path, portal.config(), catalog) as tap:
        tap.until("trying again in 2 s")
        stopped, took = tap.leave(signal.SIGINT)
    assert stopped.code == 130
    assert took < PROMPT / 2


def test_a_closed_pipe_ends_the_run_with_one_line(start: Start, tmp_path: Path, catalog: Catalog) -> None:
    portal = start(scale=3_000)
    (tmp_path / "config.json").write_text(json.dumps(portal.config()))
    (tmp_path / "catalog.json").write_text(json.dumps(only(catalog, *STREAMS)))
    command = [str(SCRIPTS / "tap-bitrix24"), "--config", "config.json", "--catalog", "catalog.json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=tmp_path
    ) as tap:
        assert tap.stdout is not None
        assert tap.stderr is not None
        assert tap.stdout.readline()
        tap.stdout.close()
        complaints = tap.stderr.read()
        assert tap.wait(30) == 1
    assert complaints.splitlines()[-1].startswith("tap-bitrix24: target closed the pipe")
    assert "Traceback" not in complaints
    assert "Exception ignored" not in complaints
