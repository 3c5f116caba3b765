"""Loading the tap's output in tests: the loader, and its file."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tests.support.prefork import LOADER, server


def run_loader(file: Path, lines: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the loader, its settings beside the file, with Singer messages on standard input."""
    config = file.with_suffix(".target.json")
    config.write_text(json.dumps({"path": str(file), **settings}))
    arguments = ["--config", str(config)]
    done = server(LOADER).run(arguments, stdin=lines.encode(), cwd=file.parent, env=os.environ, timeout=120)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def load(lines: str, folder: Path, name: str = "loaded.duckdb") -> Path:
    """Load Singer messages into a DuckDB file with `target-bitrix24-duckdb`."""
    path = folder / name
    done = run_loader(path, lines)
    assert done.returncode == 0, done.stderr[-3000:]
    return path


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a loaded file, in UTC, with the schema of its tables in use."""
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("USE bitrix24")
        yield connection


def column_types(path: Path) -> dict[str, dict[str, str]]:
    """Return table → column → DuckDB type, columns in order, without the loader's own tables and columns."""
    with opened(path) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'bitrix24' ORDER BY table_name, ordinal_position"
        ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for table, column, type_ in rows:
        if not table.startswith("_") and not column.startswith("_sdc_"):
            types.setdefault(table, {})[column] = type_
    return types
