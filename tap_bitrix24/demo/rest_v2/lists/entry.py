"""List methods of the demo portal as data: columns, parents, paging, filters and the shape of the answer."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Condition, Row, Table, Tables
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft

Engine = Literal[
    "legacy", "controller", "wrapping", "offset", "unpaged", "nav", "limit", "page", "first_id", "everything"
]
Value = Callable[[RowDraft], Any]

_COLUMN = re.compile(r"([^:\s]+):(\w+)(\[\])?([!*^~?]*)(?:>(\w+))?")
_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NO_KEY: Final = " row"


@dataclass(frozen=True)
class Refusal:
    """A documented error; its code may be empty text or a number."""

    code: Any
    text: str
    status: int = 400

    def error(self) -> RestError:
        """Return the exception to raise."""
        return RestError(code=self.code, text=self.text, status=self.status)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field. ``hidden`` fields can be filtered by but are not in answers; ``/_demo/truth`` shows them."""

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
    """Return columns declared as ``NAME:type`` with ``[]`` multiple, ``!`` required, ``*`` read-only, ``^`` immutable.

    ``~`` is hidden, ``?`` empty in one row of four, ``>table`` an id of that table.
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
class ParentParameter:
    """A parameter that narrows a list to the rows of one parent: those whose ``column`` has its value.

    Without ``column`` the parameter is only required. ``path`` is a path such as ``id`` or ``filter.=ownerId``, with
    alternatives after ``|``. ``missing`` is the error without the parameter (None: the list is not narrowed),
    ``unknown`` the error of an id that ``table`` lacks. ``many``: an array names several parents, if True or if the
    switch of that name is on; otherwise PHP casts an array to the number 1.
    """

    path: str
    column: str = ""
    missing: Refusal | None = None
    unknown: Refusal | None = None
    table: str = ""
    many: bool | str = False


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A table whose rows are parents of this list's rows; ``also`` are the columns that name its kind.

    A table ``""`` is a single parent with the id 0, such as the company's own calendar.
    """

    table: str
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One list method.

    Rows come from ``rows``, or there are ``count``, ``share`` (of the scale), ``per`` for each parent of ``owners``, or
    one for each row of the table it ``mirrors``. With ``total`` "some", the key is absent where there are no rows.

    Entries that name the table of another entry, without columns, show its rows. See
    :mod:`tap_bitrix24.demo.rest_v2.lists.registry` for where entries are declared.
    """

    method: str
    table: str
    columns: str = ""
    scope: str = "crm"
    key: str = "ID"
    # Rows
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
    on_created: Callable[[Tables, Table], None] | None = None
    # Parameters
    parents: tuple[ParentParameter, ...] = ()
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
    check: Callable[[ListRequest], None] | None = None
    extra_conditions: Callable[[ListRequest], Sequence[Condition]] | None = None
    # Paging and answer
    paging: Engine = "legacy"
    size: int = 50
    max_size: int = 50
    total: Literal["count", "some", "zero", "size", "absent"] = "count"
    wrapper: str = ""
    shape: Literal["list", "keyed", "map", "scalars", "single"] = "list"
    value: str = ""
    empty: Any = field(default_factory=list)
    envelope: Callable[[ListRequest, Any, Sequence[Row]], Any] | None = None
    form: Literal["classic", "typed"] = "classic"
    formats: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    visible_names: tuple[str, ...] = ()
    # Fields method
    fields_method: str = ""
    fields_shape: str = "flat"
    titles: Mapping[str, str] = field(default_factory=dict)
    fields_check: Callable[[ListRequest], None] | None = None
    describe: Callable[[ListRequest, dict[str, Any]], dict[str, Any]] | None = None

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """Return the declared columns."""
        return columns(self.columns)

    def request_name(self, name: str) -> str:
        """Return a column's name in filters, orders and table rows."""
        return _SNAKE.sub("_", name).upper() if self.request_names == "upper" else name

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Return the columns by their names in filters."""
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
            for one in self.all_columns
        }

    @cached_property
    def visible(self) -> tuple[str, ...]:
        """Return the names of the columns in answers."""
        return self.visible_names or tuple(one.name for one in self.all_columns if not one.hidden)
