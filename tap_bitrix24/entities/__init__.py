"""The table: one row per entity. What is known of a list stands in its row, what of its columns in a data file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tap_bitrix24.entities.catalog import CATALOG
from tap_bitrix24.entities.communication import COMMUNICATION
from tap_bitrix24.entities.content import CONTENT
from tap_bitrix24.entities.crm import CRM, ITEM_REPLICATION_KEY, ITEMS, REPEATED_ITEM_KEYS
from tap_bitrix24.entities.crm_links import CRM_LINKS
from tap_bitrix24.entities.crm_parts import CRM_PARTS
from tap_bitrix24.entities.entity import POSITION, Entity, Parent, StreamTemplate, Universal
from tap_bitrix24.entities.excluded import EXCLUDED, REASONS
from tap_bitrix24.entities.own_streams import CHILD_READS, FIELD_OPTIONS, FIELDS, OWN_STREAMS
from tap_bitrix24.entities.parents import LIST_ELEMENTS, SMART_PROCESS
from tap_bitrix24.entities.people import PEOPLE
from tap_bitrix24.entities.rest_v3 import REST_V3_ENTITIES
from tap_bitrix24.entities.sale import SALE
from tap_bitrix24.entities.vibecode import VIBECODE_BY_STREAM
from tap_bitrix24.entities.work import WORK
from tap_bitrix24.model.endpoint import REST_V2, VIBECODE

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
    "ITEM_REPLICATION_KEY",
    "LISTS",
    "LIST_ELEMENTS",
    "OWN_STREAMS",
    "POSITION",
    "REASONS",
    "REDACTED",
    "REPEATED_ITEM_KEYS",
    "REST_V3_ENTITIES",
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
    {("sip_lines", "password"), ("sip_lines", "incoming_password"), ("telephony_users", "sip_password")}
)
"""(stream, column) whose values never leave the tap: the only data that is left out. Besides these, secrets are removed
from file links: the parameters `auth`, `token` and the like (`values.without_secrets`)."""

ENTITIES: Sequence[Entity] = (
    *CRM,
    *CRM_LINKS,
    *CRM_PARTS,
    *PEOPLE,
    *WORK,
    *CATALOG,
    *SALE,
    *COMMUNICATION,
    *CONTENT,
    *OWN_STREAMS,
)
"""Lists of classic REST; those of REST 3.0 stand in REST_V3_ENTITIES."""
BY_STREAM: Mapping[str, Entity] = {entity.stream: entity for entity in (*ENTITIES, *REST_V3_ENTITIES)}
CATALOGS, LISTS, TYPES = BY_STREAM["catalogs"], BY_STREAM["lists"], BY_STREAM["crm_types"]
CATEGORIES, STATUSES = BY_STREAM["crm_categories"], BY_STREAM["crm_statuses"]
CONTACTS, COMPANIES = BY_STREAM["contacts"], BY_STREAM["companies"]
SMART_PROCESSES = BY_STREAM[SMART_PROCESS]
"""Rows that discovery, plan and data dictionary know."""


_TABLES: Mapping[str, Mapping[str, Entity]] = {
    REST_V2: BY_STREAM,
    VIBECODE: {**VIBECODE_BY_STREAM, **{entity.stream: entity for entity in OWN_STREAMS}},
}


def find_entity(stream: str, dialect: str = REST_V2) -> Entity | None:
    """Return the row a stream belongs to, or None; all streams of smart processes share one, as do universal lists.

    Args:
        stream: The stream's name.
        dialect: VibeCode has a table of its own, all other dialects share that of classic REST.
    """
    table = _TABLES.get(dialect, BY_STREAM)
    templates = (entity for entity in table.values() if entity.template)
    return table.get(stream) or next((row for row in templates if template_number(row, stream) is not None), None)


def template_number(entity: Entity, stream: str) -> int | None:
    """Return the number in the name of a stream made from a template (`smart_process_128`: 128), or None."""
    suffix = stream.removeprefix(entity.stream)
    return int(suffix) if suffix != stream and suffix.isdecimal() else None
