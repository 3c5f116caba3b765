"""What makes one method several lists: entity types, product catalogs, universal lists, date ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tap_bitrix24.entities.portal_info import PortalInfo

OFFER_TYPE = 4
"""productType of variations (offers), which lie in catalogs of their own."""
UNIVERSAL_LIST_TYPES = ("lists", "bitrix_processes", "lists_socnet")
"""IBLOCK_TYPE_ID of lists, of lists of workflows, and of lists of workgroups."""
_STANDARD_TYPES = frozenset({1, 2, 3, 4})
_NOT_SUPPORTED = frozenset({"ENTITY_TYPE_NOT_SUPPORTED"})


@dataclass(frozen=True, slots=True)
class ListVariant:
    """One of several lists a stream consists of: its request parameters, and which of them become columns."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters; `filter.type` is the parameter `type` inside `filter`."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Column → value, for parameters that are part of a row's identity."""
    absent_codes: frozenset[str] = frozenset()
    """Codes by which the method says that the portal does not have this list, beside those of the entity."""
    known_empty: bool = False
    """The run's first request has found it empty."""


def for_each_value(
    param: str, *values: Any, column: str = "", **fixed: Any
) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One list for each of these values of a parameter.

    Args:
        param: The parameter.
        values: Its values.
        column: The column that keeps the value, if it is part of a row's identity.
        fixed: Further parameters, the same for all lists.
    """
    lists = [ListVariant({**fixed, param: value}, {column: value} if column else {}) for value in values]
    return lambda _: lists


def for_each_entity_type(*numbers: int) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One list for each of these entityTypeIds, and for each smart process."""

    def lists(portal: PortalInfo) -> list[ListVariant]:
        return [supported_type_variant(number) for number in (*numbers, *sorted(portal.smart_processes))]

    return lists


def entity_type_variant(number: int) -> ListVariant:
    """The list of one entityTypeId."""
    return ListVariant({"entityTypeId": number}, {"entity_type_id": number})


def supported_type_variant(number: int) -> ListVariant:
    """The list of one entityTypeId, by a method that does not support all of them."""
    return replace(entity_type_variant(number), absent_codes=no_such_type(number))


def no_such_type(number: int) -> frozenset[str]:
    """Codes of CRM methods for an entityTypeId that they don't support, or that the portal does not have.

    "Not found" is a refusal of what every portal has: leads, deals, contacts and companies.
    """
    return _NOT_SUPPORTED if number in _STANDARD_TYPES else _NOT_SUPPORTED | {"NOT_FOUND"}


def for_each_product_iblock(portal: PortalInfo) -> list[ListVariant]:
    """One list for each catalog that holds products."""
    return [ListVariant({"filter.iblockId": number}) for number in portal.product_iblocks]


def for_each_offer_iblock(portal: PortalInfo) -> list[ListVariant]:
    """One list for each catalog that holds variations of products."""
    return [ListVariant({"filter.iblockId": number}) for number in portal.offer_iblocks]


def product_fields(product_type: int) -> Callable[[PortalInfo], list[Mapping[str, Any]]]:
    """Calls that describe the products of one type (1 simple, 3 with variations, 4 variation, 7 service)."""

    def calls(portal: PortalInfo) -> list[Mapping[str, Any]]:
        iblocks = portal.offer_iblocks if product_type == OFFER_TYPE else portal.product_iblocks
        return [{"filter": {"iblockId": number, "productType": product_type}} for number in iblocks]

    return calls


def for_each_universal_list(portal: PortalInfo) -> list[ListVariant]:
    """One list for each universal list (module 'lists')."""
    return [universal_list_variant(number, portal) for number in sorted(portal.universal_lists)]


def for_each_universal_list_type(portal: PortalInfo) -> list[ListVariant]:
    """One list for each kind of universal list."""
    found = {universal_list.type for universal_list in portal.universal_lists.values()}
    return [ListVariant({"IBLOCK_TYPE_ID": kind}, known_empty=kind not in found) for kind in UNIVERSAL_LIST_TYPES]


def universal_list_variant(number: int, portal: PortalInfo) -> ListVariant:
    """The call for one universal list; a Singer catalog may name one the portal no longer has."""
    known = portal.universal_lists.get(number)
    return ListVariant({"IBLOCK_TYPE_ID": known.type if known else "lists", "IBLOCK_ID": number}, {"iblock_id": number})


def date_ranges(portal: PortalInfo) -> list[tuple[datetime, datetime]]:
    """Date ranges that together hold everything from `start_date` (or 2000) to two years from now.

    There are three at most, because each is a call, and recurring events are listed one by one: the past year and the
    two years to come hold the most rows.
    """
    now = portal.clock
    first = portal.start_date or datetime(2000, 1, 1, tzinfo=UTC)
    cuts = [first, *(cut for cut in (now - timedelta(days=365), now, now + timedelta(days=730)) if cut > first)]
    return list(pairwise(cuts))


def for_each_date_range(low: str, high: str, **fixed: Any) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One list for each of `date_ranges`, its bounds given as days in the parameters `low` and `high`."""

    def lists(portal: PortalInfo) -> list[ListVariant]:
        return [
            ListVariant({**fixed, low: start.date().isoformat(), high: end.date().isoformat()})
            for start, end in date_ranges(portal)
        ]

    return lists


def for_each_month(portal: PortalInfo) -> list[ListVariant]:
    """One list for each month from `start_date`, or from twelve months ago, to now."""
    first = portal.start_date or portal.clock - timedelta(days=365)
    months = range(first.year * 12 + first.month - 1, portal.clock.year * 12 + portal.clock.month)
    return [ListVariant({"YEAR": month // 12, "MONTH": month % 12 + 1}) for month in months]


def for_each_booking_range(portal: PortalInfo) -> list[ListVariant]:
    """Bookings by date, in Unix seconds; the first range begins before and the last one ends after all bookings."""
    inner = [int(start.timestamp()) for start, _ in date_ranges(portal)[1:]]
    first = int(portal.start_date.timestamp()) if portal.start_date else 0
    cuts = [first, *inner, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())]
    return [ListVariant({"filter.within.dateFrom": low, "filter.within.dateTo": high}) for low, high in pairwise(cuts)]
