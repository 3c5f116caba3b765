"""Decisions 2, 3, 9 and 13: from a row of the table to what is asked of a portal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.entities import BY_STREAM, CATEGORIES, CONTACTS, ENTITIES, SMART_PROCESSES, Entity
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.plan import (
    ReadPlan,
    entity_types,
    is_swept,
    list_specs,
    parent_groups,
    spread_multifields,
)
from tap_bitrix24.schema.columns import Column, build_columns

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def portal(**facts: Any) -> PortalInfo:
    """A portal on the first of March."""
    return PortalInfo(NOW, **facts)


def lists(entity: Entity, name: str = "", columns: Sequence[Column] = (), **facts: Any) -> list[ListSpec]:
    """What a stream is made of on such a portal."""
    universal = facts.pop("universal", False)
    return list_specs(entity, name or entity.stream, ReadPlan(portal(**facts), columns, universal=universal))


# Classic and universal methods


def test_a_classic_list() -> None:
    (only,) = lists(BY_STREAM["deals"])
    assert only.endpoint.method == "crm.deal.list"
    assert only.params == {"select": ["*", "UF_*"]}
    assert only.replication_key is not None
    assert only.replication_key.timezone_margin == 0
    assert only.identity == ["ID"]


def test_hidden_categories_are_read_by_the_universal_method() -> None:
    classic, hidden = lists(CONTACTS, hidden_categories={3: [7, 9]})
    assert classic.endpoint.method == "crm.contact.list"
    assert hidden.endpoint.method == "crm.item.list"
    assert hidden.params["entityTypeId"] == 3
    assert hidden.filter == {"@categoryId": [7, 9]}
    assert hidden.replication_key is not None
    assert hidden.replication_key.timezone_margin == 26 * 3600


@pytest.mark.parametrize("stream", ["deals", "leads", "contacts", "companies", "quotes"])
def test_universal_methods_read_all_categories_in_one_list(stream: str) -> None:
    entity = BY_STREAM[stream]
    (only,) = lists(entity, hidden_categories={3: [7], 4: [8]}, universal=True)
    assert only.endpoint.method == "crm.item.list"
    assert entity.universal is not None
    assert only.params["entityTypeId"] == entity.universal.entity_type_id
    assert not only.filter


def test_a_smart_process_is_one_list_and_carries_its_type() -> None:
    (only,) = lists(SMART_PROCESSES, "smart_process_130", smart_processes={130: "A", 140: "B"})
    assert only.params == {"entityTypeId": 130, "select": ["*"]}
    assert only.constants == {"entity_type_id": 130}


@pytest.mark.parametrize(
    ("entity", "own"),
    [(CATEGORIES, [2, 3, 4, 31]), (BY_STREAM["crm_stage_history"], [1, 2, 31])],
    ids=lambda each: str(each)[:20],
)
def test_lists_per_type_cover_the_smart_processes(entity: Entity, own: list[int]) -> None:
    listed = lists(entity, smart_processes={140: "B", 130: "A"})
    numbers = [each.params["entityTypeId"] for each in listed]
    assert numbers == [*own, 130, 140]
    assert [each.constants["entity_type_id"] for each in listed] == numbers
    assert "entityTypeId" in entity.primary_key, "ids are unique only within a type"


def test_a_universal_list_names_its_type_even_if_the_portal_no_longer_has_it() -> None:
    entity = BY_STREAM["list_elements_"]
    known = {44: UniversalList("lists_socnet", "Team")}
    for number, type_ in ((44, "lists_socnet"), (45, "lists")):
        (only,) = lists(entity, f"list_elements_{number}", universal_lists=known)
        assert only.params == {"IBLOCK_TYPE_ID": type_, "IBLOCK_ID": number}
        assert only.constants == {"iblock_id": number}


# Select


def test_tasks_name_every_column_they_want() -> None:
    columns = build_columns([Field("ID", "integer"), Field("UF_SUM", "money"), Field("camelOnly", "string")], types={})
    (only,) = lists(BY_STREAM["tasks"], columns=columns)
    assert only.params["select"] == ["ID", "UF_SUM"]


def test_products_name_their_columns_whatever_their_spelling() -> None:
    columns = build_columns([Field("id", "integer"), Field("property5", "productproperty:S")], types={})
    (only,) = lists(BY_STREAM["products"], columns=columns, product_iblocks=[24])
    assert only.params["select"] == ["id", "property5"]


def test_without_columns_what_is_documented_is_asked_for() -> None:
    (only,) = lists(BY_STREAM["products"], product_iblocks=[24])
    assert {"id", "iblockId", "name"} <= set(only.params["select"]), "in the spelling requests use"
    (only,) = lists(BY_STREAM["tasks"])
    assert all(name.isupper() for name in only.params["select"])


# Identity


@pytest.mark.parametrize(
    ("stream", "identity"),
    [
        ("deals", ["ID"]),
        ("currencies", ["CURRENCY"]),
        ("crm_categories", ["id"]),
        ("crm_addresses", ["TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID"]),
        ("product_property_sections", []),
        ("requisite_links", ["ENTITY_TYPE_ID", "ENTITY_ID"]),
        ("list_fields", ["FIELD_ID"]),
    ],
)
def test_rows_are_told_apart_by_what_they_say_themselves(stream: str, identity: list[str]) -> None:
    listed = lists(BY_STREAM[stream], universal_lists={5: UniversalList("lists")})
    assert {tuple(each.identity or ()) for each in listed} == {tuple(identity)}


# Children


@pytest.mark.parametrize(
    ("stream", "swept"),
    [
        ("deal_contacts", True),
        ("crm_product_rows", True),
        ("task_comments", True),
        ("task_stages", False),
        ("openlines_session_messages", True),
        ("crm_payment_products", False),  # payments have no modified stamp
        ("crm_timeline_bindings", False),  # grandchildren
        ("disk_folder_children", False),
        ("calendar_events", False),  # the company's calendar has no parent
        ("telephony_users", False),
        ("deals", False),
        ("crm_statuses", False),
    ],
)
def test_whose_children_are_read_by_changed_parents(stream: str, *, swept: bool) -> None:
    assert is_swept(BY_STREAM[stream]) is swept


def first_brood(stream: str, **facts: Any) -> Any:
    """The first brood of a stream of children."""
    return parent_groups(BY_STREAM[stream], ReadPlan(portal(**facts)), swept=facts.pop("swept", True))[0]


def test_parents_are_asked_for_no_more_than_who_they_are_and_when_they_changed() -> None:
    brood = first_brood("task_templates")
    assert brood.parents.params == {"select": ["ID", "FORKED_BY_TEMPLATE_ID", "CHANGED_DATE", "CREATED_DATE"]}
    assert brood.value_key == "forkedByTemplateId"
    brood = first_brood("crm_activity_bindings")
    assert brood.parents.params == {"select": ["ID", "LAST_UPDATED"]}
    assert brood.value_key == "ID"


def test_parents_that_tell_their_children_are_read_by_the_universal_method() -> None:
    brood = first_brood("deal_contacts")
    assert brood.parents.endpoint.method == "crm.item.list"
    assert brood.parents.params == {"entityTypeId": 2, "select": ["id", "contactId", "contactIds", "updatedTime"]}
    assert brood.parents.reshape is None
    assert brood.embedded_source is not None
    assert brood.embedded_source.endpoint.method == "crm.deal.contact.items.get"
    assert brood.embedded_source.constants == {"_bitrix24_children_read_at": "2025-03-01T00:00:00Z"}
    assert brood.embedded_children({"id": 5, "contactIds": [7, 8], "contactId": 8}) == [
        {"DEAL_ID": 5, "CONTACT_ID": 7, "IS_PRIMARY": "N"},
        {"DEAL_ID": 5, "CONTACT_ID": 8, "IS_PRIMARY": "Y"},
    ]
    assert brood.embedded_children({"id": 5, "contactIds": []}) == []
    assert brood.embedded_children({"id": 5, "contactIds": False}) == [], "PHP's empty list"
    assert brood.embedded_children({"id": 5, "contactId": 8}) is None, "this portal does not tell"


def test_one_parent_is_asked_alone_and_its_id_becomes_a_column() -> None:
    brood = first_brood("deal_contacts")
    (asked,) = brood.child_lists([17])
    assert asked.endpoint.method == "crm.deal.contact.items.get"
    assert asked.params == {"id": 17}
    assert asked.constants == {"deal_id": 17, "_bitrix24_children_read_at": "2025-03-01T00:00:00Z"}
    assert asked.identity == ["CONTACT_ID"]
    assert brood.reference(17) == "deal:17"


def test_children_read_whole_say_nothing_of_sets() -> None:
    brood = parent_groups(BY_STREAM["deal_contacts"], ReadPlan(portal()), swept=False)[0]
    assert brood.child_lists([17])[0].constants == {"deal_id": 17}
    assert brood.embedded_source is not None
    assert brood.embedded_source.constants == {}


def test_many_parents_are_asked_for_in_one_command() -> None:
    brood = first_brood("crm_product_rows")
    (asked,) = brood.child_lists([1, 2, 3])
    (command,) = rest_v2.commands(PageRequest(list_spec=asked, after=0))
    assert command.method == "crm.item.productrow.list"
    assert command.params["filter"] == {"=ownerType": "D", "=ownerId": [1, 2, 3]}
    (alone,) = brood.child_lists([1])
    (command,) = rest_v2.commands(PageRequest(list_spec=alone, after=0))
    assert command.params["filter"] == {"=ownerType": "D", "=ownerId": 1}
    assert (brood.group_size, brood.owner_key) == (50, "ownerId")


def test_product_rows_of_every_kind_of_item_that_has_some() -> None:
    made = parent_groups(
        BY_STREAM["crm_product_rows"], ReadPlan(portal(smart_processes={128: "A", 1030: "B"})), swept=True
    )
    assert [(each.name, each.child_lists([1])[0].params["filter.=ownerType"]) for each in made] == [
        ("deal", "D"),
        ("lead", "L"),
        ("quote", "Q"),
        ("smart_invoice", "SI"),
        ("dynamic_128", "T80"),
        ("dynamic_1030", "T406"),
    ]


def test_parents_of_several_lists_make_several_broods() -> None:
    facts: dict[str, Any] = {"product_iblocks": [24, 30], "offer_iblocks": [26]}
    made = parent_groups(BY_STREAM["product_images"], ReadPlan(portal(**facts)), swept=True)
    assert [(each.name, each.parents.params["filter.iblockId"]) for each in made] == [
        ("products", 24),
        ("products", 30),
        ("product_offers", 26),
        ("product_skus", 24),
        ("product_skus", 30),
        ("product_services", 24),
        ("product_services", 30),
    ]
    assert made[0].parents.params["select"] == ["id", "iblockId", "timestampX"], "iblockId is required"


def test_wanted_narrows_the_list_of_parents() -> None:
    brood = first_brood("openlines_session_messages")
    assert brood.parents.endpoint.method == "crm.activity.list"
    assert brood.parents.filter == {"PROVIDER_ID": "IMOPENLINES_SESSION"}
    assert "ASSOCIATED_ENTITY_ID" in brood.parents.params["select"]


def test_calendars_are_asked_for_in_date_ranges() -> None:
    made = parent_groups(BY_STREAM["calendar_events"], ReadPlan(portal()), swept=False)
    asked = [each.params for each in made[0].child_lists([9])]
    assert [(each["type"], each["ownerId"], each["from"], each["to"]) for each in asked] == [
        ("user", 9, "2000-01-01", "2024-03-01"),
        ("user", 9, "2024-03-01", "2025-03-01"),
        ("user", 9, "2025-03-01", "2027-03-01"),
    ]
    assert [each.name for each in made] == ["user", "group"]


def test_positional_parameters_of_children_keep_their_place() -> None:
    (asked,) = first_brood("task_comments").child_lists([5])
    assert rest_v2.commands(PageRequest(list_spec=asked, offset=0))[0].params == {"0": 5}
    assert asked.constants["task_id"] == 5


def test_parents_that_are_children_are_asked_for_as_they_are() -> None:
    brood = parent_groups(BY_STREAM["disk_folder_children"], ReadPlan(portal()), swept=False)[0]
    assert brood.parents.endpoint.method == "disk.storage.getChildren"
    assert brood.has_children is not None
    assert brood.has_children({"ID": "5", "TYPE": "folder"})
    assert not brood.has_children({"ID": "5", "TYPE": "file"})
    assert brood.recurse_into is not None
    assert brood.recurse_into({"ID": "5", "TYPE": "folder"}) == "5"
    assert brood.recurse_into({"ID": "5", "TYPE": "file"}) is None


@pytest.mark.parametrize("entity", [each for each in ENTITIES if each.parents], ids=lambda entity: entity.stream)
def test_every_stream_of_children_can_be_asked_for(entity: Entity) -> None:
    facts: dict[str, Any] = {"smart_processes": {128: "A"}, "product_iblocks": [24], "offer_iblocks": [26]}
    plan = ReadPlan(portal(**facts), sweep=timedelta(hours=1))
    made = parent_groups(entity, plan, swept=is_swept(entity))
    assert made
    for brood in made:
        for asked in brood.child_lists([17]):
            offset = None if entity.supports_keyset else 0
            ask = PageRequest(list_spec=asked, after=0 if entity.supports_keyset else None, offset=offset)
            (command,) = rest_v2.commands(ask)
            assert "17" in repr(command.params), "the parent is named"
        assert brood.group_size == 1 or brood.owner_key, "who asks for many must be able to tell whose a row is"


def test_which_streams_hold_items() -> None:
    numbers = entity_types(["deals", "smart_process_128", "users", "smart_process_"])
    assert numbers == {
        "leads": 1,
        "deals": 2,
        "contacts": 3,
        "companies": 4,
        "quotes": 7,
        "smart_invoices": 31,
        "smart_process_128": 128,
    }


# Rows of the universal method


def test_multifields_come_in_their_classic_shape() -> None:
    row = {
        "id": 5,
        "fm": [
            {"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+7"},
            {"id": 2, "typeId": "PHONE", "valueType": "HOME", "value": "+8"},
            {"id": 3, "typeId": "EMAIL", "valueType": "WORK", "value": "a@b.c"},
        ],
    }
    assert spread_multifields(row) == {
        "id": 5,
        "PHONE": [
            {"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+7", "TYPE_ID": "PHONE"},
            {"ID": "2", "VALUE_TYPE": "HOME", "VALUE": "+8", "TYPE_ID": "PHONE"},
        ],
        "EMAIL": [{"ID": "3", "VALUE_TYPE": "WORK", "VALUE": "a@b.c", "TYPE_ID": "EMAIL"}],
    }
    assert "fm" in row, "the portal's row is not changed"


@pytest.mark.parametrize("row", [{"id": 5}, {"id": 5, "fm": None}])
def test_rows_without_multifields_stay_as_they_are(row: Row) -> None:
    assert spread_multifields(row) == row
