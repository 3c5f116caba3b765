"""Tables: names as given, upsert, versions, and schemas that change without loss."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Limits, Loader
from tests.target_duckdb.singer import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    NUMBER,
    STRING,
    line,
    load,
    query,
    raw,
    record,
    schema,
    table,
    types,
)

NAMES = [
    'a"b',
    "a'b",
    "Имя",
    "😀",
    "select",
    "x y",
    "a.b",
    "$",
    "a\\b",
    "a\tb",
    " ",
    "rowid",
    "Ä",
    "ä",
    "x" * 300,
    "r0",
]
BIG = 2**53 + 1
STORED = {
    "BIGINT": (INTEGER, "7"),
    "DOUBLE": (NUMBER, "1.5"),
    "BOOLEAN": (BOOLEAN, "true"),
    "DATE": (DATE, '"2024-02-29"'),
    "TIMESTAMP WITH TIME ZONE": (DATETIME, '"2024-02-29T10:00:00.5Z"'),
    "VARCHAR": (STRING, '"2024-02-29"'),
    "JSON": (ANY, '{"b":1,"a":"x"}'),
}
AS_TEXT = {
    "BIGINT": "7",
    "DOUBLE": "1.5",
    "BOOLEAN": "true",
    "DATE": "2024-02-29",
    "TIMESTAMP WITH TIME ZONE": "2024-02-29T10:00:00.5Z",
    "VARCHAR": "2024-02-29",
}
NUMERIC, TEMPORAL = {"BIGINT", "DOUBLE"}, {"DATE", "TIMESTAMP WITH TIME ZONE"}


def merged(old: str, new: str) -> str:
    """The table in the docstring of columns.py, as code."""
    if old == new or {old, new} == NUMERIC:
        return old if old == new else "DOUBLE"
    if {old, new} == TEMPORAL:
        return "TIMESTAMP WITH TIME ZONE"
    return "VARCHAR" if "VARCHAR" in {old, new} and "JSON" not in {old, new} else "JSON"


def held(kind: str, column: str) -> Any:
    """What a column of a type holds of the sample value of a kind."""
    text = STORED[kind][1]
    if column == "JSON":
        return text
    if column == "VARCHAR":
        return AS_TEXT[kind]
    if column == "DOUBLE":
        return float(text)
    if column == "TIMESTAMP WITH TIME ZONE":
        return datetime(2024, 2, 29, tzinfo=UTC) if kind == "DATE" else datetime(2024, 2, 29, 10, 0, 0, 500_000, UTC)
    return {"BIGINT": 7, "BOOLEAN": True, "DATE": date(2024, 2, 29)}[column]


PAIRS = [(old, new) for old in STORED for new in STORED]


def test_columns_that_change_their_type_lose_nothing(file: Path) -> None:
    for row_id, at in ((1, 0), (2, 1)):
        kinds = {f"{old} then {new}": (old, new)[at] for old, new in PAIRS}
        properties = {"id": INTEGER, **{name: STORED[kind][0] for name, kind in kinds.items()}}
        row = ",".join(f'"{name}":{STORED[kind][1]}' for name, kind in kinds.items())
        load(file, schema("s", properties), raw("s", f'{{"id":{row_id},{row}}}'))
    columns = {f"{old} then {new}": merged(old, new) for old, new in PAIRS}
    assert types(file, "s") == {"id": "BIGINT", **columns}
    assert query(file, "SELECT * EXCLUDE id FROM out.bitrix24.s ORDER BY id") == [
        tuple(held(old, merged(old, new)) for old, new in PAIRS),
        tuple(held(new, merged(old, new)) for old, new in PAIRS),
    ]


def test_key_columns_that_change_their_type_lose_nothing(file: Path) -> None:
    for at in (0, 1):
        messages = []
        for pair in PAIRS:
            stream, (prop, text) = " then ".join(pair), STORED[pair[at]]
            messages += [
                schema(stream, {"rest": STRING, "v": prop}, ["v"]),
                raw(stream, f'{{"v":{text},"rest":"{at}"}}'),
            ]
        load(file, *messages)
    for old, new in PAIRS:
        column = merged(old, new)
        assert types(file, f"{old} then {new}") == {"rest": "VARCHAR", "v": column}
        expected = {held(old, column): "0", held(new, column): "1"}
        assert {v: rest for rest, v in table(file, f"{old} then {new}")} == expected


def test_integers_too_large_for_double_make_the_column_json(file: Path) -> None:
    load(file, schema("s", {"id": INTEGER, "v": INTEGER}), record("s", {"id": 1, "v": BIG}))
    load(file, schema("s", {"id": INTEGER, "v": NUMBER}), record("s", {"id": 2, "v": 0.5}))
    assert query(file, "SELECT v FROM out.bitrix24.s ORDER BY id") == [(str(BIG),), ("0.5",)]


def test_integer_not_exact_in_a_double_column_is_an_error(file: Path) -> None:
    load(file, schema("s", {"id": INTEGER, "v": NUMBER}), record("s", {"id": 1, "v": 0.5}))
    with pytest.raises(LoadError, match=f"column 'v': {BIG} does not fit BIGINT, stored as DOUBLE"):
        load(file, schema("s", {"id": INTEGER, "v": INTEGER}), record("s", {"id": 2, "v": BIG}))


def test_names_as_given(file: Path) -> None:
    for stream in NAMES:
        properties = {"id": INTEGER, **dict.fromkeys(NAMES, STRING)}
        row = {"id": 1, **{name: f"{i} of {name}" for i, name in enumerate(NAMES)}}
        load(file, schema(stream, properties), record(stream, row), record(stream, row))
        assert list(types(file, stream)) == ["id", *NAMES]
        assert table(file, stream) == [tuple(row.values())]


@pytest.mark.parametrize("names", [("Name", "name"), ("id", "ID"), ("",), ("a\0b",)])
def test_names_duckdb_cannot_keep_apart_are_refused(file: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(LoadError, match="columns of stream s include"):
        load(file, schema("s", {"id": INTEGER, **dict.fromkeys(names, STRING)}))


def test_streams_whose_names_differ_by_case_are_refused(file: Path) -> None:
    load(file, schema("deals", {"id": INTEGER}))
    with pytest.raises(LoadError, match="'deals' and 'Deals'"):
        load(file, schema("Deals", {"id": INTEGER}))


@pytest.mark.parametrize("key", [["id"], ["id", "part"]])
def test_the_last_occurrence_wins(file: Path, key: list[str]) -> None:
    properties = {"id": INTEGER, "part": STRING, "v": INTEGER}
    rows = [record("s", {"id": i % 7, "part": "p", "v": i}) for i in range(5000)]
    load(file, schema("s", properties, key), *rows)
    assert query(file, "SELECT id, v FROM out.bitrix24.s ORDER BY id") == [
        (i % 7, i) for i in sorted(range(4993, 5000), key=lambda i: i % 7)
    ]
    load(file, schema("s", properties, key), record("s", {"id": 3, "part": "p"}))
    assert query(file, "SELECT v FROM out.bitrix24.s WHERE id = 3") == [(None,)], "a record replaces the whole row"


def test_without_a_key_rows_are_appended_in_order(file: Path) -> None:
    rows = [record("s", {"v": i % 3}) for i in range(5)]
    load(file, schema("s", {"v": INTEGER}, []), *rows)
    load(file, schema("s", {"v": INTEGER}, []), *rows)
    assert query(file, "SELECT v FROM out.bitrix24.s") == [(i % 3,) for i in range(5)] * 2


@pytest.mark.parametrize("row", [{"id": None, "v": 1}, {"v": 1}])
def test_a_record_without_its_key_is_an_error(file: Path, row: dict[str, Any]) -> None:
    with pytest.raises(LoadError, match="line 3, stream s: no value in the primary key"):
        load(file, schema("s", {"id": INTEGER, "v": INTEGER}), record("s", {"id": 1, "v": 2}), record("s", row))


def test_columns_come_and_stay(file: Path) -> None:
    load(file, schema("s", {"id": INTEGER, "old": STRING}), record("s", {"id": 1, "old": "x"}))
    load(file, schema("s", {"id": INTEGER, "new": DATE}), record("s", {"id": 2, "new": "2024-01-01"}))
    assert query(file, "SELECT * FROM out.bitrix24.s ORDER BY id") == [(1, "x", None), (2, None, date(2024, 1, 1))]


def test_a_schema_may_change_while_loading(file: Path) -> None:
    first, second = {"id": INTEGER, "v": INTEGER}, {"id": INTEGER, "v": STRING}
    load(
        file,
        schema("s", first),
        record("s", {"id": 1, "v": 5}),
        schema("s", second),
        record("s", {"id": 2, "v": "x"}),
        schema("s", first),
        record("s", {"id": 3, "v": 6}),
    )
    assert query(file, "SELECT v FROM out.bitrix24.s ORDER BY id") == [("5",), ("x",), ("6",)]


def test_undeclared_columns_are_kept(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = [record("s", {"id": i, "extra": {"a": i}}) for i in range(3)]
    load(file, schema("s", {"id": INTEGER}), record("s", {"id": 9}), *more)
    assert query(file, "SELECT id, extra FROM out.bitrix24.s WHERE id < 9 ORDER BY id") == [
        (i, f'{{"a":{i}}}') for i in range(3)
    ]
    assert [entry.message for entry in caplog.records] == [
        "stream s: records have column 'extra', which is not in its SCHEMA; keeping it"
    ]


def test_all_undeclared_columns_of_a_batch_are_found(file: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "v": 1},
        {"id": 2, "x": None},
        {"id": 3, "v": 3, "y": "text", "x": 0},
        {"ß": [1], "id": 4},
    ]
    load(file, schema("s", {"id": INTEGER, "v": INTEGER}), *[record("s", row, more=row, again=1) for row in rows])
    assert query(file, "FROM out.bitrix24.s ORDER BY id") == [
        (1, 1, None, None, None),
        (2, None, None, None, None),
        (3, 3, "0", '"text"', None),
        (4, None, None, None, "[1]"),
    ]


def test_a_duckdb_message_cut_within_a_character(file: Path) -> None:
    for stream in ("s", "t"):
        rows = [record(stream, {"id": i, "v": "x" * i + "яяя" * 20, "new": i}) for i in range(2)]
        load(file, schema(stream, {"id": INTEGER, "v": STRING}), *rows)
        assert [row[2] for row in table(file, stream)] == ["0", "1"]
    with pytest.raises(LoadError, match="line 2, stream s: duplicate key 'v'"):
        load(file, schema("s", {"id": INTEGER, "v": STRING}), raw("s", '{"id":1,"v":"' + "яяя" * 20 + '","v":"я"}'))


def test_recurring_keys_replace_rows_of_a_new_table(file: Path) -> None:
    with Loader(file, limits=Limits(rows=10)) as loader:
        loader.feed(schema("s", {"id": INTEGER, "v": INTEGER}))
        for i in (*range(30), *range(25, 60), 3, 3):
            loader.feed(record("s", {"id": i, "v": i, "new": i} if i in {3, 28} else {"id": i, "v": i}))
    assert query(file, "SELECT count(*), sum(v), count(DISTINCT id), count(new) FROM out.bitrix24.s") == [
        (60, sum(range(60)), 60, 2)
    ]


def test_undeclared_columns_keep_their_stored_type(file: Path) -> None:
    load(file, schema("s", {"id": INTEGER, "v": INTEGER}), record("s", {"id": 1, "v": 1}))
    load(file, schema("s", {"id": INTEGER}), record("s", {"id": 2}), record("s", {"id": 3, "v": 3}))
    assert query(file, "SELECT * FROM out.bitrix24.s ORDER BY id") == [(1, 1), (2, None), (3, 3)]
    with pytest.raises(LoadError, match="columns of stream s include 'v' and 'V'"):
        load(file, schema("s", {"id": INTEGER}), record("s", {"id": 4, "V": 4}))


def test_another_primary_key_is_an_error(file: Path) -> None:
    properties = {"id": INTEGER, "v": INTEGER}
    load(file, schema("s", properties), record("s", {"id": 1}))
    for key in (["v"], ["id", "v"], []):
        with pytest.raises(LoadError, match=r"Stream s now has the primary key .*, its table has \['id'\]"):
            load(file, schema("s", properties, key))
    assert query(file, "SELECT id FROM out.bitrix24.s") == [(1,)]


def test_activate_version_removes_other_versions_when_it_comes(file: Path) -> None:
    head = schema("s", {"id": INTEGER})
    load(file, head, record("s", {"id": 0}))
    load(file, head, record("s", {"id": 1}, version=10), record("s", {"id": 2}, version=10))
    assert query(file, "SELECT * FROM out.bitrix24.s ORDER BY id") == [(0, None), (1, 10), (2, 10)]
    load(file, head, record("s", {"id": 2}, version=11), record("s", {"id": 3}, version=11))
    assert query(file, "SELECT count(*) FROM out.bitrix24.s") == [(4,)], "no message, nothing vanishes"
    load(file, head, record("s", {"id": 4}, version=11), line(type="ACTIVATE_VERSION", stream="s", version=11))
    assert query(file, "SELECT * FROM out.bitrix24.s ORDER BY id") == [(2, 11), (3, 11), (4, 11)]


def test_other_loads_do_not_touch_foreign_tables(file: Path) -> None:
    load(file, schema("mine", {"id": INTEGER}))
    load(file, schema("s", {"id": INTEGER}), record("s", {"id": 1}))
    assert query(file, "SELECT count(*) FROM out.bitrix24.mine") == [(0,)]
