"""`--labels`: which streams it adds, the views in the file, the line about them."""

import json
from collections.abc import Sequence

import pytest

from tap_bitrix24.export.command import parse_arguments
from tap_bitrix24.export.console import Report
from tap_bitrix24.export.selection import discover, stream_metadata
from tap_bitrix24.target_duckdb.labelled_views import LABEL_STREAMS
from tests.end_to_end.export.conftest import Done, Export
from tests.support.running import Portal
from tests.target_duckdb.test_labelled_views import WON, WON_BY_JOIN

JOINED = """
SELECT d.id, d.title, coalesce(o.label, d.stage_id) FROM deals AS d
LEFT JOIN field_options AS o ON o.stream = 'deals' AND o.column_name = 'stage_id' AND o.id = d.stage_id
ORDER BY d.id
"""


def views(done: Done) -> list[str]:
    """The names in the line about views, which comes once, after the closing table."""
    assert done.code == 0, done.stderr
    before, _, line = done.stdout.partition("\nlabelled views: ")
    assert " total " in before
    line, _, rest = line.partition("\n")
    assert "labelled views" not in rest
    return line.rstrip().split(", ")


def test_labels_are_an_option() -> None:
    assert not parse_arguments(["x.duckdb", "--demo"]).labels
    assert parse_arguments(["x.duckdb", "--demo", "--labels"]).labels


@pytest.mark.parametrize(("streams", "others"), [(["deals"], False), ([], None)])
def test_additional_streams(portal: Portal, streams: list[str], *, others: bool | None) -> None:
    found, _ = discover(portal.config(), streams, ["contacts", "not_there"])
    selected = {stream["tap_stream_id"]: stream_metadata(stream).get("selected") for stream in found["streams"]}
    by_default, _ = discover(portal.config(), [])
    default = {stream["tap_stream_id"]: stream_metadata(stream).get("selected") for stream in by_default["streams"]}
    assert selected == {
        name: True if name in {"contacts", *streams} else default[name] if others is None else others
        for name in selected
    }


def test_the_views_are_in_the_file_and_named_at_the_end(export: Export, portal: Portal) -> None:
    made = views(export("--select", "deals", "--labels", config=portal.config()))
    there = export.query("SELECT view_name FROM duckdb_views() WHERE view_name LIKE '%labelled' ORDER BY 1")
    assert made == [name for (name,) in there]
    assert "deals_labelled" in made
    assert "contacts_labelled" not in made, "that table is not there"
    rows = export.query('SELECT "ID", "Title", "Deal Stage" FROM deals_labelled ORDER BY "ID"')
    assert rows == export.query(JOINED)
    assert len(rows) == 300
    assert {stage for _, _, stage in rows}.isdisjoint(stage for (stage,) in export.query("SELECT stage_id FROM deals"))


def test_both_ways_to_ask_for_won_deals(export: Export, portal: Portal) -> None:
    views(export("--select", "deals", "--labels", config=portal.config()))
    assert export.query(WON)
    assert export.query(WON) == export.query(WON_BY_JOIN)


@pytest.mark.slow
def test_later_runs_keep_them(export: Export, portal: Portal) -> None:
    first, second, third = (
        views(export("--select", select, "--labels", config=portal.config()))
        for select in ("deals", "deals", "contacts")
    )
    assert first == second
    assert third == sorted([*first, "contacts_labelled"])


def test_without_the_flag_there_are_none(export: Export, portal: Portal) -> None:
    done = export("--select", "deals", config=portal.config())
    assert "labelled" not in done.stdout
    assert export.query("SELECT view_name FROM duckdb_views() WHERE view_name LIKE '%labelled'") == []


def test_many_views_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"smart_process_{number}_labelled" for number in range(1000, 1100)]
    Report().views(names)
    Report().views([])
    assert capsys.readouterr().out == f"labelled views: {', '.join(names)}\nlabelled views: none\n"


def _selected(portal: Portal, *streams: str, additional: Sequence[str] = ()) -> set[str]:
    found, _ = discover(portal.config(), streams, additional)
    return {stream["tap_stream_id"] for stream in found["streams"] if stream_metadata(stream).get("selected")}


def test_child_reads_is_selected_with_child_streams(portal: Portal) -> None:
    assert _selected(portal, "deal_contacts") == {"deal_contacts", "child_reads"}
    assert _selected(portal, "deals", additional=LABEL_STREAMS) == {"deals", *LABEL_STREAMS}
    assert _selected(portal, "price_type_langs") == {"price_type_langs"}, "read in full: removed rows do not appear"


def test_a_view_of_children_shows_the_current_ones(export: Export, own: Portal) -> None:
    assert "deal_contacts_labelled" in views(export("--select", "deal_contacts", "--labels", config=own.config()))
    before = export.query("SELECT * FROM deal_contacts_labelled")
    assert len(before) > 1
    deal, contact, *_ = export.query("SELECT deal_id, contact_id FROM deal_contacts ORDER BY ALL")[0]
    own.mutate(table="deal_contacts", delete_where={"DEAL_ID": deal, "CONTACT_ID": contact})
    views(export("--select", "deal_contacts", "--labels", config=own.config()))
    after = export.query("SELECT * FROM deal_contacts_labelled")
    assert len(after) == len(before) - 1
    assert len(export.query("SELECT * FROM deal_contacts")) == len(before), "no row is deleted from the table itself"


def test_labels_of_the_demo_portal(export: Export) -> None:
    made = views(export("--demo", "--scale", "120", "--labels"))
    assert {"deals_labelled", "contacts_labelled", "tasks_labelled", "smart_process_156_labelled"} <= {*made}
    won = 'SELECT "ID" FROM deals_labelled WHERE "Deal Stage" = \'Сделка успешна\' ORDER BY 1'
    by_hand = (
        "SELECT d.id FROM deals AS d JOIN field_options AS o ON o.stream = 'deals' AND o.column_name = 'stage_id'"
        " AND o.id = d.stage_id WHERE o.label = 'Сделка успешна' ORDER BY 1"
    )
    assert export.query(won)
    assert export.query(won) == export.query(by_hand)
    assert {stage for (stage,) in export.query('SELECT DISTINCT "Stage id" FROM smart_process_156_labelled')} <= {
        "Начало", "Preparation", "Согласование", "Success", "Провал",
    }  # fmt: skip
    pipelines = export.query('SELECT DISTINCT "Sales Funnel" FROM deals_labelled')
    assert {name for (name,) in pipelines} == {"Общая", "Partner sales", "Тендеры"}


CHANNELS = {"61": "Радио", "62": "Сайт", "63": "Partner", "64": "Trade fair"}


def test_several_options_are_a_list_of_texts(export: Export, portal: Portal) -> None:
    views(export("--select", "deals,users", "--labels", config=portal.config()))
    rows = export.query(
        'SELECT l."Каналы", d.uf_crm_1700008105 FROM deals_labelled AS l JOIN deals AS d ON d.id = l."ID"'
    )
    several = 0
    for texts, ids in rows:
        assert texts == [CHANNELS[str(number)] for number in json.loads(ids)]
        several += len(texts) > 1
    assert several > 20
    assert {text for (text,) in export.query('SELECT DISTINCT "Приоритет" FROM deals_labelled')} == {
        None, "Низкий", "Средний", "High", 'Very "high"',
    }  # fmt: skip


def test_properties_of_lists_and_products(export: Export, portal: Portal) -> None:
    views(export("--select", "list_elements_32,products", "--labels", config=portal.config()))
    shown = export.query('SELECT "ID", "Value of Статус" FROM list_elements_32_labelled ORDER BY "ID"')
    by_hand = export.query(
        "SELECT e.id, coalesce(o.label, o.id) FROM list_elements_32 AS e LEFT JOIN field_options AS o"
        " ON o.stream = 'list_elements_32' AND o.column_name = 'property_303_value'"
        " AND o.id = CAST(e.property_303_value AS VARCHAR) ORDER BY e.id"
    )
    assert shown == by_hand, "an option without a text shows its id"
    assert {word for _, word in shown} >= {"Planning", "В работе", "Testing & QA"}
    values = export.query("SELECT property_258, property_258_value, property_259, property_259_value FROM products")
    assert len(values) > 10
    for single, bare, several, list_ in values:
        assert bare == (json.loads(single)["value"] if single else None)
        assert json.loads(list_) == [each["value"] for each in json.loads(several or "[]")]
    assert export.query(
        'SELECT "Value of Артикул", "Value of Метки" FROM products_labelled ORDER BY "ID"'
    ) == export.query("SELECT property_258_value, property_259_value FROM products ORDER BY id")
