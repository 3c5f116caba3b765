"""Any legal way to write a message is understood, and what is not legal ends the load with its line number."""

import random
from pathlib import Path

import pytest

from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Limits, Loader
from tests.target_duckdb.singer import ANY, INTEGER, STRING, line, load, query, raw, record, run, schema, state

HEAD = schema("s", {"id": INTEGER, "v": STRING})
LEGAL = [
    b'{"type":"RECORD","stream":"s","record":{"id":1,"v":"x"}}',
    b'{"type": "RECORD", "stream": "s", "record": {"id": 1, "v": "x"}, "time_extracted": "2024-01-01T00:00:00Z"}',
    b'{"stream":"s","type":"RECORD","record":{"id":1,"v":"x"}}',
    b'{"record":{"v":"x","id":1},"type":"RECORD","stream":"s"}',
    b'{"record":{"type":"STATE","id":1,"v":"x"},"type":"RECORD","stream":"s"}',
    b' \t{ "type" : "RECORD" ,\t"stream" : "s" , "record" : { "id" : 1 , "v" : "x" } } ',
    b'{"type":"RECORD","stream":"\\u0073","record":{"id":1,"\\u0076":"x"}}',
    b'{"type":"\\u0052ECORD","stream":"s","record":{"id":1,"v":"x"}}',
    b'{"type":"RECORD","stream":"s","version":7,"record":{"id":1,"v":"x"}}',
    b'{"type":"RECORD","stream":"s","record":{"id":1,"v":"x"}}\r',
    b'{"custom":{"type":"STATE"},"type":"RECORD","stream":"s","record":{"id":1,"v":"x"},"more":[1]}',
]
BAD = {
    b'{"type":"RECORD","stream":"s","record":{"id":1,"v":"x"}': "not JSON",
    b'{"type":"RECORD","stream":"s","record":{"id":1,"v":"x\xff"}}': "not JSON",
    b'{"type":"RECORD","stream":"s","record":{"id":1,"v":"\\ud800"}}': "not JSON",
    b'{"type":"RECORD","stream":"s","record":{"id":01}}': "not JSON",
    b'{"type":"RECORD","stream":"s","record":{"id":1}} {}': "not JSON",
    b'{"type":"RECORD","stream":"s","record":{"id":1,"id":2}}': "duplicate key 'id'",
    b'{"type":"RECORD","stream":"s","record":{"v":"x","v":null}}': "duplicate key 'v'",
    b'{"type":"RECORD","stream":"s","record":{"id":1,"new":1,"new":2}}': "duplicate key 'new'",
    b'{"type":"RECORD","stream":"s","record":{"id":1},"stream":"t"}': "duplicate key 'stream'",
    b'{"type":"RECORD","stream":"s","record":{"id":1},"record":{"id":2}}': "duplicate key 'record'",
    b'{"type":"RECORD","stream":"s","record":null}': "no record object",
    b'{"type":"RECORD","stream":"s","record":[{"id":1}]}': "no record object",
    b'{"type":"RECORD","stream":"s","recrod":{"id":1}}': "no record object",
    b'{"type":"RECORD","stream":"s","version":1.5,"record":{"id":1}}': "version 1.5",
    b'{"type":"RECORD","stream":"t","record":{"id":1}}': "stream t has no SCHEMA message before this line",
    b'{"record":{"id":1},"type":"RECORD","stream":"t"}': "stream t has no SCHEMA message before this line",
    b'{"type":"RECORD","record":{"id":1}}': "RECORD has no stream",
    b'{"type":"BATCH","stream":"s","encoding":{},"manifest":[]}': "BATCH messages are not supported",
    b'{"type":"RECORDS","stream":"s"}': "unknown message type 'RECORDS'",
    b'{"stream":"s","record":{"id":1}}': "not a Singer message",
    b"[1]": "not a Singer message",
    b"INFO tap started": "not JSON",
    b'{"type":"SCHEMA","stream":"u","schema":{"properties":{}}}': "SCHEMA of stream u has no properties",
    b'{"type":"SCHEMA","stream":"u","schema":{"properties":{"a":{}}},"key_properties":["b"]}': "key_properties that",
    b'{"type":"SCHEMA","schema":{"properties":{"a":{}}}}': "SCHEMA has no stream",
    b'{"type":"STATE"}': "STATE has no value",
    b'{"type":"ACTIVATE_VERSION","stream":"s"}': "ACTIVATE_VERSION of stream s has no integer version",
    b'{"type":"ACTIVATE_VERSION","stream":"t","version":1}': "stream t has no SCHEMA message before this line",
}


def test_any_legal_record_is_understood(file: Path) -> None:
    rows = 0
    for legal in LEGAL:
        load(file, schema("s", {"v": STRING, "id": INTEGER}, []), legal + b"\n", b"\n", b" \r\n", legal)
        rows += 2
        assert query(file, "SELECT count(*), min(id), max(id), min(v) FROM out.bitrix24.s") == [(rows, 1, 1, "x")], (
            legal
        )


def test_cuts_between_chunks_do_not_matter(file: Path) -> None:
    streams = [schema(name, {"id": INTEGER, "v": STRING}) for name in ("s", "Сделки")]
    rows = [record(("s", "Сделки")[i % 3 // 2], {"id": i, "v": f"№ {i}\n"}) for i in range(300)]
    data, cut = b"".join((*streams, *rows, state({"n": 1}))), random.Random(1)
    states: list[bytes] = []
    with Loader(file, on_state=states.append) as loader:
        while data:
            size = cut.choice([1, 2, 50, 3000])
            loader.feed(data[:size])
            data = data[size:]
    assert loader.rows_loaded == {"s": 200, "Сделки": 100}
    assert states == [b'{"n":1}']
    assert query(file, "SELECT bool_and(v = '№ ' || id || chr(10)) FROM out.bitrix24.s") == [(True,)]


def _feed_and_commit(loader: Loader, data: bytes) -> None:
    loader.feed(data)
    loader.flush()


@pytest.mark.parametrize(("bad", "text"), BAD.items())
def test_a_bad_line_is_named_and_what_was_confirmed_is_there(file: Path, bad: bytes, text: str) -> None:
    states: list[bytes] = []
    with Loader(file, on_state=states.append, limits=Limits(state_seconds=0)) as loader:
        loader.feed(HEAD + record("s", {"id": 1, "v": "good"}) + state("one") + record("s", {"id": 2, "v": "good"}))
        with pytest.raises(LoadError, match=r"^line 5[,:]") as caught:
            _feed_and_commit(loader, bad + b"\n" + record("s", {"id": 3}))
    assert text in str(caught.value)
    assert states == [b'"one"']
    assert query(file, "SELECT min(id) FROM out.bitrix24.s") == [(1,)]


def test_a_bad_line_is_named_though_another_has_a_column_of_its_own(file: Path) -> None:
    rows = [record("s", {"id": 1, "new": 1}), raw("s", '{"id":2,"v":oops}'), record("s", {"id": 3})]
    with pytest.raises(LoadError, match=r"^line 3, stream s: not JSON"):
        load(file, HEAD, *rows)


@pytest.mark.parametrize(
    ("bad", "text"), [(line, text) for line, text in BAD.items() if b'"version"' in line or b"null" in line]
)
def test_a_bad_line_is_named_without_a_key_and_in_a_new_table_too(file: Path, bad: bytes, text: str) -> None:
    with pytest.raises(LoadError, match=r"^line 3[,:]") as caught:
        load(file, schema("s", {"id": INTEGER, "v": STRING}, []), record("s", {"id": 1}), bad + b"\n")
    assert text in str(caught.value)


def test_an_unknown_line_comes_after_a_commit_of_all_before_it(file: Path) -> None:
    done = run(file, HEAD + record("s", {"id": 1}) + state(1) + record("s", {"id": 2}) + b"oops\n")
    assert (done.returncode, done.stdout) == (1, b"1\n")
    assert done.stderr.startswith(b"target-bitrix24-duckdb: line 5: not JSON: ")
    assert done.stderr.count(b"\n") == 1
    assert query(file, "SELECT id FROM out.bitrix24.s ORDER BY id") == [(1,), (2,)]


def test_input_that_ends_within_a_line(file: Path) -> None:
    done = run(file, HEAD + record("s", {"id": 1}) + state(1) + record("s", {"id": 2})[:-9])
    assert (done.returncode, done.stdout) == (1, b"1\n")
    assert done.stderr.startswith(b"target-bitrix24-duckdb: line 4: the input ends within this line")
    assert query(file, "SELECT id FROM out.bitrix24.s") == [(1,)]


def test_deeply_nested_json_arrives(file: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    load(file, schema("s", {"id": INTEGER, "v": ANY}), raw("s", f'{{"id":1,"v":{deep}}}'))
    assert query(file, "SELECT v FROM out.bitrix24.s") == [(deep,)]


def test_state_keeps_every_digit(file: Path) -> None:
    text = b'{"type":"STATE","value":{"b":123456789012345678901234567890,"a":"\xd0\x96","f":0.1}}\n'
    assert load(file, text) == ['{"b":123456789012345678901234567890,"a":"Ж","f":0.1}'.encode()]


def test_a_repeated_schema_does_not_commit(file: Path) -> None:
    with Loader(file) as loader:
        for i in range(50):
            loader.feed(HEAD + record("s", {"id": i}))
        assert loader.rows_loaded == {"s": 0}
    assert loader.rows_loaded == {"s": 50}


def test_the_first_versions_of_a_new_table(file: Path) -> None:
    rows = [record("s", {"id": 1}, version=None), record("s", {"id": 2}, time_extracted="now", version=7)]
    load(file, HEAD, *rows)
    assert query(file, "SELECT id, _sdc_table_version FROM out.bitrix24.s ORDER BY id") == [(1, None), (2, 7)]


def test_version_message_first(file: Path) -> None:
    load(file, HEAD, line(type="ACTIVATE_VERSION", stream="s", version=3), record("s", {"id": 1}, version=3))
    assert query(file, "SELECT id, _sdc_table_version FROM out.bitrix24.s") == [(1, 3)]
