"""Discovery of the portal, and the selection of streams in its catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_bitrix24.errors import SettingsError, unknown_name
from tap_bitrix24.tap import TapBitrix24
from tap_bitrix24.target_duckdb.current_views import CHILD_READS, READ_AT


def discover(
    config: Mapping[str, Any], streams: Sequence[str], additional: Sequence[str] = ()
) -> tuple[dict[str, Any], int]:
    """Discover the portal and select streams; return the catalog and the number of requests.

    With a child stream `child_reads` is selected, too: without it removed children cannot be identified.

    Args:
        config: The tap's settings.
        streams: The streams to select; if empty, those selected by default.
        additional: Streams to select besides, if the portal has them.

    Raises:
        SettingsError: The portal does not have one of the streams.
    """
    tap = TapBitrix24(config=dict(config), setup_mapper=False)
    catalog = tap.catalog_dict
    tap.client.close()
    names = [stream["tap_stream_id"] for stream in catalog["streams"]]
    if unknown := sorted(set(streams) - set(names)):
        msg = f"--select: {' '.join(unknown_name('stream', name, names) for name in unknown)}"
        raise SettingsError(msg)
    children = {stream["tap_stream_id"] for stream in catalog["streams"] if READ_AT in stream["schema"]["properties"]}
    selected = {*streams, *additional, *({CHILD_READS} if children.intersection(streams) else ())}
    for stream, name in zip(catalog["streams"], names, strict=True):
        if streams or name in additional:
            stream_metadata(stream)["selected"] = name in selected
    return catalog, tap.client.requests


def stream_metadata(stream: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a catalog's stream as a whole, as opposed to those of its columns."""
    metadata: dict[str, Any] = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
    return metadata
