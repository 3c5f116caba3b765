"""The HTTP server: paths, bodies, faults of whole requests, threads."""

import json
import ssl
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tap_bitrix24.demo.oauth.endpoint import answer as oauth_answer
from tap_bitrix24.demo.oauth.tokens import refusal_code
from tap_bitrix24.demo.portal.errors import RestError, auth_error
from tap_bitrix24.demo.portal.faults import BATCH, CALL, TOKEN, Command, Rule
from tap_bitrix24.demo.portal.messages import JSON, HttpRequest, Reply, bearer
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.portal.timer import RequestTimer
from tap_bitrix24.demo.rest_v2 import batch, php, xml
from tap_bitrix24.demo.rest_v2.api import Request, classic_rest
from tap_bitrix24.demo.rest_v2.replies import refusal, too_many_requests
from tap_bitrix24.demo.rest_v3.endpoint import answer as rest_v3_answer
from tap_bitrix24.demo.server import control
from tap_bitrix24.demo.site.endpoint import answer as site_answer
from tap_bitrix24.demo.vibecode.endpoint import answer as vibecode_answer

_HTML_502: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_HTML_503: Final = b"<html><head><title>503 Service Unavailable</title></head><body>nginx</body></html>"
_HTML_504: Final = b"<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"
_HTML_200: Final = b"<!DOCTYPE html><html><body><form>Log in</form></body></html>"
_FULL_PATH: Final = 3
# Parameters that the server removes before the method sees them (docs/protocol.md §1.2).
_CONSUMED: Final = ("method", "state", "auth", "access_token", "sessid", "auth_connector", "aplogin", "ap")
_SECRETS: Final = frozenset({"auth", "access_token", "refresh_token", "client_secret"})
_UNPREFIXED: Final = ("/_demo/", "/oauth/token")
"""Beginnings of the paths without the portal's prefix: the authorization server and the control endpoints."""


# Interfaces other than classic REST, by the beginning of their paths.
_INTERFACES: Final[dict[str, Callable[[Portal, HttpRequest], Reply]]] = {
    "/rest/api/": rest_v3_answer,
    "/v1/": vibecode_answer,
    "/oauth/": oauth_answer,
    "/api/": site_answer,
}


class Target(NamedTuple):
    """Method, webhook and transport of a path; ``user`` and ``secret`` are None without a webhook."""

    method: str
    user: str | None
    secret: str | None
    transport: str


def parse_path(path: str) -> Target:
    """Return the target of a path below ``/rest/``; the ending ``.json`` or ``.xml`` is the transport."""
    parts = [unquote(part) for part in path.removeprefix("/rest").strip("/").split("/")]
    user, secret = (parts[0], parts[1]) if len(parts) == _FULL_PATH else (None, None)
    method, dot, last = parts[-1].lower().rpartition(".")
    if dot and last in {"json", "xml"}:
        return Target(method, user, secret, last)
    return Target(parts[-1].lower(), user, secret, "json")


class _Handler(BaseHTTPRequestHandler):
    """The handler of one connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        """Handle a GET."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Handle a POST."""
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def do_PUT(self) -> None:
        """Handle a PUT."""
        self.do_POST()

    def do_PATCH(self) -> None:
        """Handle a PATCH."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Handle a DELETE."""
        self.do_POST()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the portal's time for the header ``Date``; it may differ from this machine's."""
        return super().date_time_string(self.server.portal.now() if timestamp is None else timestamp)

    def log_message(self, *_: Any, **__: Any) -> None:
        """Write no log; see ``/_demo/stats``."""

    def _serve(self, body: bytes) -> None:
        """Send the reply to any request."""
        url = urlsplit(self.path)
        portal = self.server.portal
        portal.enter()
        path = url.path if url.path.startswith(_UNPREFIXED) else _without_prefix(portal.prefix, url.path)
        interface = next((answer for beginning, answer in _INTERFACES.items() if path.startswith(beginning)), None)
        if _SECRETS & parse_qs(url.query).keys():
            portal.stats.secret_in_url()
        if path.startswith("/_demo/"):
            reply = control.answer(portal, self.command, path, url.query, body)
        elif interface is None and not path.startswith("/rest/"):
            reply = Reply(404, b"<html><body>404</body></html>", "text/html")
        else:
            with portal.stats.in_flight, portal.workers.acquire() as free:
                if not free:
                    reply = _no_worker_free(portal)
                elif interface is not None:
                    reply = self._serve_interface(portal, interface, path, url.query, body)
                else:
                    reply = self._rest(portal, path, url.query, body)
        self._send(reply)

    def _serve_interface(
        self, portal: Portal, interface: Callable[[Portal, HttpRequest], Reply], path: str, query: str, body: bytes
    ) -> Reply:
        """Return the reply of an interface other than classic REST, with faults, delays and repeated changes."""
        timer = RequestTimer(portal.stopping)
        headers = {name.lower(): value for name, value in self.headers.items()}
        portal.stats.request(None)
        timer.spend(portal.faults.latency_ms)
        request = HttpRequest(self.command, path, query, headers, body, timer)
        kind = TOKEN if path.startswith("/oauth/") else BATCH if path.rstrip("/").endswith("/batch") else CALL
        rule = portal.faults.request(kind, _interface_commands(request)) if portal.faults.rules else None
        reply = _fault_reply(portal, rule, timer) if rule else None
        if reply is None:
            reply = interface(portal, request)
        reply = _corrupted(rule, reply)
        portal.request_done(reply.status)
        return reply

    def _rest(self, portal: Portal, path: str, query: str, body: bytes) -> Reply:
        """Return the reply of classic REST, with faults, delays and repeated changes."""
        timer = RequestTimer(portal.stopping)
        target = parse_path(path)
        params = php.parse_form(query)
        if self.command == "POST":
            params |= php.parse_body(self.headers.get("Content-Type") or "", body)
        refused = refusal_code(portal, bearer(self.headers.get("Authorization") or ""), params)
        for name in _CONSUMED:
            params.pop(name, None)
        commands = batch.commands(params) if target.method == "batch" else None
        portal.stats.request(None if commands is None else len(commands))
        timer.spend(portal.faults.latency_ms)
        kind = CALL if commands is None else BATCH
        inner = [(one.method, php.parse_form(one.query)) for one in commands or ()] if portal.faults.rules else []
        rule = portal.faults.request(kind, [(target.method, params), *inner])
        reply = _fault_reply(portal, rule, timer) if rule else None
        if reply is None:
            request = Request(target.method, target.user, target.secret, params, timer, refused)
            reply = self.server.classic_rest.answer(request)
        reply = _corrupted(rule, reply)
        if target.transport == "xml" and reply.body and reply.content_type == JSON:
            reply = Reply(reply.status, xml.from_json(reply.body), "text/xml; charset=utf-8")
        portal.request_done(reply.status)
        return reply

    def _send(self, reply: Reply) -> None:
        """Send a reply, or drop the connection."""
        if reply.body is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        if reply.location:
            self.send_header("Location", reply.location)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)


def _no_worker_free(portal: Portal) -> Reply:
    """Return the reply of a server whose workers and queue are full."""
    portal.stats.request(None)
    portal.stats.error("NO_WORKER_FREE")
    portal.request_done(503)
    return Reply(503, _HTML_503, "text/html")


def _fault_reply(portal: Portal, rule: Rule, timer: RequestTimer) -> Reply | None:
    """Return the reply of a fault, or None if the request is answered in spite of it."""
    if rule.fault == "slow":
        timer.spend(float(rule.param or 1) * 1000)
        return None
    return (
        too_many_requests(portal)
        if rule.fault == "query_limit"
        else _fault_in_json(portal, rule) or _gateway_page(rule)
    )


def _fault_in_json(portal: Portal, rule: Rule) -> Reply | None:
    """Return the reply of a fault that answers in JSON."""
    if rule.fault == "auth":
        return refusal(portal, auth_error(str(rule.param or "NO_AUTH_FOUND"), portal.switches["auth_status"]))
    if rule.fault == "internal_server_error":
        return refusal(portal, RestError(code="INTERNAL_SERVER_ERROR", text="Internal server error", status=500))
    if rule.fault == "refuse_request":
        return _refused(portal, rule.param if isinstance(rule.param, dict) else {})
    if rule.fault == "wrong_encoding":
        return refusal(portal, RestError(code="WRONG_ENCODING", text="Wrong request encoding", status=200))
    return None


def _gateway_page(rule: Rule) -> Reply | None:
    """Return the reply of a fault that answers without JSON."""
    return {
        "html_502": Reply(502, _HTML_502, "text/html"),
        "html_200": Reply(200, _HTML_200, "text/html; charset=UTF-8"),
        "empty_200": Reply(200, b""),
        "gateway_timeout": Reply(504, _HTML_504, "text/html"),
        "disconnect": Reply(0, None),
        "redirect": Reply(302, b"", "text/html", location=str(rule.param or "/")),
    }.get(rule.fault)


def _refused(portal: Portal, given: dict[str, Any]) -> Reply:
    """Return the refusal of a whole request: ``body`` as it is, or the body of classic REST."""
    status, code = int(given.get("status", 403)), given.get("code", "ACCESS_DENIED")
    if "body" in given:
        portal.stats.error(code)
        return Reply(status, json.dumps(given["body"]).encode())
    return refusal(portal, RestError(code=code, text=str(given.get("text", "Access denied!")), status=status))


def _interface_commands(request: HttpRequest) -> list[Command]:
    """Return what rules see of a request: its path with all parameters, and the commands of a batch of REST 3.0."""
    try:
        given = json.loads(request.body) if request.body else {}
    except ValueError:
        given = {}
    params = php.parse_form(request.query) | (given if isinstance(given, dict) else {})
    inner = [one for one in (given if isinstance(given, list) else ()) if isinstance(one, dict)]
    return [(request.path.strip("/"), params), *((str(one.get("method")), one.get("query")) for one in inner)]


def _corrupted(rule: Rule | None, reply: Reply) -> Reply:
    """Return a reply cut off or lost by a fault, after the request was carried out."""
    if rule and rule.fault == "truncated_json" and reply.body:
        return Reply(reply.status, reply.body[: len(reply.body) // 2])
    return Reply(0, None) if rule and rule.fault == "answer_lost" else reply


def _without_prefix(prefix: str, path: str) -> str:
    """Return a path without the portal's prefix; empty if it is not below the prefix."""
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else ""


class Server(ThreadingHTTPServer):
    """A threading server that can end its open connections."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, portal: Portal, certificate: tuple[str, str] | None) -> None:
        """Listen on loopback; with a certificate, serve TLS."""
        self.classic_rest = classic_rest(portal)  # bad samples end the start, not a request
        super().__init__(("127.0.0.1", port), _Handler)
        self.portal = portal
        self._open: set[Any] = set()
        if certificate:
            portal.scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake takes place in the connection's own thread, so that a slow client does not block others.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection and serve it in a thread."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that closed their connection; any other error is a bug and is printed."""
        if not _client_went_away():
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Stop listening, end open connections, wait for their threads."""
        self.portal.stopping.set()
        self.shutdown()
        for connection in list(self._open):
            _hang_up(connection)
        self.server_close()


def _client_went_away() -> bool:
    """Return whether the current exception means that the client closed its connection."""
    return isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError | OSError)


def _hang_up(connection: socket) -> None:
    """Close a connection that waits for its next request."""
    try:
        connection.shutdown(SHUT_RDWR)
    except OSError:
        return
