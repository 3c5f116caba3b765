"""Answers of field methods, which each module of the portal shapes differently, become the same fields."""

from typing import Any

import pytest

from tap_bitrix24.entities.catalog import document_user_fields
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.schema.columns import build_columns
from tap_bitrix24.schema.field_descriptions import parse_fields


def only(answer: Any) -> Field:
    """The one field an answer describes."""
    (field,) = parse_fields(answer)
    return field


def fact(**facts: Any) -> Field:
    """The one field with these facts."""
    return only({"NAME_OF_IT": {"type": "string", **facts}})


# The forms of the modules


def test_classic_description() -> None:
    answer = {
        "ID": {"type": "integer", "isRequired": False, "isReadOnly": True, "isMultiple": False, "title": "ID"},
        "PHONE": {"type": "crm_multifield", "isMultiple": True, "isDynamic": False, "title": "Телефон"},
        "TYPE_ID": {"type": "crm_status", "isRequired": True, "statusType": "DEAL_TYPE", "title": "Type"},
        "UF_CRM_1": {
            "type": "enumeration",
            "isMultiple": True,
            "isDynamic": True,
            "title": "UF_CRM_1",
            "items": [{"ID": "44", "VALUE": "A"}],
            "listLabel": "Канал",
            "formLabel": "Канал продаж",
        },
        "UF_CRM_2": {"type": "crm", "isMultiple": False, "title": "UF_CRM_2", "listLabel": "Дочерняя"},
        "UF_CRM_3": {"type": "string", "isMultiple": False, "title": "UF_CRM_3", "filterLabel": "F"},
    }
    assert parse_fields(answer) == [
        Field("ID", "integer", required=False, read_only=True),
        Field("PHONE", "crm_multifield", multiple=True, label="Телефон"),
        Field("TYPE_ID", "crm_status", label="Type", dictionary="DEAL_TYPE", required=True),
        Field("UF_CRM_1", "enumeration", multiple=True, label="Канал продаж", options=(Option("44", "A"),)),
        Field("UF_CRM_2", "crm", label="Дочерняя"),
        Field("UF_CRM_3", "string", label="F"),
    ]


def test_a_title_that_is_the_fields_code_is_no_label() -> None:
    facts = {"title": "UF_CRM_12_1700", "upperName": "UF_CRM_12_1700", "formLabel": "Поле"}
    assert [field.label for field in parse_fields({"fields": {"ufCrm12_1700": facts}})] == ["Поле"]


def test_universal_description() -> None:
    facts = {"type": "string", "isMultiple": False, "title": "Поле", "upperName": "UF_CRM_12_1700"}
    described = parse_fields({"fields": {"ufCrm12_1700": facts}})
    assert described == [Field("ufCrm12_1700", "string", label="Поле", upper="UF_CRM_12_1700")]
    made = build_columns(described, types={})[0]
    assert (made.name, made.portal_name, made.description) == ("uf_crm_12_1700", "ufCrm12_1700", "Поле")


@pytest.mark.parametrize("wrapper", ["store", "product", "orderEntity", "property"])
def test_catalog_and_shop_describe_under_the_entitys_name(wrapper: str) -> None:
    answer = {
        wrapper: {
            "active": {
                "isImmutable": False,
                "isReadOnly": False,
                "isRequired": False,
                "name": "Activity",
                "type": "char",
            },
            "id": {"isImmutable": False, "isReadOnly": True, "isRequired": True, "type": "integer"},
        }
    }
    assert parse_fields(answer) == [
        Field("active", "char", label="Activity", required=False, read_only=False),
        Field("id", "integer", required=True, read_only=True),
    ]


def test_an_entity_of_one_field_is_no_field_of_that_name() -> None:
    assert only({"store": {"id": {"type": "integer"}}}) == Field("id", "integer")
    assert only({"ID": {"type": "integer"}}) == Field("ID", "integer")


def test_disk_describes_in_capitals() -> None:
    facts = {"TYPE": "integer", "USE_IN_FILTER": True, "USE_IN_SHOW": True}
    assert parse_fields({"ID": facts, "NAME": {"TYPE": "string"}}) == [Field("ID", "integer"), Field("NAME", "string")]


def test_tasks_describe_under_fields() -> None:
    answer = {
        "fields": {
            "ID": {"title": "ID", "type": "integer", "primary": True},
            "TITLE": {"title": None, "type": "string", "required": True},
            "MARK": {"title": "Rating", "type": "enum", "values": {"N": "Negative", "P": "Positive"}, "default": None},
        }
    }
    assert parse_fields(answer) == [
        Field("ID", "integer"),
        Field("TITLE", "string", required=True),
        Field("MARK", "enum", label="Rating", options=(Option("N", "Negative"), Option("P", "Positive"))),
    ]


@pytest.mark.parametrize("label", [None, ""])
def test_labels_without_types(label: Any) -> None:
    assert parse_fields({"ID": "ID", "PERSONAL_WWW": "Страница", "PERSONAL_ICQ": label}) == [
        Field("ID", label="ID"),
        Field("PERSONAL_WWW", label="Страница"),
        Field("PERSONAL_ICQ"),
    ]


@pytest.mark.parametrize("wrapped", [True, False])
def test_biconnector_lists_its_fields(*, wrapped: bool) -> None:
    rows = [
        {"title": "id", "type": "integer", "isRequired": True, "isReadOnly": True, "isMultiple": False},
        {"title": "settings", "type": "array", "isRequired": False, "isReadOnly": False, "isMultiple": True},
    ]
    assert parse_fields({"fields": rows} if wrapped else rows) == [
        Field("id", "integer", required=True, read_only=True),
        Field("settings", "array", multiple=True, required=False, read_only=False),
    ]


def test_user_field_rows() -> None:
    rows = [
        {"ID": "176", "FIELD_NAME": "UF_USR_1", "USER_TYPE_ID": "enumeration", "MULTIPLE": "Y", "LIST": [{"ID": "26"}]},
        {"ID": "177", "FIELD_NAME": "UF_USR_2", "USER_TYPE_ID": "money", "MULTIPLE": "N", "EDIT_FORM_LABEL": "Оклад"},
        {"ID": "178", "FIELD_NAME": "UF_USR_3", "USER_TYPE_ID": "date", "MULTIPLE": "N", "LIST_COLUMN_LABEL": "Дата"},
        {"ID": "179", "FIELD_NAME": "UF_USR_4", "USER_TYPE_ID": "string", "MANDATORY": "Y", "EDIT_FORM_LABEL": None},
    ]
    assert parse_fields(rows) == [
        Field("UF_USR_1", "enumeration", multiple=True, options=(Option("26", ""),)),
        Field("UF_USR_2", "money", label="Оклад"),
        Field("UF_USR_3", "date", label="Дата"),
        Field("UF_USR_4", "string", required=True),
    ]


def test_user_field_settings_in_camel_case_and_many_languages() -> None:
    row = {
        "id": "7095",
        "fieldName": "UF_CRM_7_LIST",
        "userTypeId": "enumeration",
        "multiple": "Y",
        "mandatory": "N",
        "editFormLabel": {"de": "Liste"},
        "listColumnLabel": None,
        "enum": [{"id": "1", "value": "eins", "sort": "100"}, {"id": "2", "value": "zwei", "sort": "50"}],
    }
    options = (Option("1", "eins", 100), Option("2", "zwei", 50))
    expected = Field("UF_CRM_7_LIST", "enumeration", multiple=True, options=options, required=False)
    assert only({"fields": [row]}) == expected
    assert only({"userFields": [row]}) == expected, "under a name nobody documents"


def test_universal_lists_describe_in_rows_with_type_codes() -> None:
    answer = {
        "NAME": {"FIELD_ID": "NAME", "NAME": "Название", "IS_REQUIRED": "Y", "MULTIPLE": "N", "TYPE": "NAME"},
        "SORT": {"FIELD_ID": "SORT", "NAME": "Сортировка", "TYPE": "SORT"},
        "DATE_CREATE": {"FIELD_ID": "DATE_CREATE", "NAME": "Создан", "TYPE": "DATE_CREATE"},
        "L": {
            "FIELD_ID": "PROPERTY_1151",
            "NAME": "Статус",
            "IS_REQUIRED": "N",
            "MULTIPLE": "Y",
            "TYPE": "L",
            "DISPLAY_VALUES_FORM": {"1669": "Planning", "1671": "Work"},
        },
        "PROPERTY_9": {"FIELD_ID": "PROPERTY_9", "NAME": "Кто", "TYPE": "S:employee", "MULTIPLE": "N"},
    }
    assert parse_fields(answer) == [
        Field("NAME", "string", label="Название", required=True),
        Field("SORT", "integer", label="Сортировка"),
        Field("DATE_CREATE", "string", label="Создан"),
        Field(
            "PROPERTY_1151",
            "listproperty:L",
            multiple=True,
            label="Статус",
            required=False,
            options=(Option("1669", "Planning"), Option("1671", "Work")),
        ),
        Field("PROPERTY_9", "listproperty:S:employee", label="Кто"),
    ]


def test_a_universal_list_of_one_field() -> None:
    assert only({"L": {"FIELD_ID": "PROPERTY_5", "NAME": "A", "TYPE": "N"}}) == Field(
        "PROPERTY_5", "listproperty:N", label="A"
    )


@pytest.mark.parametrize(
    ("facts", "type_"),
    [
        ({"propertyType": "S", "userType": "HTML"}, "productproperty:S:HTML"),
        ({"propertyType": "N", "userType": None}, "productproperty:N"),
        ({"propertyType": "L"}, "productproperty:L"),
        ({}, "productproperty:"),
    ],
)
def test_product_properties_say_what_they_hold(facts: dict[str, Any], type_: str) -> None:
    answer = {"product": {"property5": {"type": "productproperty", "isMultiple": True, "name": "Цвет", **facts}}}
    assert only(answer) == Field("property5", type_, multiple=True, label="Цвет")


def test_user_fields_of_store_documents_are_named_by_their_number() -> None:
    answer = {
        "fields": [
            {
                "id": "11",
                "entityId": "CAT_STORE_DOCUMENT_A",
                "fieldName": "UF_A",
                "userTypeId": "double",
                "multiple": "N",
            },
            {"id": "12", "entityId": "CRM_DEAL", "fieldName": "UF_B", "userTypeId": "double", "multiple": "N"},
        ]
    }
    assert document_user_fields(answer) == [Field("field11", "double")]
    assert document_user_fields([]) == document_user_fields({"fields": []}) == []


@pytest.mark.parametrize("empty", [[], {}, None, {"fields": {}}, {"fields": []}, {"store": []}, False, ""])
def test_no_fields_at_all(empty: Any) -> None:
    """PHP sends an empty map as a list."""
    assert parse_fields(empty) == []


def test_rows_without_a_name_describe_nothing() -> None:
    assert parse_fields([{"type": "integer"}, "text", None, {"title": "id", "type": "integer"}]) == [
        Field("id", "integer")
    ]


# Facts


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"items": [{"ID": "44", "VALUE": "A"}, {"ID": "46", "VALUE": "B"}]}, (Option("44", "A"), Option("46", "B"))),
        ({"items": [{"ID": 44, "NAME": "A", "SORT": "30"}]}, (Option("44", "A", 30),)),
        ({"LIST": [{"ID": "26", "VALUE": "1", "SORT": "0", "DEF": "N"}]}, (Option("26", "1", 0),)),
        ({"LIST": [{"ID": "26", "VALUE": "1", "SORT": 0}]}, (Option("26", "1", 0),)),
        ({"LIST": [{"ID": 0, "VALUE": "none"}]}, (Option("0", "none"),)),
        ({"enum": [{"id": "1", "value": "eins", "sort": 5}]}, (Option("1", "eins", 5),)),
        ({"DISPLAY_VALUES_FORM": {"1669": "Planning"}}, (Option("1669", "Planning"),)),
        ({"values": {"2": "High", "0": "Low"}}, (Option("2", "High"), Option("0", "Low"))),
        ({"values": {"2": None, "0": None}}, (Option("2", ""), Option("0", ""))),
        ({"values": ["secs", "mins"]}, (Option("secs", "secs"), Option("mins", "mins"))),
        ({"values": {"7": {"ID": "7", "VALUE": "red"}}}, (Option("7", "red"),)),
        ({"values": {"7": {"ID": "7", "VALUE": "red"}, "8": None}}, (Option("7", "red"),)),
        ({"items": [], "values": ["a"]}, (Option("a", "a"),)),
        ({"items": [{"ID": "1", "VALUE": "a", "SORT": False}]}, (Option("1", "a"),)),
        ({"items": [{"ID": "1", "VALUE": "", "NAME": "b"}]}, (Option("1", "b"),)),
        ({"items": None}, ()),
        ({"values": "text"}, ()),
        ({}, ()),
    ],
)
def test_options_of_every_form(given: dict[str, Any], options: tuple[Option, ...]) -> None:
    assert fact(**given).options == options


@pytest.mark.parametrize("name", ["isRequired", "required", "MANDATORY", "mandatory", "IS_REQUIRED"])
@pytest.mark.parametrize(("value", "expected"), [(True, True), ("Y", True), (False, False), ("N", False), (None, None)])
def test_required(name: str, value: Any, expected: Any) -> None:
    assert fact(**{name: value}).required is expected


@pytest.mark.parametrize("name", ["isReadOnly", "readOnly", "readonly"])
@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, None)])
def test_read_only(name: str, value: Any, expected: Any) -> None:
    assert fact(**{name: value}).read_only is expected


@pytest.mark.parametrize("name", ["isMultiple", "multiple", "MULTIPLE"])
@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("Y", True), (False, False), ("N", False), (None, False)]
)
def test_multiple(name: str, value: Any, *, expected: bool) -> None:
    assert fact(**{name: value}).multiple is expected


@pytest.mark.parametrize(
    ("facts", "label"),
    [
        ({"title": "Name", "formLabel": "Form"}, "Name"),
        ({"title": "NAME_OF_IT", "formLabel": "Form", "listLabel": "List"}, "Form"),
        ({"title": "NAME_OF_IT", "formLabel": "", "listLabel": "List"}, "List"),
        ({"title": None, "filterLabel": "Filter"}, "Filter"),
        ({"EDIT_FORM_LABEL": None, "LIST_COLUMN_LABEL": "Column"}, "Column"),
        ({"editFormLabel": {"en": "Form"}, "listColumnLabel": "Column"}, "Column"),
        ({"title": "NAME_OF_IT"}, ""),
        ({}, ""),
    ],
)
def test_the_label_is_the_first_text_that_says_more_than_the_name(facts: dict[str, Any], label: str) -> None:
    assert fact(**facts).label == label
