"""Paths of the VibeCode API: entities, lists with paths of their own, children of a parent."""

from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.state import SCOPE_ALTERNATIVES, Portal
from tap_bitrix24.demo.vibecode.entity import Entity
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.nested_lists import LIST_PATHS, NESTED_ENTITIES, history_entity_type, product_owner_code
from tap_bitrix24.demo.vibecode.request import EntityQuery

RESERVED_TYPES: Final = frozenset({1, 2, 3, 4, 7, 31})
ACTIONS: Final = ("fields", "search", "aggregate")
_CHILD: Final = 2


def route(portal: Portal, verb: str, parts: list[str], given: Mapping[str, Any]) -> EntityQuery:
    """Return the query of a request; an unknown path or a missing scope raises VibeError."""
    found = _list_at_path(portal, parts, given) or _nested(portal, parts, given)
    if found is not None:
        return checked_scope(portal, found)
    entity, kind, rest = entity_of(portal, parts)
    if verb == "GET" and rest == ["search"]:
        raise VibeError(code="INVALID_PARAMS", text="search is no id")
    if not rest:
        return checked_scope(portal, EntityQuery(portal, entity, kind, given, "list"))
    if rest[0] in ACTIONS and len(rest) == 1:
        return checked_scope(portal, EntityQuery(portal, entity, kind, given, rest[0]))
    if len(rest) == _CHILD and rest[1] == "products":
        return checked_scope(portal, _products(portal, entity, kind, rest[0], given))
    if len(rest) > 1:
        raise VibeError(code="NOT_FOUND")
    return checked_scope(portal, EntityQuery(portal, entity, kind, given, "get", row_id=rest[0]))


def checked_scope(portal: Portal, found: EntityQuery) -> EntityQuery:
    """Return the query if the key has its scope."""
    scope = found.entity.scope
    if not {scope, *SCOPE_ALTERNATIVES.get(scope, ()), *(("tasks",) if scope == "task" else ())} & set(portal.scopes):
        raise VibeError(code="SCOPE_DENIED")
    return found


def entity_of(portal: Portal, parts: list[str]) -> tuple[Entity, int | None, list[str]]:
    """Return the entity, the entity type id of items, and the rest of the path."""
    name, *rest = parts
    entity = ENTITIES.get(name)
    if entity is None or (entity.path and name != "items"):
        raise VibeError(code="NOT_FOUND")
    if name != "items":
        return entity, None, rest
    return entity, item_type(portal, entity, rest[0] if rest else ""), rest[1:]


def item_type(portal: Portal, entity: Entity, given: str) -> int:
    """Return the entity type id of items from the path."""
    number = int(given) if given.isdecimal() else None
    if number is None or number in RESERVED_TYPES:
        raise VibeError(code="RESERVED_ENTITY_TYPE")
    if entity.table.format(number) not in portal.company.tables:
        raise VibeError(code="NOT_FOUND")
    return number


def _list_at_path(portal: Portal, parts: list[str], given: Mapping[str, Any]) -> EntityQuery | None:
    """Return the query of a list with a path of its own, or None."""
    name = LIST_PATHS.get(tuple(parts))
    if name is not None:
        return EntityQuery(portal, NESTED_ENTITIES[name], None, given, "list")
    if parts == ["stage-history"]:
        return _stage_history(portal, given)
    if len(parts) == _CHILD and parts[0] == "categories":
        return EntityQuery(
            portal, NESTED_ENTITIES["categories"], None, given, "list", path_parameters={"entityTypeId": parts[1]}
        )
    return None


def _stage_history(portal: Portal, given: Mapping[str, Any]) -> EntityQuery:
    """Return the query of the stage history of one entity type; some portals require an owner."""
    word = given.get("entityType")
    if not word or (portal.switches["vibe_history"] == "owner" and not given.get("ownerId")):
        raise VibeError(code="MISSING_PARAMS")
    kind = history_entity_type(str(word))
    if kind is None or f"stage_history_{kind}" not in portal.company.tables:
        raise VibeError(code="INVALID_PARAMS")
    return EntityQuery(portal, NESTED_ENTITIES["stage-history"], kind, given, "list")


def _nested(portal: Portal, parts: list[str], given: Mapping[str, Any]) -> EntityQuery | None:
    """Return the query of one parent's children, or None."""
    if len(parts) <= _CHILD:
        return None
    entity, parameter, parents = {
        ("tasks", "comments"): (ENTITIES["task-comments"], "taskId", "tasks"),
        ("tasks", "time"): (NESTED_ENTITIES["task-time"], "taskId", "tasks"),
        ("requisite-presets", "fields"): (ENTITIES["requisite-preset-fields"], "presetId", "requisite_presets"),
    }.get((parts[0], parts[2]), (None, "", ""))
    if entity is None:
        return None
    _require_parent(portal, parents, parts[1])
    number = parts[3] if len(parts) > _CHILD + 1 else None
    action = "list" if number is None else "get"
    return EntityQuery(portal, entity, None, given, action, path_parameters={parameter: parts[1]}, row_id=number)


def _products(portal: Portal, entity: Entity, kind: int | None, owner: str, given: Mapping[str, Any]) -> EntityQuery:
    """Return the query of the product rows of an owner."""
    code = product_owner_code(entity.name, kind)
    if code is None:
        raise VibeError(code="NOT_FOUND")
    _require_parent(portal, entity.table.format(kind), owner)
    within = {"ownerId": owner, "ownerType": code}
    return EntityQuery(portal, NESTED_ENTITIES["product-rows"], None, given, "list", path_parameters=within)


def _require_parent(portal: Portal, table: str, number: str) -> None:
    """Raise an error if a parent does not exist."""
    if not number.isdecimal() or not portal.company.tables[table].holds(int(number)):
        raise VibeError(code="ENTITY_NOT_FOUND")
