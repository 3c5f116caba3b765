"""The demo company: realistic, seeded, and with the irregularities of real portals."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import Wire, ids, instant


@pytest.fixture
def deals(portal: Wire) -> list[Any]:
    return portal.truth("deals")


def test_sizes_follow_the_scale(portal: Wire) -> None:
    counts = portal.counts()
    assert counts["deals"] == 300
    assert counts["leads"] == pytest.approx(180, abs=5)
    assert counts["contacts"] == pytest.approx(240, abs=5)
    assert counts["companies"] == pytest.approx(90, abs=5)
    assert counts["quotes"] == pytest.approx(30, abs=5)
    assert counts["tasks"] == pytest.approx(90, abs=5)
    assert counts["stage_history"] >= 600
    assert 5 <= counts["users"] <= 500
    assert counts["activities"] > 50


def test_the_same_seed_gives_the_same_company_and_another_another(start: Start, portal: Wire) -> None:
    assert start().truth("deals") == portal.truth("deals")
    assert start(seed=2).truth("deals") != portal.truth("deals")


def test_the_number_of_smart_processes_is_chosen(start: Start) -> None:
    assert len(start(smart_processes=5).result("crm.type.list")["types"]) == 5


@pytest.mark.parametrize("table", ["deals", "leads", "contacts", "activities"])
def test_ids_have_gaps(portal: Wire, table: str) -> None:
    known = ids(portal.truth(table))
    span = known[-1] - known[0] + 1
    assert span > len(known) * 1.02
    jumps = [after - before for before, after in pairwise(known)]
    assert max(jumps) > 10


def test_names_are_cyrillic_and_latin(deals: list[Any]) -> None:
    cyrillic = [any("а" <= letter.lower() <= "я" for letter in row["TITLE"]) for row in deals]
    assert set(cyrillic) == {True, False}


def test_a_fifth_of_the_deals_changed_in_one_and_the_same_second(deals: list[Any]) -> None:
    _, most = Counter(row["DATE_MODIFY"] for row in deals).most_common(1)[0]
    assert most >= 50


def test_at_a_larger_scale_thousands_change_in_one_second_and_ids_have_big_holes(start: Start) -> None:
    rows = start(scale=6000).truth("deals")
    _, most = Counter(row["DATE_MODIFY"] for row in rows).most_common(1)[0]
    assert most >= 2000
    known = ids(rows)
    assert max(after - before for before, after in pairwise(known)) > 50


def test_modified_stamps_follow_creation_span_years_and_ignore_the_id(deals: list[Any]) -> None:
    assert all(instant(row["DATE_MODIFY"]) >= instant(row["DATE_CREATE"]) for row in deals)
    stamps = [instant(row["DATE_MODIFY"]) for row in deals]
    assert max(stamps) - min(stamps) > timedelta(days=600)
    assert stamps != sorted(stamps)


def test_references_point_to_rows_that_exist(portal: Wire, deals: list[Any]) -> None:
    known = {name: set(ids(portal.truth(name))) for name in ("users", "companies", "contacts", "leads")}
    for field, table in [
        ("ASSIGNED_BY_ID", "users"),
        ("CREATED_BY_ID", "users"),
        ("COMPANY_ID", "companies"),
        ("CONTACT_ID", "contacts"),
        ("LEAD_ID", "leads"),
    ]:
        used = {int(row[field]) for row in deals if row[field] not in {None, "", "0"}}
        assert used, field
        assert used <= known[table], field


def test_activities_and_tasks_refer_to_real_people_and_owners(portal: Wire) -> None:
    users = set(ids(portal.truth("users")))
    tasks = portal.truth("tasks")
    assert {int(row["responsibleId"]) for row in tasks} <= users
    activities = portal.truth("activities")
    assert {int(row["RESPONSIBLE_ID"]) for row in activities} <= users
    owners = {"1": "leads", "2": "deals", "3": "contacts", "4": "companies"}
    for kind, table in owners.items():
        used = {int(row["OWNER_ID"]) for row in activities if row["OWNER_TYPE_ID"] == kind}
        assert used <= set(ids(portal.truth(table))), table


def test_stages_agree_with_their_meaning(portal: Wire, deals: list[Any]) -> None:
    stages = {row["STATUS_ID"]: row for row in portal.truth("statuses") if row["ENTITY_ID"].startswith("DEAL_STAGE")}
    assert len({row["ENTITY_ID"] for row in stages.values()}) == 3
    for row in deals:
        meaning = stages[row["STAGE_ID"]].get("SEMANTICS") or "P"
        assert row["STAGE_SEMANTIC_ID"] == meaning
        assert row["CLOSED"] == ("N" if meaning == "P" else "Y")
        if meaning == "S":
            assert float(row["OPPORTUNITY"]) > 0
    assert {row["STAGE_SEMANTIC_ID"] for row in deals} == {"P", "S", "F"}


def test_deals_belong_to_three_pipelines(portal: Wire, deals: list[Any]) -> None:
    categories = portal.result("crm.category.list", {"entityTypeId": 2})["categories"]
    known = {str(row["id"]) for row in categories}
    assert len(known) == 3
    assert {row["CATEGORY_ID"] for row in deals} == known


def test_some_tasks_are_overdue(portal: Wire) -> None:
    begin = instant("2026-11-02T09:00:00+00:00")
    open_tasks = [row for row in portal.truth("tasks") if row["status"] != "5" and row["deadline"]]
    assert any(instant(row["deadline"]) < begin for row in open_tasks)


def test_stage_history_covers_leads_deals_invoices_and_smart_processes(portal: Wire) -> None:
    types = [int(row["entityTypeId"]) for row in portal.result("crm.type.list")["types"]]
    for entity_type in (1, 2, 31, *types):
        rows = portal.result("crm.stagehistory.list", {"entityTypeId": entity_type})["items"]
        assert rows, entity_type


def test_departments_are_a_tree_with_people(portal: Wire) -> None:
    rows = portal.truth("departments")
    known = {row["ID"] for row in rows}
    assert len([row for row in rows if "PARENT" not in row]) == 1
    assert {row["PARENT"] for row in rows if "PARENT" in row} <= known
    users = set(ids(portal.truth("users")))
    assert {int(row["UF_HEAD"]) for row in rows if "UF_HEAD" in row} <= users


def test_deals_have_the_documented_columns(deals: list[Any]) -> None:
    documented = (
        "ID TITLE TYPE_ID CATEGORY_ID STAGE_ID STAGE_SEMANTIC_ID IS_NEW IS_RECURRING IS_RETURN_CUSTOMER "
        "IS_REPEATED_APPROACH PROBABILITY CURRENCY_ID OPPORTUNITY IS_MANUAL_OPPORTUNITY TAX_VALUE COMPANY_ID "
        "CONTACT_ID QUOTE_ID BEGINDATE CLOSEDATE OPENED CLOSED COMMENTS ASSIGNED_BY_ID CREATED_BY_ID "
        "MODIFY_BY_ID MOVED_BY_ID DATE_CREATE DATE_MODIFY MOVED_TIME SOURCE_ID SOURCE_DESCRIPTION "
        "ADDITIONAL_INFO LEAD_ID LOCATION_ID ORIGINATOR_ID ORIGIN_ID UTM_SOURCE UTM_MEDIUM UTM_CAMPAIGN "
        "UTM_CONTENT UTM_TERM LAST_ACTIVITY_BY LAST_ACTIVITY_TIME"
    )
    assert set(documented.split()) <= set(deals[0])
