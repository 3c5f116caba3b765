"""Field descriptions → columns → JSON Schema, and back from a catalog. Types come from the portal, never from data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tap_bitrix24.model import Field
from tap_bitrix24.naming import column_name, column_names

UNPARSED = "_bitrix24_unparsed"
"""Column that keeps, as they came, values that do not fit theirs."""

INTEGER, NUMBER, BOOLEAN, STRING = "integer", "number", "boolean", "string"
DATE, DATETIME, OBJECT, JSON, ANY = "date", "date-time", "object", "json", "any"

KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "integer", "int", "user", "employee", "enumeration", "location", "timestamp", "resourcebooking",
            "iblock_element", "iblock_section", "crm_lead", "crm_deal", "crm_contact", "crm_company",
            "crm_quote", "crm_category", "crm_entity", "crm_enum_ownertype", "crm_enum_activitytype",
            "crm_enum_activitystatus", "crm_enum_activitypriority", "crm_enum_activitynotifytype",
            "crm_enum_contenttype", "crm_enum_activitydirection", "mail_message", "disk_file", "disk_version",
            "webdav_element", "hlblock", "vote", "url_preview",
        ),
        INTEGER,
    ),
    **dict.fromkeys(("double", "float", "money"), NUMBER),
    "boolean": BOOLEAN,
    **dict.fromkeys(
        ("string", "text", "char", "url", "address", "crm", "crm_status", "crm_currency", "string_formatted"),
        STRING,
    ),
    "date": DATE,
    "datetime": DATETIME,
    **dict.fromkeys(
        (
            "file", "diskfile", "object", "crm_multifield", "crm_activity_binding",
            "crm_activity_communication", "crm_status_extra", "recurring_params",
        ),
        OBJECT,
    ),
    **dict.fromkeys(("array", "json", "currency_localization", "lang_map"), JSON),
}  # fmt: skip
"""Portal type → kind of value; a type not listed becomes ANY, whatever it holds."""

_FLAGS = frozenset({"opened", "closed", "active"})
_FLAG_PREFIXES = ("is_", "has_")

_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    INTEGER: {"type": ["integer", "null"]},
    NUMBER: {"type": ["number", "null"]},
    BOOLEAN: {"type": ["boolean", "null"]},
    STRING: {"type": ["string", "null"]},
    DATE: {"type": ["string", "null"], "format": "date"},
    DATETIME: {"type": ["string", "null"], "format": "date-time"},
    OBJECT: {"type": ["object", "null"]},
    JSON: {"type": ["object", "array", "null"]},
    ANY: {"type": ["string", "number", "boolean", "object", "array", "null"]},
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream."""

    name: str
    portal_name: str
    kind: str
    multiple: bool = False
    description: str = ""
    currency: bool = False
    """Holds the currency of the money field that shares its `portal_name`."""

    def schema(self) -> dict[str, Any]:
        """The column's JSON Schema; `title` is the portal's exact name, `description` its label."""
        value = dict(_SCHEMAS[self.kind])
        if self.multiple:
            value = {"type": ["array", "null"], "items": value}
        return {**value, "title": self.portal_name, "description": self.description or self.portal_name}


def parse_fields(result: Any) -> list[Field]:
    """Read the answer of a field method, in any of the shapes the portal's modules use.

    Flat maps of descriptions (classic CRM), the same under `fields` (universal items, tasks), maps of
    code → label without types (users, departments), and lists of user-field rows (`*.userfield.list`).
    An empty map arrives as `[]`.
    """
    if isinstance(result, Mapping) and (isinstance(result.get("fields"), Mapping) or result.get("fields") == []):
        result = result["fields"]
    if isinstance(result, Mapping):
        return [_described(name, facts) for name, facts in result.items()]
    return [_user_field(row) for row in result or [] if isinstance(row, Mapping) and row.get("FIELD_NAME")]


def _described(name: str, facts: Any) -> Field:
    if not isinstance(facts, Mapping):
        return Field(name, label=str(facts or ""))
    values = facts.get("values")
    title = str(facts.get("title") or "")
    label = title if title and title != name else ""
    for alternative in ("formLabel", "listLabel", "filterLabel"):
        label = label or str(facts.get(alternative) or "")
    return Field(
        name,
        type=str(facts.get("type") or ""),
        multiple=facts.get("isMultiple") in (True, "Y"),
        label=label,
        upper=str(facts.get("upperName") or ""),
        values=tuple(map(str, values)) if isinstance(values, (Mapping, Sequence)) else (),
    )


def _user_field(row: Mapping[str, Any]) -> Field:
    labels = (row.get(key) for key in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"))
    return Field(
        str(row["FIELD_NAME"]),
        type=str(row.get("USER_TYPE_ID") or ""),
        multiple=row.get("MULTIPLE") == "Y",
        label=next((str(label) for label in labels if isinstance(label, str) and label), ""),
    )


def kind_of(field: Field, column: str, flags: frozenset[str]) -> str:
    """The kind of value a field holds.

    Args:
        field: The portal's description.
        column: Its column name; `is_*`, `has_*`, `opened`, `closed` and `active` are Y/N wherever they occur.
        flags: Portal names of this entity's other Y/N columns: `char` alone does not say so.
    """
    if field.type == "enum":
        if set(field.values) == {"Y", "N"}:
            return BOOLEAN
        return INTEGER if field.values and all(code.lstrip("-").isdecimal() for code in field.values) else STRING
    kind = KINDS.get(field.type, ANY)
    flag = field.name in flags or column in _FLAGS or column.startswith(_FLAG_PREFIXES)
    return BOOLEAN if kind == STRING and field.type in ("char", "string") and flag else kind


def build_columns(
    fields: Iterable[Field],
    *,
    types: Mapping[str, str],
    flags: frozenset[str] = frozenset(),
) -> list[Column]:
    """Make a stream's columns.

    Args:
        fields: What the field method described.
        types: The entity's own knowledge, portal name → type (`[]` appended: multiple); wins over `fields`
            and adds what the field method leaves out.
        flags: Portal names of Y/N columns.
    """
    known = {field.name: field for field in fields}
    described = {column_name(field.upper or field.name): field.name for field in known.values()}
    for given, type_ in types.items():
        name = described.get(column_name(given), given)
        field = known.get(name) or Field(name)
        known[name] = Field(name, type_.removesuffix("[]"), type_.endswith("[]"), field.label, field.upper)
    names = column_names(known, {field.name: field.upper for field in known.values()})
    columns: list[Column] = []
    for name, field in known.items():
        column = names[name]
        label = field.label or name.replace("_", " ").strip().capitalize()
        columns.append(Column(column, name, kind_of(field, column, flags), field.multiple, label))
        if field.type == "money":
            columns.append(_currency_column(column, field, label, set(names.values())))
    return columns


def _currency_column(column: str, field: Field, label: str, taken: set[str]) -> Column:
    name, number = f"{column}_currency", 1
    while name in taken:
        number += 1
        name = f"{column}_currency_{number}"
    return Column(name, field.name, STRING, field.multiple, f"Currency of {label}", currency=True)


def json_schema(columns: Sequence[Column]) -> dict[str, Any]:
    """The stream's JSON Schema, `_bitrix24_unparsed` last."""
    properties = {column.name: column.schema() for column in columns}
    properties[UNPARSED] = {
        "type": ["object", "null"],
        "title": UNPARSED,
        "description": "Values that do not fit their column, as the portal sent them: column → original",
    }
    return {"type": "object", "properties": properties}


def columns_from_schema(schema: Mapping[str, Any]) -> list[Column]:
    """Read columns back from a catalog's JSON Schema; the inverse of `json_schema`.

    A catalog is all the tap gets then: the kind follows from type and format, the portal's name from
    `title`, and a string column that shares its title with a number before it is that money's currency.
    """
    columns: list[Column] = []
    numbers: set[str] = set()
    for name, facts in schema.get("properties", {}).items():
        if name == UNPARSED:
            continue
        multiple = "items" in facts
        kind = _kind_of_schema(facts["items"] if multiple else facts)
        title = str(facts.get("title") or name)
        currency = title in numbers and kind == STRING
        if kind == NUMBER:
            numbers.add(title)
        description = str(facts.get("description") or "")
        columns.append(Column(name, title, kind, multiple, description, currency=currency))
    return columns


def _kind_of_schema(facts: Mapping[str, Any]) -> str:
    given = facts.get("type") or []
    types = {given} if isinstance(given, str) else set(given)
    types.discard("null")
    if len(types) == 1:
        (only,) = types
        if only == "string" and facts.get("format") in (DATE, DATETIME):
            return str(facts["format"])
        return only if only in _SCHEMAS else JSON
    return JSON if types == {"object", "array"} else ANY


def default_column(row_key: str) -> str:
    """The column a row key no one described would have."""
    return column_name(row_key)
