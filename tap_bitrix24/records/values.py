"""Converters from the portal's values to typed values, one per kind of column.

Classic CRM sends every scalar as a string, PHP sends `false`, `""`, `[]` or `{}` for "no value", date-times carry
the server's or the user's offset, and dates are midnights. A value that does not fit its column
is not changed to fit: it becomes null there and is kept in `_bitrix24_unparsed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from tap_bitrix24.dialects.response_shapes import is_empty
from tap_bitrix24.records.dates import date_converter, to_datetime, to_datetimes
from tap_bitrix24.records.secrets import without_secrets
from tap_bitrix24.records.texts import ABSENT, UNPARSABLE, Convert, ConvertAll, all_texts, texts_of
from tap_bitrix24.schema.columns import ANY, BOOLEAN, DATE, DATETIME, INTEGER, JSON, LINK, NUMBER, OBJECT, STRING

_INTEGER = re.compile(r"[+-]?\d+(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BIGINT = 2**63
_BIGINT_DIGITS = 19
"""Digits of the largest 64-bit integer; numbers with fewer digits always fit."""
_EXACT_DIGITS = 15
"""Significant decimal digits that a double keeps of any number."""
_FLAGS: dict[Any, bool | None] = {
    **dict.fromkeys(("Y", "1", "y", "true"), True),
    **dict.fromkeys(("N", "0", "n", "false"), False),
    **dict.fromkeys(("", None, ABSENT)),
}


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


def to_reference(value: Any) -> int | None:
    """Return the id a reference holds; 0 stands for "nothing" (docs/decisions.md#decision-6), no id is negative."""
    number = _integer(value)
    if number is not None and number < 0:
        raise ValueError(value)
    return number or None


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
        numbers = _decimals(values, texts_of(values))
    except UNPARSABLE:
        return list(map(_integer, values))
    fit = max(filter(None, numbers), default=0) < _BIGINT
    return numbers if fit else list(map(_integer, values))


def to_references(values: Sequence[Any]) -> list[Any]:
    """Return the ids of a column of references."""
    numbers = _integers(values)
    if min(filter(None, numbers), default=0) < 0:
        raise ValueError(values)
    return [number or None for number in numbers]


def _numbers(values: Sequence[Any]) -> list[Any]:
    try:
        texts = texts_of(values)
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
    return [value or None for value in values] if all_texts(values) else list(map(_string, values))


_to_date, _to_dates = date_converter()

CONVERTERS: Mapping[str, Convert] = {
    INTEGER: _integer,
    NUMBER: _number,
    BOOLEAN: _boolean,
    STRING: _string,
    LINK: _link,
    DATE: _to_date,
    DATETIME: to_datetime,
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
    DATE: _to_dates,
    DATETIME: to_datetimes,
}


def one_by_one(convert: Convert) -> ConvertAll:
    """Return a converter of whole columns that calls the converter of one value for each."""
    return lambda values: list(map(convert, values))


CONVERT_ALL: Mapping[str, ConvertAll] = {
    kind: _WHOLE_COLUMNS.get(kind) or one_by_one(convert) for kind, convert in CONVERTERS.items()
}
"""Kind of column → converter of all its values on a page; faster, because their types are checked only once."""
