"""`--labels`: which streams it selects besides, the views it leaves in the file, the line it ends with."""

import pytest

from tap_bitrix24.export import catalog, parse_arguments, root
from tap_bitrix24.export_report import Report
from tests.export.conftest import Done, Export
from tests.loading.test_labels import WON, WON_BY_JOIN
from tests.tap.running import Portal

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
    assert line.count("\n") == 1
    return line.rstrip().split(", ")


def test_labels_are_made_on_request_only() -> None:
    assert not parse_arguments(["x.duckdb", "--demo"]).labels
    assert parse_arguments(["x.duckdb", "--demo", "--labels"]).labels


@pytest.mark.parametrize(("wanted", "others"), [(["deals"], False), ([], None)])
def test_streams_selected_besides(portal: Portal, wanted: list[str], *, others: bool | None) -> None:
    found, _ = catalog(portal.config(), wanted, ["contacts", "not_there"])
    selected = {stream["tap_stream_id"]: root(stream).get("selected") for stream in found["streams"]}
    by_default, _ = catalog(portal.config(), [])
    default = {stream["tap_stream_id"]: root(stream).get("selected") for stream in by_default["streams"]}
    assert selected == {
        name: True if name in {"contacts", *wanted} else default[name] if others is None else others
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


def test_later_runs_make_them_again(export: Export, portal: Portal) -> None:
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
