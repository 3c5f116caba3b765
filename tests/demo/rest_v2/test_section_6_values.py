"""docs/protocol.md §6: the forms of values."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.demo.wire import Wire

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
CLASSIC = ["deals", "leads", "contacts", "companies", "quotes"]
FIELDS = {
    "deals": "crm.deal.fields",
    "leads": "crm.lead.fields",
    "contacts": "crm.contact.fields",
    "companies": "crm.company.fields",
    "quotes": "crm.quote.fields",
}


def values(portal: Wire, table: str, *types: str, multiple: bool | None = None) -> list[Any]:
    """All values of a table's columns of the given types."""
    fields = portal.result(FIELDS[table])
    names = [
        name
        for name, field in fields.items()
        if field["type"] in types and (multiple is None or field["isMultiple"] is multiple)
    ]
    return [row[name] for row in portal.truth(table) for name in names if name in row]


@pytest.mark.parametrize("table", CLASSIC)
def test_6_every_classic_scalar_is_a_text_or_null(portal: Wire, table: str) -> None:
    kinds = {type(value) for value in values(portal, table, "integer", "double", "char", "user", "string")}
    assert kinds <= {str, type(None), list, bool}
    single = values(portal, table, "integer", "double", "char", "user", multiple=False)
    assert {type(value) for value in single} <= {str, type(None)}


def test_6_null_and_empty_text_both_occur(portal: Wire) -> None:
    seen = [value for row in portal.truth("deals") for value in row.values() if value is None or value == ""]
    assert None in seen
    assert "" in seen


def test_6_money_is_a_decimal_text_with_a_currency_beside(portal: Wire) -> None:
    rows = portal.truth("deals")
    assert any(re.fullmatch(r"\d+\.\d{2}", row["OPPORTUNITY"] or "") for row in rows)
    known = {row["CURRENCY"] for row in portal.truth("currencies")}
    assert {row["CURRENCY_ID"] for row in rows} <= known


@pytest.mark.parametrize("table", CLASSIC)
def test_6_a_date_is_midnight_utc_written_in_server_zone(portal: Wire, table: str) -> None:
    """West of UTC the first ten characters are the day before: 21:00-03:00."""
    dates = [value for value in values(portal, table, "date", multiple=False) if value]
    assert dates
    assert {value[10:] for value in dates} == {"T21:00:00-03:00"}


@pytest.mark.parametrize("table", CLASSIC)
def test_6_a_datetime_has_the_offset_of_the_server_or_is_empty(portal: Wire, table: str) -> None:
    moments = [value for value in values(portal, table, "datetime", multiple=False) if value]
    assert moments
    assert all(ISO.fullmatch(moment) for moment in moments)
    assert {moment[19:] for moment in moments} == {"-03:00"}


def test_6_an_empty_datetime_is_an_empty_text(portal: Wire) -> None:
    assert "" in values(portal, "deals", "datetime", multiple=False)


@pytest.mark.parametrize("table", ["leads", "contacts", "companies"])
def test_6_multifields_are_lists_of_texts_and_absent_without_a_value(portal: Wire, table: str) -> None:
    rows = portal.truth(table)
    phones = [row["PHONE"] for row in rows if "PHONE" in row]
    assert 0 < len(phones) < len(rows)
    for phone in phones:
        assert phone, table
        for item in phone:
            assert set(item) == {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"}
            assert all(isinstance(value, str) for value in item.values())
            assert item["TYPE_ID"] == "PHONE"


def test_6_an_empty_multiple_user_field_is_false_otherwise_a_list(portal: Wire) -> None:
    """Files among them; no multiple value is ever null or an empty list here."""
    fields = portal.result("crm.deal.fields")
    names = [name for name, field in fields.items() if name.startswith("UF_") and field["isMultiple"]]
    assert names
    for name in names:
        seen = [row[name] for row in portal.truth("deals") if name in row]
        assert False in seen, name
        full = [value for value in seen if value is not False]
        assert full, name
        assert all(isinstance(value, list) and value for value in full), name


def test_6_a_single_empty_file_is_an_absent_key(portal: Wire) -> None:
    fields = portal.result("crm.deal.fields")
    name = next(name for name, field in fields.items() if field["type"] == "file" and not field["isMultiple"])
    rows = portal.truth("deals")
    files = [row[name] for row in rows if name in row]
    assert 0 < len(files) < len(rows)
    for file in files:
        assert set(file) == {"id", "showUrl", "downloadUrl"}
        assert file["showUrl"].startswith("/")


def money(value: Any) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?\|[A-Z]{3}", value) is not None


def number(value: Any) -> bool:
    return re.fullmatch(r"-?\d+", str(value)) is not None


def decimal(value: Any) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def zero_or_one(value: Any) -> bool:
    return value in {"0", "1"}


def moment(value: Any) -> bool:
    return ISO.fullmatch(value) is not None


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("money", money),
        ("integer", number),
        ("double", decimal),
        ("boolean", zero_or_one),
        ("date", moment),
        ("datetime", moment),
        ("enumeration", number),
        ("employee", number),
        ("iblock_element", number),
        ("iblock_section", number),
        ("string", lambda value: isinstance(value, str)),
        ("url", lambda value: value.startswith("http")),
        ("address", lambda value: isinstance(value, str)),
        ("crm_status", lambda value: isinstance(value, str)),
    ],
)
def test_6_user_fields_have_their_type_s_shape_and_are_empty_in_some_rows(
    portal: Wire, kind: str, check: Callable[[Any], bool]
) -> None:
    fields = portal.result("crm.deal.fields")
    names = [
        name
        for name, field in fields.items()
        if name.startswith("UF_") and field["type"] == kind and not field["isMultiple"]
    ]
    rows = portal.truth("deals")
    for name in names:
        full = [row[name] for row in rows if row.get(name) not in (None, "", False)]
        assert 0 < len(full) < len(rows), name
        assert all(check(value) for value in full), name
    assert names


def test_6_user_field_options_that_are_used_exist(portal: Wire) -> None:
    fields = portal.result("crm.deal.fields")
    options = {
        name: {item["ID"] for item in field["items"]}
        for name, field in fields.items()
        if field["type"] == "enumeration" and name.startswith("UF_")
    }
    assert options
    for name, known in options.items():
        values_ = [row[name] for row in portal.truth("deals") if row.get(name)]
        chosen = {str(option) for value in values_ for option in (value if isinstance(value, list) else [value])}
        assert chosen, name
        assert chosen <= known, name


# crm.item


def item_rows(portal: Wire, entity_type: int) -> list[Any]:
    rows = portal.result("crm.item.list", {"entityTypeId": entity_type, "select": ["*"]})["items"]
    assert isinstance(rows, list)
    return rows


def smart_process(portal: Wire) -> int:
    return int(portal.result("crm.type.list")["types"][0]["entityTypeId"])


def test_6_items_have_numbers_flags_and_dates_in_server_zone(portal: Wire) -> None:
    rows = item_rows(portal, smart_process(portal))
    assert rows
    assert all(isinstance(row["id"], int) and isinstance(row["assignedById"], int) for row in rows)
    assert {row["opened"] for row in rows} <= {"Y", "N"}
    assert all(row["createdTime"].endswith("-03:00") for row in rows)
    assert all(row["entityTypeId"] == smart_process(portal) for row in rows)


def test_6_item_user_fields_are_named_by_their_number(portal: Wire) -> None:
    """`UF_CRM_12_<digits>` → `ufCrm12_<digits>`, `UF_CRM_<digits>` → `ufCrm_<digits>`."""
    fields = portal.result("crm.item.fields", {"entityTypeId": smart_process(portal)})["fields"]
    numbered = {
        name: match
        for name, field in fields.items()
        if (match := re.fullmatch(r"UF_CRM_(\d+)_(\d+)", field["upperName"]))
    }
    assert numbered
    for name, match in numbered.items():
        assert name == f"ufCrm{match[1]}_{match[2]}"


def test_6_item_files_have_id_and_url(portal: Wire) -> None:
    fields = portal.result("crm.item.fields", {"entityTypeId": 2})["fields"]
    names = [name for name, field in fields.items() if field["type"] == "file"]
    files = [row[name] for row in item_rows(portal, 2) for name in names if row.get(name)]
    flat = [one for file in files for one in (file if isinstance(file, list) else [file])]
    assert flat
    assert all({"id", "url"} <= set(one) <= {"id", "url", "urlMachine"} for one in flat)


# tasks, users, departments


def test_6_task_datetimes_are_in_the_zone_of_the_api_user(portal: Wire) -> None:
    rows = portal.truth("tasks")
    assert any(row["changedDate"] is not None for row in rows)
    for row in rows:
        assert row["createdDate"].endswith("+05:30")
        assert row["changedDate"] is None or row["changedDate"].endswith("+05:30")


def test_6_empty_task_objects_are_lists(portal: Wire) -> None:
    rows = portal.truth("tasks")
    for key in ("group", "accomplicesData", "auditorsData", "tags"):
        seen = [row[key] for row in rows if key in row]
        assert [] in seen, key
        assert any(isinstance(value, dict) and value for value in seen), key
        assert all(value == [] or isinstance(value, dict) for value in seen), key


def test_6_task_scalars_are_mostly_texts(portal: Wire) -> None:
    rows = portal.truth("tasks")
    assert rows
    for row in rows:
        assert isinstance(row["id"], str)
        assert isinstance(row["responsibleId"], str)
        assert isinstance(row["status"], str)


def test_6_users_have_booleans_empty_objects_and_absent_keys(portal: Wire) -> None:
    rows = portal.truth("users")
    assert {type(row["ACTIVE"]) for row in rows} == {bool}
    assert all(row["TIMESTAMP_X"] == {} and row["LAST_ACTIVITY_DATE"] == {} for row in rows)
    assert len({frozenset(row) for row in rows}) > 1
    assert all(value is not None for row in rows for value in row.values())
    departments = {int(row["ID"]) for row in portal.truth("departments")}
    for row in rows:
        mine = row.get("UF_DEPARTMENT", False)
        assert mine is False or set(mine) <= departments


def test_6_the_timestamp_of_a_user_is_an_empty_object_not_a_list(portal: Wire) -> None:
    """PHP writes an empty date object as `{}` though an empty array is `[]`."""
    raw = portal.call("user.get").raw
    assert b'"TIMESTAMP_X":{}' in raw.replace(b" ", b"")


def test_6_departments_have_text_ids_number_sort_and_absent_parents(portal: Wire) -> None:
    rows = portal.truth("departments")
    assert all(isinstance(row["ID"], str) and isinstance(row["SORT"], int) for row in rows)
    assert any("PARENT" not in row for row in rows)
    assert any("UF_HEAD" not in row for row in rows)
    assert all(row.get("PARENT") != "" and row.get("UF_HEAD") != "" for row in rows)
