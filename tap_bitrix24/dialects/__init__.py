"""API dialects: pure translations between page requests, commands, HTTP requests and pages. One module each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import Page, PageRequest

BATCH_SIZE = 50
"""Commands in a batch, at most: in classic REST and in VibeCode the 51st fails; for REST 3.0 no limit is known."""


class Dialect(Protocol):
    """What client and scheduler use of a dialect; the modules of this package implement it as functions."""

    ALL_OR_NOTHING: bool
    """Whether a failed command of a batch fails all others, too."""

    def commands(self, request: PageRequest, first: int = 0) -> list[Command]:
        """Return the commands of a page request; `first` is the position of the first one in its batch."""

    def call(self, command: Command) -> Message:
        """Return the HTTP request of a single command."""

    def batch(self, commands_: Sequence[Command]) -> Message:
        """Return the HTTP request that runs all commands."""

    def decode(self, content: bytes) -> Any:
        """Return an answer's body, parsed; raises ValueError if it is not of the dialect's format."""

    def result(self, body: Any, status: int, method: str) -> Result:
        """Return the result of an HTTP request; raises a PortalError if the answer is an error."""

    def batch_results(self, outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
        """Return the results of a batch, one entry per command, in order."""

    def page(self, list_spec: ListSpec, answer: Result) -> Page:
        """Return the page that a list method answered with."""
