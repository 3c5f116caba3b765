"""Catalog lists as data: stores, stock, and the documents that move it."""

from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.names import COMMENTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2 import values
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import as_is, shop_list
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

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
"""User fields of documents: id, type of document, name, type, label, multiple; rows name them by id."""


def _stores(_: Seeds) -> list[Row]:
    """Return the stores; the last one is inactive and has few columns filled."""
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


def _kind(draft: RowDraft) -> str:
    """Return the type of the document that a row belongs to."""
    return str(draft.tables["store_documents"].row(draft.owner)["docType"])


def _store(kinds: frozenset[str], shift: int) -> Any:
    """Return the value function of the store goods come from or go to, where the type of document has one."""
    return lambda draft: _STORES[(draft.owner + shift) % len(_STORES)] if _kind(draft) in kinds else None


def _user_value(kind: str, make: Any) -> Any:
    """Return the value function of a user field; documents of other types lack the key."""
    return lambda draft: make(draft) if draft.row["documentType"] == kind else values.OMITTED


_DOCUMENTS: Final = (
    shop_list(
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
            "title": lambda draft: _KINDS[draft.row["docType"]].format(draft.number),
            "docNumber": lambda draft: (f"{draft.number}", "", None)[draft.bits % 3],
            "siteId": fixed("s1"),
            "status": one_of("Y", "Y", "N", "C"),
            "statusBy": lambda draft: draft.pick("users") if draft.row["status"] == "Y" else None,
            "dateStatus": lambda draft: draft.modified if draft.row["status"] == "Y" else None,
            "commentary": one_of(*COMMENTS),
            "total": lambda draft: draft.bits % 1_000_000 / 100 if draft.bits % 6 else None,
            "currency": one_of("RUB", "EUR"),
        },
    ),
    shop_list(
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
            "purchasingPrice": lambda draft: None if draft.bits % 5 == 0 else draft.bits % 100_000 / 100,
        },
    ),
    shop_list(
        "catalog.documentcontractor.list",
        "documentContractor",
        "documentContractor",
        "id:integer* documentId:integer! entityTypeId:integer! entityId:integer!",
        table="store_document_contractors",
        owners=(Owner(table="store_documents"),),
        owner_column="documentId",
        per=(1, 0, 0, 2),
        values={
            "entityTypeId": lambda draft: (4, 3)[draft.place],
            "entityId": lambda draft: draft.pick("contacts" if draft.place else "companies"),
        },
    ),
    shop_list(
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
        parents=(
            ParentParameter(path="filter.documentType|filter.=documentType", column="documentType", missing=_NO_TYPE),
        ),
        default_select=("documentId", "documentType"),
        values={
            "documentType": _kind,
            "field7097": _user_value("A", one_of(None, "", "Принято без ячейки", "ok <b>")),
            "field7098": _user_value("A", one_of([], [1.5], [20, 0.25])),
            "field7101": _user_value("S", lambda draft: draft.one_of((None, timestamps.server_iso(draft.created)))),
            "field7103": _user_value("W", lambda draft: draft.pick("users")),
        },
        formats={"any": as_is},
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    shop_list(
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
        formats={"imageId": as_is},
    ),
    shop_list(
        "catalog.storeproduct.list",
        "storeProduct",
        "storeProducts",
        "id:integer* productId:integer! storeId:integer! amount:double quantityReserved:double",
        table="store_products",
        owners=(Owner(table="products"),),
        owner_column="productId",
        per=(1, 0, 2, 3),
        values={
            "storeId": lambda draft: _STORES[draft.place],
            "amount": one_of(0, 3, 12.5, 40_000, None),
            "quantityReserved": one_of(0, 0, 1, 2.25),
        },
    ),
    *_DOCUMENTS,
)
