"""Classic REST: page requests to commands to HTTP requests, and answers to pages. Pure: no I/O, no state.

What the server forces here (docs/protocol.md §2.1 to §2.3):
- a batch command's query is decoded once, so keys and values are percent-encoded once; a raw `>=` in a bracket
  or a raw `+` in a date would silently cut the filter or shift the time;
- command keys are strings (`c0`): with numeric keys the result maps are sometimes lists, sometimes objects;
- whether controllers count the rows depends on the *outer* `start` of a batch, hence `start=-1` there, too;
- `error` may be an empty string, 0 or "0": its presence is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tap_bitrix24.dialects.pagination import UNCOUNTED
from tap_bitrix24.dialects.request_builder import build_commands, decode, page, whole_number
from tap_bitrix24.errors import (
    AccessError,
    DoubtfulError,
    ExpiredError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UnreadableError,
)
from tap_bitrix24.model.endpoint import Endpoint
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import PageRequest

__all__ = ["ALL_OR_NOTHING", "batch", "batch_results", "call", "commands", "decode", "page", "result"]

ALL_OR_NOTHING = False
"""A batch continues after a failed command."""

_ERRORS: Mapping[str, tuple[type[PortalError], str]] = {
    "query_limit_exceeded": (RateLimitedError, "the portal's request rate is exceeded"),
    "operation_time_limit": (OperationLimitError, "the method's execution time is used up for now"),
    "internal_server_error": (RetriableError, "internal server error"),
    "error_unexpected_answer": (RetriableError, "the portal's server gave an unexpected answer"),
    "connection_error": (RetriableError, "the portal could not reach its authorization server"),
    "no_auth_found": (AccessError, "wrong webhook: copy its URL from the portal again"),
    "invalid_credentials": (AccessError, "wrong webhook user or secret: copy its URL from the portal again"),
    "expired_token": (ExpiredError, "the access token has expired"),
    "invalid_token": (ExpiredError, "the access token is not valid"),
    "payment_required": (AccessError, "the portal's or the application's subscription has ended"),
    "user_access_error": (AccessError, "the application is not allowed for this user"),
    "authorization_error": (AccessError, "the application is not allowed for this user"),
    "application_not_found": (AccessError, "the application is not installed on this portal"),
    "overload_limit": (AccessError, "Bitrix24 has blocked REST for this portal: contact its support"),
    "portal_deleted": (AccessError, "this portal is closed or deleted"),
    "invalid_request": (AccessError, "the portal requires https"),
    "method_confirm_waiting": (MissingMethodError, "an administrator must confirm this method in the portal first"),
    "method_confirm_denied": (MissingMethodError, "an administrator has denied this method"),
    "insufficient_scope": (
        MissingMethodError,
        "the webhook lacks the scope: tick it in the webhook's settings",
    ),
    "error_core": (DoubtfulError, ""),
    "0": (DoubtfulError, ""),
    "wrong_encoding": (UnreadableError, "a row holds text that is not UTF-8, which makes the portal refuse the answer"),
    "error_method_not_found": (MissingMethodError, "this portal has no such method"),
    "wrong_auth_type": (MissingMethodError, "the method works for applications only, not for webhooks"),
}
"""Code, lower case → (error type, text for the operator). HTTP statuses differ between documentation and server."""

_UNAVAILABLE = range(500, 600)


def commands(request: PageRequest, first: int = 0) -> list[Command]:
    """Return the commands of a page request; each page of a chain refers to the one before."""
    return build_commands(request, first, _last_row_reference)


def _last_row_reference(endpoint: Endpoint, number: int) -> str:
    """Return the reference to the id of the last row of a full page, the answer to command `number` of the batch."""
    steps = [key(number), *filter(None, endpoint.records_path.split(".")), str(endpoint.page_size - 1), endpoint.key]
    return "$result" + "".join(f"[{step}]" for step in steps)


def key(number: int) -> str:
    """Return the key of a batch's command: never a bare number."""
    return f"c{number}"


def call(command: Command) -> Message:
    """Return the HTTP request of a single command."""
    return Message(command.method, dict(command.params))


def batch(commands_: Sequence[Command]) -> Message:
    """Return the HTTP request that runs all commands."""
    return Message("batch", batch_body(commands_))


def batch_body(commands_: Sequence[Command]) -> dict[str, Any]:
    """Return the JSON body of `batch`; `halt` is off, so that a failed command does not stop the others."""
    return {
        "halt": 0,
        "start": UNCOUNTED,
        "cmd": {
            key(number): f"{command.method}?{php_query(command.params)}" for number, command in enumerate(commands_)
        },
    }


def php_query(params: Mapping[str, Any]) -> str:
    """Return nested parameters as PHP parses them: `filter[>ID]=5`, keys and values percent-encoded."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in _flat("", params))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}[{name}]" if prefix else str(name), inner)
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from _flat(f"{prefix}[{position}]", inner)
    elif value is not None:
        yield prefix, str(value)


def result(body: Any, status: int, method: str) -> Result:
    """Return the result of a single HTTP request.

    Args:
        body: Parsed JSON.
        status: HTTP status; errors come with 200, too.
        method: Named in the error's text.

    Raises:
        PortalError: The answer is an error; its type says how to recover.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is not a JSON object (HTTP {status})"
        raise UnavailableError(text, method=method)
    if "error" in body:
        raise error(body, status, method)
    if "result" not in body:
        text = f"{method}: the answer has no result (HTTP {status})"
        raise UnavailableError(text, method=method)
    counts = whole_number(body.get("total")), whole_number(body.get("next"))
    return Result(body["result"], *counts, body.get("time") or {})


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Return the results of a batch, one entry per command, in order.

    Each of the five maps is `[]` when empty, and any key may be missing. A command that appears in none of them was
    not run.
    """
    maps = outer.value if isinstance(outer.value, Mapping) else {}
    values, errors, totals, nexts, times = (
        part if isinstance(part := maps.get(name), Mapping) else {}
        for name in ("result", "result_error", "result_total", "result_next", "result_time")
    )
    results: list[Result | PortalError] = []
    for number, command in enumerate(commands_):
        name = key(number)
        if name in errors:
            results.append(error(errors[name], 200, command.method))
        elif name in values:
            time = times.get(name)
            facts = time if isinstance(time, Mapping) else {}
            results.append(Result(values[name], whole_number(totals.get(name)), whole_number(nexts.get(name)), facts))
        else:
            text = f"{command.method}: the batch answer lacks this command"
            results.append(UnavailableError(text, method=command.method))
    return results


def error(body: Any, status: int, method: str) -> PortalError:
    """Return the error for a code; the HTTP status is used only if the code is unknown."""
    facts = body if isinstance(body, Mapping) else {"error": body}
    code = str(facts.get("error", ""))
    description = " ".join(str(facts.get("error_description") or "").split())
    kind, text = _ERRORS.get(code.lower(), (None, ""))
    if code.lower() == "access_denied":
        kind, text = RejectedError, "access denied"
    if kind is None:
        kind = RetriableError if status in _UNAVAILABLE else RejectedError
    if description.lower() == text.lower():
        description = ""
    explanation = "; ".join(part for part in (text, description) if part)
    return kind(f"{method}: {explanation or 'refused'} [{code or 'no code'}]", code=code, method=method)
