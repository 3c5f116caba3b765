"""Converters from the portal's values to typed values, one per kind of column.

Classic CRM sends every scalar as a string, PHP sends `false`, `""`, `[]` or `{}` for "no value", date-times carry
the server's or the user's offset, and dates are midnights of either zone. A value that does not fit its column
is not changed to fit: it becomes null there and is kept in `_bitrix24_unparsed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from types import NoneType
from typing import Any, TypeVar

import orjson

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.schema.columns import ANY, BOOLEAN, DATE, DATETIME, INTEGER, JSON, LINK, NUMBER, OBJECT, STRING

_T = TypeVar("_T")
Convert = Callable[[Any], Any]
ConvertAll = Callable[[Sequence[Any]], list[Any]]
"""Converts the values of one column for all rows of a page; raises one of UNPARSABLE if any does not fit."""
UNPARSABLE = (ValueError, TypeError, OverflowError, ArithmeticError)
"""The errors a converter raises for a value that does not fit."""

ABSENT = ()
"""The value of a key that a row does not have; no value of JSON is a tuple."""

_INTEGER = re.compile(r"[+-]?\d+(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BIGINT = 2**63
_BIGINT_DIGITS = 19
"""Digits of the largest 64-bit integer; numbers with fewer digits always fit."""
_EXACT_DIGITS = 15
"""Significant decimal digits that a double keeps of any number."""
_DATE_LENGTH = 10
_MOMENT = re.compile(r"(.{10})(...)(:[0-5]\d:[0-5]\d)(.{6})", re.ASCII)
"""Day, hour, minutes and seconds, offset; day, hour and offset are checked where they are first converted."""
_MOMENT_LENGTH = len("2024-09-02T18:37:18+02:00")
_CACHE_SIZE = 16_384
_PARAMETER = r"(?:auth|token|sign|signature|sessid|access_token|aplogin|ap)(?:\[[^\]=&]{0,64}\]|%5B[^=&]{0,64}%5D)?="
"""A secret parameter's name in a link, with the bracket of PHP's nested parameters: `auth=`, `auth[ap]=`,
`auth%5Bauth%5D=`."""
_SECRET_NAME = re.compile(_PARAMETER, re.IGNORECASE)
_SECRET_PARAMETER = re.compile(rf"([?&](?:amp;)?)(?:{_PARAMETER}[^&#\s\"'<>\[\]]*(?:&(?:amp;)?)?)+", re.IGNORECASE)
_REST_PATH = re.compile(r"(/rest/(?:api/)?\d+/)[^/?#\s]+/", re.IGNORECASE)
"""The path of a download link made for a webhook; it contains the webhook's secret."""
_EMPTY_QUERY = re.compile(r"(?:[?&](?:amp;)?)+(?=$|[#\s\"'<>\[\]])")
_QUERY = re.compile(r"[^?#;\s\"'<>\[\]]*")
"""The query of a link that is the whole value, not part of a text."""
_FLAGS: dict[Any, bool | None] = {
    **dict.fromkeys(("Y", "1", "y", "true"), True),
    **dict.fromkeys(("N", "0", "n", "false"), False),
    **dict.fromkeys(("", None, ABSENT)),
}
_TEXTS = frozenset({str, NoneType, ABSENT.__class__})
_TEXTS_AND_FALSE = _TEXTS | {bool}


class _Cache(dict[str, _T]):
    """Texts and what they are converted to: most values of a column repeat. Raises what `convert` raises."""

    def __init__(self, convert: Callable[[str], _T]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> _T:
        converted = self._convert(text)
        if len(self) >= _CACHE_SIZE:
            self.clear()
        self[text] = converted
        return converted


def _integer(value: Any) -> int | None:
    if value.__class__ is str:
        if value.isdecimal() and value.isascii() and len(value) < _BIGINT_DIGITS:
            return int(value)
        if not value:
            return None
        if not _INTEGER.fullmatch(value):
            raise ValueError(value)
        number = int(value.partition(".")[0])
    elif value.__class__ is int:
        number = value
    elif is_empty(value):
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
    if is_empty(value):
        return None
    raise ValueError(value)


def _large(value: float) -> float:
    number = float(value)
    if number != value or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return number


def _boolean(value: Any) -> bool | None:
    if value.__class__ is str and value in _FLAGS:
        return _FLAGS[value]
    if value.__class__ in (bool, int) and value in (0, 1):
        return bool(value)
    if is_empty(value):
        return None
    raise ValueError(value)


def _string(value: Any) -> str | None:
    if value.__class__ is str:
        return value or None
    if value.__class__ in (int, float):
        return str(value)
    if is_empty(value):
        return None
    raise ValueError(value)


@lru_cache(maxsize=65_536)
def _utc(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def _datetime(value: Any) -> str | None:
    if value.__class__ is str:
        return _utc(value) if value else None
    if is_empty(value):
        return None
    raise ValueError(value)


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


_DAYS = _Cache(_day)


def _date(value: Any) -> str | None:
    if value.__class__ is str:
        return _DAYS[value] if value else None
    if is_empty(value):
        return None
    raise ValueError(value)


def _clean_link(link: str) -> str:
    """Return a link without its secret parameters; plain words are searched first, because the pattern is slow."""
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
    """Return a value, nested or not, without the signatures and tokens of links: links to files carry a session."""
    if value.__class__ is str:
        suspect = ("=" in value or "/rest/" in value) and ("?" in value or "://" in value or value[:1] == "/")
        return _clean_link(value) if suspect else value
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
    if is_empty(value):
        return None
    raise ValueError(value)


def _json(value: Any) -> Any:
    if value.__class__ in (dict, list):
        return without_secrets(value) if value else None
    if is_empty(value):
        return None
    raise ValueError(value)


def _any(value: Any) -> Any:
    return None if value in ("", [], {}, ABSENT) else without_secrets(value)


# Converters of whole columns: the types of the values are checked once, then C code does the work. A column with any
# unusual value is converted value by value.


def _texts(values: Sequence[Any]) -> list[str]:
    """Return the texts of a column that holds texts and empty values (null, `""`, PHP's `false`).

    Raises:
        TypeError: It holds a 0, which is a value. (Other numbers make the caller fail, which then takes the slow way.)
    """
    texts = list(filter(None, values))
    if len(texts) < len(values) and not _all_texts(values):
        raise TypeError(values)
    return texts


def _all_texts(values: Sequence[Any]) -> bool:
    classes = set(map(type, values))
    return classes <= _TEXTS or (classes <= _TEXTS_AND_FALSE and True not in values)


def _decimals(values: Sequence[Any], texts: list[str], point: str = "") -> list[Any]:
    """Return the numbers of decimal texts, null for an empty value; all are parsed as one JSON array."""
    digits = "".join(texts).replace(point, "")
    if texts and not (digits.isdecimal() and digits.isascii()):
        raise ValueError(digits)
    listed = texts if len(texts) == len(values) else [value or "null" for value in values]
    numbers: list[Any] = orjson.loads(f"[{','.join(listed)}]")
    return numbers


def _integers(values: Sequence[Any]) -> list[Any]:
    try:
        numbers = _decimals(values, _texts(values))
    except UNPARSABLE:
        return list(map(_integer, values))
    fit = max(filter(None, numbers), default=0) < _BIGINT
    return numbers if fit else list(map(_integer, values))


def _numbers(values: Sequence[Any]) -> list[Any]:
    try:
        texts = _texts(values)
        numbers = _decimals(values, texts, ".")
    except UNPARSABLE:
        return list(map(_number, values))
    exact = max(map(len, texts), default=0) <= _EXACT_DIGITS
    return [None if number is None else float(number) for number in numbers] if exact else list(map(_number, values))


def _booleans(values: Sequence[Any]) -> list[Any]:
    try:
        return list(map(_FLAGS.__getitem__, values))
    except (KeyError, TypeError):
        return list(map(_boolean, values))


def _strings(values: Sequence[Any]) -> list[Any]:
    return [value or None for value in values] if _all_texts(values) else list(map(_string, values))


def _dates(values: Sequence[Any]) -> list[Any]:
    return [_DAYS[value] if value else _date(value) for value in values]


def _shifted_day(days: int, day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


_DAY_SHIFTS = {f"2000-01-0{2 + days}": _Cache(partial(_shifted_day, days)) for days in (-1, 0, 1)}
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


_HOURS = _Cache(_utc_hour)


def _datetimes(values: Sequence[Any]) -> list[Any]:
    try:
        texts = _texts(values)
        parts = _MOMENT.findall("".join(texts))
        if len(parts) < len(texts) or not set(map(len, texts)) <= {_MOMENT_LENGTH}:
            return list(map(_datetime, values))
        moments = [f"{(utc := _HOURS[hour + zone])[0][day]}{utc[1]}{rest}Z" for day, hour, rest, zone in parts]
    except UNPARSABLE:
        return list(map(_datetime, values))
    remaining = iter(moments)
    return moments if len(moments) == len(values) else [next(remaining) if value else None for value in values]


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
"""Kind of column → converter of one value; raises one of UNPARSABLE for a value that does not fit."""

_WHOLE_COLUMNS: Mapping[str, ConvertAll] = {
    INTEGER: _integers,
    NUMBER: _numbers,
    BOOLEAN: _booleans,
    STRING: _strings,
    DATE: _dates,
    DATETIME: _datetimes,
}


def one_by_one(convert: Convert) -> ConvertAll:
    """Return a converter of whole columns that calls the converter of one value for each."""
    return lambda values: list(map(convert, values))


CONVERT_ALL: Mapping[str, ConvertAll] = {
    kind: _WHOLE_COLUMNS.get(kind) or one_by_one(convert) for kind, convert in CONVERTERS.items()
}
"""Kind of column → converter of all its values on a page; faster, because their types are checked only once."""
