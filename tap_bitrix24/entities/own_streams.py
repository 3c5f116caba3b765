"""Streams of the tap itself: the columns of all streams, the labels of codes, and when children were read."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.entity import Entity
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.presets import Scope, unpaged_list

no_scope = Scope((), known_columns("own_streams"))

FIELDS = no_scope.default_stream("fields", unpaged_list("fields"), primary_key=("stream", "column_name"))
"""One row per stream and column: its portal name, its label, its types."""
FIELD_OPTIONS = no_scope.default_stream(
    "field_options", unpaged_list("field_options"), primary_key=("stream", "column_name", "id")
)
"""One row per stream, column and code in it: the label of the code."""
CHILD_READS = no_scope.default_stream("child_reads", unpaged_list("child_reads"), primary_key=("stream", "parent"))
"""One row per stream and parent: when its children were last read, and their number. `*`: of all parents."""

OWN_STREAMS: Sequence[Entity] = (FIELDS, FIELD_OPTIONS, CHILD_READS)
"""Streams made from what other streams read; no method of the portal lists them."""
