"""The command `bitrix24-export`: its arguments, its exit codes, one line for any failure.

Exit codes: those of the tap (0, 1, 2); 1 if the file cannot be written or, with `--verify`, lacks rows or holds wrong
ones; 130/143 after SIGINT/SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tap_bitrix24.errors import Interrupted, SettingsError, TapError
from tap_bitrix24.export.demo_portal import CONNECTIONS, demo_portal
from tap_bitrix24.export.processes import on_signal, stop
from tap_bitrix24.input_files import read_object
from tap_bitrix24.redaction import Redactor

EXTRA = ("duckdb", "pytz", "rich")
"""Packages of the extra `duckdb`; imported only after it was checked that they are installed."""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="bitrix24-export", description="Extract a Bitrix24 portal into a DuckDB file.", allow_abbrev=False
    )
    parser.add_argument("database", type=Path, help="DuckDB file to write; existing rows are updated")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, help="config.json of the tap")
    source.add_argument(
        "--demo",
        nargs="?",
        const=CONNECTIONS[0],
        choices=CONNECTIONS,
        metavar="CONNECTION",
        help=f"extract the demo portal of this package, by one of its connections: {', '.join(CONNECTIONS)}",
    )
    parser.add_argument("--select", help="streams to extract, separated by commas (default: those selected by default)")
    parser.add_argument("--since", help="leave out rows last modified before this date, e.g. 2025-01-01")
    parser.add_argument(
        "--labels", action="store_true", help="add views with the portal's labels for columns and texts for options"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare the tables with the portal's counts and sample rows: exit code 1 if any are missing or wrong",
    )
    parser.add_argument("--schema", default="bitrix24", help="DuckDB schema (default: bitrix24)")
    parser.add_argument("--scale", type=int, default=2_000, help="with --demo: number of deals (default: 2000)")
    return parser.parse_args(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; print one line for any failure."""
    options = parse_arguments(arguments)
    try:
        with on_signal(stop), contextlib.ExitStack() as stack:
            if missing := [name for name in EXTRA if find_spec(name) is None]:
                msg = f"{', '.join(missing)} not installed: pip install 'tap-bitrix24[duckdb]'"
                raise SettingsError(msg)
            from tap_bitrix24.export.pipeline import export

            if options.demo:
                return export(stack.enter_context(demo_portal(options.scale, options.demo)), options)
            return export(read_object(f"--config {options.config}", options.config.read_bytes), options)
    except TapError as error:
        return _fail(str(error), error.exit_code)
    except Interrupted as stopped:
        kept = f"; rows read until then are in {options.database}" if options.database.exists() else ""
        return _fail(f"stopped{kept}", stopped.exit_code)


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"bitrix24-export: {Redactor().clean(text)}\n")
    return code


def main() -> None:
    """Entry point of the console script `bitrix24-export`."""
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    sys.exit(run())
