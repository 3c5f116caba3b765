"""Run a demo portal within this process: :func:`serve` gives its addresses and the settings to connect a tap to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tap_bitrix24.demo.oauth.tokens import tokens
from tap_bitrix24.demo.portal.state import Options, Portal
from tap_bitrix24.demo.server.http import Server
from tap_bitrix24.demo.site.endpoint import key as site_key
from tap_bitrix24.demo.vibecode.keys import key as vibecode_key

CONNECTIONS: Final = ("webhook", "oauth", "vibecode", "site")


class RunningPortal:
    """A listening portal: ``url`` is its webhook, ``base`` scheme, host and port, ``address`` base and prefix."""

    def __init__(self, server: Server, *, tls: bool) -> None:
        """Describe a listening server."""
        self._server = server
        self.portal = server.portal
        self.port = int(server.server_address[1])
        self.base = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{self.port}"
        self.address = f"{self.base}{self.portal.prefix}"
        self.url = f"{self.address}/rest/1/{server.portal.secret}/"

    def config(self, connection: str = "webhook") -> dict[str, str]:
        """Return the settings of a tap for one of :data:`CONNECTIONS`."""
        if connection == "webhook":
            return {"webhook_url": self.url}
        if connection == "vibecode":
            return {"vibecode_url": self.address, "vibecode_api_key": vibecode_key(self.portal)}
        if connection == "site":
            return {"site_url": self.address, "site_api_key": site_key(self.portal)}
        issued = tokens(self.portal)
        return {
            "portal_url": self.address,
            "client_id": issued.client_id,
            "client_secret": issued.client_secret,
            "refresh_token": issued.first_refresh,
            "oauth_token_url": f"{self.base}/oauth/token/",
        }


@contextmanager
def serve(
    port: int = 0,
    *,
    tls: tuple[str, str] | None = None,
    no_limits: bool = False,
    **options: Any,
) -> Iterator[RunningPortal]:
    """Run a portal in a thread of this process; ``options`` are those of :class:`Options`."""
    portal = Portal(Options(limits=not no_limits, **options))
    server = Server(port, portal, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo portal")
    thread.start()
    try:
        yield RunningPortal(server, tls=tls is not None)
    finally:
        server.end()
        thread.join()
