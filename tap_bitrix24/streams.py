"""The one stream class: Singer's words on one side, a reading strategy on the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage
from singer_sdk.streams import Stream

from tap_bitrix24.bookmarks import everything, incremental
from tap_bitrix24.discovery import Portal, require, sources
from tap_bitrix24.engine import Engine
from tap_bitrix24.entities import Entity
from tap_bitrix24.model import Reached, Reading, Row, Rows, Source, Warned
from tap_bitrix24.reading import whole
from tap_bitrix24.schema import UNPARSED, Column, json_schema
from tap_bitrix24.settings import Settings
from tap_bitrix24.singer_output import SingerLines, record_prefix, record_suffix
from tap_bitrix24.values import RowConverter

if TYPE_CHECKING:
    from singer_sdk import Tap

FULL_TABLE = "FULL_TABLE"
SLICE = 250
"""Rows converted and written at once: a whole bundle of 2,500 no longer fits the processor's cache."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a stream needs of the run it belongs to; nothing is asked of the portal before it is used."""

    settings: Settings
    engine: Engine
    portal: Callable[[], Portal]


class EntityStream(Stream):
    """A list of the portal as a Singer stream.

    Rows come by id, so a bookmark is not the largest stamp seen: STATE is set by the reading strategy at points
    behind which nothing is missing, and the SDK's own counting of replication keys stays out of it.
    """

    def __init__(self, tap: Tap, name: str, entity: Entity, columns: Sequence[Column], access: Access) -> None:
        """Describe the stream; its rows are asked for when it is synced."""
        self._entity = entity
        self._columns = columns
        self._access = access
        self.rows_written = 0
        """Rows handed to the target in this run."""
        super().__init__(tap, schema=json_schema(columns), name=name)
        by_portal_name = {column.portal_name: column.name for column in reversed(columns)}
        self.primary_keys = [by_portal_name[key] for key in entity.key]
        if entity.stamp is not None:
            self.replication_key = RowConverter(columns).column(entity.stamp.row)

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log; what the SDK calls an unhandled error is handled by the run, which tells it in its own words."""
        handled = message.startswith("An unhandled error occurred")
        super().log(message, *args, level=logging.DEBUG if handled else level, **kwargs)

    def get_records(self, context: Any) -> Iterator[Row]:
        """Typed records, for whoever pulls them one by one; a sync writes whole pages instead."""
        for page in self._pages():
            yield from page

    def get_replication_key_signpost(self, context: Any = None) -> None:
        """None: nothing but the strategy writes STATE."""
        return

    @property
    def emit_activate_version_messages(self) -> bool:
        """False, lest the SDK sends ACTIVATE_VERSION before the first row: rows would be gone if the read fails."""
        return False

    @property
    def _activates_version(self) -> bool:
        return self.replication_method == FULL_TABLE and self.config.get("emit_activate_version_messages") is not False

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict[str, Any], Any, Any]:
        """Write the stream page by page (the SDK's loop works record by record, and counts bookmarks itself)."""
        with self.get_record_counter() as counter, self.get_sync_timer():
            version = self._tap.initialized_at if self._activates_version else None
            for page in self._pages():
                most = self.ABORT_AT_RECORD_COUNT
                wanted = page if most is None else page[: most - self.rows_written]
                if write_messages and self.selected:
                    self._write_page(wanted, version)
                self.rows_written += len(wanted)
                counter.increment(len(wanted))
                if len(wanted) < len(page):
                    self._flush()
                    self._check_max_record_limit(self.rows_written)
                yield from ()
            if version is not None and write_messages and self.selected:
                for stream_map in self.stream_maps:
                    if not isinstance(stream_map, RemoveRecordTransform):
                        self._tap.write_message(ActivateVersionMessage(stream_map.stream_alias, version))
        if write_messages:
            self._tap.state_writer.write_state(self.tap_state)

    def _pages(self) -> Iterator[list[Row]]:
        """Converted pages; STATE moves on when the page before has been consumed."""
        require(self._access.portal(), self._entity, self.name)
        converters: dict[int, RowConverter] = {}
        try:
            for event in self._access.engine.run(self._reading()):
                if isinstance(event, Rows):
                    source = event.source
                    convert = converters.get(id(source)) or converters.setdefault(id(source), self._converter(source))
                    rows = [source.reshape(row) for row in event.rows] if source.reshape else event.rows
                    for start in range(0, len(rows), SLICE):
                        yield convert(rows[start : start + SLICE])
                elif isinstance(event, Reached):
                    self.stream_state.clear()
                    self.stream_state.update(event.state)
                    self._tap.state_writer.write_state(self.tap_state)
                elif isinstance(event, Warned):
                    self.log("%s", event.text, level=logging.WARNING)
        finally:
            self._tell_misfits(converters.values())

    def _reading(self) -> Reading:
        access, entity = self._access, self._entity
        portal = access.portal()
        listed = sources(entity, self.name, self._columns, portal, universal=access.settings.universal)
        if not entity.keyset:
            return whole(listed)
        if self.replication_method == FULL_TABLE or self.replication_key is None:
            return everything(listed)
        return incremental(
            listed,
            dict(self.stream_state),
            replication_key=self.replication_key,
            clock=portal.clock,
            lookback=access.settings.lookback,
            start_date=access.settings.start_date,
        )

    def _converter(self, source: Source) -> RowConverter:
        return RowConverter(
            self._columns,
            keep=lambda column: bool(self.mask.get(("properties", column), True)),
            renames=source.renames,
            ignores=source.ignores,
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

    def _tell_misfits(self, converters: Any) -> None:
        misfits: dict[str, int] = {}
        unknown: set[str] = set()
        for converter in converters:
            unknown |= converter.unknown
            for column, count in converter.unparsed.items():
                misfits[column] = misfits.get(column, 0) + count
        if unknown:
            self.log("Fields no column describes, kept in %s: %s", UNPARSED, ", ".join(sorted(unknown)),
                     level=logging.WARNING)  # fmt: skip
        if misfits:
            told = ", ".join(f"{column} ({count})" for column, count in sorted(misfits.items()))
            self.log("Values that do not fit their column, kept in %s: %s", UNPARSED, told, level=logging.WARNING)
