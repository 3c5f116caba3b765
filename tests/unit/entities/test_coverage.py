"""Every documented list is a stream, or excluded with a reason."""

import json
from pathlib import Path

from tap_bitrix24.entities import BY_STREAM, EXCLUDED, OWN_STREAMS

SNAPSHOT = Path(__file__).parents[2] / "integration" / "snapshots" / "lists.json"
LISTS: dict[str, str] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
"""All lists the vendor documents, name → method."""
TEMPLATES = {"smart_process_items": "smart_process_", "list_elements": "list_elements_"}
"""Lists that are several streams: name → template."""
UNDOCUMENTED = {"crm_enum_activity_types", "hr_node_members", "note_document_contents", "task_gantt_links"}
"""Streams missing from the snapshot of documented lists."""
REPLACED = {"main.eventlog.list": "main.eventlog.tail"}
"""Documented method → the method read instead, which does more."""


def test_every_list_is_a_stream_or_excluded() -> None:
    streams = {TEMPLATES.get(name, name) for name in LISTS}
    assert sorted(streams - BY_STREAM.keys() - EXCLUDED.keys()) == []
    assert sorted(EXCLUDED.keys() - streams) == []


def test_streams_read_the_documented_methods() -> None:
    for name, method in LISTS.items():
        stream = TEMPLATES.get(name, name)
        reads = EXCLUDED[stream][0] if stream in EXCLUDED else BY_STREAM[stream].endpoint.method
        assert reads == REPLACED.get(method, method), name


def test_streams_without_a_documented_list_are_known() -> None:
    known = {entity.stream for entity in OWN_STREAMS} | UNDOCUMENTED
    assert BY_STREAM.keys() - {TEMPLATES.get(name, name) for name in LISTS} == known
