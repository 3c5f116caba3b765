"""STATE of a stream: bookmarks as text, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tap_bitrix24.errors import SettingsError


def parse_id(after: Any) -> int:
    """Return the id a first load resumes behind.

    Raises:
        SettingsError: The value is not a whole number ≥ 0.
    """
    if not isinstance(after, int) or isinstance(after, bool) or after < 0:
        msg = f"STATE holds {after!r} where an id belongs; correct it or drop that stream's bookmark."
        raise SettingsError(msg)
    return after


def format_bookmark(moment: datetime) -> str:
    """Return a date-time as STATE stores it: UTC, whole seconds, `2026-01-31T09:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_bookmark(text: str) -> datetime:
    """Return the date-time a bookmark stores, in UTC and whole seconds.

    Raises:
        SettingsError: The value is not a date-time with a UTC offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"STATE holds {text!r} where a date-time with offset belongs; correct it or drop that stream's bookmark."
        raise SettingsError(msg)
    return moment.astimezone(UTC).replace(microsecond=0)
