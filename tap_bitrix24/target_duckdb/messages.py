"""Singer messages: most RECORD lines are recognised by their first bytes, all other lines are parsed.

A tap writes all RECORD lines of a stream with the same prefix, so the loader compares a line with the prefix of the one
before it. Singer allows any key order and white space: a RECORD without a usual prefix is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from tap_bitrix24.fingerprint import SCHEMA_KEY, PortalFingerprint
from tap_bitrix24.target_duckdb.errors import LoadError

_RECORD_PREFIX = re.compile(
    rb"""\s*\{\s*(?:"type"\s*:\s*"RECORD"\s*,\s*"stream"\s*:\s*"([^"\\]+)"|"""
    rb""""stream"\s*:\s*"([^"\\]+)"\s*,\s*"type"\s*:\s*"RECORD")\s*,""",
)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a stream; the loader passes the line itself on to DuckDB, unparsed."""

    stream: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns and the primary key of a stream's following records."""

    stream: str
    properties: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    portal: PortalFingerprint | None = None
    """The portal the records come from, if the tap tells it."""


@dataclass(frozen=True, slots=True)
class State:
    """The tap's bookmarks, as JSON text with every digit of its numbers."""

    value: bytes


@dataclass(frozen=True, slots=True)
class ActivateVersion:
    """Only rows of this version belong to the stream; all others are to be deleted."""

    stream: str
    version: int


Message = Record | Schema | State | ActivateVersion


def record_prefix(line: bytes) -> tuple[bytes, str] | None:
    """Return the prefix of a RECORD line up to its stream, and the stream; None for any other line or form."""
    found = _RECORD_PREFIX.match(line)
    if found is None:
        return None
    try:
        return found.group(), (found[1] or found[2]).decode()
    except UnicodeDecodeError:
        return None


def parse(line: bytes) -> Message:
    """Parse a message of any type.

    Raises:
        LoadError: The line is not JSON, not a Singer message, or of an unsupported type.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        msg = f"not JSON: {error}"
        raise LoadError(msg) from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        msg = "not a Singer message: expected an object with a type"
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
            msg = "BATCH messages are not supported: remove batch_config from the settings of the tap"
            raise LoadError(msg)
        case other:
            msg = f"unknown message type {other!r}"
            raise LoadError(msg)


def _stream(message: Mapping[str, Any]) -> str:
    stream = message.get("stream")
    if not isinstance(stream, str) or not stream:
        msg = f"{message['type']} has no stream"
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
        msg = f"SCHEMA of stream {stream} has key_properties that are not among its properties: {key}"
        raise LoadError(msg)
    return Schema(stream, known, tuple(dict.fromkeys(key)), _portal(stream, message["schema"]))


def _portal(stream: str, schema: Mapping[str, Any]) -> PortalFingerprint | None:
    if SCHEMA_KEY not in schema:
        return None
    try:
        return PortalFingerprint.from_json(schema[SCHEMA_KEY])
    except ValueError as error:
        msg = f"SCHEMA of stream {stream}: {SCHEMA_KEY}: {error}"
        raise LoadError(msg) from error


def _activate_version(message: Mapping[str, Any]) -> ActivateVersion:
    stream, version = _stream(message), message.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or not -(2**63) <= version < 2**63:
        msg = f"ACTIVATE_VERSION of stream {stream} has no integer version"
        raise LoadError(msg)
    return ActivateVersion(stream, version)


def _no_constant(name: str) -> NoReturn:
    msg = f"STATE contains {name}, which is not JSON"
    raise LoadError(msg)


def _state_value(line: bytes) -> bytes:
    """Return the value of a STATE as JSON text; by the standard parser, for orjson rounds integers beyond 64 bits."""
    message = json.loads(line, parse_constant=_no_constant)
    if "value" not in message:
        msg = "STATE has no value"
        raise LoadError(msg)
    return json.dumps(message["value"], ensure_ascii=False, separators=(",", ":")).encode()
