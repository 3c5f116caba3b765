"""Fields of a list as the portal describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """One value a field may have, and the words for it."""

    id: str
    label: str
    sort: int | None = None
    color: str = ""
    semantics: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the portal describes it."""

    name: str
    type: str = ""
    multiple: bool = False
    label: str = ""
    upper: str = ""
    """`upperName` of universal items: the name columns are made from."""
    options: tuple[Option, ...] = ()
    """The values of a list field. The codes of a tasks `enum` tell a Y/N flag from a number from a word."""
    dictionary: str = ""
    """`statusType`: the ENTITY_ID of crm.status.list that holds the words for this field's codes."""
    required: bool | None = None
    read_only: bool | None = None
    """None where the portal does not say."""
