"""The console script: exit codes, one line on failure, STATE after commit, signals, files that do not work."""

import contextlib
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tap_bitrix24.errors import Interrupted
from tests.target_duckdb.singer import INTEGER, STRING, command, line, query, record, run, schema, script, state

HEAD = schema("s", {"id": INTEGER, "v": STRING})
SMALL_LIMITS = """
import os, sys
from tap_bitrix24.target_duckdb.loader import Limits, Loader
from tap_bitrix24.target_duckdb.target import echo_state
limits = Limits(bytes=60_000, state_seconds=0.05)
with Loader(sys.argv[1], on_state=echo_state, limits=limits) as loader:
    for chunk in iter(lambda: os.read(0, 8192), b""):
        loader.feed(chunk)
"""


def test_loads_and_confirms(file: Path) -> None:
    rows = b"".join(record("s", {"id": i, "v": "x"}) for i in range(1000))
    done = run(file, HEAD + rows + state({"at": 1}), schema="crm data")
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"at":1}\n', b"")
    assert query(file, 'SELECT count(*) FROM out."crm data".s') == [(1000,)]


def test_input_from_a_file(file: Path) -> None:
    source = file.with_suffix(".singer")
    source.write_bytes(HEAD + record("s", {"id": 1}))
    done = subprocess.run([*command(file), "--input", str(source)], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert query(file, "SELECT id FROM out.bitrix24.s") == [(1,)]


def test_about_lists_the_settings_for_meltano() -> None:
    shown = subprocess.run([script(), "--about", "--format=json"], capture_output=True, check=True, timeout=60)
    assert list(orjson.loads(shown.stdout)["settings"]["properties"]) == ["path", "schema"]
    shown = subprocess.run([script(), "--version"], capture_output=True, check=True, timeout=60)
    assert shown.stdout.startswith(b"target-bitrix24-duckdb ")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (None, "--config FILE is missing"),
        ("{}", "Setting 'path' must be a non-empty string."),
        ('{"path": 5}', "Setting 'path' must be a non-empty string."),
        ('{"path": "x.duckdb", "shema": "x"}', "Unknown setting 'shema'. Did you mean 'schema'?"),
        ('{"path": "x.duckdb", "host": "x"}', "Unknown setting 'host'. Available: path, schema."),
        ("path=x", "Cannot read the settings in"),
        ("[]", "are not a JSON object"),
    ],
)
def test_bad_settings_are_one_line_and_exit_code_2(tmp_path: Path, config: str | None, text: str) -> None:
    options = []
    if config is not None:
        (tmp_path / "config.json").write_text(config)
        options = ["--config", str(tmp_path / "config.json")]
    done = subprocess.run([script(), *options], input=HEAD, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert text in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def _directory(file: Path) -> Path:
    file.mkdir()
    return file


def _foreign(file: Path) -> Path:
    file.write_bytes(b"no database " * 1000)
    return file


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (_directory, "Is a directory"),
        (_foreign, "not a valid DuckDB database file"),
        (lambda _: Path("/proc/out.duckdb"), "Cannot open file"),
        (lambda _: Path("/proc/none/out.duckdb"), "Cannot create the folder"),
        (lambda file: file.parent / ("x" * 300), "File name too long"),
    ],
)
def test_a_file_that_cannot_be_opened(tmp_path: Path, make: Callable[[Path], Path], text: str) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(orjson.dumps({"path": str(make(tmp_path / "x.duckdb"))}))
    arguments = [script(), "--config", str(config)]
    done = subprocess.run(arguments, input=HEAD, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert text in done.stderr.decode()


def test_a_file_another_process_has_open(file: Path) -> None:
    holder = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        done = run(file, HEAD)
        other.communicate()
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"Could not set lock on file" in done.stderr


def test_a_full_disk_leaves_what_was_confirmed(file: Path) -> None:
    noise, messages = random.Random(1), [HEAD, schema("other", {"id": INTEGER})]
    for part in range(40):
        rows = range(part * 300, part * 300 + 300)
        messages += [record("s", {"id": i, "v": noise.randbytes(500).hex()}) for i in rows]
        messages += [state(rows[-1]), line(type="ACTIVATE_VERSION", stream="other", version=1)]  # which commits
    limited = ["sh", "-c", f"ulimit -f 4096; exec {shlex.join(command(file))}"]
    done = subprocess.run(limited, input=b"".join(messages), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
    assert b"File too large" in done.stderr
    confirmed = int(done.stdout.split()[-1])
    assert 0 < confirmed < 40 * 300 - 1
    counted = "SELECT count(*) FILTER (id <= ?), count(*) FROM out.bitrix24.s"
    ((complete, _),) = query(file, counted, confirmed)
    assert complete == confirmed + 1
    done = run(file, b"".join(messages))
    assert (done.returncode, done.stderr) == (0, b"")
    assert query(file, "SELECT count(*), count(DISTINCT id) FROM out.bitrix24.s") == [(12_000, 12_000)]


def test_standard_output_is_closed(file: Path) -> None:
    with subprocess.Popen(
        command(file), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stderr
        process.stdout.close()
        process.stdin.write(HEAD + record("s", {"id": 1}) + state(1))
        process.stdin.close()
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (
        1,
        b"target-bitrix24-duckdb: Standard output is closed: cannot confirm STATE.\n",
    )
    assert query(file, "SELECT id FROM out.bitrix24.s") == [(1,)]


def test_state_waits_for_its_rows_but_not_for_long(file: Path) -> None:
    with subprocess.Popen(command(file), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        start = time.monotonic()
        process.stdin.write(state("at once"))
        process.stdin.flush()
        assert process.stdout.readline() == b'"at once"\n'
        for i in range(50):
            process.stdin.write(HEAD + record("s", {"id": i}) + state(i))
            process.stdin.flush()
        assert process.stdout.readline() == b"49\n", "one commit for all of them, the input still open"
        assert time.monotonic() - start < 10
        process.kill()
    assert query(file, "SELECT count(*) FROM out.bitrix24.s") == [(50,)]


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_commits_and_confirms(file: Path, signum: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        command(file), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(state(0) + HEAD + record("s", {"id": 1}) + state(1) + record("s", {"id": 2})[:20])
        process.stdin.flush()
        assert process.stdout.readline() == b"0\n"
        time.sleep(0.3)
        process.send_signal(signum)
        assert process.stdout.read() == b"1\n"
        stderr = process.stderr.read().decode()
    assert process.returncode == code
    assert stderr == f"target-bitrix24-duckdb: {Interrupted(signum)}\n"
    assert query(file, "SELECT id FROM out.bitrix24.s") == [(1,)]


@pytest.mark.slow
def test_sigkill_at_any_moment_and_again_from_the_last_state(file: Path) -> None:
    moment, messages = random.Random(7), []
    for i in range(30_000):
        messages.append(record("s", {"id": moment.randrange(5000), "v": f"{i}"}))
        if i % 100 == 99:
            messages.append(state(len(messages) + 1))
    after, killed = 0, 0
    for attempt in range(40):
        confirmed, died = _feed(
            file, [HEAD, *messages[after:]], kill=moment.uniform(0.0, 0.15) if attempt < 12 else None
        )
        after, killed = confirmed or after, killed + died
        if after:
            _assert_holds(file, messages[:after])
        if not died:
            break
    assert killed == 12
    assert after == len(messages)
    latest = {row["id"]: row["v"] for row in _rows(messages)}
    assert dict(query(file, "SELECT id, v FROM out.bitrix24.s")) == latest


def _feed(file: Path, messages: list[bytes], *, kill: float | None) -> tuple[int, bool]:
    """Feed a loader and kill it some time after its first sign of life; the last state it confirmed."""
    with subprocess.Popen(
        [sys.executable, "-c", SMALL_LIMITS, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        feeder = threading.Thread(target=_write, args=(process, [state(0), *messages]))
        feeder.start()
        assert process.stdout
        states = [process.stdout.readline()]
        if kill is not None:
            time.sleep(kill)
            process.kill()
        states += process.stdout.read().splitlines(keepends=True)
        feeder.join()
    return int(next(text for text in reversed(states) if text.endswith(b"\n"))), process.returncode != 0


def _write(process: "subprocess.Popen[bytes]", messages: list[bytes]) -> None:
    """Write unbuffered: what is left in a buffer of a killed reader's pipe could not be closed."""
    assert process.stdin
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        for start in range(0, len(messages), 200):
            pipe.write(b"".join(messages[start : start + 200]))
            time.sleep(0.015)


def _rows(messages: list[bytes]) -> list[dict[str, object]]:
    parsed = [orjson.loads(message) for message in messages]
    return [message["record"] for message in parsed if message["type"] == "RECORD"]


def _assert_holds(file: Path, confirmed: list[bytes]) -> None:
    """Every confirmed row is there, or a later one of its key."""
    there = dict(query(file, "SELECT id, v::INTEGER FROM out.bitrix24.s"))
    assert all(there[row["id"]] >= int(str(row["v"])) for row in _rows(confirmed))


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
sys.stderr.write(f"\\n{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
"""
"""Runs a command and prints its peak memory in KiB; in a small process, for a child starts with its parent's size."""


def test_memory_does_not_grow_with_the_number_of_streams(file: Path) -> None:
    source = file.with_suffix(".singer")
    with source.open("wb") as lines:
        lines.writelines(schema(f"s{k}", {"id": INTEGER, "v": STRING}) for k in range(150))
        for i in range(150):
            lines.writelines(record(f"s{k}", {"id": i, "v": "x" * 900}) for k in range(150))
    with source.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command(file)], stdin=stdin, check=True, capture_output=True
        )
    assert int(done.stderr.split()[-1]) < 300 * 1024
