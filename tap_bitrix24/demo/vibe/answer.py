"""Answers requests to the VibeCode API: keys, limits, loops of errors, and what is asked."""

import json
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo import php
from tap_bitrix24.demo.portal import Portal, Reply
from tap_bitrix24.demo.vibe.entities import ENTITIES, Entity, described
from tap_bitrix24.demo.vibe.errors import VibeError
from tap_bitrix24.demo.vibe.search import Asked, Found, cost, read
from tap_bitrix24.demo.visits import Visit

_MINUTE: Final = 300
_SAME: Final = 12
_CALLS: Final = 50
_QUEUE: Final = 2
_RESERVED: Final = frozenset({1, 2, 3, 4, 7, 31})
_PARTS: Final = 3


@dataclass
class State:
    """What is kept between requests."""

    recent: deque[float] = field(default_factory=deque)
    errors: dict[str, list[float]] = field(default_factory=dict)
    """What failed → when, within the last hour."""
    queue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_QUEUE))


def key(portal: Portal, prefix: str = "vibe_api_") -> str:
    """Answer a key of the seed: personal, or with another prefix one that opens less."""
    return f"{prefix}{random.Random(f'{portal.company.seeds.seed}:vibe:{prefix}').getrandbits(128):032x}"


def _reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), headers=headers or {})


def answer(portal: Portal, visit: Visit) -> Reply:
    """Answer one request."""
    state = portal.side("vibe", lambda _: State())
    try:
        headers = _limited(portal, state)
        _not_looping(state, f"{visit.verb} {visit.path}", portal.now())
        with state.queue:
            body = _answered(portal, visit)
    except VibeError as error:
        portal.stats.error(error.code)
        if error.status not in (429, 502, 504):
            state.errors.setdefault(f"{visit.verb} {visit.path}", []).append(portal.now())
        wait = {} if error.wait is None else {"Retry-After": str(error.wait)}
        told = {"success": False, "error": error.told()}
        return _reply(told, error.status, {"X-Request-Id": "demo", **wait})
    state.errors.pop(f"{visit.verb} {visit.path}", None)
    return _reply(body, headers=headers)


def _not_looping(state: State, word: str, now: float) -> None:
    """Refuse what has failed a dozen times within an hour: it blocks the key."""
    recent = [at for at in state.errors.get(word, ()) if at > now - 3600]
    state.errors[word] = recent
    if len(recent) >= _SAME:
        raise VibeError(code="ERROR_LOOP_DETECTED")


def _limited(portal: Portal, state: State) -> dict[str, str]:
    """Count a request into the last minute, or refuse it."""
    now = portal.now()
    with portal.lock:
        while state.recent and state.recent[0] <= now - 60:
            state.recent.popleft()
        if portal.limits and len(state.recent) >= _MINUTE:
            raise VibeError(code="RATE_LIMITED", text="QUERY_LIMIT_EXCEEDED")
        state.recent.append(now)
    left = _MINUTE - len(state.recent)
    return {"X-RateLimit-Limit": str(_MINUTE), "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": "60"}


def _known(portal: Portal, visit: Visit) -> str:
    """Answer the key's kind, or refuse it."""
    given = visit.headers.get("x-api-key") or visit.bearer() or ""
    if not given:
        raise VibeError(code="MISSING_API_KEY")
    kinds = {key(portal): "personal", key(portal, "vibe_live_"): "management"}
    if given not in kinds:
        raise VibeError(code="INVALID_API_KEY")
    if portal.switches["vibe_key"] == "expired":
        raise VibeError(code="KEY_EXPIRED")
    return kinds[given]


def _answered(portal: Portal, visit: Visit) -> Any:
    kind = _known(portal, visit)
    parts = visit.path.removeprefix("/v1/").strip("/").split("/")
    given = _given(visit)
    if parts == ["me"]:
        portal.stats.command("me")
        return {"success": True, "data": _me(portal, kind)}
    if kind == "management":
        raise VibeError(code="MANAGEMENT_KEY_NO_ENTITY_ACCESS")
    if visit.verb == "POST" and parts == ["batch"]:
        return _batch(portal, visit, given)
    if parts == ["smart-processes"]:
        portal.stats.command("smart-processes/list")
        view = portal.view("types", "types")
        return {"success": True, "data": [view.row(number) for number in view.table.ids]}
    entity, number, rest = _entity(portal, parts)
    if rest == ["search"] and visit.verb == "GET":
        raise VibeError(code="INVALID_PARAMS")
    mode = rest[0] if rest else "list"
    if visit.verb not in ("GET", "POST") or (visit.verb == "POST" and not rest):
        portal.stats.write(f"{visit.verb} {entity.name}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    return _enveloped(entity, _called(portal, visit, Asked(portal, entity, number, given, mode)), mode, given)


def _given(visit: Visit) -> Any:
    """Read the body, or the query."""
    try:
        return json.loads(visit.body) if visit.body else php.parse_form(visit.query)
    except ValueError:
        raise VibeError(code="INVALID_REQUEST") from None


def _me(portal: Portal, kind: str) -> dict[str, Any]:
    """Answer who the key is; large, and nobody's business."""
    paths = {name: f"/v1/{name}" for name, entity in ENTITIES.items() if entity.scope in portal.scopes}
    return {
        "type": kind, "portal": "demo.example", "scopes": list(portal.scopes), "expiresAt": None,
        "owner": {"email": "owner@example.com"}, "rateLimit": {"requestsPerSecond": 10},
        "api": {"entityApi": {"entities": {**paths, "smart-processes": "/v1/smart-processes"}}},
    }  # fmt: skip


def _entity(portal: Portal, parts: list[str]) -> tuple[Entity, int | None, list[str]]:
    """Answer what a path names: the entity, the type of items, and what is wanted of it."""
    name, *rest = parts
    entity = ENTITIES.get(name)
    if entity is None:
        raise VibeError(code="NOT_FOUND")
    number = None
    if name == "items":
        number = int(rest[0]) if rest and rest[0].isdecimal() else None
        if number is None or number in _RESERVED:
            raise VibeError(code="RESERVED_ENTITY_TYPE")
        if entity.table.format(number) not in portal.company.tables:
            raise VibeError(code="NOT_FOUND")
        rest = rest[1:]
    if entity.scope not in portal.scopes:
        raise VibeError(code="SCOPE_DENIED")
    return entity, number, rest


def _called(portal: Portal, visit: Visit, asked: Asked) -> Any:
    """Run one call: rows, fields or a count."""
    portal.stats.command(asked.word)
    asked.faults = portal.faults.command(asked.word)
    if "command_error" in asked.faults:
        raise VibeError(str(asked.faults["command_error"] or "INTERNAL_ERROR"))
    with portal.lock:
        if asked.mode == "fields":
            if not asked.entity.shape:
                raise VibeError(code="ACTION_NOT_SUPPORTED")
            return described(asked.entity, portal, asked.kind)
        if asked.mode not in ("list", "search", "aggregate"):
            raise VibeError(code="NOT_FOUND")
        found = read(asked)
    visit.due.take(cost(asked, len(found.rows)))
    return found


def _enveloped(entity: Entity, found: Any, mode: str, given: Any) -> dict[str, Any]:
    if not isinstance(found, Found):
        return {"success": True, "data": found}
    if mode == "aggregate":
        return {"success": True, "data": {"count": found.total, "aggregates": {}, "meta": {"truncated": False}}}
    total = {} if given.get("withTotal") is False else {"total": found.total}
    if entity.envelope == "root":
        return {"success": True, "data": found.rows, **total, "page": 1, "limit": len(found.rows), "meta": found.meta}
    if entity.envelope == "root_total":
        return {"success": True, "data": found.rows, **total, "meta": found.meta}
    return {"success": True, "data": found.rows, "meta": {**total, "hasMore": found.more, **found.meta}}


def _entity_of(call: dict[str, Any]) -> str:
    if "entity" not in call:
        raise VibeError(code="INVALID_CALL")
    return str(call["entity"])


def _batch(portal: Portal, visit: Visit, given: Any) -> dict[str, Any]:
    """Run up to fifty calls; one that fails leaves the others alone."""
    calls = given.get("calls") if isinstance(given, dict) else None
    if not isinstance(calls, list) or not 1 <= len(calls) <= _CALLS:
        raise VibeError(code="BATCH_LIMIT_EXCEEDED")
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    for place, call in enumerate(calls):
        name = str(call.get("id", place))
        try:
            params = call.get("params") or {}
            parts = [_entity_of(call)] + ([str(params["entityTypeId"])] if "entityTypeId" in params else [])
            entity, number, _ = _entity(portal, parts)
            found = _called(portal, visit, Asked(portal, entity, number, params, str(call.get("action"))))
            results[name] = found.rows if isinstance(found, Found) else found
            if isinstance(found, Found):
                meta[name] = {"total": found.total, "returned": len(found.rows), "hasMore": found.more, **found.meta}
        except VibeError as error:
            portal.stats.error(error.code)
            errors[name] = error.told()
    summary = {"total": len(calls), "succeeded": len(results), "failed": len(errors)}
    data: dict[str, Any] = {"results": results, "totals": {}, "errors": errors or [], "summary": summary, "meta": meta}
    return {"success": True, "data": data}
