"""Shop lists as data: the fields of orders and shipments, kinds of payers, statuses, trade platforms."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.data.orders import PERSON_TYPES
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import shop_list
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, numbered, one_of

_PROPERTY: Final = """
    id:integer* personTypeId:integer!^ propsGroupId:integer!^ name:string! type:string!^ code:string active:char
    util:char userProps:char isFiltered:char sort:integer description:string required:char multiple:char xmlId:string
    defaultValue:any settings:object isProfileName:char isPayer:char isEmail:char isPhone:char isZip:char isAddress:char
    isLocation:char isLocation4tax:char inputFieldLocation:string isAddressFrom:char isAddressTo:char
"""
_FLAGS: Final = tuple(
    word.partition(":")[0] for word in _PROPERTY.split() if word.endswith(":char") and not word.startswith("active")
)
_ORDER_PROPERTIES: Final[tuple[tuple[int, str, str, dict[str, Any]], ...]] = (
    (39, "Название компании", "STRING", {"required": "Y", "isPayer": "Y", "code": "COMPANY"}),
    (40, "E-Mail", "STRING", {"isEmail": "Y", "code": "EMAIL", "isFiltered": "Y"}),
    (41, "Телефон <моб.>", "STRING", {"isPhone": "Y", "code": "PHONE", "multiple": "Y", "defaultValue": []}),
    (42, "Количество мест", "NUMBER", {"defaultValue": 1, "settings": {"min": 0, "max": 20, "step": 1}}),
    (43, "Gift wrapping", "Y/N", {"defaultValue": "N"}),
    (45, "Упаковка", "ENUM", {"code": "BOX", "defaultValue": "paper"}),
    (47, "Доверенность", "FILE", {"settings": {"maxsize": "", "accept": "png, pdf"}}),
    (49, "Дата доставки", "DATE", {"settings": {"time": "N"}}),
    (52, "Местоположение", "LOCATION", {"isLocation": "Y", "inputFieldLocation": "8"}),
)
_SHIPMENT_PROPERTIES: Final[tuple[tuple[int, str, str, dict[str, Any]], ...]] = (
    (91, "Этаж", "NUMBER", {"code": "FLOOR", "settings": {"min": 1}}),
    (92, "Address from", "ADDRESS", {"isAddressFrom": "Y", "code": "FROM"}),
    (93, "Адрес доставки", "ADDRESS", {"isAddressTo": "Y", "required": "Y"}),
)
_FILE: Final = 47
_SEVERAL: Final = 41
_STATUSES: Final = (
    ("N", "O", "#BEEDF1", {"ru": ("Принят, ожидается оплата", ""), "de": ("Angenommen", None)}),
    ("P", "O", "#FFF3CA", {"ru": ("Оплачен", "Заказ оплачен & формируется"), "de": ("Bezahlt", "")}),
    ("S", "O", "", {"ru": ("Отправлен", "")}),
    ("F", "O", "#C1F3A5", {"ru": ("Выполнен", ""), "en": ('Done <"ok">', "")}),
    ("D", "O", None, {"ru": ("Отменён", None)}),
    ("DN", "D", "", {"ru": ("Ожидает обработки", ""), "en": ("Awaiting processing", "")}),
    ("DF", "D", "", {"ru": ("Отгружен", "")}),
)
_PLATFORMS: Final = (
    (1, "b24_store", "Интернет-магазин"),
    (2, "smart_invoice", "Smart invoice & co"),
    (18, "landing_18", ""),
)


def _properties(listed: tuple[tuple[int, str, str, dict[str, Any]], ...]) -> Callable[[Seeds], list[Row]]:
    """Return the fields of orders or shipments; empty settings are an empty list."""
    return lambda _: [
        {
            **dict.fromkeys(_FLAGS, "N"),
            "id": number,
            "personTypeId": (3, 4)[place % 2],
            "propsGroupId": (5, 6)[place % 2],
            "active": "Y",
            "name": name,
            "type": kind,
            "code": None,
            "sort": 100 * place,
            "description": ("", None, "Как в паспорте")[place % 3],
            "xmlId": "",
            "defaultValue": "",
            "settings": [],
            "inputFieldLocation": "0",
            **more,
        }
        for place, (number, name, kind, more) in enumerate(listed)
    ]


def _needs_type(request: ListRequest) -> None:
    """Refuse a fields method without a type."""
    if request.at("type") is None:
        raise Refusal("100", "Could not find value for parameter {type}").error()


def _value(draft: RowDraft) -> Any:
    """Return the value of a property: text, several, or a file with a link that holds a token."""
    number = draft.row["orderPropsId"]
    if number == _SEVERAL:
        return ["+7 912 000-00-01", f"+49 30 {draft.bits % 9_000_000}"][: 1 + draft.bits % 2]
    if number != _FILE:
        return draft.one_of(("", "ООО «Заря»", "buyer@example.com", 'Said: "today"', None, "0"))
    link = f"/rest/sale.property.download?auth=77ab{draft.number:04x}&token=sale%7CZmlsZT0{draft.number}"
    return {"id": draft.number + 700, "name": "scan & sign.pdf", "size": "120456", "url": link}


_PROPERTY_LISTS: Final = (
    shop_list(
        "sale.property.list",
        "property",
        "properties",
        _PROPERTY,
        fields="getfieldsbytype",
        fields_check=_needs_type,
        table="order_properties",
        rows=_properties(_ORDER_PROPERTIES),
    ),
    shop_list(
        "sale.shipmentproperty.list",
        "property",
        "properties",
        _PROPERTY,
        fields="getfieldsbytype",
        fields_check=_needs_type,
        table="shipment_properties",
        rows=_properties(_SHIPMENT_PROPERTIES),
    ),
    shop_list(
        "sale.propertyvalue.list",
        "propertyValue",
        "propertyValues",
        """
        id:integer* orderId:integer!^ orderPropsId:integer!^ name:string* code:string* value:any orderPropsXmlId:string*
        """,
        table="order_property_values",
        owners=(Owner(table="orders"),),
        owner_column="orderId",
        per=(2, 3, 0, 9),
        values={
            "orderPropsId": lambda draft: _ORDER_PROPERTIES[(draft.owner + draft.place) % len(_ORDER_PROPERTIES)][0],
            "name": lambda draft: {one[0]: one[1] for one in _ORDER_PROPERTIES}[draft.row["orderPropsId"]],
            "code": one_of(None, "", "EMAIL"),
            "value": _value,
            "orderPropsXmlId": numbered("bx_prop_{}"),
        },
    ),
    shop_list(
        "sale.shipmentpropertyvalue.list",
        "propertyValue",
        "propertyValues",
        """
        id:integer* shipmentId:integer!^ shipmentPropsId:integer!^ name:string* code:string* value:any
        shipmentPropsXmlId:string*
        """,
        fields="getfields",
        table="shipment_property_values",
        owners=(Owner(table="order_shipments"),),
        owner_column="shipmentId",
        per=(0, 1, 0, 3),
        values={
            "shipmentPropsId": lambda draft: _SHIPMENT_PROPERTIES[draft.place][0],
            "name": lambda draft: _SHIPMENT_PROPERTIES[draft.place][1],
            "code": one_of(None, "FLOOR"),
            "value": one_of("7", "", None, "Berlin, Hauptstraße 7|52.5;13.4", ["2", "3"]),
            "shipmentPropsXmlId": one_of("", None),
        },
    ),
    shop_list(
        "sale.propertygroup.list",
        "propertyGroup",
        "propertyGroups",
        "id:integer* name:string! personTypeId:integer! sort:integer",
        table="order_property_groups",
        rows=lambda _: [
            {"id": number, "name": name, "personTypeId": kind, "sort": 100}
            for number, name, kind in ((5, "Данные компании", 3), (6, "Personal data", 4), (18, "", 3))
        ],
    ),
    shop_list(
        "sale.propertyvariant.list",
        "propertyVariant",
        "propertyVariants",
        "id:integer* name:string! value:string! orderPropsId:integer!^ description:string sort:integer",
        table="order_property_variants",
        rows=lambda _: [
            {"id": number, "name": name, "value": value, "orderPropsId": 45, "description": "", "sort": 10 * number}
            for number, name, value in ((1, "Бумага", "paper"), (2, "Wood & film", "wood"), (5, "Без упаковки", ""))
        ],
    ),
    shop_list(
        "sale.propertyRelation.list",
        "propertyRelation",
        "propertyRelations",
        "entityId:integer!^ entityType:string!^ propertyId:integer!^",
        table="order_property_relations",
        key="",
        rows=lambda _: [
            {"entityId": entity, "entityType": kind, "propertyId": number}
            for number in (39, 45, 47)
            for kind, entity in (("P", 6), ("D", 3), ("L", 6))
        ],
    ),
)
_PAYERS_AND_STATUSES: Final = (
    shop_list(
        "sale.persontype.list",
        "personType",
        "personTypes",
        "id:integer* name:string! code:string sort:any active:char xmlId:string",
        table="order_person_types",
        rows=lambda _: [
            {"id": 3, "name": "Компания", "code": "CRM_COMPANY", "sort": "100", "active": "Y", "xmlId": "c"},
            {"id": 4, "name": "Contact", "code": "CRM_CONTACT", "sort": "110", "active": "Y", "xmlId": None},
            {"id": 7, "name": "ИП", "code": "", "sort": "150", "active": "N", "xmlId": ""},
        ],
    ),
    shop_list(
        "sale.businessValuePersonDomain.list",
        "businessValuePersonDomain",
        "businessValuePersonDomains",
        "personTypeId:integer!^ domain:char!^",
        table="order_person_domains",
        key="personTypeId",
        rows=lambda _: [{"personTypeId": kind, "domain": "EI"[place]} for place, kind in enumerate(PERSON_TYPES)],
    ),
    shop_list(
        "sale.status.list",
        "status",
        "statuses",
        "id:string!^ type:char! notify:string color:string sort:integer xmlId:string",
        fields="getfields",
        table="order_statuses",
        rows=lambda _: [
            {"id": code, "type": kind, "notify": "YN"[place % 2], "color": color, "sort": 10 * place, "xmlId": None}
            for place, (code, kind, color, _names) in enumerate(_STATUSES)
        ],
    ),
    shop_list(
        "sale.statusLang.list",
        "statusLang",
        "statusLangs",
        "statusId:string!^ lid:string!^ name:string! description:string",
        table="order_status_langs",
        key="",
        rows=lambda _: [
            {"statusId": code, "lid": lang, "name": name, "description": text}
            for code, _kind, _color, names in _STATUSES
            for lang, (name, text) in names.items()
        ],
    ),
    shop_list(
        "sale.tradePlatform.list",
        "tradePlatform",
        "tradePlatforms",
        """
        id:integer* code:string active:char name:string description:string settings:any
        catalogSectionTabClassName:string class:string xmlId:string
        """,
        table="trade_platforms",
        rows=lambda _: [
            {
                "id": number,
                "code": code,
                "active": "Y",
                "name": name,
                "description": name or None,
                "settings": ("", None, 'a:1:{s:3:"url";s:0:"";}')[place],
                "catalogSectionTabClassName": "",
                "class": "\\Bitrix\\Crm\\Order\\TradingPlatform\\Platform",
                "xmlId": f"bx_{number}",
            }
            for place, (number, code, name) in enumerate(_PLATFORMS)
        ],
    ),
    shop_list(
        "sale.tradeBinding.list",
        "tradeBinding",
        "tradeBindings",
        """
        id:integer* xmlId:string externalOrderId:string!^ orderId:integer!^ tradingPlatformId:any!^
        tradingPlatformXmlId:string params:any
        """,
        table="trade_bindings",
        owners=(Owner(table="orders"),),
        owner_column="orderId",
        per=(1, 0, 1),
        values={
            "externalOrderId": lambda draft: f"EXT-{draft.owner}" if draft.bits % 3 else "",
            "tradingPlatformId": one_of("1", "2", "18"),
            "params": one_of(None, "", 'a:1:{s:6:"siteId";s:2:"s1";}'),
        },
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (*_PROPERTY_LISTS, *_PAYERS_AND_STATUSES)
