"""What declared lists and their fields methods look like (docs/protocol.md §4.6, §5, §6), and their catalog rules."""

from typing import Any

import pytest

from tests.demo.wire import Wire, ids

COLUMNS = ["id", "iblockId", "name", "type", "property258", "property259", "timestampX"]
BLOCKS = {"product": ("products", 23), "sku": ("units", 23), "offer": ("offers", 24), "service": ("services", 23)}


def method(kind: str, verb: str = "list") -> str:
    return f"catalog.product.{verb}" if kind == "product" else f"catalog.product.{kind}.{verb}"


# Catalog (docs/protocol.md §4.6, §5)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": {"iblockId": 23}},
        {"filter": {"iblockId": 23}, "select": ["id", "name"]},
        {"filter": {">id": 0}, "select": ["id", "iblockId"]},
    ],
)
def test_products_need_their_block_in_filter_and_select(portal: Wire, asked: dict[str, Any]) -> None:
    assert portal.call("catalog.product.list", asked).error == (400, 200040300010)


def test_the_four_lists_split_the_products(portal: Wire) -> None:
    split: list[int] = []
    for kind, (wrapper, block) in BLOCKS.items():
        after = 0
        asked = {"select": COLUMNS, "order": {"id": "ASC"}, "start": -1}
        while rows := portal.result(method(kind), {**asked, "filter": {"iblockId": block, ">id": after}})[wrapper]:
            split += ids(rows, "id")
            after = split[-1]
    assert sorted(split) == ids(portal.truth("products"), "id")
    assert len(split) > 100


def test_properties_are_a_value_a_list_of_values_or_null(portal: Wire) -> None:
    asked = {"select": COLUMNS, "filter": {"iblockId": 23}, "order": {"id": "ASC"}}
    rows = portal.result("catalog.product.list", asked)["products"]
    assert {type(row["property258"]) for row in rows} == {dict, type(None)}
    assert {type(row["property259"]) for row in rows} == {list, type(None)}
    assert all(set(row) == set(COLUMNS) for row in rows)
    assert all(type(row["id"]) is int and row["type"] == 1 for row in rows)


def test_an_unknown_field_in_a_product_filter_is_skipped_and_counted(own: Wire) -> None:
    asked = {"select": COLUMNS, "filter": {"iblockId": 23, "colour": "red"}}
    assert len(own.result("catalog.product.list", asked)["products"]) == 50
    assert own.stats()["dropped_filters"] == {"catalog.product.list:colour": 1}


def test_beyond_their_end_products_start_over_without_next(portal: Wire) -> None:
    asked = {"select": COLUMNS, "filter": {"iblockId": 23}, "order": {"id": "ASC"}}
    first = portal.call("catalog.product.list", asked).body
    beyond = portal.call("catalog.product.list", {**asked, "start": 5000}).body
    assert beyond["result"] == first["result"]
    assert "next" not in beyond


@pytest.mark.parametrize("kind", BLOCKS)
def test_products_are_described_by_block_and_kind(portal: Wire, kind: str) -> None:
    _, block = BLOCKS[kind]
    asked = {"filter": {"iblockId": block, "productType": 1}}
    fields = portal.result(method(kind, "getFieldsByFilter"), asked)[kind]
    properties = {name for name in fields if name.startswith("property")}
    assert properties == ({"property258", "property259"} if block == 23 else {"property261", "property262"})
    assert ("parentId" in fields) is (block == 24)
    multiple = {name for name in properties if fields[name]["isMultiple"]}
    assert multiple < properties
    assert multiple
    assert portal.call(method(kind, "getFieldsByFilter")).error == (400, 200040300010)


def test_catalogs_name_the_block_of_offers(portal: Wire) -> None:
    catalogs = portal.result("catalog.catalog.list", {"order": {"id": "ASC"}})["catalogs"]
    assert [(one["iblockId"], one["productIblockId"]) for one in catalogs] == [(23, None), (24, 23)]
    assert portal.call("catalog.catalog.list", {"filter": {"colour": 1}}).error == (400, 0)
    assert portal.call("catalog.catalog.list", {"order": {"colour": "ASC"}}).error == (400, 0)


# Forms of values and of descriptions (docs/protocol.md §5, §6)


def test_classic_lists_have_text_and_typed_ones_numbers(portal: Wire) -> None:
    comment = portal.truth("timeline_comments")[0]
    assert type(comment["ID"]) is type(comment["ENTITY_ID"]) is str
    row = portal.truth("product_rows")[0]
    assert type(row["id"]) is type(row["ownerId"]) is int
    assert row["taxIncluded"] in {"Y", "N"}
    assert {type(one["price"]) for one in portal.truth("product_rows")} == {int, float}


def test_bi_dates_have_no_zone_ids_are_text_and_flags_real(portal: Wire) -> None:
    source = portal.result("biconnector.source.list")[0]
    assert len(source["dateCreate"]) == 19
    assert source["dateCreate"][10] == " "
    assert source["id"].isdigit()
    assert source["active"] in {True, False}
    wrong = portal.call("biconnector.source.list", {"select": "id"})
    assert wrong.error == (200, "VALIDATION_SELECT_TYPE")


def test_calendar_dates_are_in_the_portal_s_own_format(portal: Wire) -> None:
    event = portal.truth("calendar_events")[0]
    assert len(event["DATE_FROM"]) == 19
    assert event["DATE_FROM"][2] == event["DATE_FROM"][5] == "."
    assert type(event["DT_LENGTH"]) is int


def test_lines_are_a_map_from_id_to_name(portal: Wire) -> None:
    assert portal.result("voximplant.line.get") == {"reg123": "Отдел продаж", "sip7": "Office <Berlin>", "link": ""}


def test_one_object_comes_alone_and_false_where_there_is_none(portal: Wire) -> None:
    template = portal.truth("task_templates")[1]
    assert portal.result("tasks.template.get", {"templateId": template["ID"]}) == template
    assert portal.result("tasks.template.get", {"templateId": 99}) is False
    assert portal.result("tasks.template.fields")["ID"] == {"title": "ID", "type": "integer"}


def test_planned_tasks_are_a_list_of_numbers(portal: Wire) -> None:
    tasks = ids(portal.truth("tasks"), "id")
    planned = portal.result("task.planner.getlist")
    assert set(planned) <= set(tasks)
    assert len(planned) == 4


def test_workgroups_ask_in_upper_case_answer_in_camel_case_and_show_ids_unless_told(portal: Wire) -> None:
    listing = "socialnetwork.api.workgroup.list"
    all_ids = ids(portal.truth("workgroups"), "id")
    assert portal.result(listing)["workgroups"] == [{"id": str(one)} for one in all_ids]
    asked = {"filter": {">ID": all_ids[2]}, "select": ["ID", "NAME", "DATE_UPDATE"], "order": {"ID": "DESC"}}
    rows = portal.result(listing, asked)["workgroups"]
    assert ids(rows, "id") == all_ids[:2:-1]
    assert set(rows[0]) == {"id", "name", "dateUpdate"}


def test_fields_methods_have_the_shape_of_their_family(portal: Wire) -> None:
    rows = portal.result("crm.item.productrow.fields")["fields"]
    assert rows["ownerId"] == {
        "type": "integer",
        "isRequired": True,
        "isReadOnly": False,
        "isImmutable": True,
        "isMultiple": False,
        "isDynamic": False,
        "title": "ownerId",
    }
    assert portal.result("crm.timeline.comment.fields")["FILES"]["isMultiple"] is True
    assert set(portal.result("crm.orderentity.getFields")["orderEntity"]["orderId"]) == {
        "isImmutable",
        "isReadOnly",
        "isRequired",
        "type",
    }
    listed = portal.result("biconnector.source.fields")["fields"]
    assert [one["title"] for one in listed][:3] == ["id", "title", "type"]
    assert {one["type"] for one in listed if one["title"] == "active"} == {"boolean"}


def test_hidden_columns_stand_in_the_truth_only(portal: Wire) -> None:
    link = portal.truth("deal_contacts")[0]
    assert "DEAL_ID" in link
    rows = portal.result("crm.deal.contact.items.get", {"id": link["DEAL_ID"]})
    assert "DEAL_ID" not in rows[0]
    assert {"asked"} == set(portal.truth("task_stages")[0]) - set(
        portal.result("task.stages.get", {"entityId": 0})["5"]
    )
