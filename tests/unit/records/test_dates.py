"""Days survive what servers do to them, in every time zone, read in winter or summer (docs/decisions.md#decision-5)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.records.dates import offset_of
from tap_bitrix24.schema.columns import DATE, UNPARSED, Column
from tests.support.full import FULL

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/")))
NOW = {"winter": datetime(2026, 1, 15, 12, tzinfo=UTC), "summer": datetime(2026, 7, 15, 12, tzinfo=UTC)}
OFTEN = settings(max_examples=20_000 if FULL else 200, derandomize=not FULL, deadline=None, database=None)
MOST = timedelta(hours=3)
FIRST, LAST = date(1950, 1, 2), date(2100, 12, 31)
MOVED = {
    "America/Inuvik": 1952,
    "America/Rankin_Inlet": 1956,
    "Antarctica/Casey": 1968,
    "Antarctica/Davis": 1969,
    "Antarctica/DumontDUrville": 1956,
    "Antarctica/Mawson": 1954,
    "Antarctica/McMurdo": 1955,
    "Antarctica/Vostok": 1994,
    "Pacific/Apia": 2011,
    "Pacific/Enderbury": 1994,
    "Pacific/Fakaofo": 2011,
    "Pacific/Kanton": 1994,
    "Pacific/Kiritimati": 1994,
    "Pacific/Kwajalein": 1993,
}
"""Zone → the last year in which its offset differs by more than three hours from that of today: stations in the ice,
islands that moved across the date line. Days up to then are not promised there."""


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


@OFTEN
@given(st.dates(FIRST, LAST), st.sampled_from(ZONES), st.sampled_from(sorted(NOW)))
def test_the_day_a_server_meant(day: date, name: str, season: str) -> None:
    text, distance = sent(day, name, NOW[season])
    if distance <= MOST:
        assert read(text) == day.isoformat(), text
    else:
        assert day.year <= MOVED[name]


@pytest.mark.parametrize("season", NOW)
def test_some_days_in_every_zone(season: str) -> None:
    """Those that are misread lie in the zones that moved further than summer time moves them."""
    days = [date(year, month, 2) for year in (1950, 1970, 1990, 2011) for month in (1, 7)]
    days += [date(2024, 1, 1) + timedelta(number) for number in range(0, 366, 30)]
    for name in ZONES:
        for day in days:
            text, distance = sent(day, name, NOW[season])
            assert read(text) == day.isoformat() if distance <= MOST else day.year <= MOVED.get(name, 0), (
                f"{name} {day} {text}"
            )


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
@OFTEN
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


@pytest.mark.parametrize(
    ("values", "hours"),
    [
        (["2024-02-23T21:00:00.000Z", "2024-02-23T21:00:00+03:00"], 3),
        (["5", None, "2024-02-23T21:00:00-05:00", "2024-02-23T21:00:00+03:00"], -5),
        (["2024-02-23T21:00:00+00:00"], 0),
        (["2024-02-23T21:00:00.000Z", "2024-02-23", 5, "a text of 25 letters or so"], None),
    ],
)
def test_date_times_tell_the_offset(values: list[object], hours: int | None) -> None:
    rows = [{"value": value} for value in values]
    assert offset_of(rows) == (None if hours is None else timedelta(hours=hours))
