"""What a portal tells of itself in a run's first request. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ListVariant:
    """One of several lists a stream is made of: what is asked besides, and what of it becomes a column."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters, dotted if they lie in others."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Column → value, of parameters that are part of a row's identity."""


@dataclass(frozen=True, slots=True)
class UniversalList:
    """A list of the module 'lists'."""

    type: str
    """IBLOCK_TYPE_ID, which every call repeats."""
    title: str = ""


@dataclass(slots=True)
class PortalInfo:
    """What the first request of a run tells."""

    clock: datetime
    """The portal's own time when the run began, floored to the second; nothing newer is claimed to be read."""
    scopes: frozenset[str] | None = None
    """None: the portal does not tell."""
    start_date: datetime | None = None
    """`start_date` of the settings: how far back lists go that are asked for by dates."""
    smart_processes: dict[int, str] = field(default_factory=dict)
    """Smart processes: entityTypeId → title."""
    hidden_categories: dict[int, list[int]] = field(default_factory=dict)
    """entityTypeId → category ids whose rows the classic method leaves out."""
    product_iblocks: list[int] = field(default_factory=list)
    """iblockId of the catalogs that hold products."""
    offer_iblocks: list[int] = field(default_factory=list)
    """iblockId of the catalogs that hold their variations."""
    universal_lists: dict[int, UniversalList] = field(default_factory=dict)
    """Universal lists: IBLOCK_ID → what is known of it."""
    entities: dict[str, Any] = field(default_factory=dict)
    """Stream → its row of the table, where the table itself is learnt from the portal."""
    rest_v3_methods: frozenset[str] = frozenset()
    """Methods of REST 3.0, lower case."""
