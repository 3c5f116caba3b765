"""Loading the tap's output in tests: the loader's console script, and its file."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tests.support.running import SCRIPTS


def load(lines: str, folder: Path, name: str = "loaded.duckdb") -> Path:
    """Load Singer messages into a DuckDB file with `target-bitrix24-duckdb`."""
    path = folder / name
    config = folder / "target.json"
    config.write_text(json.dumps({"path": str(path)}))
    done = subprocess.run(
        [str(SCRIPTS / "target-bitrix24-duckdb"), "--config", str(config)],
        input=lines,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
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
