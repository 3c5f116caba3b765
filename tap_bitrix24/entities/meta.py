"""What the tap tells of the tables themselves: their fields, the words for codes, the current sets of children."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.base import SINGLE_PAGE, Entity, columns, upper

FIELDS = Entity(
    stream="fields",
    scope=(),
    endpoint=upper("fields", paging=SINGLE_PAGE),
    selected_by_default=True,
    documented_columns=columns(
        text="stream column_name portal_name label portal_type type origin",
        boolean="multiple mandatory read_only",
    ),
    primary_key=("stream", "column_name"),
)
"""One row per stream and column: what the portal calls it, and what it is."""
FIELD_OPTIONS = Entity(
    stream="field_options",
    scope=(),
    endpoint=upper("field_options", paging=SINGLE_PAGE),
    selected_by_default=True,
    documented_columns=columns(text="stream column_name id label color semantics origin", integer="sort"),
    primary_key=("stream", "column_name", "id"),
)
"""One row per stream, column and code that stands in it: the word for the code."""
CHILD_READS = Entity(
    stream="child_reads",
    scope=(),
    endpoint=upper("child_reads", paging=SINGLE_PAGE),
    selected_by_default=True,
    documented_columns=columns(text="stream parent", datetime="read_at", integer="count"),
    primary_key=("stream", "parent"),
)
"""One row per stream and parent: when its children were last read, and how many there were. `*`: all of them."""

META: Sequence[Entity] = (FIELDS, FIELD_OPTIONS, CHILD_READS)
"""Streams that are made from what other streams are read with; they have no method of their own."""
