"""The API of a 1C-Bitrix site: pages by number, errors by HTTP status. Pure: no I/O, no state.

What such sites force here: they answer what a developer wrote, behind a web server that answers by itself when there
are too many requests. So the status counts, not the body; and the document that describes them is YAML or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import yaml

from tap_bitrix24.dialects.request_builder import build_commands, whole_number
from tap_bitrix24.dialects.request_builder import page as page_of_rows
from tap_bitrix24.errors import (
    AccessError,
    PortalError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import Page, PageRequest

__all__ = ["ALL_OR_NOTHING", "batch", "batch_results", "call", "commands", "decode", "page", "result"]

ALL_OR_NOTHING = False
_GOOD = range(200, 300)
_FAILING = range(500, 600)
_ERRORS: Mapping[int, tuple[type[PortalError], str]] = {
    401: (AccessError, "the site refuses the key: check site_api_key"),
    403: (AccessError, "the site refuses the key, or this machine's address: check site_api_key"),
    404: (RejectedError, "this site has no such address"),
    429: (RateLimitedError, "too many requests"),
    503: (RateLimitedError, "too many requests"),
}


def commands(ask: PageRequest, first: int = 0) -> list[Command]:
    """Spell one wish out."""
    return build_commands(ask, first)


def call(command: Command) -> Message:
    """The request of a page."""
    query = {name: str(value) for name, value in command.params.items()}
    return Message(command.method, verb="GET", query=query)


def batch(commands_: Sequence[Command]) -> Message:
    """The only command there can be: nothing of such an API is a batch."""
    (command,) = commands_
    return call(command)


def decode(content: bytes) -> Any:
    """Read JSON, or the YAML of the document.

    Raises:
        ValueError: It is neither.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        text = "neither JSON nor YAML"
        raise ValueError(text) from None


def result(body: Any, status: int, method: str) -> Result:
    """Read an answer.

    Raises:
        PortalError: Of the type that says the recovery.
    """
    if status not in _GOOD:
        known = UnavailableError if status in _FAILING else RejectedError
        kind, text = _ERRORS.get(status, (known, "the site answers with an error"))
        told = f"{method}: {text} (HTTP {status})"
        raise kind(told, code=str(status), method=method)
    if not isinstance(body, (Mapping, list)):
        text = f"{method}: the answer is no object (HTTP {status})"
        raise UnavailableError(text, method=method)
    return Result(body)


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """The one answer."""
    del commands_
    return [outer]


def page(source: ListSpec, answer: Result) -> Page:
    """Find the rows under `items`, and their number in `pagination`.

    Raises:
        UntrustedError: There are none, or no number: nobody could tell whether a page is the last.
    """
    found = page_of_rows(source, answer)
    facts = answer.value.get("pagination") if isinstance(answer.value, Mapping) else None
    total = whole_number(facts.get("total")) if isinstance(facts, Mapping) else None
    if total is None:
        method = source.endpoint.method
        text = f"{method}: the answer does not say how many rows there are (pagination.total)"
        raise UntrustedError(text, method=method)
    return Page(found.rows, total)
