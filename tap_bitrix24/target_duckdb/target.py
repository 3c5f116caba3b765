"""`target-bitrix24-duckdb`: Singer messages on standard input → a DuckDB file, confirmed STATE on standard output.

Exit codes: 0 everything loaded; 1 invalid message or value, or unusable file; 2 invalid settings; 130/143 stopped by a
signal, with all records received until then committed and confirmed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import orjson

from tap_bitrix24 import __version__
from tap_bitrix24.errors import Interrupted, SettingsError, TapError, unknown_name
from tap_bitrix24.pipes import write_to_stdout
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Loader

NAME = "target-bitrix24-duckdb"
SETTINGS: dict[str, dict[str, Any]] = {
    "path": {"type": "string", "description": "DuckDB file to load into; created if missing"},
    "schema": {"type": "string", "default": "bitrix24", "description": "Schema of the tables"},
}
_CHUNK_BYTES = 1 << 16
_MAX_QUEUED_CHUNKS = 128
"""8 MB of input: the tap can go on writing while a batch is being committed."""
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """The settings of the configuration file."""

    path: str
    schema: str


class Signals:
    """Records SIGINT and SIGTERM instead of interrupting: a commit that is in progress is completed first."""

    def __init__(self) -> None:
        """Install the handlers."""
        self.received = 0
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._receive)

    def _receive(self, signum: int, _frame: FrameType | None) -> None:
        self.received = signum

    def check(self) -> None:
        """Raise if a signal was received.

        Raises:
            Interrupted: Always after a signal.
        """
        if self.received:
            raise Interrupted(self.received)


def read_settings(path: str | None) -> TargetSettings:
    """Read the configuration file.

    Raises:
        SettingsError: The file cannot be read, or a setting is missing, unknown or not a non-empty string.
    """
    if path is None:
        msg = "--config FILE is missing; settings: path (required), schema."
        raise SettingsError(msg)
    try:
        given = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        msg = f"Cannot read the settings in {path}: {error}"
        raise SettingsError(msg) from error
    if not isinstance(given, dict):
        msg = f"The settings in {path} are not a JSON object."
        raise SettingsError(msg)
    unknown = sorted(given.keys() - SETTINGS.keys())
    if unknown:
        raise SettingsError(unknown_name("setting", unknown[0], SETTINGS))
    values = {name: given.get(name, each.get("default")) for name, each in SETTINGS.items()}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            msg = f"Setting {name!r} must be a non-empty string."
            raise SettingsError(msg)
    return TargetSettings(path=str(values["path"]), schema=str(values["schema"]))


def echo_state(value: bytes) -> None:
    """Write a confirmed STATE to standard output as one line, unbuffered.

    Raises:
        LoadError: The reader has closed the pipe.
    """
    try:
        write_to_stdout(value + b"\n")
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails, too
        msg = "Standard output is closed: cannot confirm STATE."
        raise LoadError(msg) from error


def read_ahead(source: int, signals: Signals) -> Iterator[bytes]:
    """Yield chunks of the input as they arrive, and an empty one every 0.25 seconds while none arrives.

    Raises:
        LoadError: The input cannot be read.
        Interrupted: A signal was received.
    """
    chunks: queue.Queue[bytes | OSError] = queue.Queue(_MAX_QUEUED_CHUNKS)

    def read() -> None:
        try:
            while chunk := os.read(source, _CHUNK_BYTES):
                chunks.put(chunk)
            chunks.put(b"")
        except OSError as error:
            chunks.put(error)

    threading.Thread(target=read, daemon=True).start()
    while True:
        signals.check()
        try:
            chunk = chunks.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            yield b""
            continue
        if isinstance(chunk, OSError):
            msg = f"Cannot read the input: {chunk.strerror}"
            raise LoadError(msg)
        if not chunk:
            return
        yield chunk


def run(settings: TargetSettings, source: int) -> None:
    """Load the input of a file descriptor to its end; after a signal, commit what was received.

    Raises:
        LoadError: A message or value is invalid, or the file cannot be written.
        Interrupted: A signal was received.
    """
    signals = Signals()
    loader = Loader(settings.path, schema=settings.schema, on_state=echo_state)
    try:
        try:
            for chunk in read_ahead(source, signals):
                loader.feed(chunk) if chunk else loader.commit_if_due()
        except Interrupted:
            loader.flush()
            raise
        loader.finish()
    finally:
        loader.close()


def about(style: str) -> str:
    """Return name, version and settings of the target, as text or as JSON for Meltano."""
    if style == "json":
        schema = {"type": "object", "properties": SETTINGS, "required": ["path"]}
        capabilities = ["about", "activate-version"]
        description = {"name": NAME, "version": __version__, "capabilities": capabilities, "settings": schema}
        return json.dumps(description, indent=2)
    lines = [f"{name:8}{each['description']}" for name, each in SETTINGS.items()]
    return "\n".join([f"{NAME} {__version__}", *lines])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(NAME, description="Singer target: messages on standard input → DuckDB.")
    parser.add_argument("--config", metavar="FILE", help="JSON with path and schema")
    parser.add_argument("--input", metavar="FILE", help="read messages from here instead of standard input")
    parser.add_argument("--about", action="store_true", help="show the settings")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="how --about shows them")
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, which the console script passes to the shell."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    try:
        if options.about:
            sys.stdout.write(about(options.format) + "\n")
        else:
            settings = read_settings(options.config)
            _run_from(options.input, settings)
    except (TapError, Interrupted) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        return error.exit_code
    return 0


def _run_from(path: str | None, settings: TargetSettings) -> None:
    if path is None:
        run(settings, sys.stdin.fileno())
        return
    try:
        source = os.open(path, os.O_RDONLY)
    except OSError as error:
        msg = f"Cannot read the input {path}: {error.strerror}"
        raise SettingsError(msg) from error
    try:
        run(settings, source)
    finally:
        os.close(source)
