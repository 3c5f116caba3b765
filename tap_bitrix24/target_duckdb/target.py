"""`target-bitrix24-duckdb`: Singer messages on standard input → a DuckDB file, confirmed STATE on standard output.

Exit codes: 0 all loaded, 1 a message, a value or the file is not as it must be, 2 settings, 130/143 signals
(what came until then is committed and confirmed).
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
from tap_bitrix24.errors import Interrupted, SettingsError, TapError
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Loader

NAME = "target-bitrix24-duckdb"
SETTINGS: dict[str, dict[str, Any]] = {
    "path": {"type": "string", "description": "DuckDB file to load into; made if it is not there"},
    "schema": {"type": "string", "default": "bitrix24", "description": "Schema of the tables"},
}
_CHUNK = 1 << 16
_QUEUED = 128
"""Chunks read ahead, 8 MB: the tap goes on while a batch is being committed."""
_TICK = 0.25


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration file says."""

    path: str
    schema: str


class Signals:
    """SIGINT and SIGTERM as a flag: a batch on its way into the file is finished first."""

    def __init__(self) -> None:
        """Install the handlers."""
        self.received = 0
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._receive)

    def _receive(self, signum: int, _frame: FrameType | None) -> None:
        self.received = signum

    def check(self) -> None:
        """Raise if a signal came."""
        if self.received:
            raise Interrupted(self.received)


def read_settings(path: str | None) -> Settings:
    """Read the configuration file.

    Raises:
        SettingsError: It cannot be read, or a setting is missing, unknown or not a text.
    """
    if path is None:
        msg = "--config FILE is missing; settings: path (required), schema."
        raise SettingsError(msg)
    try:
        found = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        msg = f"Cannot read the settings in {path}: {error}"
        raise SettingsError(msg) from error
    if not isinstance(found, dict):
        msg = f"The settings in {path} are not a JSON object."
        raise SettingsError(msg)
    unknown = sorted(found.keys() - SETTINGS.keys())
    if unknown:
        msg = f"Unknown setting {unknown[0]!r}; known are: {', '.join(SETTINGS)}."
        raise SettingsError(msg)
    values = {name: found.get(name, each.get("default")) for name, each in SETTINGS.items()}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            msg = f"Setting {name!r} must be a text."
            raise SettingsError(msg)
    return Settings(path=str(values["path"]), schema=str(values["schema"]))


def echo_state(value: bytes) -> None:
    """Print a confirmed STATE as one line, at once."""
    try:
        sys.stdout.buffer.write(value + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing to flush at exit
        msg = "Nobody reads the STATE on standard output."
        raise LoadError(msg) from error


def read_ahead(source: int, signals: Signals) -> Iterator[bytes]:
    """Chunks of the input as they come, and an empty one now and then while none comes."""
    chunks: queue.Queue[bytes | OSError] = queue.Queue(_QUEUED)

    def read() -> None:
        try:
            while chunk := os.read(source, _CHUNK):
                chunks.put(chunk)
            chunks.put(b"")
        except OSError as error:
            chunks.put(error)

    threading.Thread(target=read, daemon=True).start()
    while True:
        signals.check()
        try:
            chunk = chunks.get(timeout=_TICK)
        except queue.Empty:
            yield b""
            continue
        if isinstance(chunk, OSError):
            msg = f"Cannot read the input: {chunk.strerror}"
            raise LoadError(msg)
        if not chunk:
            return
        yield chunk


def run(settings: Settings, source: int) -> None:
    """Load everything the source brings; a signal ends it after a last commit."""
    signals = Signals()
    loader = Loader(settings.path, schema=settings.schema, on_state=echo_state)
    try:
        try:
            for chunk in read_ahead(source, signals):
                loader.feed(chunk) if chunk else loader.tick()
        except Interrupted:
            loader.flush()
            raise
        loader.finish()
    finally:
        loader.close()


def about(style: str) -> str:
    """What the target is and which settings it has; JSON for Meltano."""
    if style == "json":
        schema = {"type": "object", "properties": SETTINGS, "required": ["path"]}
        capabilities = ["about", "activate-version"]
        known = {"name": NAME, "version": __version__, "capabilities": capabilities, "settings": schema}
        return json.dumps(known, indent=2)
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
    """Run the command.

    Returns:
        The exit code; also for the console script, which hands it to the shell.
    """
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


def _run_from(path: str | None, settings: Settings) -> None:
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
