"""What a path of the VibeCode API names: an entity, a list of its own, what is wanted of it."""

from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.state import SCOPE_ALTERNATIVES, Portal
from tap_bitrix24.demo.vibecode.entity import Entity
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.nested_lists import LISTS, SPECIAL, history_type, owner_of_products
from tap_bitrix24.demo.vibecode.request import Asked

RESERVED: Final = frozenset({1, 2, 3, 4, 7, 31})
MODES: Final = ("fields", "search", "aggregate")
_CHILD: Final = 2


def asked(portal: Portal, verb: str, parts: list[str], given: Mapping[str, Any]) -> Asked:
    """Return what a request asks for."""
    found = _listed(portal, parts, given) or _nested(portal, parts, given)
    if found is not None:
        return opened(portal, found)
    entity, kind, rest = entity_of(portal, parts)
    if verb == "GET" and rest == ["search"]:
        raise VibeError(code="INVALID_PARAMS", text="search is no id")
    if not rest:
        return opened(portal, Asked(portal, entity, kind, given, "list"))
    if rest[0] in MODES and len(rest) == 1:
        return opened(portal, Asked(portal, entity, kind, given, rest[0]))
    if len(rest) == _CHILD and rest[1] == "products":
        return opened(portal, _products(portal, entity, kind, rest[0], given))
    if len(rest) > 1:
        raise VibeError(code="NOT_FOUND")
    return opened(portal, Asked(portal, entity, kind, given, "get", number=rest[0]))


def opened(portal: Portal, found: Asked) -> Asked:
    """Refuse what the key has no scope for."""
    scope = found.entity.scope
    if not {scope, *SCOPE_ALTERNATIVES.get(scope, ()), *(("tasks",) if scope == "task" else ())} & set(portal.scopes):
        raise VibeError(code="SCOPE_DENIED")
    return found


def entity_of(portal: Portal, parts: list[str]) -> tuple[Entity, int | None, list[str]]:
    """Return the entity, the type of items, and what is wanted of it."""
    name, *rest = parts
    entity = ENTITIES.get(name)
    if entity is None or (entity.path and name != "items"):
        raise VibeError(code="NOT_FOUND")
    if name != "items":
        return entity, None, rest
    return entity, item_type(portal, entity, rest[0] if rest else ""), rest[1:]


def item_type(portal: Portal, entity: Entity, given: str) -> int:
    """Check the type of items."""
    number = int(given) if given.isdecimal() else None
    if number is None or number in RESERVED:
        raise VibeError(code="RESERVED_ENTITY_TYPE")
    if entity.table.format(number) not in portal.company.tables:
        raise VibeError(code="NOT_FOUND")
    return number


def _listed(portal: Portal, parts: list[str], given: Mapping[str, Any]) -> Asked | None:
    """Find a list that has a path of its own."""
    name = LISTS.get(tuple(parts))
    if name is not None:
        return Asked(portal, SPECIAL[name], None, given, "list")
    if parts == ["stage-history"]:
        return _history(portal, given)
    if len(parts) == _CHILD and parts[0] == "categories":
        return Asked(portal, SPECIAL["categories"], None, given, "list", within={"entityTypeId": parts[1]})
    return None


def _history(portal: Portal, given: Mapping[str, Any]) -> Asked:
    """Stage history is that of one type; some portals tell it of one owner only."""
    word = given.get("entityType")
    if not word or (portal.switches["vibe_history"] == "owner" and not given.get("ownerId")):
        raise VibeError(code="MISSING_PARAMS")
    kind = history_type(str(word))
    if kind is None or f"stage_history_{kind}" not in portal.company.tables:
        raise VibeError(code="INVALID_PARAMS")
    return Asked(portal, SPECIAL["stage-history"], kind, given, "list")


def _nested(portal: Portal, parts: list[str], given: Mapping[str, Any]) -> Asked | None:
    """Find a list of one parent's children."""
    if len(parts) <= _CHILD:
        return None
    entity, parameter, parents = {
        ("tasks", "comments"): (ENTITIES["task-comments"], "taskId", "tasks"),
        ("tasks", "time"): (SPECIAL["task-time"], "taskId", "tasks"),
        ("requisite-presets", "fields"): (ENTITIES["requisite-preset-fields"], "presetId", "requisite_presets"),
    }.get((parts[0], parts[2]), (None, "", ""))
    if entity is None:
        return None
    _parent(portal, parents, parts[1])
    number = parts[3] if len(parts) > _CHILD + 1 else None
    mode = "list" if number is None else "get"
    return Asked(portal, entity, None, given, mode, within={parameter: parts[1]}, number=number)


def _products(portal: Portal, entity: Entity, kind: int | None, owner: str, given: Mapping[str, Any]) -> Asked:
    """Product rows stand below their owner."""
    code = owner_of_products(entity.name, kind)
    if code is None:
        raise VibeError(code="NOT_FOUND")
    _parent(portal, entity.table.format(kind), owner)
    within = {"ownerId": owner, "ownerType": code}
    return Asked(portal, SPECIAL["product-rows"], None, given, "list", within=within)


def _parent(portal: Portal, table: str, number: str) -> None:
    """Refuse children of a row that is not there."""
    if not number.isdecimal() or not portal.company.tables[table].holds(int(number)):
        raise VibeError(code="ENTITY_NOT_FOUND")
