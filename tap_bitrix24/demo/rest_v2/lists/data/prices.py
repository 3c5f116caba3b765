"""Catalog lists as data: sections, prices and their types, measures, taxes, rounding."""

from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import shop_list
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of

_PRODUCTS, _OFFERS = 23, 24
_BASE, _WHOLESALE, _PARTNER = 1, 2, 9
_TYPES: Final = {_BASE: ("BASE", "Y"), _WHOLESALE: ("Оптовая цена", "N"), _PARTNER: ("Partner price <EUR>", "N")}
_SECTIONS: Final = (
    (41, _PRODUCTS, None, "Оборудование", "equipment"),
    (42, _PRODUCTS, 41, "Сканеры & Printers", "scanners"),
    (43, _PRODUCTS, 41, "Стеллажи", ""),
    (44, _PRODUCTS, 43, 'Shelving 19"', "shelving-19"),
    (47, _PRODUCTS, None, "Services", "services"),
    (48, _PRODUCTS, 47, "Обучение", None),
    (52, _PRODUCTS, None, "Архив", "archive"),
    (60, _OFFERS, None, "Größen", "sizes"),
)
_MEASURES: Final = (
    (1, 6, "Метр", "м", "m", "MTR"),
    (2, 112, "Литр", "л", "l", "LTR"),
    (3, 163, "Грамм", "г", "g", "GRM"),
    (4, 166, "Килограмм", "кг", "kg", "KGM"),
    (5, 796, "Штука", "шт", "pc. 1", "PCE. NMB"),
    (9, 55, "Square metre", "м²", "", None),
)
_VATS: Final = ((1, "Без НДС", None), (2, "НДС 20%", 20), (3, "НДС 10%", 10), (4, "Zero rate", 0), (7, "IVA 22%", 22.5))
_ROUNDING: Final = (
    (1, _BASE, 0, 2, 0.01),
    (2, _BASE, 1000, 1, 1),
    (3, _WHOLESALE, 0, 4, 0.005),
    (5, _PARTNER, 0, 1, 10),
)
_NO_BLOCK: Final = Refusal(200040300010, "Required fields: iblockId")


def _sections(_: Seeds) -> list[Row]:
    """Return the tree of sections; the archive is inactive."""
    return [
        {
            "id": number,
            "iblockId": block,
            "iblockSectionId": parent,
            "name": name,
            "code": code,
            "xmlId": str(number),
            "active": "N" if code == "archive" else "Y",
            "sort": 10 * place,
            "description": ("", None, "<p>Всё для склада</p>")[place % 3],
            "descriptionType": ("text", "html")[place % 3 // 2],
        }
        for place, (number, block, parent, name, code) in enumerate(_SECTIONS)
    ]


def _price_types(_: Seeds) -> list[Row]:
    """Return the price types."""
    return [
        {"id": number, "name": name, "base": base, "sort": 100, "xmlId": name if base == "Y" else None}
        for number, (name, base) in _TYPES.items()
    ]


def _group(draft: RowDraft) -> int:
    """Return the type of a price: the first of a product is the base price."""
    return tuple(_TYPES)[draft.place % len(_TYPES)]


def _bound(column: str) -> Any:
    """Return the value function of a price's quantity bound; most prices have none."""
    low = column == "quantityFrom"

    def value(draft: RowDraft) -> float | None:
        return None if draft.place != 1 else (10 if low else 99.5)

    return value


_TYPE_LISTS: Final = (
    shop_list(
        "catalog.priceType.list",
        "priceType",
        "priceTypes",
        """
        id:integer* name:string! base:string sort:integer xmlId:string timestampX:datetime* createdBy:integer*>users
        modifiedBy:integer*>users dateCreate:datetime*
        """,
        table="price_types",
        rows=_price_types,
        created="dateCreate",
        modified="timestampX",
    ),
    shop_list(
        "catalog.priceTypeGroup.list",
        "priceTypeGroup",
        "priceTypeGroups",
        "id:integer^ catalogGroupId:integer! groupId:integer! access:char!",
        table="price_type_groups",
        rows=lambda _: [
            {"id": 100 + 3 * kind + place, "catalogGroupId": kind, "groupId": group, "access": "YN"[place % 2]}
            for kind in _TYPES
            for place, group in enumerate((1, 2, 23))
        ],
    ),
    shop_list(
        "catalog.priceTypeLang.list",
        "priceTypeLang",
        "priceTypeLangs",
        "id:integer^ catalogGroupId:integer! name:string! lang:string!",
        table="price_type_langs",
        rows=lambda _: [
            {"id": 10 * kind + place, "catalogGroupId": kind, "lang": lang, "name": name}
            for kind in _TYPES
            for place, (lang, name) in enumerate((("ru", "Цена"), ("en", "Price"), ("ar", "سعر"), ("de", "")))
        ],
    ),
    shop_list(
        "catalog.roundingRule.list",
        "roundingRule",
        "roundingRules",
        """
        id:integer* catalogGroupId:integer! price:double! roundType:integer! roundPrecision:double!
        createdBy:integer*>users modifiedBy:integer*>users dateCreate:datetime* dateModify:datetime*
        """,
        table="rounding_rules",
        rows=lambda _: [
            {"id": number, "catalogGroupId": kind, "price": price, "roundType": how, "roundPrecision": to}
            for number, kind, price, how, to in _ROUNDING
        ],
        created="dateCreate",
        modified="dateModify",
    ),
    shop_list(
        "catalog.extra.list",
        "extra",
        "extras",
        "id:integer* name:string! percentage:double!",
        table="price_extras",
        rows=lambda _: [
            {"id": 1, "name": "Наценка 10%", "percentage": 10},
            {"id": 2, "name": "Discount", "percentage": -7.5},
            {"id": 4, "name": "", "percentage": 0},
        ],
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    *_TYPE_LISTS,
    shop_list(
        "catalog.section.list",
        "section",
        "sections",
        """
        id:integer* iblockId:integer! iblockSectionId:integer name:string! xmlId:string code:string sort:integer
        active:char description:string descriptionType:string
        """,
        table="product_sections",
        rows=_sections,
        parents=(ParentParameter(path="filter.iblockId|filter.=iblockId", column="iblockId", missing=_NO_BLOCK),),
    ),
    shop_list(
        "catalog.price.list",
        "price",
        "prices",
        """
        id:integer* productId:integer! catalogGroupId:integer! price:double priceScale:double* currency:string
        quantityFrom:double quantityTo:double extraId:integer timestampX:datetime*
        """,
        table="product_prices",
        owners=(Owner(table="products"),),
        owner_column="productId",
        per=(1, 1, 2, 0, 3),
        modified="timestampX",
        values={
            "catalogGroupId": _group,
            "price": lambda draft: (0, 0.1, 1999.99, 12_345.6789)[draft.bits % 4] + draft.bits // 4 % 900,
            "priceScale": lambda draft: round(draft.row["price"] * 98.5, 4),
            "quantityFrom": _bound("quantityFrom"),
            "quantityTo": _bound("quantityTo"),
            "extraId": one_of(None, None, 1, 2),
        },
    ),
    shop_list(
        "catalog.measure.list",
        "measure",
        "measures",
        """
        id:integer* code:integer! isDefault:char measureTitle:string! symbol:string symbolIntl:string
        symbolLetterIntl:string
        """,
        table="measures",
        rows=lambda _: [
            {
                "id": number,
                "code": code,
                "isDefault": "Y" if symbol == "шт" else "N",
                "measureTitle": title,
                "symbol": symbol,
                "symbolIntl": intl,
                "symbolLetterIntl": letters,
            }
            for number, code, title, symbol, intl, letters in _MEASURES
        ],
    ),
    shop_list(
        "catalog.ratio.list",
        "ratio",
        "ratios",
        "id:integer* productId:integer! ratio:double! isDefault:char",
        table="measure_ratios",
        owners=(Owner(table="products"),),
        owner_column="productId",
        per=(1, 1, 0),
        values={"ratio": one_of(1, 1, 1, 0.5, 12), "isDefault": fixed("Y")},
    ),
    shop_list(
        "catalog.vat.list",
        "vat",
        "vats",
        "id:integer* name:string! active:char rate:double! sort:integer timestampX:datetime",
        table="vat_rates",
        rows=lambda _: [
            {"id": number, "name": name, "rate": rate, "active": "YN"[number == _VATS[-1][0]], "sort": 100 * number}
            for number, name, rate in _VATS
        ],
        modified="timestampX",
    ),
)
