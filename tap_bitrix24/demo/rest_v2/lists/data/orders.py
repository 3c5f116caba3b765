"""Shop lists as data: orders, what was bought, paid and shipped, and the deals and invoices they belong to."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tap_bitrix24.demo.company.names import COMMENTS, PRODUCTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.rest_v2.lists.entry import Ask, Entry, Owner, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import children, shop
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw, fixed, numbered, one_of

_DEAL, _INVOICE, _NOBODY = 2, 31, 0
PERSON_TYPES: Final = {3: "CRM_COMPANY", 4: "CRM_CONTACT"}
PAY_SYSTEMS: Final = ((6, "Наличные", "Y"), (7, "Card <online>", "A"), (9, "Банковский перевод", "N"))
DELIVERIES: Final = ((1, "Без доставки"), (3, "Курьер"), (4, "Courier & Co"), (228, "Taxi (cargo)"))
_Values = Mapping[str, Callable[[Draw], Any]]


def owner_of(seeds: Seeds, order: int) -> tuple[int, int]:
    """Return the type and id of what an order belongs to: three of four a deal, few a smart invoice, some nothing."""
    drawn = seeds.mix(order, 6101)
    if drawn % 8 == 0:
        return _NOBODY, 0
    kind, table = (_INVOICE, "smart_invoices") if drawn % 8 == 1 else (_DEAL, "deals")
    return kind, seeds.pick(table, drawn >> 8)


def _of(table: str) -> Callable[[Draw], int]:
    """Return the row factory of the order that a row's owner belongs to."""
    return lambda draw: int(draw.tables[table].columns["orderId"](draw.owner))


def _bought(orders: Callable[[Draw], int]) -> Callable[[Draw], int]:
    """Return the row factory of a position of an order."""

    def value(draw: Draw) -> int:
        found = children(draw, "order_basket_items", "orderId", orders(draw))
        return found[draw.place % len(found)] if found else 0

    return value


def _when(flag: str, value: Callable[[Draw], Any], nothing: Any = None) -> Callable[[Draw], Any]:
    """Return the row factory of what is told only where a flag is set."""
    return lambda draw: value(draw) if draw.row[flag] == "Y" else nothing


def _who(draw: Draw) -> int:
    """Pick a user."""
    return draw.pick("users")


def _then(draw: Draw) -> int:
    """Return a moment between creation and last change."""
    return draw.created + draw.bits % max(draw.modified - draw.created, 1)


def _flag(share: int) -> Callable[[Draw], str]:
    """Return a flag that is set in one row of so many."""
    return lambda draw: "Y" if draw.bits % share == 0 else "N"


def _pay_system(draw: Draw) -> tuple[int, str, str]:
    """Return how a payment is made."""
    return PAY_SYSTEMS[draw.number % len(PAY_SYSTEMS)]


_OWNED: Final[_Values] = {
    "entityTypeId": lambda draw: owner_of(draw.seeds, draw.owner)[0],
    "entityId": lambda draw: owner_of(draw.seeds, draw.owner)[1],
}
"""What a payment or a delivery belongs to through its order; the CRM asks for them by it."""
_NEW: Final[_Values] = {
    "xmlId": lambda draw: f"bx_{draw.bits:013x}"[:16],
    "id1c": fixed(""),
    "version1c": one_of("", None),
    "updated1c": fixed("N"),
    "marked": _flag(9),
    "reasonMarked": _when("marked", fixed('Не сошлась сумма, "см. чек"'), ""),
    "dateMarked": _when("marked", _then),
    "empMarkedId": _when("marked", _who),
    "comments": one_of(*COMMENTS),
}
_ORDERS: Final = shop(
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
        "personTypeXmlId": lambda draw: PERSON_TYPES[draw.row["personTypeId"]],
        "statusId": one_of("N", "P", "S", "F", "D"),
        "statusXmlId": lambda draw: {"N": "bx_new", "F": "bx_done"}.get(draw.row["statusId"]),
        "price": lambda draw: draw.bits % 9_000_000 / 100,
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
        "version": lambda draw: draw.bits % 9,
        "canceled": _flag(8),
        "dateCanceled": _when("canceled", _then),
        "empCanceledId": _when("canceled", _who),
        "reasonCanceled": _when("canceled", one_of("Нет на складе", "changed mind"), ""),
        "accountNumber": lambda draw: f"{draw.number}" if draw.bits % 3 else f"S-{draw.number:05}/26",
    },
)
_BASKET: Final = shop(
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
        "sort": lambda draw: 100 * (draw.place + 1),
        "name": one_of(*PRODUCTS),
        "price": lambda draw: draw.bits % 400_000 / 100,
        "basePrice": lambda draw: draw.row["price"],
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
        "productXmlId": lambda draw: str(draw.row["productId"]),
    },
)
_BASKET_PROPERTIES: Final = shop(
    "sale.basketproperties.list",
    "basketProperties",
    "basketProperties",
    "id:integer* basketId:integer!^ name:string! value:string! code:string! sort:integer xmlId:string",
    table="order_basket_properties",
    owners=(Owner(table="order_basket_items"),),
    owner_column="basketId",
    per=(0, 0, 1, 2),
    values={
        "name": lambda draw: ("Цвет", "Size")[draw.place],
        "code": lambda draw: ("COLOR", "SIZE")[draw.place],
        "value": one_of("белый", "", 'XL / 42"', "0"),
        "sort": fixed(100),
    },
)


def _needed(name: str, column: str = "") -> Ask:
    """Return a parameter that a list of the CRM cannot do without."""
    return Ask(at=name, column=column or name, missing=Refusal("100", f"Could not find value for parameter {{{name}}}"))


def _of_item(method: str, table: str, shows: str, **more: Any) -> Entry:
    """Declare what the CRM tells of payments or deliveries of one item; their rows are those of the shop."""
    return Entry(
        method=method,
        table=table,
        shows=tuple(shows.split()),
        filters="none",
        selects=False,
        order="none",
        paging="unpaged",
        total="absent",
        form="typed",
        **{"asks": (_needed("entityId"), _needed("entityTypeId")), "key": "id"} | more,
    )


ENTRIES: Final[tuple[Entry, ...]] = (
    _ORDERS,
    _BASKET,
    _BASKET_PROPERTIES,
    shop(
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
            "accountNumber": lambda draw: f"{draw.owner}/{draw.place + 1}",
            "paySystemId": lambda draw: _pay_system(draw)[0],
            "paySystemName": lambda draw: _pay_system(draw)[1],
            "paySystemIsCash": lambda draw: _pay_system(draw)[2],
            "paid": _flag(2),
            "datePaid": _when("paid", _then),
            "empPaidId": _when("paid", _who),
            "dateBill": lambda draw: draw.created,
            "sum": lambda draw: draw.bits % 5_000_000 / 100,
            "priceCod": fixed("0.000000"),
            **dict.fromkeys(("psSum", "psInvoiceId", "companyId", "empReturnId"), fixed(None)),
            **dict.fromkeys(("psResponseDate", "payReturnDate", "datePayBefore"), fixed(None)),
            **dict.fromkeys(("psStatusCode", "psStatusDescription", "psCurrency", "payReturnNum"), fixed("")),
            **dict.fromkeys(("psStatus", "psStatusMessage", "payReturnComment"), fixed("")),
            "payVoucherNum": one_of("", "17-Ы"),
            "payVoucherDate": lambda draw: draw.created // 86_400 * 86_400 if draw.row["payVoucherNum"] else None,
            "isReturn": fixed("N"),
            "externalPayment": fixed("N"),
        },
        wire={"priceCod": str},
    ),
    shop(
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
            "accountNumber": lambda draw: f"{draw.owner}/{draw.place + 1}",
            "system": lambda draw: "N" if draw.place else "Y",
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
            "deliveryId": lambda draw: DELIVERIES[draw.bits % 3 + 1][0] if draw.place else 1,
            "deliveryName": lambda draw: dict(DELIVERIES)[draw.row["deliveryId"]],
            "statusId": one_of("DN", "DF"),
            "basePriceDelivery": one_of(0, 79.99, 350),
            "priceDelivery": lambda draw: draw.row["basePriceDelivery"],
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
    shop(
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
    shop(
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
    shop(
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
            "shipmentId": lambda draw: children(draw, "order_shipments", "orderId", _of("order_payments")(draw))[-1],
            "deliveryId": lambda draw: draw.row.get("shipmentId"),
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
        asks=(_needed("paymentId"),),
    ),
    _of_item(
        "crm.item.payment.delivery.list",
        "order_payment_shipments",
        "id paymentId quantity deliveryId",
        asks=(_needed("paymentId"),),
    ),
)
