"""Values of the rows of declared lists: pure functions of the row's id, by the column's type and name."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from zlib import crc32

from tap_bitrix24.demo.company.names import COMMENTS, PRODUCTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, Tables
from tap_bitrix24.demo.company.timestamps import DAY

_CREATED_PARTS: Final = ("CREATE", "INSERT", "REGISTER", "ADDED", "BILL")
_MODIFIED_PARTS: Final = ("MODIF", "UPDATE", "TIMESTAMP", "CHANGED")


class RowDraft:
    """A row being computed: ``row`` holds its values so far, ``owner`` its parent, ``place`` its place among siblings.

    ``later``: a child row that was added after the portal's start; its place is 0.
    """

    __slots__ = ("created", "later", "modified", "number", "owner", "place", "row", "salt", "seeds", "tables")

    def __init__(self, seeds: Seeds, tables: Tables, number: int, created: int, modified: int) -> None:
        """Start a row; ``salt`` is set for each column before its value is computed."""
        self.seeds, self.tables, self.number = seeds, tables, number
        self.created, self.modified = created, modified
        self.owner = self.place = self.salt = 0
        self.later = False
        self.row: Row = {}

    @property
    def bits(self) -> int:
        """Return 48 pseudo-random bits of this row and column."""
        return self.seeds.mix(self.number, self.salt)

    def one_of(self, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        return choices[self.bits % len(choices)]

    def pick(self, table: str, shift: int = 0) -> int:
        """Return an id that a table had when it was created."""
        if table not in self.seeds.initial_ids:
            self.seeds.initial_ids[table] = self.tables[table].ids[:]
        return self.seeds.pick(table, self.bits >> shift)


def salt(table: str, column: str) -> int:
    """Return a column's number, which makes its values independent of other columns."""
    return crc32(f"{table}.{column}".encode()) & 0xFFFF


def one_of(*choices: Any) -> Callable[[RowDraft], Any]:
    """Return the value function that picks one of the choices."""
    return lambda draft: draft.one_of(choices)


def fixed(value: Any) -> Callable[[RowDraft], Any]:
    """Return the value function of a constant."""
    return lambda _: value


def numbered(text: str) -> Callable[[RowDraft], Any]:
    """Return the value function of a text with the row's id in it, as in ``numbered("Store {}")``."""
    return lambda draft: text.format(draft.number)


def value_function(name: str, kind: str, ref: str) -> Callable[[RowDraft], Any]:
    """Return the default value function of a column: by reference, by type, then by name."""
    if ref:
        return lambda draft: draft.pick(ref)
    if kind in {"datetime", "date"}:
        return _moment(name.upper(), kind)
    found = _BY_TYPE.get(kind)
    if found is not None:
        return found
    return _text(name.upper())


def _moment(name: str, kind: str) -> Callable[[RowDraft], Any]:
    """Return the value function of a time: created or modified by name, others between the two."""
    unit = DAY if kind == "date" else 1
    if any(part in name for part in _MODIFIED_PARTS):
        return lambda draft: draft.modified // unit
    if any(part in name for part in _CREATED_PARTS):
        return lambda draft: draft.created // unit
    return lambda draft: (draft.created + draft.bits % max(draft.modified - draft.created, 1)) // unit


def _text(name: str) -> Callable[[RowDraft], Any]:
    """Return the value function of a text that suits the column's name."""
    if name.endswith(("NAME", "TITLE")):
        return lambda draft: f"{draft.one_of(PRODUCTS)} {draft.number}"
    if name.endswith(("CODE", "XMLID", "XML_ID")):
        return lambda draft: f"x{draft.bits % 0xFFFFFF:06x}"
    if "CURRENCY" in name:
        return one_of("RUB", "RUB", "EUR", "USD")
    return lambda draft: draft.one_of(COMMENTS)


_BY_TYPE: Final[dict[str, Callable[[RowDraft], Any]]] = {
    "integer": lambda draft: draft.bits % 1000,
    "int": lambda draft: draft.bits % 1000,
    "double": lambda draft: draft.bits % 1_000_000 / 100,
    "char": lambda draft: "YN"[draft.bits & 1],
    "boolean": lambda draft: "YN"[draft.bits & 1],
    "bool": lambda draft: bool(draft.bits & 1),
    "user": lambda draft: draft.pick("users"),
    "array": lambda _: [],
    "object": lambda _: [],
    "any": lambda _: None,
    "file": lambda _: None,
}
