"""``/v1/batch``: up to fifty calls; one that fails leaves the others alone."""

from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.calls import called
from tap_bitrix24.demo.vibecode.entity import Entity
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.envelope import shown, told_total
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.keys import Key
from tap_bitrix24.demo.vibecode.paths import RESERVED, opened
from tap_bitrix24.demo.vibecode.request import Asked, Found

_CALLS: Final = 50
_NAME: Final = 64
_WRITES: Final = frozenset({"create", "update", "delete"})
_INVALID: Final = frozenset(
    {
        "UNKNOWN_ENTITY", "ACTION_NOT_SUPPORTED", "MISSING_ENTITY_ID", "MISSING_DYNAMIC_PARAM", "INVALID_DYNAMIC_PARAM",
        "USE_DEDICATED_ENTITY", "ENTITY_CUSTOM_ROUTES", "INVALID_CALL", "SCOPE_NOT_ALLOWED",
    }
)  # fmt: skip


def batch(portal: Portal, request: HttpRequest, given: Any, asking: Key, entity: str | None = None) -> dict[str, Any]:
    """Run the calls; with an ``entity`` all of them are its."""
    calls = given.get("calls") if isinstance(given, Mapping) else None
    if not isinstance(calls, list) or not 1 <= len(calls) <= _CALLS:
        raise VibeError(code="BATCH_LIMIT_EXCEEDED")
    data: dict[str, Any] = {"results": {}, "totals": {}, "errors": {}, "meta": {}}
    for place, call in enumerate(calls):
        name = str(call.get("id", place)) if isinstance(call, Mapping) else str(place)
        try:
            asked = _asked(portal, call if entity is None else {**call, "entity": entity}, name)
            _answered(data, name, asked, called(request, asked, asking))
        except VibeError as error:
            portal.stats.error(error.code)
            data["errors"][name] = error.told()
    failed = {name: error["code"] for name, error in data["errors"].items()}
    data["summary"] = {"total": len(calls), "succeeded": len(data["results"]), "failed": len(failed)}
    if len(failed) == len(calls) and _INVALID.issuperset(failed.values()):
        raise VibeError(code="INVALID_REQUEST", text="No call of the batch is valid", data=data)
    data["errors"] = data["errors"] or []
    return {"success": True, "data": data}


def _answered(data: dict[str, Any], name: str, asked: Asked, found: Any) -> None:
    """Put an answer where it belongs."""
    if not isinstance(found, Found):
        alone = asked.mode == "get" and asked.entity.name == "users"
        data["results"][name] = [found] if alone else found
        return
    total = told_total(asked, found)
    data["results"][name] = shown(asked, found)
    data["totals"] |= {name: total["total"]} if total else {}
    data["meta"][name] = {**total, "returned": len(found.rows), "hasMore": found.more, **found.meta}


def _asked(portal: Portal, call: Any, name: str) -> Asked:
    """Read one call."""
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
    kind = _kind(portal, entity, params) if entity.name == "items" else None
    number = call.get("entityId")
    if action == "get" and number in (None, ""):
        raise VibeError(code="MISSING_ENTITY_ID")
    try:
        return opened(portal, Asked(portal, entity, kind, params, action, number=number))
    except VibeError:
        raise VibeError(code="SCOPE_NOT_ALLOWED") from None


def _kind(portal: Portal, entity: Entity, params: Mapping[str, Any]) -> int:
    """Read the type of items."""
    given = params.get("entityTypeId")
    if given in (None, ""):
        raise VibeError(code="MISSING_DYNAMIC_PARAM")
    if not str(given).isdecimal():
        raise VibeError(code="INVALID_DYNAMIC_PARAM")
    if int(given) in RESERVED:
        raise VibeError(code="USE_DEDICATED_ENTITY")
    if entity.table.format(given) not in portal.company.tables:
        raise VibeError(code="INVALID_DYNAMIC_PARAM")
    return int(given)
