"""Fields of a list as the portal describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a list field, and its label."""

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
    """`upperName` of universal items: the name that the column name is made from."""
    options: tuple[Option, ...] = ()
    """The values of a list field. Those of an `enum` of tasks show whether it is a Y/N flag, a number or a text."""
    dictionary: str = ""
    """`statusType`: the ENTITY_ID in crm.status.list of the labels for this field's codes."""
    required: bool | None = None
    """None where the portal does not say."""
    read_only: bool | None = None
    """None where the portal does not say."""
