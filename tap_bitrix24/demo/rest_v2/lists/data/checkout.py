"""Shop lists as data: payment systems, delivery services, cashboxes and the handlers behind them."""

from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.data.orders import DELIVERIES, PAY_SYSTEMS
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import unpaged_list
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import fixed, one_of

_NO_DELIVERY: Final = Refusal("ERROR_CHECK_FAILURE", "Required field is not specified: DELIVERY_ID")
_HANDLER: Final = "ID:integer NAME:string CODE:string SORT:integer SETTINGS:object"
_ITEMS: Final = {
    "PRINT_URL": "http://example.com/print.php?a=1&b=2",
    "CONFIG": {"AUTH": {"LABEL": "Авторизация", "ITEMS": {"LOGIN": {"TYPE": "STRING", "REQUIRED": "Y"}}}},
    "SUPPORTS_FFD105": "N",
}
_CASHBOX: Final = """
    ID:integer NAME:string OFD:string EMAIL:string DATE_CREATE:any DATE_LAST_CHECK:any NUMBER_KKM:string KKM_ID:string
    ACTIVE:char SORT:integer USE_OFFLINE:char ENABLED:char
"""


def _pay_systems(_: Seeds) -> list[Row]:
    """Return the payment systems."""
    return [
        {
            "ID": number,
            "NAME": name,
            "PSA_NAME": name,
            "DESCRIPTION": ("", None, "По счёту, <b>3 дня</b>")[place],
            "XML_ID": f"bx_{number:x}5f0",
            "PERSON_TYPE_ID": (None, 3, 4)[place],
            "ACTION_FILE": ("cash", "yandexcheckout", "billde")[place],
            "ACTIVE": "YYN"[place],
            "ENTITY_REGISTRY_TYPE": ("ORDER", "CRM_INVOICE", "ORDER")[place],
            "NEW_WINDOW": "N",
            "ALLOW_EDIT_PAYMENT": "Y",
            "AUTO_CHANGE_1C": "N",
            "CAN_PRINT_CHECK": "YN"[place % 2],
            "ENCODING": ("", None, "utf-8")[place],
            "IS_CASH": cash,
            "PS_MODE": ("", "bank_card", None)[place],
            "SORT": 100 * (place + 1),
            "TARIF": (None, "", [])[place],
        }
        for place, (number, name, cash) in enumerate(PAY_SYSTEMS)
    ]


def _handlers(*names: tuple[str, str]) -> Any:
    """Return the handlers of payment systems; one of them has no settings."""
    return lambda _: [
        {"ID": 3 * place + 1, "NAME": name, "CODE": code, "SORT": 100 * place, "SETTINGS": [] if place else _ITEMS}
        for place, (name, code) in enumerate(names)
    ]


def _known_columns(request: ListRequest) -> None:
    """Refuse to select columns that cashboxes do not have."""
    known = {word.partition(":")[0] for word in _CASHBOX.split()}
    given = request.spelled("select")
    for name in given.values() if isinstance(given, dict) else ():
        if name not in {*known, "*"}:
            raise Refusal("", f"{name} not allowed for select").error()


def _small(method: str, table: str, columns: str, scope: str, **more: Any) -> Entry:
    """Return a list without documented paging: FILTER, ORDER and SELECT in capitals, all rows at once."""
    return Entry(
        method=method,
        table=table,
        columns=columns,
        scope=scope,
        spelling="upper",
        paging="unpaged",
        total="absent",
        **more,
    )


ENTRIES: Final[tuple[Entry, ...]] = (
    _small(
        "sale.paysystem.list",
        "pay_systems",
        """
        ID:integer NAME:string PSA_NAME:string DESCRIPTION:string XML_ID:string PERSON_TYPE_ID:integer
        ACTION_FILE:string ACTIVE:char ENTITY_REGISTRY_TYPE:string NEW_WINDOW:char ALLOW_EDIT_PAYMENT:char
        AUTO_CHANGE_1C:char CAN_PRINT_CHECK:char ENCODING:string IS_CASH:char PS_MODE:string SORT:integer TARIF:any
        """,
        "pay_system",
        rows=_pay_systems,
    ),
    unpaged_list(
        "sale.paysystem.handler.list",
        "pay_system_handlers",
        _HANDLER,
        scope="pay_system",
        rows=_handlers(("Мой банк", "my_bank"), ("Pay & go", "pay_go")),
    ),
    _small(
        "sale.delivery.getlist",
        "delivery_services",
        "ID:integer PARENT_ID:integer NAME:string CURRENCY:string DESCRIPTION:string SORT:integer ACTIVE:char",
        "sale",
        rows=lambda _: [
            {
                "ID": number,
                "PARENT_ID": place // 3 * 3,
                "NAME": name,
                "CURRENCY": ("RUB", "EUR")[place % 2],
                "DESCRIPTION": ("", None, "До двери", "<i>24/7</i>")[place],
                "SORT": 100,
                "ACTIVE": "Y",
            }
            for place, (number, name) in enumerate(DELIVERIES)
        ],
    ),
    unpaged_list(
        "sale.delivery.handler.list",
        "delivery_handlers",
        f"{_HANDLER} DESCRIPTION:string PROFILES:array",
        scope="sale",
        rows=_handlers(("Курьерская служба", "courier"), ("Uber", "uber")),
        values={
            "DESCRIPTION": one_of("", None),
            "PROFILES": lambda draft: [{"NAME": "Такси <город>", "CODE": "CITY"}] if draft.number == 1 else [],
        },
    ),
    unpaged_list(
        "sale.delivery.extra.service.get",
        "delivery_extra_services",
        """
        ID:integer DELIVERY_ID:integer~ TYPE:string NAME:string ACTIVE:char CODE:string SORT:integer DESCRIPTION:string
        PRICE:double ITEMS:any
        """,
        scope="delivery",
        form="typed",
        owners=(Owner(table="delivery_services"),),
        owner_column="DELIVERY_ID",
        per=(3, 1, 2, 0),
        values={
            "TYPE": lambda draft: ("checkbox", "quantity", "enum")[draft.place],
            "NAME": lambda draft: ("Подъём на этаж", "Коробки", "Time slot")[draft.place],
            "CODE": one_of("", None, "door"),
            "DESCRIPTION": one_of("", 'Only "small" parcels'),
            "SORT": fixed(100),
            "PRICE": lambda draft: (99.99, 15, None)[draft.place],
            "ITEMS": lambda draft: (
                [{"ID": 1, "TITLE": "До 12:00", "PRICE": 5.5}] if draft.row["TYPE"] == "enum" else None
            ),
        },
        parents=(ParentParameter(path="DELIVERY_ID", column="DELIVERY_ID", missing=_NO_DELIVERY),),
    ),
    _small(
        "sale.cashbox.list",
        "cashboxes",
        _CASHBOX,
        "cashbox",
        check=_known_columns,
        rows=lambda _: [
            {
                "ID": number,
                "NAME": name,
                "OFD": ofd,
                "EMAIL": "kassa@example.com",
                "DATE_CREATE": {},  # as documented: a PHP object without public properties
                "DATE_LAST_CHECK": None,
                "NUMBER_KKM": "",
                "KKM_ID": None,
                "SORT": 100,
            }
            for number, name, ofd in ((1, "Касса REST", "bx_firstofd"), (3, "Atol & Co", ""))
        ],
    ),
    unpaged_list(
        "sale.cashbox.handler.list",
        "cashbox_handlers",
        _HANDLER,
        scope="cashbox",
        rows=_handlers(("Моя касса", "my_rest_cashbox"), ("Cloud till", "")),
    ),
)
