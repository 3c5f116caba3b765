"""Shop lists as data: orders, what was bought, paid and shipped, and the deals and invoices they belong to."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tap_bitrix24.demo.company.names import COMMENTS, PRODUCTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import child_ids, shop_list
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_DEAL, _INVOICE, _NOBODY = 2, 31, 0
PERSON_TYPES: Final = {3: "CRM_COMPANY", 4: "CRM_CONTACT"}
PAY_SYSTEMS: Final = ((6, "Наличные", "Y"), (7, "Card <online>", "A"), (9, "Банковский перевод", "N"))
DELIVERIES: Final = ((1, "Без доставки"), (3, "Курьер"), (4, "Courier & Co"), (228, "Taxi (cargo)"))
_Values = Mapping[str, Callable[[RowDraft], Any]]


def owner_of(seeds: Seeds, order: int) -> tuple[int, int]:
    """Return type and id of the CRM item an order belongs to: mostly a deal, rarely a smart invoice or none."""
    drawn = seeds.mix(order, 6101)
    if drawn % 8 == 0:
        return _NOBODY, 0
    kind, table = (_INVOICE, "smart_invoices") if drawn % 8 == 1 else (_DEAL, "deals")
    return kind, seeds.pick(table, drawn >> 8)


def _of(table: str) -> Callable[[RowDraft], int]:
    """Return the value function of the order that a row's owner belongs to."""
    return lambda draft: int(draft.tables[table].columns["orderId"](draft.owner))


def _bought(orders: Callable[[RowDraft], int]) -> Callable[[RowDraft], int]:
    """Return the value function of a basket item of the order."""

    def value(draft: RowDraft) -> int:
        found = child_ids(draft, "order_basket_items", "orderId", orders(draft))
        return found[draft.place % len(found)] if found else 0

    return value


def _when(flag: str, value: Callable[[RowDraft], Any], nothing: Any = None) -> Callable[[RowDraft], Any]:
    """Return the value function of a column that is filled only where a flag is set."""
    return lambda draft: value(draft) if draft.row[flag] == "Y" else nothing


def _who(draft: RowDraft) -> int:
    """Return a user."""
    return draft.pick("users")


def _then(draft: RowDraft) -> int:
    """Return a moment between creation and last change."""
    return draft.created + draft.bits % max(draft.modified - draft.created, 1)


def _flag(share: int) -> Callable[[RowDraft], str]:
    """Return the value function of a flag that is Y in one row of ``share``."""
    return lambda draft: "Y" if draft.bits % share == 0 else "N"


def _pay_system(draft: RowDraft) -> tuple[int, str, str]:
    """Return the payment system of a payment."""
    return PAY_SYSTEMS[draft.number % len(PAY_SYSTEMS)]


_OWNED: Final[_Values] = {
    "entityTypeId": lambda draft: owner_of(draft.seeds, draft.owner)[0],
    "entityId": lambda draft: owner_of(draft.seeds, draft.owner)[1],
}
"""The CRM item of a payment or delivery, through its order; the CRM lists them by it."""
_NEW: Final[_Values] = {
    "xmlId": lambda draft: f"bx_{draft.bits:013x}"[:16],
    "id1c": fixed(""),
    "version1c": one_of("", None),
    "updated1c": fixed("N"),
    "marked": _flag(9),
    "reasonMarked": _when("marked", fixed('Не сошлась сумма, "см. чек"'), ""),
    "dateMarked": _when("marked", _then),
    "empMarkedId": _when("marked", _who),
    "comments": one_of(*COMMENTS),
}
_ORDERS: Final = shop_list(
    "sale.order.list",
    "order",
    "orders",
    """
    id:integer* lid:string!^ dateInsert:datetime dateUpdate:datetime* personTypeId:integer!^ personTypeXmlId:string*
    statusId:char empStatusId:integer>users dateStatus:datetime* marked:char dateMarked:datetime* empMarkedId:integer
    reasonMarked:string price:double discountValue:double taxValue:double* userDescription:string additionalInfo:string
    comments:string responsibleId:integer>users recurringId:char lockedBy:char dateLock:datetime* recountFlag:char
    affiliateId:integer updated1c:char orderTopic:string xmlId:string statusXmlId:string* id1c:string version:integer*
    version1c:string externalOrder:char canceled:char dateCanceled:datetime* empCanceledId:integer reasonCanceled:string
    userId:integer^>users currency:string!^ accountNumber:string* payed:char* deducted:char*
    companyId:integer?>companies
    """,
    table="orders",
    share=0.3,
    created="dateInsert",
    modified="dateUpdate",
    values={
        **_NEW,
        "lid": fixed("s1"),
        "personTypeId": one_of(*PERSON_TYPES),
        "personTypeXmlId": lambda draft: PERSON_TYPES[draft.row["personTypeId"]],
        "statusId": one_of("N", "P", "S", "F", "D"),
        "statusXmlId": lambda draft: {"N": "bx_new", "F": "bx_done"}.get(draft.row["statusId"]),
        "price": lambda draft: draft.bits % 9_000_000 / 100,
        "discountValue": one_of(0, 0, 150.5),
        "taxValue": one_of(0, 196.67, None),
        "userDescription": one_of("", "Позвоните за час", "Leave at the door <2nd>", None),
        "additionalInfo": one_of(None, ""),
        "orderTopic": one_of(None, "", "Заказ с сайта"),
        "recurringId": fixed(None),
        "lockedBy": fixed(None),
        "dateLock": fixed(None),
        "affiliateId": fixed(None),
        "recountFlag": fixed("Y"),
        "externalOrder": fixed("N"),
        "version": lambda draft: draft.bits % 9,
        "canceled": _flag(8),
        "dateCanceled": _when("canceled", _then),
        "empCanceledId": _when("canceled", _who),
        "reasonCanceled": _when("canceled", one_of("Нет на складе", "changed mind"), ""),
        "accountNumber": lambda draft: f"{draft.number}" if draft.bits % 3 else f"S-{draft.number:05}/26",
    },
)
_BASKET: Final = shop_list(
    "sale.basketitem.list",
    "basketItem",
    "basketItems",
    """
    id:integer* orderId:integer!^ sort:integer productId:integer!^>products price:double customPrice:char
    currency:string!^ quantity:double! xmlId:string dateInsert:datetime* dateUpdate:datetime* name:string
    basePrice:double discountPrice:double weight:double dimensions:string measureCode:string measureName:string
    canBuy:char vatRate:double vatIncluded:char barcodeMulti:char* type:integer catalogXmlId:string^
    productXmlId:string^
    """,
    table="order_basket_items",
    owners=(Owner(table="orders"),),
    owner_column="orderId",
    per=(1, 2, 3, 1),
    created="dateInsert",
    modified="dateUpdate",
    values={
        "sort": lambda draft: 100 * (draft.place + 1),
        "name": one_of(*PRODUCTS),
        "price": lambda draft: draft.bits % 400_000 / 100,
        "basePrice": lambda draft: draft.row["price"],
        "discountPrice": one_of(0, 0, 12.34),
        "quantity": one_of(1, 2, 0.5, 10),
        "weight": one_of(0, 1200, 0.75),
        "dimensions": one_of(None, "", 'a:3:{s:5:"WIDTH";s:3:"100";s:6:"HEIGHT";N;s:6:"LENGTH";N;}'),
        "measureCode": one_of("796", "006"),
        "measureName": one_of("шт", "m"),
        "vatRate": one_of(None, 0, 0.2, 0.1),
        "type": fixed(None),
        "xmlId": numbered("bx_basket_{}"),
        "catalogXmlId": fixed("FUTURE-1C-CATALOG"),
        "productXmlId": lambda draft: str(draft.row["productId"]),
    },
)
_BASKET_PROPERTIES: Final = shop_list(
    "sale.basketproperties.list",
    "basketProperties",
    "basketProperties",
    "id:integer* basketId:integer!^ name:string! value:string! code:string! sort:integer xmlId:string",
    table="order_basket_properties",
    owners=(Owner(table="order_basket_items"),),
    owner_column="basketId",
    per=(0, 0, 1, 2),
    values={
        "name": lambda draft: ("Цвет", "Size")[draft.place],
        "code": lambda draft: ("COLOR", "SIZE")[draft.place],
        "value": one_of("белый", "", 'XL / 42"', "0"),
        "sort": fixed(100),
    },
)


def _needed(name: str, column: str = "") -> ParentParameter:
    """Return a required parameter of a CRM list."""
    return ParentParameter(
        path=name, column=column or name, missing=Refusal("100", f"Could not find value for parameter {{{name}}}")
    )


def _of_item(method: str, table: str, shows: str, **more: Any) -> Entry:
    """Return the CRM's list of payments or deliveries of one item; their rows are those of the shop."""
    return Entry(
        method=method,
        table=table,
        visible_names=tuple(shows.split()),
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
        **{"parents": (_needed("entityId"), _needed("entityTypeId")), "key": "id", "filters": "none"} | more,
    )


def _needs_filter(request: ListRequest) -> None:
    """Refuse a call without a filter: the parameter is required, and an empty map does not survive a query string."""
    given = request.params.get("filter")
    if given is None:
        raise Refusal("100", "Could not find value for parameter {filter}").error()
    if not isinstance(given, dict):
        text = "Invalid value string to match with parameter {filter}. Should be value of type array."
        raise Refusal("100", text).error()


ENTRIES: Final[tuple[Entry, ...]] = (
    _ORDERS,
    _BASKET,
    _BASKET_PROPERTIES,
    shop_list(
        "sale.payment.list",
        "payment",
        "payments",
        """
        id:integer* orderId:integer!^ entityTypeId:integer~ entityId:integer~ paySystemXmlId:string*
        paySystemIsCash:char* accountNumber:string* paid:char datePaid:datetime empPaidId:integer paySystemId:integer!
        psStatus:char psStatusCode:string psStatusDescription:string psStatusMessage:string psSum:double
        psCurrency:string psResponseDate:datetime payVoucherNum:string payVoucherDate:datetime datePayBefore:datetime
        dateBill:datetime xmlId:string sum:double currency:string* paySystemName:string* companyId:integer
        payReturnNum:string priceCod:double payReturnDate:datetime empReturnId:integer payReturnComment:string
        responsibleId:integer>users empResponsibleId:integer>users dateResponsibleId:datetime* isReturn:char
        comments:string updated1c:char id1c:string version1c:string externalPayment:char psInvoiceId:string marked:char
        reasonMarked:string dateMarked:datetime* empMarkedId:integer
        """,
        fields="getfields",
        table="order_payments",
        owners=(Owner(table="orders"),),
        owner_column="orderId",
        per=(1, 1, 0, 2),
        created="dateBill",
        values={
            **_OWNED,
            **_NEW,
            "accountNumber": lambda draft: f"{draft.owner}/{draft.place + 1}",
            "paySystemId": lambda draft: _pay_system(draft)[0],
            "paySystemName": lambda draft: _pay_system(draft)[1],
            "paySystemIsCash": lambda draft: _pay_system(draft)[2],
            "paid": _flag(2),
            "datePaid": _when("paid", _then),
            "empPaidId": _when("paid", _who),
            "dateBill": lambda draft: draft.created,
            "sum": lambda draft: draft.bits % 5_000_000 / 100,
            "priceCod": fixed("0.000000"),
            **dict.fromkeys(("psSum", "psInvoiceId", "companyId", "empReturnId"), fixed(None)),
            **dict.fromkeys(("psResponseDate", "payReturnDate", "datePayBefore"), fixed(None)),
            **dict.fromkeys(("psStatusCode", "psStatusDescription", "psCurrency", "payReturnNum"), fixed("")),
            **dict.fromkeys(("psStatus", "psStatusMessage", "payReturnComment"), fixed("")),
            "payVoucherNum": one_of("", "17-Ы"),
            "payVoucherDate": lambda draft: draft.created // 86_400 * 86_400 if draft.row["payVoucherNum"] else None,
            "isReturn": fixed("N"),
            "externalPayment": fixed("N"),
        },
        formats={"priceCod": str},
    ),
    shop_list(
        "sale.shipment.list",
        "shipment",
        "shipments",
        """
        id:integer* dateInsert:datetime* orderId:integer!^ entityTypeId:integer~ entityId:integer~ accountNumber:string*
        allowDelivery:char! dateAllowDelivery:datetime empAllowDeliveryId:integer deducted:char! dateDeducted:datetime
        empDeductedId:integer reasonUndoDeducted:string system:char* deliveryId:integer! deliveryName:string*
        deliveryXmlId:string* statusId:char! statusXmlId:string* canceled:char dateCanceled:datetime
        empCanceledId:integer marked:char dateMarked:datetime reasonMarked:string empMarkedId:integer
        deliveryDocDate:datetime deliveryDocNum:string trackingNumber:string trackingDescription:string
        trackingLastCheck:datetime trackingStatus:string currency:string* customPriceDelivery:char
        basePriceDelivery:double priceDelivery:double discountPrice:double comments:string companyId:integer
        responsibleId:integer>users dateResponsibleId:datetime* empResponsibleId:integer>users xmlId:string
        externalDelivery:char id1c:string updated1c:char version1c:string
        """,
        table="order_shipments",
        owners=(Owner(table="orders"),),
        owner_column="orderId",
        per=(2, 1, 2, 3),
        created="dateInsert",
        values={
            **_OWNED,
            **_NEW,
            "accountNumber": lambda draft: f"{draft.owner}/{draft.place + 1}",
            "system": lambda draft: "N" if draft.place else "Y",
            "allowDelivery": _flag(2),
            "dateAllowDelivery": _when("allowDelivery", _then),
            "empAllowDeliveryId": _when("allowDelivery", _who),
            "deducted": _flag(3),
            "dateDeducted": _when("deducted", _then),
            "empDeductedId": _when("deducted", _who),
            "canceled": _flag(11),
            "dateCanceled": _when("canceled", _then),
            "empCanceledId": _when("canceled", _who),
            "reasonUndoDeducted": one_of("", None),
            "deliveryId": lambda draft: DELIVERIES[draft.bits % 3 + 1][0] if draft.place else 1,
            "deliveryName": lambda draft: dict(DELIVERIES)[draft.row["deliveryId"]],
            "statusId": one_of("DN", "DF"),
            "basePriceDelivery": one_of(0, 79.99, 350),
            "priceDelivery": lambda draft: draft.row["basePriceDelivery"],
            "discountPrice": fixed(0),
            "deliveryDocNum": fixed(""),
            "deliveryDocDate": fixed(None),
            "trackingNumber": one_of(None, "", "RA644000001RU"),
            "trackingDescription": one_of(None, "", "В пути <hub 7>"),
            "trackingLastCheck": fixed(None),
            "trackingStatus": fixed(None),
            "companyId": fixed(None),
            "externalDelivery": fixed("N"),
        },
    ),
    shop_list(
        "sale.shipmentitem.list",
        "shipmentItem",
        "shipmentItems",
        """
        id:integer* orderDeliveryId:integer!^ basketId:integer!^ quantity:double! reservedQuantity:double* xmlId:string
        dateInsert:datetime*
        """,
        fields="getfields",
        table="order_shipment_items",
        owners=(Owner(table="order_shipments"),),
        owner_column="orderDeliveryId",
        per=(1, 1, 0, 2),
        created="dateInsert",
        values={"basketId": _bought(_of("order_shipments")), "quantity": one_of(5, 1.5), "reservedQuantity": fixed(0)},
    ),
    shop_list(
        "sale.paymentitembasket.list",
        "paymentItemBasket",
        "paymentItemsBasket",
        """
        id:integer* rowId:integer~>product_rows paymentId:integer!^ basketId:integer!^ quantity:double xmlId:string
        dateInsert:datetime*
        """,
        fields="getfields",
        table="order_payment_items",
        owners=(Owner(table="order_payments"),),
        owner_column="paymentId",
        per=(1, 0, 2),
        created="dateInsert",
        values={"basketId": _bought(_of("order_payments")), "quantity": one_of(1, 4, 0.25)},
    ),
    shop_list(
        "sale.paymentitemshipment.list",
        "paymentItemShipment",
        "paymentItemsShipment",
        """
        id:integer* shipmentId:integer!^ deliveryId:integer~ quantity:double~ paymentId:integer!^ xmlId:string
        dateInsert:datetime*
        """,
        fields="getfields",
        table="order_payment_shipments",
        owners=(Owner(table="order_payments"),),
        owner_column="paymentId",
        per=(0, 1, 1),
        created="dateInsert",
        values={
            "shipmentId": lambda draft: child_ids(draft, "order_shipments", "orderId", _of("order_payments")(draft))[
                -1
            ],
            "deliveryId": lambda draft: draft.row.get("shipmentId"),
            "quantity": fixed(1),
        },
    ),
    _of_item(
        "crm.item.payment.list",
        "order_payments",
        "id accountNumber paid datePaid empPaidId paySystemId sum currency paySystemName",
    ),
    _of_item(
        "crm.item.delivery.list",
        "order_shipments",
        "id accountNumber deducted dateDeducted deliveryId priceDelivery currency deliveryName",
        only={"system": ("N",)},
    ),
    _of_item(
        "crm.item.payment.product.list",
        "order_payment_items",
        "id paymentId quantity rowId",
        parents=(_needed("paymentId"),),
        filters="orm",
        check=_needs_filter,
    ),
    _of_item(
        "crm.item.payment.delivery.list",
        "order_payment_shipments",
        "id paymentId quantity deliveryId",
        parents=(_needed("paymentId"),),
        filters="orm",
        check=_needs_filter,
    ),
)
