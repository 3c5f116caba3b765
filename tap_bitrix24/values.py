"""The portal's values → typed values, one converter per kind of column.

Classic CRM sends every scalar as a string, PHP sends `false`, `""`, `[]` or `{}` for nothing, date-times carry
the server's or the user's offset, and dates are midnights of either zone. A value that does not fit its column
is never bent: it becomes null there and is kept in `_bitrix24_unparsed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tap_bitrix24.schema import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    JSON,
    LINK,
    NUMBER,
    OBJECT,
    STRING,
)

Convert = Callable[[Any], Any]
MISFIT = (ValueError, TypeError, OverflowError, ArithmeticError)
"""What a converter raises for a value that does not fit."""

ABSENT = ()
"""Stands for a key the row does not have; JSON knows no tuples."""

_INTEGER = re.compile(r"[+-]?\d+(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BIGINT = 2**63
_SURELY_BIGINT = 19
"""Fewer digits than this always fit into 64 bits."""
_EXACT_DIGITS = 15
"""A double keeps this many significant decimal digits of any number."""
_DATE_LENGTH = 10
_ISO_LENGTH = len("2024-09-02T18:37:18+02:00")
_SIXTY = frozenset(f"{number:02}" for number in range(60))
_SECRETIVE = r"(?:auth|token|sign|signature|sessid|access_token|aplogin|ap)(?:\[[^\]=&]{0,64}\]|%5B[^=&]{0,64}%5D)?="
"""A secret's name in a link, with the bracket PHP nests parameters by: `auth=`, `auth[ap]=`, `auth%5Bauth%5D=`."""
_SECRET_NAME = re.compile(_SECRETIVE, re.IGNORECASE)
_SECRET_PARAMETER = re.compile(rf"([?&](?:amp;)?)(?:{_SECRETIVE}[^&#\s\"'<>\[\]]*(?:&(?:amp;)?)?)+", re.IGNORECASE)
_REST_PATH = re.compile(r"(/rest/(?:api/)?\d+/)[^/?#\s]+/", re.IGNORECASE)
"""Links to downloads by webhook hold the webhook's secret."""
_EMPTY_QUERY = re.compile(r"(?:[?&](?:amp;)?)+(?=$|[#\s\"'<>\[\]])")
_QUERY = re.compile(r"[^?#;\s\"'<>\[\]]*")
"""What may follow the question mark of a link that stands alone, not in a text."""
_TRUE = frozenset({"Y", "1", "y", "true"})
_FALSE = frozenset({"N", "0", "n", "false"})


def is_nothing(value: Any) -> bool:
    """Whether the portal means 'no value' (`false`, `""`, `[]`, `{}`, null); 0 is a value."""
    return value is None or value is False or value in ("", [], {}, ABSENT)


def _integer(value: Any) -> int | None:
    if value.__class__ is str:
        if value.isdecimal() and value.isascii() and len(value) < _SURELY_BIGINT:
            return int(value)
        if not value:
            return None
        if not _INTEGER.fullmatch(value):
            raise ValueError(value)
        number = int(value.partition(".")[0])
    elif value.__class__ is int:
        number = value
    elif is_nothing(value):
        return None
    elif value.__class__ is float and value.is_integer():
        number = int(value)
    else:
        raise ValueError(value)
    if not -_BIGINT <= number < _BIGINT:
        raise ValueError(value)
    return int(number)


def _number(value: Any) -> float | None:
    if value.__class__ is str:
        if not value:
            return None
        if not _NUMBER.fullmatch(value):
            raise ValueError(value)
        number = float(value)
        if (len(value) > _EXACT_DIGITS or "e" in value or "E" in value) and Decimal(repr(number)) != Decimal(value):
            raise ValueError(value)
        return number
    if value.__class__ in (int, float):
        return float(value) if abs(value) < 2**53 else _large(value)
    if is_nothing(value):
        return None
    raise ValueError(value)


def _large(value: float) -> float:
    number = float(value)
    if number != value or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return number


def _boolean(value: Any) -> bool | None:
    if value in _TRUE if value.__class__ is str else value is True:
        return True
    if value in _FALSE if value.__class__ is str else value is False:
        return False
    if value.__class__ is int and value in (0, 1):
        return bool(value)
    if is_nothing(value):
        return None
    raise ValueError(value)


def _string(value: Any) -> str | None:
    if value.__class__ is str:
        return value or None
    if value.__class__ in (int, float):
        return str(value)
    if is_nothing(value):
        return None
    raise ValueError(value)


@lru_cache(maxsize=65_536)
def _utc(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def _utc_fast(value: str) -> str:
    """`_utc`, but only the hour is looked up where the offset is whole hours: minutes and seconds stay as they are."""
    if len(value) == _ISO_LENGTH and value[13:17:3] == "::" and value[22:] == ":00":
        minute, second = value[14:16], value[17:19]
        if minute in _SIXTY and second in _SIXTY:
            return _utc(f"{value[:13]}{value[19:]}")[:13] + value[13:19] + "Z"
    return _utc(value)


def _datetime(value: Any) -> str | None:
    if value.__class__ is str:
        return _utc_fast(value) if value else None
    if is_nothing(value):
        return None
    raise ValueError(value)


@lru_cache(maxsize=16_384)
def _day(value: str) -> str:
    if len(value) == _DATE_LENGTH:
        return date.fromisoformat(value).isoformat()
    moment = datetime.fromisoformat(value)
    if moment.time() == time.min:
        return moment.date().isoformat()
    if moment.tzinfo is None:
        raise ValueError(value)
    utc = moment.astimezone(UTC)
    if utc.time() != time.min:
        raise ValueError(value)
    return utc.date().isoformat()


def _date(value: Any) -> str | None:
    if value.__class__ is str:
        return _day(value) if value else None
    if is_nothing(value):
        return None
    raise ValueError(value)


def _clean_link(link: str) -> str:
    """A link without its secret parameters; the pattern is slow, so plain words are looked for first."""
    low = link.lower()
    if "/rest/" in low:
        link = _REST_PATH.sub(r"\1", link)
    if not ("auth" in low or "token" in low or "sign" in low or "sessid=" in low or "ap=" in low or "aplogin=" in low):
        return link
    head, question, query = link.partition("?")
    if not question or not _QUERY.fullmatch(query):
        clean, cut = _SECRET_PARAMETER.subn(r"\1", link)
        return _EMPTY_QUERY.sub("", clean) if cut else link
    kept = [part for part in query.split("&") if not _SECRET_NAME.match(part)]
    return f"{head}?{'&'.join(kept)}" if kept else head


def without_secrets(value: Any) -> Any:
    """A nested value with signed and token-bearing URL parameters cut out (file links carry a session)."""
    if value.__class__ is str:
        held = ("=" in value or "/rest/" in value) and ("?" in value or "://" in value or value[:1] == "/")
        return _clean_link(value) if held else value
    if value.__class__ is dict:
        return {key: without_secrets(inner) for key, inner in value.items()}
    if value.__class__ is list:
        return [without_secrets(inner) for inner in value]
    return value


def _link(value: Any) -> str | None:
    text = _string(value)
    return None if text is None else without_secrets(text)


def _object(value: Any) -> dict[str, Any] | None:
    if value.__class__ is dict:
        return without_secrets(value) if value else None
    if is_nothing(value):
        return None
    raise ValueError(value)


def _json(value: Any) -> Any:
    if value.__class__ in (dict, list):
        return without_secrets(value) if value else None
    if is_nothing(value):
        return None
    raise ValueError(value)


def _any(value: Any) -> Any:
    return None if value in ("", [], {}, ABSENT) else without_secrets(value)


CONVERTERS: Mapping[str, Convert] = {
    INTEGER: _integer,
    NUMBER: _number,
    BOOLEAN: _boolean,
    STRING: _string,
    LINK: _link,
    DATE: _date,
    DATETIME: _datetime,
    OBJECT: _object,
    JSON: _json,
    ANY: _any,
}
"""Kind of column → what turns a portal's value into it; raises one of MISFIT where it does not fit."""
