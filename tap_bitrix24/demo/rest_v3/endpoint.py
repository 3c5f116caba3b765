"""Handles requests to REST 3.0 (`/rest/api/`): authorization, one call or a batch, the envelope."""

import json
import time
from typing import Any, Final, NamedTuple

from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.oauth import tokens
from tap_bitrix24.demo.portal.errors import auth_error
from tap_bitrix24.demo.portal.messages import HttpRequest, Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.fault_answers import NO_LISTS, refusal_of
from tap_bitrix24.demo.rest_v2.replies import too_many_requests
from tap_bitrix24.demo.rest_v3 import batch
from tap_bitrix24.demo.rest_v3.documentation import FIELD_LISTS, document, fields, scopes
from tap_bitrix24.demo.rest_v3.errors import RestV3Error, no_method
from tap_bitrix24.demo.rest_v3.handlers import HANDLERS, MethodCall
from tap_bitrix24.demo.rest_v3.methods import ENTRIES

_HTML_404: Final = b"<html><body><h1>404 Not Found</h1></body></html>"
_DOCUMENTATION: Final = ("rest.documentation.openapi", "documentation")
_WRITES: Final = frozenset(("add", "update", "delete", "set", "remove"))
_MISSING_IN_PART: Final = ("note", "call", "mail")
_PARTS: Final = 3


class Route(NamedTuple):
    """Method and webhook of a path; user and secret are empty without a webhook."""

    method: str
    user: str
    secret: str


def _route(path: str) -> Route:
    parts = path.removeprefix("/rest/api/").strip("/").split("/")
    user, secret = (parts[0], parts[1]) if len(parts) == _PARTS else ("", "")
    return Route(parts[-1].lower(), user, secret)


def _reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False).encode())


def answer(portal: Portal, request: HttpRequest) -> Reply:
    """Handle one request."""
    if portal.switches["v3"] == "off":
        return Reply(404, _HTML_404, "text/html")
    if portal.over_rate_limit():
        return too_many_requests(portal)
    began = portal.now()
    try:
        result = _result(portal, request)
    except RestV3Error as error:
        portal.stats.error(error.code)
        return _reply(error.body(), error.status)
    if isinstance(result, dict) and "openapi" in result:
        return _reply(result)
    now = portal.now()
    body: dict[str, Any] = {
        "start": int(began), "finish": now, "duration": now - began, "processing": 0,
        "date_start": server_iso(int(began)), "date_finish": server_iso(int(now)),
    }  # fmt: skip
    if portal.switches["cloud"] == "on":
        body |= {"operating_reset_at": int(now) + 600, "operating": 0}
    return _reply({"result": result, "time": body})


def _result(portal: Portal, request: HttpRequest) -> Any:
    """Return the result of a batch or of one method, after authorization."""
    route = _route(request.path)
    try:
        given = json.loads(request.body) if request.body else {}
    except ValueError:
        raise RestV3Error(code="INVALIDJSONEXCEPTION", text="Неверный JSON") from None
    _authorize(portal, request, route, given if isinstance(given, dict) else {})
    if route.method != "batch":
        if not isinstance(given, dict):
            raise RestV3Error(code="INVALIDJSONEXCEPTION", text="Неверный JSON")
        _require_method(portal, route.method)
        return _run(portal, request, route.method, given)
    commands = batch.read(given)
    for command in commands:
        _require_method(portal, command.method)
    return batch.run(commands, lambda method, query: _run(portal, request, method, query))


def _authorize(portal: Portal, request: HttpRequest, route: Route, given: dict[str, Any]) -> None:
    """Raise an error unless the path's webhook or the application's token is good."""
    if route.secret:
        if route.user == "1" and route.secret == portal.secret:
            return
        code = "INVALID_CREDENTIALS"
    else:
        query = request.parameters()
        if "auth" in query:
            portal.stats.secret_in_url()
        token = request.bearer() or given.get("auth") or query.get("auth")
        refused = tokens.check(portal, token) if isinstance(token, str) and token else "NO_AUTH_FOUND"
        if refused is None:
            return
        code = refused
    if code == "expired_token" and portal.switches["v3_expired"] == "denied":
        raise RestV3Error(code="ACCESSDENIEDEXCEPTION", text="Доступ запрещён", status=401)
    error = auth_error(code, portal.switches["auth_status"])
    raise RestV3Error(code=code, text=error.description, status=error.status, prefix="")


def names(portal: Portal) -> list[str]:
    """Return the names of this portal's methods."""
    refusal_code = _MISSING_IN_PART if portal.switches["v3"] == "partial" else ()
    return [name for name in (*ENTRIES, *FIELD_LISTS) if name.partition(".")[0] not in refusal_code]


def _require_method(portal: Portal, method: str) -> None:
    """Raise an error for an unknown method; attempts to write are counted."""
    if method in {*names(portal), *_DOCUMENTATION, "rest.scope.list"}:
        return
    if method.rpartition(".")[2] in _WRITES:
        portal.stats.write(method)
    raise no_method(method)


def _run(portal: Portal, request: HttpRequest, method: str, query: dict[str, Any]) -> Any:
    """Return the result of one method."""
    portal.stats.command(method)
    if method in _DOCUMENTATION:
        return document(names(portal))
    if method == "rest.scope.list":
        return scopes(names(portal))
    scope = method.partition(".")[0]
    if scope not in portal.scopes:
        text = "Недостаточно прав: нет области доступа"
        raise RestV3Error(code="INSUFFICIENTSCOPEEXCEPTION", text=text, status=403)
    faults = portal.faults.command(method, query)
    if portal.over_operating_limit(method) or "operation_time_limit" in faults:
        raise RestV3Error(code="RATELIMITEXCEPTION", text="Метод временно заблокирован", status=429)
    if "command_error" in faults:
        raise RestV3Error(code=str(faults["command_error"] or "INTERNAL_INTERNALEXCEPTION"), text="Сбой по заказу")
    if "missing_method" in faults:
        raise no_method(method)
    if "refuse_command" in faults:
        code, text, status = refusal_of(faults["refuse_command"])
        raise RestV3Error(code=str(code), text=text, status=status, prefix="")
    if method in FIELD_LISTS:
        return fields(FIELD_LISTS[method])
    began = time.thread_time()
    with portal.lock:
        result = HANDLERS[ENTRIES[method].handler](MethodCall(portal, ENTRIES[method], query, faults))
    request.timer.spend(portal.faults.page_ms)
    portal.operating.record(method, max(portal.faults.page_ms / 1000, time.thread_time() - began))
    return _changed(result, faults)


def _changed(result: Any, faults: dict[str, Any]) -> Any:
    """Return a result as faults change it: without rows, or no list at all."""
    if "empty_page" in faults and isinstance(result, dict):
        result = {name: [] if isinstance(one, list) else one for name, one in result.items()}
    return next((value for name, value in NO_LISTS.items() if name in faults), result)
