"""The demo portal as a process beside the export."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tap_bitrix24.errors import TapError
from tap_bitrix24.export.processes import start

REST_CONNECTIONS = ("webhook", "oauth")
"""Connections whose default streams the example queries need."""
CONNECTIONS = (*REST_CONNECTIONS, "vibecode", "site")
"""Those of `demo.server.running`, whose import would delay every start; the first one is the default."""
_PLAN = "enterprise"
"""The larger tariff: all default streams take more requests than the smaller one allows without waiting."""


@contextlib.contextmanager
def demo_portal(scale: int, connection: str) -> Iterator[dict[str, Any]]:
    """Start the demo portal, yield the tap's config for it, stop it at the end of the block.

    It has a process group of its own: a terminal sends Ctrl-C to the whole foreground group, and the tap must not lose
    its portal before it has finished.

    Args:
        scale: Number of deals.
        connection: One of `CONNECTIONS`.

    Raises:
        TapError: The portal did not start.
    """
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", str(scale), "--plan", _PLAN]
    command += ["--connection", connection]
    with tempfile.TemporaryDirectory() as folder, start(command) as portal:
        try:
            line = portal.stdout.readline() if portal.stdout else b""
            if not line:
                msg = f"the demo portal did not start (exit code {portal.wait()})"
                raise TapError(msg)
            tokens = {"token_file": str(Path(folder, "tokens.json"))} if connection == "oauth" else {}
            yield {**json.loads(line), **tokens, "plan": _PLAN}
        finally:
            portal.terminate()
