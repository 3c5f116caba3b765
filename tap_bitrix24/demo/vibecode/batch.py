"""``/v1/batch``: up to fifty calls; a failing call does not affect the others."""

from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.calls import run_query
from tap_bitrix24.demo.vibecode.entity import Entity
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.envelope import shown, shown_total
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.keys import Key
from tap_bitrix24.demo.vibecode.paths import RESERVED_TYPES, checked_scope
from tap_bitrix24.demo.vibecode.request import EntityQuery, Listing

_CALLS: Final = 50
_NAME: Final = 64
_WRITES: Final = frozenset({"create", "update", "delete"})
_INVALID: Final = frozenset(
    {
        "UNKNOWN_ENTITY", "ACTION_NOT_SUPPORTED", "MISSING_ENTITY_ID", "MISSING_DYNAMIC_PARAM", "INVALID_DYNAMIC_PARAM",
        "USE_DEDICATED_ENTITY", "ENTITY_CUSTOM_ROUTES", "INVALID_CALL", "SCOPE_NOT_ALLOWED",
    }
)  # fmt: skip


def batch(portal: Portal, request: HttpRequest, given: Any, api_key: Key, entity: str | None = None) -> dict[str, Any]:
    """Return the answer of a batch; ``entity``: all calls are of this entity."""
    calls = given.get("calls") if isinstance(given, Mapping) else None
    if not isinstance(calls, list) or not 1 <= len(calls) <= _CALLS:
        raise VibeError(code="BATCH_LIMIT_EXCEEDED")
    data: dict[str, Any] = {"results": {}, "totals": {}, "errors": {}, "meta": {}}
    for place, call in enumerate(calls):
        name = str(call.get("id", place)) if isinstance(call, Mapping) else str(place)
        try:
            query = _query_of(portal, call if entity is None else {**call, "entity": entity}, name)
            _add_result(data, name, query, run_query(request, query, api_key))
        except VibeError as error:
            portal.stats.error(error.code)
            data["errors"][name] = error.shown()
    failed = {name: error["code"] for name, error in data["errors"].items()}
    data["summary"] = {"total": len(calls), "succeeded": len(data["results"]), "failed": len(failed)}
    if len(failed) == len(calls) and _INVALID.issuperset(failed.values()):
        raise VibeError(code="INVALID_REQUEST", text="No call of the batch is valid", data=data)
    data["errors"] = data["errors"] or []
    return {"success": True, "data": data}


def _add_result(data: dict[str, Any], name: str, query: EntityQuery, found: Any) -> None:
    """Add the result of one call to the answer."""
    if not isinstance(found, Listing):
        single_row = query.action == "get" and query.entity.name == "users"
        data["results"][name] = [found] if single_row else found
        return
    total = shown_total(query, found)
    data["results"][name] = shown(query, found)
    data["totals"] |= {name: total["total"]} if total else {}
    data["meta"][name] = {**total, "returned": len(found.rows), "hasMore": found.more, **found.meta}


def _query_of(portal: Portal, call: Any, name: str) -> EntityQuery:
    """Return the query of one call."""
    params = call.get("params") or {} if isinstance(call, Mapping) else None
    if not isinstance(params, Mapping) or "entity" not in call or len(name) > _NAME:
        raise VibeError(code="INVALID_CALL")
    entity, action = ENTITIES.get(str(call["entity"])), str(call.get("action"))
    if entity is None:
        raise VibeError(code="UNKNOWN_ENTITY")
    if not entity.in_batch:
        raise VibeError(code="ENTITY_CUSTOM_ROUTES")
    if action in _WRITES:
        portal.stats.write(f"{action} {entity.name}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    if action not in entity.ops or action == "aggregate":
        raise VibeError(code="ACTION_NOT_SUPPORTED")
    kind = _item_type(portal, entity, params) if entity.name == "items" else None
    number = call.get("entityId")
    if action == "get" and number in (None, ""):
        raise VibeError(code="MISSING_ENTITY_ID")
    try:
        return checked_scope(portal, EntityQuery(portal, entity, kind, params, action, row_id=number))
    except VibeError:
        raise VibeError(code="SCOPE_NOT_ALLOWED") from None


def _item_type(portal: Portal, entity: Entity, params: Mapping[str, Any]) -> int:
    """Return the entity type id of items."""
    given = params.get("entityTypeId")
    if given in (None, ""):
        raise VibeError(code="MISSING_DYNAMIC_PARAM")
    if not str(given).isdecimal():
        raise VibeError(code="INVALID_DYNAMIC_PARAM")
    if int(given) in RESERVED_TYPES:
        raise VibeError(code="USE_DEDICATED_ENTITY")
    if entity.table.format(given) not in portal.company.tables:
        raise VibeError(code="INVALID_DYNAMIC_PARAM")
    return int(given)
