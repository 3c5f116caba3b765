"""Catalog lists as data: catalogs and the four kinds of products."""

from typing import Any, Final

from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of

_PRODUCTS, _OFFERS = 23, 24
_SIMPLE, _SKU, _OFFER, _SERVICE = 1, 3, 4, 7
_PROPERTIES: Final = {
    "property258": (_PRODUCTS, False, "Артикул"),
    "property259": (_PRODUCTS, True, "Метки"),
    "parentId": (_OFFERS, False, "Catalog Element"),
    "property261": (_OFFERS, False, "Цвет"),
    "property262": (_OFFERS, True, "Размеры"),
}
_PRODUCT: Final = """
    id:integer* iblockId:integer!^ name:string! active:char available:char* code:string xmlId:string bundle:char*
    canBuyZero:char createdBy:integer>users modifiedBy:integer>users dateActiveFrom:datetime? dateActiveTo:datetime?
    dateCreate:datetime timestampX:datetime* iblockSectionId:integer?>product_sections measure:integer
    previewText:string? detailText:string? previewPicture:file detailPicture:file previewTextType:string
    detailTextType:string sort:integer subscribe:char vatId:integer vatIncluded:char height:double?
    length:double? weight:double? width:double? quantityTrace:char type:integer* purchasingCurrency:string
    purchasingPrice:double quantity:double quantityReserved:double property258:productproperty
    property259:productproperty[] parentId:productproperty property261:productproperty
    property262:productproperty[]
"""


_NO_BLOCK: Final = Refusal(200040300010, "Required fields: iblockId")
_NO_COLUMNS: Final = Refusal(200040300010, "Required select fields: id, iblockId")
_NO_KIND: Final = Refusal(200040300010, "Required fields: iblockId, productType")
_CATALOG: Final = {"iblockTypeId": 0, "productIblockId": None, "skuPropertyId": None, "subscription": "N", "vatId": 1}


def _needs_iblock(request: ListRequest) -> None:
    """Refuse a list of products without iblockId in the filter, or without id and iblockId in select."""
    given = request.spelled("filter")
    if not any(str(name).lstrip("=@") == "iblockId" for name in given or ()):
        raise _NO_BLOCK.error()
    select = request.spelled("select")
    if not {"id", "iblockId"} <= (set(select.values()) if isinstance(select, dict) else set()):
        raise _NO_COLUMNS.error()


def _needs_iblock_and_type(request: ListRequest) -> None:
    """Refuse a fields method without iblockId and productType."""
    if request.at("filter.iblockId") is None or request.at("filter.productType") is None:
        raise _NO_KIND.error()


def _described(request: ListRequest, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the field list of products as documented: with names and the properties of the block.

    Purchase prices are described as text, although rows hold numbers.
    """
    block = php.intval(request.at("filter.iblockId"))
    ((kind, fields),) = shown.items()
    made: dict[str, Any] = {}
    for name, one in fields.items():
        if name not in _PROPERTIES:
            made[name] = {**one, "name": name} | ({"type": "string"} if name == "purchasingPrice" else {})
            continue
        iblock, multiple, title = _PROPERTIES[name]
        if iblock == block:
            extra = {"isDynamic": True, "isMultiple": multiple, "propertyType": "S", "userType": ""}
            if name == "parentId":
                extra |= {"propertyType": "E", "userType": "SKU"}
            made[name] = {**one, **extra, "name": title}
    return {kind: made}


def _type(draft: RowDraft) -> int:
    """Return the type of a product; most are simple."""
    return (_SIMPLE, _SIMPLE, _SIMPLE, _SIMPLE, _SKU, _OFFER, _SERVICE)[draft.number % 7]


def _property(name: str) -> Any:
    """Return the value function of a property: one value with its own id, a list of them, or null."""
    _, multiple, _ = _PROPERTIES[name]

    def value(draft: RowDraft) -> Any:
        if draft.row["iblockId"] != _PROPERTIES[name][0] or draft.bits % 4 == 0:
            return None
        first = 2 * draft.number + 9000
        words = ("белый", "red", "XL", "42")
        made = [{"value": words[(draft.bits >> place) % 4], "valueId": str(first + place)} for place in (0, 1)]
        return made[: 1 + draft.bits % 2] if multiple else made[0]

    return value


def _parent(draft: RowDraft) -> Any:
    """Return the product that an offer is a variation of."""
    if draft.row["iblockId"] != _OFFERS:
        return None
    return {"value": str(max(draft.number - draft.number % 7, 1)), "valueId": str(draft.number + 20_000)}


def _picture(draft: RowDraft) -> Any:
    """Return a picture of one product in five."""
    if draft.bits % 5:
        return None
    link = f"/rest/catalog.product.download?fields%5BfileId%5D={draft.number}&fields%5BproductId%5D={draft.number}"
    return {"id": str(6000 + draft.number), "downloadUrl": link}


def _products(kind: str, wrapper: str, types: tuple[int, ...], **more: Any) -> Entry:
    """Return one of the four lists that products are split into."""
    prefix = "catalog.product" if kind == "product" else f"catalog.product.{kind}"
    return Entry(
        method=f"{prefix}.list",
        table="products",
        scope="catalog",
        wrapper=wrapper,
        key="id",
        only={"type": types},
        check=_needs_iblock,
        filters="skipping",
        paging="wrapping",
        form="typed",
        fields_method=f"{prefix}.getFieldsByFilter",
        fields_shape=f"entity:{kind}",
        fields_check=_needs_iblock_and_type,
        describe=_described,
        **more,
    )


ENTRIES: Final = (
    Entry(
        method="catalog.catalog.list",
        table="catalogs",
        scope="catalog",
        wrapper="catalogs",
        key="id",
        columns="""
            iblockId:integer!^ iblockTypeId:integer* id:integer* lid:string* name:string* productIblockId:integer
            skuPropertyId:integer subscription:char vatId:integer
        """,
        rows=lambda _: [
            {"id": _PRODUCTS, "iblockId": _PRODUCTS, "name": "Товарный каталог CRM", "lid": "s1", **_CATALOG},
            {
                **_CATALOG,
                "id": _OFFERS,
                "iblockId": _OFFERS,
                "name": "Product Catalog CRM (offers)",
                "lid": "s1",
                "productIblockId": _PRODUCTS,
                "skuPropertyId": 97,
            },
        ],
        filters="orm",
        paging="controller",
        form="typed",
        fields_method="catalog.catalog.getFields",
        fields_shape="entity:catalog",
    ),
    _products(
        "product",
        "products",
        (_SIMPLE,),
        columns=_PRODUCT,
        share=0.5,
        created="dateCreate",
        modified="timestampX",
        values={
            "type": _type,
            "iblockId": lambda draft: _OFFERS if _type(draft) == _OFFER else _PRODUCTS,
            "measure": fixed(5),
            "sort": one_of(100, 500),
            "vatId": one_of(1, 2),
            "previewPicture": _picture,
            "detailPicture": _picture,
            "previewTextType": fixed("text"),
            "detailTextType": one_of("text", "html"),
            "quantity": one_of(0, 10, 2.5),
            "quantityReserved": one_of(0, 1),
            **dict.fromkeys(("canBuyZero", "subscribe", "quantityTrace"), one_of("Y", "N", "D")),  # D: as the shop does
            **{name: _property(name) for name in _PROPERTIES},
            "parentId": _parent,
        },
    ),
    _products("sku", "units", (_SKU,)),
    _products("offer", "offers", (_OFFER,)),
    _products("service", "services", (_SERVICE,)),
)
