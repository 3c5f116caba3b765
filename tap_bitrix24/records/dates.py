"""Converters of dates and date-times.

Date-times carry the offset of the server, of the user, or none but UTC's. For a date the server writes its midnight of
that day plus its offset of *now*, printed with its offset of *then* (docs/protocol.md §6): with a constant offset
midnight in UTC, otherwise as far from it as the two offsets differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Any

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.records.texts import UNPARSABLE, Convert, ConvertAll, TextCache, texts_of

_DATE_LENGTH = 10
_MOMENT = re.compile(r"(.{10})(...)(:[0-5]\d:[0-5]\d)(.{6})", re.ASCII)
"""Day, hour, minutes and seconds, offset; day, hour and offset are checked where they are first converted."""
_MOMENT_LENGTH = len("2024-09-02T18:37:18+02:00")
_NEAR_MIDNIGHT = timedelta(hours=3)
"""How far a server's offset of now may differ from that of another day: zones with summer time, and most reforms."""
_QUARTER = 15
"""All offsets of today are quarters of an hour: what is none is a time of day."""
_HALF_A_DAY = timedelta(hours=12)


@lru_cache(maxsize=65_536)
def _utc(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def to_datetime(value: Any) -> str | None:
    """Return a date-time in UTC."""
    if value.__class__ is str:
        return _utc(value) if value else None
    if is_empty(value):
        return None
    raise ValueError(value)


def _day(text: str, offset: timedelta | None = None) -> str:
    """Return the day a date means: it is a midnight of its own offset, or nearly one of the given offset or of UTC."""
    if len(text) == _DATE_LENGTH:
        return date.fromisoformat(text).isoformat()
    moment = datetime.fromisoformat(text)
    if moment.time() == time.min:
        return moment.date().isoformat()
    own = moment.utcoffset()
    if own is None or moment.minute % _QUARTER or moment.second or moment.microsecond:
        raise ValueError(text)
    utc = moment.replace(tzinfo=None) - own
    for local in (utc + (offset or timedelta()), utc):
        nearest = datetime.combine((local + _HALF_A_DAY).date(), time.min)
        if abs(local - nearest) <= _NEAR_MIDNIGHT:
            return nearest.date().isoformat()
    raise ValueError(text)


def offset_of(rows: Iterable[Mapping[str, Any]]) -> timedelta | None:
    """Return the offset from UTC the date-times of rows are written with; None if all are written in UTC (`Z`)."""
    for row in rows:
        for value in row.values():
            if value.__class__ is str and len(value) == _MOMENT_LENGTH and _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value).utcoffset()
    return None


def date_converter(offset: timedelta | None = None) -> tuple[Convert, ConvertAll]:
    """Return the converters of one date and of a column of dates.

    Args:
        offset: The portal's offset from UTC, where an API writes the midnights of its dates in UTC, as VibeCode does:
            `2024-02-23T21:00:00.000Z` is 2024-02-24 in Moscow.
    """
    days = TextCache(partial(_day, offset=offset))

    def to_date(value: Any) -> str | None:
        if value.__class__ is str:
            return days[value] if value else None
        if is_empty(value):
            return None
        raise ValueError(value)

    def to_dates(values: Sequence[Any]) -> list[Any]:
        return [days[value] if value else to_date(value) for value in values]

    return to_date, to_dates


def _shifted_day(days: int, day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


_DAY_SHIFTS = {f"2000-01-0{2 + days}": TextCache(partial(_shifted_day, days)) for days in (-1, 0, 1)}
"""2000-01-02 shifted by -1, 0 or 1 days → a map from any day to the day shifted as much."""


def _utc_hour(text: str) -> tuple[Mapping[str, str], str]:
    """Return, for a local hour with its offset, the map from local days to days in UTC, and the hour in UTC.

    Raises:
        ValueError: The offset is not whole hours: it would shift the minutes, too.
    """
    if not text.endswith(":00"):
        raise ValueError(text)
    day, hour = _utc(f"2000-01-02{text}")[:13].split("T")
    return _DAY_SHIFTS[day], f"T{hour}"


_HOURS = TextCache(_utc_hour)


def to_datetimes(values: Sequence[Any]) -> list[Any]:
    """Return a column of date-times in UTC; those without a fraction are converted by day and hour, which repeat."""
    try:
        texts = texts_of(values)
        parts = _MOMENT.findall("".join(texts))
        if len(parts) < len(texts) or not set(map(len, texts)) <= {_MOMENT_LENGTH}:
            return list(map(to_datetime, values))
        moments = [f"{(utc := _HOURS[hour + zone])[0][day]}{utc[1]}{rest}Z" for day, hour, rest, zone in parts]
    except UNPARSABLE:
        return list(map(to_datetime, values))
    remaining = iter(moments)
    return moments if len(moments) == len(values) else [next(remaining) if value else None for value in values]
