"""Whole lines, in order, flushed where a target needs them."""

import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage, SchemaMessage, StateMessage

from tap_bitrix24.pipes import write_whole
from tap_bitrix24.singer_output import FLUSH_BYTES, SingerLines, record_prefix, record_suffix

NOW = datetime(2025, 1, 31, 9, tzinfo=UTC)
SUFFIX = record_suffix("2025-01-31T09:00:00+00:00")


@contextmanager
def stdout() -> Iterator[io.BytesIO]:
    """Replace stdout with one that has a binary buffer, as a process has it; yield the buffer."""
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    with redirect_stdout(text):
        yield raw
    text.detach()


def lines(raw: io.BytesIO) -> list[dict[str, Any]]:
    """Return the messages written, line by line."""
    data = raw.getvalue()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def record(**values: Any) -> RecordMessage:
    """Return a RECORD message of the stream deals."""
    return RecordMessage("deals", values, time_extracted=NOW)


def test_records_are_buffered_until_another_message() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_message(record(id=1))
        writer.write_page(record_prefix("deals"), [{"id": 2}, {"id": 3}], SUFFIX)
        assert raw.getvalue() == b""
        writer.write_message(StateMessage({"bookmarks": {}}))
        messages = lines(raw)
    assert [each["type"] for each in messages] == ["RECORD"] * 3 + ["STATE"]
    assert [each["record"]["id"] for each in messages[:3]] == [1, 2, 3]


@pytest.mark.parametrize(
    "message",
    [
        SchemaMessage("deals", {"properties": {}}, ["id"]),
        StateMessage({}),
        ActivateVersionMessage("deals", 1),
    ],
)
def test_other_messages_are_written_at_once(message: Any) -> None:
    with stdout() as raw:
        SingerLines().write_message(message)
        assert [each["type"] for each in lines(raw)] == [message.to_dict()["type"]]


def test_a_full_buffer_is_written() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_page(record_prefix("deals"), [{"text": "x" * (FLUSH_BYTES + 1)}], SUFFIX)
        assert len(lines(raw)) == 1


def test_flushing_twice_writes_once() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_message(record(id=1))
        writer.flush()
        writer.flush()
        assert len(lines(raw)) == 1


def test_a_page_is_written_as_the_message_would_be() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_page(record_prefix('a "b"'), [{"id": 1, "t": "Ёж\n\u2028"}], record_suffix(NOW.isoformat(), 17))
        writer.write_message(RecordMessage('a "b"', {"id": 1, "t": "Ёж\n\u2028"}, version=17, time_extracted=NOW))
        writer.flush()
        first, second = lines(raw)
        data = raw.getvalue()
    assert first["version"] == second["version"] == 17
    assert first["record"] == second["record"] == {"id": 1, "t": "Ёж\n\u2028"}
    assert first.keys() == second.keys()
    assert data.startswith(b'{"type":"RECORD","stream":"a \\"b\\"","record":{')


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("1.5"), 1.5),
        (Decimal("NaN"), None),
        (NOW, "2025-01-31T09:00:00Z"),
        (2**63 - 1, 2**63 - 1),
        ({1: "a"}, {"1": "a"}),
        (None, None),
    ],
)
def test_values_json_cannot_represent(value: Any, written: Any) -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_message(record(x=value))
        writer.flush()
        assert lines(raw)[0]["record"] == {"x": written}


def test_nan_in_a_page_is_null() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_page(record_prefix("deals"), [{"x": float("nan")}], SUFFIX)
        writer.flush()
        assert lines(raw)[0]["record"] == {"x": None}


def test_an_empty_page_writes_nothing() -> None:
    with stdout() as raw:
        writer = SingerLines()
        writer.write_page(record_prefix("deals"), [], SUFFIX)
        writer.flush()
        assert raw.getvalue() == b""


def test_a_stdout_without_a_buffer() -> None:
    with redirect_stdout(io.StringIO()) as text:
        writer = SingerLines()
        writer.write_message(record(t="Ёж"))
        writer.write_message(StateMessage({}))
    assert [json.loads(line)["type"] for line in text.getvalue().splitlines()] == ["RECORD", "STATE"]
    assert "Ёж" in text.getvalue()


class Text(io.StringIO):
    """A stdout in front of a raw file."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw = raw

    @property
    def buffer(self) -> Any:
        return self._raw


class Sluggish(io.RawIOBase):
    """A raw file that takes a few bytes at a time, and nothing at every third attempt, as a full pipe does."""

    def __init__(self, pipe: int) -> None:
        self.taken = b""
        self._attempts = 0
        self._pipe = pipe

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._pipe

    def write(self, data: Any, /) -> int | None:
        self._attempts += 1
        if self._attempts % 3 == 0:
            return None
        self.taken += bytes(data[:7])
        return len(data[:7])


def test_an_unbuffered_stdout_that_takes_part_of_the_data_gets_all_of_it() -> None:
    reading, writing = os.pipe()
    raw = Sluggish(writing)
    with redirect_stdout(Text(raw)):  # as with PYTHONUNBUFFERED
        writer = SingerLines()
        writer.write_page(record_prefix("deals"), [{"id": number} for number in range(50)], SUFFIX)
        writer.write_message(StateMessage({"bookmarks": {}}))
    os.close(reading)
    os.close(writing)
    messages = [json.loads(line) for line in raw.taken.splitlines()]
    assert [each["record"]["id"] for each in messages[:-1]] == list(range(50))
    assert messages[-1]["type"] == "STATE"


@pytest.mark.parametrize("buffering", [0, -1], ids=["unbuffered", "buffered"])
def test_a_pipe_that_does_not_block_and_a_slow_reader(buffering: int) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = b"".join(b"%d\n" % number for number in range(100_000))
    received: list[bytes] = []

    def read() -> None:
        while chunk := os.read(reading, 5_000):
            received.append(chunk)

    reader = threading.Thread(target=read)
    with os.fdopen(writing, "wb", buffering=buffering) as file:
        reader.start()
        write_whole(file, data)
    reader.join()
    os.close(reading)
    assert b"".join(received) == data
