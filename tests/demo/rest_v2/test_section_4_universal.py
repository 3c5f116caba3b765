"""docs/protocol.md §4.2 and §4.3: crm.item.list is strict where the classic lists are silent; stage history is not."""

from datetime import timedelta
from typing import Any

import pytest

from tests.demo.wire import Wire, ids, instant

ITEMS = "crm.item.list"
HISTORY = "crm.stagehistory.list"
SHIFT = timedelta(hours=8, minutes=30)
"""Portal user +05:30 minus server -03:00."""


@pytest.fixture
def truth(portal: Wire) -> list[Any]:
    return portal.truth("deals")


def everything(portal: Wire, method: str, **params: Any) -> list[Any]:
    """All rows of a filtered list, page by page."""
    rows: list[Any] = []
    start: int | None = 0
    while start is not None:
        body = portal.call(method, {**params, "start": start}).body
        assert "error" not in body, body
        rows += body["result"]["items"]
        start = body.get("next")
    return rows


def items(portal: Wire, conditions: Any, entity_type: int = 2) -> list[int]:
    rows = everything(portal, ITEMS, entityTypeId=entity_type, filter=conditions, order={"id": "ASC"}, select=["id"])
    return ids(rows, "id")


# §4.2


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("id", 100, 101),
        ("=id", 100, 101),
        ("==id", 100, 101),
        (">id", 101, 300),
        (">=id", 100, 300),
        ("<id", 0, 100),
        ("<=id", 0, 101),
    ],
)
def test_4_2_comparisons(portal: Wire, truth: list[Any], key: str, low: int, high: int) -> None:
    known = ids(truth)
    assert items(portal, {key: known[100]}) == known[low:high]


@pytest.mark.parametrize("key", ["!id", "!=id", "!==id"])
def test_4_2_negation(portal: Wire, truth: list[Any], key: str) -> None:
    known = ids(truth)
    assert items(portal, {key: known[100]}) == known[:100] + known[101:]


def test_4_2_in_between_and_their_negations(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert items(portal, {"@id": known[5:8]}) == known[5:8]
    assert items(portal, {"!@id": known[5:8]}) == known[:5] + known[8:]
    assert items(portal, {"><id": [known[5], known[8]]}) == known[5:9]
    assert items(portal, {"!><id": [known[5], known[8]]}) == known[:5] + known[9:]


def test_4_2_like(portal: Wire, truth: list[Any]) -> None:
    part = truth[7]["TITLE"][1:6]
    expected = [int(row["ID"]) for row in truth if part.lower() in row["TITLE"].lower()]
    assert items(portal, {"%title": part}) == expected
    assert items(portal, {"=%title": f"%{part}%"}) == expected
    assert items(portal, {"!%title": part}) == [deal for deal in ids(truth) if deal not in expected]


def test_4_2_nested_groups_with_logic(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    either = {"0": {"logic": "OR", "0": {"id": known[3]}, "1": {">id": known[297]}}}
    assert items(portal, either) == [known[3], *known[298:]]


def test_4_2_an_unknown_field_in_the_filter_is_an_error(portal: Wire) -> None:
    status, code = portal.call(ITEMS, {"entityTypeId": 2, "filter": {">=noSuchField": 1}}).error
    assert (status, str(code)) == (400, "0")


def test_4_2_an_unknown_field_in_the_order_is_an_error(portal: Wire) -> None:
    status, _ = portal.call(ITEMS, {"entityTypeId": 2, "order": {"noSuchField": "ASC"}}).error
    assert status == 400


def test_4_2_unknown_select_names_are_dropped(portal: Wire) -> None:
    rows = portal.result(ITEMS, {"entityTypeId": 2, "select": ["id", "title", "noSuchField"]})["items"]
    assert len(rows) == 50
    assert all({"id", "title"} <= set(row) and "noSuchField" not in row for row in rows)


def test_4_2_an_unknown_type_is_not_found(portal: Wire) -> None:
    status, code = portal.call(ITEMS, {"entityTypeId": 9999}).error
    assert status == 400
    assert "NOT_FOUND" in str(code)


def test_4_2_names_are_camel_case_ids_are_numbers_and_each_row_tells_its_type(portal: Wire) -> None:
    row = portal.result(ITEMS, {"entityTypeId": 2})["items"][0]
    assert isinstance(row["id"], int)
    assert row["entityTypeId"] == 2
    assert {"title", "stageId", "createdTime", "updatedTime", "assignedById"} <= set(row)
    assert not [key for key in row if key.isupper()]


def by_update(portal: Wire, conditions: Any) -> set[int]:
    return set(items(portal, conditions))


def test_4_2_a_datetime_bound_is_shifted_by_user_minus_server_zone(portal: Wire, truth: list[Any]) -> None:
    """Written as server-local text, read as user-local: 8.5 hours early with these zones (switch default)."""
    moment = instant(truth[150]["DATE_MODIFY"])
    expected = {int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= moment - SHIFT}
    exact = {int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= moment}
    assert by_update(portal, {">=updatedTime": moment.isoformat()}) == expected
    assert exact <= expected


def test_4_2_bounds_widened_by_the_shift_and_cut_on_our_side_are_exact(portal: Wire, truth: list[Any]) -> None:
    moment = instant(truth[150]["DATE_MODIFY"])
    wide = (moment - timedelta(hours=26)).isoformat()
    exact = {int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= moment}
    assert exact <= by_update(portal, {">=updatedTime": wide})


def test_4_2_the_offset_of_a_bound_makes_no_difference_to_the_shift(portal: Wire, truth: list[Any]) -> None:
    moment = instant(truth[150]["DATE_MODIFY"])
    spellings = [
        moment.astimezone(instant(f"2026-01-01T00:00:00{zone}").tzinfo).isoformat()
        for zone in ("+05:30", "+00:00", "-03:00")
    ]
    answers = [by_update(portal, {">=updatedTime": text}) for text in spellings]
    assert answers[0] == answers[1] == answers[2]


def test_4_2_an_array_of_dates_is_not_converted_and_gives_other_rows(portal: Wire, truth: list[Any]) -> None:
    """Two scalar bounds work, `><` does not: never use it on dates."""
    low, high = sorted(instant(row["DATE_MODIFY"]) for row in truth)[50:260:200]
    scalar = by_update(portal, {">=updatedTime": low.isoformat(), "<=updatedTime": high.isoformat()})
    assert scalar
    assert by_update(portal, {"><updatedTime": [low.isoformat(), high.isoformat()]}) != scalar


def test_4_2_dots_are_removed_from_names(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert items(portal, {">i.d": known[290]}) == known[291:]


def test_4_2_an_unparsable_date_gives_no_rows(portal: Wire) -> None:
    assert items(portal, {">=updatedTime": "not a date"}) == []


@pytest.mark.parametrize("flag", ["Y", "N"])
def test_4_2_original_names_of_user_fields_on_request(portal: Wire, flag: str) -> None:
    rows = portal.result(ITEMS, {"entityTypeId": 2, "select": ["*"], "useOriginalUfNames": flag})["items"]
    keys = {key for row in rows for key in row}
    assert bool([key for key in keys if key.startswith("UF_CRM_")]) == (flag == "Y")
    assert bool([key for key in keys if key.startswith("ufCrm")]) == (flag == "N")


def test_4_2_smart_processes_and_invoices_are_read_the_same_way(portal: Wire) -> None:
    types = [row["entityTypeId"] for row in portal.result("crm.type.list")["types"]]
    assert len(types) >= 2
    for entity_type in types:
        known = ids(portal.truth(f"smart_process_{entity_type}"), "id")
        assert known
        assert items(portal, {}, entity_type) == known
    assert items(portal, {}, 31) == ids(portal.truth("smart_invoices"), "id")


# §4.3


def history(portal: Wire, conditions: Any) -> list[int]:
    rows = everything(portal, HISTORY, entityTypeId=2, filter=conditions, order={"ID": "ASC"})
    return ids(rows)


@pytest.fixture(scope="module")
def past(portal: Wire) -> list[Any]:
    """The stage history of deals, read page by page."""
    rows = everything(portal, HISTORY, entityTypeId=2, order={"ID": "ASC"})
    assert len(rows) > 300
    return rows


def test_4_3_a_bare_name_is_equality(portal: Wire, past: list[Any]) -> None:
    owner = past[9]["OWNER_ID"]
    assert history(portal, {"OWNER_ID": owner}) == [int(row["ID"]) for row in past if row["OWNER_ID"] == owner]


def test_4_3_comparisons(portal: Wire, past: list[Any]) -> None:
    known = ids(past)
    assert history(portal, {">ID": known[100], "<=ID": known[120]}) == known[101:121]


@pytest.mark.parametrize("key", ["ownerId", "owner_id", "NO_SUCH_FIELD", "!OWNER_ID", "%OWNER_ID", "?OWNER_ID"])
def test_4_3_lower_case_unknown_names_and_some_operators_are_dropped(own: Wire, key: str) -> None:
    everyone = own.call(HISTORY, {"entityTypeId": 2}).body["total"]
    assert own.call(HISTORY, {"entityTypeId": 2, "filter": {key: 1}}).body["total"] == everyone
    assert own.stats()["dropped_filters"] == {f"{HISTORY}:{key}": 1}


def test_4_3_rows_keep_upper_case_names_with_numbers_as_numbers(past: list[Any]) -> None:
    row = past[0]
    assert {"ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "STAGE_ID", "CATEGORY_ID"} <= set(row)
    assert isinstance(row["ID"], int)
    assert isinstance(row["OWNER_ID"], int)


def test_4_3_created_time_is_shifted_as_in_4_2(portal: Wire, past: list[Any]) -> None:
    moment = instant(past[200]["CREATED_TIME"])
    expected = [int(row["ID"]) for row in past if instant(row["CREATED_TIME"]) >= moment - SHIFT]
    assert history(portal, {">=CREATED_TIME": moment.isoformat()}) == expected


def test_4_3_leads_have_a_history_of_statuses(portal: Wire) -> None:
    rows = portal.result(HISTORY, {"entityTypeId": 1})["items"]
    assert rows
    assert {"STATUS_ID", "STATUS_SEMANTIC_ID"} <= set(rows[0])
    leads = set(ids(portal.truth("leads")))
    assert {int(row["OWNER_ID"]) for row in rows} <= leads
