"""The loader: bytes of Singer messages in, committed rows and confirmed STATE out.

Rows wait in memory, per stream, as the lines they came in, up to a number of bytes over all streams; then they
are committed, one transaction per stream. A STATE is confirmed when every row before it is committed.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from tap_bitrix24.target_duckdb import messages
from tap_bitrix24.target_duckdb.batches import Batch, add_columns, append, check_reader, stage_keys, upsert
from tap_bitrix24.target_duckdb.current_views import SETS, follow
from tap_bitrix24.target_duckdb.database import DATABASE, MEMORY, attach, explained, transaction
from tap_bitrix24.target_duckdb.error_location import diagnose
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.identifiers import check_names
from tap_bitrix24.target_duckdb.messages import ActivateVersion, Record, Schema, State
from tap_bitrix24.target_duckdb.tables import Table, prepare

LOGGER = logging.getLogger("target-bitrix24-duckdb")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait for a commit."""

    bytes: int = 16 << 20
    rows: int = 100_000
    state_seconds: float = 5.0
    """A STATE that came is confirmed no later than this."""


DEFAULT_LIMITS = Limits()
_LARGEST_PART = 1 << 20
NO_HEAD = b"\0"
"""What no line starts with."""

_MOST_MEMORY = 6144
"""Megabytes DuckDB may use in the end."""


class Loader:
    """Loads Singer messages into one schema of a DuckDB file; after an error it only closes.

    `rows_loaded` counts committed records per stream (a record that replaces a row counts too).
    Leaving the `with` block without an error finishes; with one, what is not committed is rolled back.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        schema: str = "bitrix24",
        on_state: Callable[[bytes], None] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Open or create the file.

        Args:
            path: The DuckDB file; its folder is made if it is not there.
            schema: Where the tables go, as given.
            on_state: Called with a state's JSON text once all before it is committed.
            limits: How much may wait for a commit.

        Raises:
            LoadError: The file cannot be opened for writing.
        """
        check_names([schema], what="schema names")
        path = Path(path)
        if path.stem.lower() == schema.lower():
            LOGGER.warning("%s is named as its schema: SQL needs %s.%s.table then", path.name, schema, schema)
        self.rows_loaded: dict[str, int] = {}
        self._schema, self._on_state, self._limits = schema, on_state, limits
        self._tables: dict[str, Table] = {}
        self._schemas: dict[str, Schema] = {}
        self._waiting: dict[str, Batch] = {}
        self._waiting_bytes = self._waiting_rows = self._line_number = 0
        self._head, self._batch = NO_HEAD, Batch()
        self._parts: list[bytes] = []
        self._state: bytes | None = None
        self._state_since = 0.0
        self._memory = MEMORY
        self._connection = attach(path, schema)
        check_reader(self._connection)

    def __enter__(self) -> Self:
        """The loader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish, unless something failed, and close."""
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def feed(self, data: bytes) -> None:
        """Take in the next bytes, cut anywhere; lines end with a line feed.

        Raises:
            LoadError: A message or a value is not as it must be; what came before the message is committed.
        """
        end = data.rfind(b"\n") + 1
        if not end:
            self._parts.append(data)
            return
        whole = data[:end] if not self._parts else b"".join((*self._parts, data[:end]))
        self._parts = [data[end:]] if end < len(data) else []
        self._take(whole)
        self.tick()

    def feed_many(self, chunks: Iterable[bytes]) -> None:
        """Take in bytes as they come."""
        for chunk in chunks:
            self.feed(chunk)

    def tick(self) -> None:
        """Commit if enough waits or a STATE has waited long enough; to be called now and then while no bytes come."""
        full = self._waiting_bytes >= self._limits.bytes or self._waiting_rows >= self._limits.rows
        late = self._state is not None and time.monotonic() - self._state_since >= self._limits.state_seconds
        if full or late:
            self.flush()

    def finish(self) -> None:
        """Commit all that came and confirm the last STATE.

        Raises:
            LoadError: The input ends in the middle of a line; what came before it is committed.
        """
        rest = b"".join(self._parts)
        self._parts = []
        if rest.strip():
            try:
                messages.parse(rest)
            except LoadError as error:
                self.flush()
                msg = f"line {self._line_number + 1}: the input ends in the middle of it ({error})"
                raise LoadError(msg) from error
            self._take(rest + b"\n")
        self.flush()

    def flush(self) -> None:
        """Commit what waits, then confirm the last STATE.

        Child sets come last: told before their rows are there, they would hide the rows from before.
        """
        waiting, state = self._waiting, self._state
        self._forget()
        for stream in sorted(waiting, key=lambda name: name == SETS):
            self._load(stream, waiting[stream])
        if state is not None and self._on_state is not None:
            self._on_state(state)

    def close(self) -> None:
        """Close the file; what waits is forgotten. Closing twice is allowed."""
        self._forget()
        with contextlib.suppress(duckdb.Error):  # a file on a full disk cannot be checkpointed; its log is whole
            self._connection.close()

    def _forget(self) -> None:
        """Nothing waits any more: it is being committed, or was refused, and a STATE after it must not be confirmed."""
        self._waiting, self._state = {}, None
        self._waiting_bytes = self._waiting_rows = 0
        self._head = NO_HEAD

    def _take(self, whole: bytes) -> None:
        """Sort whole lines into batches: all at once where all start as the one before them did.

        DuckDB gets a buffer for the longest part: a large one is taken line by line.
        """
        count, head = whole.count(b"\n"), self._head
        self._waiting_bytes += len(whole)
        self._waiting_rows += count
        if len(whole) <= _LARGEST_PART and whole.startswith(head) and whole.count(b"\n" + head) == count - 1:
            self._batch.add(whole, self._line_number + 1, count)
            self._line_number += count
            return
        for line in whole.split(b"\n")[:-1]:
            self._line_number += 1
            if line.startswith(self._head):
                self._batch.add(line + b"\n", self._line_number)
            else:
                self._other(line)

    def _other(self, line: bytes) -> None:
        """A line that does not start as the one before it: another stream's, or no RECORD."""
        if not line or line.isspace():
            return
        found = messages.record_head(line)
        try:
            message = Record(found[1]) if found else messages.parse(line)
            self._check_stream(message)
        except LoadError as error:
            self.flush()
            msg = f"line {self._line_number}: {error}"
            raise LoadError(msg) from error
        self._handle(message, line)
        self._head = found[0] if found else NO_HEAD

    def _check_stream(self, message: messages.Message) -> None:
        if isinstance(message, Record | ActivateVersion) and message.stream not in self._tables:
            msg = f"stream {message.stream} has had no SCHEMA yet"
            raise LoadError(msg)

    def _handle(self, message: messages.Message, line: bytes) -> None:
        match message:
            case Record():
                self._batch = self._waiting.setdefault(message.stream, Batch())
                self._batch.add(line + b"\n", self._line_number)
            case State():
                if self._state is None:
                    self._state_since = time.monotonic()
                self._state = message.value
                if not self._waiting:
                    self.flush()
            case Schema():
                self._handle_schema(message)
            case ActivateVersion():
                self.flush()
                with transaction(self._connection):
                    table = self._tables[message.stream]
                    table.delete_other_versions(self._connection, message.version)
                    follow(self._connection, table)

    def _handle_schema(self, message: Schema) -> None:
        """Follow a new schema; taps repeat the one they have, which costs nothing."""
        if self._schemas.get(message.stream) == message:
            return
        if message.stream in self._waiting:
            self.flush()
        with transaction(self._connection):
            self._tables[message.stream] = prepare(self._connection, self._schema, message)
            follow(self._connection, self._tables[message.stream])
        self._schemas[message.stream] = message
        self.rows_loaded.setdefault(message.stream, 0)

    def _load(self, stream: str, batch: Batch) -> None:
        """Commit one stream's batch; memory is bounded by the largest batch, however many streams there are."""
        table = self._tables[stream]
        width = len(table.stored)
        for attempt in itertools.count():
            try:
                self._commit(table, batch, width)
            except LoadError as error:
                if not self._overcome(error, table, batch, attempt):
                    raise
                continue
            break
        self.rows_loaded[stream] += sum(map(len, batch.places))

    def _commit(self, table: Table, batch: Batch, width: int) -> None:
        distinct = False
        if table.replaces:
            with explained():
                distinct = stage_keys(self._connection, table, batch)
        with transaction(self._connection):
            if table.replaces:
                upsert(self._connection, table, distinct=distinct)
            else:
                append(self._connection, table, batch)
            if len(table.stored) > width:
                follow(self._connection, table)

    def _overcome(self, error: LoadError, table: Table, batch: Batch, attempt: int) -> bool:
        """Whether it makes sense to try once more.

        Raises:
            LoadError: What is wrong with which line.
        """
        match error.__cause__:
            case duckdb.ConstraintException() if table.key and not table.replaces:
                table.replaces = True
                return True
            case duckdb.OutOfMemoryException():
                return self._relieved(attempt)
            case duckdb.DataError() | duckdb.ProgrammingError():
                with explained():
                    if add_columns(self._connection, table, batch):
                        return True
                raise diagnose(self._connection, table, batch) or error from error
        return False

    def _relieved(self, attempt: int) -> bool:
        """Make room: write out the indexes of many streams, then allow more, for wide tables and long lines."""
        if attempt == 0:
            self._connection.execute(f"CHECKPOINT {DATABASE}")
            return True
        self._memory *= 2
        self._connection.execute(f"SET memory_limit = '{self._memory}MB'")
        return self._memory <= _MOST_MEMORY
