"""`--deal-fields N`: deals with exactly N fields, to measure what the width of rows costs."""

from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.conftest import Start
from tests.demo.wire import Wire, command

DEALS = "crm.deal.list"
ALL = {"select": ["*", "UF_*"]}
NEEDED = {
    "ID",
    "TITLE",
    "STAGE_ID",
    "CATEGORY_ID",
    "DATE_CREATE",
    "DATE_MODIFY",
    "ASSIGNED_BY_ID",
    "OPPORTUNITY",
    "CURRENCY_ID",
    "COMPANY_ID",
}


def described(portal: Wire) -> dict[str, Any]:
    fields: dict[str, Any] = portal.result("crm.deal.fields")
    return fields


@pytest.mark.parametrize("count", [10, 11, 40, 44, 45, 69, 70, 71, 150, 300])
def test_descriptions_and_rows_have_exactly_so_many(start: Start, count: int) -> None:
    portal = start(scale=60, deal_fields=count)
    fields = described(portal)
    assert len(fields) == count
    assert fields.keys() >= NEEDED
    rows = portal.result(DEALS, ALL)
    assert {frozenset(row) for row in rows} == {frozenset(fields)}
    items = portal.result("crm.item.fields", {"entityTypeId": 2})["fields"]
    assert len(items) == count
    shown = portal.result("crm.item.list", {"entityTypeId": 2, "select": ["*"]})["items"]
    assert {frozenset(item) for item in shown} == {frozenset((*items, "entityTypeId"))}


def test_without_a_number_deals_are_as_ever(start: Start, portal: Wire) -> None:
    assert described(start()) == described(portal)
    assert len(described(portal)) == 70


def test_user_fields_go_first_and_come_in_all_types(start: Start) -> None:
    few, standard, many = (described(start(scale=60, deal_fields=count)) for count in (30, 44, 200))
    assert not any(one["isDynamic"] for one in (few | standard).values())
    assert few.keys() < standard.keys() < many.keys()
    added = {name: one for name, one in many.items() if one["isDynamic"]}
    assert len(added) == 156
    assert len({one["listLabel"] for one in added.values()}) == 156
    types = {one["type"] for one in added.values()}
    assert types >= {"string", "integer", "double", "boolean", "date", "datetime", "enumeration", "money", "url", "crm"}
    assert {one["isMultiple"] for one in added.values()} == {True, False}


def test_values_of_fields_that_stay_stay(start: Start, portal: Wire) -> None:
    rows = start(deal_fields=30).result(DEALS, {**ALL, "order": {"ID": "ASC"}})
    known = portal.result(DEALS, {**ALL, "order": {"ID": "ASC"}})
    assert rows == [{name: before[name] for name in row} for row, before in zip(rows, known, strict=True)]


def test_added_fields_can_be_filtered_and_selected(start: Start) -> None:
    portal = start(deal_fields=120)
    name = next(name for name, one in reversed(described(portal).items()) if one["type"] == "integer")
    rows = portal.result(DEALS, {"filter": {f">{name}": 0}, "select": [name]})
    assert rows
    assert all(set(row) == {"ID", name} and int(row[name]) > 0 for row in rows)


def test_what_belongs_to_deals_does_not_need_the_fields_that_went(start: Start) -> None:
    portal = start(deal_fields=10)
    deals = [int(row["ID"]) for row in portal.truth("deals")]
    cmd = {f"c{number}": command("crm.deal.contact.items.get", {"id": number}) for number in deals[:20]}
    maps = portal.batch(cmd)
    assert not maps["result_error"]
    assert any(maps["result"].values())
    assert portal.truth("product_rows")
    assert portal.truth("stage_history_2")
    settings = portal.result("userfieldconfig.list", {"moduleId": "crm"})["fields"]
    assert not [one for one in settings if one["entityId"] == "CRM_DEAL"]


@pytest.mark.parametrize("count", [0, 9, 301])
def test_fewer_or_more_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="from 10 to 300 fields"), serve(deal_fields=count):
        pass
