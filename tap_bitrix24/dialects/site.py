"""The API of a 1C-Bitrix site: page numbers, errors by HTTP status. Pure: no I/O, no state.

What such sites force here: the API is written by the site's developer, and the web server in front of it answers by
itself when there are too many requests. So errors are recognised by status, not by body; and the OpenAPI document is
YAML or JSON.
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


def commands(request: PageRequest, first: int = 0) -> list[Command]:
    """Return the commands of a page request, without chains."""
    return build_commands(request, first)


def call(command: Command) -> Message:
    """Return the HTTP request of a page."""
    query = {name: str(value) for name, value in command.params.items()}
    return Message(command.method, verb="GET", query=query)


def batch(commands_: Sequence[Command]) -> Message:
    """Return the HTTP request of the only command: such an API has no batches."""
    (command,) = commands_
    return call(command)


def decode(content: bytes) -> Any:
    """Return parsed JSON, or YAML, which the OpenAPI document may be.

    Raises:
        ValueError: The content is neither.
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
    """Return the result of an HTTP request.

    Raises:
        PortalError: The answer is an error; its type says how to recover.
    """
    if status not in _GOOD:
        default = UnavailableError if status in _FAILING else RejectedError
        kind, explanation = _ERRORS.get(status, (default, "the site answers with an error"))
        text = f"{method}: {explanation} (HTTP {status})"
        raise kind(text, code=str(status), method=method)
    if not isinstance(body, (Mapping, list)):
        text = f"{method}: the answer is neither an object nor a list (HTTP {status})"
        raise UnavailableError(text, method=method)
    return Result(body)


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Return the only result."""
    del commands_
    return [outer]


def page(list_spec: ListSpec, answer: Result) -> Page:
    """Return the rows under `items`, and their number: `pagination.total`, or `total` beside `items`, or None.

    Raises:
        DoubtfulError: The answer has no list of rows.
    """
    rows = page_of_rows(list_spec, answer).rows
    outer = answer.value if isinstance(answer.value, Mapping) else {}
    facts = outer.get("pagination")
    total = whole_number(facts.get("total")) if isinstance(facts, Mapping) else None
    return Page(rows, whole_number(outer.get("total")) if total is None else total)
