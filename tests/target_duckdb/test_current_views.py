"""`<stream>_current`: what the view of a child stream shows, over runs, changes of schema and names that are taken."""

import random
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Limits, Loader
from tests.support.parameters import seeds
from tests.target_duckdb.singer import (
    DATE,
    DATETIME,
    INTEGER,
    STRING,
    line,
    load,
    query,
    record,
    schema,
    state,
    table,
    types,
)

ROWS = {"deal_id": INTEGER, "contact_id": INTEGER, "_bitrix24_parent": STRING, "_bitrix24_children_read_at": DATETIME}
CHILD_READS = schema(
    "child_reads", {"stream": STRING, "parent": STRING, "read_at": DATETIME, "count": INTEGER}, ["stream", "parent"]
)


def at(hour: int) -> str:
    return f"2026-11-24T{hour:02}:00:00Z"


def head(stream: str = "deal_contacts", **more: Any) -> bytes:
    return schema(stream, {**ROWS, **more}, ["deal_id", "contact_id"])


def row(deal: int, contact: int, hour: int, stream: str = "deal_contacts", **more: Any) -> bytes:
    bookkeeping = {"_bitrix24_parent": f"deal:{deal}", "_bitrix24_children_read_at": at(hour)}
    return record(stream, {"deal_id": deal, "contact_id": contact, **bookkeeping, **more})


def read_of(parent: int | str, hour: int, count: int, stream: str = "deal_contacts") -> bytes:
    name = parent if parent == "*" else f"deal:{parent}"
    return record("child_reads", {"stream": stream, "parent": name, "read_at": at(hour), "count": count})


def current(file: Path, stream: str = "deal_contacts") -> list[tuple[Any, ...]]:
    return sorted(row[:2] for row in table(file, f"{stream}_current"))


def test_a_removed_row_leaves_the_view_and_stays_in_the_table(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), row(1, 11, 1), read_of(1, 1, 2), row(2, 20, 1), read_of(2, 1, 1))
    assert current(file) == [(1, 10), (1, 11), (2, 20)]
    load(file, head(), CHILD_READS, row(1, 11, 2), read_of(1, 2, 1))
    assert current(file) == [(1, 11), (2, 20)]
    assert query(file, "SELECT count(*) FROM out.bitrix24.deal_contacts") == [(3,)]


def test_a_parent_whose_children_are_all_gone(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1), row(2, 20, 1), read_of(2, 1, 1))
    load(file, head(), CHILD_READS, read_of(1, 2, 0))
    assert current(file) == [(2, 20)]


def test_a_sweep_hides_children_of_parents_that_are_gone(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1), row(2, 20, 1), read_of(2, 1, 1), row(3, 30, 1))
    load(file, head(), CHILD_READS, row(2, 20, 3), read_of(2, 3, 1), read_of("*", 2, 1))
    assert current(file) == [(2, 20)]
    load(file, head(), CHILD_READS, row(1, 12, 4), read_of(1, 4, 1))
    assert current(file) == [(1, 12), (2, 20)]


def unanswered(deal: int, hour: int) -> bytes:
    """A sweep got no answer for a deal."""
    return record("child_reads", {"stream": "deal_contacts", "parent": f"?deal:{deal}", "read_at": at(hour)})


def test_children_of_a_parent_that_did_not_answer_in_a_sweep_stay(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1), row(2, 20, 1), read_of(2, 1, 1))
    load(file, head(), CHILD_READS, unanswered(1, 3), read_of("*", 3, 0))
    assert current(file) == [(1, 10)], "the second deal is gone"
    load(file, head(), CHILD_READS, row(1, 11, 4), read_of(1, 4, 1))
    assert current(file) == [(1, 11)], "it has answered"
    load(file, head(), CHILD_READS, read_of("*", 5, 0))
    assert current(file) == [], "the next sweep did not find it"


def test_a_parent_that_did_not_answer_gets_no_rows_back_that_it_had_lost(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1), read_of(1, 2, 0))
    load(file, head(), CHILD_READS, unanswered(1, 3), read_of("*", 3, 0))
    assert current(file) == []


def test_children_read_in_the_second_of_the_sweep_are_current(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 2), read_of(1, 2, 1), read_of("*", 2, 1))
    assert current(file) == [(1, 10)]


def test_a_row_without_a_date_is_hidden_after_a_sweep(file: Path) -> None:
    undated = record("deal_contacts", {"deal_id": 9, "contact_id": 90})
    load(file, head(), CHILD_READS, undated, row(1, 10, 1))
    assert current(file) == [(1, 10), (9, 90)]
    load(file, head(), CHILD_READS, read_of("*", 1, 2))
    assert current(file) == [(1, 10)]


def test_streams_do_not_mix(file: Path) -> None:
    other = "lead_contacts"
    load(
        file,
        head(),
        head(other),
        CHILD_READS,
        row(1, 10, 1),
        row(1, 10, 1, other),
        read_of(1, 2, 0),
        read_of("*", 1, 1, other),
    )
    assert (current(file), current(file, other)) == ([], [(1, 10)])
    load(file, CHILD_READS, read_of("*", 2, 0, other))
    assert (current(file), current(file, other)) == ([], [])


def test_without_child_reads_all_rows_are_current(file: Path) -> None:
    load(file, head(), row(1, 10, 1))
    load(file, head(), row(1, 11, 2))
    assert current(file) == [(1, 10), (1, 11)]


def test_the_view_is_there_before_any_row(file: Path) -> None:
    load(file, head())
    assert current(file) == []


@pytest.mark.parametrize("order", ["before", "after", "later"])
def test_child_reads_may_come_at_any_time(file: Path, order: str) -> None:
    rows, reads = [head(), row(1, 10, 1), row(1, 11, 2)], [CHILD_READS, read_of(1, 2, 1)]
    if order == "later":
        load(file, *rows)
        assert current(file) == [(1, 10), (1, 11)]
        load(file, *reads)
    else:
        load(file, *(reads + rows if order == "before" else rows + reads))
    assert current(file) == [(1, 11)]


def test_the_view_has_all_columns_but_the_bookkeeping(file: Path) -> None:
    titled = {**STRING, "title": "ROLE", "description": "Роль"}
    load(file, head(_bitrix24_unparsed={}, role=titled))
    assert list(types(file, "deal_contacts_current")) == ["deal_id", "contact_id", "_bitrix24_unparsed", "role"]
    comments = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'deal_contacts_current'"
    assert dict(query(file, comments))["role"] == "ROLE: Роль"


@pytest.mark.parametrize("child_reads", [b"", CHILD_READS])
def test_the_view_follows_columns_that_come_and_change_type(file: Path, child_reads: bytes) -> None:
    load(file, head(v=INTEGER), child_reads, row(1, 10, 1, v=5))
    load(file, head(v=STRING, w=DATE), child_reads, row(1, 11, 1, v="x", w="2026-01-01"))
    expected = {"deal_id": "BIGINT", "contact_id": "BIGINT", "v": "VARCHAR", "w": "DATE"}
    assert types(file, "deal_contacts_current") == expected
    assert query(file, "SELECT v, w::VARCHAR FROM out.bitrix24.deal_contacts_current ORDER BY contact_id") == [
        ("5", None), ("x", "2026-01-01"),
    ]  # fmt: skip


def test_the_view_follows_a_key_column_that_changes_type(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1))
    changed = schema("deal_contacts", {**ROWS, "contact_id": STRING}, ["deal_id", "contact_id"])
    load(file, changed, record("deal_contacts", {"deal_id": 1, "contact_id": "x"}))
    assert types(file, "deal_contacts_current") == {"deal_id": "BIGINT", "contact_id": "VARCHAR"}
    assert current(file) == [(1, "10"), (1, "x")]


def test_the_view_follows_a_schema_that_changes_while_rows_come(file: Path) -> None:
    load(
        file, head(), row(1, 10, 1), head(v=INTEGER), CHILD_READS, row(1, 11, 2, v=7), read_of(1, 2, 1), head(v=STRING)
    )
    assert query(file, "FROM out.bitrix24.deal_contacts_current") == [(1, 11, "7")]


def test_the_view_follows_undeclared_columns(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1, extra=[1]))
    assert types(file, "deal_contacts_current") == {"deal_id": "BIGINT", "contact_id": "BIGINT", "extra": "JSON"}
    load(file, head(), line(type="ACTIVATE_VERSION", stream="deal_contacts", version=3))
    assert types(file, "deal_contacts_current")["_sdc_table_version"] == "BIGINT"


def test_a_file_loaded_before_there_was_bookkeeping_gets_its_view(file: Path) -> None:
    old = schema("deal_contacts", {"deal_id": INTEGER, "contact_id": INTEGER}, ["deal_id", "contact_id"])
    load(file, old, record("deal_contacts", {"deal_id": 1, "contact_id": 10}))
    assert query(file, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]
    load(file, head(), CHILD_READS, row(1, 11, 2), read_of(1, 2, 1), read_of("*", 2, 1))
    assert current(file) == [(1, 11)]


@pytest.mark.parametrize("stream", ['a"b', "a'b", "Имя", "select", "x y", "a.b", "t", "own", "stage", "child_reads2"])
def test_odd_names(file: Path, stream: str) -> None:
    load(
        file, head(stream), CHILD_READS, row(1, 10, 1, stream, more=1), row(1, 11, 2, stream), read_of(1, 2, 1, stream)
    )
    name = stream.replace('"', '""')
    assert query(file, f'FROM out.bitrix24."{name}_current"') == [(1, 11, None)]


def test_a_file_named_as_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "bitrix24.duckdb"
    load(file, head(), CHILD_READS, row(1, 10, 1), row(1, 11, 2), read_of(1, 2, 1))
    assert query(file, "FROM bitrix24.bitrix24.deal_contacts_current") == [(1, 11)]


@pytest.mark.parametrize("name", ["deal_contacts_current", "Deal_Contacts_CURRENT"])
def test_a_table_of_the_views_name_is_not_touched(file: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    taken = schema(name, {"id": INTEGER})
    load(file, taken, record(name, {"id": 5}), head(), row(1, 10, 1))
    assert query(file, "FROM out.bitrix24.deal_contacts_current") == [(5,)]
    assert caplog.messages == [f"view deal_contacts_current not created: a table {name} exists already"]


def test_a_table_that_comes_later_takes_the_views_place(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(file, head(), row(1, 10, 1))
    taken = schema("deal_contacts_current", {"id": INTEGER})
    load(file, taken, record("deal_contacts_current", {"id": 5}))
    assert caplog.messages == [
        "view deal_contacts_current dropped: stream deal_contacts_current needs a table of that name"
    ]
    load(file, head(), row(1, 11, 1))
    assert query(file, "FROM out.bitrix24.deal_contacts_current") == [(5,)]


def make_own_view(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bitrix24")
        connection.execute("CREATE VIEW bitrix24.deal_contacts_current AS SELECT 'mine' AS whose")


def test_a_foreign_view_is_not_touched(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_own_view(file)
    load(file, head(), row(1, 10, 1))
    assert query(file, "FROM out.bitrix24.deal_contacts_current") == [("mine",)]
    assert caplog.messages == ["view deal_contacts_current not created: a view deal_contacts_current exists already"]


def test_a_stream_with_the_name_of_a_foreign_view_is_an_error(file: Path) -> None:
    make_own_view(file)
    with pytest.raises(LoadError, match="Stream deal_contacts_current needs a table of that name, but a view has it"):
        load(file, schema("deal_contacts_current", {"id": INTEGER}))


def test_missing_bookkeeping_columns_cause_a_warning(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = schema("child_reads", {"stream": STRING, "parent": STRING}, ["stream", "parent"])
    load(file, head(), parts, row(1, 10, 1), record("child_reads", {"stream": "deal_contacts", "parent": "*"}))
    assert current(file) == [(1, 10)]
    assert caplog.messages == [
        "view deal_contacts_current shows removed rows, too: no column read_at of the expected type"
    ]


def test_an_unchanged_view_is_not_replaced(file: Path) -> None:
    load(file, head(v=INTEGER), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1))
    with duckdb.connect(str(file)) as connection:
        connection.execute("COMMENT ON COLUMN bitrix24.deal_contacts_current.v IS 'mine'")
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'deal_contacts_current' AND comment IS NOT NULL"
    load(file, head(v=INTEGER), CHILD_READS, row(1, 10, 2), read_of(1, 2, 1))
    assert query(file, comments) == [("mine",)]
    load(file, head(v=INTEGER, w=INTEGER), CHILD_READS)
    assert query(file, comments) == []


def test_child_reads_are_committed_after_their_rows(file: Path) -> None:
    load(file, head(), CHILD_READS, row(1, 10, 1), read_of(1, 1, 1))
    states: list[bytes] = []
    bad = record("deal_contacts", {"deal_id": 1, "contact_id": "x"})
    loader = Loader(file, on_state=states.append)
    loader.feed(b"".join((head(), CHILD_READS, read_of(1, 2, 1), bad, state({"at": 2}))))
    with pytest.raises(LoadError, match="column 'contact_id': \"x\" does not fit"):
        loader.finish()
    loader.close()
    assert states == []
    assert current(file) == [(1, 10)], "the read of 2 o'clock must not hide rows before its own are committed"


def test_a_state_is_confirmed_once_rows_and_child_reads_are_committed(file: Path) -> None:
    seen: list[list[tuple[Any, ...]]] = []

    def look(_: bytes) -> None:
        """Open what a crash right now would leave."""
        copy = file.with_name(f"{len(seen)}.duckdb")
        for suffix in ("", ".wal"):
            shutil.copy(f"{file}{suffix}", f"{copy}{suffix}")
        seen.append(query(copy, f'FROM "{copy.stem}".bitrix24.deal_contacts_current'))

    with Loader(file, on_state=look, limits=Limits(rows=1)) as loader:
        for hour in (1, 2):
            loader.feed(b"".join((head(), CHILD_READS, read_of(1, hour, 1), row(1, hour, hour), state(hour))))
    assert seen == [[(1, 1)], [(1, 2)]]


@pytest.mark.parametrize("seed", seeds(2, 8))
def test_random_runs_show_what_the_portal_has(file: Path, seed: int) -> None:
    """Parents and children come and go; each run reads some parents or sweeps all, and is loaded in small batches."""
    draw = random.Random(seed)
    portal: dict[int, set[int]] = {}
    read: dict[int, set[int]] = {}
    for hour in range(1, 12):
        for deal in draw.sample(range(12), 5):
            portal[deal] = set(draw.sample(range(6), draw.randint(0, 4)))
        for deal in draw.sample(sorted(portal), draw.randint(0, 2)):
            del portal[deal]
        sweeps = draw.random() < 0.3
        met = sorted(portal) if sweeps else draw.sample(sorted(portal), draw.randint(0, len(portal)))
        groups = [b"".join((*(row(deal, each, hour) for each in portal[deal]), read_of(deal, hour, 0))) for deal in met]
        read = {**({} if sweeps else read), **{deal: portal[deal] for deal in met}}
        with Loader(file, limits=Limits(rows=draw.randint(1, 9))) as loader:
            for message in (head(), CHILD_READS, *groups, read_of("*", hour, 0) if sweeps else b""):
                loader.feed(message)
        assert current(file) == sorted((deal, each) for deal, children in read.items() for each in children)
