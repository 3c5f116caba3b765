"""The lists a stream consists of on one portal: endpoint, fixed parameters, requested columns, row identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tap_bitrix24.dialects.response_shapes import without_gaps
from tap_bitrix24.entities import (
    ITEM_REPLICATION_KEY,
    ITEMS,
    POSITION,
    REPEATED_ITEM_KEYS,
    Entity,
    Universal,
    template_number,
)
from tap_bitrix24.entities.portal_info import PortalInfo, Unread
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.schema.columns import Column
from tap_bitrix24.schema.naming import column_name, upper_name


@dataclass(frozen=True, slots=True)
class ColumnSelection:
    """The columns a list is read for."""

    columns: Sequence[Column] = ()
    """All columns of the stream; empty: only the documented ones are known."""
    selected: frozenset[str] | None = None
    """Portal names of the selected columns; None: all columns, including those not known yet."""
    parent_keys: Sequence[str] | None = None
    """Request names a list of parents is read for; None: the list is read as a stream of its own."""


ALL_COLUMNS = ColumnSelection()


def list_specs(
    entity: Entity, name: str, portal: PortalInfo, selection: ColumnSelection = ALL_COLUMNS, *, universal: bool = False
) -> list[ListSpec]:
    """Return the lists that make up a stream on this portal.

    Args:
        entity: The stream's row of the table.
        name: The stream's name, which differs from the entity's for smart processes and universal lists.
        portal: Smart processes, catalogs, hidden categories … of this portal.
        selection: The columns to request.
        universal: Read CRM entities by `crm.item.list` where it has the same rows (`crm_methods: universal`).
    """
    if entity.universal and universal:
        return [_universal_list(entity, entity.universal, selection, {})]
    select = _select(entity, selection)
    variants = _variants(entity, name, portal)
    names = _field_names(entity, selection)
    specs = [
        replace(list_spec(entity, replace(each, params={**select, **each.params})), field_names=names)
        for each in variants
    ]
    if entity.universal and (conditions := _hidden_by(entity.universal, portal)):
        specs.append(_universal_list(entity, entity.universal, selection, conditions))
    return specs


def _hidden_by(universal: Universal, portal: PortalInfo) -> Mapping[str, Any]:
    """Return the filter for rows the classic method leaves out: those of other categories; empty: there are none.

    Where the categories could not be read, all but the first are asked for, whatever they are.
    """
    hidden = portal.hidden_categories.get(universal.entity_type_id, ())
    if isinstance(hidden, Unread):
        return {">categoryId": 0}
    return {"@categoryId": list(hidden)} if hidden else {}


def _variants(entity: Entity, name: str, portal: PortalInfo) -> Sequence[ListVariant]:
    number = template_number(entity, name)
    if entity.template is not None and number is not None:
        return [entity.template.variant(number, portal)]
    return entity.variants(portal) if entity.variants is not None else [ListVariant()]


def list_spec(entity: Entity, variant: ListVariant) -> ListSpec:
    """Return one of the entity's lists: the one with the parameters and constant columns of the variant."""
    constants = dict(variant.constants)
    identity = [name for name in entity.primary_key if column_name(name) not in constants and name != POSITION]
    return ListSpec(
        entity.endpoint,
        params=variant.params,
        constants=constants,
        replication_key=entity.replication_key,
        identity=identity,
        reshape=entity.quirks.reshape,
        absent_codes=entity.quirks.absent_codes | variant.absent_codes,
        known_empty=variant.known_empty,
    )


def _universal_list(
    entity: Entity, universal: Universal, selection: ColumnSelection, conditions: Mapping[str, Any]
) -> ListSpec:
    """Return the list of `crm.item.list` that holds the rows of a classic method."""
    return ListSpec(
        ITEMS,
        params={"entityTypeId": universal.entity_type_id, **_select(entity, selection, universal=True)},
        filter=conditions,
        replication_key=ITEM_REPLICATION_KEY,
        renames=universal.renames,
        ignored_keys=REPEATED_ITEM_KEYS,
        reshape=spread_multifields,
    )


def _select(entity: Entity, selection: ColumnSelection, *, universal: bool = False) -> dict[str, Any]:
    """Return the `select` parameter of a list; empty where the method's default is right.

    - A list of parents is requested with what reading their children takes, unless its rows are children themselves.
    - `crm.item.list` in place of a classic method is requested with all columns: its names are not the columns' names.
    - Selected columns are requested by name where the method can be asked for each of them. A column without a name
      of its own arrives with some other column (`creator` of tasks); nothing says with which, so all are requested.
    - Otherwise all columns are requested.

    A narrowed selection always holds the id, the names the method requires and the replication key.
    """
    endpoint, key = (ITEMS, ITEM_REPLICATION_KEY) if universal else (entity.endpoint, entity.replication_key)
    required = [endpoint.request_key, *endpoint.required_select]
    replicated = [key.request_key, upper_name(key.fallback)] if key else []
    names = ["*"] if universal else _all_names(entity, selection.columns)
    if selection.parent_keys is not None:
        if endpoint.select_param and not entity.parents:
            names = [*required, *selection.parent_keys, *replicated]
    elif selection.selected is not None and not universal:
        wanted = {name for name in selection.selected if not name.startswith("_")}
        if entity.select.narrowable or (entity.select.all_fields and wanted <= {endpoint.request_key, *names}):
            names = [*required, *replicated, *sorted(wanted)]
    return {endpoint.select_param: list(dict.fromkeys(filter(None, names)))} if names else {}


def _all_names(entity: Entity, columns: Sequence[Column]) -> list[str]:
    """Return the names to request for all columns; empty where the method returns them by default."""
    if not entity.select.all_fields:
        return list(entity.select.names)
    described = [column.portal_name for column in columns if not column.part]
    names = described or [*entity.columns.documented, *entity.columns.overrides]
    # rows may have camelCase keys beside the upper-case names that requests use
    return [name for name in names if name.isupper()] if entity.endpoint.request_key.isupper() else names


def _field_names(entity: Entity, selection: ColumnSelection) -> list[str]:
    """Return the names of single columns that `select` may hold; empty where it does not take them by name."""
    if not entity.select.narrowable and not entity.select.all_fields:
        return []
    names = _all_names(entity, selection.columns) if entity.select.all_fields else []
    names = names or [column.portal_name for column in selection.columns if not column.part]
    wanted = [name for name in names if not name.startswith("_")]
    return [name for name in dict.fromkeys(wanted) if selection.selected is None or name in selection.selected]


def spread_multifields(row: Row) -> Row:
    """Return a universal item with the multifields in `fm` as classic methods send them: PHONE, EMAIL … .

    As in classic rows, a multifield type without values has no key.
    """
    values = without_gaps(row.get("fm"))
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
