"""API dialects: pure translations between wishes, commands, HTTP requests and pages. One module each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import Page, PageRequest

BATCH_SIZE = 50
"""Commands a batch may hold: in classic REST and in VibeCode the 51st fails; of REST 3.0 no limit is known."""


class Dialect(Protocol):
    """What the client and the engine need of a dialect; a module of functions will do."""

    ALL_OR_NOTHING: bool
    """One command of a batch that fails takes the answers of all others with it."""

    def commands(self, ask: PageRequest, first: int = 0) -> list[Command]:
        """Spell one wish out as commands, the first of them number `first` of its bundle."""

    def call(self, command: Command) -> Message:
        """The request of a single call."""

    def batch(self, commands_: Sequence[Command]) -> Message:
        """The request that runs all of them."""

    def decode(self, content: bytes) -> Any:
        """Read an answer's body; raises ValueError if it is not of the dialect's format."""

    def result(self, body: Any, status: int, method: str) -> Result:
        """Read the answer to a single request; raises the PortalError it is."""

    def batch_results(self, outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
        """Take the answer to a bundle apart, one entry per command."""

    def page(self, source: ListSpec, answer: Result) -> Page:
        """Find the rows in a list answer."""
