"""Singer messages: the head of a RECORD line is recognised by its bytes, all other lines are parsed.

A tap writes one kind of head per stream, so the bytes of the last head seen are compared first; whatever is not
in a canonical form (any key order and white space is legal Singer) is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from tap_bitrix24.target_duckdb.errors import LoadError

_HEAD = re.compile(
    rb"""\s*\{\s*(?:"type"\s*:\s*"RECORD"\s*,\s*"stream"\s*:\s*"([^"\\]+)"|"""
    rb""""stream"\s*:\s*"([^"\\]+)"\s*,\s*"type"\s*:\s*"RECORD")\s*,""",
)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a stream; the line itself is handed on unparsed."""

    stream: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns and the primary key of a stream from here on."""

    stream: str
    properties: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How far the tap is, as JSON text; numbers keep every digit."""

    value: bytes


@dataclass(frozen=True, slots=True)
class ActivateVersion:
    """From now on only rows of this version belong to the stream."""

    stream: str
    version: int


Message = Record | Schema | State | ActivateVersion


def record_head(line: bytes) -> tuple[bytes, str] | None:
    """The bytes every RECORD line of the same writer and stream starts with, and the stream; None if not canonical."""
    found = _HEAD.match(line)
    if found is None:
        return None
    try:
        return found.group(), (found[1] or found[2]).decode()
    except UnicodeDecodeError:
        return None


def parse(line: bytes) -> Message:
    """Read any message.

    Raises:
        LoadError: It is not JSON, not a Singer message, or of a type that is not supported.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        msg = f"not JSON: {error}"
        raise LoadError(msg) from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        msg = "not a Singer message: no object with a type"
        raise LoadError(msg)
    match message["type"]:
        case "RECORD":
            return _record(message)
        case "SCHEMA":
            return _schema(message)
        case "STATE":
            return State(_state_value(line))
        case "ACTIVATE_VERSION":
            return _activate_version(message)
        case "BATCH":
            msg = "BATCH messages are not supported: switch batch_config off in the tap"
            raise LoadError(msg)
        case other:
            msg = f"unknown message type {other!r}"
            raise LoadError(msg)


def _stream(message: Mapping[str, Any]) -> str:
    stream = message.get("stream")
    if not isinstance(stream, str) or not stream:
        msg = f"{message['type']} names no stream"
        raise LoadError(msg)
    return stream


def _record(message: Mapping[str, Any]) -> Record:
    stream = _stream(message)
    if not isinstance(message.get("record"), dict):
        msg = f"RECORD of stream {stream} has no record object"
        raise LoadError(msg)
    return Record(stream)


def _schema(message: Mapping[str, Any]) -> Schema:
    stream = _stream(message)
    schema = message.get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        msg = f"SCHEMA of stream {stream} has no properties"
        raise LoadError(msg)
    key = message.get("key_properties") or ()
    known = {name: value if isinstance(value, dict) else {} for name, value in properties.items()}
    if not isinstance(key, list | tuple) or not all(isinstance(name, str) and name in known for name in key):
        msg = f"SCHEMA of stream {stream} has key_properties that are no properties: {key}"
        raise LoadError(msg)
    return Schema(stream, known, tuple(dict.fromkeys(key)))


def _activate_version(message: Mapping[str, Any]) -> ActivateVersion:
    stream, version = _stream(message), message.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or not -(2**63) <= version < 2**63:
        msg = f"ACTIVATE_VERSION of stream {stream} has no integer version"
        raise LoadError(msg)
    return ActivateVersion(stream, version)


def _no_constant(name: str) -> NoReturn:
    msg = f"STATE holds {name}, which is not JSON"
    raise LoadError(msg)


def _state_value(line: bytes) -> bytes:
    """The state's value with integers of any length; the fast parser would round those beyond 64 bits."""
    message = json.loads(line, parse_constant=_no_constant)
    if "value" not in message:
        msg = "STATE has no value"
        raise LoadError(msg)
    return json.dumps(message["value"], ensure_ascii=False, separators=(",", ":")).encode()
