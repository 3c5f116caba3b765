"""`tap-bitrix24-auth`: the first authorization of an application, in the user's own browser.

The portal sends the browser back to an address of this machine, which must be the one in the application's settings.
Exit codes: 0, 2 (settings, consent refused, nobody came), 130.
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
KEYBOARD = 130


class _Listener(HTTPServer):
    """Waits for the browser to come back."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.brought: dict[str, str] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        """Take what the browser brings; what does not know our state is not for us."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        ours = secrets.compare_digest(query.get("state", ""), self.server.state)
        text = "Signed in: you may close this page." if ours and "code" in query else "Not signed in."
        if ours:
            self.server.brought = query
        body = text.encode()
        self.send_response(200 if ours else 400)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any, **__: Any) -> None:
        """Say nothing: the address holds the code."""


def _code(door: OAuth, port: int, seconds: float) -> tuple[str, str]:
    """Have the user consent; returns the code and the address it was sent to."""
    state = secrets.token_urlsafe(24)
    try:
        listener = _Listener(port, state)
    except OSError as error:
        msg = f"Port {port} of this machine can't be listened at ({error.strerror}): choose another with --port."
        raise SettingsError(msg) from None
    with contextlib.closing(listener.socket):
        redirect = f"http://127.0.0.1:{listener.server_address[1]}/"
        query = urlencode({"client_id": door.application.client_id, "state": state, "redirect_uri": redirect})
        address = f"{door.application.portal}/oauth/authorize/?{query}"
        sys.stdout.write(f"Open this address in a browser signed in to the portal:\n{address}\n")
        sys.stdout.flush()
        webbrowser.open(address)
        until = time.monotonic() + seconds
        while listener.brought is None and (left := until - time.monotonic()) > 0:
            listener.timeout = left
            listener.handle_request()
    brought = listener.brought or {}
    if "code" not in brought:
        reason = f"the portal says {brought['error']}" if "error" in brought else f"nobody came in {seconds:.0f} s"
        msg = f"Not signed in: {reason}. Consent in the portal, with {redirect} as the application's redirect address."
        raise SettingsError(msg)
    return brought["code"], redirect


def sign_in(config: Path, port: int, seconds: float) -> str:
    """Authorize the application of a tap's settings; returns what to tell.

    Args:
        config: The tap's config.json.
        port: Of this machine, where the browser is sent back to; 0 picks a free one.
        seconds: How long to wait for it.

    Raises:
        TapError: Settings are wrong, or there is no consent.
    """
    settings = check(read_object(f"--config {config}", config.read_bytes))
    door = settings.credentials
    if settings.connection != OAUTH or not isinstance(door, OAuth) or settings.token_file is None:
        msg = "Signing in takes portal_url, client_id, client_secret and token_file."
        raise SettingsError(msg)
    door.post = lambda address, form: post_form(address, form, verify=settings.verify)
    door.redeem(*_code(door, port, seconds))
    return f"Signed in to {door.host}; the tokens are in {settings.token_file}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script `tap-bitrix24-auth`."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Authorize the tap's application at a portal.")
    parser.add_argument("--config", type=Path, required=True, help="config.json of the tap")
    parser.add_argument("--port", type=int, default=8025, help="port of this machine the browser comes back to")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for it")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{sign_in(given.config, given.port, given.timeout)}\n")
    except TapError as error:
        sys.stderr.write(f"{PROGRAM}: {Redactor().clean(str(error))}\n")
        sys.exit(SettingsError.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: stopped by the keyboard\n")
        sys.exit(KEYBOARD)
