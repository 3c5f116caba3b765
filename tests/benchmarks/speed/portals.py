"""Demo portals as processes of their own, warm for everybody, and what they count."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.demo_portal import PAGES, chain
from tests.support.running import Portal

DEALS = "crm.deal.list"
FORTY = ("--deal-fields", "40")
"""Everybody reads the same 40 fields."""
LIMITLESS = ("--no-limits",)
PAGE = 50


@dataclass(frozen=True)
class Counted:
    """What the portal saw of one client."""

    requests: int
    refused: int
    """Answers 503: more requests than the limiter lets through."""
    served: int
    """Deals, each counted once however often it was served."""
    errors: dict[str, int]
    in_flight: int
    """The most requests that were being answered at a time."""


@contextmanager
def portal(scale: int, *options: str) -> Iterator[Portal]:
    """A portal of so many deals; ends with the block."""
    start = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", "--scale", str(scale), *options]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                message = f"the demo portal did not start with {' '.join(options)}"
                raise RuntimeError(message)
            yield Portal(json.loads(line)["webhook_url"])
        finally:
            process.terminate()


def counted(wire: Portal) -> Counted:
    """What the portal has counted since it was last asked to forget."""
    stats = wire.stats()
    rows = stats["rows"].get(DEALS, 0) - stats["rows_served_twice"].get(DEALS, 0)
    refused = stats["http"].get("503", 0)
    return Counted(stats["requests"], refused, rows, stats["errors"], stats["in_flight_most"])


def calm(wire: Portal, seconds: float = 3600) -> None:
    """Let the portal's clock run on until no limit remembers anything, and forget what was counted."""
    wire.control("clock", {"advance": seconds})
    wire.forget_stats()


def warm(wire: Portal) -> int:
    """Read all deals once, so that the portal has every row at hand for whoever is timed; answers their number."""
    rows, after = 0, 0
    while True:
        wire.control("clock", {"advance": 60})  # the limiter looks away
        pages = _whole_pages(wire.batch(chain(after))["result"])
        rows += sum(map(len, pages))
        if len(pages[-1]) < PAGE or len(pages) < PAGES:
            return rows
        after = int(pages[-1][-1]["ID"])


def _whole_pages(result: dict[str, list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The pages of a chain up to the first short one; those behind it begin anew."""
    pages: list[list[dict[str, Any]]] = []
    for page in result.values():
        pages.append(page)
        if len(page) < PAGE:
            break
    return pages
