"""The table: one typed row per entity. Everything the tap knows of an entity stands in its row, nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tap_bitrix24.entities import vibecode
from tap_bitrix24.entities.base import POSITION, Entity, Parent, StreamTemplate, Universal
from tap_bitrix24.entities.catalog import CATALOG
from tap_bitrix24.entities.content import CONTENT
from tap_bitrix24.entities.crm import (
    CATEGORIES,
    COMPANIES,
    CONTACTS,
    CRM,
    ITEM_ECHOES,
    ITEM_STAMP,
    ITEMS,
    SMART_PROCESSES,
    STATUSES,
    TYPES,
)
from tap_bitrix24.entities.crm_links import CRM_LINKS
from tap_bitrix24.entities.crm_parts import CRM_PARTS
from tap_bitrix24.entities.left_out import EXCLUDED, REASONS
from tap_bitrix24.entities.meta import CHILD_READS, FIELD_OPTIONS, FIELDS, META
from tap_bitrix24.entities.owners import LIST_ELEMENTS, SMART_PROCESS
from tap_bitrix24.entities.people import PEOPLE
from tap_bitrix24.entities.rest_v3 import REST_V3
from tap_bitrix24.entities.sale import SALE
from tap_bitrix24.entities.talk import TALK
from tap_bitrix24.entities.work import WORK
from tap_bitrix24.model.endpoint import REST_2, VIBECODE

__all__ = [
    "BY_STREAM",
    "CATALOGS",
    "CATEGORIES",
    "CHILD_READS",
    "COMPANIES",
    "CONTACTS",
    "ENTITIES",
    "EXCLUDED",
    "FIELDS",
    "FIELD_OPTIONS",
    "ITEMS",
    "ITEM_ECHOES",
    "ITEM_STAMP",
    "LISTS",
    "LIST_ELEMENTS",
    "META",
    "POSITION",
    "REASONS",
    "REDACTED",
    "REST_V3",
    "SMART_PROCESS",
    "SMART_PROCESSES",
    "STATUSES",
    "TYPES",
    "Entity",
    "Parent",
    "StreamTemplate",
    "Universal",
    "find_entity",
    "template_number",
]

REDACTED: frozenset[tuple[str, str]] = frozenset(
    {
        ("sip_lines", "password"),
        ("sip_lines", "incoming_password"),
        ("telephony_users", "sip_password"),
    }
)
"""(stream, column) whose values never leave the tap: the only data that is left out. Besides these, the
parameters `auth`, `token` and the like are cut out of file links (`values.without_secrets`)."""

ENTITIES: Sequence[Entity] = (
    *CRM,
    *CRM_LINKS,
    *CRM_PARTS,
    *PEOPLE,
    *WORK,
    *CATALOG,
    *SALE,
    *TALK,
    *CONTENT,
    *META,
)
"""Lists of classic REST; those of REST 3.0 stand in NEWER."""
BY_STREAM: Mapping[str, Entity] = {entity.stream: entity for entity in (*ENTITIES, *REST_V3)}
CATALOGS = BY_STREAM["catalogs"]
LISTS = BY_STREAM["lists"]


_TABLES: Mapping[str, Mapping[str, Entity]] = {
    REST_2: BY_STREAM,
    VIBECODE: {**vibecode.BY_STREAM, **{each.stream: each for each in META}},
}


def find_entity(stream: str, dialect: str = REST_2) -> Entity | None:
    """The row a stream name belongs to; streams of smart processes and of universal lists share one each.

    Args:
        stream: Its name.
        dialect: Which door's table: VibeCode has one of its own, REST 3.0 shares that of classic REST.
    """
    table = _TABLES.get(dialect, BY_STREAM)
    families = (entity for entity in table.values() if entity.template)
    return table.get(stream) or next((each for each in families if template_number(each, stream) is not None), None)


def template_number(entity: Entity, stream: str) -> int | None:
    """The number in the name of a stream that shares its row with others."""
    suffix = stream.removeprefix(entity.stream)
    return int(suffix) if suffix != stream and suffix.isdecimal() else None
