"""API dialects: pure translations between wishes, commands, HTTP bodies and pages. One module each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model import Ask, Command, Page, Result, Source


class Dialect(Protocol):
    """What the client and the engine need of a dialect; a module of functions will do."""

    BUNDLE: int
    """Commands one request may hold."""

    def commands(self, ask: Ask, first: int = 0) -> list[Command]:
        """Spell one wish out as commands, the first of them number `first` of its bundle."""

    def bundle_body(self, bundle: Sequence[Command]) -> Mapping[str, Any]:
        """The body of a request that runs all of them."""

    def bundle_results(self, outer: Result, bundle: Sequence[Command]) -> list[Result | PortalError]:
        """Take its answer apart, one entry per command."""

    def result(self, body: Any, status: int, method: str) -> Result:
        """Read the answer to a single call; raises the PortalError it is."""

    def page(self, source: Source, answer: Result) -> Page:
        """Find the rows in a list answer."""
