"""Ctrl-C and SIGTERM at any moment: one line, the right exit code, an unbroken file, no process left behind."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tap_bitrix24.demo import serve
from tests.demo.wire import Wire
from tests.end_to_end.export.conftest import COMMAND, Export

pytestmark = pytest.mark.slow
READING = 20
"""Requests after which discovery is over, and some streams have been read."""
GROUP_GONE = 5.0
"""Seconds children may take to leave."""


@pytest.fixture
def slow() -> Iterator[str]:
    """A portal that takes its time for every request."""
    with serve(port=0, scale=300, seed=1, no_limits=True, latency=80) as running:
        yield running.url


def start(export: Export, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in a session of its own, as a terminal would."""
    return subprocess.Popen(
        [str(COMMAND), str(export.database), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def session_members(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def left_behind(session: int) -> list[int]:
    """What of a session is still there after a moment."""
    deadline = time.monotonic() + GROUP_GONE
    while (found := session_members(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def wait_for_requests(url: str, number: int) -> None:
    deadline = time.monotonic() + 20
    while Wire(url).stats()["requests"] < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("requests", [1, READING])
def test_a_signal_ends_it_cleanly(export: Export, slow: str, signum: int, code: int, requests: int) -> None:
    """Sent to the whole foreground group, as a terminal does; while discovering, and in the middle of reading."""
    with start(export, "--config", export.config_file({"webhook_url": slow})) as running:
        wait_for_requests(slow, requests)
        began = time.monotonic()
        os.killpg(running.pid, signum)
        out, stderr = running.communicate(timeout=20)
    assert running.returncode == code, stderr
    assert time.monotonic() - began < 5
    assert out == ""
    kept = f"; rows read until then are in {export.database}" if requests > 1 else ""
    assert stderr == f"bitrix24-export: stopped{kept}\n"
    assert left_behind(running.pid) == []
    if requests > 1:
        assert sum(export.counts().values()) > 0
    else:
        assert not export.database.exists()


def test_the_secret_is_on_no_command_line(export: Export, slow: str) -> None:
    secret = slow.rstrip("/").rpartition("/")[2].encode()
    with start(export, "--config", export.config_file({"webhook_url": slow})) as running:
        wait_for_requests(slow, READING)
        lines = [Path("/proc", str(pid), "cmdline").read_bytes() for pid in session_members(running.pid)]
        running.terminate()
        running.communicate(timeout=20)
    assert any(b"tap_bitrix24.tap" in line for line in lines)
    assert not [line for line in lines if secret in line]


def test_a_stopped_demo_leaves_no_portal_behind(export: Export) -> None:
    with start(export, "--demo", "--scale", "300") as running:
        deadline = time.monotonic() + 20
        while len(session_members(running.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGTERM)
        _, stderr = running.communicate(timeout=20)
    assert running.returncode == 143, stderr
    assert stderr.count("\n") == 1
    assert left_behind(running.pid) == []


def test_a_terminal_sees_a_progress_bar(export: Export, slow: str) -> None:
    config = export.folder / "config.json"
    config.write_text(json.dumps({"webhook_url": slow}))
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "tap_bitrix24.export", str(export.database), "--config", str(config)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    with subprocess.Popen(command, stdout=child, stderr=child, stdin=child, env=environment) as running:
        os.close(child)
        shown = b"".join(read_until_closed(parent))
    os.close(parent)
    text = shown.decode()
    assert running.returncode == 0, text
    assert "\x1b[" in text
    assert "extracting" in text
    assert "/75 streams, " in text
    assert "rows" in text.rpartition("/75 streams, ")[2]
    assert text.rstrip().splitlines()[-1].split()[0] == "total"


def read_until_closed(terminal: int) -> Iterator[bytes]:
    """What is written to the terminal; Linux reports its closing as an input/output error."""
    while True:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, "nothing was shown for a minute"
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        yield data
