"""`bitrix24-export`: one command from a portal to a DuckDB file.

The tap runs as a process of its own and its Singer lines are loaded here while it reads on, so extraction and
loading share two cores. What the tap tells of itself (METRIC lines, warnings) arrives on its stderr.

Exit codes: the tap's own (0, 1, 2), 1 where the file can't be written, 130/143 after signals.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tap_bitrix24.errors import Interrupted, SettingsError, TapError
from tap_bitrix24.input_files import read_object
from tap_bitrix24.redaction import Redactor

if TYPE_CHECKING:
    from tap_bitrix24.export.console import Report
    from tap_bitrix24.target_duckdb.loader import Loader

CHUNK = 1 << 20
EXTRA = ("duckdb", "pytz", "rich")
"""What the extra `duckdb` brings; imported only once it is known to be there."""
RECORD = b'{"type":"RECORD"'
"""How the tap's record lines begin."""


DOORS = ("webhook", "oauth", "vibecode", "site")
"""The demo portal's doors."""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="bitrix24-export", description="Extract a Bitrix24 portal into a DuckDB file.", allow_abbrev=False
    )
    parser.add_argument("database", type=Path, help="DuckDB file to write; existing rows are updated")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, help="config.json of the tap")
    source.add_argument(
        "--demo", nargs="?", const=DOORS[0], choices=DOORS, metavar="DOOR",
        help=f"extract the demo portal that comes with this package, through one of its doors: {', '.join(DOORS)}",
    )  # fmt: skip
    parser.add_argument("--select", help="streams to extract, separated by commas (default: those selected by default)")
    parser.add_argument("--since", help="leave out rows last modified before this date, e.g. 2025-01-01")
    parser.add_argument(
        "--labels", action="store_true", help="add views with the portal's labels for columns and texts for options"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="have the portal count the rows afterwards: exit code 1 if a table lacks some",
    )
    parser.add_argument("--schema", default="bitrix24", help="DuckDB schema (default: bitrix24)")
    parser.add_argument("--scale", type=int, default=2_000, help="with --demo: number of deals (default: 2000)")
    return parser.parse_args(arguments)


class Tail(threading.Thread):
    """Reads the tap's stderr: figures per stream from METRIC lines, warnings, and the line it ends with."""

    def __init__(self, stream: IO[str]) -> None:
        """Follow this stream until it ends."""
        super().__init__(daemon=True)
        self.seconds: dict[str, float] = {}
        self.requests: dict[str, int] = {}
        """By stream; those of no stream alone under ''."""
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
                self.warnings.append(text.split(" | ", maxsplit=3)[-1])
            elif text:
                self.last = text

    def _count(self, metric: Mapping[str, Any]) -> None:
        stream = metric.get("tags", {}).get("stream", "")
        if metric.get("metric") == "sync_duration":
            self.seconds[stream] = metric["value"]
        elif metric.get("metric") == "http_request_count":
            self.requests[stream] = metric["value"]


def catalog(config: Mapping[str, Any], wanted: Sequence[str], also: Sequence[str] = ()) -> tuple[dict[str, Any], int]:
    """Discover the portal and select streams; returns the catalog and how many requests that took.

    Who selects children gets `child_reads` besides: without it nothing tells which of them are gone.

    Args:
        config: The tap's settings.
        wanted: Stream names; none: all that are selected by default.
        also: Streams to select besides, where the portal has them.

    Raises:
        SettingsError: There is no such stream on this portal.
    """
    from tap_bitrix24.children import SET_READ_AT
    from tap_bitrix24.entities import CHILD_SETS
    from tap_bitrix24.tap import TapBitrix24

    tap = TapBitrix24(config=dict(config), setup_mapper=False)
    found = tap.catalog_dict
    tap.client.close()
    names = [stream["tap_stream_id"] for stream in found["streams"]]
    if unknown := sorted(set(wanted) - set(names)):
        msg = f"--select: this portal has no stream {', '.join(unknown)}; it has {', '.join(names)}."
        raise SettingsError(msg)
    children = {name for name, stream in zip(names, found["streams"], strict=True) if SET_READ_AT in _columns(stream)}
    chosen = {*wanted, *also, *({CHILD_SETS.stream} if children.intersection(wanted) else ())}
    for stream, name in zip(found["streams"], names, strict=True):
        if wanted or name in also:
            root(stream)["selected"] = name in chosen
    return found, tap.client.requests


def _columns(stream: Mapping[str, Any]) -> Mapping[str, Any]:
    columns: Mapping[str, Any] = stream["schema"]["properties"]
    return columns


def root(stream: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a whole stream of a catalog."""
    found: dict[str, Any] = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
    return found


@contextlib.contextmanager
def signals(act: Callable[[int], object]) -> Iterator[None]:
    """Have SIGINT and SIGTERM do this, and nothing else, while the block runs."""
    before = {each: signal.signal(each, lambda signum, _: act(signum)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def leave(signum: int) -> None:
    """Stop here; what is open is closed on the way out.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted(signum)


@contextlib.contextmanager
def demo_portal(scale: int, door: str) -> Iterator[dict[str, Any]]:
    """Run the demo portal as a process of its own; gives its config.

    It has the larger tariff: all default streams take more requests than the smaller one gives at once, and nobody
    tries something out in order to wait. Its process group is its own, too: Ctrl-C reaches a terminal's whole group,
    and the tap shall not lose its portal before it has finished.
    """
    plan = "enterprise"
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", str(scale), "--plan", plan]
    command += ["--door", door]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as portal,
    ):
        try:
            line = portal.stdout.readline() if portal.stdout else ""
            if not line:
                msg = f"the demo portal did not start (exit code {portal.wait()})"
                raise TapError(msg)
            tokens = {"token_file": str(Path(folder, "tokens.json"))} if door == "oauth" else {}
            yield {**json.loads(line), **tokens, "plan": plan}
        finally:
            portal.terminate()


def export(config: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Extract and load; returns the exit code, the tap's if that is not 0.

    Raises:
        TapError: Settings are wrong, or the portal or the database can't be used.
        Interrupted: A signal came; what the tap had written until then is in the file.
    """
    from tap_bitrix24.export.console import Report
    from tap_bitrix24.target_duckdb import labelled_views
    from tap_bitrix24.target_duckdb.loader import Loader

    if "client_id" in config and not config.get("token_file"):
        msg = "bitrix24-export signs in more than once: with OAuth it takes token_file, which keeps the renewed tokens."
        raise SettingsError(msg)
    began = time.monotonic()
    config = {**config, "start_date": options.since} if options.since else config
    wanted = [name.strip() for name in (options.select or "").split(",") if name.strip()]
    report = Report()
    found, requests = catalog(config, wanted, labelled_views.LABEL_STREAMS if options.labels else ())
    selected = sum(root(stream).get("selected") is not False for stream in found["streams"])
    with Loader(options.database, schema=options.schema) as loader, _files(config=config, catalog=found) as files:
        with report.progress(selected) as show:
            code, tail = _pump([sys.executable, "-m", "tap_bitrix24.tap", *files], loader, show)
        loader.finish()
    report.warnings(tail.warnings)
    report.table(
        loader.rows_loaded, tail.seconds, tail.requests,
        took=time.monotonic() - began, all_requests=requests + sum(tail.requests.values()),
    )  # fmt: skip
    if options.labels:
        report.views(labelled_views.create_labelled_views(options.database, schema=options.schema))
    if code:
        sys.stderr.write(f"{tail.last or f'the tap ended with exit code {code}'}\n")
    elif options.verify and (lacking := verify(config, found, options, report)):
        msg = f"--verify: rows are missing from {', '.join(lacking)}; run again, or load into a new file"
        raise TapError(msg)
    elif options.demo in ("webhook", "oauth") and not wanted:
        report.examples(options.database, options.schema)
    return code


def verify(
    config: Mapping[str, Any], found: Mapping[str, Any], options: argparse.Namespace, report: Report
) -> list[str]:
    """Hold each table against the portal's own count; returns the names of those that lack rows."""
    from tap_bitrix24.tap import TapBitrix24
    from tap_bitrix24.target_duckdb.row_counts import count_rows

    tap = TapBitrix24(config=dict(config), catalog=dict(found))
    selected = {name: stream for name, stream in tap.streams.items() if stream.selected}
    keys = {name: stream.primary_keys[0] for name, stream in selected.items() if len(stream.primary_keys) == 1}
    tables = count_rows(options.database, keys, schema=options.schema)
    told = tap.count({name: table.largest_key for name, table in tables.items()})
    tap.client.close()
    counted = {name: (count, tables[name].rows) for name, count in told.items() if count is not None}
    report.verified(counted, not_counted=len(selected) - len(counted))
    return [name for name, (count, rows) in counted.items() if count > rows]


@contextlib.contextmanager
def _files(**contents: Mapping[str, Any]) -> Iterator[list[str]]:
    """The tap's arguments, each content in a file only we can read, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        arguments: list[str] = []
        for name, content in contents.items():
            path = Path(folder, f"{name}.json")
            path.touch(mode=0o600)
            path.write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        yield arguments


def _pump(command: Sequence[str], loader: Loader, show: Callable[[int, int], None]) -> tuple[int, Tail]:
    """Load what the tap writes until it ends; returns its exit code and what it told.

    Raises:
        Interrupted: A signal came; it was passed on, and what the tap wrote before it left is committed.
    """
    came: list[int] = []
    rows = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0) as tap:
        if tap.stdout is None or tap.stderr is None:
            msg = "the tap was started without pipes"
            raise TapError(msg)

        def pass_on(signum: int) -> None:
            came.append(signum)
            tap.send_signal(signum)

        tail = Tail(io.TextIOWrapper(tap.stderr, encoding="utf-8", errors="replace"))
        tail.start()
        with signals(pass_on):
            try:
                while chunk := os.read(tap.stdout.fileno(), CHUNK):
                    rows += chunk.count(RECORD)
                    loader.feed(chunk)
                    show(len(tail.seconds), rows)
                code = tap.wait()
            except BaseException:
                tap.terminate()
                raise
        tail.join()
    if came:
        loader.flush()
        raise Interrupted(came[0])
    return (128 - code if code < 0 else code), tail


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code and prints one line for any failure."""
    options = parse_arguments(arguments)
    try:
        with signals(leave), contextlib.ExitStack() as stack:
            if missing := [name for name in EXTRA if find_spec(name) is None]:
                msg = f"{', '.join(missing)} not installed: pip install 'tap-bitrix24[duckdb]'"
                raise SettingsError(msg)
            if options.demo:
                return export(stack.enter_context(demo_portal(options.scale, options.demo)), options)
            return export(read_object(f"--config {options.config}", options.config.read_bytes), options)
    except TapError as error:
        return _told(str(error), error.exit_code)
    except Interrupted as stopped:
        kept = f"; rows read until then are in {options.database}" if options.database.exists() else ""
        return _told(f"stopped{kept}", stopped.exit_code)


def _told(text: str, code: int) -> int:
    sys.stderr.write(f"bitrix24-export: {Redactor().clean(text)}\n")
    return code


def main() -> None:
    """Entry point of the console script `bitrix24-export`."""
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    sys.exit(run())
