"""Rows of a table in the form of a group of methods; encoded rows are cached."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.store import Row, Table
from tap_bitrix24.demo.rest_v2 import php, values

Selected = frozenset[str]
Names = Iterable[Any] | None

MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
_CACHED_SELECTIONS = 500
_ON_REQUEST = frozenset((*MULTIFIELDS, "COMMUNICATIONS", "FILES"))


@dataclass
class FragmentStore:
    """The size of all cached rows; beyond ``limit`` bytes all caches are emptied, so that memory stays bounded."""

    limit: int = 3_500_000_000
    size: int = 0
    views: list["View"] = field(default_factory=list)

    def grew(self, size: int) -> None:
        """Count the bytes of a newly cached row."""
        self.size += size
        if self.size > self.limit:
            for view in self.views:
                view.forget(None)
            self.size = 0


class View:
    """A table in one wire form."""

    def __init__(self, table: Table, key: str, show: Callable[[Row], Row], store: FragmentStore) -> None:
        """``show`` returns a row in its wire form; ``key`` is the name of the id there."""
        self.table = table
        self.key = key
        self._show = show
        self._store = store
        self._cache: dict[Selected | None, dict[int, bytes]] = {}
        self._selections: dict[tuple[str, ...] | None, Selected | None] = {}
        store.views.append(self)
        table.on_change.append(self.forget)

    def forget(self, number: int | None) -> None:
        """Drop the cached form of one row, or (None) of all."""
        if number is None:
            self._cache, self._selections = {}, {}
            return
        for fragments in self._cache.values():
            fragments.pop(number, None)

    def selection(self, names: Names, choose: Callable[[Names], Selected | None]) -> Selected | None:
        """Return the columns that names select; ``choose`` computes them the first time."""
        known, given = self._selections, None if names is None else tuple(map(str, names))
        if given not in known:
            if len(known) >= _CACHED_SELECTIONS:
                known.clear()
            known[given] = choose(given)
        return known[given]

    def row(self, number: int, selected: Selected | None = None) -> Row:
        """Return one row in wire form; ``selected`` None means everything."""
        shown = self._show(self.table.row(number))
        return shown if selected is None else {name: value for name, value in shown.items() if name in selected}

    def fragment(self, number: int, selected: Selected | None) -> bytes:
        """Return one row as JSON."""
        fragments = self._cache.setdefault(selected, {})
        text = fragments.get(number)
        if text is None:
            text = fragments[number] = php.encode_row(self.row(number, selected))
            self._store.grew(len(text) + 140)
        return text

    def fragments(self, ids: Sequence[int], selected: Selected | None) -> list[bytes]:
        """Return a page of rows as JSON."""
        cached = self._cache.get(selected, {})
        return [cached.get(number) or self.fragment(number, selected) for number in ids]


class Rows(php.Encoded):
    """One page of encoded rows; later changes of the table do not affect it."""

    def __init__(self, texts: list[bytes], ids: Sequence[int], table: str) -> None:
        """Hold rows that are JSON already."""
        self.ids = ids
        self.table = table
        self._texts = texts

    @classmethod
    def shown(
        cls, view: View, ids: Sequence[int], selected: Selected | None, *, without_key: int | None = None
    ) -> "Rows":
        """Return rows of a view; ``without_key`` is the place of a row whose id a fault removes."""
        texts = view.fragments(ids, selected)
        if without_key is not None:
            row = json.loads(texts[without_key])
            row.pop(view.key, None)
            texts[without_key] = php.encode_row(row)
        return cls(texts, ids, view.table.name)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._texts)

    def encoded(self) -> tuple[bytes, ...]:
        """Return the page as JSON, in parts."""
        return (b"[", b",".join(self._texts), b"]")

    def row(self, index: int) -> Row:
        """Return one row decoded, for a batch reference."""
        row: Row = json.loads(self._texts[index])
        return row

    def whole(self) -> php.Array:
        """Return all rows as a PHP array, for a batch reference to the whole page."""
        return {index: php.array(self.row(index)) for index in range(len(self))}


def classic_writer(fields: dict[str, Field]) -> Callable[[Row], Row]:
    """Return the function that writes rows as classic CRM lists do."""
    converters: list[tuple[str, values.Converter | None]] = []
    known: tuple[Field, ...] = ()

    def show(row: Row) -> Row:
        nonlocal converters, known
        if known != (described := tuple(fields.values())):
            converters = [(f.name, _classic_converter(f)) for f in described if not _unlisted(f)]
            known = described
        shown: Row = {}
        for name, convert in converters:
            value = row.get(name)
            if convert is not None:
                value = convert(value)
                if value is values.OMITTED:
                    continue
            shown[name] = value
        return shown

    return show


def _unlisted(described: Field) -> bool:
    """Return whether classic lists hide a field: multiple references to contacts and companies are never shown."""
    return described.multiple and described.type in {"crm_contact", "crm_company"} and not described.user_field


def _classic_converter(described: Field) -> values.Converter | None:
    """Return the converter of a field; empty multifields leave the key out."""
    if described.type == "crm_multifield":
        return lambda value: value or values.OMITTED
    return values.classic(described.type, multiple=described.multiple, user_field=described.user_field)


def universal_writer(
    fields: dict[str, Field], extra: tuple[Field, ...], entity_type_id: int, *, original: bool
) -> Callable[[Row], Row]:
    """Return the function that writes rows as ``crm.item.list`` does; multifields come together as ``fm``.

    ``original``: user fields keep their upper-case names.
    """
    converters: list[tuple[str, str, values.Converter | None]] = []
    known: tuple[Field, ...] = ()

    def show(row: Row) -> Row:
        nonlocal converters, known
        if known != (described := tuple(fields.values())):
            listed = [one for one in (*described, *extra) if one.type != "crm_multifield"]
            converters = [
                (one.name, universal_name(one, original=original), _universal_converter(one)) for one in listed
            ]
            known = described
        shown = {item: convert(row.get(name)) if convert else row.get(name) for name, item, convert in converters}
        if "PHONE" in fields:
            shown["fm"] = _joined_multifields(row)
        shown["entityTypeId"] = entity_type_id
        return shown

    return show


def universal_name(described: Field, *, original: bool) -> str:
    """Return a field's key in ``crm.item.list``."""
    return described.name if original and described.user_field else described.item


def _universal_converter(described: Field) -> values.Converter | None:
    """Return the converter of a field for ``crm.item.list``."""
    return values.universal(described.type, multiple=described.multiple, user_field=described.user_field)


def _joined_multifields(row: Row) -> list[Row]:
    """Return phones, e-mail addresses and other multifields as the one list of ``crm.item.list``."""
    return [
        {"id": int(one["ID"]), "valueType": one["VALUE_TYPE"], "value": one["VALUE"], "typeId": one["TYPE_ID"]}
        for name in MULTIFIELDS
        for one in row.get(name) or ()
    ]


def classic_select(fields: dict[str, Field], names: Iterable[Any] | None) -> Selected | None:
    """Return the keys a classic list shows: ``*`` leaves out user fields and multifields, unknown names are dropped.

    None is everything, so that all such requests share the cached rows.
    """
    wanted = {str(name).upper() for name in names} if names is not None else set()
    if not wanted:
        wanted = {"*", "UF_*"}
    chosen = {"ID"}
    for name, described in fields.items():
        group = "UF_*" if described.user_field else "*"
        if name in wanted or (group in wanted and name not in _ON_REQUEST):
            chosen.add(name)
    return None if fields.keys() - chosen <= {"LINK"} else frozenset(chosen)


def universal_select(fields: dict[str, Field], names: Iterable[Any] | None, *, original: bool) -> Selected | None:
    """Return the keys ``crm.item.list`` shows; None: all of them. ``fm`` cannot be selected by name."""
    wanted = {str(name) for name in names} if names is not None else set()
    if not wanted or "*" in wanted:
        return None
    named = {
        universal_name(one, original=original) for one in fields.values() if one.item in wanted or one.name in wanted
    }
    return frozenset((*named, "id", "entityTypeId"))
