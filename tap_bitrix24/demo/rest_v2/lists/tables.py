"""Tables of declared lists, laid out when first asked for: ids and owners in arrays, rows made from their ids."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, RowFactory, Table, Tables
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2.lists.entry import NO_KEY, Entry, Value
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw, maker, salt

_NO_TIME_FIELD = " "


@dataclass
class Births:
    """Which row was born to whom: ids with the owner's kind (its place in the entry), id, and place among its rows."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: "array[int]" = field(default_factory=lambda: array("b"))
    owners: "array[int]" = field(default_factory=lambda: array("q"))
    places: "array[int]" = field(default_factory=lambda: array("i"))

    def of(self, number: int) -> tuple[int, int, int | None]:
        """Return kind, owner and place of a row; rows that came later have an owner of the first kind and no place."""
        index = bisect_left(self.ids, number)
        if index < len(self.ids) and self.ids[index] == number:
            return self.kinds[index], self.owners[index], self.places[index]
        first = bisect_left(self.kinds, 1)
        return 0, self.owners[number % first] if first else 0, None


def laid_out(entry: Entry, seeds: Seeds, tables: Tables) -> Table:
    """Lay out the table of an entry."""
    if entry.rows is not None:
        return _listed(entry, seeds, tables, list(entry.rows(seeds)))
    if entry.mirrors:
        return _made(entry, tables, _mirrored(entry, seeds, tables))
    births = _births(entry, seeds, tables) if entry.owners else None
    if births is None:
        births_ids = seeds.dense_ids(entry.table, entry.count or max(3, int(_scale(tables) * entry.share)))
    else:
        births_ids = births.ids
    plan = _plan(entry)
    make = _owned_maker(entry, births, plan, seeds, tables) if births else _maker(plan, seeds, tables)
    table = _table(entry, seeds, array("q", births_ids), make)
    if births is not None:
        _cheapen(entry, table, births)
        _follow_owners(entry, table, tables)
    return _made(entry, tables, table)


def _mirrored(entry: Entry, seeds: Seeds, tables: Tables) -> Table:
    """Lay out one row for each row of another table; ids and stamps are the same arrays, so they come and go as one."""
    other, make = tables[entry.mirrors], _maker(_plan(entry), seeds, tables)
    stamps = (entry.request_name(entry.created) or _NO_TIME_FIELD, entry.request_name(entry.modified) or _NO_TIME_FIELD)
    key = entry.request_name(entry.key)
    table = Table(entry.table, entry.fields, make, other.ids, other.created, other.modified, stamps, key)

    def told(number: int | None) -> None:
        if number is not None:
            table.patch(number, {})  # what was found before is forgotten

    other.on_change.append(told)
    return table


def _cheapen(entry: Entry, table: Table, births: Births) -> None:
    """Give the columns that lead from owners to rows without making rows."""
    if entry.owner_column:
        table.columns[entry.request_name(entry.owner_column)] = lambda number: births.of(number)[1]
    for name in entry.owners[0].also:
        table.columns[entry.request_name(name)] = _kind_of(births, [owner.also[name] for owner in entry.owners])


def _kind_of(births: Births, told: list[Any]) -> Callable[[int], Any]:
    """Return the column that tells what kind of owner a row has."""
    return lambda number: told[births.of(number)[0]]


def _scale(tables: Tables) -> int:
    """Return the scale of the company: its deals."""
    return len(tables["deals"])


def _made(entry: Entry, tables: Tables, table: Table) -> Table:
    """Let the entry connect its table with others."""
    if entry.on_made is not None:
        entry.on_made(tables, table)
    return table


def _table(entry: Entry, seeds: Seeds, ids: "array[int]", make: RowFactory) -> Table:
    """Return the table; stamps are drawn only where a column shows them."""
    stamps = (entry.request_name(entry.created) or _NO_TIME_FIELD, entry.request_name(entry.modified) or _NO_TIME_FIELD)
    if entry.created or entry.modified:
        created, modified = seeds.times(entry.table, len(ids))
    else:
        created = array("q", [seeds.anchor - 90 * DAY]) * len(ids)
        modified = created[:]
    key = entry.request_name(entry.key) or NO_KEY
    return Table(entry.table, entry.fields, make, ids, created, modified, stamps, key)


def _plan(entry: Entry) -> list[tuple[str, int, Value]]:
    """Return how each column comes about; the key is the row's own id."""
    plan = []
    for one in entry.plan:
        value = entry.values.get(one.name)
        if value is None and one.name == entry.key:
            value = _own_number
        elif value is None and one.multiple:
            value = _nothing_listed
        elif value is None:
            value = maker(one.name, one.type, one.ref)
        plan.append((entry.request_name(one.name), salt(entry.table, one.name), _seldom(value, optional=one.optional)))
    return plan


def _own_number(draw: Draw) -> int:
    """Return the row's id."""
    return draw.number


def _nothing_listed(_: Draw) -> list[Any]:
    """Return an empty multiple value."""
    return []


def _seldom(value: Value, *, optional: bool) -> Value:
    """Leave one row of four without a value."""
    return (lambda draw: None if draw.bits >> 7 & 3 == 0 else value(draw)) if optional else value


def _maker(plan: list[tuple[str, int, Value]], seeds: Seeds, tables: Tables) -> RowFactory:
    """Return the row factory of rows."""

    def make(number: int, created: int, modified: int) -> Row:
        return _filled(Draw(seeds, tables, number, created, modified), plan)

    return make


def _filled(draw: Draw, plan: list[tuple[str, int, Value]]) -> Row:
    """Fill a row, column after column."""
    for name, column_salt, value in plan:
        if name not in draw.row:
            draw.salt = column_salt
            draw.row[name] = value(draw)
    return draw.row


def _owned_maker(
    entry: Entry, births: Births, plan: list[tuple[str, int, Value]], seeds: Seeds, tables: Tables
) -> RowFactory:
    """Return the row factory of child rows: what the owner tells stands first."""
    name = entry.request_name(entry.owner_column)

    def make(number: int, created: int, modified: int) -> Row:
        draw = Draw(seeds, tables, number, created, modified)
        kind, draw.owner, place = births.of(number)
        draw.place, draw.later = place or 0, place is None
        told = {entry.request_name(column): value for column, value in entry.owners[kind].also.items()}
        draw.row |= told | ({name: draw.owner} if name else {})
        return _filled(draw, plan)

    return make


def _births(entry: Entry, seeds: Seeds, tables: Tables) -> Births:
    """Give every owner that is there so many rows."""
    births = Births()
    for kind, owner in enumerate(entry.owners):
        for number in _ids(tables, owner.table):
            several = entry.per
            count = several(seeds, number) if callable(several) else several[_lot(seeds, entry, number) % len(several)]
            births.kinds.extend([kind] * count)
            births.owners.extend([number] * count)
            births.places.extend(range(count))
    births.ids = seeds.dense_ids(entry.table, len(births.owners)) if births.owners else array("q")
    return births


def _ids(tables: Tables, name: str) -> Sequence[int]:
    """Return the ids of owners; smart processes that this portal lacks have none."""
    if not name:
        return (0,)
    return tables[name].ids if name in tables or name in tables.later else ()


def _lot(seeds: Seeds, entry: Entry, number: int) -> int:
    """Draw how many rows an owner has."""
    return seeds.mix(number, salt(entry.table, "per"))


def _follow_owners(entry: Entry, table: Table, tables: Tables) -> None:
    """Let rows go when their owner goes."""
    groups = Groups(table, (*next(iter(entry.owners)).also, entry.owner_column), entry.request_name)
    for owner in entry.owners:
        if owner.table not in tables:
            continue
        owners = tables[owner.table]
        owners.on_change.append(_orphans(table, groups, owners, tuple(owner.also.values())))


def _orphans(table: Table, groups: "Groups", owners: Table, also: tuple[Any, ...]) -> Callable[[int | None], None]:
    """Return the function that looks whether an owner is still there."""

    def told(number: int | None) -> None:
        if number is not None and not owners.holds(number):
            for orphan in tuple(groups.ids((*also, number))):
                table.delete(orphan)

    return told


def _listed(entry: Entry, seeds: Seeds, tables: Tables, listed: list[Row]) -> Table:
    """Lay out a table of rows that are written down; rows that are inserted later copy the first one."""
    keyed = entry.key and all(isinstance(row.get(entry.key), int) for row in listed)
    known = {row[entry.key] if keyed else place: row for place, row in enumerate(listed, 1)}
    plan = _plan(entry)
    model = listed[0] if listed else {}

    def make(number: int, created: int, modified: int) -> Row:
        draw = Draw(seeds, tables, number, created, modified)
        fresh = number if keyed else f"X{number}"
        given = known.get(number) or {**model, **({entry.key: fresh} if entry.key else {})}
        draw.row |= {entry.request_name(name): value for name, value in given.items()}
        return _filled(draw, plan)

    table = _table(entry, seeds, array("q", sorted(known)), make)
    if not keyed:
        table.key = NO_KEY
    return _made(entry, tables, table)


class Groups:
    """Ids of a table by the values of some columns; every change of the table is followed."""

    def __init__(self, table: Table, names: tuple[str, ...], request_name: Callable[[str], str] = str) -> None:
        """Walk over the table once; columns that are cheap need no rows."""
        self._table = table
        self._names = tuple(request_name(name) for name in names)
        self._found: dict[tuple[str, ...], list[int]] = {}
        self._group_of: dict[int, tuple[str, ...]] = {}
        for number in table.ids:
            self._enter(number)
        table.on_change.append(self._told)

    def ids(self, values: tuple[Any, ...]) -> list[int]:
        """Return the ids of one group, ascending."""
        return self._found.get(tuple(map(str, values)), [])

    def _enter(self, number: int) -> None:
        """Put a row into its group."""
        group = self._group_of[number] = tuple(map(str, _values(self._table, self._names, number)))
        insort(self._found.setdefault(group, []), number)

    def _told(self, number: int | None) -> None:
        """Move a row that was changed, forget one that is gone."""
        if number is None:
            return
        group = self._group_of.pop(number, None)
        if group is not None:
            self._found[group].remove(number)
        if self._table.holds(number):
            self._enter(number)


def _values(table: Table, names: tuple[str, ...], number: int) -> list[Any]:
    """Return some values of a row."""
    if all(name in table.columns for name in names):
        patch = table.patches.get(number, {})
        return [patch[name] if name in patch else table.columns[name](number) for name in names]
    row = table.row(number)
    return [row.get(name) for name in names]
