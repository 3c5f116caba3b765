"""Handles requests to the VibeCode API (`/v1/`)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest, Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.vibecode.batch import batch
from tap_bitrix24.demo.vibecode.calls import run_query
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.envelope import envelope
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.keys import Key, authenticate, key, me, require_entity_access
from tap_bitrix24.demo.vibecode.limits import count_request, error_loop_guard, queue_slot
from tap_bitrix24.demo.vibecode.paths import ACTIONS, route
from tap_bitrix24.demo.vibecode.user_fields import OWNERS, user_fields

__all__ = ["answer", "key"]
_PAIR: Final = 2
_OPERATOR_EQUALS: Final = re.compile(r"(?<=\[[<>!])=(?=\w*\])")
"""Equals signs within parameter names, as in ``filter[>=amount]=1``."""


def answer(portal: Portal, request: HttpRequest) -> Reply:
    """Handle one request."""
    try:
        headers = count_request(portal)
        with error_loop_guard(portal, f"{request.verb} {request.path}"), queue_slot(portal):
            body = _body(portal, request)
    except VibeError as error:
        portal.stats.error(error.code)
        wait = {} if error.wait is None else {"Retry-After": str(error.wait)}
        return _reply(error.body(), error.status, {"X-Request-Id": "demo", **wait})
    return _reply(body, headers=headers)


def _reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    text = json.dumps(body, ensure_ascii=False, default=lambda _: {})  # an empty object of PHP's is one here too
    return Reply(status, text.encode(), headers=headers or {})


def _body(portal: Portal, request: HttpRequest) -> Any:
    api_key = authenticate(portal, request)
    parts = request.path.removeprefix("/v1/").strip("/").split("/")
    if parts == ["me"]:
        portal.stats.command("me")
        return {"success": True, "data": me(portal, api_key, request.headers.get("host", ""))}
    require_entity_access(api_key)
    parameters = _parameters(request)
    if request.verb == "POST" and parts[-1] == "batch":
        return _batch(portal, request, parts, parameters, api_key)
    if request.verb != "GET" and not (request.verb == "POST" and parts[-1] in ACTIONS):
        portal.stats.write(f"{request.verb} {parts[0]}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    if len(parts) == _PAIR and parts[0] == "userfields":
        return _user_fields(portal, parts[1], parameters)
    if parts == ["triggers"] and api_key.kind != "oauth_app":
        raise VibeError(code="OAUTH_REQUIRED")
    with portal.lock:
        query = route(portal, request.verb, parts, parameters)
    return envelope(query, run_query(request, query, api_key))


def _parameters(request: HttpRequest) -> Mapping[Any, Any]:
    """Return the parameters of the body, or of the query string."""
    try:
        parameters = (
            json.loads(request.body) if request.body else php.parse_form(_OPERATOR_EQUALS.sub("%3D", request.query))
        )
    except ValueError:
        raise VibeError(code="INVALID_REQUEST") from None
    if not isinstance(parameters, Mapping):
        raise VibeError(code="INVALID_REQUEST")
    return parameters


def _batch(portal: Portal, request: HttpRequest, parts: list[str], parameters: Mapping[Any, Any], api_key: Key) -> Any:
    """Return the answer of a batch, of all entities or of one."""
    if len(parts) > 1 and "calls" not in parameters:
        portal.stats.write(f"POST {'/'.join(parts)}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    if len(parts) > 1 and parts[0] not in ENTITIES:
        raise VibeError(code="NOT_FOUND")
    return batch(portal, request, parameters, api_key, parts[0] if len(parts) > 1 else None)


def _user_fields(portal: Portal, owner: str, parameters: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the user fields of one entity."""
    if owner not in OWNERS:
        raise VibeError(code="NOT_FOUND")
    if "crm" not in portal.scopes:
        raise VibeError(code="SCOPE_DENIED")
    portal.stats.command(f"userfields/{owner}")
    with portal.lock:
        rows = user_fields(portal, owner, {**parameters, **_filter_of(parameters)})
    return {"success": True, "data": rows, "meta": {"total": len(rows)}}


def _filter_of(parameters: Mapping[Any, Any]) -> dict[Any, Any]:
    inner = parameters.get("filter")
    return dict(inner) if isinstance(inner, Mapping) else {}
