"""Instants and days: the time zones of the demo portal, dates and times as text, and how date text is read.

Rows hold instants as UTC seconds and dates as days since 1970. Server, API user and UTC have three different zones on
purpose, one of them negative: who mixes them up gets wrong answers. The server's zone is the option ``--timezone``.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY: Final = 86400

_CLOCK: Final = [f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)]
_EPOCH: Final = date(1970, 1, 1)
_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s?(Z|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})(?: (\d\d?):(\d\d)(?::(\d\d))?)?")


@dataclass(frozen=True)
class Zone:
    """A time zone; offsets are in seconds. ``now`` is the portal's clock."""

    zone: tzinfo
    now: Callable[[], float] = lambda: 0.0

    def offset(self, instant: float) -> int:
        """Return the offset that is valid at an instant."""
        given = datetime.fromtimestamp(instant, self.zone).utcoffset()
        return 0 if given is None else int(given.total_seconds())

    def instant(self, local: datetime) -> int:
        """Return the instant of a local time."""
        return int(local.replace(tzinfo=self.zone).timestamp())


SERVER_ZONE: Final = Zone(timezone(timedelta(hours=-3)))
USER_ZONE: Final = Zone(timezone(timedelta(hours=5, minutes=30)))
_serving: ContextVar[Zone] = ContextVar("serving", default=SERVER_ZONE)


def named_zone(name: str, now: Callable[[], float]) -> Zone:
    """Return the zone of an IANA name, or the default; an unknown name raises ValueError."""
    try:
        return Zone(ZoneInfo(name), now) if name else SERVER_ZONE
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"unknown time zone {name!r}"
        raise ValueError(message) from error


def serve_in(zone: Zone) -> None:
    """Make a zone the server's for all that this thread writes and reads."""
    _serving.set(zone)


def server_zone() -> Zone:
    """Return the server's zone."""
    return _serving.get()


@lru_cache(maxsize=20_000)
def day_text(day: int) -> str:
    """Return a day number as ``YYYY-MM-DD``."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def _offset_text(zone: int) -> str:
    """Return an offset in seconds as ``+HH:MM``."""
    return f"{'-' if zone < 0 else '+'}{abs(zone) // 3600:02}:{abs(zone) // 60 % 60:02}"


@lru_cache(maxsize=20_000)
def _offset_of_hour(zone: Zone, hour: int) -> tuple[int, str]:
    """Return the offset valid in an hour, in seconds and as text."""
    offset = zone.offset(hour * 3600)
    return offset, _offset_text(offset)


def _iso(seconds: int, zone: Zone) -> str:
    """Return an instant as text with the offset that is valid then."""
    offset, text = _offset_of_hour(zone, seconds // 3600)
    day, second = divmod(seconds + offset, DAY)
    return day_text(day) + _CLOCK[second] + text


def server_iso(seconds: int) -> str:
    """Return an instant as text with the server's offset."""
    return _iso(seconds, _serving.get())


def user_iso(seconds: int) -> str:
    """Return an instant as text with the API user's offset, as in tasks."""
    return _iso(seconds, USER_ZONE)


def date_iso(day: int) -> str:
    """Return a date as the CRM writes it: the server's midnight plus its offset of now (docs/protocol.md §6).

    With a constant offset that is 00:00 UTC in the server's zone, so the text may name the day before.
    """
    zone = _serving.get()
    if zone is SERVER_ZONE:
        return server_iso(day * DAY)
    return server_iso(zone.instant(datetime.combine(_EPOCH + timedelta(days=day), time())) + zone.offset(zone.now()))


def parse_time(text: Any, zone: Zone) -> int | None:
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
    return zone.instant(moment) if offset is None else int(moment.timestamp()) - _offset_seconds(offset)


def _offset_seconds(text: str) -> int:
    """Return an offset (``Z``, ``+03``, ``+0300`` or ``+03:00``) in seconds."""
    if text.upper() == "Z":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds
