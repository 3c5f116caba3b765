"""From a row of the table to what is asked of this portal: the lists a stream is made of, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_bitrix24.entities import (
    BY_STREAM,
    ITEM_ECHOES,
    ITEM_STAMP,
    ITEMS,
    POSITION,
    SMART_PROCESSES,
    Entity,
    Parent,
    Universal,
    entity_of,
    member_of,
)
from tap_bitrix24.entities.owners import CRM_OWNERS
from tap_bitrix24.entities.portal_info import Each, Portal
from tap_bitrix24.model.endpoint import Row, Source
from tap_bitrix24.model.event import Reading
from tap_bitrix24.replication.children import Brood, child_sets, families, with_set_time
from tap_bitrix24.replication.full_table import distinct, everything, whole
from tap_bitrix24.replication.incremental import by_period, incremental
from tap_bitrix24.schema.columns import Column
from tap_bitrix24.schema.naming import column_name, upper_name

GONE = frozenset({"not found", "not_found", "entitynotfound", "could not find entity", "does not exist"})
"""What an error says of a parent that was deleted since it was listed."""
_ANY_PORTAL = Portal(datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Plan:
    """What reading a stream depends on besides its row of the table."""

    portal: Portal
    columns: Sequence[Column] = ()
    wanted: frozenset[str] | None = None
    """Portal names of the selected columns; None: all of them."""
    universal: bool = False
    lookback: timedelta = timedelta()
    start_date: datetime | None = None
    sweep: timedelta = timedelta(hours=24)


def newest(entity: Entity, portal: Portal) -> Entity:
    """The row by REST 3.0, where it is better there and this portal has it; else the row itself."""
    newer = entity.newer
    if newer is None or newer.endpoint.method.lower() not in portal.newer:
        return entity
    scopes = portal.scopes
    return newer if scopes is None or not scopes.isdisjoint(newer.scope) else entity


def is_swept(entity: Entity) -> bool:
    """Whether children are read by changed parents and swept now and then; otherwise they are read whole every run.

    It takes parents that tell when they were modified. (The parents' rows decide, not the portal's facts: a smart
    process more or less makes no difference.)
    """
    if entity.parents is None or entity.each is not None:
        return False
    parents = [entity_of(parent.stream, entity.endpoint.dialect) for parent in entity.parents(_ANY_PORTAL)]
    return all(each is not None and each.stamp is not None and each.parents is None for each in parents)


def reading(entity: Entity, name: str, plan: Plan, state: Mapping[str, Any], replication_key: str | None) -> Reading:
    """The strategy that reads a stream from its STATE on; without a replication key, whole."""
    if entity.parents is not None and replication_key is not None:
        yield from child_sets(
            broods(entity, plan, swept=True), state, clock=plan.portal.clock,
            lookback=plan.lookback, start_date=plan.start_date, sweep=plan.sweep,
        )  # fmt: skip
    elif entity.parents is not None:
        yield from _children_of_all(entity, name, plan)
    elif not entity.keyset and entity.stamp is not None:
        yield from by_period(
            sources(entity, name, plan), state, replication_key=replication_key, clock=plan.portal.clock,
            lookback=plan.lookback, start_date=plan.start_date,
        )  # fmt: skip
    elif not entity.keyset:
        yield from _whole(sources(entity, name, plan))
    elif replication_key is None:
        yield from everything(sources(entity, name, plan))
    else:
        yield from incremental(
            sources(entity, name, plan), state, replication_key=replication_key, clock=plan.portal.clock,
            lookback=plan.lookback, start_date=plan.start_date,
        )  # fmt: skip


def _whole(lists: Sequence[Source]) -> Reading:
    """All lists of a stream; a row in one may lie in another, too: an event on the last night of a date range."""
    return distinct(whole(lists)) if len(lists) > 1 else whole(lists)


def _children_of_all(entity: Entity, name: str, plan: Plan) -> Reading:
    """Lists of the stream's own, then the children of all parents; parents that are children are read likewise."""
    if entity.each is not None:
        yield from _whole(sources(entity, name, plan))
    for parent in entity.parents(plan.portal) if entity.parents else ():
        of_kind = list(_broods_of(entity, parent, plan, swept=False))
        known = _parent(entity, parent)
        if known.parents is not None:
            yield from families(_children_of_all(known, parent.stream, plan), of_kind)
            continue
        read = everything if known.keyset else whole
        yield from families(read([brood.parents for brood in of_kind]), of_kind)


def sources(entity: Entity, name: str, plan: Plan) -> list[Source]:
    """The lists that make up a stream on this portal."""
    if entity.universal and plan.universal:
        return [_universal_source(entity.universal, {})]
    params = _selected(entity, plan)
    number = member_of(entity, name)
    lists = [Each()]
    if entity.members is not None and number is not None:
        lists = [entity.members.each(number, plan.portal)]
    elif entity.each is not None:
        lists = list(entity.each(plan.portal))
    listed = [_source(entity, replace(each, params={**params, **each.params})) for each in lists]
    hidden = plan.portal.hidden_categories.get(entity.universal.entity_type_id, []) if entity.universal else []
    if entity.universal and hidden:
        listed.append(_universal_source(entity.universal, {"@categoryId": hidden}))
    return listed


def _selected(entity: Entity, plan: Plan) -> dict[str, Any]:
    """The parameter that asks for all columns, where a method gives only some unless it is asked, or for fewer."""
    select = list(entity.select)
    if entity.select_fields:
        names = [column.portal_name for column in plan.columns if not column.part] or [
            *entity.documented,
            *entity.types,
        ]
        request = str.isupper if entity.endpoint.request_key.isupper() else (lambda _: True)
        select = [name for name in names if request(name)]
    if plan.wanted is not None:
        select = _narrowed(entity, select, plan.wanted)
    return {entity.endpoint.select_param: select} if select else {}


def _narrowed(entity: Entity, select: list[str], wanted: frozenset[str]) -> list[str]:
    """Ask for the selected columns only, where names can be asked for one by one.

    A column that comes along with another without having a name of its own (`creator` of tasks) keeps all names asked
    for: which of them brings it is not told.
    """
    names = {name for name in wanted if not name.startswith("_")}
    if not (entity.selectable or (entity.select_fields and names <= {entity.endpoint.request_key, *select})):
        return select
    stamp, endpoint = entity.stamp, entity.endpoint
    needed = [endpoint.request_key, *endpoint.selects]
    if stamp is not None:
        needed += [stamp.request, upper_name(stamp.fallback)]
    return list(dict.fromkeys(filter(None, [*needed, *sorted(names)])))


def _source(entity: Entity, each: Each) -> Source:
    constants = dict(each.constants)
    identity = [name for name in entity.key if column_name(name) not in constants and name != POSITION]
    return Source(
        entity.endpoint, params=each.params, constants=constants, stamp=entity.stamp, identity=identity,
        reshape=entity.reshape, tolerated=entity.tolerated,
    )  # fmt: skip


def _universal_source(twin: Universal, wanted: Mapping[str, Any]) -> Source:
    return Source(
        ITEMS,
        params={"entityTypeId": twin.entity_type_id, ITEMS.select_param: ["*"]},
        filter=wanted,
        stamp=ITEM_STAMP,
        renames=twin.renames,
        ignores=ITEM_ECHOES,
        reshape=spread_multifields,
    )


def broods(entity: Entity, plan: Plan, *, swept: bool) -> list[Brood]:
    """All parents of a stream of children, and how each kind of them is asked."""
    parents = entity.parents(plan.portal) if entity.parents else ()
    return [brood for parent in parents for brood in _broods_of(entity, parent, plan, swept=swept)]


def _broods_of(entity: Entity, parent: Parent, plan: Plan, *, swept: bool) -> Iterator[Brood]:
    known = _parent(entity, parent)
    if parent.told is not None and known.universal is not None:
        lists = [_universal_source(known.universal, {})]
    else:
        lists = sources(known, parent.stream, replace(plan, columns=(), wanted=None))
    for source in lists:
        asked_with = parent.value or source.endpoint.key

        def ask(values: Sequence[Any]) -> list[Source]:
            asked = [_source(entity, each) for each in _asked(parent, values, plan.portal)]
            made = [replace(source, tolerated=source.tolerated | GONE) for source in asked]
            return [with_set_time(one, plan.portal.clock) for one in made] if swept else made

        told_by = _source(entity, Each()) if parent.told else None
        yield Brood(
            parents=_slim(known, source, parent), value=asked_with, ask=ask, name=parent.name or parent.stream,
            only=parent.only, group=parent.group, owner=parent.owner, told=parent.told, again=parent.again,
            told_by=with_set_time(told_by, plan.portal.clock) if told_by and swept else told_by,
        )  # fmt: skip


def _asked(parent: Parent, values: Sequence[Any], portal: Portal) -> list[Each]:
    """The calls that ask for the children of these parents."""
    value: Any = list(values) if parent.group > 1 and len(values) > 1 else values[0]
    constants = {column_name(name): constant for name, constant in parent.constants.items()}
    if parent.column:
        constants[column_name(parent.column)] = values[0]
    calls = parent.each(portal) if parent.each else [Each()]
    return [
        Each({**parent.fixed, **call.params, parent.param: value}, {**constants, **call.constants}) for call in calls
    ]


def _slim(known: Entity, source: Source, parent: Parent) -> Source:
    """A list of parents, asked for no more than telling which they are and when they changed."""
    params = dict(source.params)
    endpoint, stamp = source.endpoint, source.stamp
    if endpoint.select_param and not known.parents:
        wanted = [endpoint.request_key, *endpoint.selects, parent.request or parent.value, *parent.select]
        if stamp is not None:
            wanted += [stamp.request, upper_name(stamp.fallback)]
        params[endpoint.select_param] = list(dict.fromkeys(filter(None, wanted)))
    return replace(source, params=params, filter={**source.filter, **parent.wanted}, reshape=None)


def _parent(entity: Entity, parent: Parent) -> Entity:
    """The row of the list whose rows have children, in the table of the same door."""
    return entity_of(parent.stream, entity.endpoint.dialect) or BY_STREAM[parent.stream]


def entity_types(streams: Iterable[str]) -> dict[str, int]:
    """Stream → entityTypeId, of the streams that hold items."""
    known = {stream: number for stream, (number, _, _) in CRM_OWNERS.items()}
    smart = {stream: number for stream in streams if (number := member_of(SMART_PROCESSES, stream)) is not None}
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
        classic = {"ID": str(value.get("id")), "VALUE_TYPE": value.get("valueType"), "VALUE": value.get("value"),
                   "TYPE_ID": value.get("typeId")}  # fmt: skip
        spread.setdefault(str(value.get("typeId")), []).append(classic)
    return {**{key: value for key, value in row.items() if key != "fm"}, **spread}
