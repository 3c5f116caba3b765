"""Checks of the files given on the command line, config, catalog and STATE, before any request is sent.

The SDK reads them, too, but fails with a traceback if one is malformed, and takes STATE it does not understand for
none: everything would be read again without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.fingerprint import STATE_KEY, PortalFingerprint, stored_facts
from tap_bitrix24.replication.state import parse_bookmark

_MELTANO_JOBS = ("completed", "partial")
"""Where Meltano keeps the STATE of the last complete job, and what later jobs confirmed beyond it."""


def read_object(
    name: str, read: Callable[[], str | bytes], parse: Callable[[str | bytes], Any] = json.loads
) -> dict[str, Any]:
    """Return the JSON object in a file.

    Args:
        name: Option and path, for the error's text.
        read: Returns the file's content; called once, because the file may be a pipe.
        parse: Returns the JSON value in the content; raises ValueError if it is not JSON.

    Raises:
        SettingsError: The file does not exist, cannot be read, or does not hold a JSON object.
    """
    try:
        content = parse(read())
    except OSError as error:
        msg = f"{name}: cannot read the file ({error.strerror or error})."
        raise SettingsError(msg) from error
    except ValueError as error:
        msg = f"{name}: the file is not JSON ({error}); correct it."
        raise SettingsError(msg) from error
    if not isinstance(content, dict):
        msg = f"{name}: the file must hold a JSON object {{…}}."
        raise SettingsError(msg)
    return content


def read_catalog(name: str, read: Callable[[], str | bytes]) -> dict[str, Any]:
    """Return the catalog in a file, without the streams it deselects by `"selected": false`.

    The SDK would parse, copy and filter the schema of each: of 200 streams, longer than a short run takes for all else.

    Raises:
        SettingsError: The file cannot be read, or does not have the form that `--discover` writes.
    """
    catalog = read_object(name, read)
    streams = catalog.get("streams")
    valid = isinstance(streams, list) and all(
        isinstance(stream, dict)
        and isinstance(stream.get("tap_stream_id"), str)
        and isinstance(stream.get("schema"), dict)
        and isinstance(stream.get("metadata", []), list)
        for stream in streams
    )
    if not valid:
        msg = (
            "The catalog must be a list `streams` of objects with tap_stream_id, schema and metadata: "
            "create it with --discover."
        )
        raise SettingsError(msg)
    return {**catalog, "streams": [stream for stream in catalog["streams"] if not _deselected(stream)]}


def _deselected(stream: Mapping[str, Any]) -> bool:
    parts = [part for part in stream.get("metadata", []) if isinstance(part, dict) and not part.get("breadcrumb")]
    roots = [part["metadata"] for part in parts if isinstance(part.get("metadata"), dict)]
    return any(root.get("selected") is False and root.get("inclusion") != "automatic" for root in roots)


def read_state(name: str, read: Callable[[], str | bytes]) -> dict[str, Any]:
    """Return the STATE in a file.

    Raises:
        SettingsError: The file cannot be read, or does not hold STATE as the tap writes it.
    """
    return check_state(read_object(name, read, _last_json))


def _last_json(content: str | bytes) -> Any:
    """Return the JSON value in a file; of several lines, as a target writes them, that of the last.

    Raises:
        ValueError: The content is not JSON, or its last line is cut off.
    """
    try:
        return json.loads(content)
    except ValueError:
        first, *others = content.strip().splitlines() or [content]
        if not others or not isinstance(json.loads(first), dict):
            raise
        return json.loads(others[-1])


def check_state(content: Any) -> dict[str, Any]:
    """Return the STATE in a file, taken out of what Singer programs wrap it in: a STATE message, or Meltano's object.

    Raises:
        SettingsError: It is none, or a part of it does not have the form that the tap writes.
    """
    if isinstance(content, dict):
        if content.get("type") == "STATE":
            return check_state(content.get("value"))
        if "singer_state" in content:
            return check_state(content["singer_state"])
        if content.keys() & set(_MELTANO_JOBS) and "bookmarks" not in content:
            return _merged(*(check_state(content.get(jobs) or {}) for jobs in _MELTANO_JOBS))
    if not isinstance(content, dict) or (content and "bookmarks" not in content):
        msg = "STATE must hold an object `bookmarks`; correct it or start without --state."
        raise SettingsError(msg)
    _check_bookmarks(content.get("bookmarks", {}))
    try:
        stored_facts(content.get(STATE_KEY, {}))
    except ValueError as error:
        msg = f"STATE: `{STATE_KEY}` must be as the tap writes it; correct it or remove it."
        raise SettingsError(msg) from error
    return content


def _merged(completed: dict[str, Any], partial: dict[str, Any]) -> dict[str, Any]:
    """Return the STATE of Meltano's last complete job with what later ones confirmed beyond it."""
    bookmarks = {**completed.get("bookmarks", {}), **partial.get("bookmarks", {})}
    return {**completed, **partial, "bookmarks": bookmarks}


def check_portal(state: Mapping[str, Any], fingerprint: PortalFingerprint) -> None:
    """Check that STATE belongs to the portal that is read.

    Raises:
        SettingsError: It belongs to another.
    """
    if not fingerprint.recognizes(stored := state.get(STATE_KEY, {})):
        msg = (
            f"STATE belongs to another portal ({fingerprint.compared(stored)}): start without --state, or, if the "
            "portal was renamed, set renamed_from to its former host."
        )
        raise SettingsError(msg)


def _check_bookmarks(bookmarks: Any) -> None:
    if not isinstance(bookmarks, dict):
        msg = "STATE must hold an object `bookmarks`; correct it or start without --state."
        raise SettingsError(msg)
    for stream, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            msg = f"STATE of {stream} must be an object; correct it or remove that stream's bookmark."
            raise SettingsError(msg)
        snapshot = bookmark.get("snapshot") or {}
        if "replication_key_value" in bookmark:
            parse_bookmark(bookmark["replication_key_value"])
        elif not isinstance(snapshot, dict) or not isinstance(snapshot.get("after", 0), int):
            msg = (
                f"STATE of {stream}: snapshot must hold a number `after`; correct it or remove that stream's bookmark."
            )
            raise SettingsError(msg)
        elif "clock" in snapshot:
            parse_bookmark(snapshot["clock"])
