"""Instants and days: the time zones of the demo portal, dates and times as text, and how date text is read.

Rows hold instants as UTC seconds and dates as days since 1970. Server, API user and UTC have three different zones on
purpose, one of them negative: who mixes them up gets wrong answers.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

SERVER_ZONE: Final = -3 * 3600
USER_ZONE: Final = 5 * 3600 + 1800
DAY: Final = 86400

_CLOCK: Final = [f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)]
_EPOCH: Final = date(1970, 1, 1)
_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s?(Z|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})(?: (\d\d?):(\d\d)(?::(\d\d))?)?")


@lru_cache(maxsize=20_000)
def day_text(day: int) -> str:
    """Return a day number as ``YYYY-MM-DD``."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def _offset_text(zone: int) -> str:
    """Return an offset in seconds as ``+HH:MM``."""
    return f"{'-' if zone < 0 else '+'}{abs(zone) // 3600:02}:{abs(zone) // 60 % 60:02}"


_SERVER_TEXT: Final = _offset_text(SERVER_ZONE)
_USER_TEXT: Final = _offset_text(USER_ZONE)


def server_iso(seconds: int) -> str:
    """Return an instant as text with the server's offset."""
    day, second = divmod(seconds + SERVER_ZONE, DAY)
    return day_text(day) + _CLOCK[second] + _SERVER_TEXT


def user_iso(seconds: int) -> str:
    """Return an instant as text with the API user's offset, as in tasks."""
    day, second = divmod(seconds + USER_ZONE, DAY)
    return day_text(day) + _CLOCK[second] + _USER_TEXT


def date_iso(day: int) -> str:
    """Return a date as the CRM writes it: 00:00 UTC in the server's zone, so the text may name the day before."""
    return server_iso(day * DAY)


def parse_time(text: Any, zone: int) -> int | None:
    """Return date text as UTC seconds, or None, as ``strtotime`` does; without an offset it is local to ``zone``."""
    if isinstance(text, int) and not isinstance(text, bool):
        return None
    if not isinstance(text, str):
        return None
    text = text.strip()
    iso = _ISO.fullmatch(text)
    dotted = None if iso else _DOTTED.fullmatch(text)
    if iso:
        year, month, day, *clock, offset = iso.groups()
        if offset and clock[0] is None:
            return None
    elif dotted:
        day, month, year, *clock = dotted.groups()
        offset = None
    else:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in clock)
        moment = datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) - (zone if offset is None else _offset_seconds(offset))


def _offset_seconds(text: str) -> int:
    """Return an offset (``Z``, ``+03``, ``+0300`` or ``+03:00``) in seconds."""
    if text.upper() == "Z":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds
