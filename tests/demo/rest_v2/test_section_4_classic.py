"""docs/protocol.md §4.1: filters, order and select of the classic CRM lists, and what they drop without an error."""

from datetime import timedelta
from typing import Any

import pytest

from tests.demo.wire import Wire, ids, instant

DEALS = "crm.deal.list"


@pytest.fixture
def truth(portal: Wire) -> list[Any]:
    return portal.truth("deals")


def matching(portal: Wire, conditions: Any, method: str = DEALS, name: str = "filter") -> list[int]:
    """All ids that obey a filter, page by page (ids ascending)."""
    found: list[int] = []
    start: int | None = 0
    while start is not None:
        body = portal.call(method, {name: conditions, "order": {"ID": "ASC"}, "start": start}).body
        found += ids(body["result"])
        start = body.get("next")
    return found


@pytest.mark.parametrize("name", ["filter", "FILTER", "Filter", "arFilter"])
def test_4_1_spellings_of_the_parameter(portal: Wire, truth: list[Any], name: str) -> None:
    deal = int(truth[99]["ID"])
    assert matching(portal, {"ID": deal}, name=name) == [deal]


def test_4_1_a_filter_that_is_no_array_is_an_error(portal: Wire) -> None:
    answer = portal.call(DEALS, {"filter": "ID=5"})
    assert answer.error == (400, "")
    assert answer.body["error_description"] == "Parameter 'filter' must be array."


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("ID", 100, 101),
        ("=ID", 100, 101),
        (">ID", 101, 300),
        (">=ID", 100, 300),
        ("<ID", 0, 100),
        ("<=ID", 0, 101),
    ],
)
def test_4_1_comparisons(portal: Wire, truth: list[Any], key: str, low: int, high: int) -> None:
    known = ids(truth)
    assert matching(portal, {key: known[100]}) == known[low:high]


@pytest.mark.parametrize("key", ["!ID", "!=ID"])
def test_4_1_negation(portal: Wire, truth: list[Any], key: str) -> None:
    known = ids(truth)
    assert matching(portal, {key: known[100]}) == known[:100] + known[101:]


def test_4_1_in_and_not_in(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert matching(portal, {"@ID": known[5:8]}) == known[5:8]
    assert matching(portal, {"!@ID": known[5:8]}) == known[:5] + known[8:]


def test_4_1_a_bare_key_with_an_array_means_in(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert matching(portal, {"ID": known[5:8]}) == known[5:8]


def test_4_1_two_bounds_on_one_field_are_and_ed(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert matching(portal, {">ID": known[10], "<=ID": known[20]}) == known[11:21]


def test_4_1_contains_and_its_negation(portal: Wire, truth: list[Any]) -> None:
    part = truth[7]["TITLE"][1:6]
    with_part = [int(row["ID"]) for row in truth if part.lower() in row["TITLE"].lower()]
    assert matching(portal, {"%TITLE": part}) == with_part
    assert matching(portal, {"!%TITLE": part}) == [deal for deal in ids(truth) if deal not in with_part]


@pytest.mark.parametrize("operator", ["=%", "%="])
def test_4_1_like_with_the_percent_sign_in_the_value(portal: Wire, truth: list[Any], operator: str) -> None:
    start = truth[7]["TITLE"][:4]
    expected = [int(row["ID"]) for row in truth if row["TITLE"].lower().startswith(start.lower())]
    assert matching(portal, {f"{operator}TITLE": f"{start}%"}) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NO_SUCH_FIELD", 5),
        (">=NO_SUCH_FIELD", "2030-01-01"),
        ("id", 5),
        (">id", 999_999_999),
        ("title", "x"),
        ("0", 5),
        ("><ID", [1, 2]),
        ("LOGIC", "OR"),
        ("logic", "OR"),
        ("0", {"ID": 5, "LOGIC": "OR"}),
    ],
)
def test_4_1_what_is_not_known_is_dropped_and_the_list_unfiltered(own: Wire, key: str, value: Any) -> None:
    body = own.call(DEALS, {"filter": {key: value}}).body
    assert body["total"] == 300
    assert sum(own.stats()["dropped_filters"].values()) == 1


def test_4_1_the_portal_counts_what_it_dropped_by_method_and_key(own: Wire) -> None:
    own.call(DEALS, {"filter": {">=NO_SUCH_FIELD": 1, ">ID": 3}})
    own.call(DEALS, {"filter": {">=NO_SUCH_FIELD": 1}})
    assert own.stats()["dropped_filters"] == {f"{DEALS}:>=NO_SUCH_FIELD": 2}


def test_4_1_a_plus_adds_the_rows_without_a_value(portal: Wire, truth: list[Any]) -> None:
    empty = {int(row["ID"]) for row in truth if row["LEAD_ID"] in {None, "", "0"}}
    lead = next(row["LEAD_ID"] for row in truth if row["LEAD_ID"])
    exact = {int(row["ID"]) for row in truth if row["LEAD_ID"] == lead}
    assert empty
    assert set(matching(portal, {"LEAD_ID": lead})) == exact
    assert set(matching(portal, {"+LEAD_ID": lead})) == exact | empty


@pytest.mark.parametrize("field", ["COMPANY_ID", "CONTACT_ID"])
def test_4_1_like_on_a_reference_is_equality(portal: Wire, truth: list[Any], field: str) -> None:
    value = next(row[field] for row in truth if row[field] not in {None, "", "0"})
    expected = [int(row["ID"]) for row in truth if row[field] == value]
    assert matching(portal, {f"%{field}": value}) == expected


def test_4_1_like_on_an_integer_is_equality(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert matching(portal, {"%ID": known[40]}) == [known[40]]


def test_4_1_comparisons_on_integers_cast_the_value(portal: Wire, truth: list[Any]) -> None:
    known = ids(truth)
    assert matching(portal, {">ID": f"{known[280]}abc"}) == known[281:]
    assert matching(portal, {">ID": "abc"}) == known


@pytest.mark.parametrize("field", ["PHONE", "EMAIL"])
def test_4_1_multifields_match_exactly(portal: Wire, field: str) -> None:
    contacts = portal.truth("contacts")
    visible = set(matching(portal, {}, "crm.contact.list"))
    rows = [row for row in contacts if field in row and int(row["ID"]) in visible]
    value = rows[3][field][0]["VALUE"]
    expected = [int(row["ID"]) for row in rows if row[field][0]["VALUE"] == value]
    assert matching(portal, {field: value}, "crm.contact.list") == expected
    assert matching(portal, {field: value[:-1]}, "crm.contact.list") == []


def test_4_1_the_second_phone_of_a_contact_is_not_found(portal: Wire) -> None:
    phones = [row["PHONE"] for row in portal.truth("contacts") if "PHONE" in row]
    first = {values[0]["VALUE"] for values in phones}
    second = [item["VALUE"] for values in phones for item in values[1:] if item["VALUE"] not in first]
    assert second, "no contact has a second phone"
    assert matching(portal, {"PHONE": second[0]}, "crm.contact.list") == []


# Dates


@pytest.mark.parametrize("zone", ["-03:00", "+03:00", "+05:30", "+00:00"])
def test_4_1_an_offset_in_a_date_is_obeyed(portal: Wire, truth: list[Any], zone: str) -> None:
    moment = instant(truth[150]["DATE_MODIFY"])
    offset = instant(f"2026-01-01T00:00:00{zone}").tzinfo
    expected = [int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= moment]
    assert matching(portal, {">=DATE_MODIFY": moment.astimezone(offset).isoformat()}) == expected


def test_4_1_without_an_offset_a_date_is_in_server_zone(portal: Wire, truth: list[Any]) -> None:
    stamp = truth[150]["DATE_MODIFY"]
    assert stamp.endswith("-03:00")
    expected = [int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= instant(stamp)]
    assert matching(portal, {">=DATE_MODIFY": stamp[:19]}) == expected
    assert matching(portal, {">=DATE_MODIFY": stamp[:19].replace("T", " ")}) == expected


def test_4_1_the_resolution_of_dates_is_one_second(portal: Wire, truth: list[Any]) -> None:
    stamp = truth[150]["DATE_MODIFY"]
    equal = [int(row["ID"]) for row in truth if row["DATE_MODIFY"] == stamp]
    assert matching(portal, {"DATE_MODIFY": stamp}) == equal
    assert matching(portal, {">=DATE_MODIFY": stamp, "<=DATE_MODIFY": stamp}) == equal
    later = (instant(stamp) + timedelta(seconds=1)).isoformat()
    assert matching(portal, {">=DATE_MODIFY": stamp, "<DATE_MODIFY": later}) == equal


def test_4_1_a_bare_date_is_midnight_of_the_server(portal: Wire, truth: list[Any]) -> None:
    day = truth[150]["DATE_MODIFY"][:10]
    midnight = instant(f"{day}T00:00:00-03:00")
    expected = [int(row["ID"]) for row in truth if instant(row["DATE_MODIFY"]) >= midnight]
    assert matching(portal, {">=DATE_MODIFY": day}) == expected


@pytest.mark.parametrize("value", ["not a date", "2026-13-45T99:00:00", "yesterdayish"])
def test_4_1_an_unparsable_date_gives_no_rows_and_no_error(portal: Wire, value: str) -> None:
    answer = portal.call(DEALS, {"filter": {">=DATE_MODIFY": value}})
    assert answer.result == []
    assert answer.body["total"] == 0


@pytest.mark.parametrize(
    ("table", "method", "field"),
    [
        ("leads", "crm.lead.list", "DATE_MODIFY"),
        ("companies", "crm.company.list", "DATE_MODIFY"),
        ("quotes", "crm.quote.list", "DATE_MODIFY"),
        ("activities", "crm.activity.list", "LAST_UPDATED"),
    ],
)
def test_4_1_a_half_open_window_with_an_id_bound_selects_exactly_its_rows(
    portal: Wire, table: str, method: str, field: str
) -> None:
    visible = set(matching(portal, {}, method))
    rows = [row for row in portal.truth(table) if int(row["ID"]) in visible]
    stamps = sorted(instant(row[field]) for row in rows)
    low, high = stamps[len(stamps) // 4], stamps[3 * len(stamps) // 4]
    after = int(rows[len(rows) // 3]["ID"])
    conditions = {f">={field}": low.isoformat(), f"<{field}": high.isoformat(), ">ID": after}
    expected = [int(row["ID"]) for row in rows if low <= instant(row[field]) < high and int(row["ID"]) > after]
    assert expected
    assert matching(portal, conditions, method) == expected


# Order


@pytest.mark.parametrize("name", ["ID", "id", "Id"])
def test_4_1_order_keys_are_upper_cased(portal: Wire, truth: list[Any], name: str) -> None:
    assert portal.ids(DEALS, {"order": {name: "DESC"}}) == ids(truth)[::-1][:50]


@pytest.mark.parametrize("direction", ["DESC", "desc", "down", "", "1"])
def test_4_1_any_direction_but_asc_means_desc(portal: Wire, truth: list[Any], direction: str) -> None:
    assert portal.ids(DEALS, {"order": {"ID": direction}}) == ids(truth)[::-1][:50]


def test_4_1_unknown_order_keys_are_ignored(portal: Wire, truth: list[Any]) -> None:
    assert portal.ids(DEALS, {"order": {"NO_SUCH_FIELD": "DESC", "ID": "ASC"}}) == ids(truth)[:50]


def test_4_1_stages_sort_by_their_sort_number(portal: Wire) -> None:
    sort_of = {
        row["STATUS_ID"]: int(row["SORT"])
        for row in portal.truth("statuses")
        if row["ENTITY_ID"].startswith("DEAL_STAGE")
    }
    rows = portal.result(DEALS, {"order": {"STAGE_ID": "ASC"}, "select": ["ID", "STAGE_ID"]})
    numbers = [sort_of[row["STAGE_ID"]] for row in rows]
    assert numbers == sorted(numbers)
    codes = [row["STAGE_ID"] for row in rows]
    assert codes != sorted(codes)


def test_4_1_dates_sort_as_instants(portal: Wire) -> None:
    rows = portal.result(DEALS, {"order": {"DATE_MODIFY": "DESC", "ID": "ASC"}})
    moments = [instant(row["DATE_MODIFY"]) for row in rows]
    assert moments == sorted(moments, reverse=True)


# Select


def test_4_1_select_is_case_insensitive_ignores_the_unknown_and_always_adds_id(portal: Wire) -> None:
    rows = portal.result(DEALS, {"select": ["title", "NO_SUCH_FIELD", "Stage_Id"]})
    assert {frozenset(row) for row in rows} == {frozenset({"ID", "TITLE", "STAGE_ID"})}


def test_4_1_a_star_excludes_user_fields_and_multifields(portal: Wire) -> None:
    keys = {key for row in portal.result("crm.lead.list", {"select": ["*"]}) for key in row}
    assert "TITLE" in keys
    assert not keys & {"PHONE", "EMAIL", "WEB", "IM"}
    assert not [key for key in keys if key.startswith("UF_")]


def test_4_1_user_fields_and_multifields_come_by_name(portal: Wire) -> None:
    select = ["*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"]
    keys = {key for row in portal.result("crm.lead.list", {"select": select}) for key in row}
    assert {"TITLE", "PHONE", "EMAIL", "WEB", "IM"} <= keys
    assert [key for key in keys if key.startswith("UF_CRM_")]


def test_4_1_one_user_field_by_its_name(portal: Wire) -> None:
    name = next(key for key in portal.result("crm.deal.fields") if key.startswith("UF_CRM_"))
    rows = portal.result(DEALS, {"select": [name]})
    assert {key for row in rows for key in row} <= {"ID", name}
    assert any(name in row for row in rows)


def test_4_1_truth_is_what_the_list_shows_with_everything_selected(portal: Wire, truth: list[Any]) -> None:
    rows = portal.result(DEALS, {"select": ["*", "UF_*"], "order": {"ID": "ASC"}, "start": -1})
    assert rows == truth[:50]
