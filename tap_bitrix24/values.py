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
MISFIT = (ValueError, TypeError, OverflowError, ArithmeticError)
"""What a converter raises for a value that does not fit."""

_ABSENT = ()
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
_SECRET_PARAMETER = re.compile(
    r"([?&])(?:(?:auth|token|sign|signature|sessid|access_token)=[^&#\s]*&?)+", re.IGNORECASE
)
_SECRET_NAMES = ("auth=", "token=", "sign=", "signature=", "sessid=", "access_token=")
_EMPTY_QUERY = re.compile(r"[?&]+(?=$|[#\s])")
_TRUE = frozenset({"Y", "1", "y", "true"})
_FALSE = frozenset({"N", "0", "n", "false"})


def _is_nothing(value: Any) -> bool:
    """Whether the portal means 'no value' (`false`, `""`, `[]`, `{}`, null); 0 is a value."""
    return value is None or value is False or value in ("", [], {}, _ABSENT)


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
        if (len(value) > _EXACT_DIGITS or "e" in value or "E" in value) and Decimal(repr(number)) != Decimal(value):
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


def _clean_link(link: str) -> str:
    """A link without its secret parameters; the pattern is slow, so plain words are looked for first."""
    low = link.lower()
    if not ("auth=" in low or "token=" in low or "sign=" in low or "signature=" in low or "sessid=" in low):
        return link
    head, question, query = link.partition("?")
    if not question or "#" in query or "?" in query or " " in query or not query.isprintable():
        clean, cut = _SECRET_PARAMETER.subn(r"\1", link)
        return _EMPTY_QUERY.sub("", clean) if cut else link
    kept = [part for part in query.split("&") if not part.lower().startswith(_SECRET_NAMES)]
    return f"{head}?{'&'.join(kept)}" if kept else head


def without_secrets(value: Any) -> Any:
    """A nested value with signed and token-bearing URL parameters cut out (file links carry a session)."""
    if value.__class__ is str:
        return _clean_link(value) if "=" in value and ("://" in value or value[:1] == "/") else value
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
    return None if value in ("", [], {}, _ABSENT) else without_secrets(value)


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

    def convert_all(value: Any) -> list[Any] | None:
        if value.__class__ is list:
            return [convert(item) for item in value]
        if value is _ABSENT:
            return None
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
        self._keep = keep
        self._by_name: dict[str, Column] = {}
        self._by_column = {column.name: column for column in columns if not column.currency}
        self._currencies = {column.portal_name: column for column in columns if column.currency}
        for column in columns:
            if not column.currency:
                self._by_name[column.portal_name] = column
        self._blank = [name for name in (*(column.name for column in columns), UNPARSED) if keep(name)]
        """Columns of every record, in order."""
        self._constants = {name: value for name, value in (constants or {}).items() if name in self._blank}
        self._plan: dict[str, tuple[str, Convert] | None] = {}
        self._splits: dict[str, tuple[str, Convert]] = {}

    def __call__(self, rows: Sequence[Row]) -> list[Row]:
        """Convert a page, column by column: one call per column instead of one per value.

        Columns absent from a row are null, so that an upsert clears them.
        """
        planned = self._plan.keys()
        for row in rows:
            if not row.keys() <= planned:
                for key in sorted(row.keys() - planned, key=self._exact_first):
                    self._learn(key)
        misfits: dict[int, Row] = {}
        nothing = [None] * len(rows)
        columns: dict[str, list[Any] | list[None]] = dict.fromkeys(self._blank, nothing)
        for key, step in self._plan.items():
            if step is not None:
                columns[step[0]] = self._column(step, [row.get(key, _ABSENT) for row in rows], misfits)
        for key, step in self._splits.items():
            columns[step[0]] = [step[1](row.get(key, _ABSENT)) for row in rows]
        for column, value in self._constants.items():
            columns[column] = [value] * len(rows)
        records = [dict(zip(columns, values, strict=False)) for values in zip(*columns.values(), strict=True)]
        self._keep_unknown(rows, misfits)
        if UNPARSED in self._blank:
            for number, originals in misfits.items():
                records[number][UNPARSED] = originals
        return records

    def _column(self, step: tuple[str, Convert], values: list[Any], misfits: dict[int, Row]) -> list[Any]:
        column, convert = step
        try:
            return list(map(convert, values))
        except MISFIT:
            converted: list[Any] = [None] * len(values)
            for number, value in enumerate(values):
                try:
                    converted[number] = convert(value)
                except MISFIT:
                    self._misfit(misfits.setdefault(number, {}), column, value)
            return converted

    def _keep_unknown(self, rows: Sequence[Row], misfits: dict[int, Row]) -> None:
        for key in sorted(self.unknown):
            column = default_column(self._renames.get(key, key))
            for number, row in enumerate(rows):
                if not _is_nothing(row.get(key)):
                    originals = misfits.setdefault(number, {})
                    self._misfit(originals, key if column in originals else column, row[key])

    def _misfit(self, originals: Row, column: str, value: Any) -> None:
        self.unparsed[column] = self.unparsed.get(column, 0) + 1
        originals[column] = without_secrets(value)

    def column(self, row_key: str) -> str | None:
        """The column a row key is written to; None: to none."""
        if row_key not in self._plan:
            self._learn(row_key)
        step = self._plan[row_key]
        return step[0] if step else None

    def _learn(self, key: str) -> None:
        """Plan a row key not seen before; two keys never feed one column, the second counts as unknown."""
        self._plan[key] = None
        if key in self._ignores:
            return
        name = self._renames.get(key, key)
        column = self._by_name.get(name) or self._by_column.get(default_column(name))
        if column is None or any(step and step[0] == column.name for step in self._plan.values()):
            self.unknown.add(key)
            return
        currency = self._currencies.get(column.portal_name)
        if currency is not None and self._keep(currency.name):
            self._splits[key] = (currency.name, _each(_currency) if column.multiple else _currency)
        if self._keep(column.name):
            convert = _amount if currency is not None else _CONVERTERS[column.kind]
            self._plan[key] = (column.name, _each(convert) if column.multiple else convert)

    def _exact_first(self, key: str) -> tuple[bool, str]:
        """Sorts keys that are a portal name before those that merely resemble one."""
        return self._renames.get(key, key) not in self._by_name, key
