"""`--labels`: which streams it selects besides, the views it leaves in the file, the line it ends with."""

from pathlib import Path

import pytest

from tap_bitrix24.export import catalog, parse_arguments, root
from tap_bitrix24.export_report import Report
from tap_bitrix24.loading.loader import Loader
from tests.export.conftest import Export
from tests.loading.test_labels import field, fields, options
from tests.tap.running import Portal

LABELS = {"id": "ID", "title": "Title", "stage_id": "Deal Stage"}


def load_labels(database: Path) -> None:
    """What streams `fields` and `field_options` bring, from a run before."""
    with Loader(database) as loader:
        loader.feed(fields(LABELS) + field("name", "First name", "contacts"))
        loader.feed(options("stage_id", {"WON": "Deal won"}))


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
    load_labels(export.database)
    done = export("--select", "deals", "--labels", config=portal.config())
    assert (done.code, done.stderr) == (0, "")
    assert "\nlabelled views: deals_labelled\n" in done.stdout
    assert list(done.figures)[-1] == "total"
    plain = "SELECT id, title, if(stage_id = 'WON', 'Deal won', NULL) FROM deals ORDER BY id"
    labelled = (
        """SELECT "ID", "Title", if("Deal Stage" = 'Deal won', "Deal Stage", NULL) FROM deals_labelled ORDER BY "ID" """
    )
    assert export.query(labelled) == export.query(plain)


def test_a_second_run_makes_them_again(export: Export, portal: Portal) -> None:
    load_labels(export.database)
    for _ in range(2):
        done = export("--select", "deals,contacts", "--labels", config=portal.config())
        assert done.code == 0, done.stderr
        assert "\nlabelled views: contacts_labelled, deals_labelled\n" in done.stdout


def test_without_the_flag_there_are_none(export: Export, portal: Portal) -> None:
    load_labels(export.database)
    done = export("--select", "deals", config=portal.config())
    assert "labelled" not in done.stdout
    assert export.query("SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name LIKE '%labelled'") == []


def test_many_views_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"smart_process_{number}_labelled" for number in range(1000, 1100)]
    Report().views(names)
    Report().views([])
    assert capsys.readouterr().out == f"labelled views: {', '.join(names)}\nlabelled views: none\n"
