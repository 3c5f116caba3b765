"""How the rows of declared lists come about: a value is a pure function of the row's id, by the column's type."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from zlib import crc32

from tap_bitrix24.demo.company.names import COMMENTS, PRODUCTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, Tables
from tap_bitrix24.demo.company.timestamps import DAY

_CREATED: Final = ("CREATE", "INSERT", "REGISTER", "ADDED", "BILL")
_MODIFIED: Final = ("MODIF", "UPDATE", "TIMESTAMP", "CHANGED")


class Draw:
    """One row in the making. ``owner`` and ``place`` are those of a child among its owner's, ``row`` grows.

    ``later``: a child that came after the portal's start; its place is 0.
    """

    __slots__ = ("created", "later", "modified", "number", "owner", "place", "row", "salt", "seeds", "tables")

    def __init__(self, seeds: Seeds, tables: Tables, number: int, created: int, modified: int) -> None:
        """Start a row; its salt is that of the column in turn."""
        self.seeds, self.tables, self.number = seeds, tables, number
        self.created, self.modified = created, modified
        self.owner = self.place = self.salt = 0
        self.later = False
        self.row: Row = {}

    @property
    def bits(self) -> int:
        """Return 48 mixed bits of this row and column."""
        return self.seeds.mix(self.number, self.salt)

    def one_of(self, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        return choices[self.bits % len(choices)]

    def pick(self, table: str, shift: int = 0) -> int:
        """Return an id that a table had when it was laid out."""
        if table not in self.seeds.initial_ids:
            self.seeds.initial_ids[table] = self.tables[table].ids[:]
        return self.seeds.pick(table, self.bits >> shift)


def salt(table: str, column: str) -> int:
    """Return the salt of a column."""
    return crc32(f"{table}.{column}".encode()) & 0xFFFF


def one_of(*choices: Any) -> Callable[[Draw], Any]:
    """Return the row factory of values from a few choices."""
    return lambda draw: draw.one_of(choices)


def fixed(value: Any) -> Callable[[Draw], Any]:
    """Return the row factory of one value for all rows."""
    return lambda _: value


def numbered(text: str) -> Callable[[Draw], Any]:
    """Return the row factory of a text with the row's id in it, as in ``numbered("Store {}")``."""
    return lambda draw: text.format(draw.number)


def maker(name: str, kind: str, ref: str) -> Callable[[Draw], Any]:
    """Return how a column comes about if nobody says: by reference, by type, then by what its name tells."""
    if ref:
        return lambda draw: draw.pick(ref)
    if kind in {"datetime", "date"}:
        return _moment(name.upper(), kind)
    found = _BY_TYPE.get(kind)
    if found is not None:
        return found
    return _text(name.upper())


def _moment(name: str, kind: str) -> Callable[[Draw], Any]:
    """Return stamps by their names; other moments lie between creation and last change."""
    unit = DAY if kind == "date" else 1
    if any(part in name for part in _MODIFIED):
        return lambda draw: draw.modified // unit
    if any(part in name for part in _CREATED):
        return lambda draw: draw.created // unit
    return lambda draw: (draw.created + draw.bits % max(draw.modified - draw.created, 1)) // unit


def _text(name: str) -> Callable[[Draw], Any]:
    """Return text that looks like what the column is called."""
    if name.endswith(("NAME", "TITLE")):
        return lambda draw: f"{draw.one_of(PRODUCTS)} {draw.number}"
    if name.endswith(("CODE", "XMLID", "XML_ID")):
        return lambda draw: f"x{draw.bits % 0xFFFFFF:06x}"
    if "CURRENCY" in name:
        return one_of("RUB", "RUB", "EUR", "USD")
    return lambda draw: draw.one_of(COMMENTS)


_BY_TYPE: Final[dict[str, Callable[[Draw], Any]]] = {
    "integer": lambda draw: draw.bits % 1000,
    "int": lambda draw: draw.bits % 1000,
    "double": lambda draw: draw.bits % 1_000_000 / 100,
    "char": lambda draw: "YN"[draw.bits & 1],
    "boolean": lambda draw: "YN"[draw.bits & 1],
    "bool": lambda draw: bool(draw.bits & 1),
    "user": lambda draw: draw.pick("users"),
    "array": lambda _: [],
    "object": lambda _: [],
    "any": lambda _: None,
    "file": lambda _: None,
}
