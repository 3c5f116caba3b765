"""The one stream class: the Singer SDK on one side, a read strategy on the other."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage, SchemaMessage
from singer_sdk.streams import Stream

from tap_bitrix24.data_dictionary import describe_fields, describe_options, label_sources
from tap_bitrix24.discovery.discovered import DiscoveredStream, require_access
from tap_bitrix24.entities import CHILD_READS, FIELD_OPTIONS, FIELDS, OWN_STREAMS, POSITION, REDACTED, Entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import PortalError
from tap_bitrix24.fingerprint import SCHEMA_KEY, PortalFingerprint
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Checkpoint, ChildGroupsRead, Notice, Rows, Strategy
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.replication.plan import ReadOptions, ReadPlan, bookmark_column, prefer_rest_v3, read_plan
from tap_bitrix24.replication.strategy_selection import strategy_for
from tap_bitrix24.scheduler.loop import Ended, Scheduler, StreamEvent
from tap_bitrix24.schema.columns import UNPARSED, Column, json_schema
from tap_bitrix24.schema.naming import column_name
from tap_bitrix24.settings import Settings
from tap_bitrix24.singer_output import SingerLines, record_prefix, record_suffix

if TYPE_CHECKING:
    from singer_sdk import Tap

FULL_TABLE = "FULL_TABLE"
SLICE = 10_000
"""Values converted and written at once; the values of a whole request no longer fit the processor's cache."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What streams need of their run. Functions, because no request may be sent before its answer is needed."""

    settings: Settings
    scheduler: Scheduler
    portal: Callable[[], PortalInfo]
    fingerprint: Callable[[], PortalFingerprint]
    discovered: Callable[[], Sequence[DiscoveredStream]]
    """All streams of the portal; runs discovery if the run has a catalog and has not needed it so far.

    Raises what kept a stream from being described: the data dictionary must not lack it.
    """
    probe_rest_v3: Callable[[], None]
    """Finds out which REST 3.0 methods the portal has, unless the run knows."""
    note_child_reads: Callable[[list[Row]], None]
    """Writes rows of the stream `child_reads`, which arise while other streams are read."""


class EntityStream(Stream):
    """A list of the portal as a Singer stream.

    Rows arrive ordered by id, so the largest replication key seen is no bookmark. The strategy says when everything up
    to a bookmark has been read; the SDK's own tracking of replication keys is switched off.

    A run calls `begin`, then `handle` for each event of the stream's `strategy`.
    """

    # Describing the stream

    def __init__(self, tap: Tap, name: str, entity: Entity, columns: Sequence[Column], run: RunContext) -> None:
        """Describe the stream; nothing is requested before it is synced."""
        self._entity = entity
        self._columns = columns
        self._run = run
        self._records = _RecordPages(entity, name, columns, self._is_selected, lambda: run.portal().offset)
        self._version: int | None = None
        self._measuring = ExitStack()
        """The SDK's record counter and timer, open while the stream is read."""
        self._counter: metrics.Counter | None = None
        self._begun_by_run = False
        self.rows_written = 0
        """Records handed to the target in this run."""
        self.announced = False
        """SCHEMA has been written in this run."""
        self.selected_by_default = entity.selected_by_default
        super().__init__(tap, schema=json_schema(columns), name=name)
        # field methods may describe keys in capitals although rows are in camel case
        by_portal_name = {column.portal_name: column.name for column in reversed(columns)}
        self.primary_keys = [by_portal_name.get(key) or column_name(key) for key in entity.primary_key]
        self.replication_key = bookmark_column(entity, columns)

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether the SDK sends ACTIVATE_VERSION: False, because it would do so before the first row.

        After a read that failed halfway, the target would then delete the rows that were not read.
        """
        return False

    @property
    def _activates_version(self) -> bool:
        """Whether ACTIVATE_VERSION is written at the end: the settings allow it, and a read returns all rows.

        The target then deletes the rows of earlier runs.
        """
        allowed = self.config.get("emit_activate_version_messages") is not False
        complete = self._entity.quirks.complete and self._entity is not CHILD_READS
        return allowed and complete and self.replication_method == FULL_TABLE

    def get_replication_key_signpost(self, context: Any = None) -> None:
        """Return None, so that the SDK writes no replication key signpost to STATE; only checkpoints write STATE."""
        return

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log; the SDK's traceback of an error only at debug level, because the run reports the error itself."""
        handled = message.startswith("An unhandled error occurred")
        super().log(message, *args, level=logging.DEBUG if handled else level, **kwargs)

    def _is_selected(self, column: str) -> bool:
        return bool(self.mask.get(("properties", column), True))

    # Reading

    def vanished(self, error: PortalError) -> bool:
        """Whether its own method is missing after it has given rows."""
        return self.rows_written > 0 and error.method == self._entity.endpoint.method

    def strategy(self) -> Strategy:
        """Return the strategy that reads this stream; errors in preparing it are raised when it is run."""
        require_access(self._run.portal(), self._entity, self.name)
        yield from self._strategy()

    def _strategy(self) -> Strategy:
        run, entity = self._run, self._entity
        if entity is CHILD_READS:
            return _nothing()
        if entity is FIELDS:
            return describe_fields(run.discovered(), ListSpec(entity.endpoint))
        if entity is FIELD_OPTIONS:
            streams = run.discovered()
            return describe_options(streams, ListSpec(entity.endpoint), label_sources(streams))
        plan = self.read_plan()
        return strategy_for(plan, {} if self.replication_method == FULL_TABLE else dict(self.stream_state))

    @property
    def is_listed(self) -> bool:
        """Whether the portal lists the stream's rows; those of the tap's own streams come from other streams."""
        return self._entity not in OWN_STREAMS

    def read_plan(self) -> ReadPlan:
        """Return how the stream is read, by REST 3.0 where that is preferred."""
        if self._entity.rest_v3 is not None:
            self._run.probe_rest_v3()
        return self._plan(prefer_rest_v3(self._entity, self._run.portal()))

    def counting_plan(self) -> ReadPlan:
        """Return how the stream is read by methods that can count: those of REST 3.0 cannot."""
        return self._plan(self._entity)

    def records(self, rows: Rows) -> list[Row]:
        """Return the records that are made of some rows."""
        return [record for page in self._records.pages(rows) for record in page]

    def _plan(self, entity: Entity) -> ReadPlan:
        settings = self._run.settings
        selected = [column.portal_name for column in self._columns if self._is_selected(column.name)]
        options = ReadOptions(
            self._run.portal(),
            self._columns,
            None if len(selected) == len(self._columns) else frozenset(selected),
            replication_key=self.replication_key or "",
            full_table=self.replication_method == FULL_TABLE,
            universal=settings.universal,
            lookback=settings.lookback,
            start_date=settings.start_date,
            sweep=settings.sweep,
        )
        return read_plan(entity, self.name, options)

    # Syncing: side by side in a run, or alone by the SDK

    def begin(self) -> None:
        """Write SCHEMA and get ready for events: a run reads all its streams side by side."""
        self._begun_by_run = True
        self.sync()

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Yield SCHEMA with the portal's fingerprint, so that a loader knows it before the first row."""
        for message in super()._generate_schema_messages():
            message.schema = {**message.schema, SCHEMA_KEY: self._run.fingerprint().to_json()}
            yield message

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """Open the stream, in place of the SDK's loop, which works record by record and tracks bookmarks itself.

        Without a run (the SDK's tests, `--test`), the stream reads itself.
        """
        self.announced = write_messages
        self._counter = self._measuring.enter_context(self.get_record_counter())
        self._measuring.enter_context(self.get_sync_timer())
        self._version = self._tap.initialized_at if self._activates_version else None
        if not self._begun_by_run:
            try:
                for event in self._own_events():
                    self.handle(event)
            finally:
                self._close()
        yield from ()

    def get_records(self, context: Any) -> Iterator[Row]:
        """Yield records one by one, for callers that pull them; a sync writes whole pages instead."""
        try:
            for event in self._own_events():
                for page in self._pages(event):
                    yield from page
        finally:
            self._report_unparsed()

    def _own_events(self) -> Iterator[StreamEvent]:
        return (event for _, event in self._run.scheduler.run({self.name: self.strategy()}))

    def handle(self, event: StreamEvent) -> None:
        """Write the records of an event of the stream's strategy; close the stream when the strategy has ended.

        Raises:
            Exception: The error the strategy ended with.
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

    def _pages(self, event: StreamEvent) -> Iterator[list[Row]]:
        """Yield an event's records in pages; act on events without records.

        Raises:
            Exception: The error the strategy ended with.
        """
        if isinstance(event, Rows):
            yield from self._records.pages(event)
        elif isinstance(event, ChildGroupsRead):
            read = {"stream": self.name, "read_at": event.read_at}
            self._run.note_child_reads(
                [{**read, "parent": parent, "count": count} for parent, count in event.counts.items()]
            )
        elif isinstance(event, Checkpoint):
            self._checkpoint(event)
        elif isinstance(event, Notice):
            self.log("%s", event.text, level=logging.WARNING)
        elif event.error is not None:
            raise event.error

    def _checkpoint(self, event: Checkpoint) -> None:
        """Write STATE; the records before this event have been written."""
        if self.replication_method != FULL_TABLE:
            self.stream_state.clear()
            self.stream_state.update(event.state)
            self._tap.state_writer.write_state(self.tap_state)

    def _end(self) -> None:
        """Write what follows the last record: ACTIVATE_VERSION and STATE."""
        if self._version is not None and self.announced and self.selected:
            for stream_map in self.stream_maps:
                if not isinstance(stream_map, RemoveRecordTransform):
                    self._tap.write_message(ActivateVersionMessage(stream_map.stream_alias, self._version))
        if self.announced:
            self._tap.state_writer.write_state(self.tap_state)

    def _close(self) -> None:
        """Report metrics and unparsed values; called while an error is handled if the stream has failed."""
        self._report_unparsed()
        self._measuring.__exit__(*sys.exc_info())

    # Writing records

    def write(self, rows: list[Row]) -> None:
        """Write rows that arose while other streams were read, if this stream has begun."""
        if self.announced and self.selected:
            self._write_page(self._records.converter(ListSpec(self._entity.endpoint))(rows), None)
            self.rows_written += len(rows)

    def _write_rows(self, page: list[Row]) -> None:
        """Write a page; no more than the record limit of `--test` allows."""
        limit = self.ABORT_AT_RECORD_COUNT
        written = page if limit is None else page[: limit - self.rows_written]
        if self.announced and self.selected:
            self._write_page(written, self._version)
        self.rows_written += len(written)
        if self._counter is not None:
            self._counter.increment(len(written))
        if len(written) < len(page):
            self._flush()
            self._check_max_record_limit(self.rows_written)

    def _write_page(self, page: list[Row], version: int | None) -> None:
        maps = self.stream_maps
        writer = self._tap.message_writer
        now = datetime.now(UTC)
        unmapped = len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled
        if unmapped and isinstance(writer, SingerLines):
            suffix = record_suffix(now.isoformat(timespec="milliseconds"), version)
            writer.write_page(record_prefix(maps[0].stream_alias), page, suffix)
            return
        for record in page:
            for stream_map in maps:
                if (mapped := stream_map.transform(record)) is not None:
                    self._tap.write_message(RecordMessage(stream_map.stream_alias, mapped, version, now))

    def _flush(self) -> None:
        """Write out buffered lines: the SDK's connection test ends without a last STATE."""
        if isinstance(writer := self._tap.message_writer, SingerLines):
            writer.flush()

    def _report_unparsed(self) -> None:
        """Warn of unknown fields and of values that did not fit their column, once."""
        unknown, unparsed = self._records.take_unparsed()
        if unknown:
            text = "Fields no column describes, kept in %s: %s"
            self.log(text, UNPARSED, ", ".join(sorted(unknown)), level=logging.WARNING)
        if unparsed:
            text = "Values that do not fit their column, kept in %s: %s"
            counts = ", ".join(f"{column} ({count})" for column, count in sorted(unparsed.items()))
            self.log(text, UNPARSED, counts, level=logging.WARNING)


class _RecordPages:
    """Converts rows of one stream to pages of records, and counts the values that did not fit."""

    def __init__(
        self,
        entity: Entity,
        name: str,
        columns: Sequence[Column],
        is_selected: Callable[[str], bool],
        offset: Callable[[], timedelta | None],
    ) -> None:
        self._columns = columns
        self._offset = offset
        self._is_selected = is_selected
        self._secret = frozenset(column for stream, column in REDACTED if stream == name)
        self._numbered = POSITION in entity.primary_key
        self._position = 0
        self._converters: dict[object, RowConverter] = {}

    def pages(self, event: Rows) -> Iterator[list[Row]]:
        """Yield the records of some rows, at most SLICE values a page."""
        rows = self._reshaped(event)
        size = SLICE // max(1, len(self._columns)) or 1
        for start in range(0, len(rows), size):
            yield self.converter(event.list_spec)(rows[start : start + size])

    def _reshaped(self, event: Rows) -> list[Row]:
        """Return rows in the shape the columns describe; rows without a key get their position as one."""
        rows, reshape = event.rows, event.list_spec.reshape
        rows = [reshape(row) for row in rows] if reshape else rows
        if not self._numbered:
            return rows
        first = self._position + 1
        self._position += len(rows)
        return [{**row, POSITION: position} for position, row in enumerate(rows, first)]

    def converter(self, spec: ListSpec) -> RowConverter:
        """Return the converter of a list; lists that differ in constants and parameters only share one."""
        alike = (spec.endpoint, spec.renames is None, spec.reshape, tuple(spec.constants))
        converter = self._converters.get(alike)
        if converter is None:
            converter = self._converters[alike] = RowConverter(
                self._columns,
                secret=self._secret,
                keep=self._is_selected,
                renames=spec.renames,
                ignores=spec.ignored_keys,
                offset=self._offset(),
            )
        converter.constants(spec.constants)
        return converter

    def take_unparsed(self) -> tuple[set[str], Counter[str]]:
        """Return fields without a column and counts of unparsed values of columns, and forget them."""
        converters, self._converters = self._converters.values(), {}
        unknown = {key for converter in converters for key in converter.unknown}
        unparsed = sum((Counter(converter.unparsed) for converter in converters), Counter[str]())
        for name in {column_name(key) for key in unknown} - {column.name for column in self._columns}:
            unparsed.pop(name, None)
        return unknown, unparsed


def _nothing() -> Strategy:
    yield from ()
