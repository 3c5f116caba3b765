"""CRM lists as data: product rows, contact links, timeline, addresses, order bindings."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company import people, sales
from tap_bitrix24.demo.company.dictionaries import DEAL_TYPE
from tap_bitrix24.demo.company.names import CITIES, PRODUCTS, STREETS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Table, Tables
from tap_bitrix24.demo.rest_v2.lists.data.orders import owner_of
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, one_of
from tap_bitrix24.demo.rest_v2.lists.tables import GroupIndex

_OWNER_INVALID: Final = Refusal("", "The parameter ownerEntityID is invalid or not defined.")
_NOT_FOUND: Final = Refusal("NOT_FOUND", "Not found.")
_LINK_COLUMNS: Final = "CONTACT_ID:integer! SORT:integer ROLE_ID:integer IS_PRIMARY:char"
_LINK_TITLES: Final = {"CONTACT_ID": "Contact", "COMPANY_ID": "Company", "SORT": "Sorting", "IS_PRIMARY": "Primary"}


def _linked(of: Callable[[Seeds, int], list[int]], column: str, table: str) -> dict[str, Callable[[RowDraft], Any]]:
    """Return the value functions of links: the first one is primary, later ones lead to any row of ``table``."""
    return {
        column: lambda draft: draft.pick(table) if draft.later else of(draft.seeds, draft.owner)[draft.place],
        "SORT": lambda draft: 10 + 10 * draft.place,
        "ROLE_ID": fixed(0),
        "IS_PRIMARY": lambda draft: "N" if draft.place or draft.later else "Y",
    }


def _shown_by_owner(owners: str, owner: str, linked: str, field: str) -> Callable[[Tables, Table], None]:
    """Return the function that keeps an owner's list of linked ids equal to its links; its modified time stays."""

    def connect(tables: Tables, links: Table) -> None:
        groups, holder_of = GroupIndex(links, (owner,)), links.columns[owner]
        holders = {number: holder_of(number) for number in links.ids}

        def link_changed(number: int | None) -> None:
            if number is None:
                return
            changed = {holders.pop(number, None)}
            if links.holds(number):
                holders[number] = links.row(number)[owner]
                changed.add(holders[number])
            for holder in changed - {None}:
                if tables[owners].holds(holder):
                    listed = [links.row(link)[linked] for link in groups.ids((holder,))]
                    tables[owners].patch(holder, {field: listed})

        known: set[int | None] = set(tables[owners].ids)

        def owner_changed(number: int | None) -> None:
            if number is None or not tables[owners].holds(number):
                known.discard(number)
            elif number not in known:
                known.add(number)  # a new row has no links, whatever was computed for it
                tables[owners].patch(number, {field: []})

        links.on_change.append(link_changed)
        tables[owners].on_change.append(owner_changed)

    return connect


def _contacts_of(entity: str, owners: str, of: Callable[[Seeds, int], list[int]], unknown: Refusal) -> Entry:
    """Return the list of contacts of one CRM entity."""
    owner = f"{entity.upper()}_ID"
    return Entry(
        method=f"crm.{entity}.contact.items.get",
        table=f"{entity}_contacts",
        key="",
        columns=f"{owner}:integer~ {_LINK_COLUMNS}",
        owners=(Owner(table=owners),),
        owner_column=owner,
        per=lambda seeds, number: len(of(seeds, number)),
        values=_linked(of, "CONTACT_ID", "contacts"),
        on_created=_shown_by_owner(owners, owner, "CONTACT_ID", "CONTACT_IDS"),
        parents=(ParentParameter(path="id|ID", column=owner, missing=_OWNER_INVALID, unknown=unknown, table=owners),),
        paging="unpaged",
        total="absent",
        selects=False,
        filters="none",
        form="typed",
        fields_method=f"crm.{entity}.contact.fields",
        titles=_LINK_TITLES,
        describe=_without_role,
    )


def _without_role(_: ListRequest, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the field list of links as documented: rows have a role, the field list does not."""
    return {name: one for name, one in shown.items() if name != "ROLE_ID"}


def _client_side(entity: str, request: str, shown: str) -> dict[str, Any]:
    """Return the facts of the list of a contact's companies, or of a company's contacts."""
    return {
        "method": f"crm.{entity}.items.get",
        "table": "contact_companies",
        "key": "",
        "parents": (ParentParameter(path="id|ID", column=request, missing=_OWNER_INVALID),),
        "visible_names": (shown, "SORT", "ROLE_ID", "IS_PRIMARY"),
        "paging": "unpaged",
        "total": "absent",
        "selects": False,
        "filters": "none",
        "form": "typed",
        "fields_method": f"crm.{entity}.fields",
        "titles": _LINK_TITLES,
        "describe": _without_role,
    }


_PRODUCT_OWNERS: Final = {
    "deals": "D",
    "leads": "L",
    "quotes": "Q",
    "smart_invoices": "SI",
    "smart_process_156": "T9c",
    "smart_process_177": "Tb1",
}
_PRODUCT_ROW: Final = """
    id:integer* ownerId:integer!^ ownerType:string!^ productId:integer!>products productName:string price:double
    priceAccount:double* priceExclusive:double* priceNetto:double* priceBrutto:double* quantity:double
    discountTypeId:integer discountRate:double discountSum:double taxRate:double taxIncluded:char customized:char
    measureCode:integer measureName:string sort:integer xmlId:string type:integer* storeId:integer*
"""


def _rows_of_owner(seeds: Seeds, number: int) -> int:
    """Return the number of product rows of an owner: few, rarely more than a page."""
    drawn = seeds.mix(number, 4711)
    return _MORE_THAN_A_PAGE if drawn % 200 == 0 else (0, 1, 2, 3, 1, 0, 1, 1)[drawn % 8]


_MORE_THAN_A_PAGE: Final = 55
_PRICE: Final = {
    name: (lambda draft: float(draft.seeds.mix(draft.number, 5) % 90_000) + 0.5 * (draft.number % 2))
    for name in ("price", "priceAccount", "priceExclusive", "priceNetto", "priceBrutto")
}


def _invoice_with_the_number_of_a_deal(tables: Tables, table: Table) -> None:
    """Add the row of an order that belongs to a deal and to an invoice with the same number."""
    invoices = tables["smart_invoices"]
    shared = next((row for row in map(table.row, table.ids) if invoices.holds(row["ownerId"])), None)
    if shared is not None:
        table.patch(table.insert(table.created[-1]), {**shared, "ownerTypeId": 31})


ENTRIES: Final = (
    Entry(
        method="crm.item.productrow.list",
        table="product_rows",
        wrapper="productRows",
        key="id",
        columns=_PRODUCT_ROW,
        owners=tuple(Owner(table=table, also={"ownerType": code}) for table, code in _PRODUCT_OWNERS.items()),
        owner_column="ownerId",
        per=_rows_of_owner,
        values={
            **_PRICE,
            "productName": one_of(*PRODUCTS),
            "quantity": one_of(1, 2, 3, 10, 0.5),
            "discountTypeId": fixed(2),
            "discountRate": one_of(0, 0, 10),
            "discountSum": fixed(0),
            "taxRate": one_of(20, 10, None),
            "measureCode": fixed(796),
            "measureName": one_of("шт", "pcs"),
            "sort": lambda draft: 10 + 10 * draft.place,
            "type": fixed(4),
            "xmlId": lambda draft: f"sale_basket_{draft.number}",
            "storeId": fixed(None),
        },
        parents=(
            ParentParameter(
                path="filter.=ownerType|filter.ownerType",
                column="ownerType",
                missing=Refusal("ACCESS_DENIED", "ownerType is required", 400),
            ),
            ParentParameter(
                path="filter.=ownerId|filter.ownerId",
                column="ownerId",
                missing=Refusal("ACCESS_DENIED", "ownerId is required", 400),
                many="productrow_owner_arrays",
            ),
        ),
        filters="orm",
        selects=False,
        paging="controller",
        form="typed",
        fields_method="crm.item.productrow.fields",
        fields_shape="fields",
    ),
    _contacts_of("deal", "deals", sales.deal_contacts, _NOT_FOUND),
    _contacts_of("lead", "leads", sales.lead_contacts, _NOT_FOUND),
    _contacts_of("quote", "quotes", sales.quote_contacts, _NOT_FOUND),
    Entry(
        **_client_side("contact.company", "CONTACT_ID", "COMPANY_ID"),
        columns=f"{_LINK_COLUMNS} COMPANY_ID:integer!",
        owners=(Owner(table="contacts"),),
        owner_column="CONTACT_ID",
        per=lambda seeds, number: len(people.contact_companies(seeds, number)),
        values=_linked(people.contact_companies, "COMPANY_ID", "companies"),
        on_created=_shown_by_owner("contacts", "CONTACT_ID", "COMPANY_ID", "COMPANY_IDS"),
    ),
    Entry(**_client_side("company.contact", "COMPANY_ID", "CONTACT_ID")),
    Entry(
        method="crm.timeline.comment.list",
        table="timeline_comments",
        columns="""
            ID:integer* CREATED:datetime* ENTITY_ID:integer!^ ENTITY_TYPE:string!^ AUTHOR_ID:integer>users
            COMMENT:string FILES:attached_diskfile[]
        """,
        owners=tuple(
            Owner(table=table, also={"ENTITY_TYPE": kind})
            for table, kind in (("deals", "deal"), ("leads", "lead"), ("contacts", "contact"), ("companies", "company"))
        ),
        owner_column="ENTITY_ID",
        per=(0, 1, 0, 2, 0, 0, 3),
        created="CREATED",
        values={"FILES": lambda draft: _files(draft) if draft.bits % 5 == 0 else []},
        parents=(
            ParentParameter(
                path="filter.ENTITY_ID", column="ENTITY_ID", missing=Refusal("", "ENTITY_ID is not defined or invalid.")
            ),
            ParentParameter(
                path="filter.ENTITY_TYPE",
                column="ENTITY_TYPE",
                missing=Refusal("", "ENTITY_TYPE is not defined or invalid."),
            ),
        ),
        filters="equal",
        fields_method="crm.timeline.comment.fields",
    ),
    Entry(
        method="crm.timeline.logmessage.list",
        table="timeline_log_messages",
        key="id",
        columns="""
            entityTypeId:integer~ entityId:integer~ id:integer* created:datetime* authorId:integer>users title:string
            text:string iconCode:string
        """,
        owners=(Owner(table="deals", also={"entityTypeId": 2}), Owner(table="leads", also={"entityTypeId": 1})),
        owner_column="entityId",
        per=(0, 0, 1, 0, 2, 0, 12, 0),
        created="created",
        values={"iconCode": one_of("info", "call", "sale")},
        parents=(
            ParentParameter(
                path="entityTypeId",
                column="entityTypeId",
                missing=Refusal("100", "Could not find value for parameter {entityTypeId}"),
            ),
            ParentParameter(
                path="entityId",
                column="entityId",
                missing=Refusal("100", "Could not find value for parameter {entityId}"),
            ),
        ),
        filters="none",
        selects=False,
        paging="controller",
        size=10,
        default_order=(("id", True),),
        form="typed",
    ),
    Entry(
        method="crm.address.list",
        table="addresses",
        key="",
        columns="""
            TYPE_ID:integer!^ ENTITY_TYPE_ID:integer!^ ENTITY_ID:integer!^ ADDRESS_1:string ADDRESS_2:string CITY:string
            POSTAL_CODE:string REGION:string PROVINCE:string COUNTRY:string COUNTRY_CODE:string? LOC_ADDR_ID:integer
            ANCHOR_TYPE_ID:integer ANCHOR_ID:integer
        """,
        owners=(Owner(table="requisites", also={"ENTITY_TYPE_ID": 8}),),
        owner_column="ENTITY_ID",
        per=(1, 2, 0, 2),
        values={
            "TYPE_ID": lambda draft: (1, 6)[draft.place % 2],
            "ANCHOR_TYPE_ID": lambda draft: draft.tables["requisites"].columns["ENTITY_TYPE_ID"](draft.owner),
            "ANCHOR_ID": lambda draft: draft.tables["requisites"].columns["ENTITY_ID"](draft.owner),
            "ADDRESS_1": one_of(*STREETS),
            "ADDRESS_2": one_of("", "701", "кв. 12"),
            "CITY": one_of(*CITIES),
            "REGION": one_of("", "Lombardia", "Самарская обл."),
            "PROVINCE": fixed(""),
            "COUNTRY": one_of("Россия", "Italia"),
            "POSTAL_CODE": lambda draft: f"{draft.bits % 900_000 + 100_000}",
            "COUNTRY_CODE": fixed(None),
        },
        total="size",
        fields_method="crm.address.fields",
    ),
    Entry(
        method="crm.orderentity.list",
        table="order_entities",
        wrapper="orderEntity",
        key="",
        columns="orderId:integer!^ ownerId:integer!^ ownerTypeId:integer!^",
        owners=(Owner(table="orders", also={"ownerTypeId": DEAL_TYPE}),),
        owner_column="orderId",
        per=lambda seeds, order: int(owner_of(seeds, order)[0] == DEAL_TYPE),
        values={"ownerId": lambda draft: owner_of(draft.seeds, draft.owner)[1]},
        on_created=_invoice_with_the_number_of_a_deal,
        filters="orm",
        paging="everything",
        form="typed",
        fields_method="crm.orderentity.getFields",
        fields_shape="entity:orderEntity",
    ),
)


def _files(draft: RowDraft) -> dict[str, Any]:
    """Return the attached files of a comment: an object by file id."""
    number = 900 + draft.number
    link = f"https://demo.bitrix24.example/disk/downloadFile/{number}/?&ncc=1&filename=1.gif"
    return {
        str(number): {
            "id": number,
            "date": "2026-03-02T12:00:00-03:00",
            "type": "image",
            "name": "1.gif",
            "size": 43,
            "image": {"width": 1, "height": 1},
            "authorId": 1,
            "authorName": "Анна Weber",
            "urlPreview": link,
            "urlShow": link,
            "urlDownload": link,
        }
    }
