"""No list of the portal is missing without a written reason."""

import json
from pathlib import Path

from tap_bitrix24.entities import BY_STREAM, EXCLUDED, META

SNAPSHOT = Path(__file__).parents[2] / "integration" / "snapshots" / "lists.json"
LISTS: dict[str, str] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
"""All lists the vendor documents, name → method."""
FAMILIES = {"smart_process_items": "smart_process_", "list_elements": "list_elements_"}
"""Lists that are one stream for each of their kind."""
BEYOND = {"crm_enum_activity_types", "hr_node_members", "note_document_contents", "task_gantt_links"}
"""Lists the table of documented ones does not name."""
TAILED = {"main.eventlog.list": "main.eventlog.tail"}
"""Documented lists that are read by a method that does more."""


def test_every_list_is_a_stream_or_left_out_with_a_reason() -> None:
    streams = {FAMILIES.get(name, name) for name in LISTS}
    assert sorted(streams - BY_STREAM.keys() - EXCLUDED.keys()) == []
    assert sorted(EXCLUDED.keys() - streams) == []


def test_streams_read_the_documented_methods() -> None:
    for name, method in LISTS.items():
        stream = FAMILIES.get(name, name)
        reads = EXCLUDED[stream][0] if stream in EXCLUDED else BY_STREAM[stream].endpoint.method
        assert reads == TAILED.get(method, method), name


def test_streams_beyond_the_documented_lists_are_known() -> None:
    ours = {entity.stream for entity in META} | BEYOND
    assert BY_STREAM.keys() - {FAMILIES.get(name, name) for name in LISTS} == ours
