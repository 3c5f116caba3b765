"""Fields that are added, changed and removed while the portal runs, in field lists, rows and settings."""

import json
from typing import Any

import pytest

from tests.demo.wire import Wire

DEALS = "crm.deal.list"
EVERYTHING = {"select": ["*", "UF_*"]}
SEATS = "UF_CRM_1700002027"
"""A whole number; a third of the deals has none."""


def _rows(own: Wire) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = own.truth("deals")
    return rows


def _without(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def _configured(own: Wire) -> dict[str, str]:
    """Field → type, by the settings of user fields."""
    rows = own.truth("userfield_config")
    return {row["fieldName"]: row["userTypeId"] for row in rows if row["entityId"] == "CRM_DEAL"}


def test_a_field_that_goes_leaves_no_trace_and_all_others_alone(own: Wire) -> None:
    before = _rows(own)
    assert SEATS in _configured(own)
    own.mutate(remove_field={"table": "deals", "name": SEATS})
    assert SEATS not in own.result("crm.deal.fields")
    assert _rows(own) == _without(before, SEATS)
    assert own.result(DEALS, {**EVERYTHING, "order": {"ID": "ASC"}}) == _rows(own)[:50]
    listed = {row["FIELD_NAME"] for row in own.result("crm.deal.userfield.list")}
    assert listed
    assert SEATS not in listed
    assert SEATS not in _configured(own)
    assert "ufCrm_1700002027" not in own.result("crm.item.list", {"entityTypeId": 2})["items"][0]


def test_a_field_that_becomes_another_has_values_of_that_type(own: Wire) -> None:
    before = _rows(own)
    assert {type(row[SEATS]) for row in before} == {str, type(None)}
    own.mutate(change_field={"table": "deals", "name": SEATS, "type": "date", "label": "Since"})
    described = own.result("crm.deal.fields")[SEATS]
    assert (described["type"], described["formLabel"], described["isMultiple"]) == ("date", "Since", False)
    assert _configured(own)[SEATS] == "date"
    after = _rows(own)
    assert _without(after, SEATS) == _without(before, SEATS)
    filled = [row[SEATS] for row in after if row[SEATS]]
    assert filled
    assert all("T" in value for value in filled)


def test_a_field_that_becomes_multiple_holds_lists(own: Wire) -> None:
    before = {row["ID"]: row[SEATS] for row in _rows(own)}
    own.mutate(change_field={"table": "deals", "name": SEATS, "multiple": True})
    assert own.result("crm.deal.fields")[SEATS]["isMultiple"] is True
    for row in _rows(own):
        value = row[SEATS]
        assert isinstance(value, list) if before[row["ID"]] else value is False


def test_a_changed_field_shows_in_a_page_that_was_asked_for_before(own: Wire) -> None:
    asked = {**EVERYTHING, "order": {"ID": "ASC"}}
    item = {"entityTypeId": 2, "select": ["*"], "order": {"id": "ASC"}}
    classic, universal = own.result(DEALS, asked), own.result("crm.item.list", item)["items"]
    own.mutate(change_field={"table": "deals", "name": SEATS, "multiple": True})
    assert own.result(DEALS, asked) != classic
    assert own.result("crm.item.list", item)["items"] != universal


@pytest.mark.parametrize("select", [["UF_*"], ["*", "uf_crm_new"], ["UF_CRM_NEW"]])
def test_a_new_field_shows_in_a_selection_that_was_made_before(own: Wire, select: list[str]) -> None:
    asked = {"select": select}
    assert all("UF_CRM_NEW" not in row for row in own.result("crm.deal.list", asked))
    own.mutate(add_field={"table": "deals", "name": "UF_CRM_NEW"})
    assert all("UF_CRM_NEW" in row for row in own.result("crm.deal.list", asked))


@pytest.mark.parametrize("select", [["ID", "TITLE"], ["*"]])
def test_a_changed_row_shows_in_every_selection_that_was_made_before(own: Wire, select: list[str]) -> None:
    asked = {"select": select}
    first = own.result("crm.deal.list", asked)[0]["ID"]
    own.mutate(table="deals", set={"id": int(first), "fields": {"TITLE": "Neu & anders"}})
    assert own.result("crm.deal.list", asked)[0]["TITLE"] == "Neu & anders"


def test_a_field_may_come_back_as_something_else(own: Wire) -> None:
    own.mutate(remove_field={"table": "deals", "name": SEATS})
    own.mutate(add_field={"table": "deals", "name": SEATS, "type": "enumeration", "options": [[7, "Loge"], [8, "Ряд"]]})
    described = own.result("crm.deal.fields")[SEATS]
    assert described["items"] == [{"ID": "7", "VALUE": "Loge"}, {"ID": "8", "VALUE": "Ряд"}]
    assert {row[SEATS] for row in _rows(own) if row[SEATS]} == {"7", "8"}


def test_values_of_an_undocumented_type_are_of_every_kind(own: Wire) -> None:
    own.mutate(add_field={"table": "deals", "name": "UF_CRM_HOLOGRAM", "type": "hologram"})
    assert own.result("crm.deal.fields")["UF_CRM_HOLOGRAM"]["type"] == "hologram"
    assert {type(row["UF_CRM_HOLOGRAM"]) for row in _rows(own)} >= {dict, str, float, list, bool, type(None)}


@pytest.mark.parametrize(
    "what",
    [
        {"add_field": {"table": "deals", "name": "UF_CRM_X", "type": "nothing known"}},
        {"add_field": {"table": "deals", "name": SEATS}},
        {"change_field": {"table": "deals", "name": "UF_CRM_X"}},
        {"change_field": {"table": "deals", "name": "TITLE", "type": "integer"}},
        {"remove_field": {"table": "deals", "name": "TITLE"}},
        {"remove_field": {"table": "deals", "name": "UF_CRM_X"}},
        {"remove_field": {"table": "no such", "name": SEATS}},
    ],
    ids=str,
)
def test_what_cannot_be_changed_is_refused(own: Wire, what: dict[str, Any]) -> None:
    before = own.result("crm.deal.fields")
    answer = own.send("POST", "/_demo/mutate", json.dumps(what))
    assert answer.status == 400
    assert own.result("crm.deal.fields") == before


def test_tasks_tell_the_options_of_their_lists_in_their_settings(own: Wire) -> None:
    own.mutate(add_field={"table": "tasks", "name": "UF_AUTO_1", "type": "enumeration", "label": "Цех"})
    assert own.result("tasks.task.getFields")["fields"]["UF_AUTO_1"] == {"title": "Цех", "type": "enumeration"}
    options = [{"ID": "5", "VALUE": "Литейный", "SORT": "10", "DEF": "N"}]
    own.mutate(
        table="task_userfields",
        insert=1,
        fields={"FIELD_NAME": "UF_AUTO_1", "USER_TYPE_ID": "enumeration", "LIST": options},
    )
    listed = own.result("task.item.userfield.getlist")
    assert {row["FIELD_NAME"]: row["LIST"] for row in listed if "LIST" in row} == {"UF_AUTO_1": options}
