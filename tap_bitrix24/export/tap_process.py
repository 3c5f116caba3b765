"""The tap as a process: its records go to the loader, its log becomes figures, warnings and a last line.

Extraction and loading run side by side, each on a core of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from tap_bitrix24.errors import Interrupted, TapError
from tap_bitrix24.export.processes import on_signal, start
from tap_bitrix24.target_duckdb.loader import Loader

_CHUNK_BYTES = 1 << 20
_RECORD_PREFIX = b'{"type":"RECORD"'
"""First bytes of the tap's RECORD lines, which are counted for the progress bar."""


class TapLog(threading.Thread):
    """Reads the tap's stderr: figures per stream from METRIC lines, warnings, and the last other line."""

    def __init__(self, stream: IO[str]) -> None:
        """Prepare to read this stream until it ends."""
        super().__init__(daemon=True)
        self.seconds: dict[str, float] = {}
        """Stream → seconds from its first record to its last."""
        self.requests: dict[str, int] = {}
        """Stream → HTTP requests that served it alone; those that served several streams under ''."""
        self.complete: set[str] = set()
        """Streams that were read to their end."""
        self.warnings: list[str] = []
        self.last_line = ""
        self._stream = stream

    def run(self) -> None:
        """Read to the end."""
        for line in self._stream:
            text = line.rstrip()
            _, found, metric = text.partition("METRIC: ")
            if found:
                self._add_metric(json.loads(metric))
            elif "| WARNING " in text or "| ERROR " in text:
                self.warnings.append(text.split(" | ", maxsplit=3)[-1])
            elif text:
                self.last_line = text

    def _add_metric(self, metric: Mapping[str, Any]) -> None:
        tags = metric.get("tags", {})
        stream = tags.get("stream", "")
        if metric.get("metric") == "sync_duration":
            self.seconds[stream] = metric["value"]
            if tags.get("status") == "succeeded":
                self.complete.add(stream)
        elif metric.get("metric") == "http_request_count":
            self.requests[stream] = metric["value"]


def run_tap(
    config: Mapping[str, Any], catalog: Mapping[str, Any], loader: Loader, show: Callable[[int, int], None]
) -> tuple[int, TapLog]:
    """Run the tap and load its output while it runs.

    Args:
        config: The tap's settings.
        catalog: What to read.
        loader: Takes the tap's output.
        show: Called with the numbers of finished streams and of records, after each chunk of output.

    Returns:
        The tap's exit code and its log.

    Raises:
        Interrupted: A signal arrived. It was forwarded to the tap, whose output up to its end is committed.
    """
    with _argument_files(config=config, catalog=catalog) as files:
        command = [sys.executable, "-m", "tap_bitrix24.tap", *files]
        with start(command, stderr=subprocess.PIPE) as tap:
            return _load_output(tap, loader, show)


@contextlib.contextmanager
def _argument_files(**contents: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield command-line arguments that name a file with each content, readable by this user only."""
    with tempfile.TemporaryDirectory() as folder:
        arguments: list[str] = []
        for name, content in contents.items():
            path = Path(folder, f"{name}.json")
            path.touch(mode=0o600)
            path.write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        yield arguments


def _load_output(tap: subprocess.Popen[bytes], loader: Loader, show: Callable[[int, int], None]) -> tuple[int, TapLog]:
    if tap.stdout is None or tap.stderr is None:
        msg = "the tap was started without pipes"
        raise TapError(msg)
    received: list[int] = []

    def forward(signum: int) -> None:
        received.append(signum)
        tap.send_signal(signum)

    records = 0
    log = TapLog(io.TextIOWrapper(tap.stderr, encoding="utf-8", errors="replace"))
    log.start()
    with on_signal(forward):
        try:
            while chunk := os.read(tap.stdout.fileno(), _CHUNK_BYTES):
                records += chunk.count(_RECORD_PREFIX)
                loader.feed(chunk)
                show(len(log.seconds), records)
            code = tap.wait()
        except BaseException:
            tap.terminate()
            tap.stdout.close()  # a tap that waits for its reader would not see the signal
            log.join()
            raise
    log.join()
    if received:
        loader.flush()
        raise Interrupted(received[0])
    return (128 - code if code < 0 else code), log
