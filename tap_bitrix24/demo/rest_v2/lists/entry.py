"""What a list method of the demo portal is, as data: its columns, its parents, how it pages, filters and looks."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Condition, Row, Table, Tables
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2.lists.request import Asked
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw

Engine = Literal[
    "legacy", "controller", "wrapping", "offset", "unpaged", "nav", "limit", "page", "first_id", "everything"
]
Value = Callable[[Draw], Any]

_COLUMN = re.compile(r"([^:\s]+):(\w+)(\[\])?([!*^~?]*)(?:>(\w+))?")
_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NO_KEY: Final = " row"


@dataclass(frozen=True)
class Refusal:
    """A documented error; the code may be empty or a number."""

    code: Any
    text: str
    status: int = 400

    def error(self) -> RestError:
        """Return the error to raise."""
        return RestError(code=self.code, text=self.text, status=self.status)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field. ``hidden`` ones stand in the truth and serve conditions, answers leave them out."""

    name: str
    type: str
    ref: str = ""
    multiple: bool = False
    required: bool = False
    read_only: bool = False
    immutable: bool = False
    hidden: bool = False
    optional: bool = False


def columns(text: str) -> tuple[Column, ...]:
    """Read columns written as ``NAME:type`` with ``[]`` multiple, ``!`` required, ``*`` read-only, ``^`` immutable.

    ``~`` is hidden, ``?`` empty in one row of four, ``>table`` holds an id of that table.
    """
    made = []
    for word in text.split():
        found = _COLUMN.fullmatch(word)
        if found is None:
            message = f"not a column: {word!r}"
            raise ValueError(message)
        name, kind, several, flags, ref = found.groups()
        made.append(
            Column(
                name=name,
                type=kind,
                ref=ref or "",
                multiple=bool(several),
                required="!" in flags,
                read_only="*" in flags,
                immutable="^" in flags,
                hidden="~" in flags,
                optional="?" in flags,
            )
        )
    return tuple(made)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A parameter that narrows the list: rows whose ``column`` has its value; none for one that must only be there.

    ``at`` is a path as ``id`` or ``filter.=ownerId``, further spellings after ``|``. ``missing`` is the error without
    it (None: the list is not narrowed), ``unknown`` the error of an id that table ``of`` lacks. ``many``: an array asks
    for several, unless the switch it is named after is off; otherwise an array counts as its int-cast, which is 1.
    """

    at: str
    column: str = ""
    missing: Refusal | None = None
    unknown: Refusal | None = None
    of: str = ""
    many: bool | str = False


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A table whose rows have child rows; ``also`` are columns that tell what kind of owner it is.

    A table ``""`` is one owner with the id 0, such as the company's own calendar.
    """

    table: str
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One list method.

    Rows come from ``rows``, ``count``, ``share`` (of the scale), so many ``per`` owner, or one for each row of the
    table it ``mirrors``. A ``total`` of "some" has no key where there are no rows.

    Entries that name the table of another one, without columns, show its rows; where to put one tells
    :mod:`tap_bitrix24.demo.rest_v2.lists.registry`.
    """

    method: str
    table: str
    columns: str = ""
    scope: str = "crm"
    key: str = "ID"
    # How rows come about
    values: Mapping[str, Value] = field(default_factory=dict)
    rows: Callable[[Seeds], Iterable[Row]] | None = None
    mirrors: str = ""
    count: int = 0
    share: float = 0.0
    per: tuple[int, ...] | Callable[[Seeds, int], int] = ()
    owners: tuple[Owner, ...] = ()
    owner_column: str = ""
    created: str = ""
    modified: str = ""
    on_made: Callable[[Tables, Table], None] | None = None
    # How they are asked for
    asks: tuple[Ask, ...] = ()
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    filters: Literal["legacy", "orm", "skipping", "equal", "none"] = "legacy"
    filter_error: Any = None
    spelling: Literal["any", "lower", "upper"] = "any"
    inside: str = ""
    positional: tuple[str, ...] = ()
    request_names: Literal["same", "upper"] = "same"
    order: Literal["map", "words", "none"] = "map"
    order_name: str = "order"
    default_order: tuple[tuple[str, bool], ...] = ()
    selects: bool = True
    default_select: tuple[str, ...] = ()
    check: Callable[[Asked], None] | None = None
    window: Callable[[Asked], Sequence[Condition]] | None = None
    # How they are paged and shown
    paging: Engine = "legacy"
    size: int = 50
    most: int = 50
    total: Literal["count", "some", "zero", "size", "absent"] = "count"
    wrapper: str = ""
    shape: Literal["list", "keyed", "map", "scalars", "single"] = "list"
    value: str = ""
    empty: Any = field(default_factory=list)
    around: Callable[[Asked, Any, Sequence[Row]], Any] | None = None
    form: Literal["classic", "typed"] = "classic"
    wire: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    # Its fields method
    fields_method: str = ""
    fields_shape: str = "flat"
    titles: Mapping[str, str] = field(default_factory=dict)
    fields_check: Callable[[Asked], None] | None = None
    describe: Callable[[Asked, dict[str, Any]], dict[str, Any]] | None = None

    @cached_property
    def plan(self) -> tuple[Column, ...]:
        """Return the columns."""
        return columns(self.columns)

    def request_name(self, name: str) -> str:
        """Return the name that filters, orders and rows know a column by."""
        return _SNAKE.sub("_", name).upper() if self.request_names == "upper" else name

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Return the columns as filters know them."""
        return {
            self.request_name(one.name): Field(
                name=self.request_name(one.name),
                item=one.name,
                type=one.type,
                title=self.titles.get(one.name, one.name),
                multiple=one.multiple,
                required=one.required,
                read_only=one.read_only,
                immutable=one.immutable,
            )
            for one in self.plan
        }

    @cached_property
    def visible(self) -> tuple[str, ...]:
        """Return the names that answers show."""
        return self.shows or tuple(one.name for one in self.plan if not one.hidden)
