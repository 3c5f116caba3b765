"""Links between CRM items and their clients, and the user fields of each kind of item (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.entity import Entity, Parent
from tap_bitrix24.entities.known_columns import KnownColumns, known_columns
from tap_bitrix24.entities.parents import contradicts_its_clients, embedded_clients
from tap_bitrix24.entities.presets import Scope, unpaged_list

_COLUMNS = known_columns("crm_links")
crm = Scope(("crm",), _COLUMNS)


def _links(stream: str, parents: str, parent: str, child: str) -> Entity:
    """Clients of an item: the universal method gives them in bulk, the classic one item by item."""
    column, link = f"{parent}_ID".upper(), f"{child}_ID".upper()
    documented = {column: "integer", link: "integer", "SORT": "integer", "ROLE_ID": "integer", "IS_PRIMARY": "boolean"}
    return crm.default_stream(
        stream,
        unpaged_list(f"crm.{parent}.{child}.items.get", key=link, fields=f"crm.{parent}.{child}.fields"),
        primary_key=(column, link),
        columns=KnownColumns(documented=documented),
        parents=Parent(
            parents,
            "id",
            column=column,
            name=parent,
            embedded_children=embedded_clients(column, child),
            contradicts=contradicts_its_clients(child),
            select=(f"{child}Id", f"{child}Ids"),
        ),
    )


def _user_fields(item: str) -> Entity:
    """The user fields of one kind of item, options included."""
    methods = unpaged_list(f"crm.{item}.userfield.list", fields="crm.userfield.fields")
    return crm.default_stream(f"{item}_userfields", methods, columns=_COLUMNS["userfields"])


CRM_LINKS: Sequence[Entity] = (
    _links("deal_contacts", "deals", "deal", "contact"),
    _links("lead_contacts", "leads", "lead", "contact"),
    _links("company_contacts", "companies", "company", "contact"),
    _links("contact_companies", "contacts", "contact", "company"),
    _links("quote_contacts", "quotes", "quote", "contact"),
    *(_user_fields(item) for item in ("deal", "lead", "contact", "company", "quote", "requisite")),
)
