"""`<stream>_labelled`: names of columns, texts of options, what changes between runs, and how fast it answers."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.labelled_views import create_labelled_views
from tests.target_duckdb.singer import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    NUMBER,
    STRING,
    load,
    query,
    record,
    schema,
    table,
    types,
)

FIELDS = schema(
    "fields",
    {
        **dict.fromkeys(("stream", "column_name", "portal_name", "label", "portal_type", "type", "origin"), STRING),
        **dict.fromkeys(("multiple", "mandatory", "read_only"), BOOLEAN),
    },
    ["stream", "column_name"],
)
OPTIONS = schema(
    "field_options",
    {
        **dict.fromkeys(("stream", "column_name", "id", "label", "color", "semantics", "origin"), STRING),
        "sort": INTEGER,
    },
    ["stream", "column_name", "id"],
)
DEALS = {
    "id": INTEGER, "title": STRING, "stage_id": STRING, "closed": BOOLEAN, "closedate": DATE, "date_modify": DATETIME,
    "opportunity": NUMBER, "uf_crm_kind": INTEGER, "uf_crm_tags": ANY,
}  # fmt: skip
DEAL: dict[str, Any] = {
    "id": 1, "title": "Roof", "stage_id": "WON", "closed": True, "closedate": "2026-01-02",
    "date_modify": "2026-01-02T10:00:00Z", "opportunity": 1.5, "uf_crm_kind": 44, "uf_crm_tags": [7, 5],
}  # fmt: skip
LABELS = {"id": "ID", "title": "Название", "stage_id": "Стадия", "uf_crm_kind": "Вид", "uf_crm_tags": "Метки"}


def field(column: str, label: str, stream: str = "deals", *, multiple: bool = False) -> bytes:
    names = {"column_name": column, "portal_name": column.upper(), "label": label}
    return record("fields", {"stream": stream, **names, "multiple": multiple})


def fields(labels: Mapping[str, str] = LABELS, stream: str = "deals") -> bytes:
    return FIELDS + b"".join(field(name, label, stream, multiple="tags" in name) for name, label in labels.items())


def options(column: str, texts: Mapping[str, str | None], stream: str = "deals") -> bytes:
    rows = [{"stream": stream, "column_name": column, "id": key, "label": text} for key, text in texts.items()]
    return OPTIONS + b"".join(record("field_options", row) for row in rows)


def deals(*rows: Mapping[str, Any]) -> bytes:
    return schema("deals", DEALS) + b"".join(record("deals", {**DEAL, **row}) for row in rows)


def first_row(file: Path, stream: str = "deals") -> dict[str, Any]:
    """The first row of a view, by column."""
    columns = list(types(file, f"{stream}_labelled"))
    return dict(zip(columns, table(file, f"{stream}_labelled")[0], strict=True))


def shown(file: Path, kind: Mapping[str, Any], value: Any, texts: Mapping[str, str | None], *, multiple: bool) -> Any:
    """The value of a column with options in the view."""
    rows = schema("s", {"id": INTEGER, "v": kind}) + record("s", {"id": 1, "v": value})
    load(file, rows, FIELDS, field("v", "V", "s", multiple=multiple), options("v", texts, "s"))
    assert create_labelled_views(file) == ["s_labelled"]
    return first_row(file, "s")["V"]


def test_columns_by_label_and_options_by_text(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"NEW": "Новая", "WON": "Сделка успешна"}))
    load(file, options("uf_crm_kind", {"44": "Опт"}), options("uf_crm_tags", {"5": "VIP", "7": "Срочно"}))
    assert create_labelled_views(file) == ["deals_labelled"]
    row = first_row(file)
    assert row.pop("date_modify").isoformat() == "2026-01-02T10:00:00+00:00"
    assert row.pop("closedate").isoformat() == "2026-01-02"
    assert row == {
        "ID": 1, "Название": "Roof", "Стадия": "Сделка успешна", "closed": True, "opportunity": 1.5, "Вид": "Опт",
        "Метки": ["Срочно", "VIP"],
    }  # fmt: skip
    assert types(file, "deals_labelled") == {
        "ID": "BIGINT", "Название": "VARCHAR", "Стадия": "VARCHAR", "closed": "BOOLEAN", "closedate": "DATE",
        "date_modify": "TIMESTAMP WITH TIME ZONE", "opportunity": "DOUBLE", "Вид": "VARCHAR", "Метки": "VARCHAR[]",
    }  # fmt: skip


def comments(file: Path) -> dict[str, str]:
    found = query(file, "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'deals_labelled'")
    return {column: comment for column, comment in found if comment}


def test_comments_are_the_portals_names(file: Path) -> None:
    load(file, deals({}), fields())
    create_labelled_views(file)
    expected = {label: name.upper() for name, label in LABELS.items()}
    assert comments(file) == expected
    load(file, FIELDS, field("title", LABELS["title"]).replace(b'"TITLE"', b'"subject"'))
    create_labelled_views(file)
    assert comments(file) == {**expected, LABELS["title"]: "subject"}


@pytest.mark.parametrize(
    ("kind", "value", "multiple", "expected"),
    [
        (STRING, "a", False, "A"),
        (STRING, "z", False, "z"),
        (STRING, "", False, ""),
        (STRING, None, False, None),
        (STRING, "empty", False, "empty"),
        (STRING, "none", False, "none"),
        (INTEGER, 5, False, "five"),
        (INTEGER, 6, False, "6"),
        (INTEGER, 2**62, False, str(2**62)),
        (NUMBER, 5, False, "five"),
        (NUMBER, 5.5, False, "5.5"),
        (BOOLEAN, True, False, "yes"),
        (BOOLEAN, False, False, "false"),
        (DATE, "2026-01-01", False, "New Year"),
        (DATETIME, "2026-01-01T00:00:00Z", False, "2026-01-01 00:00:00+00"),
        (ANY, [5, "a", 6, 5], True, ["five", "A", "6", "five"]),
        (ANY, [], True, []),
        (ANY, None, True, None),
        (ANY, 5, True, ["five"]),
        (ANY, "a", True, ["A"]),
        (ANY, [5, None, {"b": 1}, [5]], True, ["five", None, '{"b":1}', "[5]"]),
        (ANY, {"b": 1}, True, ['{"b":1}']),
        (ANY, 5, False, "five"),
        (ANY, "a", False, "A"),
        (ANY, [5], False, "[5]"),
    ],
)
def test_values_of_any_type(file: Path, kind: Mapping[str, Any], value: Any, *, multiple: bool, expected: Any) -> None:
    texts = {"a": "A", "5": "five", "true": "yes", "2026-01-01": "New Year", "empty": "", "none": None}
    assert shown(file, kind, value, texts, multiple=multiple) == expected


@pytest.mark.parametrize(("value", "expected"), [(True, "Да"), (False, "false"), (None, None)])
def test_options_of_booleans_are_y_and_n(file: Path, *, value: bool | None, expected: str | None) -> None:
    assert shown(file, BOOLEAN, value, {"Y": "Да"}, multiple=False) == expected


def test_options_of_other_columns_and_streams_do_not_mix(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"NEW": "Новая"}), options("title", {"WON": "x"}))
    load(file, options("stage_id", {"WON": "Won", "NEW": "New"}, "leads"))
    create_labelled_views(file)
    assert first_row(file)["Стадия"] == "WON"
    load(file, deals({"stage_id": "NEW"}))
    assert first_row(file)["Стадия"] == "Новая"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["", "  "], ["a", "b"]),
        (["Name", "Name"], ["Name", "Name (b)"]),
        (["Name", "nAME"], ["Name", "nAME (b)"]),
        (["Ä", "ä"], ["Ä", "ä"]),
        (["b", ""], ["b", "b (b)"]),
        (["b (b)", "B", "B (b)"], ["b (b)", "B", "B (b) (c)"]),
        (["x", "x (c)", "X"], ["x", "x (c)", "X (c) (c)"]),
        ([" A ", "a\0"], ["A", "a (b)"]),
        (['q"t', "it's; --", "a\nb"], ['q"t', "it's; --", "a\nb"]),
        (["t", "o", "m0", "x", "rowid", "select"], ["t", "o", "m0", "x", "rowid", "select"]),
    ],
)
def test_names_of_columns(file: Path, labels: list[str], expected: list[str]) -> None:
    columns = "abcdef"[: len(labels)]
    given = dict(zip(columns, labels, strict=True))
    load(file, schema("s", dict.fromkeys(columns, STRING), []), record("s", {each: each * 2 for each in columns}))
    load(file, fields(given, "s"), *(options(each, {each * 2: each * 3}, "s") for each in columns))
    create_labelled_views(file)
    assert first_row(file, "s") == dict(zip(expected, (each * 3 for each in columns), strict=True))


@pytest.mark.parametrize("stream", ['a"b', "a'b", "Имя", "select", "x y", "a.b", "t", "o", "stage"])
def test_odd_names(file: Path, stream: str) -> None:
    odd = f"{stream} 1"
    load(file, schema(stream, {"id": INTEGER, odd: STRING}), record(stream, {"id": 1, odd: "k"}))
    load(file, fields({odd: stream}, stream), options(odd, {"k": "text"}, stream))
    assert create_labelled_views(file) == [f"{stream}_labelled"]
    assert first_row(file, stream) == {"id": 1, stream: "text"}


def test_a_file_named_as_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "bitrix24.duckdb"
    load(file, deals({}), fields(), options("stage_id", {"WON": "Won"}))
    create_labelled_views(file)
    assert query(file, 'SELECT "Стадия" FROM bitrix24.bitrix24.deals_labelled') == [("Won",)]


def test_another_schema(file: Path) -> None:
    load(file, deals({}), fields())
    assert create_labelled_views(file, schema="elsewhere") == []
    assert create_labelled_views(file) == ["deals_labelled"]


def test_only_tables_that_fields_describes(file: Path) -> None:
    load(file, deals({}), schema("tasks", {"id": INTEGER}), fields(), fields(stream="leads"))
    assert create_labelled_views(file) == ["deals_labelled"]


CHILD = {"deal_id": INTEGER, "role": STRING, "_bitrix24_parent": STRING, "_bitrix24_children_read_at": DATETIME}
CHILD_READS = schema("child_reads", {"stream": STRING, "parent": STRING, "read_at": DATETIME}, ["stream", "parent"])


def child(deal: int, hour: int) -> bytes:
    at = {"_bitrix24_parent": f"deal:{deal}", "_bitrix24_children_read_at": f"2026-11-24T0{hour}:00:00Z"}
    return record("deal_contacts", {"deal_id": deal, "role": "b", **at})


def read_of(parent: str, hour: int) -> bytes:
    return record("child_reads", {"stream": "deal_contacts", "parent": parent, "read_at": f"2026-11-24T0{hour}:00:00Z"})


def test_child_streams_show_their_current_rows(file: Path) -> None:
    labels = {"deal_id": "Deal", "role": "Role", "_bitrix24_parent": "Parent"}
    load(file, schema("deal_contacts", CHILD, ["deal_id"]), child(1, 1), child(2, 2))
    load(file, fields(labels, "deal_contacts"), options("role", {"b": "Buyer"}, "deal_contacts"))
    assert create_labelled_views(file) == ["deal_contacts_labelled"]
    assert types(file, "deal_contacts_labelled") == {"Deal": "BIGINT", "Role": "VARCHAR"}
    assert sorted(table(file, "deal_contacts_labelled")) == [(1, "Buyer"), (2, "Buyer")]
    load(file, CHILD_READS, read_of("*", 2))
    assert table(file, "deal_contacts_labelled") == [(2, "Buyer")], "the existing view follows"
    assert create_labelled_views(file) == ["deal_contacts_labelled"]
    assert table(file, "deal_contacts_labelled") == [(2, "Buyer")]


def test_no_view_of_rows_that_may_be_gone(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(file, schema("deal_contacts_current", {"id": INTEGER}), schema("deal_contacts", CHILD, ["deal_id"]))
    load(file, fields({"role": "Role"}, "deal_contacts"), OPTIONS)
    caplog.clear()
    assert create_labelled_views(file) == []
    assert caplog.messages == [
        "view deal_contacts_current not created: a table deal_contacts_current exists already",
        "view deal_contacts_labelled not created: it needs view deal_contacts_current",
    ]


def definition(file: Path) -> list[tuple[Any, ...]]:
    return query(file, "SELECT sql, comment FROM duckdb_views() WHERE view_name = 'deals_labelled'")


def test_unchanged_views_are_not_replaced(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"WON": "Won"}))
    create_labelled_views(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("COMMENT ON COLUMN bitrix24.deals_labelled.\"ID\" IS 'mine'")
    before = definition(file)
    assert create_labelled_views(file) == ["deals_labelled"]
    assert definition(file) == before
    assert ("mine",) in query(file, "SELECT comment FROM duckdb_columns() WHERE table_name = 'deals_labelled'")


def test_a_changed_label(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"WON": "Won"}))
    create_labelled_views(file)
    load(file, fields({"title": "Имя"}), options("stage_id", {"WON": "Успех"}))
    assert first_row(file)["Стадия"] == "Успех", "texts are up to date without creating views anew"
    create_labelled_views(file)
    assert list(first_row(file))[:2] == ["ID", "Имя"]


def test_new_and_changed_columns(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"WON": "Won"}))
    create_labelled_views(file)
    wider = {**DEALS, "title": ANY, "stage_id": ANY, "uf_new": STRING}
    load(file, schema("deals", wider), record("deals", {**DEAL, "title": [1], "uf_new": "n"}))
    assert first_row(file)["Название"] == "[1]", "the old view still works"
    load(file, FIELDS, field("uf_new", "Новое"))
    create_labelled_views(file)
    row = first_row(file)
    assert (row["Стадия"], row["Название"], row["Новое"]) == ("Won", "[1]", "n")
    assert types(file, "deals_labelled")["Название"] == "JSON"


def test_views_without_a_table_are_dropped(file: Path) -> None:
    load(file, deals({}), schema("leads", {"id": INTEGER}), fields(), fields({"id": "ID"}, "leads"))
    assert create_labelled_views(file) == ["deals_labelled", "leads_labelled"]
    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP TABLE bitrix24.leads")
        connection.execute("CREATE VIEW bitrix24.my_labelled AS SELECT 1 AS mine")
    assert create_labelled_views(file) == ["deals_labelled"]
    names = query(file, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
    assert names == [("deals_labelled",), ("my_labelled",)]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_foreign_tables_and_views_are_not_touched(file: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    load(file, deals({}), fields(), OPTIONS)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"CREATE {kind} bitrix24.Deals_Labelled AS SELECT 1 AS mine")
    assert create_labelled_views(file) == []
    assert caplog.messages == [f"view deals_labelled not created: a {kind.lower()} Deals_Labelled exists already"]
    assert query(file, "FROM out.bitrix24.deals_labelled") == [(1,)]


def test_without_fields_no_view_is_created(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(file, deals({}))
    assert create_labelled_views(file) == []
    load(file, schema("fields", {"id": INTEGER, "label": STRING}))
    assert create_labelled_views(file) == []
    missing = "stream, column_name, portal_name, multiple"
    assert caplog.messages == [
        "no labelled views created: table fields does not exist",
        f"no labelled views created: table fields has no column {missing}",
    ]


def test_without_options_ids_are_shown(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(file, deals({}), fields())
    assert create_labelled_views(file) == ["deals_labelled"]
    assert first_row(file)["Метки"] == "[7,5]"
    assert caplog.messages == [
        "labelled views show ids instead of texts of options: table field_options does not exist"
    ]


def test_duplicate_options_do_not_duplicate_rows(file: Path) -> None:
    load(file, deals({}), fields(), OPTIONS.replace(b'["stream","column_name","id"]', b"[]"))
    with duckdb.connect(str(file)) as connection:
        for text in ("Won", "Won", "Lost"):
            connection.execute(
                "INSERT INTO bitrix24.field_options (stream, column_name, id, label)"
                " VALUES ('deals', 'stage_id', 'WON', ?)",
                [text],
            )
    create_labelled_views(file)
    assert [row[2] for row in table(file, "deals_labelled")] == ["Won"]


def test_a_refused_view_leaves_all_unchanged(file: Path) -> None:
    load(file, deals({}), schema("zoo", CHILD, ["deal_id"]), fields(), fields({"role": "Role"}, "zoo"))
    assert create_labelled_views(file) == ["deals_labelled", "zoo_labelled"]
    before = definition(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("USE bitrix24")
        connection.execute("CREATE TABLE base (stream VARCHAR, parent VARCHAR, read_at TIMESTAMPTZ)")
        connection.execute("CREATE VIEW child_reads AS FROM base")
        connection.execute("DROP TABLE base")
    load(file, fields({"title": "Other"}))
    with pytest.raises(LoadError, match="Table with name base does not exist"):
        create_labelled_views(file)
    assert definition(file) == before
    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP VIEW bitrix24.child_reads")
    create_labelled_views(file)
    assert "Other" in first_row(file)


WON = """
SELECT "Deal Stage" AS stage, count(*) AS won, round(sum("Amount")) AS amount
FROM deals_labelled
WHERE "Stage Group" = 'S'
GROUP BY ALL
ORDER BY won DESC, stage
"""
WON_BY_JOIN = """
SELECT o.label AS stage, count(*) AS won, round(sum(d.opportunity)) AS amount
FROM deals AS d
JOIN field_options AS o ON o.stream = 'deals' AND o.column_name = 'stage_id' AND o.id = d.stage_id
WHERE d.stage_semantic_id = 'S'
GROUP BY ALL
ORDER BY won DESC, stage
"""
"""The README's two ways to ask for won deals by the name of their stage."""


def test_labels_save_the_join(file: Path) -> None:
    stages = {"NEW": ("New", "P"), "WON": ("Deal won", "S"), "C1:WON": ("Signed", "S")}
    codes = ["WON", "NEW", "C1:WON", "WON"]
    load(
        file,
        schema("deals", {**DEALS, "stage_semantic_id": STRING}),
        *(
            record("deals", {**DEAL, "id": i, "stage_id": code, "stage_semantic_id": stages[code][1]})
            for i, code in enumerate(codes)
        ),
    )
    labels = {"stage_id": "Deal Stage", "opportunity": "Amount", "stage_semantic_id": "Stage Group"}
    load(file, fields(labels), options("stage_id", {code: name for code, (name, _) in stages.items()}))
    create_labelled_views(file)
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("USE bitrix24")
        for sql in (WON, WON_BY_JOIN):
            assert connection.execute(sql).fetchall() == [("Deal won", 2, 3.0), ("Signed", 1, 2.0)]


BIG = """
INSERT INTO deals SELECT i, 'Deal ' || i, ['NEW', 'WON', 'LOSE'][1 + i % 3], i % 3 > 0, '2026-01-01',
    '2026-01-01T00:00:00Z', 1.0, i % 300, to_json([i % 10, i % 13, i % 17])
FROM range(2, 1000002) AS r(i)
"""


def test_a_million_rows(file: Path) -> None:
    load(file, deals({}), fields(), options("stage_id", {"NEW": "Новая", "WON": "Успех"}))
    load(file, options("uf_crm_kind", {str(i): f"Вид {i}" for i in range(290)}))
    load(file, options("uf_crm_tags", {str(i): f"Метка {i}" for i in range(20)}))
    create_labelled_views(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("USE bitrix24")
        connection.execute(BIG)
        began = time.monotonic()
        rows = connection.execute(
            'SELECT "Стадия", "Вид", "Метки", count(*) FROM deals_labelled GROUP BY ALL'
        ).fetchall()
        took = time.monotonic() - began
    assert sum(row[3] for row in rows) == 1_000_001
    assert took < 10, "a scan per row would take hours"
