"""`bitrix24-export`: one command from a portal to a DuckDB file.

The tap runs as a process of its own and its Singer lines are loaded here while it reads on, so extraction and
loading share two cores. What the tap tells of itself (METRIC lines, warnings) arrives on its stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from tap_bitrix24.errors import Interrupted, SettingsError, TapError
from tap_bitrix24.redaction import Redactor

if TYPE_CHECKING:
    from rich.progress import Progress

    from tap_bitrix24.loading.target import Loader

CHUNK = 1 << 20
PREFLIGHT_REQUESTS = 1
"""Every run of the tap begins with one."""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="bitrix24-export", description="Extract a Bitrix24 portal into a DuckDB file.", allow_abbrev=False
    )
    parser.add_argument("database", type=Path, help="DuckDB file to write; existing rows are updated")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, help="config.json of the tap")
    source.add_argument("--demo", action="store_true", help="extract the demo portal that comes with this package")
    parser.add_argument("--select", help="streams to extract, separated by commas (default: all)")
    parser.add_argument("--since", help="leave out rows last modified before this date, e.g. 2025-01-01")
    parser.add_argument("--schema", default="bitrix24", help="DuckDB schema (default: bitrix24)")
    parser.add_argument("--scale", type=int, default=2_000, help="with --demo: number of deals (default: 2000)")
    return parser.parse_args(arguments)


class Tail(threading.Thread):
    """Reads the tap's stderr: counts per stream from METRIC lines, the rest to be shown at the end."""

    def __init__(self, stream: IO[str]) -> None:
        """Follow this stream until it ends."""
        super().__init__(daemon=True)
        self.seconds: dict[str, float] = {}
        self.requests: dict[str, int] = {}
        self.warnings: list[str] = []
        self.last = ""
        self._stream = stream

    def run(self) -> None:
        """Read to the end."""
        for line in self._stream:
            text = line.rstrip()
            _, found, metric = text.partition("METRIC: ")
            if found:
                self._count(json.loads(metric))
            elif "| WARNING " in text or "| ERROR " in text:
                self.warnings.append(text.rpartition(" | ")[2])
            elif text:
                self.last = text

    def _count(self, metric: Mapping[str, Any]) -> None:
        stream = metric.get("tags", {}).get("stream", "")
        if metric.get("metric") == "sync_duration":
            self.seconds[stream] = metric["value"]
        elif metric.get("metric") == "http_request_count":
            self.requests[stream] = metric["value"]


def catalog(config: Mapping[str, Any], wanted: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Discover the portal and select streams; returns the catalog and how many requests that took.

    Args:
        config: The tap's settings.
        wanted: Stream names; none: all that are selected by default.

    Raises:
        SettingsError: There is no such stream on this portal.
    """
    from tap_bitrix24.tap import TapBitrix24  # noqa: PLC0415 - the SDK takes half a second; --help should not

    tap = TapBitrix24(config=dict(config), setup_mapper=False)
    found = tap.catalog_dict
    names = [stream["tap_stream_id"] for stream in found["streams"]]
    if unknown := sorted(set(wanted) - set(names)):
        msg = f"--select: this portal has no stream {', '.join(unknown)}; it has {', '.join(names)}."
        raise SettingsError(msg)
    if wanted:
        for stream in found["streams"]:
            root = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
            root["selected"] = stream["tap_stream_id"] in wanted
    return found, tap.client.requests


@contextlib.contextmanager
def demo_portal(scale: int) -> Iterator[dict[str, Any]]:
    """Run the demo portal as a process of its own; gives its config."""
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", str(scale)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as portal:
        try:
            line = portal.stdout.readline() if portal.stdout else ""
            if not line:
                msg = f"the demo portal did not start (exit code {portal.wait()})"
                raise TapError(msg)
            yield json.loads(line)
        finally:
            portal.terminate()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tap ended, and what it told of itself."""

    code: int
    tail: Tail


def export(config: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Extract and load; returns the exit code, the tap's if that is not 0.

    Raises:
        TapError: Settings are wrong, or the portal or the database can't be used.
    """
    from tap_bitrix24.export_report import Report  # noqa: PLC0415 - needs the extra `duckdb`
    from tap_bitrix24.loading.target import Loader  # noqa: PLC0415

    began = time.monotonic()
    if options.since:
        config = {**config, "start_date": options.since}
    report = Report()
    wanted = [name.strip() for name in (options.select or "").split(",") if name.strip()]
    found, requests = catalog(config, wanted)
    with Loader(options.database, schema=options.schema) as loader, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tap_bitrix24.tap"]
        for name, content in (("config", config), ("catalog", found)):
            path = Path(folder, f"{name}.json")
            path.touch(mode=0o600)
            path.write_text(json.dumps(content), encoding="utf-8")
            command += [f"--{name}", str(path)]
        with report.progress(len(wanted) or len(found["streams"])) as progress:
            outcome = _pump(command, loader, progress)
        loader.finish()
        rows = dict(loader.rows_loaded)
    tail = outcome.tail
    report.warnings(tail.warnings)
    report.table(
        rows, tail.seconds, tail.requests,
        took=time.monotonic() - began, all_requests=requests + PREFLIGHT_REQUESTS + sum(tail.requests.values()),
    )  # fmt: skip
    if outcome.code:
        sys.stderr.write(f"{tail.last or f'the tap ended with exit code {outcome.code}'}\n")
    elif options.demo:
        report.examples(options.database, options.schema)
    return outcome.code


def _pump(command: Sequence[str], loader: Loader, progress: Progress) -> Outcome:
    """Load what the tap writes until it ends; a signal to us is passed on, so that it can finish its STATE."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tap:
        if tap.stdout is None or tap.stderr is None:
            msg = "the tap was started without pipes"
            raise TapError(msg)

        def pass_on(signum: int, _frame: FrameType | None) -> None:
            tap.send_signal(signum)

        before = {signum: signal.signal(signum, pass_on) for signum in (signal.SIGTERM, signal.SIGINT)}
        tail = Tail(io.TextIOWrapper(tap.stderr, encoding="utf-8", errors="replace"))
        tail.start()
        try:
            while chunk := os.read(tap.stdout.fileno(), CHUNK):
                loader.feed(chunk)
                progress.update(progress.task_ids[0], completed=len(tail.seconds), rows=loader.rows_seen)
        except BaseException:
            tap.terminate()
            raise
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
        code = tap.wait()
        tail.join()
    return Outcome(128 - code if code < 0 else code, tail)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code and prints one line for any failure."""
    options = parse_arguments(arguments)
    try:
        if options.demo:
            with demo_portal(options.scale) as config:
                return export(config, options)
        return export(_config(options.config), options)
    except (TapError, Interrupted) as error:
        sys.stderr.write(f"bitrix24-export: {Redactor().clean(str(error))}\n")
        return error.exit_code
    except ModuleNotFoundError as error:
        sys.stderr.write(f"bitrix24-export: {error.name} is missing: pip install 'tap-bitrix24[duckdb]'\n")
        return SettingsError.exit_code


def _config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"cannot read {path}: {error}"
        raise SettingsError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold a JSON object"
        raise SettingsError(msg)
    return content


def main() -> None:
    """Entry point of the console script `bitrix24-export`."""
    logging.disable(logging.INFO)
    sys.exit(run())


if __name__ == "__main__":
    main()
