"""Days survive what servers do to them, in every time zone, read in winter or summer (docs/decisions.md#decision-5)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.schema.columns import DATE, UNPARSED, Column

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/")))
NOW = {"winter": datetime(2026, 1, 15, 12, tzinfo=UTC), "summer": datetime(2026, 7, 15, 12, tzinfo=UTC)}
MOST = timedelta(hours=3)
FIRST, LAST = date(1950, 1, 1), date(2100, 12, 31)
MOVED = {
    "Antarctica/Casey",
    "Antarctica/Vostok",
    "Asia/Anadyr",
    "Kwajalein",
    "Pacific/Apia",
    "Pacific/Enderbury",
    "Pacific/Fakaofo",
    "Pacific/Kanton",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
}
"""Zones whose offset of once differs by more than three hours from that of today, most of them across the date line."""


@cache
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def offset_at(moment: datetime, name: str) -> timedelta:
    offset = moment.astimezone(zone(name)).utcoffset()
    assert offset is not None
    return offset


def sent(day: date, name: str, now: datetime) -> tuple[str, timedelta]:
    """Return what a server in a zone sends for a day, and the distance of the two offsets it mixes.

    In PHP: `date('c', MakeTimeStamp(day) + date("Z"))`. It writes offsets without their seconds.
    """
    midnight = datetime.combine(day, time(), zone(name)).astimezone(UTC)
    moment = (midnight + offset_at(now, name)).astimezone(zone(name))
    return moment.isoformat()[: len("2024-07-16T03:00:00+03:00")], abs(offset_at(now, name) - offset_at(midnight, name))


def read(text: str, offset: timedelta | None = None) -> str | None:
    (record,) = RowConverter([Column("day", "DAY", DATE)], offset=offset)([{"DAY": text}])
    assert (record["day"] is None) == (record[UNPARSED] == {"day": text})
    day: str | None = record["day"]
    return day


@given(st.dates(FIRST, LAST), st.sampled_from(ZONES), st.sampled_from(sorted(NOW)))
def test_the_day_a_server_meant(day: date, name: str, season: str) -> None:
    text, distance = sent(day, name, NOW[season])
    if distance <= MOST:
        assert read(text) == day.isoformat(), text


@pytest.mark.parametrize("season", NOW)
@pytest.mark.parametrize("name", ZONES)
def test_a_day_of_each_month_in_every_zone(name: str, season: str) -> None:
    """Every offset a zone has had since 1990, and the day after every change of it in 2024."""
    days = [date(year, month, 1) for year in (1990, 2000, 2011, 2024) for month in range(1, 13)]
    days += [date(2024, 1, 1) + timedelta(number) for number in range(0, 366, 3)]
    for day in days:
        text, distance = sent(day, name, NOW[season])
        if distance <= MOST:
            assert read(text) == day.isoformat(), text
        else:
            assert name in MOVED, (name, day)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-07-16T01:00:00+02:00", "2024-07-16"),
        ("2024-01-16T02:00:00+01:00", "2024-01-16"),
        ("2024-07-15T19:00:00-04:00", "2024-07-16"),
        ("1988-07-01T03:00:00+04:00", "1988-07-01"),
        ("2024-07-16T03:00:00+00:00", "2024-07-16"),
        ("2024-07-15T21:00:00+00:00", "2024-07-16"),
        ("2024-07-15T21:00:00.000Z", "2024-07-16"),
        ("2024-07-16T03:15:00+00:00", None),
        ("2024-07-16T02:17:00+00:00", None),
        ("2024-07-16T02:00:01+00:00", None),
        ("9999-12-31T23:00:00+00:00", None),
        ("0001-01-01T01:00:00+03:00", None),
    ],
)
def test_a_day_is_the_nearest_midnight_in_utc_within_three_hours(text: str, day: str | None) -> None:
    assert read(text) == day


@pytest.mark.parametrize("name", ["Europe/Moscow", "Asia/Vladivostok", "America/New_York", "Pacific/Auckland", "UTC"])
@pytest.mark.parametrize("season", NOW)
@given(day=st.dates(date(2015, 1, 1), LAST))
def test_midnights_of_the_portal_written_in_utc(name: str, season: str, day: date) -> None:
    """As VibeCode sends them: the offset they are midnights of is known from elsewhere, and is that of today."""
    midnight = datetime.combine(day, time(), zone(name)).astimezone(UTC)
    text = f"{midnight:%Y-%m-%dT%H:%M:%S}.000Z"
    assert read(text, offset_at(NOW[season], name)) == day.isoformat()


def test_a_midnight_far_from_utc_is_no_day_without_the_offset() -> None:
    assert read("2024-02-23T14:00:00.000Z") is None
    assert read("2024-02-23T14:00:00.000Z", timedelta(hours=10)) == "2024-02-24"
    assert read("2024-02-23T14:37:00.000Z", timedelta(hours=10)) is None
