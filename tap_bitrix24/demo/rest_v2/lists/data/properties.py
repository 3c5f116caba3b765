"""Catalog lists as data: the properties of products, their options, where they are shown; pictures of products."""

from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import shop_list
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, one_of

_PRODUCTS, _OFFERS = 23, 24
_PROPERTIES: Final[tuple[tuple[int, int, str, str, dict[str, Any]], ...]] = (
    (97, _OFFERS, "Элемент каталога", "E:SKU", {"linkIblockId": _PRODUCTS, "code": "CML2_LINK"}),
    (258, _PRODUCTS, "Артикул", "S", {"isRequired": "Y", "searchable": "Y"}),
    (259, _PRODUCTS, "Метки", "S", {"multiple": "Y", "hint": "через <Enter>"}),
    (260, _PRODUCTS, "Бренд (старый)", "L", {"active": "N", "listType": "C"}),
    (261, _OFFERS, "Цвет", "S", {"defaultValue": "белый"}),
    (262, _OFFERS, "Размеры", "S", {"multiple": "Y", "multipleCnt": 5, "withDescription": "Y"}),
    (270, _PRODUCTS, "Gewicht brutto", "N", {"active": "N", "defaultValue": "0.5"}),
    (271, _PRODUCTS, "Photos", "F", {"active": "N", "multiple": "Y", "fileType": "jpg, gif, png"}),
    (275, _PRODUCTS, "Описание (HTML)", "S:HTML", {"active": "N", "userTypeSettings": {"height": 200}}),
    (276, _PRODUCTS, "Гарантия до", "S:Date", {"active": "N", "userTypeSettings": []}),
)
_OPTIONS: Final = (
    (430, "Nordwind & Co", "nord", "Y"),
    (431, "Заря", "zarya", "N"),
    (433, 'Helios "Pro"', "1", "N"),
    (440, "—", "", "N"),
)
_BRAND: Final = 260
_FEATURES: Final = (("iblock", "DETAIL_PAGE_SHOW"), ("iblock", "LIST_PAGE_SHOW"), ("catalog", "IN_BASKET"))
_NO_PRODUCT: Final = Refusal("100", "Could not find value for parameter {productId}")


def _properties(_: Seeds) -> list[Row]:
    """Return the properties; those that no product shows are inactive."""
    plain = dict.fromkeys(("multiple", "withDescription", "searchable", "filtrable", "isRequired"), "N")
    return [
        {
            **plain,
            "id": number,
            "iblockId": block,
            "name": name,
            "active": "Y",
            "sort": 500,
            "code": None,
            "defaultValue": None if number % 2 else "",
            "propertyType": kind.partition(":")[0],
            "userType": kind.partition(":")[2] or None,
            "rowCount": 1,
            "colCount": 30,
            "listType": "L",
            "xmlId": None,
            "fileType": "",
            "multipleCnt": None,
            "linkIblockId": None,
            "hint": "",
            "userTypeSettings": None,
            **more,
        }
        for number, block, name, kind, more in _PROPERTIES
    ]


def _picture(draft: RowDraft) -> str:
    """Return the link to a picture; it holds the caller's token."""
    return f"/rest/catalog.product.download?auth=5d1c{draft.number:04x}&token=catalog%7CaWQ9{draft.number}%7Cq2w3"


ENTRIES: Final[tuple[Entry, ...]] = (
    shop_list(
        "catalog.productProperty.list",
        "productProperty",
        "productProperties",
        """
        id:integer* timestampX:datetime* iblockId:integer!^ name:string! active:char sort:integer code:string
        defaultValue:text propertyType:string! userType:string rowCount:integer colCount:integer listType:char
        multiple:char xmlId:string fileType:string multipleCnt:integer linkIblockId:integer withDescription:char
        searchable:char filtrable:char isRequired:char hint:string userTypeSettings:object
        """,
        table="product_properties",
        rows=_properties,
        modified="timestampX",
    ),
    shop_list(
        "catalog.productPropertyEnum.list",
        "productPropertyEnum",
        "productPropertyEnums",
        "id:integer* propertyId:integer! value:string! xmlId:string! def:char sort:integer",
        table="product_property_enums",
        rows=lambda _: [
            {"id": number, "propertyId": _BRAND, "value": value, "xmlId": code, "def": default, "sort": 500}
            for number, value, code, default in _OPTIONS
        ],
    ),
    shop_list(
        "catalog.productPropertyFeature.list",
        "productPropertyFeature",
        "productPropertyFeatures",
        "id:integer* propertyId:integer! moduleId:string! featureId:string! isEnabled:char!",
        table="product_property_features",
        rows=lambda _: [
            {
                "id": 3 * place + offset,
                "propertyId": one[0],
                "moduleId": module,
                "featureId": feature,
                "isEnabled": "YN"[(place + offset) % 2],
            }
            for place, one in enumerate(_PROPERTIES, 30)
            for offset, (module, feature) in enumerate(_FEATURES)
        ],
    ),
    shop_list(
        "catalog.productPropertySection.list",
        "productPropertySection",
        "productPropertySections",
        """
        iblockId:integer* propertyId:integer!^ sectionId:integer smartFilter:char displayType:char displayExpanded:char
        filterHint:string
        """,
        table="product_property_sections",
        key="",
        fields="",
        rows=lambda _: [
            {
                "iblockId": one[1],
                "propertyId": one[0],
                "sectionId": section,
                "smartFilter": "YN"[place % 2],
                "displayType": ("F", "", None)[place % 3],
                "displayExpanded": "N",
                "filterHint": "" if section else "Подсказка & hint",
            }
            for place, one in enumerate(_PROPERTIES)
            for section in (0, 41)[: 1 + place % 2]
        ],
    ),
    Entry(
        method="catalog.productImage.list",
        table="product_images",
        scope="catalog",
        wrapper="productImages",
        key="id",
        columns="""
            id:integer* name:string productId:integer!^ type:string createTime:datetime* downloadUrl:string*
            detailUrl:string*
        """,
        owners=(Owner(table="products"),),
        owner_column="productId",
        per=(0, 1, 0, 2),
        created="createTime",
        values={
            "name": one_of("фото.png", "photo 1.jpeg", "a&b.gif"),
            "type": lambda draft: ("DETAIL_PICTURE", "MORE_PHOTO")[draft.place % 2],
            "downloadUrl": _picture,
            "detailUrl": lambda draft: (
                f"https://cdn.example.com/{draft.number}/p.png?signature=c0ffee{draft.number:04x}"
            ),
        },
        parents=(ParentParameter(path="productId", column="productId", missing=_NO_PRODUCT),),
        filters="none",
        order="none",
        paging="unpaged",
        form="typed",
        fields_method="catalog.productImage.getFields",
        fields_shape="entity:productImage",
    ),
)
