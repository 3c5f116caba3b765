"""One call of a method with its parameters, and its answer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tap_bitrix24.demo.company.store import Condition, Order, Table
from tap_bitrix24.demo.portal import date_filters
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import paging, php
from tap_bitrix24.demo.rest_v2.filters import Filter
from tap_bitrix24.demo.rest_v2.views import Rows, Selected, View


class Api(Protocol):
    """What a method uses of the interface it belongs to."""

    def view(self, form: str, table: str) -> View:
        """Return a table in one of its wire forms, such as ``classic`` or ``universal``."""

    def known_methods(self) -> Sequence[str]:
        """Return the names of all methods."""


@dataclass
class Call:
    """One method with its parameters. ``outer_start`` is the request's own ``start``, also inside a batch."""

    portal: Portal
    api: Api
    method: str
    params: php.Array
    outer_start: Any = None
    faults: dict[str, Any] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    def parameter(self, *names: str) -> Any:
        """Return a parameter by the first of its names that is present, or None."""
        return next((self.params[name] for name in names if name in self.params), None)

    def spelled(self, name: str) -> Any:
        """Return a parameter in lower, upper or capitalised spelling, or None."""
        return self.parameter(name, name.upper(), name.capitalize())

    def table(self, name: str) -> Table:
        """Return a table of the company."""
        return self.portal.company.tables[name]

    def given_filter(self, value: Any) -> php.Array:
        """Return the filter, which must be an array; the fault ``drop_filter`` empties it."""
        if value is not None and not isinstance(value, dict):
            raise RestError(code="", text="Parameter 'filter' must be array.")
        if "drop_filter" in self.faults or value is None:
            return {}
        return self._dates_read(value) if "date_filter" in self.faults else value

    def _dates_read(self, value: php.Array) -> php.Array:
        """Return the filter as the fault ``date_filter`` reads its dates; one that finds nothing empties the page."""
        how = str(self.faults["date_filter"] or "nothing")
        if how == "refused" and any(date_filters.dates(value)):
            raise RestError(code="INVALID_ARG_VALUE", text="Invalid value of a date in the filter")
        read: php.Array | None = date_filters.read_dates(how, value)
        if read is None:
            self.faults["empty_page"] = "zero"
        return value if read is None else read

    def conditions(self, read: Filter) -> list[Condition]:
        """Return the filter's conditions; dropped keys are noted for the counters."""
        self.dropped += read.dropped
        return read.conditions

    def ordered(self, table: Table, conditions: list[Condition], order: Order) -> paging.Find:
        """Return the search for ids that a paging engine calls.

        The fault ``drop_order`` sorts by modified time, ``repeat_page`` drops conditions on ids.
        """
        if "drop_order" in self.faults:
            order = ((table.time_fields[1] if table.time_fields[1] in table.fields else table.key, True),)
        if "repeat_page" in self.faults:
            conditions = [one for one in conditions if one.name != table.key]
        return lambda page: table.sorted(conditions, order, flip=page % 2 == 1)

    def rows(self, view: View, page: paging.Page, selected: Selected | None) -> Rows:
        """Return the rows of a page; faults may shorten it or remove a row's id."""
        ids = page.ids
        if "short_page" in self.faults:
            ids = ids[: max(0, len(ids) - int(self.faults["short_page"] or 1))]
        without_key = len(ids) // 2 if "missing_id" in self.faults and len(ids) else None
        return Rows.shown(view, ids, selected, without_key=without_key)

    @property
    def start(self) -> Any:
        """Return the parameter ``start``; the fault ``repeat_page`` makes it 0."""
        own = self.params.get("start", 0)
        return min(php.intval(own), 0) if "repeat_page" in self.faults else own


@dataclass
class Answer:
    """A method's answer; None for ``total`` or ``next`` leaves the key out."""

    result: Any
    total: int | None = None
    next: int | None = None
    rows: Rows | None = None
    counted: bool = False


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Method:
    """A method. ``typed`` ones belong to controllers, whose ``time`` has other types."""

    name: str
    scope: str | None
    handle: Handler
    typed: bool = True


def paged(result: Any, rows: Rows, page: paging.Page) -> Answer:
    """Return the answer of a paged list."""
    return Answer(result, page.total, page.next, rows, page.counted)


def names(value: Any) -> Iterable[Any] | None:
    """Return the names of a select, or None without one."""
    return value.values() if isinstance(value, dict) else None


def legacy_order(table: Table, given: Any) -> Order:
    """Return an order as classic lists read it: unknown names are ignored, anything but ASC is descending."""
    if not isinstance(given, dict):
        return ()
    return tuple(
        (str(name).upper(), str(direction).upper() != "ASC")
        for name, direction in given.items()
        if str(name).upper() in table.fields
    )
