"""The plan of reading a stream: a value that names the lists, the parents, the strategy and the date bounds.

It follows from the entity, the portal, the settings and the selected columns, and is complete before the first page
is requested. `strategy_selection.strategy_for` hands its parts to a strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from tap_bitrix24.entities import BY_STREAM, Entity, Parent, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.replication.list_specs import ColumnSelection, list_spec, list_specs
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT, PARENT, ParentGroup, with_read_time
from tap_bitrix24.replication.run_bounds import RunBounds
from tap_bitrix24.schema.columns import Column
from tap_bitrix24.schema.naming import column_name

_ANY_PORTAL = PortalInfo(datetime(2000, 1, 1, tzinfo=UTC))


class ReadMethod(Enum):
    """How a stream is read."""

    ALL_BY_ID = "all rows, by keyset pagination"
    ALL_BY_OFFSET = "all rows, in one answer or by offset"
    PERIOD = "rows of one period, by offset or cursor"
    INCREMENTAL = "all rows by id, then rows modified since the bookmark"
    CHANGED_PARENTS = "children of parents modified since the bookmark; children of all parents now and then"
    ALL_PARENTS = "children of all parents"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a plan depends on besides the entity: portal, settings and catalog."""

    portal: PortalInfo
    columns: Sequence[Column] = ()
    """All columns of the stream."""
    selected: frozenset[str] | None = None
    """Portal names of the selected columns; None: all columns."""
    replication_key: str = ""
    """The column the catalog names as the bookmark's; empty: none."""
    full_table: bool = False
    """The catalog asks for FULL_TABLE replication; STATE is neither read nor written."""
    universal: bool = False
    """Setting `crm_methods` is `universal`."""
    lookback: timedelta = timedelta()
    start_date: datetime | None = None
    sweep: timedelta = timedelta(hours=24)
    """Setting `child_sweep_hours`: maximum age of a sweep."""

    @property
    def bounds(self) -> RunBounds:
        """The date-times the run reads between."""
        return RunBounds(self.portal.clock, self.lookback, self.start_date)

    @property
    def selection(self) -> ColumnSelection:
        """The columns to request."""
        return ColumnSelection(self.columns, self.selected)


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How a stream is read in this run."""

    method: ReadMethod
    bounds: RunBounds
    lists: Sequence[ListSpec] = ()
    """The stream's own lists; none where all rows are children."""
    replication_key: str = ""
    """The column bookmarks name; empty: no bookmark is written."""
    id_is_key: bool = True
    """The id alone is the primary key: unique across the stream's lists."""
    groups: Sequence[ParentGroup] = ()
    """Of CHANGED_PARENTS: the parents, which are read incrementally, all together."""
    sweep: timedelta = timedelta()
    """Of CHANGED_PARENTS: maximum age of a sweep."""
    parents: Sequence[ParentPlan] = ()
    """Of ALL_PARENTS: the parents, which are read whole, stream after stream."""
    unread: PortalError | None = None
    """Why further lists or parents of the stream are not known: these are read, then the stream fails."""


@dataclass(frozen=True, slots=True)
class ParentPlan:
    """How the parents that are rows of one stream are read, and how their children are requested."""

    plan: ReadPlan
    groups: Sequence[ParentGroup]


def prefer_rest_v3(entity: Entity, portal: PortalInfo) -> Entity:
    """Return the entity's REST 3.0 variant if this portal and its scopes offer it, else the entity itself."""
    variant = entity.rest_v3
    if variant is None or variant.endpoint.method.lower() not in portal.rest_v3_methods:
        return entity
    scopes = portal.scopes
    return variant if scopes is None or not scopes.isdisjoint(variant.scope) else entity


def is_swept(entity: Entity) -> bool:
    """Whether children are read by changed parents and swept now and then (`docs/decisions.md#decision-15`).

    Otherwise they are read whole on every run: a parent without a replication key does not say when it changed, and a
    parent that is a child itself has none. The answer is the same on every portal.
    """
    if entity.parents is None or entity.variants is not None:
        return False
    parents = [find_entity(parent.stream, entity.endpoint.dialect) for parent in entity.parents(_ANY_PORTAL)]
    return all(each is not None and each.replication_key is not None and each.parents is None for each in parents)


def bookmark_column(entity: Entity, columns: Sequence[Column]) -> str | None:
    """Return the column a stream's bookmark names; None: the stream is read whole on every run."""
    if is_swept(entity):
        return CHILDREN_READ_AT
    if entity.replication_key is None or entity.parents is not None:
        return None
    return RowConverter(columns).column(entity.replication_key.row_key)


def missing_columns(entity: Entity, columns: Sequence[Column]) -> list[str]:
    """Return the columns without which a stream's current rows cannot be distinguished from outdated ones.

    A catalog of another version may lack them: the stream must not be read, for its bookmark would move on.
    """
    needed = (PARENT, CHILDREN_READ_AT) if is_swept(entity) else ()
    return sorted({*needed} - {column.name for column in columns})


def read_plan(entity: Entity, name: str, options: ReadOptions) -> ReadPlan:
    """Return how a stream is read on this portal.

    Args:
        entity: The stream's row of the table.
        name: The stream's name, which differs from the entity's for smart processes and universal lists.
        options: Portal, settings and catalog.
    """
    try:
        return _complete_plan(entity, name, options)
    except PortalError as error:  # of what could not be read of the portal
        known = replace(options, portal=options.portal.without_unread())
        return replace(_complete_plan(entity, name, known), unread=error)


def _complete_plan(entity: Entity, name: str, options: ReadOptions) -> ReadPlan:
    """Return the plan for all lists and parents.

    Raises:
        PortalError: Some are not known, because what the portal has could not be read.
    """
    if entity.parents is None:
        return _own_rows(entity, name, options)
    if is_swept(entity) and options.replication_key:
        return _changed_parents(entity, options)
    return _all_parents(entity, name, options)


def _own_rows(entity: Entity, name: str, options: ReadOptions) -> ReadPlan:
    """Return the plan of a stream whose rows are read without parents."""
    key = "" if options.full_table else options.replication_key
    if entity.supports_keyset:
        method = ReadMethod.INCREMENTAL if key else ReadMethod.ALL_BY_ID
    else:
        method = ReadMethod.PERIOD if entity.replication_key else ReadMethod.ALL_BY_OFFSET
    lists = list_specs(entity, name, options.portal, options.selection, universal=options.universal)
    return ReadPlan(method, options.bounds, lists, replication_key=key, id_is_key=len(entity.primary_key) == 1)


def _changed_parents(entity: Entity, options: ReadOptions) -> ReadPlan:
    """Return the plan of children that are swept; also under FULL_TABLE, as a sweep on every run."""
    parents = entity.parents(options.portal) if entity.parents else ()
    read_at = options.portal.clock
    return ReadPlan(
        ReadMethod.CHANGED_PARENTS,
        options.bounds,
        replication_key=options.replication_key,
        groups=[group for parent in parents for group in _groups(entity, parent, options, read_at)],
        sweep=options.sweep,
    )


def _all_parents(entity: Entity, name: str, options: ReadOptions) -> ReadPlan:
    """Return the plan of children that are read whole: the stream's own lists, if any, then children of all parents."""
    lists: list[ListSpec] = []
    if entity.variants is not None:
        lists = list_specs(entity, name, options.portal, options.selection, universal=options.universal)
    parents = entity.parents(options.portal) if entity.parents else ()
    return ReadPlan(
        ReadMethod.ALL_PARENTS,
        options.bounds,
        lists,
        parents=[_parent_plan(entity, parent, options) for parent in parents],
    )


def _parent_plan(entity: Entity, parent: Parent, options: ReadOptions) -> ParentPlan:
    """Return how the parents of one stream are read; parents that are children themselves are read by their parents."""
    groups = list(_groups(entity, parent, options))
    owner = _parent_entity(entity, parent)
    if owner.parents is not None:
        all_columns = replace(options, columns=(), selected=None)
        return ParentPlan(_all_parents(owner, parent.stream, all_columns), groups)
    method = ReadMethod.ALL_BY_ID if owner.supports_keyset else ReadMethod.ALL_BY_OFFSET
    return ParentPlan(ReadPlan(method, options.bounds, [group.parents for group in groups]), groups)


def _groups(
    entity: Entity, parent: Parent, options: ReadOptions, read_at: datetime | None = None
) -> Iterator[ParentGroup]:
    """Yield a group per list of parents.

    Args:
        entity: The children's row of the table.
        parent: The parents' stream, and how their children are requested.
        options: Portal, settings and catalog.
        read_at: The time of reading, a column of children that are swept.
    """
    child_lists = _child_lists(entity, parent, options.portal, read_at)
    embedded = _child_list(entity, ListVariant(), read_at) if parent.embedded_children else None
    for parents in _parent_lists(_parent_entity(entity, parent), parent, options):
        yield ParentGroup(
            parents=parents,
            value_key=parent.value_key or parents.endpoint.key,
            child_lists=child_lists,
            name=parent.name or parent.stream,
            has_children=parent.has_children,
            group_size=parent.group_size,
            owner_key=parent.owner_key,
            embedded_children=parent.embedded_children,
            contradicts=parent.contradicts,
            recurse_into=parent.recurse_into,
            embedded_source=embedded,
        )


def _parent_lists(owner: Entity, parent: Parent, options: ReadOptions) -> list[ListSpec]:
    """Return the lists of one stream's parents, requested with no more columns than reading their children takes.

    Rows that contain their children come from the universal method, whatever the settings: classic rows do not.
    """
    keys = ColumnSelection(parent_keys=[parent.value_request_key or parent.value_key, *parent.select])
    universal = options.universal or parent.embedded_children is not None
    lists = list_specs(owner, parent.stream, options.portal, keys, universal=universal)
    return [replace(each, filter={**each.filter, **parent.parent_filter}, reshape=None) for each in lists]


def _child_lists(
    entity: Entity, parent: Parent, portal: PortalInfo, read_at: datetime | None
) -> Callable[[Sequence[Any]], list[ListSpec]]:
    """Return the function from the values of one or several parents to the lists of their children."""
    variants = parent.variants(portal) if parent.variants else [ListVariant()]
    fixed = {column_name(name): constant for name, constant in parent.constants.items()}

    def child_lists(values: Sequence[Any]) -> list[ListSpec]:
        value: Any = list(values) if parent.group_size > 1 and len(values) > 1 else values[0]
        constants = {**fixed, column_name(parent.column): values[0]} if parent.column else fixed
        requested = [
            ListVariant(
                {**parent.fixed_params, **variant.params, parent.param: value}, {**constants, **variant.constants}
            )
            for variant in variants
        ]
        return [_child_list(entity, variant, read_at) for variant in requested]

    return child_lists


def _child_list(entity: Entity, variant: ListVariant, read_at: datetime | None) -> ListSpec:
    spec = list_spec(entity, variant)
    return spec if read_at is None else with_read_time(spec, read_at)


def _parent_entity(entity: Entity, parent: Parent) -> Entity:
    """Return the parents' row of the table: of the children's dialect, or else of classic REST."""
    return find_entity(parent.stream, entity.endpoint.dialect) or BY_STREAM[parent.stream]
