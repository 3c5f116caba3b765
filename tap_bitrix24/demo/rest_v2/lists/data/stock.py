"""Catalog lists as data: stores, what lies in them, and the documents that move it."""

from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.names import COMMENTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2 import values
from tap_bitrix24.demo.rest_v2.lists.entry import Ask, Entry, Owner, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import as_is, shop
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw, fixed, numbered, one_of

_STORES: Final = (1, 2, 5, 6)
_KINDS: Final = {
    "A": "Приход №{}",
    "S": "Оприходование {}",
    "M": "Transfer #{}",
    "R": "Возврат {}",
    "D": "Write-off {}",
    "W": "Отгрузка {}",
}
_ARRIVES, _LEAVES = frozenset("ASM"), frozenset("MDW")
_NO_TYPE: Final = Refusal("0", "The documentType field is not specified in the filter parameter")
USER_FIELDS: Final = (
    (7097, "A", "UF_CAT_STORE_DOCUMENT_A_NOTE", "string", "Примечание склада", False),
    (7098, "A", "UF_CAT_STORE_DOCUMENT_A_SIZES", "double", "Maße", True),
    (7101, "S", "UF_CAT_STORE_DOCUMENT_S_DONE", "datetime", "Проверено", False),
    (7103, "W", "UF_CAT_STORE_DOCUMENT_W_WHO", "employee", "Carrier's contact", False),
)
"""User fields of documents: id, kind of document, name, type, label, multiple; rows know them by their ids."""


def _stores(_: Seeds) -> list[Row]:
    """Return the stores; the last one is closed and says hardly anything of itself."""
    full = {"phone": "+7 495 212-85-06", "email": "sklad@example.com", "schedule": "Пн–Пт 9:00–20:00, Sat. from 11:00"}
    places = (("Склад Москва", "ул. Садовая, 5"), ("Lager Berlin", "Hauptstraße 7"), ("", "Via Roma 1, Milano"))
    rows: list[Row] = [
        {
            **full,
            "id": number,
            "title": title,
            "address": address,
            "active": "Y",
            "issuingCenter": "YN"[number % 2],
            "gpsN": (55.7558, 52.52, 0)[place],
            "gpsS": (37.6173, 13.405, 0)[place],
            "imageId": {"id": 30 + number, "url": f"/upload/iblock/6f1/{number}/склад.jpeg"} if place else None,
            "code": f"store_{number}",
            "xmlId": None,
        }
        for place, (number, (title, address)) in enumerate(zip(_STORES, places, strict=False))
    ]
    nothing: Row = dict.fromkeys((*full, "gpsN", "gpsS", "imageId", "code", "xmlId", "userId"))
    closed = {"id": _STORES[-1], "title": "Закрытый склад", "address": "", "active": "N", "description": ""}
    return [*rows, nothing | closed]


def _kind(draw: Draw) -> str:
    """Return the kind of the document that a row belongs to."""
    return str(draw.tables["store_documents"].row(draw.owner)["docType"])


def _store(kinds: frozenset[str], shift: int) -> Any:
    """Return the store that goods come from or go to, where the kind of document has one."""
    return lambda draw: _STORES[(draw.owner + shift) % len(_STORES)] if _kind(draw) in kinds else None


def _user_value(kind: str, make: Any) -> Any:
    """Return a user field's value; documents of other kinds do not have it at all."""
    return lambda draw: make(draw) if draw.row["documentType"] == kind else values.ABSENT


_DOCUMENTS: Final = (
    shop(
        "catalog.document.list",
        "document",
        "documents",
        """
        id:integer* docType:char!^ docNumber:string title:string siteId:char responsibleId:integer!>users
        createdBy:integer^>users modifiedBy:integer>users status:char* statusBy:integer dateStatus:datetime*
        dateCreate:datetime^ dateModify:datetime dateDocument:datetime currency:char!^ commentary:char total:double
        """,
        table="store_documents",
        count=72,
        created="dateCreate",
        modified="dateModify",
        values={
            "docType": one_of(*_KINDS),
            "title": lambda draw: _KINDS[draw.row["docType"]].format(draw.number),
            "docNumber": lambda draw: (f"{draw.number}", "", None)[draw.bits % 3],
            "siteId": fixed("s1"),
            "status": one_of("Y", "Y", "N", "C"),
            "statusBy": lambda draw: draw.pick("users") if draw.row["status"] == "Y" else None,
            "dateStatus": lambda draw: draw.modified if draw.row["status"] == "Y" else None,
            "commentary": one_of(*COMMENTS),
            "total": lambda draw: draw.bits % 1_000_000 / 100 if draw.bits % 6 else None,
            "currency": one_of("RUB", "EUR"),
        },
    ),
    shop(
        "catalog.document.element.list",
        "documentElement",
        "documentElements",
        """
        id:integer* docId:integer!^ elementId:integer!>products storeFrom:integer storeTo:integer amount:double
        purchasingPrice:double
        """,
        table="store_document_elements",
        owners=(Owner(table="store_documents"),),
        owner_column="docId",
        per=(1, 3, 0, 2),
        values={
            "storeFrom": _store(_LEAVES, 0),
            "storeTo": _store(_ARRIVES, 1),
            "amount": one_of(1, 10, 0.25, 1500),
            "purchasingPrice": lambda draw: None if draw.bits % 5 == 0 else draw.bits % 100_000 / 100,
        },
    ),
    shop(
        "catalog.documentcontractor.list",
        "documentContractor",
        "documentContractor",
        "id:integer* documentId:integer! entityTypeId:integer! entityId:integer!",
        table="store_document_contractors",
        owners=(Owner(table="store_documents"),),
        owner_column="documentId",
        per=(1, 0, 0, 2),
        values={
            "entityTypeId": lambda draw: (4, 3)[draw.place],
            "entityId": lambda draw: draw.pick("contacts" if draw.place else "companies"),
        },
    ),
    shop(
        "catalog.userfield.document.list",
        "document",
        "documents",
        """
        documentId:integer* documentType:string* field7097:any field7098:any field7101:any field7103:any
        """,
        table="store_document_userfields",
        key="",
        fields="",
        owners=(Owner(table="store_documents"),),
        owner_column="documentId",
        per=(1,),
        asks=(Ask(at="filter.documentType|filter.=documentType", column="documentType", missing=_NO_TYPE),),
        default_select=("documentId", "documentType"),
        values={
            "documentType": _kind,
            "field7097": _user_value("A", one_of(None, "", "Принято без ячейки", "ok <b>")),
            "field7098": _user_value("A", one_of([], [1.5], [20, 0.25])),
            "field7101": _user_value("S", lambda draw: draw.one_of((None, timestamps.server_iso(draw.created)))),
            "field7103": _user_value("W", lambda draw: draw.pick("users")),
        },
        wire={"any": as_is},
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    shop(
        "catalog.store.list",
        "store",
        "stores",
        """
        id:integer* address:string! title:string active:char description:string gpsN:double gpsS:double imageId:file
        dateModify:datetime dateCreate:datetime userId:integer>users modifiedBy:integer>users phone:string
        schedule:string xmlId:string sort:integer email:string issuingCenter:char code:string
        """,
        table="stores",
        rows=_stores,
        created="dateCreate",
        modified="dateModify",
        values={"description": numbered("Ворота {}, 2-й этаж"), "sort": fixed(100)},
        wire={"imageId": as_is},
    ),
    shop(
        "catalog.storeproduct.list",
        "storeProduct",
        "storeProducts",
        "id:integer* productId:integer! storeId:integer! amount:double quantityReserved:double",
        table="store_products",
        owners=(Owner(table="products"),),
        owner_column="productId",
        per=(1, 0, 2, 3),
        values={
            "storeId": lambda draw: _STORES[draw.place],
            "amount": one_of(0, 3, 12.5, 40_000, None),
            "quantityReserved": one_of(0, 0, 1, 2.25),
        },
    ),
    *_DOCUMENTS,
)
