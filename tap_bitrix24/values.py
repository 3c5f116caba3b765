"""The portal's values → typed values, by a converter made once per stream and source.

Classic CRM sends every scalar as a string, PHP sends `false`, `""`, `[]` or `{}` for nothing, date-times carry
the server's or the user's offset, and dates are midnights of either zone. A value that does not fit its column
is never bent: it becomes null there and is kept in `_bitrix24_unparsed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tap_bitrix24.model import Row
from tap_bitrix24.schema import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    JSON,
    NUMBER,
    OBJECT,
    STRING,
    UNPARSED,
    Column,
    default_column,
)

Convert = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?\d+(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BIGINT = 2**63
_EXACT_DIGITS = 15
"""A double keeps this many significant decimal digits of any number."""
_DATE_LENGTH = 10
_SECRET_PARAMETER = re.compile(r"(?<=[?&])(?:auth|token|sign|signature|sessid|access_token)=[^&#]*&?", re.IGNORECASE)
_TRUE = frozenset({"Y", "1", "y", "true"})
_FALSE = frozenset({"N", "0", "n", "false"})


def _is_nothing(value: Any) -> bool:
    """Whether the portal means 'no value' (`false`, `""`, `[]`, `{}`, null); 0 is a value."""
    return value is None or value is False or value in ("", [], {})


def _integer(value: Any) -> int | None:
    if value.__class__ is str:
        if not value:
            return None
        if not _INTEGER.fullmatch(value):
            raise ValueError(value)
        number = int(value.partition(".")[0])
    elif value.__class__ is int:
        number = value
    elif _is_nothing(value):
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
        if len(value) > _EXACT_DIGITS and Decimal(repr(number)) != Decimal(value):
            raise ValueError(value)
        return number
    if value.__class__ in (int, float):
        return float(value) if abs(value) < 2**53 else _large(value)
    if _is_nothing(value):
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
    if _is_nothing(value):
        return None
    raise ValueError(value)


def _string(value: Any) -> str | None:
    if value.__class__ is str:
        return value or None
    if value.__class__ in (int, float):
        return str(value)
    if _is_nothing(value):
        return None
    raise ValueError(value)


@lru_cache(maxsize=16_384)
def _utc(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def _datetime(value: Any) -> str | None:
    if value.__class__ is str:
        return _utc(value) if value else None
    if _is_nothing(value):
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
    if _is_nothing(value):
        return None
    raise ValueError(value)


def without_secrets(value: Any) -> Any:
    """A nested value with signed and token-bearing URL parameters cut out (file links carry a session)."""
    if value.__class__ is str:
        return _SECRET_PARAMETER.sub("", value).rstrip("?&") if "://" in value or value[:1] == "/" else value
    if value.__class__ is dict:
        return {key: without_secrets(inner) for key, inner in value.items()}
    if value.__class__ is list:
        return [without_secrets(inner) for inner in value]
    return value


def _object(value: Any) -> dict[str, Any] | None:
    if value.__class__ is dict:
        return without_secrets(value) if value else None
    if _is_nothing(value):
        return None
    raise ValueError(value)


def _json(value: Any) -> Any:
    if value.__class__ in (dict, list):
        return without_secrets(value) if value else None
    if _is_nothing(value):
        return None
    raise ValueError(value)


def _any(value: Any) -> Any:
    return None if value in ("", [], {}) else without_secrets(value)


def _amount(value: Any) -> float | None:
    """The number in a money value `amount|currency`."""
    return _number(value.partition("|")[0] if value.__class__ is str else value)


def _currency(value: Any) -> str | None:
    """The currency in a money value."""
    return value.partition("|")[2] or None if value.__class__ is str else None


_CONVERTERS: Mapping[str, Convert] = {
    INTEGER: _integer,
    NUMBER: _number,
    BOOLEAN: _boolean,
    STRING: _string,
    DATE: _date,
    DATETIME: _datetime,
    OBJECT: _object,
    JSON: _json,
    ANY: _any,
}


def _each(convert: Convert) -> Convert:
    """Apply to every item; PHP sends `false` for an empty list and a lone scalar for a list of one."""

    def convert_all(value: Any) -> list[Any]:
        if value.__class__ is list:
            return [convert(item) for item in value]
        return [] if _is_nothing(value) else [convert(value)]

    return convert_all


class RowConverter:
    """Turns rows of one source into records of its stream."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        keep: Callable[[str], bool] = lambda _: True,
        renames: Mapping[str, str] | None = None,
        ignores: frozenset[str] = frozenset(),
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        """Compile the plan.

        Args:
            columns: All columns of the stream.
            keep: Whether a column is selected; others are known, but not written.
            renames: Row key → portal name.
            ignores: Row keys that hold nothing of their own.
            constants: Column → value added to every row.
        """
        self.unparsed: dict[str, int] = {}
        """Column → how many of its values did not fit."""
        self.unknown: set[str] = set()
        """Row keys no column describes."""
        self._renames = renames or {}
        self._ignores = ignores
        self._constants = dict(constants or {})
        self._keep = keep
        self._by_name: dict[str, Column] = {}
        self._by_column = {column.name: column for column in columns}
        self._currencies = {column.portal_name: column for column in columns if column.currency}
        for column in columns:
            if not column.currency:
                self._by_name[column.portal_name] = column
        self._blank: Row = {column.name: None for column in columns if keep(column.name)}
        self._keeps_unparsed = keep(UNPARSED)
        if self._keeps_unparsed:
            self._blank[UNPARSED] = None
        self._plan: dict[str, tuple[str, Convert | None]] = {}
        self._splits: dict[str, tuple[str, Convert]] = {}

    def __call__(self, row: Row) -> Row:
        """Convert one row. Columns absent from the row are null, so that an upsert clears them."""
        record = self._blank.copy()
        plan = self._plan
        for key, value in row.items():
            step = plan.get(key) or self._learn(key)
            convert = step[1]
            if convert is None:
                continue
            try:
                record[step[0]] = convert(value)
            except (ValueError, TypeError, OverflowError, ArithmeticError):
                self._misfit(record, step[0], value)
        for key, (column, convert_currency) in self._splits.items():
            if key in row:
                record[column] = convert_currency(row[key])
        for key in self.unknown:
            if not _is_nothing(row.get(key)):
                self._misfit(record, default_column(self._renames.get(key, key)), row[key])
        record.update(self._constants)
        return record

    def column(self, row_key: str) -> str:
        """The column a row key is written to."""
        return self._learn(row_key)[0]

    def _misfit(self, record: Row, column: str, value: Any) -> None:
        self.unparsed[column] = self.unparsed.get(column, 0) + 1
        if column in self._by_column:
            record[column] = None
        if self._keeps_unparsed:
            record[UNPARSED] = {**(record[UNPARSED] or {}), column: without_secrets(value)}

    def _learn(self, key: str) -> tuple[str, Convert | None]:
        name = self._renames.get(key, key)
        column = self._by_name.get(name) or self._by_column.get(default_column(name))
        step: tuple[str, Convert | None] = (key, None)
        if column is None:
            if key not in self._ignores:
                self.unknown.add(key)
        elif self._keep(column.name):
            step = (column.name, self._converter(key, column))
        self._plan[key] = step
        return step

    def _converter(self, key: str, column: Column) -> Convert:
        convert = _CONVERTERS[column.kind]
        if currency := self._currencies.get(column.portal_name):
            convert = _amount
            if self._keep(currency.name):
                self._splits[key] = (currency.name, _each(_currency) if column.multiple else _currency)
        return _each(convert) if column.multiple else convert
