"""The portal's values → typed values, one converter per kind of column.

Classic CRM sends every scalar as a string, PHP sends `false`, `""`, `[]` or `{}` for nothing, date-times carry
the server's or the user's offset, and dates are midnights of either zone. A value that does not fit its column
is never bent: it becomes null there and is kept in `_bitrix24_unparsed`.
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

from tap_bitrix24.schema.columns import ANY, BOOLEAN, DATE, DATETIME, INTEGER, JSON, LINK, NUMBER, OBJECT, STRING

_T = TypeVar("_T")
Convert = Callable[[Any], Any]
ConvertAll = Callable[[Sequence[Any]], list[Any]]
"""Converts what the rows of a page have in one column; raises one of MISFIT if any of it does not fit."""
UNPARSABLE = (ValueError, TypeError, OverflowError, ArithmeticError)
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
_MOMENT = re.compile(r"(.{10})(...)(:[0-5]\d:[0-5]\d)(.{6})", re.ASCII)
"""Day, hour, minutes and seconds, offset; day, hour and offset are looked at when they are first met."""
_MOMENT_LENGTH = len("2024-09-02T18:37:18+02:00")
_LEARNT_AT_MOST = 16_384
_SECRETIVE = r"(?:auth|token|sign|signature|sessid|access_token|aplogin|ap)(?:\[[^\]=&]{0,64}\]|%5B[^=&]{0,64}%5D)?="
"""A secret's name in a link, with the bracket PHP nests parameters by: `auth=`, `auth[ap]=`, `auth%5Bauth%5D=`."""
_SECRET_NAME = re.compile(_SECRETIVE, re.IGNORECASE)
_SECRET_PARAMETER = re.compile(rf"([?&](?:amp;)?)(?:{_SECRETIVE}[^&#\s\"'<>\[\]]*(?:&(?:amp;)?)?)+", re.IGNORECASE)
_REST_PATH = re.compile(r"(/rest/(?:api/)?\d+/)[^/?#\s]+/", re.IGNORECASE)
"""Links to downloads by webhook hold the webhook's secret."""
_EMPTY_QUERY = re.compile(r"(?:[?&](?:amp;)?)+(?=$|[#\s\"'<>\[\]])")
_QUERY = re.compile(r"[^?#;\s\"'<>\[\]]*")
"""What may follow the question mark of a link that stands alone, not in a text."""
_FLAGS: dict[Any, bool | None] = {
    **dict.fromkeys(("Y", "1", "y", "true"), True),
    **dict.fromkeys(("N", "0", "n", "false"), False),
    **dict.fromkeys(("", None, ABSENT)),
}
_TEXTS = frozenset({str, NoneType, ABSENT.__class__})
_TEXTS_AND_FALSE = _TEXTS | {bool}


class _Memo(dict[str, _T]):
    """What texts become, learnt as they come: few are new. Raises what `learn` raises."""

    def __init__(self, learn: Callable[[str], _T]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, text: str) -> _T:
        learnt = self._learn(text)
        if len(self) >= _LEARNT_AT_MOST:
            self.clear()
        self[text] = learnt
        return learnt


def is_empty(value: Any) -> bool:
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


_DAYS = _Memo(_day)


def _date(value: Any) -> str | None:
    if value.__class__ is str:
        return _DAYS[value] if value else None
    if is_empty(value):
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


# The same for a whole column: what its values are is looked at once, then C does the work. Where anything is out of the
# ordinary, the column is converted value by value.


def _texts(values: Sequence[Any]) -> list[str]:
    """What a column of texts and nothings holds; nothings are null and PHP's `false` and `""`.

    Raises:
        TypeError: It holds a 0, which is no nothing. (Other numbers are left for the caller to stumble over.)
    """
    texts = list(filter(None, values))
    if len(texts) < len(values) and not _all_texts(values):
        raise TypeError(values)
    return texts


def _all_texts(values: Sequence[Any]) -> bool:
    classes = set(map(type, values))
    return classes <= _TEXTS or (classes <= _TEXTS_AND_FALSE and True not in values)


def _decimals(values: Sequence[Any], texts: list[str], point: str = "") -> list[Any]:
    """Decimal texts and nothings, read as one list of JSON."""
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
    return [None if each is None else float(each) for each in numbers] if exact else list(map(_number, values))


def _booleans(values: Sequence[Any]) -> list[Any]:
    try:
        return list(map(_FLAGS.__getitem__, values))
    except (KeyError, TypeError):
        return list(map(_boolean, values))


def _strings(values: Sequence[Any]) -> list[Any]:
    return [value or None for value in values] if _all_texts(values) else list(map(_string, values))


def _dates(values: Sequence[Any]) -> list[Any]:
    return [_DAYS[value] if value else _date(value) for value in values]


def _later(days: int, day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


_NEIGHBOURS = {f"2000-01-0{2 + days}": _Memo(partial(_later, days)) for days in (-1, 0, 1)}


def _utc_hour(text: str) -> tuple[Mapping[str, str], str]:
    """An hour with its offset in UTC: what becomes of its day, and the hour. Half hours of offset move minutes."""
    if not text.endswith(":00"):
        raise ValueError(text)
    day, hour = _utc(f"2000-01-02{text}")[:13].split("T")
    return _NEIGHBOURS[day], f"T{hour}"


_HOURS = _Memo(_utc_hour)


def _datetimes(values: Sequence[Any]) -> list[Any]:
    try:
        texts = _texts(values)
        found = _MOMENT.findall("".join(texts))
        if len(found) < len(texts) or not set(map(len, texts)) <= {_MOMENT_LENGTH}:
            return list(map(_datetime, values))
        moments = [f"{(utc := _HOURS[hour + zone])[0][day]}{utc[1]}{rest}Z" for day, hour, rest, zone in found]
    except UNPARSABLE:
        return list(map(_datetime, values))
    each = iter(moments)
    return moments if len(moments) == len(values) else [next(each) if value else None for value in values]


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

_WHOLE_COLUMNS: Mapping[str, ConvertAll] = {
    INTEGER: _integers,
    NUMBER: _numbers,
    BOOLEAN: _booleans,
    STRING: _strings,
    DATE: _dates,
    DATETIME: _datetimes,
}


def one_by_one(convert: Convert) -> ConvertAll:
    """The same for all values of a column."""
    return lambda values: list(map(convert, values))


CONVERT_ALL: Mapping[str, ConvertAll] = {
    kind: _WHOLE_COLUMNS.get(kind) or one_by_one(convert) for kind, convert in CONVERTERS.items()
}
"""Kind of column → the same for all its values on a page, in less time: what they are is looked at once."""
