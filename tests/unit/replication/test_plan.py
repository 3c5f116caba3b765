"""From an entity and a portal to the plan: lists, selected columns, parents and read method.

See docs/decisions.md#decision-2, #decision-3, #decision-9 and #decision-13.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.entities import BY_STREAM, CATEGORIES, CONTACTS, SMART_PROCESSES, Entity
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.list_specs import spread_multifields
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, ParentGroup
from tap_bitrix24.replication.plan import (
    ReadMethod,
    ReadOptions,
    bookmark_column,
    is_swept,
    prefer_rest_v3,
    read_plan,
)
from tap_bitrix24.schema.columns import Column, build_columns
from tests.support.entities import every_entity

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def portal(**facts: Any) -> PortalInfo:
    """A portal on the first of March."""
    return PortalInfo(NOW, **facts)


def lists(entity: Entity, name: str = "", columns: Sequence[Column] = (), **facts: Any) -> list[ListSpec]:
    """Return the stream's own lists on such a portal."""
    universal = facts.pop("universal", False)
    options = ReadOptions(portal(**facts), columns, universal=universal)
    return list(read_plan(entity, name or entity.stream, options).lists)


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


def test_tasks_are_requested_with_all_upper_case_names() -> None:
    columns = build_columns([Field("ID", "integer"), Field("UF_SUM", "money"), Field("camelOnly", "string")], types={})
    (only,) = lists(BY_STREAM["tasks"], columns=columns)
    assert only.params["select"] == ["ID", "UF_SUM"]


def test_products_are_requested_with_all_names() -> None:
    columns = build_columns([Field("id", "integer"), Field("property5", "productproperty:S")], types={})
    (only,) = lists(BY_STREAM["products"], columns=columns, product_iblocks=[24])
    assert only.params["select"] == ["id", "property5"]


def test_without_columns_the_documented_ones_are_requested() -> None:
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
def test_the_identity_of_rows_is_the_key_columns_the_rows_hold(stream: str, identity: list[str]) -> None:
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
        ("crm_payment_products", False),  # payments have no replication key
        ("crm_timeline_bindings", False),  # grandchildren
        ("disk_folder_children", False),
        ("calendar_events", False),  # the company's calendar has no parent
        ("telephony_users", False),
        ("deals", False),
        ("crm_statuses", False),
    ],
)
def test_which_children_are_read_by_changed_parents(stream: str, *, swept: bool) -> None:
    assert is_swept(BY_STREAM[stream]) is swept


def swept_groups(stream: str, **facts: Any) -> list[ParentGroup]:
    """Return the parent groups of children that are read by changed parents."""
    plan = read_plan(BY_STREAM[stream], stream, ReadOptions(portal(**facts), replication_key=CHILDREN_READ_AT))
    assert plan.method is ReadMethod.CHANGED_PARENTS
    return list(plan.groups)


def whole_groups(stream: str, **facts: Any) -> list[ParentGroup]:
    """Return the parent groups of children that are read whole."""
    plan = read_plan(BY_STREAM[stream], stream, ReadOptions(portal(**facts)))
    assert plan.method is ReadMethod.ALL_PARENTS
    return [group for parents in plan.parents for group in parents.groups]


def test_parents_are_requested_with_their_keys_and_replication_key_only() -> None:
    group = swept_groups("task_templates")[0]
    assert group.parents.params == {"select": ["ID", "FORKED_BY_TEMPLATE_ID", "CHANGED_DATE", "CREATED_DATE"]}
    assert group.value_key == "forkedByTemplateId"
    group = swept_groups("crm_activity_bindings")[0]
    assert group.parents.params == {"select": ["ID", "LAST_UPDATED"]}
    assert group.value_key == "ID"


def test_parents_whose_rows_hold_their_children_are_read_by_the_universal_method() -> None:
    group = swept_groups("deal_contacts")[0]
    assert group.parents.endpoint.method == "crm.item.list"
    assert group.parents.params == {"entityTypeId": 2, "select": ["id", "contactId", "contactIds", "updatedTime"]}
    assert group.parents.reshape is None
    assert group.embedded_source is not None
    assert group.embedded_source.endpoint.method == "crm.deal.contact.items.get"
    assert group.embedded_source.constants == {"_bitrix24_children_read_at": "2025-03-01T00:00:00Z"}
    assert group.embedded_children is not None
    assert group.embedded_children({"id": 5, "contactIds": [7, 8], "contactId": 8}) == [
        {"DEAL_ID": 5, "CONTACT_ID": 7, "IS_PRIMARY": "N"},
        {"DEAL_ID": 5, "CONTACT_ID": 8, "IS_PRIMARY": "Y"},
    ]
    assert group.embedded_children({"id": 5, "contactIds": []}) == []
    assert group.embedded_children({"id": 5, "contactIds": False}) == [], "PHP's empty list"
    assert group.embedded_children({"id": 5, "contactId": 8}) is None, "this portal's row leaves the children out"


def test_children_of_one_parent_have_its_id_as_a_column() -> None:
    group = swept_groups("deal_contacts")[0]
    (children,) = group.child_lists([17])
    assert children.endpoint.method == "crm.deal.contact.items.get"
    assert children.params == {"id": 17}
    assert children.constants == {"deal_id": 17, "_bitrix24_children_read_at": "2025-03-01T00:00:00Z"}
    assert children.identity == ["CONTACT_ID"]
    assert group.reference(17) == "deal:17"


def test_children_read_whole_do_not_say_when_they_were_read() -> None:
    group = whole_groups("deal_contacts")[0]
    assert group.child_lists([17])[0].constants == {"deal_id": 17}
    assert group.embedded_source is not None
    assert group.embedded_source.constants == {}


def test_children_of_several_parents_are_requested_in_one_command() -> None:
    group = swept_groups("crm_product_rows")[0]
    (children,) = group.child_lists([1, 2, 3])
    (command,) = rest_v2.commands(PageRequest(list_spec=children, after=0))
    assert command.method == "crm.item.productrow.list"
    assert command.params["filter"] == {"=ownerType": "D", "=ownerId": [1, 2, 3]}
    (single,) = group.child_lists([1])
    (command,) = rest_v2.commands(PageRequest(list_spec=single, after=0))
    assert command.params["filter"] == {"=ownerType": "D", "=ownerId": 1}
    assert (group.group_size, group.owner_key) == (50, "ownerId")


def test_product_rows_of_every_entity_type_with_product_rows() -> None:
    groups = swept_groups("crm_product_rows", smart_processes={128: "A", 1030: "B"})
    assert [(each.name, each.child_lists([1])[0].params["filter.=ownerType"]) for each in groups] == [
        ("deal", "D"),
        ("lead", "L"),
        ("quote", "Q"),
        ("smart_invoice", "SI"),
        ("dynamic_128", "T80"),
        ("dynamic_1030", "T406"),
    ]


def test_each_list_of_parents_is_a_group() -> None:
    groups = swept_groups("product_images", product_iblocks=[24, 30], offer_iblocks=[26])
    assert [(each.name, each.parents.params["filter.iblockId"]) for each in groups] == [
        ("products", 24),
        ("products", 30),
        ("product_offers", 26),
        ("product_skus", 24),
        ("product_skus", 30),
        ("product_services", 24),
        ("product_services", 30),
    ]
    assert groups[0].parents.params["select"] == ["id", "iblockId", "timestampX"], "iblockId is required"


def test_a_parent_filter_narrows_the_list_of_parents() -> None:
    group = swept_groups("openlines_session_messages")[0]
    assert group.parents.endpoint.method == "crm.activity.list"
    assert group.parents.filter == {"PROVIDER_ID": "IMOPENLINES_SESSION"}
    assert "ASSOCIATED_ENTITY_ID" in group.parents.params["select"]


def test_calendars_are_requested_by_date_ranges() -> None:
    groups = whole_groups("calendar_events")
    params = [each.params for each in groups[0].child_lists([9])]
    assert [(each["type"], each["ownerId"], each["from"], each["to"]) for each in params] == [
        ("user", 9, "2000-01-01", "2024-03-01"),
        ("user", 9, "2024-03-01", "2025-03-01"),
        ("user", 9, "2025-03-01", "2027-03-01"),
    ]
    assert [each.name for each in groups] == ["user", "group"]


def test_positional_parameters_of_children_keep_their_place() -> None:
    (children,) = swept_groups("task_comments")[0].child_lists([5])
    assert rest_v2.commands(PageRequest(list_spec=children, offset=0))[0].params == {"0": 5}
    assert children.constants["task_id"] == 5


def test_parents_that_are_children_are_requested_unchanged() -> None:
    group = whole_groups("disk_folder_children")[0]
    assert group.parents.endpoint.method == "disk.storage.getChildren"
    assert group.has_children is not None
    assert group.has_children({"ID": "5", "TYPE": "folder"})
    assert not group.has_children({"ID": "5", "TYPE": "file"})
    assert group.recurse_into is not None
    assert group.recurse_into({"ID": "5", "TYPE": "folder"}) == "5"
    assert group.recurse_into({"ID": "5", "TYPE": "file"}) is None


@every_entity
def test_children_of_every_stream_can_be_requested(entity: Entity) -> None:
    if entity.parents is None:
        return
    facts: dict[str, Any] = {"smart_processes": {128: "A"}, "product_iblocks": [24], "offer_iblocks": [26]}
    groups = (swept_groups if is_swept(entity) else whole_groups)(entity.stream, **facts)
    assert groups
    for group in groups:
        for children in group.child_lists([17]):
            offset = None if entity.supports_keyset else 0
            request = PageRequest(list_spec=children, after=0 if entity.supports_keyset else None, offset=offset)
            (command,) = rest_v2.commands(request)
            assert "17" in repr(command.params), "the parent is named"
        assert group.group_size == 1 or group.owner_key, "a row must name its parent where a command asks for several"


# Read method


SMART = PortalInfo(NOW, smart_processes={156: "A"})


@pytest.mark.parametrize(
    ("stream", "replication_key", "method"),
    [
        ("deals", "date_modify", ReadMethod.INCREMENTAL),
        ("deals", "", ReadMethod.ALL_BY_ID),
        ("catalogs", "", ReadMethod.ALL_BY_ID),
        ("crm_statuses", "", ReadMethod.ALL_BY_OFFSET),
        ("call_followups", "date_create", ReadMethod.PERIOD),
        ("call_followups", "", ReadMethod.PERIOD),
        ("deal_contacts", CHILDREN_READ_AT, ReadMethod.CHANGED_PARENTS),
        ("deal_contacts", "", ReadMethod.ALL_PARENTS),
        ("crm_timeline_bindings", "", ReadMethod.ALL_PARENTS),
    ],
)
def test_the_method_follows_from_the_entity_and_the_bookmark(
    stream: str, replication_key: str, method: ReadMethod
) -> None:
    plan = read_plan(BY_STREAM[stream], stream, ReadOptions(SMART, replication_key=replication_key))
    assert (plan.method, plan.replication_key) == (method, replication_key)
    assert bool(plan.lists) is (method not in (ReadMethod.CHANGED_PARENTS, ReadMethod.ALL_PARENTS))
    assert bool(plan.groups) is (method is ReadMethod.CHANGED_PARENTS)
    assert bool(plan.parents) is (method is ReadMethod.ALL_PARENTS)


def test_full_table_replication_writes_no_bookmark() -> None:
    options = ReadOptions(SMART, replication_key="date_modify", full_table=True)
    plan = read_plan(BY_STREAM["deals"], "deals", options)
    assert (plan.method, plan.replication_key) == (ReadMethod.ALL_BY_ID, "")


def test_full_table_replication_of_children_is_a_sweep() -> None:
    """Their rows carry the time they were read all the same."""
    options = ReadOptions(SMART, replication_key=CHILDREN_READ_AT, full_table=True)
    plan = read_plan(BY_STREAM["deal_contacts"], "deal_contacts", options)
    assert plan.method is ReadMethod.CHANGED_PARENTS
    assert CHILDREN_READ_AT in plan.groups[0].child_lists([1])[0].constants


def test_a_replication_key_in_the_catalog_does_not_make_parents_say_when_they_changed() -> None:
    options = ReadOptions(SMART, replication_key="id")
    assert read_plan(BY_STREAM["rpa_items"], "rpa_items", options).method is ReadMethod.ALL_PARENTS


def test_the_plan_of_grandchildren_holds_the_plan_of_their_parents() -> None:
    plan = read_plan(BY_STREAM["crm_timeline_bindings"], "crm_timeline_bindings", ReadOptions(SMART))
    (comments,) = plan.parents
    assert comments.plan.method is ReadMethod.ALL_PARENTS
    assert comments.plan.lists == []
    owners = [owner.plan for owner in comments.plan.parents]
    assert {owner.method for owner in owners} == {ReadMethod.ALL_BY_ID}
    assert owners[0].lists[0].endpoint.method == "crm.deal.list"
    assert owners[0].lists[0].params == {"select": ["ID", "DATE_MODIFY"]}


def test_date_bounds_and_sweep_come_from_the_settings() -> None:
    options = ReadOptions(
        SMART,
        replication_key=CHILDREN_READ_AT,
        lookback=timedelta(seconds=300),
        start_date=NOW,
        sweep=timedelta(hours=1),
    )
    plan = read_plan(BY_STREAM["deal_contacts"], "deal_contacts", options)
    assert (plan.bounds.clock, plan.bounds.lookback, plan.bounds.start_date) == (NOW, timedelta(seconds=300), NOW)
    assert plan.sweep == timedelta(hours=1)


@pytest.mark.parametrize(
    ("stream", "column"),
    [
        ("deals", "date_modify"),
        ("deal_contacts", CHILDREN_READ_AT),
        ("crm_timeline_bindings", None),
        ("crm_statuses", None),
    ],
)
def test_the_column_a_bookmark_names(stream: str, column: str | None) -> None:
    columns = build_columns([Field("ID", "integer"), Field("DATE_MODIFY", "datetime")], types={})
    assert bookmark_column(BY_STREAM[stream], columns) == column


@pytest.mark.parametrize(
    ("methods", "scopes", "preferred"),
    [
        (frozenset({"tasks.task.result.list"}), None, True),
        (frozenset({"tasks.task.result.list"}), frozenset({"crm"}), False),
        (frozenset(), None, False),
    ],
)
def test_rest_v3_is_preferred_where_the_portal_and_the_scopes_offer_it(
    methods: frozenset[str], scopes: frozenset[str] | None, *, preferred: bool
) -> None:
    entity = BY_STREAM["task_results"]
    chosen = prefer_rest_v3(entity, replace(SMART, rest_v3_methods=methods, scopes=scopes))
    assert (chosen is entity.rest_v3) is preferred
    assert (chosen is entity) is not preferred


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
