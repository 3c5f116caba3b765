"""Conversion of rows to records: one converter per stream and list, one call per column and page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from tap_bitrix24.dialects.response_shapes import is_empty, without_gaps
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.records.dates import date_converter
from tap_bitrix24.records.secrets import TooDeepError, json_text, without_secrets
from tap_bitrix24.records.texts import ABSENT, UNPARSABLE, Convert, ConvertAll
from tap_bitrix24.records.values import CONVERT_ALL, CONVERTERS, one_by_one, to_reference, to_references
from tap_bitrix24.schema.columns import DATE, NUMBER, STRING, UNPARSED, Column
from tap_bitrix24.schema.naming import column_name

_ADDRESS = re.compile(
    r"(?P<line>.*?)(?:\|(?P<latitude>-?[\d.]+)?;(?P<longitude>-?[\d.]+)?)?(?:\|(?P<location_id>\d+))?", re.DOTALL
)


def _amounts(values: Sequence[Any]) -> list[Any]:
    """Return the amounts of money values `amount|currency`."""
    return CONVERT_ALL[NUMBER]([value.partition("|")[0] if value.__class__ is str else value for value in values])


def _amount(value: Any) -> Any:
    return _amounts([value])[0]


def _currencies(values: Sequence[Any]) -> list[str | None]:
    """Return the currencies of money values `amount|currency`."""
    return [value.partition("|")[2] or None if value.__class__ is str else None for value in values]


def _currency(value: Any) -> str | None:
    return _currencies([value])[0]


def _first(value: Any) -> str | None:
    """Return the first of several phones or e-mail addresses, `[{"VALUE": …}, …]`."""
    items = without_gaps(value)
    item = items[0] if items.__class__ is list and items else items
    text: str | None = CONVERTERS[STRING](item.get("VALUE", item.get("value"))) if item.__class__ is dict else None
    return text


@lru_cache(maxsize=1024)
def _address(value: str) -> Mapping[str, str | None]:
    """Return the parts of an address, cached, because each of them is asked for in turn."""
    bar = value.find("|")
    match = _ADDRESS.fullmatch(value, bar if bar >= 0 else len(value))
    return {**match.groupdict(), "line": value[: match.end("line")]} if match else {}


def _address_part(column: Column) -> Convert:
    """Return the converter of one part of an address field, `text|latitude;longitude|id`."""
    part, convert = column.part, CONVERTERS[column.kind]

    def convert_part(value: Any) -> Any:
        return convert(_address(value).get(part)) if value.__class__ is str else None

    return convert_part


def _property_values(convert: Convert, *, multiple: bool) -> Convert:
    """Return the converter of a property: `{value: …, valueId: …}`, a list of those, or a map `{valueId: value}`."""

    def convert_all(value: Any) -> Any:
        if is_empty(value):
            return [] if multiple and value is not ABSENT else None
        if value.__class__ is dict:
            contents = [value["value"]] if "value" in value else list(value.values())
        else:
            items = value if value.__class__ is list else [value]
            contents = [item.get("value") if item.__class__ is dict else item for item in items]
        if not multiple and len(contents) > 1:
            return None
        converted = [convert(content) for content in contents]
        return converted if multiple else converted[0]

    return convert_all


def _null_if_unparsable(convert: Convert) -> Convert:
    """Return a converter that gives null for a part that does not fit: the column beside has the whole value."""

    def convert_or_null(value: Any) -> Any:
        try:
            return convert(value)
        except UNPARSABLE:
            return None

    return convert_or_null


def _items(convert: Convert, *, references: bool) -> Convert:
    """Return the converter of a list's items.

    PHP sends `false` for an empty list, a bare scalar for a list of one, and an object for a list with gaps.
    """

    def convert_all(value: Any) -> list[Any] | None:
        items = without_gaps(value)
        if items.__class__ is list:
            return [convert(item) for item in items]
        if value is ABSENT:
            return None
        nothing = is_empty(value) or (references and value in (0, "0"))
        return [] if nothing else [convert(value)]

    return convert_all


def _whole_converters(column: Column, offset: timedelta | None, *, money: bool) -> tuple[Convert, ConvertAll]:
    """Return the converters of one value and of a whole column for the field's own column, which is not multiple."""
    if money:
        return _amount, _amounts
    if column.reference:
        return to_reference, to_references
    if column.kind == DATE and offset is not None:
        return date_converter(offset)
    return CONVERTERS[column.kind], CONVERT_ALL[column.kind]


def _converters(column: Column, offset: timedelta | None, *, money: bool) -> tuple[Convert, ConvertAll]:
    """Return the converters of one value and of a whole column."""
    convert: Convert
    convert_all: ConvertAll
    if column.part == "value":
        convert = _null_if_unparsable(_property_values(CONVERTERS[column.kind], multiple=column.multiple))
        return convert, one_by_one(convert)
    if column.part == "first":
        convert = _null_if_unparsable(_first)
        return convert, one_by_one(convert)
    if column.part == "currency":
        convert, convert_all = _currency, _currencies
    elif column.part:
        convert = _null_if_unparsable(_address_part(column))
        convert_all = one_by_one(convert)
    else:
        convert, convert_all = _whole_converters(column, offset, money=money)
    if column.multiple:
        convert = _items(convert, references=column.reference)
        convert_all = one_by_one(convert)
    return convert, convert_all


@dataclass(frozen=True, slots=True)
class _Step:
    """How one column of the records is filled."""

    key: str
    """Row key its values are taken from."""
    column: str
    convert: Convert
    convert_all: ConvertAll


def _transposed(keys: Sequence[str], rows: Iterable[Row]) -> Mapping[str, Sequence[Any]]:
    """Return key → its values, row by row.

    Raises:
        KeyError: A row lacks one of the keys.
    """
    if len(keys) == 1:  # with one key, an itemgetter returns the value itself, not a tuple
        return {keys[0]: [row[keys[0]] for row in rows]}
    return dict(zip(keys, zip(*map(itemgetter(*keys), rows), strict=True), strict=True)) if keys else {}


class RowConverter:
    """Converts rows of one list to records of its stream."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        keep: Callable[[str], bool] = lambda _: True,
        renames: Mapping[str, str] | None = None,
        ignores: frozenset[str] = frozenset(),
        constants: Mapping[str, Any] | None = None,
        secret: frozenset[str] = frozenset(),
        offset: timedelta | None = None,
    ) -> None:
        """Prepare the conversion; row keys are assigned to columns where they first appear.

        Args:
            columns: All columns of the stream.
            keep: Returns whether a column is selected; others are known, but not written.
            renames: Row key → portal name.
            ignores: Row keys that only repeat other columns.
            constants: Column → value added to every row.
            secret: Columns whose values are never written.
            offset: The portal's offset from UTC, where an API writes the midnights of dates in UTC (VibeCode).
        """
        self.unparsed: dict[str, int] = {}
        """Column → number of its values that did not fit."""
        self.unknown: set[str] = set()
        """Row keys that no column describes."""
        self._renames = renames or {}
        self._ignores = ignores
        self._secret = secret
        self._keep, self._offset = keep, offset
        self._by_name = {column.portal_name: column for column in columns if not column.part}
        self._by_column = {column.name: column for column in columns if not column.part}
        self._parts = [column for column in columns if column.part]
        self._names = [name for name in (*(column.name for column in columns), UNPARSED) if keep(name)]
        """Names of the columns of every record, in order."""
        self._constants: dict[str, Any] = {}
        self.constants(constants or {})
        self._targets: dict[str, str | None] = {}
        """Row key → the column it is written to, or None if it is not written."""
        self._steps: list[_Step] = []

    def __call__(self, rows: Sequence[Row]) -> list[Row]:
        """Return the records of a page's rows.

        Columns absent from a row are null, so that an upsert clears them.
        """
        if not rows:
            return []
        values = self._by_key(rows)
        unparsed: dict[int, Row] = {}
        columns: dict[str, list[Any] | list[None]] = dict.fromkeys(self._names, [None] * len(rows))
        for step in self._steps:
            if step.key in values:
                columns[step.column] = self._column(step, values[step.key], unparsed)
        for column, value in self._constants.items():
            columns[column] = [value] * len(rows)
        records: list[Row] = list(map(dict, map(zip, repeat(columns), zip(*columns.values(), strict=True))))
        self._keep_unknown(rows, unparsed)
        if UNPARSED in self._names:
            for number, originals in unparsed.items():
                records[number][UNPARSED] = originals
        return records

    def _by_key(self, rows: Sequence[Row]) -> Mapping[str, Sequence[Any]]:
        """Return row key → its values in all rows; assigns new keys to columns."""
        keys = list(rows[0])
        if set(map(len, rows)) == {len(keys)}:
            try:
                values = _transposed(keys, rows)
            except KeyError:
                pass  # as many keys, but different ones
            else:
                self._assign_keys(rows[0])
                return values
        for row in rows:
            self._assign_keys(row)
        written = list({step.key for step in self._steps})
        return {key: [row.get(key, ABSENT) for row in rows] for key in written}

    def _column(self, step: _Step, values: Sequence[Any], unparsed: dict[int, Row]) -> list[Any]:
        """Return a column's converted values; adds the originals of those that do not fit, by number of row."""
        try:
            return step.convert_all(values)
        except UNPARSABLE:
            converted: list[Any] = [None] * len(values)
            for number, value in enumerate(values):
                try:
                    converted[number] = step.convert(value)
                except UNPARSABLE:
                    self._keep_unparsed(unparsed.setdefault(number, {}), step.column, value)
            return converted

    def _keep_unknown(self, rows: Sequence[Row], unparsed: dict[int, Row]) -> None:
        """Add the values of row keys that no column describes, by number of row."""
        if not self.unknown:
            return
        for number, row in enumerate(rows):
            for key in sorted(self.unknown.intersection(row)):
                if not is_empty(row[key]):
                    name = column_name(self._renames.get(key, key))
                    self._keep_unparsed(unparsed.setdefault(number, {}), name, row[key], key)

    def _keep_unparsed(self, originals: Row, column: str, value: Any, key: str = "") -> None:
        """Add a value that has no place in its column; under its row key, if the column's name is taken already."""
        self.unparsed[column] = self.unparsed.get(column, 0) + 1
        name, number = (key if column in originals else column), 1
        while name in originals:
            number += 1
            name = f"{key}_{number}"
        try:
            originals[name] = without_secrets(value)
        except TooDeepError:
            originals[name] = json_text(value)

    def constants(self, values: Mapping[str, Any]) -> None:
        """Set the columns and values added to every row from now on; values may be a parent row's, unconverted."""
        self._constants = {
            name: CONVERTERS[self._by_column[name].kind](value) for name, value in values.items() if name in self._names
        }

    def column(self, row_key: str) -> str | None:
        """Return the column a row key is written to, or None if it is not written."""
        if row_key not in self._targets:
            self._assign(row_key)
        return self._targets[row_key]

    def _assign_keys(self, row: Row) -> None:
        known = self._targets.keys()
        if not row.keys() <= known:
            for key in sorted(row.keys() - known, key=self._exact_first):
                self._assign(key)

    def _assign(self, key: str) -> None:
        """Assign a new row key to its column; a second key for the same column counts as unknown."""
        self._targets[key] = None
        name = self._renames.get(key, key)
        if key in self._ignores or column_name(name) in self._secret:
            return
        column = self._by_name.get(name) or self._by_column.get(column_name(name))
        if column is None or column.name in self._targets.values():
            self.unknown.add(key)
            return
        parts = [part for part in self._parts if part.portal_name == column.portal_name]
        money = any(part.part == "currency" for part in parts)
        self._steps += [
            _Step(key, part.name, *_converters(part, self._offset, money=money))
            for part in (column, *parts)
            if self._keep(part.name)
        ]
        if self._keep(column.name):
            self._targets[key] = column.name

    def _exact_first(self, key: str) -> tuple[bool, str]:
        """Return a sort key: row keys equal to a portal name come before those that only resemble one."""
        return self._renames.get(key, key) not in self._by_name, key
