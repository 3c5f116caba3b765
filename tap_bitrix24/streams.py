"""The one stream class: Singer's words on one side, a reading strategy on the other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage
from singer_sdk.streams import Stream

from tap_bitrix24.data_dictionary import describe_fields, describe_options, label_sources
from tap_bitrix24.discovery.discovered import DiscoveredStream, require_scope
from tap_bitrix24.entities import CHILD_READS, FIELD_OPTIONS, FIELDS, POSITION, REDACTED, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Notice, Rows, Strategy
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.replication.children import CHILDREN_READ_AT
from tap_bitrix24.replication.plan import ReadPlan, is_swept, prefer_rest_v3, strategy_for
from tap_bitrix24.row_counts import count_requests
from tap_bitrix24.scheduler.loop import Ended, Scheduler
from tap_bitrix24.scheduler.loop import StreamEvent as Event
from tap_bitrix24.schema.columns import UNPARSED, Column, default_column, json_schema
from tap_bitrix24.schema.naming import column_name
from tap_bitrix24.settings import Settings
from tap_bitrix24.singer_output import SingerLines, record_prefix, record_suffix

if TYPE_CHECKING:
    from singer_sdk import Tap

FULL_TABLE = "FULL_TABLE"
SLICE = 10_000
"""Values converted and written at once: a whole request's no longer fit the processor's cache."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a stream needs of the run it belongs to; nothing is asked of the portal before it is used."""

    settings: Settings
    scheduler: Scheduler
    portal: Callable[[], PortalInfo]
    discovered: Callable[[], Sequence[DiscoveredStream]]
    """All streams as discovered; with a catalog, discovered only when this is asked for."""
    probe_rest_v3: Callable[[], None]
    """Finds out which methods of REST 3.0 there are, if nobody has."""
    note_child_reads: Callable[[list[Row]], None]
    """Takes rows of `child_reads`, which come about while other streams are read."""


class EntityStream(Stream):
    """A list of the portal as a Singer stream.

    Rows come by id, so a bookmark is not the largest stamp seen: STATE is set by the reading strategy at points
    behind which nothing is missing, and the SDK's own counting of replication keys stays out of it.
    """

    def __init__(self, tap: Tap, name: str, entity: Entity, columns: Sequence[Column], access: RunContext) -> None:
        """Describe the stream; its rows are asked for when it is synced."""
        self._position = 0
        self._version: int | None = None
        self._open = ExitStack()
        self._counter: metrics.Counter | None = None
        self._driven = False
        self._converters = _Converters(self._converter)
        self._entity = entity
        self._columns = columns
        self._run = access
        self.rows_written = 0
        """Rows handed to the target in this run."""
        self.announced = False
        """Its SCHEMA has been written in this run."""
        self.selected_by_default = entity.selected_by_default
        super().__init__(tap, schema=json_schema(columns), name=name)
        by_portal_name = {column.portal_name: column.name for column in reversed(columns)}
        # fields may be described in capitals although rows are not
        self.primary_keys = [by_portal_name.get(key) or column_name(key) for key in entity.primary_key]
        if is_swept(entity):
            self.replication_key = CHILDREN_READ_AT
        elif entity.replication_key is not None and entity.parents is None:
            self.replication_key = RowConverter(columns).column(entity.replication_key.row_key)

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log; what the SDK calls an unhandled error is handled by the run, which tells it in its own words."""
        handled = message.startswith("An unhandled error occurred")
        super().log(message, *args, level=logging.DEBUG if handled else level, **kwargs)

    def get_records(self, context: Any) -> Iterator[Row]:
        """Typed records, for whoever pulls them one by one; a sync writes whole pages instead."""
        try:
            for _, event in self._run.scheduler.run({self.name: self.strategy()}):
                for page in self._pages(event):
                    yield from page
        finally:
            self._report_unparsed()

    def get_replication_key_signpost(self, context: Any = None) -> None:
        """None: nothing but the strategy writes STATE."""
        return

    @property
    def emit_activate_version_messages(self) -> bool:
        """False, lest the SDK sends ACTIVATE_VERSION before the first row: rows would be gone if the read fails."""
        return False

    @property
    def _activates_version(self) -> bool:
        wanted = self.config.get("emit_activate_version_messages") is not False
        complete = self._entity.quirks.complete and self._entity is not CHILD_READS
        return wanted and complete and self.replication_method == FULL_TABLE

    def begin(self) -> None:
        """Write SCHEMA, and be ready to take what the engine finds: the run drives all its streams side by side."""
        self._driven = True
        self.sync()

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """Open the stream; a stream nobody drives reads itself, too (the SDK's tests and `--test` do that).

        The SDK's own loop works record by record, and counts bookmarks itself.
        """
        self.announced = write_messages
        self._counter = self._open.enter_context(self.get_record_counter())
        self._open.enter_context(self.get_sync_timer())
        self._version = self._tap.initialized_at if self._activates_version else None
        if not self._driven:
            try:
                for _, event in self._run.scheduler.run({self.name: self.strategy()}):
                    self.handle(event)
            finally:
                self._close()
        yield from ()

    def handle(self, event: Event) -> None:
        """Write what the engine has found for this stream.

        Raises:
            Exception: What the reading failed with, if it has.
        """
        try:
            for page in self._pages(event):
                self._write_rows(page)
            if isinstance(event, Ended):
                self._end()
                self._close()
        except BaseException:
            self._close()
            raise

    def _write_rows(self, page: list[Row]) -> None:
        most = self.ABORT_AT_RECORD_COUNT
        wanted = page if most is None else page[: most - self.rows_written]
        if self.announced and self.selected:
            self._write_page(wanted, self._version)
        self.rows_written += len(wanted)
        if self._counter is not None:
            self._counter.increment(len(wanted))
        if len(wanted) < len(page):
            self._flush()
            self._check_max_record_limit(self.rows_written)

    def _close(self) -> None:
        """Tell what the stream cost and what did not fit; while its error is being handled, if it has failed."""
        self._report_unparsed()
        self._open.__exit__(*sys.exc_info())

    def _end(self) -> None:
        if self._version is not None and self.announced and self.selected:
            for stream_map in self.stream_maps:
                if not isinstance(stream_map, RemoveRecordTransform):
                    self._tap.write_message(ActivateVersionMessage(stream_map.stream_alias, self._version))
        if self.announced:
            self._tap.state_writer.write_state(self.tap_state)

    def _pages(self, event: Event) -> Iterator[list[Row]]:
        """Converted pages; STATE moves on when what came before has been written.

        Raises:
            Exception: What the reading failed with.
        """
        if isinstance(event, Rows):
            rows = self._reshaped(event)
            some = max(1, SLICE // len(self._columns))
            for start in range(0, len(rows), some):
                yield self._converters.of(event.list_spec)(rows[start : start + some])
        elif isinstance(event, ChildGroupsRead):
            self._run.note_child_reads(
                [
                    {"stream": self.name, "parent": parent, "read_at": event.read_at, "count": count}
                    for parent, count in event.counts.items()
                ]
            )
        elif isinstance(event, Checkpoint):
            self._checkpoint(event)
        elif isinstance(event, Notice):
            self.log("%s", event.text, level=logging.WARNING)
        elif event.error is not None:
            raise event.error

    def _reshaped(self, event: Rows) -> list[Row]:
        """Rows in the shape their columns describe; those without a key get their place as one."""
        rows, reshape = event.rows, event.list_spec.reshape
        rows = [reshape(row) for row in rows] if reshape else rows
        if POSITION not in self._entity.primary_key:
            return rows
        self._position += len(rows)
        return [{**row, POSITION: place} for place, row in enumerate(rows, self._position - len(rows) + 1)]

    def _checkpoint(self, event: Checkpoint) -> None:
        if self.replication_method != FULL_TABLE:
            self.stream_state.clear()
            self.stream_state.update(event.state)
            self._tap.state_writer.write_state(self.tap_state)

    def write(self, rows: list[Row]) -> None:
        """Write rows that other streams have brought, if this one has begun."""
        if self.announced and self.selected:
            self._write_page(self._converter(ListSpec(self._entity.endpoint))(rows), None)
            self.rows_written += len(rows)

    def strategy(self) -> Strategy:
        """The strategy this stream is read with; what keeps it from being read shows when it is run."""
        require_scope(self._run.portal(), self._entity, self.name)
        yield from self._reading()

    def count_requests(self, last: int) -> list[PageRequest]:
        """What to ask to have the stream counted up to this id; nothing where that can't be done."""
        return count_requests(self._entity, self.name, self._plan(), last)

    def _plan(self) -> ReadPlan:
        access, settings = self._run, self._run.settings
        return ReadPlan(
            access.portal(),
            self._columns,
            self._selected_columns(),
            universal=settings.universal,
            lookback=settings.lookback,
            start_date=settings.start_date,
            sweep=settings.sweep,
        )

    def _reading(self) -> Strategy:
        access, entity = self._run, self._entity
        if entity is CHILD_READS:
            return _nothing()
        if entity is FIELDS:
            return describe_fields(access.discovered(), ListSpec(entity.endpoint))
        if entity is FIELD_OPTIONS:
            found = access.discovered()
            return describe_options(found, ListSpec(entity.endpoint), label_sources(found))
        full = self.replication_method == FULL_TABLE
        plan = self._plan()
        if entity.rest_v3 is not None:
            access.probe_rest_v3()
            entity = prefer_rest_v3(entity, access.portal())
        key = self.replication_key if not full or is_swept(entity) else None
        return strategy_for(entity, self.name, plan, {} if full else dict(self.stream_state), key)

    def _keeps(self, column: str) -> bool:
        return bool(self.mask.get(("properties", column), True))

    def _selected_columns(self) -> frozenset[str] | None:
        """Portal names of the columns someone wants; None: all of them, those yet unknown included."""
        if all(self._keeps(column.name) for column in self._columns):
            return None
        return frozenset(column.portal_name for column in self._columns if self._keeps(column.name))

    def _converter(self, source: ListSpec) -> RowConverter:
        return RowConverter(
            self._columns,
            secret=frozenset(column for stream, column in REDACTED if stream == self.name),
            keep=self._keeps,
            renames=source.renames,
            ignores=source.ignored_keys,
            constants=source.constants,
        )

    def _write_page(self, page: list[Row], version: int | None) -> None:
        maps = self.stream_maps
        writer = self._tap.message_writer
        now = datetime.now(UTC)
        plain = len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled
        if plain and isinstance(writer, SingerLines):
            suffix = record_suffix(now.isoformat(timespec="milliseconds"), version)
            writer.write_page(record_prefix(maps[0].stream_alias), page, suffix)
            return
        for record in page:
            for stream_map in maps:
                if (mapped := stream_map.transform(record)) is not None:
                    self._tap.write_message(RecordMessage(stream_map.stream_alias, mapped, version, now))

    def _flush(self) -> None:
        """Hand over what is buffered: the SDK's connection test ends without a last STATE."""
        if isinstance(writer := self._tap.message_writer, SingerLines):
            writer.flush()

    def _report_unparsed(self) -> None:
        misfits: dict[str, int] = {}
        unknown: set[str] = set()
        converters, self._converters = self._converters, _Converters(self._converter)
        for converter in converters.all():
            unknown |= converter.unknown
            for column, count in converter.unparsed.items():
                misfits[column] = misfits.get(column, 0) + count
        if unknown:
            self.log(
                "Fields no column describes, kept in %s: %s",
                UNPARSED,
                ", ".join(sorted(unknown)),
                level=logging.WARNING,
            )
        described = {column.name for column in self._columns}
        for name in {default_column(key) for key in unknown} - described:
            misfits.pop(name, None)  # they have been told as fields
        if misfits:
            told = ", ".join(f"{column} ({count})" for column, count in sorted(misfits.items()))
            self.log("Values that do not fit their column, kept in %s: %s", UNPARSED, told, level=logging.WARNING)


class _Converters:
    """A converter per source: children have one for each parent, which are alike but for their constants."""

    def __init__(self, make: Callable[[ListSpec], RowConverter]) -> None:
        self._make = make
        self._known: dict[object, RowConverter] = {}

    def of(self, source: ListSpec) -> RowConverter:
        """The converter of a source, made when first asked for; another parent's serves with other constants."""
        alike = (source.endpoint, source.renames is None, source.reshape, tuple(source.constants))
        converter = self._known.get(alike)
        if converter is None:
            converter = self._known[alike] = self._make(source)
        converter.constants(source.constants)
        return converter

    def all(self) -> list[RowConverter]:
        """All made so far."""
        return list(self._known.values())


def _nothing() -> Strategy:
    yield from ()
