"""Tables of declared lists, created on first access: ids and parents in arrays, rows computed from their ids."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, RowFactory, Table, Tables
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2.lists.entry import NO_KEY, Entry, Value
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, salt, value_function

_NO_TIME_FIELD = " "


@dataclass
class ChildIndex:
    """The parents of child rows: per row id the kind of parent (its place in the entry), its id, the place."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: "array[int]" = field(default_factory=lambda: array("b"))
    owners: "array[int]" = field(default_factory=lambda: array("q"))
    places: "array[int]" = field(default_factory=lambda: array("i"))

    def of(self, number: int) -> tuple[int, int, int | None]:
        """Return kind, parent and place of a row; rows added later have a parent of the first kind and no place."""
        index = bisect_left(self.ids, number)
        if index < len(self.ids) and self.ids[index] == number:
            return self.kinds[index], self.owners[index], self.places[index]
        first = bisect_left(self.kinds, 1)
        return 0, self.owners[number % first] if first else 0, None


def create_table(entry: Entry, seeds: Seeds, tables: Tables) -> Table:
    """Return the table of an entry."""
    if entry.rows is not None:
        return _listed(entry, seeds, tables, list(entry.rows(seeds)))
    if entry.mirrors:
        return _connected(entry, tables, _mirrored(entry, seeds, tables))
    children = _child_index(entry, seeds, tables) if entry.owners else None
    if children is None:
        ids = seeds.dense_ids(entry.table, entry.count or max(3, int(_scale(tables) * entry.share)))
    else:
        ids = children.ids
    columns = _column_values(entry)
    make = (
        _owned_row_factory(entry, children, columns, seeds, tables)
        if children
        else _row_factory(columns, seeds, tables)
    )
    table = _table(entry, seeds, array("q", ids), make)
    if children is not None:
        _add_computed_columns(entry, table, children)
        _follow_owners(entry, table, tables)
    return _connected(entry, tables, table)


def _mirrored(entry: Entry, seeds: Seeds, tables: Tables) -> Table:
    """Return a table with one row for each row of another; they share ids and times, so rows come and go together."""
    other, make = tables[entry.mirrors], _row_factory(_column_values(entry), seeds, tables)
    key = entry.request_name(entry.key)
    table = Table(entry.table, entry.fields, make, other.ids, other.created, other.modified, _time_fields(entry), key)

    def changed(number: int | None) -> None:
        if number is not None:
            table.patch(number, {})  # drops cached results

    other.on_change.append(changed)
    return table


def _add_computed_columns(entry: Entry, table: Table, children: ChildIndex) -> None:
    """Add the columns that lead from parents to rows as functions of the id, which need no row."""
    if entry.owner_column:
        table.columns[entry.request_name(entry.owner_column)] = lambda number: children.of(number)[1]
    for name in entry.owners[0].also:
        table.columns[entry.request_name(name)] = _kind_of(children, [owner.also[name] for owner in entry.owners])


def _kind_of(children: ChildIndex, facts: list[Any]) -> Callable[[int], Any]:
    """Return the column that holds a fact of a row's kind of parent."""
    return lambda number: facts[children.of(number)[0]]


def _scale(tables: Tables) -> int:
    """Return the scale of the company: its number of deals."""
    return len(tables["deals"])


def _connected(entry: Entry, tables: Tables, table: Table) -> Table:
    """Let the entry connect its table with others; returns the table."""
    if entry.on_created is not None:
        entry.on_created(tables, table)
    return table


def _table(entry: Entry, seeds: Seeds, ids: "array[int]", make: RowFactory) -> Table:
    """Return the table; times are generated only where a column shows them."""
    if entry.created or entry.modified:
        created, modified = seeds.times(entry.table, len(ids))
    else:
        created = array("q", [seeds.anchor - 90 * DAY]) * len(ids)
        modified = created[:]
    key = entry.request_name(entry.key) or NO_KEY
    return Table(entry.table, entry.fields, make, ids, created, modified, _time_fields(entry), key)


def _time_fields(entry: Entry) -> tuple[str, str]:
    """Return the names of the created and the modified field."""
    return (
        entry.request_name(entry.created) or _NO_TIME_FIELD,
        entry.request_name(entry.modified) or _NO_TIME_FIELD,
    )


def _column_values(entry: Entry) -> list[tuple[str, int, Value]]:
    """Return name, salt and value function of each column; the key is the row's id."""
    columns = []
    for one in entry.all_columns:
        value = entry.values.get(one.name)
        if value is None and one.name == entry.key:
            value = _own_number
        elif value is None and one.multiple:
            value = _nothing_listed
        elif value is None:
            value = value_function(one.name, one.type, one.ref)
        columns.append(
            (entry.request_name(one.name), salt(entry.table, one.name), _sometimes_empty(value, optional=one.optional))
        )
    return columns


def _own_number(draft: RowDraft) -> int:
    """Return the row's id."""
    return draft.number


def _nothing_listed(_: RowDraft) -> list[Any]:
    """Return an empty multiple value."""
    return []


def _sometimes_empty(value: Value, *, optional: bool) -> Value:
    """Return a value function that leaves one row of four empty."""
    return (lambda draft: None if draft.bits >> 7 & 3 == 0 else value(draft)) if optional else value


def _row_factory(columns: list[tuple[str, int, Value]], seeds: Seeds, tables: Tables) -> RowFactory:
    """Return the row factory of a table without parents."""

    def make(number: int, created: int, modified: int) -> Row:
        return _completed(RowDraft(seeds, tables, number, created, modified), columns)

    return make


def _completed(draft: RowDraft, columns: list[tuple[str, int, Value]]) -> Row:
    """Return a row with all columns computed."""
    for name, column_salt, value in columns:
        if name not in draft.row:
            draft.salt = column_salt
            draft.row[name] = value(draft)
    return draft.row


def _owned_row_factory(
    entry: Entry, children: ChildIndex, columns: list[tuple[str, int, Value]], seeds: Seeds, tables: Tables
) -> RowFactory:
    """Return the row factory of child rows: the facts of their parent come first."""
    name = entry.request_name(entry.owner_column)

    def make(number: int, created: int, modified: int) -> Row:
        draft = RowDraft(seeds, tables, number, created, modified)
        kind, draft.owner, place = children.of(number)
        draft.place, draft.later = place or 0, place is None
        facts = {entry.request_name(column): value for column, value in entry.owners[kind].also.items()}
        draft.row |= facts | ({name: draft.owner} if name else {})
        return _completed(draft, columns)

    return make


def _child_index(entry: Entry, seeds: Seeds, tables: Tables) -> ChildIndex:
    """Return the child rows of all parents."""
    children = ChildIndex()
    for kind, owner in enumerate(entry.owners):
        for number in _ids(tables, owner.table):
            several = entry.per
            count = (
                several(seeds, number) if callable(several) else several[_random(seeds, entry, number) % len(several)]
            )
            children.kinds.extend([kind] * count)
            children.owners.extend([number] * count)
            children.places.extend(range(count))
    children.ids = seeds.dense_ids(entry.table, len(children.owners)) if children.owners else array("q")
    return children


def _ids(tables: Tables, name: str) -> Sequence[int]:
    """Return the ids of parents; smart processes that this portal lacks have none."""
    if not name:
        return (0,)
    return tables[name].ids if name in tables or name in tables.later else ()


def _random(seeds: Seeds, entry: Entry, number: int) -> int:
    """Return the random number that decides how many rows a parent has."""
    return seeds.mix(number, salt(entry.table, "per"))


def _follow_owners(entry: Entry, table: Table, tables: Tables) -> None:
    """Delete rows when their parent is deleted."""
    groups = GroupIndex(table, (*next(iter(entry.owners)).also, entry.owner_column), entry.request_name)
    for owner in entry.owners:
        if owner.table not in tables:
            continue
        owners = tables[owner.table]
        owners.on_change.append(_orphans(table, groups, owners, tuple(owner.also.values())))


def _orphans(table: Table, groups: "GroupIndex", owners: Table, also: tuple[Any, ...]) -> Callable[[int | None], None]:
    """Return the function that deletes the rows of a parent that is gone."""

    def owner_changed(number: int | None) -> None:
        if number is not None and not owners.holds(number):
            for orphan in tuple(groups.ids((*also, number))):
                table.delete(orphan)

    return owner_changed


def _listed(entry: Entry, seeds: Seeds, tables: Tables, listed: list[Row]) -> Table:
    """Return a table of listed rows; rows inserted later are copies of the first one."""
    keyed = entry.key and all(isinstance(row.get(entry.key), int) for row in listed)
    known = {row[entry.key] if keyed else place: row for place, row in enumerate(listed, 1)}
    columns = _column_values(entry)
    model = listed[0] if listed else {}

    def make(number: int, created: int, modified: int) -> Row:
        draft = RowDraft(seeds, tables, number, created, modified)
        fresh = number if keyed else f"X{number}"
        given = known.get(number) or {**model, **({entry.key: fresh} if entry.key else {})}
        draft.row |= {entry.request_name(name): value for name, value in given.items()}
        return _completed(draft, columns)

    table = _table(entry, seeds, array("q", sorted(known)), make)
    if not keyed:
        table.key = NO_KEY
    return _connected(entry, tables, table)


class GroupIndex:
    """An index: ids of a table by the values of some columns, kept up to date."""

    def __init__(self, table: Table, names: tuple[str, ...], request_name: Callable[[str], str] = str) -> None:
        """Read the table once; computed columns need no rows."""
        self._table = table
        self._names = tuple(request_name(name) for name in names)
        self._found: dict[tuple[str, ...], list[int]] = {}
        self._group_of: dict[int, tuple[str, ...]] = {}
        for number in table.ids:
            self._enter(number)
        table.on_change.append(self._changed)

    def ids(self, values: tuple[Any, ...]) -> list[int]:
        """Return the ids of one group, ascending."""
        return self._found.get(tuple(map(str, values)), [])

    def _enter(self, number: int) -> None:
        """Add a row to its group."""
        group = self._group_of[number] = tuple(map(str, _values(self._table, self._names, number)))
        insort(self._found.setdefault(group, []), number)

    def _changed(self, number: int | None) -> None:
        """Move a changed row to its group, drop a deleted one."""
        if number is None:
            return
        group = self._group_of.pop(number, None)
        if group is not None:
            self._found[group].remove(number)
        if self._table.holds(number):
            self._enter(number)


def _values(table: Table, names: tuple[str, ...], number: int) -> list[Any]:
    """Return the values of some columns of a row."""
    if all(name in table.columns for name in names):
        patch = table.patches.get(number, {})
        return [patch[name] if name in patch else table.columns[name](number) for name in names]
    row = table.row(number)
    return [row.get(name) for name in names]
