"""What the loader's tests share: messages as bytes, the loader as a process, and a look into the file."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import orjson

from tap_bitrix24.target_duckdb.loader import Loader
from tests.support.prefork import LOADER, server

INTEGER = {"type": ["integer", "null"]}
NUMBER = {"type": ["number", "null"]}
BOOLEAN = {"type": ["boolean", "null"]}
STRING = {"type": ["string", "null"]}
DATE = {"type": ["string", "null"], "format": "date"}
DATETIME = {"type": ["string", "null"], "format": "date-time"}
OBJECT = {"type": ["object", "null"]}
ANY: dict[str, Any] = {}


def script() -> str:
    found = shutil.which("target-bitrix24-duckdb", path=str(Path(sys.executable).parent))
    assert found, "install the package first"
    return found


def line(**message: Any) -> bytes:
    return orjson.dumps(message) + b"\n"


def schema(stream: str, properties: dict[str, Any], key: Iterable[str] = ("id",)) -> bytes:
    return line(type="SCHEMA", stream=stream, schema={"properties": properties}, key_properties=list(key))


def record(stream: str, row: dict[str, Any], **more: Any) -> bytes:
    return line(type="RECORD", stream=stream, record=row, **more)


def raw(stream: str, text: str) -> bytes:
    """A RECORD with the record's JSON as written here."""
    return f'{{"type":"RECORD","stream":"{stream}","record":{text}}}\n'.encode()


def state(value: Any) -> bytes:
    return line(type="STATE", value=value)


def load(path: Path, *messages: bytes) -> list[bytes]:
    """Load in process; the states confirmed."""
    states: list[bytes] = []
    with Loader(path, on_state=states.append) as loader:
        for message in messages:
            loader.feed(message)
    return states


def query(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql, values).fetchall()


def types(path: Path, name: str) -> dict[str, str]:
    return dict(query(path, "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", name))


def table(path: Path, name: str) -> list[tuple[Any, ...]]:
    """All of a table whose name needs quotes."""
    quoted = name.replace('"', '""')
    return query(path, f'FROM out.bitrix24."{quoted}"')


def run(path: Path, data: bytes, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """The loader in a process of its own, messages on standard input."""
    _, *arguments = command(path, **settings)
    return server(LOADER).run(arguments, stdin=data, cwd=path.parent, env=os.environ, timeout=60)


def command(path: Path, **settings: str) -> list[str]:
    config = path.with_suffix(".json")
    config.write_bytes(orjson.dumps({"path": str(path), **settings}))
    return [script(), "--config", str(config)]
