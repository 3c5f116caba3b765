"""What rows and refusals have that a client does not expect, as the vendor documents it."""

from typing import Any

import pytest

from tests.demo.wire import Wire

PAYMENT_LISTS = ("crm.item.payment.product.list", "crm.item.payment.delivery.list")


@pytest.mark.parametrize(
    ("method", "table"),
    [
        ("crm.requisite.list", "requisites"),
        ("crm.requisite.bankdetail.list", "requisite_bank_details"),
        ("crm.requisite.preset.list", "requisite_presets"),
    ],
)
def test_6_some_rows_were_never_edited(own: Wire, method: str, table: str) -> None:
    """No date filter finds a new row before its first edit."""
    (number,) = own.mutate(table=table, insert=1)["inserted"]
    (row,) = own.result(method, {"filter": {"ID": number}})
    assert (row["DATE_MODIFY"], bool(row["DATE_CREATE"])) == ("", True)
    changed = {"filter": {"ID": number, ">=DATE_MODIFY": "2020-01-01T00:00:00+00:00"}}
    assert own.result(method, changed) == []
    own.control("clock", {"advance": 60})
    own.mutate(table=table, set={"id": number, "fields": {"NAME": "edited"}})
    (row,) = own.result(method, changed)
    assert row["DATE_MODIFY"]
    assert {bool(one["DATE_MODIFY"]) for one in own.truth("requisites")} == {True, False}


@pytest.mark.parametrize("method", PAYMENT_LISTS)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "100"),
        ("&filter=", "100"),
        ("&filter%5B%5D=", 0),
        ("&filter%5B%3Eid%5D=0", None),
    ],
)
def test_a_filter_must_be_given_in_a_form_that_survives_a_query(own: Wire, method: str, query: str, code: Any) -> None:
    body = own.get(method, f"paymentId={own.truth('order_payments')[0]['id']}{query}").body
    assert body.get("error") == code
    assert code is not None or isinstance(body["result"], list)


@pytest.mark.parametrize("method", PAYMENT_LISTS)
def test_an_empty_filter_is_a_filter_in_json(own: Wire, method: str) -> None:
    number = own.truth("order_payments")[2]["id"]
    every = own.result(method, {"paymentId": number, "filter": {}})
    assert own.result(method, {"paymentId": number, "filter": {">id": 0}}) == every


def test_an_order_of_a_deal_and_of_an_invoice_with_the_same_number(own: Wire) -> None:
    rows = own.truth("order_entities")
    kinds: dict[tuple[int, int], set[int]] = {}
    for row in rows:
        kinds.setdefault((row["orderId"], row["ownerId"]), set()).add(row["ownerTypeId"])
    assert [kind for kind in kinds.values() if len(kind) > 1] == [{2, 31}]


@pytest.mark.parametrize(
    ("method", "kind", "error"),
    [
        ("crm.stagehistory.list", 3, "ENTITY_TYPE_NOT_SUPPORTED"),
        ("crm.stagehistory.list", 33, 0),
        ("crm.category.list", 1, "ENTITY_TYPE_NOT_SUPPORTED"),
        ("crm.category.list", 999, "NOT_FOUND"),
        ("crm.item.list", 999, "NOT_FOUND"),
    ],
)
def test_types_that_a_list_does_not_support(own: Wire, method: str, kind: int, error: Any) -> None:
    assert own.call(method, {"entityTypeId": kind}).error == (400, error)


def test_purchase_prices_are_described_as_text_and_sent_as_numbers(own: Wire) -> None:
    block = own.truth("products")[0]["iblockId"]
    asked = {"filter": {"iblockId": block, "productType": 1}}
    described = own.result("catalog.product.getFieldsByFilter", asked)["product"]["purchasingPrice"]
    assert described["type"] == "string"
    assert isinstance(own.truth("products")[0]["purchasingPrice"], int | float)
