"""A fast writer of Singer messages: orjson, one buffer, whole lines only.

The SDK's writer and its conversion of types would take most of a run's time; rows are typed already, so a page is
serialised at once. The buffer is written to the current `sys.stdout` at every STATE and SCHEMA, when it is full, and
at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from singer_sdk.io_base import GenericSingerWriter
from singer_sdk.singerlib import Message, RecordMessage

from tap_bitrix24.errors import ReaderGoneError
from tap_bitrix24.pipes import write_to_stdout

FLUSH_BYTES = 1 << 18
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def record_prefix(stream: str) -> bytes:
    """Return the constant beginning of a stream's RECORD lines: `type` and `stream` first, as loaders expect."""
    return b'{"type":"RECORD","stream":' + orjson.dumps(stream) + b',"record":'


def record_suffix(time_extracted: str, version: int | None = None) -> bytes:
    """Return the constant end of a page's RECORD lines."""
    tail: dict[str, Any] = {"time_extracted": time_extracted}
    if version is not None:
        tail["version"] = version
    return b"," + orjson.dumps(tail)[1:] + b"\n"


class SingerLines(GenericSingerWriter[bytes, Message]):
    """Buffers lines and writes them as bytes."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        super().__init__()
        self._lines: list[bytes] = []
        self._size = 0

    def serialize_message(self, message: Message) -> bytes:
        """Return a message as a line without its line feed; orjson writes NaN and infinity as null."""
        return orjson.dumps(message.to_dict(), option=_OPTIONS, default=_plain)

    def write_message(self, message: Message) -> None:
        """Write one message; anything but a RECORD flushes the buffer."""
        self._add(self.serialize_message(message) + b"\n")
        if not isinstance(message, RecordMessage):
            self.flush()

    def write_page(self, prefix: bytes, records: Iterable[Mapping[str, Any]], suffix: bytes) -> None:
        """Write records as RECORD lines.

        Args:
            prefix: From `record_prefix`.
            records: Typed rows.
            suffix: From `record_suffix`.
        """
        dumps = orjson.dumps
        self._add(b"".join([prefix + dumps(record) + suffix for record in records]))

    def flush(self) -> None:
        """Write the buffer to stdout.

        Raises:
            ReaderGoneError: The target closed the pipe. (click would swallow a BrokenPipeError without a message.)
        """
        if not self._lines:
            return
        data = b"".join(self._lines)
        self._lines.clear()
        self._size = 0
        try:
            write_to_stdout(data)
        except BrokenPipeError:
            msg = "target closed the pipe; run again with the last STATE it stored"
            raise ReaderGoneError(msg) from None

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_BYTES:
            self.flush()


def _plain(value: Any) -> Any:
    """Return a value orjson cannot serialise: a number (Decimal, from stream maps) as float, others as text."""
    number = getattr(value, "as_integer_ratio", None)
    return float(value) if number is not None else str(value)
