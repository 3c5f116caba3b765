"""The loader: bytes of Singer messages in, committed rows and confirmed STATE out.

RECORD lines wait in memory, in a batch per stream, until their total size reaches a limit; then each batch is committed
in a transaction of its own. A STATE is confirmed once all records before it are committed.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from tap_bitrix24.fingerprint import PortalFingerprint
from tap_bitrix24.target_duckdb import messages
from tap_bitrix24.target_duckdb.batch import RecordBatch
from tap_bitrix24.target_duckdb.current_views import CHILD_READS, update_current_views
from tap_bitrix24.target_duckdb.database import DATABASE, INITIAL_MEMORY_MB, attach, load_errors, transaction
from tap_bitrix24.target_duckdb.error_location import locate_error
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import check_names
from tap_bitrix24.target_duckdb.json_reader import add_missing_columns, check_reader
from tap_bitrix24.target_duckdb.messages import ActivateVersion, Record, Schema, State
from tap_bitrix24.target_duckdb.portal import claim_schema
from tap_bitrix24.target_duckdb.tables import Table, prepare_table
from tap_bitrix24.target_duckdb.upsert import insert, stage, upsert

LOGGER = logging.getLogger("target-bitrix24-duckdb")


@dataclass(frozen=True, slots=True)
class Limits:
    """When pending records are committed: as soon as one of the limits is reached."""

    bytes: int = 16 << 20
    rows: int = 100_000
    state_seconds: float = 5.0
    """The longest time a STATE waits for its confirmation."""


DEFAULT_LIMITS = Limits()
_MAX_PART_BYTES = 1 << 20
NO_PREFIX = b"\0"
"""A prefix that no line has."""

_MAX_MEMORY_MB = 6144
"""The largest memory limit DuckDB is given, in megabytes."""


class Loader:
    """Loads Singer messages into one schema of a DuckDB file; after an error it can only be closed.

    `rows_loaded` is the number of committed records per stream; records that replace a row count, too.
    A `with` block that ends without an error commits everything; after an error, pending records are discarded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        schema: str = "bitrix24",
        on_state: Callable[[bytes], None] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        portal: PortalFingerprint | None = None,
    ) -> None:
        """Open or create the file.

        Args:
            path: The DuckDB file; its folder is created if missing.
            schema: The schema of the tables, spelled as given.
            on_state: Called with the JSON text of each STATE that is confirmed.
            limits: When pending records are committed.
            portal: The portal all records come from, whatever SCHEMA messages say; None: they say it.

        Raises:
            LoadError: The file cannot be opened for writing.
        """
        check_names([schema], what="schema names")
        path = Path(path)
        if path.stem.lower() == schema.lower():
            LOGGER.warning("%s has the name of its schema: write %s.%s.table in SQL", path.name, schema, schema)
        self.rows_loaded: dict[str, int] = {}
        self._schema, self._on_state, self._limits = schema, on_state, limits
        self._portal = portal
        self._claimed_for: PortalFingerprint | None = None
        self._tables: dict[str, Table] = {}
        self._schemas: dict[str, Schema] = {}
        self._pending: dict[str, RecordBatch] = {}
        self._pending_bytes = self._pending_rows = self._line_number = 0
        self._prefix, self._batch = NO_PREFIX, RecordBatch()
        self._partial_line: list[bytes] = []
        self._state: bytes | None = None
        self._state_received = 0.0
        self._memory_mb = INITIAL_MEMORY_MB
        self._connection = attach(path, schema)
        check_reader(self._connection)

    def __enter__(self) -> Self:
        """Return the loader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit everything unless there was an error, and close."""
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def feed(self, data: bytes) -> None:
        """Process the next bytes of the input, which may end within a line.

        Raises:
            LoadError: A message or value is invalid; the records before that message are committed.
        """
        end = data.rfind(b"\n") + 1
        if not end:
            self._partial_line.append(data)
            return
        lines = data[:end] if not self._partial_line else b"".join((*self._partial_line, data[:end]))
        self._partial_line = [data[end:]] if end < len(data) else []
        self._add_lines(lines)
        self.commit_if_due()

    def commit_if_due(self) -> None:
        """Commit if a limit is reached; to be called regularly while no input arrives, for a STATE that waits."""
        full = self._pending_bytes >= self._limits.bytes or self._pending_rows >= self._limits.rows
        late = self._state is not None and time.monotonic() - self._state_received >= self._limits.state_seconds
        if full or late:
            self.flush()

    def finish(self) -> None:
        """Commit everything and confirm the last STATE.

        Raises:
            LoadError: The input ends within a line; the records before it are committed.
        """
        rest = b"".join(self._partial_line)
        self._partial_line = []
        if rest.strip():
            try:
                messages.parse(rest)
            except LoadError as error:
                self.flush()
                msg = f"line {self._line_number + 1}: the input ends within this line ({error})"
                raise LoadError(msg) from error
            self._add_lines(rest + b"\n")
        self.flush()

    def flush(self) -> None:
        """Commit all pending records, then confirm the last STATE.

        `child_reads` is committed last: its rows hide children that were read earlier, so those read anew must be in.
        """
        pending, state = self._pending, self._state
        self._discard_pending()
        for stream in sorted(pending, key=lambda name: name == CHILD_READS):
            self._load(stream, pending[stream])
        if state is not None and self._on_state is not None:
            self._on_state(state)

    def close(self) -> None:
        """Close the file and discard pending records; may be called twice."""
        self._discard_pending()
        with contextlib.suppress(duckdb.Error):  # on a full disk the checkpoint fails; the write-ahead log is complete
            self._connection.close()

    def _discard_pending(self) -> None:
        """Forget pending records and STATE: if their commit fails, that STATE must never be confirmed."""
        self._pending, self._state = {}, None
        self._pending_bytes = self._pending_rows = 0
        self._prefix = NO_PREFIX

    def _add_lines(self, lines: bytes) -> None:
        """Add whole lines to their batches: in one step if all of them have the prefix of the line before.

        DuckDB allocates a buffer for the largest part of a batch: a large one is added line by line.
        """
        count, prefix = lines.count(b"\n"), self._prefix
        self._pending_bytes += len(lines)
        self._pending_rows += count
        if len(lines) <= _MAX_PART_BYTES and lines.startswith(prefix) and lines.count(b"\n" + prefix) == count - 1:
            self._batch.add(lines, self._line_number + 1, count)
            self._line_number += count
            return
        for line in lines.split(b"\n")[:-1]:
            self._line_number += 1
            if line.startswith(self._prefix):
                self._batch.add(line + b"\n", self._line_number)
            else:
                self._add_message(line)

    def _add_message(self, line: bytes) -> None:
        """Process a line without the prefix of the one before: another stream's RECORD, or another message type."""
        if not line or line.isspace():
            return
        found = messages.record_prefix(line)
        try:
            message = Record(found[1]) if found else messages.parse(line)
            self._check_stream(message)
        except LoadError as error:
            self.flush()
            msg = f"line {self._line_number}: {error}"
            raise LoadError(msg) from error
        self._process(message, line)
        self._prefix = found[0] if found else NO_PREFIX

    def _check_stream(self, message: messages.Message) -> None:
        if isinstance(message, Record | ActivateVersion) and message.stream not in self._tables:
            msg = f"stream {message.stream} has no SCHEMA message before this line"
            raise LoadError(msg)

    def _process(self, message: messages.Message, line: bytes) -> None:
        match message:
            case Record():
                self._batch = self._pending.setdefault(message.stream, RecordBatch())
                self._batch.add(line + b"\n", self._line_number)
            case State():
                if self._state is None:
                    self._state_received = time.monotonic()
                self._state = message.value
                if not self._pending:
                    self.flush()
            case Schema():
                self._process_schema(message)
            case ActivateVersion():
                self.flush()
                with transaction(self._connection):
                    table = self._tables[message.stream]
                    table.delete_other_versions(self._connection, message.version)
                    update_current_views(self._connection, table)

    def _process_schema(self, message: Schema) -> None:
        """Create or adapt the stream's table; nothing is done for a repeated SCHEMA.

        Raises:
            SettingsError: The schema of the file belongs to another portal.
        """
        if self._schemas.get(message.stream) == message:
            return
        portal = self._portal or message.portal
        if portal is not None and portal != self._claimed_for:
            claim_schema(self._connection, self._schema, portal)
            self._claimed_for = portal
        if message.stream in self._pending:
            self.flush()
        with transaction(self._connection):
            self._tables[message.stream] = prepare_table(self._connection, self._schema, message)
            update_current_views(self._connection, self._tables[message.stream])
        self._schemas[message.stream] = message
        self.rows_loaded.setdefault(message.stream, 0)

    def _load(self, stream: str, batch: RecordBatch) -> None:
        """Commit one stream's batch, again after a failure that can be remedied."""
        table = self._tables[stream]
        columns = len(table.stored)
        for attempt in itertools.count():
            try:
                self._commit(table, batch, columns)
            except LoadError as error:
                if not self._remedy(error, table, batch, attempt):
                    raise
                continue
            break
        self.rows_loaded[stream] += batch.row_count

    def _commit(self, table: Table, batch: RecordBatch, columns: int) -> None:
        """Commit a batch.

        Args:
            table: The stream's table.
            batch: The records.
            columns: Number of columns the table had before the first attempt; if it has grown, views are updated.
        """
        distinct = False
        if table.may_replace:
            with load_errors():
                distinct = stage(self._connection, table, batch)
        with transaction(self._connection):
            if table.may_replace:
                upsert(self._connection, table, distinct=distinct)
            else:
                insert(self._connection, table, batch)
            if len(table.stored) > columns:
                update_current_views(self._connection, table)

    def _remedy(self, error: LoadError, table: Table, batch: RecordBatch, attempt: int) -> bool:
        """Remove the cause of a failed commit if possible; return whether to try again.

        Raises:
            LoadError: Names the first invalid line.
        """
        match error.__cause__:
            case duckdb.ConstraintException() if table.key and not table.may_replace:
                table.may_replace = True
                return True
            case duckdb.OutOfMemoryException():
                return self._provide_memory(attempt)
            case duckdb.DataError() | duckdb.ProgrammingError():
                with load_errors():
                    if add_missing_columns(self._connection, table, batch):
                        return True
                raise locate_error(self._connection, table, batch) or error from error
        return False

    def _provide_memory(self, attempt: int) -> bool:
        """Write the indexes of many streams to disk, then raise the memory limit, for wide tables and long lines."""
        if attempt == 0:
            self._connection.execute(f"CHECKPOINT {DATABASE}")
            return True
        self._memory_mb *= 2
        self._connection.execute(f"SET memory_limit = '{self._memory_mb}MB'")
        return self._memory_mb <= _MAX_MEMORY_MB
