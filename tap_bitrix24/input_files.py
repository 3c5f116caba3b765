"""What is given on the command line as files: settings, catalog, STATE. Checked before anything is sent.

The SDK reads them too, but answers a slip with a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.replication.state import parse_bookmark


def read_object(name: str, read: Callable[[], str | bytes]) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        name: Option and path, for the error's text.
        read: Gives the file's content; called once, because the file may be a pipe.

    Raises:
        SettingsError: No such file, not readable, or not a JSON object.
    """
    try:
        content = json.loads(read())
    except OSError as error:
        msg = f"{name}: cannot read the file ({error.strerror or error})."
        raise SettingsError(msg) from error
    except ValueError as error:
        msg = f"{name}: the file is no JSON ({error}); correct it."
        raise SettingsError(msg) from error
    if not isinstance(content, dict):
        msg = f"{name}: the file must hold a JSON object {{…}}."
        raise SettingsError(msg)
    return content


def check_catalog(catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """The catalog, if it has the shape discovery gives it.

    Raises:
        SettingsError: It has not.
    """
    streams = catalog.get("streams")
    sound = isinstance(streams, list) and all(
        isinstance(stream, dict)
        and isinstance(stream.get("tap_stream_id"), str)
        and isinstance(stream.get("schema"), dict)
        and isinstance(stream.get("metadata", []), list)
        for stream in streams
    )
    if not sound:
        msg = (
            "The catalog must be a list `streams` of objects with tap_stream_id, schema and metadata: "
            "make it with --discover."
        )
        raise SettingsError(msg)
    return catalog


def check_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The STATE, if every bookmark can be gone on from.

    Raises:
        SettingsError: A bookmark is not as the tap writes it.
    """
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        msg = "STATE must hold an object `bookmarks`; correct it or begin without --state."
        raise SettingsError(msg)
    for stream, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            msg = f"STATE of {stream} must be an object; correct it or drop that stream's bookmark."
            raise SettingsError(msg)
        snapshot = bookmark.get("snapshot") or {}
        if "replication_key_value" in bookmark:
            parse_bookmark(bookmark["replication_key_value"])
        elif not isinstance(snapshot, dict) or not isinstance(snapshot.get("after", 0), int):
            msg = f"STATE of {stream}: snapshot must hold a number `after`; correct it or drop that stream's bookmark."
            raise SettingsError(msg)
        elif "clock" in snapshot:
            parse_bookmark(snapshot["clock"])
    return state
