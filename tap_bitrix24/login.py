"""`tap-bitrix24-auth`: the first authorization of an OAuth application, in the user's own browser.

The portal redirects the browser to an address of this machine, which must be the one in the application's settings.
Exit codes: 0, 1 (the authorization server cannot be reached: sign in again later), 2 (settings, consent refused,
time-out), 130 (Ctrl-C).
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import time
import webbrowser
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tap_bitrix24.auth.from_settings import OAUTH
from tap_bitrix24.auth.oauth import OAuth
from tap_bitrix24.client import post_form
from tap_bitrix24.errors import SettingsError, TapError
from tap_bitrix24.input_files import read_object
from tap_bitrix24.redaction import Redactor
from tap_bitrix24.settings import check

PROGRAM = "tap-bitrix24-auth"
INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""


class _Listener(HTTPServer):
    """Listens on loopback for the browser the portal redirects."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.answer: dict[str, str] | None = None
        """Query of the redirect: `code`, or `error`."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        """Take the query of the redirect; one without the state of this sign-in is refused."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        is_ours = secrets.compare_digest(query.get("state", ""), self.server.state)
        text = "Signed in: you may close this page." if is_ours and "code" in query else "Not signed in."
        if is_ours:
            self.server.answer = query
        body = text.encode()
        self.send_response(200 if is_ours else 400)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any, **__: Any) -> None:
        """Log nothing: the address holds the code."""


def _authorize(credentials: OAuth, port: int, seconds: float) -> tuple[str, str]:
    """Wait until the user has consented in the browser; return the code and the address it was sent to.

    Raises:
        SettingsError: The port is taken, the user refused, or the time is over.
    """
    state = secrets.token_urlsafe(24)
    try:
        listener = _Listener(port, state)
    except OSError as error:
        msg = f"cannot listen on 127.0.0.1:{port} ({error.strerror}); choose another port with --port"
        raise SettingsError(msg) from None
    with contextlib.closing(listener.socket):
        redirect = f"http://127.0.0.1:{listener.server_address[1]}/"
        query = urlencode({"client_id": credentials.application.client_id, "state": state, "redirect_uri": redirect})
        address = f"{credentials.application.portal}/oauth/authorize/?{query}"
        sys.stdout.write(f"Open this address in a browser signed in to the portal:\n{address}\n")
        sys.stdout.flush()
        webbrowser.open(address)
        deadline = time.monotonic() + seconds
        while listener.answer is None and (left := deadline - time.monotonic()) > 0:
            listener.timeout = left
            listener.handle_request()
    answer = listener.answer or {}
    if "code" not in answer:
        reason = f"the portal answered {answer['error']}" if "error" in answer else f"no consent within {seconds:.0f} s"
        msg = f"Not signed in: {reason}. Consent in the portal, with {redirect} as the application's redirect address."
        raise SettingsError(msg)
    return answer["code"], redirect


def sign_in(config: Path, port: int, seconds: float) -> str:
    """Authorize the application of a tap's settings and store its tokens; return a line for the user.

    Args:
        config: The tap's config.json.
        port: Of this machine, to which the browser is redirected; 0 picks a free one.
        seconds: How long to wait for consent.

    Raises:
        SettingsError: A setting is wrong, or there was no consent.
        PortalError: The authorization server could not be reached, or refused the code.
    """
    settings = check(read_object(f"--config {config}", config.read_bytes))
    credentials = settings.credentials
    if settings.connection != OAUTH or not isinstance(credentials, OAuth) or settings.token_file is None:
        msg = "Signing in needs portal_url, client_id, client_secret and token_file."
        raise SettingsError(msg)
    credentials.post = lambda address, form: post_form(address, form, verify=settings.verify)
    credentials.redeem(*_authorize(credentials, port, seconds))
    return f"Signed in to {credentials.host}; the tokens are in {settings.token_file}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script `tap-bitrix24-auth`."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Authorize the tap's application at a portal.")
    parser.add_argument("--config", type=Path, required=True, help="config.json of the tap")
    parser.add_argument("--port", type=int, default=8025, help="port of this machine the browser is redirected to")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for consent")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{sign_in(options.config, options.port, options.timeout)}\n")
    except TapError as error:
        sys.stderr.write(f"{PROGRAM}: {Redactor().clean(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: interrupted\n")
        sys.exit(INTERRUPTED)
