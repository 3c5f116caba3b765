"""What is known of the portal once a run has begun. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class UniversalList:
    """A list of the module 'lists'."""

    type: str
    """IBLOCK_TYPE_ID, a parameter of every call."""
    title: str = ""


@dataclass(slots=True)
class PortalInfo:
    """What the first requests of a run find out."""

    clock: datetime
    """The portal's time when the run began, in whole seconds; no bookmark is newer."""
    scopes: frozenset[str] | None = None
    """Scopes of the credentials; None: unknown."""
    start_date: datetime | None = None
    """`start_date` of the settings: the first date of lists that are read by date ranges."""
    smart_processes: dict[int, str] = field(default_factory=dict)
    """Smart processes: entityTypeId → title."""
    hidden_categories: dict[int, list[int]] = field(default_factory=dict)
    """entityTypeId → categories whose rows are missing from the classic method's list."""
    product_iblocks: list[int] = field(default_factory=list)
    """iblockId of the catalogs that hold products."""
    offer_iblocks: list[int] = field(default_factory=list)
    """iblockId of the catalogs that hold variations of products."""
    universal_lists: dict[int, UniversalList] = field(default_factory=dict)
    """Universal lists by their IBLOCK_ID."""
    entities: dict[str, Any] = field(default_factory=dict)
    """Lists the API itself names: of a site, stream → its row and fields; of VibeCode, name → what the key may do."""
    offset: timedelta | None = None
    """Of VibeCode, the portal's offset from UTC: it writes the portal's midnights of dates in UTC. None: unknown."""
    rest_v3_methods: frozenset[str] = frozenset()
    """Methods of REST 3.0, lower case."""
