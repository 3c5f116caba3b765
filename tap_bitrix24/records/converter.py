"""Rows → records, by a converter made once per stream and source: one call per column and page, not per value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.records.values import (
    ABSENT,
    CONVERT_ALL,
    CONVERTERS,
    UNPARSABLE,
    Convert,
    ConvertAll,
    is_empty,
    one_by_one,
    without_secrets,
)
from tap_bitrix24.schema.columns import NUMBER, STRING, UNPARSED, Column, default_column

_ADDRESS = re.compile(
    r"(?P<line>.*?)(?:\|(?P<latitude>-?[\d.]+)?;(?P<longitude>-?[\d.]+)?)?(?:\|(?P<location_id>\d+))?", re.DOTALL
)


def _amounts(values: Sequence[Any]) -> list[Any]:
    """The numbers in money values `amount|currency`."""
    return CONVERT_ALL[NUMBER]([value.partition("|")[0] if value.__class__ is str else value for value in values])


def _amount(value: Any) -> Any:
    return _amounts([value])[0]


def _currencies(values: Sequence[Any]) -> list[str | None]:
    """The currencies in them."""
    return [value.partition("|")[2] or None if value.__class__ is str else None for value in values]


def _currency(value: Any) -> str | None:
    return _currencies([value])[0]


def _first(value: Any) -> str | None:
    """The value of the first of several phones or addresses."""
    found = value[0] if value.__class__ is list and value else value
    text: str | None = CONVERTERS[STRING](found.get("VALUE", found.get("value"))) if found.__class__ is dict else None
    return text


@lru_cache(maxsize=1024)
def _address(value: str) -> Mapping[str, str | None]:
    """The parts of an address; taken apart once for all of them, for they are converted one after another."""
    bar = value.find("|")
    match = _ADDRESS.fullmatch(value, bar if bar >= 0 else len(value))
    return {**match.groupdict(), "line": value[: match.end("line")]} if match else {}


def _place(column: Column) -> Convert:
    """A part of an address field, `text|latitude;longitude|id`."""
    part, typed = column.part, CONVERTERS[column.kind]

    def convert(value: Any) -> Any:
        return typed(_address(value).get(part)) if value.__class__ is str else None

    return convert


def _property_values(convert: Convert, *, multiple: bool) -> Convert:
    """What a property holds: `{value: …, valueId: …}`, a list of those, or `{valueId: value}` for each value."""

    def convert_all(value: Any) -> Any:
        if is_empty(value):
            return [] if multiple and value is not ABSENT else None
        if value.__class__ is dict:
            found = [value["value"]] if "value" in value else list(value.values())
        else:
            rows = value if value.__class__ is list else [value]
            found = [row.get("value") if row.__class__ is dict else row for row in rows]
        if not multiple and len(found) > 1:
            return None
        typed = [convert(each) for each in found]
        return typed if multiple else typed[0]

    return convert_all


def _null_if_unparsable(convert: Convert) -> Convert:
    """For parts: one that does not fit is null, for the whole value stands in the column beside."""

    def convert_or_leave(value: Any) -> Any:
        try:
            return convert(value)
        except UNPARSABLE:
            return None

    return convert_or_leave


def _each(convert: Convert) -> Convert:
    """Apply to every item; PHP sends `false` for an empty list and a lone scalar for a list of one."""

    def convert_all(value: Any) -> list[Any] | None:
        if value.__class__ is list:
            return [convert(item) for item in value]
        if value is ABSENT:
            return None
        return [] if is_empty(value) else [convert(value)]

    return convert_all


def _converter(column: Column, *, money: bool) -> Convert:
    """What turns a portal's value into the column's."""
    if column.part == "value":
        return _null_if_unparsable(_property_values(CONVERTERS[column.kind], multiple=column.multiple))
    if column.part == "first":
        return _null_if_unparsable(_first)
    if column.part == "currency":
        convert: Convert = _currency
    elif column.part:
        convert = _null_if_unparsable(_place(column))
    else:
        convert = _amount if money else CONVERTERS[column.kind]
    return _each(convert) if column.multiple else convert


@dataclass(frozen=True, slots=True)
class _Step:
    """How one column is made."""

    key: str
    """Row key of its values."""
    column: str
    convert: Convert
    convert_all: ConvertAll


def _step(key: str, column: Column, *, money: bool) -> _Step:
    convert = _converter(column, money=money)
    if column.multiple or column.part not in ("", "currency"):
        convert_all = one_by_one(convert)
    elif column.part:
        convert_all = _currencies
    else:
        convert_all = _amounts if money else CONVERT_ALL[column.kind]
    return _Step(key, column.name, convert, convert_all)


def _transposed(keys: Sequence[str], rows: Iterable[Row]) -> Mapping[str, Sequence[Any]]:
    """Rows that have all these keys → key and its values, row by row."""
    if len(keys) == 1:  # of one key, an itemgetter gives the bare value
        return {keys[0]: [row[keys[0]] for row in rows]}
    return dict(zip(keys, zip(*map(itemgetter(*keys), rows), strict=True), strict=True)) if keys else {}


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
        secret: frozenset[str] = frozenset(),
    ) -> None:
        """Compile the plan.

        Args:
            columns: All columns of the stream.
            keep: Whether a column is selected; others are known, but not written.
            renames: Row key → portal name.
            ignores: Row keys that hold nothing of their own.
            constants: Column → value added to every row.
            secret: Columns whose values are dropped, whatever they hold.
        """
        self.unparsed: dict[str, int] = {}
        """Column → how many of its values did not fit."""
        self.unknown: set[str] = set()
        """Row keys no column describes."""
        self._renames = renames or {}
        self._ignores = ignores
        self._secret = secret
        self._keep = keep
        self._by_name = {column.portal_name: column for column in columns if not column.part}
        self._by_column = {column.name: column for column in columns if not column.part}
        self._parts = [column for column in columns if column.part]
        self._blank = [name for name in (*(column.name for column in columns), UNPARSED) if keep(name)]
        """Columns of every record, in order."""
        self._constants: dict[str, Any] = {}
        self.constants(constants or {})
        self._plan: dict[str, str | None] = {}
        """Row key → column it is written to; None: to none."""
        self._steps: list[_Step] = []

    def __call__(self, rows: Sequence[Row]) -> list[Row]:
        """Convert a page, column by column: one call per column instead of one per value.

        Columns absent from a row are null, so that an upsert clears them.
        """
        if not rows:
            return []
        values = self._by_key(rows)
        misfits: dict[int, Row] = {}
        columns: dict[str, list[Any] | list[None]] = dict.fromkeys(self._blank, [None] * len(rows))
        for step in self._steps:
            if step.key in values:
                columns[step.column] = self._column(step, values[step.key], misfits)
        for column, value in self._constants.items():
            columns[column] = [value] * len(rows)
        records: list[Row] = list(map(dict, map(zip, repeat(columns), zip(*columns.values(), strict=True))))
        self._keep_unknown(rows, misfits)
        if UNPARSED in self._blank:
            for number, originals in misfits.items():
                records[number][UNPARSED] = originals
        return records

    def _by_key(self, rows: Sequence[Row]) -> Mapping[str, Sequence[Any]]:
        """Row keys and their values in all rows; the keys are learnt, if they are new."""
        keys = list(rows[0])
        if set(map(len, rows)) == {len(keys)}:
            try:
                values = _transposed(keys, rows)
            except KeyError:
                pass  # as many keys, but others
            else:
                self._learn_keys(rows[0])
                return values
        for row in rows:
            self._learn_keys(row)
        blank = dict.fromkeys(self._plan, ABSENT)
        return _transposed(list(blank), [row if len(row) == len(blank) else blank | row for row in rows])

    def _column(self, step: _Step, values: Sequence[Any], misfits: dict[int, Row]) -> list[Any]:
        try:
            return step.convert_all(values)
        except UNPARSABLE:
            converted: list[Any] = [None] * len(values)
            for number, value in enumerate(values):
                try:
                    converted[number] = step.convert(value)
                except UNPARSABLE:
                    self._keep_unparsed(misfits.setdefault(number, {}), step.column, value)
            return converted

    def _keep_unknown(self, rows: Sequence[Row], misfits: dict[int, Row]) -> None:
        for key in sorted(self.unknown):
            column = default_column(self._renames.get(key, key))
            for number, row in enumerate(rows):
                if not is_empty(row.get(key)):
                    originals = misfits.setdefault(number, {})
                    self._keep_unparsed(originals, key if column in originals else column, row[key])

    def _keep_unparsed(self, originals: Row, column: str, value: Any) -> None:
        self.unparsed[column] = self.unparsed.get(column, 0) + 1
        originals[column] = without_secrets(value)

    def constants(self, values: Mapping[str, Any]) -> None:
        """Column → value added to every row from now on; it may come from a parent's row, as the portal sent it."""
        self._constants = {
            name: CONVERTERS[self._by_column[name].kind](value) for name, value in values.items() if name in self._blank
        }

    def column(self, row_key: str) -> str | None:
        """The column a row key is written to; None: to none."""
        if row_key not in self._plan:
            self._learn(row_key)
        return self._plan[row_key]

    def _learn_keys(self, row: Row) -> None:
        planned = self._plan.keys()
        if not row.keys() <= planned:
            for key in sorted(row.keys() - planned, key=self._exact_first):
                self._learn(key)

    def _learn(self, key: str) -> None:
        """Plan a row key not seen before; two keys never feed one column, the second counts as unknown."""
        self._plan[key] = None
        name = self._renames.get(key, key)
        if key in self._ignores or default_column(name) in self._secret:
            return
        column = self._by_name.get(name) or self._by_column.get(default_column(name))
        if column is None or column.name in self._plan.values():
            self.unknown.add(key)
            return
        parts = [part for part in self._parts if part.portal_name == column.portal_name]
        money = any(part.part == "currency" for part in parts)
        self._steps += [_step(key, part, money=money) for part in (column, *parts) if self._keep(part.name)]
        if self._keep(column.name):
            self._plan[key] = column.name

    def _exact_first(self, key: str) -> tuple[bool, str]:
        """Sorts keys that are a portal name before those that merely resemble one."""
        return self._renames.get(key, key) not in self._by_name, key
