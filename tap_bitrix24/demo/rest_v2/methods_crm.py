"""The CRM methods: classic lists, universal items, stage history, dictionaries and their field lists."""

from functools import partial
from typing import Any, Final

from tap_bitrix24.demo.company.fields import Field, classic_description, item_name, universal_description
from tap_bitrix24.demo.company.store import Condition, Order, Table
from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import filters, filters_strict, paging, php
from tap_bitrix24.demo.rest_v2.calls import Answer, Call, Handler, Method, legacy_order, names, paged
from tap_bitrix24.demo.rest_v2.views import MULTIFIELDS, Names, Rows, Selected, classic_select, universal_select

CLASSIC: Final = {
    "lead": "leads",
    "deal": "deals",
    "contact": "contacts",
    "company": "companies",
    "quote": "quotes",
    "activity": "activities",
}
ENTITY_TYPES: Final = {1: "leads", 2: "deals", 3: "contacts", 4: "companies", 7: "quotes", 31: "smart_invoices"}
CATEGORY_FIELD: Final = Field(
    name="CATEGORY_ID", type="crm_category", title="Category", item=item_name("CATEGORY_ID"), immutable=True
)
_JOINED: Final = Field(name="FM", type="crm_multifield", title="Communications", item="fm", multiple=True)
_TYPE_NAMES: Final = {
    1: "LEAD",
    2: "DEAL",
    3: "CONTACT",
    4: "COMPANY",
    7: "QUOTE",
    31: "SMART_INVOICE",
    33: "SHIPMENT_DOCUMENT",
}
_LINKS: Final = ("CONTACT_IDS", "COMPANY_IDS")
_HIDING: Final = ("contacts", "companies")
_FIRST_CATEGORY: Final = Condition("CATEGORY_ID", "=", 0, lambda have: not have)


def _classic_list(name: str) -> Handler:
    """Return the handler of a classic list; it hides contacts and companies of further categories."""

    def handle(call: Call) -> Answer:
        table = call.table(name)
        given = call.given_filter(call.parameter("filter", "FILTER", "Filter", "arFilter"))
        conditions = call.conditions(filters.legacy(table.fields, given))
        if name in _HIDING:
            conditions = [_FIRST_CATEGORY, *conditions]
        order = legacy_order(table, call.parameter("order", "ORDER", "Order", "arOrder"))
        if name == "activities" and not order:
            order = (("START_TIME", False),)
        cap = int(call.portal.switches["count_cap"])
        page = paging.legacy(call.ordered(table, conditions, order), call.start, cap=cap)
        view = call.api.view("classic", name)
        wanted = names(call.parameter("select", "SELECT", "Select", "arSelect"))
        rows = call.rows(view, page, view.selection(wanted, partial(classic_select, table.fields)))
        return paged(rows, rows, page)

    return handle


def _classic_get(name: str) -> Handler:
    """Return the handler of a classic get."""

    def handle(call: Call) -> Answer:
        number = php.intval(call.parameter("id", "ID"))
        if not call.table(name).holds(number):
            raise RestError(code="", text="Not found")
        return Answer(call.api.view("classic", name).row(number))

    return handle


def _classic_fields(name: str) -> Handler:
    """Return the handler of ``crm.<entity>.fields``."""
    return lambda call: Answer(classic_description(call.table(name).fields.values()))


def entity_table(call: Call) -> Table:
    """Return the table of ``entityTypeId``."""
    given = call.parameter("entityTypeId")
    if given is None:
        raise missing(call, "entityTypeId")
    kind = php.intval(given)
    name = ENTITY_TYPES.get(kind, f"smart_process_{kind}")
    if name not in call.portal.company.tables and call.portal.samples is not None and call.portal.company.types:
        # Types of documented answers have no tables; their items are documented, too, and need a field list only.
        name = f"smart_process_{call.portal.company.types[0]['ENTITY_TYPE_ID']}"
    if name not in call.portal.company.tables:
        raise RestError(code="NOT_FOUND", text="Smart process not found")
    return call.table(name)


def missing(call: Call, name: str) -> RestError:
    """Return the error of a missing parameter; its code is a number or text by version."""
    code: Any = 100 if call.portal.switches["error_code"] == "int" else "100"
    return RestError(code=code, text=f"Could not find value for parameter {{{name}}}")


def unknown_field_code(call: Call) -> Any:
    """Return the code of an unknown field: 0, or "0" by version."""
    return 0 if call.portal.switches["error_code"] == "int" else "0"


def universal_fields(table: Table) -> dict[str, Field]:
    """Return the fields of a table in universal methods: contacts and companies have CATEGORY_ID here."""
    return table.fields | {"CATEGORY_ID": CATEGORY_FIELD} if table.name in _HIDING else table.fields


def _item_list(call: Call) -> Answer:
    """Return the answer of ``crm.item.list``: unknown names in filter or order are errors."""
    table = entity_table(call)
    known = universal_fields(table)
    reading = call.portal.switches["item_date_filter"]
    given = call.given_filter(call.spelled("filter"))
    code = unknown_field_code(call)
    conditions = call.conditions(filters_strict.universal(known, given, reading=reading, code=code))
    page = paging.controller(
        call.ordered(table, conditions, _strict_order(call, known)), call.start, outer_start=call.outer_start
    )
    original = str(call.parameter("useOriginalUfNames") or "N").upper() == "Y"
    view = call.api.view("universal_original" if original else "universal", table.name)
    choose = partial(_selected, call.portal.switches, known, original=original)
    rows = call.rows(view, page, view.selection(names(call.spelled("select")), choose))
    return paged({"items": rows}, rows, page)


def _selected(switches: dict[str, str], known: dict[str, Field], wanted: Names, *, original: bool) -> Selected | None:
    """Return the keys to show; with ``item_links`` off, items lack their lists of clients, as on some portals."""
    if switches["item_links"] != "off":
        return universal_select(known, wanted, original=original)
    visible = {name: one for name, one in known.items() if name not in _LINKS}
    return universal_select(visible, wanted, original=original) or universal_select(
        visible, [*visible], original=original
    )


def _strict_order(call: Call, known: dict[str, Field]) -> Order:
    """Return an order; unknown names are errors."""
    given = call.spelled("order")
    by_item = {one.item: one.name for one in known.values()} | {name: name for name in known}
    order = []
    for name, direction in given.items() if isinstance(given, dict) else ():
        if str(name) not in by_item:
            raise RestError(code=unknown_field_code(call), text=f"Unknown field definition `{name}` in order")
        order.append((by_item[str(name)], str(direction).upper() == "DESC"))
    return tuple(order)


def _item_fields(call: Call) -> Answer:
    """Return the answer of ``crm.item.fields``."""
    table = entity_table(call)
    described = universal_description(universal_fields(table).values())
    if "PHONE" in table.fields:
        for name in MULTIFIELDS:
            described["fields"].pop(item_name(name), None)
        described["fields"]["fm"] = _JOINED.described(universal=True)
    return Answer(described)


def _item_get(call: Call) -> Answer:
    """Return the answer of ``crm.item.get``."""
    table, number = entity_table(call), php.intval(call.parameter("id"))
    if not table.holds(number):
        raise RestError(code="NOT_FOUND", text="Element not found")
    return Answer({"item": call.api.view("universal", table.name).row(number)})


def _stage_history(call: Call) -> Answer:
    """Return the answer of ``crm.stagehistory.list``."""
    given = call.parameter("entityTypeId")
    if given is None:
        raise missing(call, "entityTypeId")
    name = f"stage_history_{php.intval(given)}"
    if name not in call.portal.company.tables:
        raise _no_history(php.intval(given))
    table = call.table(name)
    reading = call.portal.switches["item_date_filter"]
    wanted = call.given_filter(call.spelled("filter"))
    conditions = call.conditions(filters_strict.stage_history(table.fields, wanted, reading=reading))
    order = legacy_order(table, call.spelled("order"))
    page = paging.controller(call.ordered(table, conditions, order), call.start, outer_start=call.outer_start)
    selected = [str(one) for one in names(call.spelled("select")) or () if str(one) in {*table.fields, "*"}]
    rows = call.rows(
        call.api.view("history", name),
        page,
        frozenset((*selected, "ID")) if selected and "*" not in selected else None,
    )
    return paged({"items": rows}, rows, page)


def _no_history(kind: int) -> RestError:
    """Return the documented error of a type without stage history; shipments have one of their own."""
    name = _TYPE_NAMES.get(kind, str(kind))
    if name == "SHIPMENT_DOCUMENT":
        return RestError(code=0, text=f"{name} entity is not supported")
    return RestError(code="ENTITY_TYPE_NOT_SUPPORTED", text=f"Entity type `{name}` is not supported")


def _types(call: Call) -> Answer:
    """Return the answer of ``crm.type.list``."""
    table = call.table("types")
    given = call.given_filter(call.spelled("filter"))
    code = unknown_field_code(call)
    conditions = call.conditions(filters_strict.universal(table.fields, given, reading="exact", code=code))
    order = _strict_order(call, table.fields)
    page = paging.controller(call.ordered(table, conditions, order), call.start, outer_start=call.outer_start)
    rows = call.rows(call.api.view("types", "types"), page, None)
    return paged({"types": rows}, rows, page)


def _categories(call: Call) -> Answer:
    """Return the answer of ``crm.category.list``: all pipelines of one entity type."""
    given = call.parameter("entityTypeId")
    if given is None:
        raise missing(call, "entityTypeId")
    kind = php.intval(given)
    table = call.table("categories")
    ids = [number for number in table.ids if table.row(number)["entityTypeId"] == kind]
    if not ids and kind not in _TYPE_NAMES:
        raise RestError(code="NOT_FOUND", text="Smart process not found")
    if not ids:
        raise RestError(code="ENTITY_TYPE_NOT_SUPPORTED", text=f"Entity type `{_TYPE_NAMES[kind]}` is not supported")
    rows = Rows.shown(call.api.view("plain", "categories"), ids, None)
    return Answer({"categories": rows}, total=len(ids), rows=rows)


def _statuses(call: Call) -> Answer:
    """Return the answer of ``crm.status.list``: everything at once, SORT ascending; array filters are refused."""
    table = call.table("statuses")
    given = call.given_filter(call.spelled("filter"))
    for name, value in given.items():
        if isinstance(value, dict) and str(name) in {"ENTITY_ID", "STATUS_ID", "SORT", "SEMANTICS"}:
            raise RestError(code="", text=f"Filter by {name} must not be an array.")
    conditions = call.conditions(filters_strict.equal_only(table.fields, given))
    order = legacy_order(table, call.spelled("order")) or (("SORT", False),)
    ids = call.ordered(table, conditions, order)(0)
    rows = Rows.shown(call.api.view("statuses", "statuses"), ids, None)
    return Answer(rows, total=len(ids), rows=rows)


def _currencies(call: Call) -> Answer:
    """Return the answer of ``crm.currency.list``: everything, whatever the filter says."""
    table = call.table("currencies")
    rows = Rows.shown(call.api.view("currencies", "currencies"), table.ids, None)
    return Answer(rows, total=len(table.ids), rows=rows)


def show_status(row: dict[str, Any]) -> dict[str, Any]:
    """Return a status as answers have it: all values as text."""
    return {name: str(value) if type(value) is int else value for name, value in row.items()}


def show_currency(row: dict[str, Any]) -> dict[str, Any]:
    """Return a currency as answers have it: all values as text, rates with four decimals."""
    shown = show_status({name: value for name, value in row.items() if name != "ID"})
    return shown | {"AMOUNT": f"{row['AMOUNT']:.4f}", "DATE_UPDATE": server_iso(row["DATE_UPDATE"])}


def show_type(row: dict[str, Any]) -> dict[str, Any]:
    """Return a smart process type as answers have it."""
    shown = {item_name(name): row.get(name) for name in row}
    return shown | {"createdTime": server_iso(row["CREATED_TIME"]), "updatedTime": server_iso(row["UPDATED_TIME"])}


def _user_fields(name: str) -> Handler:
    """Return the handler of ``crm.<entity>.userfield.list``: all rows at once."""

    def handle(call: Call) -> Answer:
        listed = [one for one in call.table(name).fields.values() if one.user_field]
        rows = [_user_field_row(place, name, one) for place, one in enumerate(listed)]
        return Answer(rows, total=len(rows))

    return handle


def _user_field_row(place: int, name: str, described: Field) -> dict[str, Any]:
    """Return a user field's settings as answers have them."""
    singular = next(entity for entity, table in CLASSIC.items() if table == name)
    row: dict[str, Any] = {
        "ID": str(500 + 2 * place),
        "ENTITY_ID": f"CRM_{singular.upper()}",
        "FIELD_NAME": described.name,
        "USER_TYPE_ID": described.type,
        "XML_ID": None,
        "SORT": str(100 + 10 * place),
        "MULTIPLE": "Y" if described.multiple else "N",
        "MANDATORY": "N",
        "SHOW_FILTER": "E",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": described.settings or [],
    }
    if described.options:
        row["LIST"] = [
            {"ID": str(number), "SORT": str(10 * index), "VALUE": text, "DEF": "N", "XML_ID": f"x{number}"}
            for index, (number, text) in enumerate(described.options, 1)
        ]
    return row


def _owner_types(call: Call) -> Answer:
    """Return the answer of ``crm.enum.ownertype``."""
    fixed = (
        (1, "Lead", "LEAD", "L"),
        (2, "Deal", "DEAL", "D"),
        (3, "Contact", "CONTACT", "C"),
        (4, "Company", "COMPANY", "CO"),
        (7, "Quote", "QUOTE", "Q"),
        (31, "Invoice", "SMART_INVOICE", "SI"),
    )
    smart = [
        (row["ENTITY_TYPE_ID"], row["TITLE"], f"DYNAMIC_{row['ENTITY_TYPE_ID']}", f"T{row['ENTITY_TYPE_ID']:x}")
        for row in call.portal.company.types
    ]
    keys = ("ID", "NAME", "SYMBOL_CODE", "SYMBOL_CODE_SHORT")
    return Answer([dict(zip(keys, one, strict=True)) for one in (*fixed, *smart)])


def methods() -> list[Method]:
    """Return all CRM methods."""
    found = [Method("crm.enum.ownertype", "crm", _owner_types, typed=False)]
    for entity, table in CLASSIC.items():
        found.append(Method(f"crm.{entity}.list", "crm", _classic_list(table), typed=False))
        found.append(Method(f"crm.{entity}.get", "crm", _classic_get(table), typed=False))
        found.append(Method(f"crm.{entity}.fields", "crm", _classic_fields(table), typed=False))
        if entity != "activity":
            found.append(Method(f"crm.{entity}.userfield.list", "crm", _user_fields(table), typed=False))
    found += [
        Method("crm.item.list", "crm", _item_list),
        Method("crm.item.get", "crm", _item_get),
        Method("crm.item.fields", "crm", _item_fields),
        Method("crm.stagehistory.list", "crm", _stage_history),
        Method("crm.type.list", "crm", _types),
        Method("crm.category.list", "crm", _categories),
        Method("crm.status.list", "crm", _statuses, typed=False),
        Method("crm.currency.list", "crm", _currencies, typed=False),
        Method("crm.status.fields", "crm", _classic_fields("statuses"), typed=False),
        Method("crm.currency.fields", "crm", _classic_fields("currencies"), typed=False),
    ]
    for entity in ("type", "category"):
        table = {"type": "types", "category": "categories"}[entity]
        found.append(Method(f"crm.{entity}.fields", "crm", _described(table)))
    return found


def _described(table: str) -> Handler:
    """Return the fields method of a small universal list."""
    return lambda call: Answer(universal_description(call.table(table).fields.values()))
