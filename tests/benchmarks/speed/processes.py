"""Programs run to their end: wall clock, CPU time and memory of each, as the kernel reports them. Needs Linux."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

EVERY = 0.5
"""Seconds between two looks at a process's memory."""

Command = Sequence[str]
Point = tuple[float, float]


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it took."""

    code: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """The high-water mark of its memory, at most half a second old. (`ru_maxrss` would begin with the parent's.)"""
    memory: list[Point]
    """Seconds since the start and megabytes."""
    log: str
    """Standard error, whole."""

    @property
    def failure(self) -> str:
        """The last line of the log of a process that failed; nothing for one that did not."""
        lines = self.log.strip().splitlines()
        return "" if self.code == 0 else (lines[-1][:300] if lines else f"exit code {self.code}")


@dataclass
class Watched:
    """A process under way, its memory looked at every half second."""

    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    began: float = field(default_factory=time.perf_counter)
    memory: list[Point] = field(default_factory=list)
    peak_mb: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Note the memory of this moment; a process that is gone has none."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return
        found = {
            name: int(value.split()[0]) / 1024
            for name, _, value in (line.partition(":") for line in lines)
            if name in {"VmRSS", "VmHWM"}
        }
        if found:
            self.memory.append((time.perf_counter() - self.began, found["VmRSS"]))
            self.peak_mb = max(self.peak_mb, found["VmHWM"])

    def watch(self, limit: float) -> None:
        """Look until the process is over; end it when it takes longer than the limit."""
        while not self._over.wait(EVERY):
            self.look()
            if time.perf_counter() - self.began > limit:
                self.process.kill()

    def ended(self, limit: float) -> Ended:
        """Wait for the end."""
        watcher = threading.Thread(target=self.watch, args=(limit,), daemon=True)
        watcher.start()
        _, status, usage = os.wait4(self.process.pid, 0)
        seconds = time.perf_counter() - self.began
        self._over.set()
        watcher.join()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.log.seek(0)
        log = self.log.read().decode(errors="replace")
        self.log.close()
        cpu = usage.ru_utime + usage.ru_stime
        return Ended(self.process.returncode, seconds, cpu, self.peak_mb, self.memory, log)


def started(
    command: Command,
    *,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> Watched:
    """Start a program; its log is kept in a file, so that nobody has to read it meanwhile."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
    variables = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=log, env=variables)
    return Watched(process, log)


def run(
    command: Command,
    *,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    limit: float = 1800,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end."""
    return started(command, stdout=stdout, environment=environment).ended(limit)


def piped(first: Command, second: Command, *, limit: float = 3600) -> tuple[Ended, Ended]:
    """Run `first | second` to the end of both."""
    source = started(first, stdout=subprocess.PIPE)
    sink = started(second, stdin=source.process.stdout or subprocess.DEVNULL)
    if source.process.stdout is not None:
        source.process.stdout.close()
    ends: list[Ended] = []
    waiting = threading.Thread(target=lambda: ends.append(sink.ended(limit)))
    waiting.start()
    end = source.ended(limit)
    waiting.join()
    return end, ends[0]


@contextmanager
def sampled(look: Callable[[], float], every: float = EVERY) -> Iterator[list[Point]]:
    """A series of (seconds, value) that grows while the block runs."""
    series: list[Point] = []
    over, began = threading.Event(), time.perf_counter()

    def watch() -> None:
        while not over.wait(every):
            series.append((round(time.perf_counter() - began, 2), look()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield series
    finally:
        over.set()
        watcher.join()


def say(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
