"""What is known of the portal once a run has begun. Values only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from tap_bitrix24.errors import PortalError


@dataclass(frozen=True, slots=True)
class UniversalList:
    """A list of the module 'lists'."""

    type: str
    """IBLOCK_TYPE_ID, a parameter of every call."""
    title: str = ""


class Unread(Mapping[int, Any]):
    """In place of what could not be read: whoever looks for more than is known gets the error, never an empty value."""

    def __init__(self, error: PortalError, known: Mapping[int, Any] | None = None) -> None:
        """Keep the error, and what was read before it."""
        self.error = error
        self.known = known or {}

    def __getitem__(self, key: int) -> Any:
        """Return a known value; raises the error for any other."""
        if key in self.known:
            return self.known[key]
        raise self.error

    def __iter__(self) -> Iterator[int]:
        """Raise the error."""
        raise self.error

    def __len__(self) -> int:
        """Raise the error."""
        raise self.error


@dataclass(slots=True)
class PortalInfo:
    """What the first requests of a run find out; a fact is known or `Unread`, never empty because of an error."""

    clock: datetime
    """The portal's time when the run began, in whole seconds; no bookmark is newer."""
    scopes: frozenset[str] | None = None
    """Scopes of the credentials; None: unknown."""
    start_date: datetime | None = None
    """`start_date` of the settings: the first date of lists that are read by date ranges."""
    by_webhook: bool = False
    """The credentials are a webhook's, not an application's."""
    smart_processes: Mapping[int, str] = field(default_factory=dict)
    """Smart processes: entityTypeId → title."""
    without_products: Collection[int] = frozenset()
    """entityTypeId of the smart processes whose items have no product rows: the portal refuses to list them."""
    hidden_categories: Mapping[int, Collection[int]] = field(default_factory=dict)
    """entityTypeId → categories whose rows are missing from the classic method's list."""
    product_iblocks: Collection[int] = field(default_factory=list)
    """iblockId of the catalogs that hold products."""
    offer_iblocks: Collection[int] = field(default_factory=list)
    """iblockId of the catalogs that hold variations of products."""
    universal_lists: Mapping[int, UniversalList] = field(default_factory=dict)
    """Universal lists by their IBLOCK_ID."""
    entities: dict[str, Any] = field(default_factory=dict)
    """Lists the API itself names: of a site, stream → its row and fields; of VibeCode, name → what the key may do."""
    offset: timedelta | None = None
    """Of VibeCode, the portal's offset from UTC: it writes the portal's midnights of dates in UTC. None: unknown."""
    rest_v3_methods: frozenset[str] = frozenset()
    """Methods of REST 3.0, lower case."""
    domain: str = ""
    """The portal's host, where it is reached through a service that names it; else empty."""

    def without_unread(self) -> PortalInfo:
        """Return the portal as if what is known of it were all."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        known: dict[str, Any] = {name: fact.known for name, fact in facts.items() if isinstance(fact, Unread)}
        return replace(self, **known)
