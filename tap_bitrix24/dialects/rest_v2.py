"""Classic REST: wishes → batch commands → HTTP bodies, and answers back. Pure: no I/O, no state.

What the server's source forces here:
- a batch command's query is decoded once, so keys and values are percent-encoded once; a raw `>=` in a bracket
  or a raw `+` in a date would silently cut the filter or move the time;
- command keys are strings (`c0`): with numeric keys the result maps flip between list and object;
- a batch looks at the *outer* `start` to decide whether controllers count, hence `start=-1` there too;
- `error` may be an empty string, 0 or "0": the key counts, not its truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tap_bitrix24.dialects.pagination import UNCOUNTED
from tap_bitrix24.dialects.request_builder import build_commands, decode, page, whole_number
from tap_bitrix24.errors import (
    AccessError,
    ExpiredError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
)
from tap_bitrix24.model.endpoint import Endpoint
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import PageRequest

__all__ = ["ALL_OR_NOTHING", "batch", "batch_results", "call", "commands", "decode", "page", "result"]

ALL_OR_NOTHING = False
"""A batch goes on behind a command that fails."""

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
    "invalid_request": (AccessError, "the portal wants https"),
    "method_confirm_waiting": (MissingMethodError, "an administrator must confirm this method in the portal first"),
    "method_confirm_denied": (MissingMethodError, "an administrator has denied this method"),
    "insufficient_scope": (
        MissingMethodError,
        "the webhook lacks the scope: tick it in the webhook's settings",
    ),
    "wrong_encoding": (RejectedError, "a row holds broken text (no UTF-8), for which the portal refuses the answer"),
    "error_method_not_found": (MissingMethodError, "this portal has no such method"),
    "wrong_auth_type": (MissingMethodError, "the method works for applications only, not for webhooks"),
}
"""Code, lower case → (recovery, what to tell the operator). HTTP statuses differ between docs and source."""

_UNAVAILABLE = range(500, 600)


def commands(ask: PageRequest, first: int = 0) -> list[Command]:
    """Spell one wish out as commands; the pages of a chain refer to each other."""
    return build_commands(ask, first, _last_row_reference)


def _last_row_reference(endpoint: Endpoint, number: int) -> str:
    """The id in the last row of a full page that another command brings."""
    steps = [key(number), *filter(None, endpoint.records_path.split(".")), str(endpoint.page_size - 1), endpoint.key]
    return "$result" + "".join(f"[{step}]" for step in steps)


def key(number: int) -> str:
    """The key of a bundle's command: never a bare number."""
    return f"c{number}"


def call(command: Command) -> Message:
    """The request of a single call."""
    return Message(command.method, dict(command.params))


def batch(commands_: Sequence[Command]) -> Message:
    """The request that runs all of them."""
    return Message("batch", batch_body(commands_))


def batch_body(commands_: Sequence[Command]) -> dict[str, Any]:
    """The JSON body of `batch`. `halt` is off: one failed command must not swallow the others."""
    return {
        "halt": 0,
        "start": UNCOUNTED,
        "cmd": {key(number): f"{each.method}?{php_query(each.params)}" for number, each in enumerate(commands_)},
    }


def php_query(params: Mapping[str, Any]) -> str:
    """Encode nested parameters the way PHP reads them: `filter[>ID]=5` with keys and values percent-encoded."""
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
    """Read the answer to a single call.

    Args:
        body: Decoded JSON.
        status: HTTP status; errors come with 200, too.
        method: For the error's text.

    Raises:
        PortalError: Of the type that says the recovery.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is no JSON object (HTTP {status})"
        raise UnavailableError(text, method=method)
    if "error" in body:
        raise error(body, status, method)
    if "result" not in body:
        text = f"{method}: the answer has no result (HTTP {status})"
        raise UnavailableError(text, method=method)
    counts = whole_number(body.get("total")), whole_number(body.get("next"))
    return Result(body["result"], *counts, body.get("time") or {})


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Take a batch answer apart, one entry per command, in order.

    Each of the five maps is `[]` when empty, so a missing key is looked for, never assumed. A command that
    appears nowhere was not run.
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
            text = f"{command.method}: the batch answer leaves this command out"
            results.append(UnavailableError(text, method=command.method))
    return results


def error(body: Any, status: int, method: str) -> PortalError:
    """Name an error by its code; the status only helps where the code is unknown."""
    facts = body if isinstance(body, Mapping) else {"error": body}
    code = str(facts.get("error", ""))
    told = " ".join(str(facts.get("error_description") or "").split())
    kind, text = _ERRORS.get(code.lower(), (None, ""))
    if code.lower() == "access_denied":
        kind, text = RejectedError, "access denied"
    if kind is None:
        kind = RetriableError if status in _UNAVAILABLE else RejectedError
    says = "; ".join(part for part in (text, told if told.lower() != text.lower() else "") if part)
    return kind(f"{method}: {says or 'refused'} [{code or 'no code'}]", code=code, method=method)
