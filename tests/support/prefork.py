"""Runs the tap in processes of its own without importing it anew each time, which takes longer than most runs.

A server that has imported the tap forks for each run: the run has its arguments, environment, working directory, files
and exit code to itself, as the console script has, and shares nothing with runs before it. One server serves a test
process; it ends when that process does. Pauses are short (`short_pauses`) unless a run is to take its time. The console
scripts themselves are started by the tests of signals, kills and documented commands.
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
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.short_pauses import CLOCK, shorten_pauses

LENGTH = 4
"""Bytes that say how long the request is which follows."""


class Server:
    """The server, as a test process sees it; may be used from several threads."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._socket, self._sending = ours, threading.Lock()
        root = Path(__file__).parents[__name__.count(".")]
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=root, stdin=subprocess.DEVNULL)
        theirs.close()
        atexit.register(self._end)

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float, short_pauses: bool
    ) -> "subprocess.CompletedProcess[str]":
        """Run the tap to its end.

        Args:
            arguments: Of the command line, without the program's name.
            cwd: Working directory.
            env: The whole environment.
            timeout: Seconds after which the run is killed.
            short_pauses: Pauses are short.

        Raises:
            subprocess.TimeoutExpired: It was.
        """
        given = {"arguments": arguments, "cwd": str(cwd), "env": dict(env), "short_pauses": short_pauses}
        request = json.dumps(given).encode()
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            reading, writing = os.pipe()
            with os.fdopen(reading, "rb", buffering=0) as answers:
                with os.fdopen(writing, "wb"), self._sending:
                    files = [stdout.fileno(), stderr.fileno(), writing]
                    socket.send_fds(self._socket, [len(request).to_bytes(LENGTH)], files)
                    self._socket.sendall(request)
                code = _ended(answers, timeout)
            done = [_text(stdout), _text(stderr)]
        if code is None:
            raise subprocess.TimeoutExpired(["tap-bitrix24", *arguments], timeout, *done)
        return subprocess.CompletedProcess(["tap-bitrix24", *arguments], code, *done)


@cache
def server() -> Server:
    """The server of this process."""
    return Server()


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


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _serve(requests: socket.socket) -> None:
    """Fork for each request until the other end is closed; returns only in a child that is to run the tap."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        header, files, *_ = socket.recv_fds(requests, LENGTH, 3)
        if not header:
            os._exit(0)
        request = b""
        while len(request) < int.from_bytes(header):
            request += requests.recv(int.from_bytes(header) - len(request))
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch(files[2])
            return _become(json.loads(request), *files[:2])
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


def _become(request: Mapping[str, Any], stdout: int, stderr: int) -> None:
    """Take on what a process of one's own would have been started with."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    CLOCK.part = CLOCK.part if request["short_pauses"] else 1
    sys.argv = ["tap-bitrix24", *request["arguments"]]


if __name__ == "__main__":
    shorten_pauses()
    from tap_bitrix24.tap import main

    gc.collect()
    gc.freeze()  # else each run would copy all pages of its memory, when it collects its own garbage
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
