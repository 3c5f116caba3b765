"""docs/protocol.md §5: the portal's description of its fields."""

from typing import Any

import pytest

from tests.demo.wire import Wire
from tests.support.user_fields import USER_FIELD_TYPES

CLASSIC = [
    ("deals", "crm.deal.list", "crm.deal.fields"),
    ("leads", "crm.lead.list", "crm.lead.fields"),
    ("contacts", "crm.contact.list", "crm.contact.fields"),
    ("companies", "crm.company.list", "crm.company.fields"),
    ("quotes", "crm.quote.list", "crm.quote.fields"),
    ("activities", "crm.activity.list", "crm.activity.fields"),
]
ATTRIBUTES = {"type", "isRequired", "isReadOnly", "isImmutable", "isMultiple", "isDynamic", "title"}


def user_fields(fields: Any) -> dict[str, Any]:
    return {name: field for name, field in fields.items() if name.startswith("UF_CRM_")}


@pytest.mark.parametrize(("table", "method", "fields_method"), CLASSIC)
def test_5_classic_fields_are_a_flat_map_that_describes_every_key_of_every_row(
    portal: Wire, table: str, method: str, fields_method: str
) -> None:
    fields = portal.result(fields_method)
    assert method
    for name, field in fields.items():
        assert field.keys() >= ATTRIBUTES, name
    keys = {key for row in portal.truth(table) for key in row}
    assert keys <= set(fields)


@pytest.mark.parametrize(("table", "method", "fields_method"), CLASSIC)
def test_5_every_scalar_field_described_is_a_column_of_the_rows(
    portal: Wire, table: str, method: str, fields_method: str
) -> None:
    """A field that no row has would be an empty column in every warehouse; a few are documented as such."""
    fields = portal.result(fields_method)
    keys = {key for row in portal.truth(table) for key in row}
    assert method
    assert {name for name, field in fields.items() if field["type"] in {"integer", "date", "datetime"}} <= keys


def test_5_deals_have_user_fields_of_every_type(portal: Wire) -> None:
    fields = user_fields(portal.result("crm.deal.fields"))
    assert {field["type"] for field in fields.values()} >= USER_FIELD_TYPES
    multiple = {field["type"] for field in fields.values() if field["isMultiple"]}
    assert multiple >= {"enumeration", "file", "crm"}
    assert all(field["isDynamic"] for field in fields.values())


def test_5_the_title_of_a_user_field_is_its_code_and_the_labels_name_it(portal: Wire) -> None:
    for name, field in user_fields(portal.result("crm.deal.fields")).items():
        assert field["title"] == name
        assert field["formLabel"] not in {"", name}
        assert {"listLabel", "filterLabel"} <= set(field)


def test_5_enumerations_list_their_items_with_text_ids(portal: Wire) -> None:
    fields = user_fields(portal.result("crm.deal.fields"))
    choices = [field for field in fields.values() if field["type"] == "enumeration"]
    assert choices
    for field in choices:
        assert field["items"]
        assert all(isinstance(item["ID"], str) and item["VALUE"] for item in field["items"])


@pytest.mark.parametrize("name", ["PHONE", "EMAIL", "WEB", "IM"])
def test_5_multifields_are_multiple_crm_multifield(portal: Wire, name: str) -> None:
    for method in ("crm.lead.fields", "crm.contact.fields", "crm.company.fields"):
        field = portal.result(method)[name]
        assert (field["type"], field["isMultiple"]) == ("crm_multifield", True)


def test_5_status_fields_name_their_directory(portal: Wire) -> None:
    known = {row["ENTITY_ID"] for row in portal.truth("statuses")}
    for method, name in [("crm.deal.fields", "STAGE_ID"), ("crm.lead.fields", "STATUS_ID")]:
        field = portal.result(method)[name]
        assert field["type"] == "crm_status"
        assert field["statusType"] in known


def entity_types(portal: Wire) -> list[int]:
    types = [int(row["entityTypeId"]) for row in portal.result("crm.type.list")["types"]]
    return [2, 3, 4, 31, *types]


def test_5_item_fields_are_camel_case_under_fields_with_their_upper_name(portal: Wire) -> None:
    for entity_type in entity_types(portal):
        fields = portal.result("crm.item.fields", {"entityTypeId": entity_type})["fields"]
        rows = portal.result("crm.item.list", {"entityTypeId": entity_type, "select": ["*"]})["items"]
        assert rows, entity_type
        assert {key for row in rows for key in row} - {"entityTypeId"} <= set(fields)
        for name, field in fields.items():
            assert field.keys() >= ATTRIBUTES, name
            assert field["upperName"].isupper(), name


def test_5_smart_processes_have_user_fields_of_their_own(portal: Wire) -> None:
    for entity_type in entity_types(portal)[4:]:
        fields = portal.result("crm.item.fields", {"entityTypeId": entity_type})["fields"]
        own = {name: field["upperName"] for name, field in fields.items() if field["isDynamic"]}
        assert own
        assert all(name.startswith("ufCrm") for name in own)
        assert all(name.startswith("UF_CRM_") for name in own.values())


def test_5_task_fields_are_upper_snake_though_rows_are_camel_case(portal: Wire) -> None:
    fields = portal.result("tasks.task.getFields")["fields"]
    assert {"ID", "TITLE", "CHANGED_DATE", "RESPONSIBLE_ID", "STATUS"} <= set(fields)
    assert all(name == name.upper() for name in fields)
    assert all("type" in field for field in fields.values())
    row = portal.truth("tasks")[0]
    assert {"id", "title", "changedDate", "responsibleId", "status"} <= set(row)


def test_5_a_wrong_type_of_task_fields_is_reproduced(portal: Wire) -> None:
    assert portal.result("tasks.task.getFields")["fields"]["FORKED_BY_TEMPLATE_ID"]["type"] == "enum"


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("user.fields", {"ID", "NAME", "LAST_LOGIN", "UF_DEPARTMENT"}),
        ("department.fields", {"ID", "NAME", "SORT", "PARENT", "UF_HEAD"}),
    ],
)
def test_5_user_and_department_fields_are_labels_without_types(portal: Wire, method: str, expected: set[str]) -> None:
    fields = portal.result(method)
    assert expected <= set(fields)
    assert all(isinstance(label, str) for label in fields.values())


@pytest.mark.parametrize("method", ["crm.status.fields", "crm.currency.fields"])
def test_5_directories_describe_themselves(portal: Wire, method: str) -> None:
    table = {"crm.status.fields": "statuses", "crm.currency.fields": "currencies"}[method]
    keys = {key for row in portal.truth(table) for key in row}
    assert keys <= set(portal.result(method))


@pytest.mark.parametrize("method", ["crm.type.fields", "crm.category.fields"])
def test_5_type_and_category_fields_lie_under_fields(portal: Wire, method: str) -> None:
    assert {"id", "entityTypeId"} <= set(portal.result(method, {"entityTypeId": 2})["fields"])
