"""The export as a user starts it, and a demo portal to point it at."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tests.support.prefork import EXPORT, server
from tests.support.running import Portal

COMMAND = Path(sys.executable).parent / "bitrix24-export"


@dataclass(frozen=True)
class Done:
    """A finished run."""

    code: int
    stdout: str
    stderr: str

    @property
    def figures(self) -> dict[str, list[str]]:
        """The closing table: stream → rows, seconds, requests."""
        cut = self.stdout.partition("-- ")[0].splitlines()
        rows = [line.split() for line in cut if len(line.split()) == 4]
        return {stream: figures for stream, *figures in rows}


@dataclass(frozen=True)
class Export:
    """Runs the command in a folder of the test; `database` is the file it writes there."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: {**os.environ, "TZ": "Asia/Kolkata"})

    @property
    def database(self) -> Path:
        return self.folder / "crm.duckdb"

    def __call__(self, *arguments: str, config: Mapping[str, Any] | None = None, timeout: float = 60) -> Done:
        given = [str(self.database), *arguments]
        given += ["--config", self.config_file(config)] if config is not None else []
        done = server(EXPORT).run(given, cwd=self.folder, env=self.environment, timeout=timeout)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def config_file(self, config: Mapping[str, Any]) -> str:
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return str(path)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows SQL finds in the file; tables are found without their schema."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            connection.execute("USE bitrix24")
            return connection.execute(sql).fetchall()

    def counts(self) -> dict[str, int]:
        """Table → rows, without the loader's own tables."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            return {name: len(connection.table(f"bitrix24.{name}")) for (name,) in names if not name.startswith("_")}


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


@pytest.fixture(scope="package")
def portal() -> Iterator[Portal]:
    """A portal with 300 deals, for reading only."""
    with serve(port=0, scale=300, seed=1, no_limits=True) as running:
        yield Portal(running.url)


@pytest.fixture
def own() -> Iterator[Portal]:
    """A small portal of the test's own: it may be broken, and its counters start at 0."""
    with serve(port=0, scale=60, seed=1, no_limits=True) as running:
        yield Portal(running.url)
