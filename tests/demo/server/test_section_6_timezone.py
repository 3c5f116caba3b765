"""docs/protocol.md §6: the server adds its offset of now to the midnight of then."""

import pytest

from tests.demo.conftest import Start

DEALS = "crm.deal.list"
WINTER, SUMMER = "2026-12-01T09:00:00Z", "2026-07-01T09:00:00Z"


@pytest.mark.parametrize(
    ("zone", "now", "day", "shown"),
    [
        ("Europe/Berlin", WINTER, "2024-07-16", "2024-07-16T01:00:00+02:00"),
        ("Europe/Berlin", SUMMER, "2024-01-16", "2024-01-16T02:00:00+01:00"),
        ("Europe/Berlin", SUMMER, "2024-07-16", "2024-07-16T02:00:00+02:00"),
        ("America/New_York", WINTER, "2024-07-16", "2024-07-15T19:00:00-04:00"),
        ("Europe/Moscow", WINTER, "1988-07-01", "1988-07-01T03:00:00+04:00"),
        ("", WINTER, "2024-07-16", "2024-07-15T21:00:00-03:00"),
    ],
)
def test_6_dates_in_zones_with_summer_time(start: Start, zone: str, now: str, day: str, shown: str) -> None:
    portal = start(timezone=zone, clock=now, scale=50)
    number = portal.ids(DEALS)[0]
    portal.mutate(table="deals", set={"id": number, "fields": {"CLOSEDATE": f"{day}T00:00:00Z"}})
    (row,) = portal.result(DEALS, {"filter": {"ID": number}})
    assert row["CLOSEDATE"] == shown
    (item,) = portal.result("crm.item.list", {"entityTypeId": 2, "filter": {"id": number}})["items"]
    assert item["closedate"] == shown


def test_6_date_times_have_the_offset_of_their_own_day(start: Start) -> None:
    portal = start(timezone="Europe/Berlin")
    months = {row["DATE_MODIFY"][5:7]: row["DATE_MODIFY"][19:] for row in portal.truth("deals")}
    assert months["07"] == "+02:00"
    assert months["01"] == "+01:00"
    assert portal.result("server.time").endswith("+01:00")
    (task, *_) = portal.result("tasks.task.list")["tasks"]
    assert task["createdDate"].endswith("+05:30")


def test_6_dates_change_with_the_offset_of_now(start: Start) -> None:
    portal = start(timezone="Europe/Berlin", clock=WINTER, scale=50)
    before = {row["CLOSEDATE"][11:] for row in portal.result(DEALS)}
    portal.control("clock", {"now": SUMMER})
    after = {row["CLOSEDATE"][11:] for row in portal.result(DEALS)}
    assert "01:00:00+02:00" in before
    assert "02:00:00+02:00" in after
    assert "01:00:00+02:00" not in after
