"""Catalog and shop of the demo company: documented errors, empties and connections (docs/protocol.md §3.1, §5)."""

from collections import Counter
from typing import Any

import pytest

from tests.demo.wire import Wire, ids

PAYMENT = {
    "id", "accountNumber", "paid", "datePaid", "empPaidId", "paySystemId", "sum", "currency", "paySystemName",
}  # fmt: skip


def whole(portal: Wire, method: str, wrapper: str, **asked: Any) -> list[dict[str, Any]]:
    """All rows, page by page behind the last id."""
    rows: list[dict[str, Any]] = []
    conditions = asked.pop("filter", {})
    while True:
        after = rows[-1]["id"] if rows else 0
        params = {**asked, "filter": {**conditions, ">id": after}, "order": {"id": "ASC"}, "start": -1}
        page = portal.result(method, params)[wrapper]
        rows += page
        if len(page) < 50:
            return rows


# Pages of controllers (docs/protocol.md §3.1)


@pytest.mark.parametrize(
    ("method", "wrapper", "table"),
    [
        ("catalog.price.list", "prices", "product_prices"),
        ("catalog.storeproduct.list", "storeProducts", "store_products"),
        ("sale.order.list", "orders", "orders"),
        ("sale.basketitem.list", "basketItems", "order_basket_items"),
    ],
)
def test_pages_by_offset_and_behind_ids_bring_the_same_rows(
    portal: Wire, method: str, wrapper: str, table: str
) -> None:
    first = portal.call(method, {"order": {"id": "ASC"}}).body
    assert (len(first["result"][wrapper]), first["next"], first["total"]) == (50, 50, len(portal.truth(table)))
    last = portal.call(method, {"order": {"id": "ASC"}, "start": first["total"] // 50 * 50}).body
    assert "next" not in last
    by_key = whole(portal, method, wrapper)
    assert by_key[:50] == first["result"][wrapper]
    assert by_key[-1] == last["result"][wrapper][-1]
    assert ids(by_key, "id") == ids(portal.truth(table), "id")


def test_changed_rows_are_found_by_their_stamp(own: Wire) -> None:
    order = own.truth("orders")[7]["id"]
    newest = max(row["dateUpdate"] for row in own.truth("orders"))
    own.mutate(table="orders", set={"id": order, "fields": {"comments": "changed"}})
    rows = own.result("sale.order.list", {"filter": {">dateUpdate": newest}})["orders"]
    assert [(row["id"], row["comments"]) for row in rows] == [(order, "changed")]


@pytest.mark.parametrize("method", ["sale.order.list", "catalog.store.list", "catalog.vat.list"])
def test_unknown_fields_in_filter_or_order_are_refused(portal: Wire, method: str) -> None:
    assert portal.call(method, {"filter": {"COLOUR": 1}}).error == (400, 0)
    assert portal.call(method, {"order": {"COLOUR": "ASC"}}).error == (400, 0)


# What must be asked with


@pytest.mark.parametrize(
    ("method", "asked", "error"),
    [
        ("catalog.section.list", {}, 200040300010),
        ("catalog.productImage.list", {}, "100"),
        ("catalog.userfield.document.list", {"select": ["documentId", "field7097"]}, "0"),
        ("sale.property.getfieldsbytype", {}, "100"),
        ("sale.delivery.extra.service.get", {}, "ERROR_CHECK_FAILURE"),
        ("sale.cashbox.list", {"SELECT": ["BAD_FIELD"]}, ""),
        ("crm.item.payment.list", {"entityTypeId": 2}, "100"),
        ("crm.item.payment.product.list", {"filter": {}}, "100"),
    ],
)
def test_what_is_missing_or_wrong_is_told(portal: Wire, method: str, asked: dict[str, Any], error: Any) -> None:
    assert portal.call(method, asked).error == (400, error)


def test_sections_come_block_by_block_and_lie_in_each_other(portal: Wire) -> None:
    blocks = [whole(portal, "catalog.section.list", "sections", filter={"iblockId": block}) for block in (23, 24)]
    assert [row for block in blocks for row in block] == portal.truth("product_sections")
    numbers = set(ids(blocks[0], "id"))
    assert {row["iblockSectionId"] for row in blocks[0]} - {None} < numbers
    products = {row["iblockSectionId"] for row in portal.truth("products")} - {None}
    assert products <= numbers | set(ids(blocks[1], "id"))


def test_user_fields_of_documents_are_named_by_id_and_differ_by_kind(portal: Wire) -> None:
    select = ["documentId", "documentType", "field7097", "field7101"]
    listing = "catalog.userfield.document.list"
    arrivals = portal.result(listing, {"filter": {"documentType": "A"}, "select": select})["documents"]
    assert {*map(frozenset, arrivals)} == {frozenset(select[:3])}
    found = portal.result(listing, {"filter": {"documentType": "S"}, "select": select})["documents"]
    assert {*map(frozenset, found)} == {frozenset(("documentId", "documentType", "field7101"))}
    bare = portal.result(listing, {"filter": {"documentType": "S"}})["documents"]
    assert set(bare[0]) == {"documentId", "documentType"}
    described = portal.result("userfieldconfig.list", {"moduleId": "catalog"})["fields"]
    assert {f"field{row['id']}" for row in described} == {"field7097", "field7098", "field7101", "field7103"}


# Values (docs/protocol.md §6)


def test_no_tax_and_tax_of_nothing_differ(portal: Wire) -> None:
    rates = {row["name"]: row["rate"] for row in portal.result("catalog.vat.list")["vats"]}
    assert (rates["Без НДС"], rates["Zero rate"], rates["IVA 22%"]) == (None, 0, 22.5)


def test_settings_are_an_empty_list_or_an_object_and_values_of_many_kinds(portal: Wire) -> None:
    properties = portal.result("sale.property.list")["properties"]
    assert {type(row["settings"]) for row in properties} == {list, dict}
    assert {type(row["defaultValue"]) for row in properties} == {str, int, list}
    kinds = {type(row["value"]) for row in portal.truth("order_property_values")}
    assert kinds == {str, list, dict, type(None)}


def test_links_to_files_hold_secrets_for_the_tap_to_cut(portal: Wire) -> None:
    image = portal.truth("product_images")[0]
    shown = portal.call("catalog.productImage.list", {"productId": image["productId"]}).body
    assert shown["total"] == len(shown["result"]["productImages"])
    assert "auth=" in image["downloadUrl"]
    assert "token=" in image["downloadUrl"]
    assert "signature=" in image["detailUrl"]
    files = [row["value"] for row in portal.truth("order_property_values") if isinstance(row["value"], dict)]
    assert all("token=" in one["url"] for one in files)


def test_a_date_without_properties_is_an_empty_object_and_odd_numbers_are_text(portal: Wire) -> None:
    assert portal.result("sale.cashbox.list")[0]["DATE_CREATE"] == {}
    payment = portal.result("sale.payment.list")["payments"][0]
    assert payment["priceCod"] == "0.000000"
    assert isinstance(portal.result("sale.tradeBinding.list")["tradeBindings"][0]["tradingPlatformId"], str)


# Connections


def test_what_was_paid_and_shipped_are_positions_of_the_same_order(portal: Wire) -> None:
    order_of = {row["id"]: row["orderId"] for row in portal.truth("order_basket_items")}
    for table, parents, column in (
        ("order_shipment_items", "order_shipments", "orderDeliveryId"),
        ("order_payment_items", "order_payments", "paymentId"),
    ):
        parent_of = {row["id"]: row["orderId"] for row in portal.truth(parents)}
        rows = portal.truth(table)
        assert rows
        assert all(order_of[row["basketId"]] == parent_of[row[column]] for row in rows)


def test_payments_and_deliveries_of_a_deal_are_those_of_its_orders(portal: Wire) -> None:
    deal_of = {row["orderId"]: row["ownerId"] for row in portal.truth("order_entities")}
    deals = set(ids(portal.truth("deals")))
    assert set(deal_of.values()) <= deals
    paid = [row for row in portal.truth("order_payments") if row["orderId"] in deal_of]
    deal = Counter(deal_of[row["orderId"]] for row in paid).most_common(1)[0][0]
    asked = {"entityTypeId": 2, "entityId": deal}
    wanted = [row["id"] for row in paid if deal_of[row["orderId"]] == deal]
    rows = portal.result("crm.item.payment.list", asked)
    assert ids(rows, "id") == wanted
    assert set(rows[0]) == PAYMENT
    shipped = [row for row in portal.truth("order_shipments") if deal_of.get(row["orderId"]) == deal]
    assert ids(portal.result("crm.item.delivery.list", asked), "id") == [
        row["id"] for row in shipped if row["system"] == "N"
    ]
    products = portal.result("crm.item.payment.product.list", {"paymentId": wanted[0], "filter": {}})
    assert {row["paymentId"] for row in products} <= {wanted[0]}


def test_a_deleted_order_takes_what_belongs_to_it_along(own: Wire) -> None:
    tables = ("order_basket_items", "order_payments", "order_shipments", "order_entities", "order_property_values")
    rows = {table: own.truth(table) for table in tables}
    gone = next(row["orderId"] for row in rows["order_entities"] if row["orderId"] > 10)
    own.mutate(table="orders", delete_ids=[gone])
    for table in tables:
        assert own.truth(table) == [row for row in rows[table] if row["orderId"] != gone]
