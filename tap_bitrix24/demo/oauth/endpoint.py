"""Handles requests to the authorization server and to the portal's consent page (`/oauth/`)."""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from tap_bitrix24.demo.oauth.tokens import REDIRECT, TokenPair, Tokens, tokens
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.portal.messages import HttpRequest, Reply
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.replies import refusal

SERVER: Final = "oauth.bitrix24.tech"
# State of the application: code, text, HTTP status. SDKs know one error that comes with the status of a success.
_REFUSALS: Final = {
    "removed": ("invalid_grant", "Invalid grant", 400),
    "unpaid": ("PAYMENT_REQUIRED", "Payment required", 401),
    "unknown": ("wrong_client", "Wrong client", 200),
}


def answer(portal: Portal, request: HttpRequest) -> Reply:
    """Handle one request."""
    given = request.parameters()
    if request.verb == "POST":
        given |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    match request.path.strip("/"):
        case "oauth/token":
            with portal.lock:
                return _token(portal, request, given)
        case "oauth/authorize":
            with portal.lock:
                return _authorize(portal, request, given)
        case _:
            return Reply(404, b"<html><body>404</body></html>", "text/html")


def _token(portal: Portal, request: HttpRequest, given: dict[str, str]) -> Reply:
    """Return the reply to a request for tokens."""
    try:
        pair = _grant(portal, given)
    except RestError as error:
        return refusal(portal, error)
    return Reply(200, php.encode(_shown(portal, request, pair)))


def _grant(portal: Portal, given: dict[str, str]) -> TokenPair:
    """Return new tokens for a code or a refresh token; application and grant are checked in this order."""
    kept, state = tokens(portal), portal.switches["oauth_application"]
    if given.get("client_id") != kept.client_id or given.get("client_secret") != kept.client_secret:
        raise RestError(code="invalid_client", text="Invalid client")
    if state in _REFUSALS:
        code, text, status = _REFUSALS[state]
        raise RestError(code=code, text=text, status=status)
    match given.get("grant_type"):
        case "refresh_token":
            pair = kept.rotate(given.get("refresh_token", ""))
        case "authorization_code":
            pair = kept.redeem(given.get("code", ""))
        case _:
            raise RestError(code="invalid_request", text="Invalid grant_type parameter or parameter missing")
    if pair is None:
        raise RestError(code="invalid_grant", text="Invalid grant")
    portal.stats.granted(given["grant_type"])
    return pair


def _shown(portal: Portal, request: HttpRequest, pair: TokenPair) -> dict[str, Any]:
    """Return tokens as the server sends them; ``domain`` is the authorization server's own."""
    kept = tokens(portal)
    return {
        "access_token": pair.access,
        "expires": int(pair.expires),
        "expires_in": kept.life(),
        "scope": ",".join(portal.scopes),
        "domain": SERVER,
        "server_endpoint": f"https://{SERVER}/rest/",
        "status": "L",
        "client_endpoint": f"{_endpoint(portal, request)}/rest/",
        "member_id": kept.member_id,
        "user_id": 1,
        "refresh_token": pair.refresh,
    }


def _endpoint(portal: Portal, request: HttpRequest) -> str:
    """Return scheme, host and path of the portal: as in the request, or another host if it has moved (switch)."""
    host, colon, port = request.headers.get("host", "").partition(":")
    if portal.switches["oauth_endpoint"] == "moved":
        host = "127.0.0.1" if host == "localhost" else "localhost"
    return f"{portal.scheme}://{host}{colon}{port}{portal.prefix}"


def _authorize(portal: Portal, request: HttpRequest, given: dict[str, str]) -> Reply:
    """Return a redirect to the application with a code, or a refusal; the user consents without a question."""
    kept, consent = tokens(portal), portal.switches["oauth_consent"]
    if given.get("client_id") != kept.client_id:
        return Reply(200, "<html><body>Приложение не найдено</body></html>".encode(), "text/html; charset=utf-8")
    registered = portal.switches["oauth_redirect"]
    back = given.get("redirect_uri") or (REDIRECT if registered == "0" else registered)
    state = {"state": given["state"]} if "state" in given else {}
    if consent == "denied":  # the vendor does not redirect after a refusal
        return Reply(200, "<html><body>Доступ запрещён</body></html>".encode(), "text/html; charset=utf-8")
    if consent == "denied_with_redirect":
        return _redirect(back, {"error": "access_denied", **state})
    return _redirect(back, _consented(portal, request, kept) | state)


def _consented(portal: Portal, request: HttpRequest, kept: Tokens) -> dict[str, str]:
    """Return the parameters of the redirect after consent."""
    return {
        "code": kept.code(),
        "domain": request.headers.get("host", ""),
        "member_id": kept.member_id,
        "scope": ",".join(portal.scopes),
        "server_domain": SERVER,
    }


def _redirect(address: str, carried: dict[str, str]) -> Reply:
    """Return a redirect."""
    return Reply(302, b"", "text/html", location=f"{address}{'&' if '?' in address else '?'}{urlencode(carried)}")
