"""Runs the commands in processes of their own without importing them each time, which takes longer than most runs.

A server that has imported a command forks for each run: the run has its arguments, environment, working directory,
files and exit code to itself, as the console script has, and shares nothing with runs before it. One server per command
serves a test process; it ends when that process does. Pauses of the tap are short (`short_pauses`) unless a run is to
take its time. The console scripts themselves are started by the tests of signals, kills and documented commands.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any

from tests.support.short_pauses import CLOCK, shorten_pauses

TAP, LOADER, EXPORT = "tap-bitrix24", "target-bitrix24-duckdb", "bitrix24-export"
LENGTH = 4
"""Bytes that say how long the request is which follows."""


class Server:
    """The server, as a test process sees it; may be used from several threads."""

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        self._command = command
        self._socket, self._sending = ours, threading.Lock()
        root = Path(__file__).parents[__name__.count(".")]
        start = [sys.executable, "-m", __name__, command, str(theirs.fileno())]
        self._process = subprocess.Popen(start, pass_fds=[theirs.fileno()], cwd=root, stdin=subprocess.DEVNULL)
        theirs.close()
        atexit.register(self._end)

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        short_pauses: bool = False,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the command to its end.

        Args:
            arguments: Of the command line, without the program's name.
            stdin: What it finds on standard input.
            cwd: Working directory.
            env: The whole environment.
            timeout: Seconds after which the run is killed.
            short_pauses: Pauses are short.

        Raises:
            subprocess.TimeoutExpired: It was.
        """
        given = {"arguments": arguments, "cwd": str(cwd), "env": dict(env), "short_pauses": short_pauses}
        request = json.dumps(given).encode()
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            source.write(stdin)
            source.seek(0)
            reading, writing = os.pipe()
            with os.fdopen(reading, "rb", buffering=0) as answers:
                with os.fdopen(writing, "wb"), self._sending:
                    files = [source.fileno(), stdout.fileno(), stderr.fileno(), writing]
                    socket.send_fds(self._socket, [len(request).to_bytes(LENGTH)], files)
                    self._socket.sendall(request)
                code = _ended(answers, timeout)
            done = [_content(stdout), _content(stderr)]
        if code is None:
            raise subprocess.TimeoutExpired([self._command, *arguments], timeout, *done)
        return subprocess.CompletedProcess([self._command, *arguments], code, *done)


@cache
def server(command: str) -> Server:
    """Return this process's server for a command."""
    return Server(command)


def _ended(answers: IO[bytes], timeout: float) -> int | None:
    """The exit code of a run; None if it had to be killed."""
    process = int(answers.readline())
    timer = threading.Timer(timeout, os.kill, (process, signal.SIGKILL))
    timer.start()
    code = int(answers.readline())
    in_time = timer.is_alive()
    timer.cancel()
    timer.join()
    return code if in_time else None


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _serve(command: str, requests: socket.socket) -> None:
    """Fork for each request until the other end is closed; returns only in a child that is to run the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        header, files, *_ = socket.recv_fds(requests, LENGTH, 4)
        if not header:
            os._exit(0)
        request = b""
        while len(request) < int.from_bytes(header):
            request += requests.recv(int.from_bytes(header) - len(request))
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch(files[3])
            return _become(command, json.loads(request), files[:3])
        for file in files:
            os.close(file)


def _watch(answers: int) -> None:
    """Fork once more; the parent tells process id and exit code, the child returns."""
    if (process := os.fork()) == 0:
        os.close(answers)
        return
    os.write(answers, b"%d\n" % process)
    _, status = os.waitpid(process, 0)
    os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(command: str, request: Mapping[str, Any], files: Sequence[int]) -> None:
    """Take on what a process of one's own would have been started with."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    CLOCK.part = CLOCK.part if request["short_pauses"] else 1
    sys.argv = [command, *request["arguments"]]


def _imported(command: str) -> Callable[[], int | None]:
    """Return the entry point of a console script; all it needs is imported now."""
    (entry,) = entry_points(group="console_scripts", name=command)
    main: Callable[[], int | None] = entry.load()
    if command == EXPORT:
        import_module("tap_bitrix24.export.pipeline")
    return main


def _main(command: str, socket_number: str) -> None:
    shorten_pauses()
    main = _imported(command)
    gc.collect()
    gc.freeze()  # else each run would copy all pages of its memory, when it collects its own garbage
    _serve(command, socket.socket(fileno=int(socket_number)))
    sys.exit(main())


if __name__ == "__main__":
    _main(*sys.argv[1:])
