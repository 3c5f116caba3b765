"""Tables of the demo company: sorted ids, time stamps in arrays, rows made when someone asks for them.

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
Maker = Callable[[int, int, int], Row]
Order = tuple[tuple[str, bool], ...]

WHOLE_ROW = "*"

_KEPT_RESULTS = 48


@dataclass(frozen=True)
class Condition:
    """One test on the field ``name``. Equal conditions select equal rows, so results can be kept by them."""

    name: str
    op: str
    value: Hashable
    accepts: Callable[[Any], bool] = field(compare=False)


@dataclass(eq=False)
class Table:
    """Rows of one kind. ``stamps`` are (created, modified) field names, ``make`` builds a row from its id.

    ``user_fields`` is shared with ``make``, so that fields can be added later. ``columns`` gives fields that need no
    whole row, ``ranks`` the order of values that do not sort as themselves.
    """

    name: str
    fields: dict[str, Field]
    make: Maker
    ids: "array[int]"
    created: "array[int]"
    modified: "array[int]"
    stamps: tuple[str, str] = ("DATE_CREATE", "DATE_MODIFY")
    key: str = "ID"
    columns: dict[str, Callable[[int], Any]] = field(default_factory=dict)
    ranks: dict[str, dict[Any, int]] = field(default_factory=dict)
    user_fields: list[Field] = field(default_factory=list)
    patches: dict[int, Row] = field(default_factory=dict)
    on_change: list[Callable[[int | None], None]] = field(default_factory=list)
    _results: "OrderedDict[Hashable, Sequence[int]]" = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        """Answer how many rows there are now."""
        return len(self.ids)

    def row(self, number: int) -> Row:
        """Make one row, changes included."""
        place = bisect_left(self.ids, number)
        made = self.make(number, self.created[place], self.modified[place])
        patch = self.patches.get(number)
        return made | patch if patch else made

    def holds(self, number: int) -> bool:
        """Tell whether a row with this id is there."""
        place = bisect_left(self.ids, number)
        return place < len(self.ids) and self.ids[place] == number

    def insert(self, now: int) -> int:
        """Add a row that was created now; answers its id."""
        number = self.ids[-1] + 1 if self.ids else 1
        self.ids.append(number)
        self.created.append(now)
        self.modified.append(now)
        self._changed(number)
        return number

    def update(self, number: int, values: Row, now: int) -> None:
        """Change some fields of a row and its modified stamp, unless ``values`` sets that too."""
        place = bisect_left(self.ids, number)
        self.modified[place] = values.pop(self.stamps[1], now)
        self.created[place] = values.pop(self.stamps[0], self.created[place])
        self.patches[number] = self.patches.get(number, {}) | values
        self._changed(number)

    def patch(self, number: int, values: Row) -> None:
        """Change some fields of a row behind its modified stamp, as changes of child rows do."""
        self.patches[number] = self.patches.get(number, {}) | values
        self._changed(number)

    def delete(self, number: int) -> None:
        """Take a row away."""
        place = bisect_left(self.ids, number)
        for column in (self.ids, self.created, self.modified):
            del column[place]
        self.patches.pop(number, None)
        self._changed(number)

    def put_field(self, described: Field) -> None:
        """Give every row a further field, or make a field another one: its values are made anew, no others are."""
        self.fields[described.name] = described
        places = [place for place, known in enumerate(self.user_fields) if known.name == described.name]
        for place in places or [len(self.user_fields)]:
            self.user_fields[place : place + 1] = [described]
        self._changed(None)

    def remove_field(self, name: str) -> None:
        """Show a field no more; its values are still made, for those of the fields behind it depend on them."""
        del self.fields[name]
        self._changed(None)

    def _changed(self, number: int | None) -> None:
        """Forget what was found before, and let views forget one row, or all of them."""
        self._results.clear()
        for tell in self.on_change:
            tell(number)

    def find(self, conditions: Sequence[Condition]) -> Sequence[int]:
        """Answer the ids that meet all conditions, ascending. Bounds on the key cost a bisection only."""
        others = tuple(c for c in conditions if c.name != self.key or c.op not in _BOUNDS)
        found = self._kept(("find", others), lambda: self._scan(others)) if others else self.ids
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
        """Answer the ids in an order. Rows that tie stand by id, with ``flip`` the other way round."""
        if not order or order[0] == (self.key, False):
            return self.find(conditions)
        kept_for = ("sort", tuple(conditions), order, flip)
        return self._kept(kept_for, lambda: self._sort(self.find(conditions), order, flip=flip))

    def _sort(self, ids: Sequence[int], order: Order, *, flip: bool) -> Sequence[int]:
        """Sort by the least important key first; the sort is stable."""
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

    def _kept(self, kept_for: Hashable, find: Callable[[], Sequence[int]]) -> Sequence[int]:
        """Answer a result from memory, or find and remember it."""
        if kept_for in self._results:
            self._results.move_to_end(kept_for)
            return self._results[kept_for]
        found = self._results[kept_for] = find()
        while len(self._results) > _KEPT_RESULTS:
            self._results.popitem(last=False)
        return found

    def _scan(self, conditions: Sequence[Condition]) -> Sequence[int]:
        """Test every row: windows of time first, then other cheap columns, whole rows last."""
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
        for name in self.stamps:
            window = [c for c in left if c.name == name and c.op in _BOUNDS and isinstance(c.value, int)]
            if window:
                low, high = _window(window)
                found = [number for number, stamp in self._column(name, found) if low <= stamp < high]
                left = [c for c in left if c not in window]
        cheap = {self.key, *self.stamps, *self.columns}
        for condition in sorted(left, key=lambda c: c.name not in cheap):
            found = [number for number, value in self._column(condition.name, found) if condition.accepts(value)]
        return found

    def _column(self, name: str, ids: Sequence[int]) -> "zip[tuple[int, Any]]":
        """Pair ids with their values of one field, without making rows where that can be avoided."""
        if name == WHOLE_ROW:
            return zip(ids, map(self.row, ids), strict=True)
        if name == self.key:
            return zip(ids, ids, strict=True)
        if name in self.stamps:
            stamps = self.created if name == self.stamps[0] else self.modified
            if ids is self.ids:
                return zip(ids, stamps, strict=True)
            return zip(ids, (stamps[bisect_left(self.ids, number)] for number in ids), strict=True)
        cheap = self.columns.get(name)
        if cheap:
            return zip(ids, (self.patches.get(number, {}).get(name, cheap(number)) for number in ids), strict=True)
        return zip(ids, (self.row(number).get(name) for number in ids), strict=True)


class Tables(dict[str, Table]):
    """Tables by name; those that hardly anybody reads are laid out when first asked for."""

    def __init__(self) -> None:
        """Start without tables."""
        super().__init__()
        self.later: dict[str, Callable[[], Table]] = {}

    def __missing__(self, name: str) -> Table:
        """Lay out a table that has been promised."""
        made = self[name] = self.later[name]()
        return made


_BOUNDS = frozenset((">", ">=", "<", "<="))


def _window(bounds: Sequence[Condition]) -> tuple[int, int]:
    """Join bounds on one column of whole numbers to a half-open range."""
    low, high = -(2**62), 2**62
    for bound in bounds:
        if isinstance(bound.value, int):
            edge = bound.value + (bound.op in {">", "<="})
            low, high = (max(low, edge), high) if bound.op in {">", ">="} else (low, min(high, edge))
    return low, high


class Slice(Sequence[int]):
    """A part of a sequence of ids that is not copied: pages take fifty of what may be a million."""

    def __init__(self, ids: Sequence[int], low: int, high: int) -> None:
        """Show ``ids[low:high]``."""
        self._ids, self._low, self._high = ids, low, high

    def __len__(self) -> int:
        """Answer the number of ids."""
        return self._high - self._low

    def __getitem__(self, index: Any) -> Any:
        """Answer an id, or a list of them for a slice."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return list(self._ids[self._low + start : self._low + stop : step])
        return self._ids[self._low + range(len(self))[index]]


def _sortable(value: Any) -> tuple[int, Any]:
    """Make values of a column comparable: nothing first, then numbers, then text."""
    if value is None or value is False or value == "":
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, str(value).casefold())
