"""The words the table is written in: an entity, its parents, and what multiplies a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.entities.portal_info import ListVariant, PortalInfo
from tap_bitrix24.model.endpoint import Endpoint, Pagination, ReplicationKey, ResponseShape, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

POSITION = "POSITION"
"""Key of rows that have none: their place in the list (within its parent)."""
OFFER_TYPE = 4
"""productType of variations, which live in catalogs of their own."""
DAY = 24 * 3600
NO_SUCH_TYPE = frozenset({"entity_type_not_supported", "not_found", "is not supported"})
NO_SUCH_LIST = frozenset({"not found", "not_found", "does not exist", "access denied", "access_denied"})
NO_SUCH_MODULE = frozenset(
    {"not installed", "unknown module", "module", "invalid_arg_value", "access denied", "iblock_type"}
)
ALL_TIMEZONES = 26 * 3600
"""Controllers may read date bounds in the user's zone instead of the given one: 26 hours span all zones."""


@dataclass(frozen=True, slots=True)
class Universal:
    """How `crm.item.list` tells the same rows as a classic method."""

    entity_type_id: int
    renames: Mapping[str, str] = field(default_factory=dict)
    """Row key → classic name, where upper snake case is not it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A list each of whose rows has children of its own."""

    stream: str
    """Whose rows the parents are."""
    param: str
    """Parameter that takes the parent's value, dotted if it lies in another."""
    column: str = ""
    """Portal name of the column that keeps this value; empty: the rows say it themselves."""
    value_key: str = ""
    """Key of a parent's row that holds the value; empty: its id."""
    value_request_key: str = ""
    """Name of that key in `select`, if it differs."""
    select: Sequence[str] = ()
    """Names to ask the list of parents for besides id, value and stamp."""
    name: str = ""
    """Names the sets (`deal:17`); empty: the stream."""
    fixed_params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that are the same for all parents."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Columns that are the same for all parents: portal name → value."""
    parent_filter: Mapping[str, Any] = field(default_factory=dict)
    """Conditions on the list of parents."""
    has_children: Callable[[Row], bool] | None = None
    """Which of its rows have children at all."""
    group_size: int = 1
    """Parents one command can ask for."""
    owner_key: str = ""
    """Key of a child that names its parent, where a command asks for several."""
    embedded_children: Callable[[Row], list[Row] | None] | None = None
    """Children that the parent's own row in the universal method tells; None: this row does not."""
    recurse_into: Callable[[Row], Any] | None = None
    """A child that is a parent itself → the value to ask its children with."""
    variants: Callable[[PortalInfo], Sequence[ListVariant]] | None = None
    """Several commands per parent: date windows."""


@dataclass(frozen=True, slots=True)
class StreamTemplate:
    """Streams that share a row of the table: `smart_process_<entityTypeId>`, `list_elements_<iblockId>`."""

    instances: Callable[[PortalInfo], Mapping[int, str]]
    """Number → title of what this portal has."""
    variant: Callable[[int, PortalInfo], ListVariant]
    """What rows and fields of one of them are asked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row of the table: a list of the portal and how it becomes a stream (or several: `members`)."""

    stream: str
    scope: Sequence[str]
    """Any one of these will do."""
    endpoint: Endpoint
    fields_method: str = ""
    fields_params: Mapping[str, Any] = field(default_factory=dict)
    fields_variants: Callable[[PortalInfo], Sequence[Mapping[str, Any]]] | None = None
    """Parameters of several calls of the field method, known only once the portal has told of itself."""
    describe: Callable[[Any], list[Field]] = parse_fields
    """Reads the field method's answer."""
    user_fields_method: str = ""
    """A second method that knows types or multiplicity of user fields; another scope may be needed for it."""
    documented_columns: Mapping[str, str] = field(default_factory=dict)
    """Portal name → type, as documented: for what no field method describes."""
    type_overrides: Mapping[str, str] = field(default_factory=dict)
    """Portal name → type, `[]` appended when multiple: what field method and documentation get wrong."""
    yes_no_columns: frozenset[str] = frozenset()
    """Y/N columns whose name does not say so."""
    primary_key: Sequence[str] = ("ID",)
    replication_key: ReplicationKey | None = None
    """Read incrementally by it; None: read whole every run."""
    select: Sequence[str] = ()
    """Names to ask for besides the method's default; none: the method has no say in it."""
    select_all_fields: bool = False
    """Every described field must be named, or it is left out of the rows."""
    columns_selectable: bool = False
    """Instead of `*` the portal names of columns can be asked for: what nobody wants need not be read."""
    variants: Callable[[PortalInfo], Sequence[ListVariant]] | None = None
    """The stream is made of several lists."""
    template: StreamTemplate | None = None
    parents: Callable[[PortalInfo], Sequence[Parent]] | None = None
    """Read per parent."""
    reshape: Callable[[Row], Row] | None = None
    """Brings a row into the shape its columns describe."""
    ignorable_errors: frozenset[str] = frozenset()
    """Codes or words of errors that say one of the lists does not exist."""
    universal: Universal | None = None
    rest_v3: Entity | None = None
    """The same rows by REST 3.0, which is to be preferred where a portal has it."""
    selected_by_default: bool = False
    """Selected where nobody says what to select."""
    complete: bool = True
    """A run without a bookmark reads all there is, so that what it does not bring is gone."""

    @property
    def supports_keyset(self) -> bool:
        """Whether ids can be filtered and ordered; otherwise the list comes whole or by offset."""
        return self.endpoint.pagination.supports_keyset and POSITION not in self.primary_key


def columns(**names: str) -> dict[str, str]:
    """Columns by type: `columns(integer="ID SORT", string_list="TAGS")` → portal name → type.

    Args:
        names: Portal type (`_list` appended: multiple; `_id` … as the portal writes types) → names, space-separated.
    """
    return {
        name: f"{type_.removesuffix('_list')}[]" if type_.endswith("_list") else type_
        for type_, listed_ in names.items()
        for name in listed_.split()
    }


def upper(
    method: str,
    rows_at: str = "",
    *,
    paging: Pagination | None = None,
    select: str = "",
    shape: ResponseShape = listed,
    key: str = "ID",
) -> Endpoint:
    """A list whose rows and requests use upper-case names."""
    return Endpoint(
        method, paging or StartParameter(), shape, rows_at, key, key, select, supports_chaining=shape is listed
    )


def camel(
    method: str,
    rows_at: str = "",
    *,
    paging: Pagination | None = None,
    select: str = "",
    shape: ResponseShape = listed,
    key: str = "id",
    request_key: str = "",
) -> Endpoint:
    """A list of a controller: camelCase names, rows under the entity's name."""
    return Endpoint(
        method,
        paging or StartParameter(),
        shape,
        rows_at,
        key,
        request_key or key,
        select,
        supports_chaining=shape is listed,
    )


SINGLE_PAGE = SinglePage()
"""All rows in one answer."""


def static_parents(*parents: Parent) -> Callable[[PortalInfo], Sequence[Parent]]:
    """Parents that do not depend on the portal."""
    return lambda _: parents


def for_each_value(
    param: str, *values: Any, column: str = "", **fixed: Any
) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One list for each of these values of a parameter."""
    constants = {column: None} if column else {}
    lists = [ListVariant({**fixed, param: value}, dict.fromkeys(constants, value)) for value in values]
    return lambda _: lists


def for_each_entity_type(*numbers: int) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One list for each of these entityTypeIds, and for each smart process."""

    def lists(portal: PortalInfo) -> list[ListVariant]:
        return [entity_type_variant(number) for number in (*numbers, *sorted(portal.smart_processes))]

    return lists


def entity_type_variant(number: int) -> ListVariant:
    """The list of one entityTypeId."""
    return ListVariant({"entityTypeId": number}, {"entity_type_id": number})


def for_each_product_iblock(portal: PortalInfo) -> list[ListVariant]:
    """One list for each catalog that holds products."""
    return [ListVariant({"filter.iblockId": number}) for number in portal.product_iblocks]


def for_each_offer_iblock(portal: PortalInfo) -> list[ListVariant]:
    """One list for each catalog that holds variations of products."""
    return [ListVariant({"filter.iblockId": number}) for number in portal.offer_iblocks]


def for_each_universal_list(portal: PortalInfo) -> list[ListVariant]:
    """One call for each universal list."""
    return [universal_list_variant(number, portal) for number in sorted(portal.universal_lists)]


def universal_list_variant(number: int, portal: PortalInfo) -> ListVariant:
    """The call for one universal list; a catalog may name one the portal no longer has."""
    known = portal.universal_lists.get(number)
    return ListVariant({"IBLOCK_TYPE_ID": known.type if known else "lists", "IBLOCK_ID": number}, {"iblock_id": number})


def date_ranges(portal: PortalInfo) -> list[tuple[datetime, datetime]]:
    """Date ranges that together hold everything from `start_date` (or 2000) to two years from now.

    Three, because recurring events are spelled out: the far past and the future are long, and rarely full.
    """
    now = portal.clock
    first = portal.start_date or datetime(2000, 1, 1, tzinfo=UTC)
    cuts = [first, *(cut for cut in (now - timedelta(days=365), now, now + timedelta(days=730)) if cut > first)]
    return list(pairwise(cuts))


def for_each_date_range(low: str, high: str, **fixed: Any) -> Callable[[PortalInfo], Sequence[ListVariant]]:
    """One call for each date range, bounds as days."""

    def calls(portal: PortalInfo) -> list[ListVariant]:
        return [
            ListVariant({**fixed, low: start.date().isoformat(), high: end.date().isoformat()})
            for start, end in date_ranges(portal)
        ]

    return calls


def for_each_month(portal: PortalInfo) -> list[ListVariant]:
    """One call for each month from `start_date`, or from twelve months ago, to now."""
    first = portal.start_date or portal.clock - timedelta(days=365)
    months = range(first.year * 12 + first.month - 1, portal.clock.year * 12 + portal.clock.month)
    return [ListVariant({"YEAR": month // 12, "MONTH": month % 12 + 1}) for month in months]


def product_fields(kind: int) -> Callable[[PortalInfo], list[Mapping[str, Any]]]:
    """Calls that describe the products of one kind (1 simple, 3 with variations, 4 variation, 7 service)."""

    def calls(portal: PortalInfo) -> list[Mapping[str, Any]]:
        blocks = portal.offer_iblocks if kind == OFFER_TYPE else portal.product_iblocks
        return [{"filter": {"iblockId": block, "productType": kind}} for block in blocks]

    return calls
