"""Checks of the files given on the command line, config, catalog and STATE, before any request is sent.

The SDK reads them, too, but fails with a traceback if one is malformed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.replication.state import parse_bookmark


def read_object(name: str, read: Callable[[], str | bytes]) -> dict[str, Any]:
    """Return the JSON object in a file.

    Args:
        name: Option and path, for the error's text.
        read: Returns the file's content; called once, because the file may be a pipe.

    Raises:
        SettingsError: The file does not exist, cannot be read, or does not hold a JSON object.
    """
    try:
        content = json.loads(read())
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


def check_catalog(catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the catalog.

    Raises:
        SettingsError: It does not have the form that `--discover` writes.
    """
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
    return catalog


def check_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the STATE.

    Raises:
        SettingsError: A bookmark does not have the form that the tap writes.
    """
    bookmarks = state.get("bookmarks", {})
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
    return state
