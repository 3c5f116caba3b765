"""Variants of lists: entity types, catalogs, universal lists, date ranges."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.entities.variants import (
    ListVariant,
    date_ranges,
    for_each_booking_range,
    for_each_date_range,
    for_each_entity_type,
    for_each_month,
    for_each_offer_iblock,
    for_each_product_iblock,
    for_each_universal_list,
    for_each_value,
    product_fields,
    universal_list_variant,
)

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def portal(**facts: Any) -> PortalInfo:
    """A portal on the first of March."""
    return PortalInfo(NOW, **facts)


def plain(made: Sequence[ListVariant]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Parameters and constants of each list."""
    return [(each.params, each.constants) for each in made]


def test_a_list_for_each_value() -> None:
    made = plain(for_each_value("moduleId", "crm", "rpa", select=["*"])(portal()))
    assert made == [({"select": ["*"], "moduleId": "crm"}, {}), ({"select": ["*"], "moduleId": "rpa"}, {})]
    made = plain(for_each_value("type", "A", "B", column="document_type")(portal()))
    assert made == [({"type": "A"}, {"document_type": "A"}), ({"type": "B"}, {"document_type": "B"})]


def test_a_list_for_each_type() -> None:
    assert plain(for_each_entity_type(1, 2)(portal(smart_processes={140: "B", 130: "A"}))) == [
        ({"entityTypeId": number}, {"entity_type_id": number}) for number in (1, 2, 130, 140)
    ]


def test_a_list_for_each_catalog() -> None:
    shop = portal(product_iblocks=[24, 30], offer_iblocks=[26])
    assert plain(for_each_product_iblock(shop)) == [({"filter.iblockId": 24}, {}), ({"filter.iblockId": 30}, {})]
    assert plain(for_each_offer_iblock(shop)) == [({"filter.iblockId": 26}, {})]
    assert for_each_product_iblock(portal()) == []
    assert product_fields(4)(shop) == [{"filter": {"iblockId": 26, "productType": 4}}]
    assert product_fields(7)(shop) == [{"filter": {"iblockId": block, "productType": 7}} for block in (24, 30)]


def test_a_list_for_each_universal_list() -> None:
    known = {31: UniversalList("bitrix_processes"), 7: UniversalList("lists")}
    assert plain(for_each_universal_list(portal(universal_lists=known))) == [
        ({"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 7}, {"iblock_id": 7}),
        ({"IBLOCK_TYPE_ID": "bitrix_processes", "IBLOCK_ID": 31}, {"iblock_id": 31}),
    ]
    assert universal_list_variant(9, portal()).params["IBLOCK_TYPE_ID"] == "lists"


@pytest.mark.parametrize(
    ("since", "cuts"),
    [
        (None, ["2000-01-01", "2024-03-01", "2025-03-01", "2027-03-01"]),
        (datetime(2010, 5, 5, tzinfo=UTC), ["2010-05-05", "2024-03-01", "2025-03-01", "2027-03-01"]),
        (datetime(2024, 9, 9, tzinfo=UTC), ["2024-09-09", "2025-03-01", "2027-03-01"]),
        (datetime(2026, 1, 1, tzinfo=UTC), ["2026-01-01", "2027-03-01"]),
    ],
)
def test_date_ranges_leave_no_gap(since: datetime | None, cuts: list[str]) -> None:
    made = date_ranges(portal(start_date=since))
    assert [str(low.date()) for low, _ in made] == cuts[:-1]
    assert [str(high.date()) for _, high in made] == cuts[1:]
    asked = plain(for_each_date_range("from", "to", type="user")(portal(start_date=since)))
    assert asked == [({"type": "user", "from": low, "to": high}, {}) for low, high in pairwise(cuts)]


@pytest.mark.parametrize("since", [None, datetime(2024, 9, 9, tzinfo=UTC)])
def test_booking_ranges_begin_before_and_end_after_all_bookings(since: datetime | None) -> None:
    made = [each.params for each in for_each_booking_range(portal(start_date=since))]
    lows = [each["filter.within.dateFrom"] for each in made]
    highs = [each["filter.within.dateTo"] for each in made]
    assert lows[0] == (int(since.timestamp()) if since else 0)
    assert highs[-1] == int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
    assert lows[1:] == highs[:-1]


@pytest.mark.parametrize(
    ("since", "now", "first", "count"),
    [
        (None, NOW, (2024, 3), 13),
        (datetime(2024, 12, 31, tzinfo=UTC), NOW, (2024, 12), 4),
        (datetime(2025, 3, 1, tzinfo=UTC), NOW, (2025, 3), 1),
        (datetime(2024, 12, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC), (2024, 12), 1),
    ],
)
def test_a_call_for_each_month_up_to_this_one(
    since: datetime | None, now: datetime, first: tuple[int, int], count: int
) -> None:
    made = [(each.params["YEAR"], each.params["MONTH"]) for each in for_each_month(PortalInfo(now, start_date=since))]
    assert made[0] == first
    assert made[-1] == (now.year, now.month)
    assert made == sorted(set(made))
    assert len(made) == count
    assert {month for _, month in made} <= set(range(1, 13))
