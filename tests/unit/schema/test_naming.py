"""Columns are the portal's names in lower snake_case (docs/decisions.md#decision-1)."""

import pytest

from tap_bitrix24.schema.naming import column_name, column_names, upper_name


@pytest.mark.parametrize(
    ("portal_name", "column"),
    [
        ("ID", "id"),
        ("id", "id"),
        ("DATE_MODIFY", "date_modify"),
        ("ADDRESS_2", "address_2"),
        ("UF_CRM_10_AB1", "uf_crm_10_ab1"),
        ("UF_CRM_1700000000", "uf_crm_1700000000"),
        ("stageId", "stage_id"),
        ("ufCrm5_1700", "uf_crm_5_1700"),
        ("ufCrm_1700", "uf_crm_1700"),
        ("parentId128", "parent_id_128"),
        ("entityTypeId", "entity_type_id"),
        ("isRecurring", "is_recurring"),
        ("xmlID", "xml_id"),
        ("userXMLData", "user_xml_data"),
        ("mobilePhone1Work", "mobile_phone_1work"),
        ("TimeStampX", "time_stamp_x"),
        ("already_snake", "already_snake"),
        ("PROPERTY_1151", "property_1151"),
        # the tap's own
        ("_bitrix24_parent", "_bitrix24_parent"),
        ("_bitrix24_children_read_at", "_bitrix24_children_read_at"),
    ],
)
def test_column_name(portal_name: str, column: str) -> None:
    assert column_name(portal_name) == column


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["TITLE"], {"TITLE": "title"}),
        # "TITLE" sorts before "title", so the latter gets a number
        (["title", "TITLE"], {"TITLE": "title", "title": "title_2"}),
        (["aB", "AB", "a_b"], {"AB": "ab", "aB": "a_b", "a_b": "a_b_2"}),
        (["T", "t", "T_2"], {"T": "t", "T_2": "t_2", "t": "t_3"}),
        (
            ["stageId", "stage_id", "STAGE_ID"],
            {"STAGE_ID": "stage_id", "stageId": "stage_id_2", "stage_id": "stage_id_3"},
        ),
    ],
)
def test_names_with_the_same_column(names: list[str], columns: dict[str, str]) -> None:
    assert column_names(names) == columns
    assert column_names(reversed(names)) == columns, "the order of the answer must not matter"


def test_universal_items_are_named_by_their_upper_name() -> None:
    given = {"ufCrm5_1700AbC": "UF_CRM_5_1700ABC", "title": "", "stageId": "STAGE_ID"}
    assert column_names(given, given) == {
        "ufCrm5_1700AbC": "uf_crm_5_1700abc",
        "title": "title",
        "stageId": "stage_id",
    }


@pytest.mark.parametrize(
    ("row_key", "request_name"),
    [("changedDate", "CHANGED_DATE"), ("id", "ID"), ("ufAuto123", "UF_AUTO_123"), ("UF_CRM_TASK", "UF_CRM_TASK")],
)
def test_upper_name(row_key: str, request_name: str) -> None:
    assert upper_name(row_key) == request_name
