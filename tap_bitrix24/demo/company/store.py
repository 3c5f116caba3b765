"""Tables of the demo company: sorted ids and times in arrays, rows computed on demand.

A table of a million rows costs three numbers a row; a row is a pure function of its id until it is changed.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.company.fields import Field

Row = dict[str, Any]
RowFactory = Callable[[int, int, int], Row]
Order = tuple[tuple[str, bool], ...]

WHOLE_ROW = "*"

_CACHED_RESULTS = 48


@dataclass(frozen=True)
class Condition:
    """One test on the field ``name``. Equal conditions select equal rows, so they serve as keys of cached results."""

    name: str
    op: str
    value: Hashable
    accepts: Callable[[Any], bool] = field(compare=False)


@dataclass(eq=False)
class Table:
    """Rows of one kind. ``time_fields`` are the names of the created and the modified field, ``make`` computes a row.

    ``user_fields`` is shared with ``make``, so that fields can be added later. ``columns`` computes single fields
    without the row, ``ranks`` is the sort order of values that do not sort by themselves (stages). Functions in
    ``on_change`` are called with the id of a changed row, or with None when all rows have changed.
    """

    name: str
    fields: dict[str, Field]
    make: RowFactory
    ids: "array[int]"
    created: "array[int]"
    modified: "array[int]"
    time_fields: tuple[str, str] = ("DATE_CREATE", "DATE_MODIFY")
    key: str = "ID"
    columns: dict[str, Callable[[int], Any]] = field(default_factory=dict)
    ranks: dict[str, dict[Any, int]] = field(default_factory=dict)
    user_fields: list[Field] = field(default_factory=list)
    patches: dict[int, Row] = field(default_factory=dict)
    on_change: list[Callable[[int | None], None]] = field(default_factory=list)
    _results: "OrderedDict[Hashable, Sequence[int]]" = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        """Return how many rows there are now."""
        return len(self.ids)

    def row(self, number: int) -> Row:
        """Return one row, with the changes made to it."""
        place = bisect_left(self.ids, number)
        made = self.make(number, self.created[place], self.modified[place])
        patch = self.patches.get(number)
        return made | patch if patch else made

    def holds(self, number: int) -> bool:
        """Return whether a row with this id exists."""
        place = bisect_left(self.ids, number)
        return place < len(self.ids) and self.ids[place] == number

    def insert(self, now: int) -> int:
        """Add a row that was created now; returns its id."""
        number = self.ids[-1] + 1 if self.ids else 1
        self.ids.append(number)
        self.created.append(now)
        self.modified.append(now)
        self._changed(number)
        return number

    def update(self, number: int, values: Row, now: int) -> None:
        """Change some fields of a row and its modified time, unless ``values`` sets that, too."""
        place = bisect_left(self.ids, number)
        self.modified[place] = values.pop(self.time_fields[1], now)
        self.created[place] = values.pop(self.time_fields[0], self.created[place])
        self.patches[number] = self.patches.get(number, {}) | values
        self._changed(number)

    def patch(self, number: int, values: Row) -> None:
        """Change some fields of a row but not its modified time, as changes of child rows do."""
        self.patches[number] = self.patches.get(number, {}) | values
        self._changed(number)

    def delete(self, number: int) -> None:
        """Delete a row."""
        place = bisect_left(self.ids, number)
        for column in (self.ids, self.created, self.modified):
            del column[place]
        self.patches.pop(number, None)
        self._changed(number)

    def put_field(self, described: Field) -> None:
        """Add a field to every row, or replace a field; only its own values change."""
        self.fields[described.name] = described
        places = [place for place, known in enumerate(self.user_fields) if known.name == described.name]
        for place in places or [len(self.user_fields)]:
            self.user_fields[place : place + 1] = [described]
        self._changed(None)

    def remove_field(self, name: str) -> None:
        """Remove a field. Its values are still computed: those of the fields after it depend on them."""
        del self.fields[name]
        self._changed(None)

    def _changed(self, number: int | None) -> None:
        """Drop cached results and notify ``on_change`` of one row, or (None) of all."""
        self._results.clear()
        for notify in self.on_change:
            notify(number)

    def find(self, conditions: Sequence[Condition]) -> Sequence[int]:
        """Return the ids that meet all conditions, ascending. Bounds on the key are found by bisection."""
        others = tuple(c for c in conditions if c.name != self.key or c.op not in _BOUNDS)
        found = self._cached(("find", others), lambda: self._scan(others)) if others else self.ids
        low, high = 0, len(found)
        for bound in conditions:
            if bound not in others and isinstance(bound.value, int):
                cut = bisect_right if bound.op in {">", "<="} else bisect_left
                if bound.op in {">", ">="}:
                    low = max(low, cut(found, bound.value))
                else:
                    high = min(high, cut(found, bound.value))
        return found if (low, high) == (0, len(found)) else Slice(found, low, max(low, high))

    def sorted(self, conditions: Sequence[Condition], order: Order, *, flip: bool) -> Sequence[int]:
        """Return the ids in an order. Rows that tie are sorted by id, descending with ``flip``."""
        if not order or order[0] == (self.key, False):
            return self.find(conditions)
        cache_key = ("sort", tuple(conditions), order, flip)
        return self._cached(cache_key, lambda: self._sort(self.find(conditions), order, flip=flip))

    def _sort(self, ids: Sequence[int], order: Order, *, flip: bool) -> Sequence[int]:
        """Return ids sorted, by the least important key first: the sort is stable."""
        result = list(ids)
        if flip and all(name != self.key for name, _ in order):
            result.reverse()
        for name, descending in reversed(order):
            ranks = self.ranks.get(name, {})
            values = {
                number: _sortable(ranks.get(value, value) if ranks else value)
                for number, value in self._column(name, ids)
            }
            result.sort(key=values.__getitem__, reverse=descending)
        return result

    def _cached(self, cache_key: Hashable, find: Callable[[], Sequence[int]]) -> Sequence[int]:
        """Return a cached result, or compute and cache it."""
        if cache_key in self._results:
            self._results.move_to_end(cache_key)
            return self._results[cache_key]
        found = self._results[cache_key] = find()
        while len(self._results) > _CACHED_RESULTS:
            self._results.popitem(last=False)
        return found

    def _scan(self, conditions: Sequence[Condition]) -> Sequence[int]:
        """Return the ids of rows that pass; cheapest tests first: ids, times, computed columns, whole rows."""
        found: Sequence[int] = self.ids
        left = list(conditions)
        for condition in conditions:
            if condition.name == self.key and condition.op == "=" and isinstance(condition.value, tuple):
                found = [
                    number
                    for number in condition.value
                    if self.holds(number) and (found is self.ids or number in found)
                ]
                left.remove(condition)
        for name in self.time_fields:
            window = [c for c in left if c.name == name and c.op in _BOUNDS and isinstance(c.value, int)]
            if window:
                low, high = _window(window)
                found = [number for number, instant in self._column(name, found) if low <= instant < high]
                left = [c for c in left if c not in window]
        cheap = {self.key, *self.time_fields, *self.columns}
        for condition in sorted(left, key=lambda c: c.name not in cheap):
            found = [number for number, value in self._column(condition.name, found) if condition.accepts(value)]
        return found

    def _column(self, name: str, ids: Sequence[int]) -> "zip[tuple[int, Any]]":
        """Return pairs of id and value of one field, without computing rows where possible."""
        if name == WHOLE_ROW:
            return zip(ids, map(self.row, ids), strict=True)
        if name == self.key:
            return zip(ids, ids, strict=True)
        if name in self.time_fields:
            times = self.created if name == self.time_fields[0] else self.modified
            if ids is self.ids:
                return zip(ids, times, strict=True)
            return zip(ids, (times[bisect_left(self.ids, number)] for number in ids), strict=True)
        cheap = self.columns.get(name)
        if cheap:
            return zip(ids, (self.patches.get(number, {}).get(name, cheap(number)) for number in ids), strict=True)
        return zip(ids, (self.row(number).get(name) for number in ids), strict=True)


class Tables(dict[str, Table]):
    """Tables by name; those in ``later`` are created on first access."""

    def __init__(self) -> None:
        """Start without tables."""
        super().__init__()
        self.later: dict[str, Callable[[], Table]] = {}

    def __missing__(self, name: str) -> Table:
        """Create a table of ``later``."""
        table = self[name] = self.later[name]()
        return table


_BOUNDS = frozenset((">", ">=", "<", "<="))


def _window(bounds: Sequence[Condition]) -> tuple[int, int]:
    """Return bounds on one column of whole numbers as one half-open range."""
    low, high = -(2**62), 2**62
    for bound in bounds:
        if isinstance(bound.value, int):
            edge = bound.value + (bound.op in {">", "<="})
            low, high = (max(low, edge), high) if bound.op in {">", ">="} else (low, min(high, edge))
    return low, high


class Slice(Sequence[int]):
    """A slice of a sequence of ids without a copy: a page takes fifty of what may be a million."""

    def __init__(self, ids: Sequence[int], low: int, high: int) -> None:
        """Show ``ids[low:high]``."""
        self._ids, self._low, self._high = ids, low, high

    def __len__(self) -> int:
        """Return the number of ids."""
        return self._high - self._low

    def __getitem__(self, index: Any) -> Any:
        """Return an id, or a list of them for a slice."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return list(self._ids[self._low + start : self._low + stop : step])
        return self._ids[self._low + range(len(self))[index]]


def _sortable(value: Any) -> tuple[int, Any]:
    """Return a sort key for the values of a column: empty first, then numbers, then text."""
    if value is None or value is False or value == "":
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, str(value).casefold())
