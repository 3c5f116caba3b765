"""Answers requests to the VibeCode API."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.portal.messages import HttpRequest, Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.vibecode.batch import batch
from tap_bitrix24.demo.vibecode.calls import called
from tap_bitrix24.demo.vibecode.entity_table import ENTITIES
from tap_bitrix24.demo.vibecode.envelope import enveloped
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.keys import Key, key, known, me, opens_entities
from tap_bitrix24.demo.vibecode.limits import counted, queued, watched
from tap_bitrix24.demo.vibecode.paths import MODES, asked
from tap_bitrix24.demo.vibecode.user_fields import OWNERS, user_fields

__all__ = ["answer", "key"]
_PAIR: Final = 2
_QUERY_SIGN: Final = re.compile(r"(?<=\[[<>!])=(?=\w*\])")
"""Equals signs within the names of a query, as in ``filter[>=amount]=1``."""


def answer(portal: Portal, request: HttpRequest) -> Reply:
    """Handle one request."""
    try:
        headers = counted(portal)
        with watched(portal, f"{request.verb} {request.path}"), queued(portal):
            body = _answered(portal, request)
    except VibeError as error:
        portal.stats.error(error.code)
        wait = {} if error.wait is None else {"Retry-After": str(error.wait)}
        return _reply(error.body(), error.status, {"X-Request-Id": "demo", **wait})
    return _reply(body, headers=headers)


def _reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    text = json.dumps(body, ensure_ascii=False, default=lambda _: {})  # an empty object of PHP's is one here too
    return Reply(status, text.encode(), headers=headers or {})


def _answered(portal: Portal, request: HttpRequest) -> Any:
    asking = known(portal, request)
    parts = request.path.removeprefix("/v1/").strip("/").split("/")
    if parts == ["me"]:
        portal.stats.command("me")
        return {"success": True, "data": me(portal, asking)}
    opens_entities(asking)
    given = _given(request)
    if request.verb == "POST" and parts[-1] == "batch":
        return _batched(portal, request, parts, given, asking)
    if request.verb != "GET" and not (request.verb == "POST" and parts[-1] in MODES):
        portal.stats.write(f"{request.verb} {parts[0]}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    if len(parts) == _PAIR and parts[0] == "userfields":
        return _user_fields(portal, parts[1], given)
    if parts == ["triggers"] and asking.kind != "oauth_app":
        raise VibeError(code="OAUTH_REQUIRED")
    with portal.lock:
        call = asked(portal, request.verb, parts, given)
    return enveloped(call, called(request, call, asking))


def _given(request: HttpRequest) -> Mapping[Any, Any]:
    """Read the body, or the query."""
    try:
        given = json.loads(request.body) if request.body else php.parse_form(_QUERY_SIGN.sub("%3D", request.query))
    except ValueError:
        raise VibeError(code="INVALID_REQUEST") from None
    if not isinstance(given, Mapping):
        raise VibeError(code="INVALID_REQUEST")
    return given


def _batched(portal: Portal, request: HttpRequest, parts: list[str], given: Mapping[Any, Any], asking: Key) -> Any:
    """Run a batch: of all entities, or of one."""
    if len(parts) > 1 and "calls" not in given:
        portal.stats.write(f"POST {'/'.join(parts)}")
        raise VibeError(code="WRITE_BLOCKED_READONLY_KEY")
    if len(parts) > 1 and parts[0] not in ENTITIES:
        raise VibeError(code="NOT_FOUND")
    return batch(portal, request, given, asking, parts[0] if len(parts) > 1 else None)


def _user_fields(portal: Portal, owner: str, given: Mapping[Any, Any]) -> dict[str, Any]:
    """Return all user fields of one kind of owners."""
    if owner not in OWNERS:
        raise VibeError(code="NOT_FOUND")
    if "crm" not in portal.scopes:
        raise VibeError(code="SCOPE_DENIED")
    portal.stats.command(f"userfields/{owner}")
    with portal.lock:
        rows = user_fields(portal, owner, {**given, **_filter_of(given)})
    return {"success": True, "data": rows, "meta": {"total": len(rows)}}


def _filter_of(given: Mapping[Any, Any]) -> dict[Any, Any]:
    inner = given.get("filter")
    return dict(inner) if isinstance(inner, Mapping) else {}
