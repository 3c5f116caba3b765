"""Rows that cannot be sent, faults that pass, rows without a date of change, rows that contradict themselves."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.absence import Ground, failed_aloud, serving
from tests.support.fixtures import Start
from tests.support.running import Tap

Catalog = dict[str, Any]
BROKEN = {
    "deals": ("crm.deal.list", 77, "TITLE", "title"),
    "leads": ("crm.lead.list", 30, "NAME", "name"),
    "tasks": ("tasks.task.list", 61, "title", "title"),
    "crm_activities": ("crm.activity.list", 41, "SUBJECT", "subject"),
    "smart_process_156": ("crm.item.list", 3, "title", "title"),
    "contacts": ("crm.contact.list", 9, "LAST_NAME", "last_name"),
}
"""Stream → method, id, and the field that is no UTF-8, as the portal and the table name it."""
PASSING: dict[str, dict[str, Any]] = {
    "ERROR_CORE": {"code": "ERROR_CORE", "text": ""},
    "SQL": {"code": "ERROR_CORE", "text": "SQL query error!"},
    "deadlock": {"code": 0, "text": "Deadlock found when trying to get lock"},
    "code 0 as text": {"code": "0", "text": ""},
    "INTERNAL_SERVER_ERROR": {"code": "INTERNAL_SERVER_ERROR", "text": "Internal server error", "status": 500},
}
LISTS = {
    "deals": "crm.deal.list",
    "tasks": "tasks.task.list",
    "smart_process_156": "crm.item.list",
    "crm_statuses": "crm.status.list",
    "lists": "lists.get",
    "order_statuses": "sale.status.list",
    "users": "user.get",
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Iterator[Ground]:
    with serving(tmp_path_factory.mktemp("rows"), catalog, scale=200) as made:
        yield made


@pytest.mark.parametrize("stream", BROKEN)
def test_a_row_arrives_without_its_unreadable_field(ground: Ground, stream: str) -> None:
    """As it was seen: WRONG_ENCODING blocked the table for ever."""
    method, number, field, column = BROKEN[stream]
    ground.rows(stream)
    assert number in ground.quiet[stream].ids(stream)
    ground.portal.faults({"fault": "broken_text", "method": method, "param": {"id": number, "field": field}})
    try:
        run = ground.run(stream).succeeded()
    finally:
        ground.portal.faults(clear=True)
    whole = {row["id"]: row for row in ground.quiet[stream].records(stream)}
    found = {row["id"]: row for row in run.records(stream)}
    assert found.keys() == whole.keys()
    assert {row for row in found if found[row] != whole[row]} == {number}
    assert {name for name in whole[number] if found[number].get(name) != whole[number][name]} == {column}
    (warning,) = [line for line in run.warnings if method in line]
    assert str(number) in warning
    assert field.lower() in warning.lower()


def test_the_whole_answer_is_wrong_encoding_once(ground: Ground) -> None:
    ground.with_faults("deals", faults=[{"fault": "wrong_encoding", "method": "crm.deal.list", "times": 1}]).succeeded()


@pytest.mark.parametrize("passing", PASSING)
@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("after", [0, 1], ids=["first", "second"])
def test_a_command_fails_in_passing(ground: Ground, stream: str, passing: str, after: int) -> None:
    """It is asked again: no list is thrown back to offsets, no stream fails."""
    rule = {"fault": "refuse_command", "param": PASSING[passing], "method": LISTS[stream], "after": after, "times": 1}
    run = ground.with_faults(stream, faults=[rule]).succeeded()
    assert not [line for line in run.warnings if "offset" in line]


@pytest.mark.parametrize("stream", ["requisites", "requisite_bank_details", "requisite_presets"])
@pytest.mark.parametrize("begin", [{}, {"start_date": "2020-01-01T00:00:00Z"}], ids=["all", "from a date"])
def test_new_rows_have_no_date_of_change(
    start: Start, run_tap: Tap, catalog: Catalog, stream: str, begin: dict[str, str]
) -> None:
    """Two inserted rows, one edited one: all three come with the next run."""
    portal = start(scale=60)
    config = portal.config(**begin)
    first = run_tap(config, catalog=catalog, streams=[stream]).succeeded()
    assert set(first.ids(stream)) == set(portal.table(stream))
    portal.control("clock", {"advance": 3_600})
    done = portal.mutate(table=stream, insert=2, update=1)
    portal.control("clock", {"advance": 600})
    again = run_tap(config, catalog=catalog, streams=[stream], state=first.state).succeeded()
    inserted = [portal.table(stream)[number] for number in done["inserted"]]
    assert not [row for row in inserted if row["DATE_MODIFY"]]
    assert {*done["inserted"], *done["updated"]} <= set(again.ids(stream))


@pytest.mark.parametrize("total", ["missing", "zero"])
@pytest.mark.parametrize(
    ("stream", "fault"), [("deals", "drop_order"), ("tasks", "drop_order"), ("leads", "drop_filter")]
)
def test_the_order_or_filter_is_ignored_without_a_total(ground: Ground, stream: str, fault: str, total: str) -> None:
    method = {"deals": "crm.deal.list", "tasks": "tasks.task.list", "leads": "crm.lead.list"}[stream]
    faults = [{"fault": fault, "method": method}, {"fault": "wrong_total", "method": method, "param": total}]
    run = ground.with_faults(stream, faults=faults)
    if run.code == 0:
        assert [line for line in run.warnings if method in line]
    else:
        failed_aloud(run, stream)


@pytest.mark.parametrize("total", [0, 3, 100_000, "missing"])
@pytest.mark.parametrize("stream", LISTS)
def test_a_total_contradicts_the_rows(ground: Ground, stream: str, total: int | str) -> None:
    ground.with_faults(stream, faults=[{"fault": "wrong_total", "method": LISTS[stream], "param": total}])


@pytest.mark.parametrize("fault", ["repeat_page", "missing_id"])
@pytest.mark.parametrize("stream", ["deals", "tasks", "smart_process_156"])
def test_a_page_contradicts_the_one_before(ground: Ground, stream: str, fault: str) -> None:
    ground.with_faults(stream, faults=[{"fault": fault, "method": LISTS[stream], "after": 1}])
