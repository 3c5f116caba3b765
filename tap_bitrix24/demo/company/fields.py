"""Field lists of the demo's entities and how the fields methods describe them (docs/protocol.md §5).

The documented fields with their titles stand in ``fields.json``; user fields are added by the company.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_ITEM_NAMES = {
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "MOVED_BY_ID": "movedBy",
    "STATUS_ID": "stageId",
    "STATUS_SEMANTIC_ID": "stageSemanticId",
    "COMPANY_TYPE": "typeId",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an entity; ``name`` is the upper-case one, ``item`` its name in ``crm.item.list``."""

    name: str
    type: str
    title: str
    item: str
    multiple: bool = False
    required: bool = False
    read_only: bool = False
    immutable: bool = False
    deprecated: bool = False
    user_field: bool = False
    status_type: str | None = None
    settings: Any = None
    options: tuple[tuple[int, str], ...] = ()

    def described(self, *, universal: bool) -> dict[str, Any]:
        """Return the field as a fields method shows it."""
        kind = "boolean" if universal and self.type == "char" else self.type
        shown: dict[str, Any] = {
            "type": kind,
            "isRequired": self.required,
            "isReadOnly": self.read_only,
            "isImmutable": self.immutable,
            "isMultiple": self.multiple,
            "isDynamic": self.user_field,
        }
        if self.deprecated:
            shown["isDeprecated"] = True
        if self.options:
            shown["items"] = [{"ID": str(number), "VALUE": text} for number, text in self.options]
        if self.status_type is not None:
            shown["statusType"] = self.status_type
        # The title of a user field is its code; its name in the interface is in the labels only.
        shown["title"] = self.name if self.user_field else self.title
        if self.user_field:
            shown |= {"listLabel": self.title, "formLabel": self.title, "filterLabel": self.title}
        if self.settings is not None:
            shown["settings"] = self.settings
        if universal:
            shown["upperName"] = self.name
        return shown


@cache
def documented() -> Mapping[str, Any]:
    """Return the documented field lists, by entity."""
    text = files(__package__ or "tap_bitrix24.demo.company").joinpath("fields.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def entity_fields(entity: str) -> dict[str, Field]:
    """Return the documented fields of one CRM entity, by upper-case name."""
    return {
        name: Field(
            name=name,
            type=facts["type"],
            title=facts["title"],
            item=item_name(name),
            multiple="M" in facts.get("flags", ""),
            required="R" in facts.get("flags", ""),
            read_only="o" in facts.get("flags", ""),
            immutable="i" in facts.get("flags", ""),
            deprecated="D" in facts.get("flags", ""),
            status_type=facts.get("statusType"),
            settings=facts.get("settings"),
        )
        for name, facts in documented()[entity].items()
    }


def user_field(name: str, kind: str, label: str, *, multiple: bool = False, **extra: Any) -> Field:
    """Return a user field; ``extra`` are status_type, settings or options."""
    return Field(name=name, type=kind, title=label, item=item_name(name), multiple=multiple, user_field=True, **extra)


def item_name(name: str) -> str:
    """Return a field's name in ``crm.item.list`` (docs/protocol.md §6), such as ``ufCrm_1700`` for UF_CRM_1700."""
    if name in _ITEM_NAMES:
        return _ITEM_NAMES[name]
    if name.startswith("UF_CRM_"):
        return _user_item_name(name.removeprefix("UF_CRM_"))
    return camel(name)


def _user_item_name(rest: str) -> str:
    """Return the item name of a CRM user field; ``rest`` is its name without the prefix UF_CRM_."""
    if rest.isdigit():
        return f"ufCrm_{rest}"
    number, _, tail = rest.partition("_")
    if number.isdigit() and tail.isdigit():
        return f"ufCrm{number}_{tail}"
    if number.isdigit() and re.fullmatch(r"[A-Z_]+", tail):
        return f"ufCrm{number}" + "".join(part.capitalize() for part in tail.split("_"))
    if re.fullmatch(r"[A-Z_]+", rest):
        return "ufCrm" + "".join(part.capitalize() for part in rest.split("_"))
    return f"ufCrm_{rest}"


def camel(name: str) -> str:
    """Return a name in camel case: ``STAGE_ID`` is ``stageId``."""
    head, *rest = name.split("_")
    return head.lower() + "".join(part.capitalize() for part in rest)


def classic_description(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the answer of ``crm.<entity>.fields``."""
    return {field.name: field.described(universal=False) for field in fields}


def universal_description(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the answer of ``crm.item.fields`` and similar methods."""
    return {"fields": {field.item: field.described(universal=True) for field in fields}}
