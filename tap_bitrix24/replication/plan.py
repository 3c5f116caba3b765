"""From a row of the table to what is asked of this portal: the lists a stream is made of, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_bitrix24.entities import (
    BY_STREAM,
    ITEM_REPLICATION_KEY,
    ITEMS,
    POSITION,
    REPEATED_ITEM_KEYS,
    SMART_PROCESSES,
    Entity,
    Parent,
    Universal,
    find_entity,
    template_number,
)
from tap_bitrix24.entities.parents import CRM_ITEMS
from tap_bitrix24.entities.portal_info import ListVariant, PortalInfo
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.replication.children import ParentGroup, children_of, incremental_children, with_read_time
from tap_bitrix24.replication.full_table import deduplicated, read_all_by_id, read_whole
from tap_bitrix24.replication.incremental import incremental, read_period
from tap_bitrix24.schema.columns import Column
from tap_bitrix24.schema.naming import column_name, upper_name

PARENT_GONE = frozenset({"not found", "not_found", "entitynotfound", "could not find entity", "does not exist"})
"""What an error says of a parent that was deleted since it was listed."""
_ANY_PORTAL = PortalInfo(datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What reading a stream depends on besides its row of the table."""

    portal: PortalInfo
    columns: Sequence[Column] = ()
    selected: frozenset[str] | None = None
    """Portal names of the selected columns; None: all of them."""
    universal: bool = False
    lookback: timedelta = timedelta()
    start_date: datetime | None = None
    sweep: timedelta = timedelta(hours=24)


def prefer_rest_v3(entity: Entity, portal: PortalInfo) -> Entity:
    """The row by REST 3.0, where it is better there and this portal has it; else the row itself."""
    newer = entity.rest_v3
    if newer is None or newer.endpoint.method.lower() not in portal.rest_v3_methods:
        return entity
    scopes = portal.scopes
    return newer if scopes is None or not scopes.isdisjoint(newer.scope) else entity


def is_swept(entity: Entity) -> bool:
    """Whether children are read by changed parents and swept now and then; otherwise they are read whole every run.

    It takes parents that tell when they were modified. (The parents' rows decide, not the portal's facts: a smart
    process more or less makes no difference.)
    """
    if entity.parents is None or entity.variants is not None:
        return False
    parents = [find_entity(parent.stream, entity.endpoint.dialect) for parent in entity.parents(_ANY_PORTAL)]
    return all(each is not None and each.replication_key is not None and each.parents is None for each in parents)


def strategy_for(
    entity: Entity, name: str, plan: ReadPlan, state: Mapping[str, Any], replication_key: str | None
) -> Strategy:
    """The strategy that reads a stream from its STATE on; without a replication key, whole."""
    if entity.parents is not None and replication_key is not None:
        yield from incremental_children(
            parent_groups(entity, plan, swept=True),
            state,
            clock=plan.portal.clock,
            lookback=plan.lookback,
            start_date=plan.start_date,
            sweep=plan.sweep,
        )
    elif entity.parents is not None:
        yield from _children_of_all(entity, name, plan)
    elif not entity.supports_keyset and entity.replication_key is not None:
        yield from read_period(
            list_specs(entity, name, plan),
            state,
            replication_key=replication_key,
            clock=plan.portal.clock,
            lookback=plan.lookback,
            start_date=plan.start_date,
        )
    elif not entity.supports_keyset:
        yield from _whole(list_specs(entity, name, plan))
    elif replication_key is None:
        yield from read_all_by_id(list_specs(entity, name, plan))
    else:
        yield from incremental(
            list_specs(entity, name, plan),
            state,
            replication_key=replication_key,
            clock=plan.portal.clock,
            lookback=plan.lookback,
            start_date=plan.start_date,
        )


def _whole(lists: Sequence[ListSpec]) -> Strategy:
    """All lists of a stream; a row in one may lie in another, too: an event on the last night of a date range."""
    return deduplicated(read_whole(lists)) if len(lists) > 1 else read_whole(lists)


def _children_of_all(entity: Entity, name: str, plan: ReadPlan) -> Strategy:
    """Lists of the stream's own, then the children of all parents; parents that are children are read likewise."""
    if entity.variants is not None:
        yield from _whole(list_specs(entity, name, plan))
    for parent in entity.parents(plan.portal) if entity.parents else ():
        of_kind = list(_parent_groups_of(entity, parent, plan, swept=False))
        known = _parent(entity, parent)
        if known.parents is not None:
            yield from children_of(_children_of_all(known, parent.stream, plan), of_kind)
            continue
        read = read_all_by_id if known.supports_keyset else read_whole
        yield from children_of(read([brood.parents for brood in of_kind]), of_kind)


def list_specs(entity: Entity, name: str, plan: ReadPlan) -> list[ListSpec]:
    """The lists that make up a stream on this portal."""
    if entity.universal and plan.universal:
        return [_universal_list(entity.universal, {})]
    params = _select_parameter(entity, plan)
    number = template_number(entity, name)
    lists = [ListVariant()]
    if entity.template is not None and number is not None:
        lists = [entity.template.variant(number, plan.portal)]
    elif entity.variants is not None:
        lists = list(entity.variants(plan.portal))
    listed = [_list_spec(entity, replace(each, params={**params, **each.params})) for each in lists]
    hidden = plan.portal.hidden_categories.get(entity.universal.entity_type_id, []) if entity.universal else []
    if entity.universal and hidden:
        listed.append(_universal_list(entity.universal, {"@categoryId": hidden}))
    return listed


def _select_parameter(entity: Entity, plan: ReadPlan) -> dict[str, Any]:
    """The parameter that asks for all columns, where a method gives only some unless it is asked, or for fewer."""
    select = list(entity.select.names)
    if entity.select.all_fields:
        names = [column.portal_name for column in plan.columns if not column.part] or [
            *entity.columns.documented,
            *entity.columns.overrides,
        ]
        request = str.isupper if entity.endpoint.request_key.isupper() else (lambda _: True)
        select = [name for name in names if request(name)]
    if plan.selected is not None:
        select = _narrowed(entity, select, plan.selected)
    return {entity.endpoint.select_param: select} if select else {}


def _narrowed(entity: Entity, select: list[str], wanted: frozenset[str]) -> list[str]:
    """Ask for the selected columns only, where names can be asked for one by one.

    A column that comes along with another without having a name of its own (`creator` of tasks) keeps all names asked
    for: which of them brings it is not told.
    """
    names = {name for name in wanted if not name.startswith("_")}
    if not (entity.select.narrowable or (entity.select.all_fields and names <= {entity.endpoint.request_key, *select})):
        return select
    stamp, endpoint = entity.replication_key, entity.endpoint
    needed = [endpoint.request_key, *endpoint.required_select]
    if stamp is not None:
        needed += [stamp.request_key, upper_name(stamp.fallback)]
    return list(dict.fromkeys(filter(None, [*needed, *sorted(names)])))


def _list_spec(entity: Entity, each: ListVariant) -> ListSpec:
    constants = dict(each.constants)
    identity = [name for name in entity.primary_key if column_name(name) not in constants and name != POSITION]
    return ListSpec(
        entity.endpoint,
        params=each.params,
        constants=constants,
        replication_key=entity.replication_key,
        identity=identity,
        reshape=entity.quirks.reshape,
        ignorable_errors=entity.quirks.ignorable_errors,
    )


def _universal_list(twin: Universal, wanted: Mapping[str, Any]) -> ListSpec:
    return ListSpec(
        ITEMS,
        params={"entityTypeId": twin.entity_type_id, ITEMS.select_param: ["*"]},
        filter=wanted,
        replication_key=ITEM_REPLICATION_KEY,
        renames=twin.renames,
        ignored_keys=REPEATED_ITEM_KEYS,
        reshape=spread_multifields,
    )


def parent_groups(entity: Entity, plan: ReadPlan, *, swept: bool) -> list[ParentGroup]:
    """All parents of a stream of children, and how each kind of them is asked."""
    parents = entity.parents(plan.portal) if entity.parents else ()
    return [brood for parent in parents for brood in _parent_groups_of(entity, parent, plan, swept=swept)]


def _parent_groups_of(entity: Entity, parent: Parent, plan: ReadPlan, *, swept: bool) -> Iterator[ParentGroup]:
    known = _parent(entity, parent)
    if parent.embedded_children is not None and known.universal is not None:
        lists = [_universal_list(known.universal, {})]
    else:
        lists = list_specs(known, parent.stream, replace(plan, columns=(), selected=None))
    for source in lists:
        asked_with = parent.value_key or source.endpoint.key

        def ask(values: Sequence[Any]) -> list[ListSpec]:
            asked = [_list_spec(entity, each) for each in _child_variants(parent, values, plan.portal)]
            made = [replace(source, ignorable_errors=source.ignorable_errors | PARENT_GONE) for source in asked]
            return [with_read_time(one, plan.portal.clock) for one in made] if swept else made

        told_by = _list_spec(entity, ListVariant()) if parent.embedded_children else None
        yield ParentGroup(
            parents=_parent_list(known, source, parent),
            value_key=asked_with,
            child_lists=ask,
            name=parent.name or parent.stream,
            has_children=parent.has_children,
            group_size=parent.group_size,
            owner_key=parent.owner_key,
            embedded_children=parent.embedded_children,
            recurse_into=parent.recurse_into,
            embedded_source=with_read_time(told_by, plan.portal.clock) if told_by and swept else told_by,
        )


def _child_variants(parent: Parent, values: Sequence[Any], portal: PortalInfo) -> list[ListVariant]:
    """The calls that ask for the children of these parents."""
    value: Any = list(values) if parent.group_size > 1 and len(values) > 1 else values[0]
    constants = {column_name(name): constant for name, constant in parent.constants.items()}
    if parent.column:
        constants[column_name(parent.column)] = values[0]
    calls = parent.variants(portal) if parent.variants else [ListVariant()]
    return [
        ListVariant({**parent.fixed_params, **call.params, parent.param: value}, {**constants, **call.constants})
        for call in calls
    ]


def _parent_list(known: Entity, source: ListSpec, parent: Parent) -> ListSpec:
    """A list of parents, asked for no more than telling which they are and when they changed."""
    params = dict(source.params)
    endpoint, stamp = source.endpoint, source.replication_key
    if endpoint.select_param and not known.parents:
        wanted = [
            endpoint.request_key,
            *endpoint.required_select,
            parent.value_request_key or parent.value_key,
            *parent.select,
        ]
        if stamp is not None:
            wanted += [stamp.request_key, upper_name(stamp.fallback)]
        params[endpoint.select_param] = list(dict.fromkeys(filter(None, wanted)))
    return replace(source, params=params, filter={**source.filter, **parent.parent_filter}, reshape=None)


def _parent(entity: Entity, parent: Parent) -> Entity:
    """The row of the list whose rows have children, in the table of the same door."""
    return find_entity(parent.stream, entity.endpoint.dialect) or BY_STREAM[parent.stream]


def entity_types(streams: Iterable[str]) -> dict[str, int]:
    """Stream → entityTypeId, of the streams that hold items."""
    known = {stream: items.entity_type_id for stream, items in CRM_ITEMS.items()}
    smart = {stream: number for stream in streams if (number := template_number(SMART_PROCESSES, stream)) is not None}
    return known | smart


def spread_multifields(row: Row) -> Row:
    """Bring `fm` of a universal item into the classic shape: PHONE, EMAIL … with upper-case keys.

    As in classic rows, a kind the item has no value of is no key.
    """
    values = row.get("fm")
    if not isinstance(values, list):
        return row
    spread: dict[str, list[Row]] = {}
    for value in values:
        classic = {
            "ID": str(value.get("id")),
            "VALUE_TYPE": value.get("valueType"),
            "VALUE": value.get("value"),
            "TYPE_ID": value.get("typeId"),
        }
        spread.setdefault(str(value.get("typeId")), []).append(classic)
    return {**{key: value for key, value in row.items() if key != "fm"}, **spread}
