"""From field descriptions to columns and JSON Schema, and back. Types come from the portal, never from data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.naming import column_name, column_names

UNPARSED = "_bitrix24_unparsed"
"""Column that keeps values that do not fit their own column, as the portal sent them."""

INTEGER, NUMBER, BOOLEAN, STRING, LINK = "integer", "number", "boolean", "string", "link"
DATE, DATETIME, OBJECT, JSON, ANY = "date", "date-time", "object", "json", "any"
PARTS = ("currency", "first", "value", "line", "latitude", "longitude", "location_id")
"""Parts of a field that get columns beside the field's own: `phone` holds all, `phone_first` the first number."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "integer",
            "int",
            "user",
            "employee",
            "enumeration",
            "location",
            "timestamp",
            "resourcebooking",
            "iblock_element",
            "iblock_section",
            "crm_lead",
            "crm_deal",
            "crm_contact",
            "crm_company",
            "crm_quote",
            "crm_category",
            "crm_entity",
            "crm_enum_ownertype",
            "crm_enum_activitytype",
            "crm_enum_activitystatus",
            "crm_enum_activitypriority",
            "crm_enum_activitynotifytype",
            "crm_enum_contenttype",
            "crm_enum_activitydirection",
            "crm_order",
            "mail_message",
            "disk_file",
            "disk_version",
            "webdav_element",
            "hlblock",
            "vote",
            "url_preview",
            "reference",
        ),
        INTEGER,
    ),
    **dict.fromkeys(("double", "float", "money", "number"), NUMBER),
    **dict.fromkeys(("boolean", "bool"), BOOLEAN),
    **dict.fromkeys(
        (
            "string",
            "text",
            "char",
            "url",
            "address",
            "crm",
            "crm_status",
            "crm_currency",
            "string_formatted",
            "rest_app",
            "resource",
            "html",
        ),
        STRING,
    ),
    "link": LINK,
    "date": DATE,
    "datetime": DATETIME,
    **dict.fromkeys(
        (
            "file",
            "diskfile",
            "attached_diskfile",
            "object",
            "crm_multifield",
            "crm_activity_binding",
            "crm_activity_communication",
            "crm_status_extra",
            "recurring_params",
        ),
        OBJECT,
    ),
    **dict.fromkeys(
        ("array", "json", "currency_localization", "lang_map", "product_file", "productproperty", "listproperty"), JSON
    ),
}
"""Portal type → kind of value; a type not listed becomes ANY."""

REFERENCES = frozenset(
    {
        "user",
        "employee",
        "crm_lead",
        "crm_deal",
        "crm_contact",
        "crm_company",
        "crm_quote",
        "crm_entity",
        "crm_order",
        "iblock_element",
        "iblock_section",
        "disk_file",
        "disk_version",
        "webdav_element",
        "mail_message",
        "reference",
    }
)
"""Portal types whose values are ids of other rows, none of which is 0; `reference` is the word of the data files where
the portal has none (groups, parents). Not `crm_category`: its 0 is the first pipeline."""

PROPERTY_KINDS: Mapping[str, str] = {
    "N": NUMBER,
    **dict.fromkeys(("L", "E", "G", "F", "S:employee", "E:EList", "E:EAutocomplete", "E:SKU", "G:ETree"), INTEGER),
    "N:Sequence": INTEGER,
    **dict.fromkeys(("S:HTML", "S:DiskFile"), JSON),
    "S:Money": STRING,
}
"""Type of a list's or a product's property (`type` or `type:user type`) → kind of its bare value; others: string."""

_YES_NO = frozenset({"opened", "closed", "active"})
_YES_NO_PREFIXES = ("is_", "has_")
_LINK = re.compile(r"(^|_)(url|link|href)s?(_|$)")
"""Columns with the portal's own links, some of which contain a session's or a token's secret."""
_FIRST = frozenset({"phone", "email"})
_PARTS_OF: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "money": (("currency", STRING, "Currency of"),),
    "address": (
        ("line", STRING, "Text of"),
        ("latitude", NUMBER, "Latitude of"),
        ("longitude", NUMBER, "Longitude of"),
        ("location_id", INTEGER, "Address id of"),
    ),
}
"""Portal type → parts that become columns: (part, kind, words before the label)."""
_FORMATS = {"date": DATE, "date-time": DATETIME, "uri": LINK}
_PART = re.compile(rf"_({'|'.join(PARTS)})(_\d+)?$")

_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    INTEGER: {"type": ["integer", "null"]},
    NUMBER: {"type": ["number", "null"]},
    BOOLEAN: {"type": ["boolean", "null"]},
    STRING: {"type": ["string", "null"]},
    LINK: {"type": ["string", "null"], "format": "uri"},
    DATE: {"type": ["string", "null"], "format": "date"},
    DATETIME: {"type": ["string", "null"], "format": "date-time"},
    OBJECT: {"type": ["object", "null"]},
    JSON: {"type": ["object", "array", "null"]},
    ANY: {"type": ["string", "number", "boolean", "object", "array", "null"]},
}
_ID: Mapping[str, Any] = {"minimum": 1}
"""What makes an integer a reference in a schema: a catalog must say everything."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream."""

    name: str
    portal_name: str
    kind: str
    multiple: bool = False
    description: str = ""
    part: str = ""
    """One of PARTS, of the field with this `portal_name`; empty: the field's own column."""
    reference: bool = False
    """Its integers are ids of other rows; 0 stands for "nothing"."""

    def schema(self) -> dict[str, Any]:
        """Return the column's JSON Schema; `title` is the portal's exact name, `description` its label."""
        value = {**_SCHEMAS[self.kind], **(_ID if self.reference else {})}
        if self.multiple:
            value = {"type": ["array", "null"], "items": value}
        return {**value, "title": self.portal_name, "description": self.description or self.portal_name}


def kind_of(field: Field, column: str, yes_no: frozenset[str]) -> str:
    """Return the kind of value a field holds.

    Args:
        field: The portal's description.
        column: Its column name; `is_*`, `has_*`, `opened`, `closed` and `active` are Y/N in all entities.
        yes_no: This entity's other Y/N columns, by either name: the type `char` alone does not say so.
    """
    if field.type == "enum":
        codes = [option.id for option in field.options]
        if set(codes) == {"Y", "N"}:
            return BOOLEAN
        return INTEGER if codes and all(code.lstrip("-").isdecimal() for code in codes) else STRING
    if _is_property(field):
        return JSON
    kind = KINDS.get(field.type) or _reference(field.type)
    is_yes_no = field.name in yes_no or column in yes_no or column in _YES_NO or column.startswith(_YES_NO_PREFIXES)
    if kind == STRING and field.type in ("char", "string") and is_yes_no:
        return BOOLEAN
    return LINK if kind == STRING and _LINK.search(column) and not column.startswith("uf_") else kind


def _reference(type_: str) -> str:
    """Return the kind of a reference to another list (`catalog_product.id`), or ANY for an unknown type."""
    if type_.endswith(".id"):
        return INTEGER
    return STRING if type_.endswith((".code", ".lid")) else ANY


def build_columns(
    fields: Iterable[Field],
    *,
    types: Mapping[str, str],
    yes_no: frozenset[str] = frozenset(),
    documented: Mapping[str, str] | None = None,
    without: frozenset[str] = frozenset(),
) -> list[Column]:
    """Return a stream's columns.

    Args:
        fields: The descriptions by the field method.
        types: Portal name → type (`[]` appended: multiple) that replaces or completes the description.
        yes_no: Portal names of Y/N columns.
        documented: Portal name → type by the documentation; it counts where `fields` has no known type.
        without: Names of columns to leave out.
    """
    known = {field.name: field for field in fields}
    described = {column_name(field.upper or field.name): field.name for field in known.values()}
    for given, type_ in (documented or {}).items():
        name = described.setdefault(column_name(given), given)
        field = known.get(name) or Field(name)
        known[name] = field if _is_typed(field, type_, yes_no) else _typed(field, type_)
    for given, type_ in types.items():
        name = described.get(column_name(given), given)
        known[name] = _typed(known.get(name) or Field(name), type_)
    names = column_names(known, {field.name: field.upper for field in known.values()})
    columns: list[Column] = []
    taken = set(names.values())
    for name, field in known.items():
        column = names[name]
        label = field.label or column.replace("_", " ").strip().capitalize()
        multiple = field.multiple and not _is_property(field)
        kind = ANY if field.type == "array" and multiple else kind_of(field, column, yes_no)
        reference = kind == INTEGER and (field.type in REFERENCES or field.type.endswith(".id"))
        whole = Column(column, name, kind, multiple, label, reference=reference)
        if column not in without:
            columns += [whole, *_parts(whole, field, taken)]
    return columns


def _is_typed(field: Field, documented: str, yes_no: frozenset[str]) -> bool:
    """Whether the described type is better than the documented one: not if it is unknown, or `char` for Y/N."""
    if not field.type or (documented == "boolean" and field.type in ("char", "string")):
        return False
    return field.type == "enum" or _is_property(field) or kind_of(field, "", yes_no) != ANY


def _typed(field: Field, type_: str) -> Field:
    return replace(field, type=type_.removesuffix("[]"), multiple=type_.endswith("[]"))


def _parts(whole: Column, field: Field, taken: set[str]) -> list[Column]:
    """Return columns for parts of a field: the currency of money, the first phone, the coordinates of an address."""
    parts = _PARTS_OF.get(field.type, ())
    if field.type == "crm_multifield" and whole.name in _FIRST:
        parts = (("first", STRING, "First of"),)
    elif _is_property(field):
        parts = (("value", PROPERTY_KINDS.get(field.type.partition(":")[2], STRING), "Value of"),)
    return [
        Column(
            _free(f"{whole.name}_{part}", taken),
            whole.portal_name,
            kind,
            field.multiple and part != "first",
            f"{text} {whole.description}",
            part,
        )
        for part, kind, text in parts
    ]


def _is_property(field: Field) -> bool:
    return field.type.startswith(("listproperty:", "productproperty:"))


def _free(base: str, taken: set[str]) -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def json_schema(columns: Sequence[Column]) -> dict[str, Any]:
    """Return the stream's JSON Schema, `_bitrix24_unparsed` last."""
    properties = {column.name: column.schema() for column in columns}
    properties[UNPARSED] = {
        "type": ["object", "null"],
        "title": UNPARSED,
        "description": "Values that do not fit their column, as the portal sent them: column → original",
    }
    return {"type": "object", "properties": properties}


def columns_from_schema(schema: Mapping[str, Any]) -> list[Column]:
    """Return the columns of a catalog's JSON Schema; the inverse of `json_schema`.

    A run with a catalog asks for no field descriptions, so the catalog must say everything: the kind follows from type
    and format, the portal's name is the `title`; a column with the title of an earlier one is the part its name ends
    with.
    """
    columns: list[Column] = []
    titles: set[str] = set()
    for name, facts in schema.get("properties", {}).items():
        if name == UNPARSED:
            continue
        multiple = "items" in facts
        value = facts["items"] if multiple else facts
        kind, reference = _kind_of_schema(value), value.get("minimum") == 1
        title = str(facts.get("title") or name)
        part = _PART.search(name) if title in titles else None
        titles.add(title)
        label = str(facts.get("description") or "")
        columns.append(Column(name, title, kind, multiple, label, part.group(1) if part else "", reference))
    return columns


def _kind_of_schema(facts: Mapping[str, Any]) -> str:
    type_ = facts.get("type") or []
    types = {type_} if isinstance(type_, str) else set(type_)
    types.discard("null")
    if len(types) == 1:
        (only,) = types
        if only == "string" and facts.get("format") in _FORMATS:
            return _FORMATS[facts["format"]]
        return only if only in _SCHEMAS else JSON
    return JSON if types == {"object", "array"} else ANY
