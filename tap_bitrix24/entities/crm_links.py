"""Links between items and their clients, and the user fields of each kind of item (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.base import SINGLE_PAGE, Entity, Parent, columns, static_parents, upper
from tap_bitrix24.entities.owners import linked


def _links(stream: str, parents: str, parent: str, child: str) -> Entity:
    """Clients of an item: told by the universal method in bulk, asked one by one where it does not."""
    column = f"{parent}_ID".upper()
    link = f"{child}_ID".upper()
    return Entity(
        stream=stream,
        scope=("crm",),
        endpoint=upper(f"crm.{parent}.{child}.items.get", paging=SINGLE_PAGE, key=link),
        fields_method=f"crm.{parent}.{child}.fields",
        documented_columns=columns(integer=f"{column} {link} SORT ROLE_ID", boolean="IS_PRIMARY"),
        primary_key=(column, link),
        ignorable_errors=frozenset({"not found", "not_found"}),
        selected_by_default=True,
        parents=static_parents(
            Parent(
                stream=parents,
                param="id",
                column=column,
                name=parent,
                embedded_children=linked(column, child),
                select=(f"{child}Id", f"{child}Ids"),
            )
        ),
    )


def _user_fields(entity: str, *, default: bool = True) -> Entity:
    """The user fields of one kind of item, options included."""
    return Entity(
        stream=f"{entity}_userfields",
        scope=("crm",),
        endpoint=upper(f"crm.{entity}.userfield.list", paging=SINGLE_PAGE),
        fields_method="crm.userfield.fields",
        selected_by_default=default,
        documented_columns=columns(
            integer="ID SORT",
            boolean="MULTIPLE MANDATORY SHOW_IN_LIST EDIT_IN_LIST IS_SEARCHABLE",
            string="ENTITY_ID FIELD_NAME USER_TYPE_ID XML_ID SHOW_FILTER EDIT_FORM_LABEL LIST_COLUMN_LABEL "
            "LIST_FILTER_LABEL ERROR_MESSAGE HELP_MESSAGE",
            object_list="LIST",
            json="SETTINGS",
        ),
        type_overrides=USER_FIELD_TYPES,
    )


USER_FIELD_TYPES = {"SHOW_FILTER": "text", "LIST": "object[]", "SETTINGS": "json"}
"""SHOW_FILTER is N, I, E or S; an empty LIST comes as null, a filled one as a list."""

CRM_LINKS: Sequence[Entity] = (
    _links("deal_contacts", "deals", "deal", "contact"),
    _links("lead_contacts", "leads", "lead", "contact"),
    _links("company_contacts", "companies", "company", "contact"),
    _links("contact_companies", "contacts", "contact", "company"),
    _links("quote_contacts", "quotes", "quote", "contact"),
    *(_user_fields(entity) for entity in ("deal", "lead", "contact", "company", "quote", "requisite")),
)
