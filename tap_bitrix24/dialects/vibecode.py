"""VibeCode: page requests to HTTP requests of its entity API, and answers to pages. Pure: no I/O, no state.

What the API forces here (docs/protocol-vibecode.md):
- a search over more than two weeks is split into windows, and a failed window is only counted: `autoWindow` is off;
- `windowErrors` and `truncated` come with HTTP 200: such a page is incomplete, and must not be used;
- totals are in `meta`, beside `data`, or missing, and may be 0 although there are rows;
- repeating a request that fails blocks the whole key for a while: only temporary failures are retried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.request_builder import build_commands, decode, whole_number
from tap_bitrix24.dialects.request_builder import page as page_of_rows
from tap_bitrix24.errors import (
    AccessError,
    FaultyError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import Page, PageRequest

__all__ = ["ALL_OR_NOTHING", "batch", "batch_results", "call", "commands", "decode", "page", "result"]

ALL_OR_NOTHING = False
_KEY = "set vibecode_api_key to a personal key (vibe_api_…) that is active"
_ERRORS: Mapping[str, tuple[type[PortalError], str]] = {
    **dict.fromkeys(("MISSING_API_KEY", "AUTH_REQUIRED", "INVALID_API_KEY"), (AccessError, f"wrong key: {_KEY}")),
    **dict.fromkeys(
        ("KEY_INACTIVE", "KEY_EXPIRED", "KEY_REVOKED"), (AccessError, f"the key is no longer valid: {_KEY}")
    ),
    **dict.fromkeys(
        ("TOKEN_MISSING", "INVALID_APP_KEY", "INVALID_SESSION", "TOKEN_EXPIRED", "SESSION_APP_MISMATCH"),
        (AccessError, f"this kind of key requires a session: {_KEY}"),
    ),
    **dict.fromkeys(
        ("MANAGEMENT_KEY_NO_ENTITY_ACCESS", "WRONG_KEY_TYPE"),
        (AccessError, f"a management key cannot read lists: {_KEY}"),
    ),
    "IP_NOT_ALLOWED": (AccessError, "the key is not allowed from this address: add it to the key's list"),
    "WAITLIST_PENDING": (AccessError, "the account is on the waiting list"),
    "TOKEN_REFRESH_FAILED": (RetriableError, "the service could not renew its access to the portal"),
    **dict.fromkeys(("SCOPE_DENIED", "SCOPE_NOT_ALLOWED"), (MissingMethodError, "the key lacks the scope: tick it")),
    **dict.fromkeys(
        ("OAUTH_REQUIRED", "UNKNOWN_ENTITY", "ACTION_NOT_SUPPORTED", "ENTITY_CUSTOM_ROUTES", "NOT_FOUND"),
        (MissingMethodError, "this key has no such list"),
    ),
    **dict.fromkeys(
        ("RATE_LIMITED", "RATE_LIMIT", "RATE_LIMIT_EXCEEDED"), (RateLimitedError, "the request rate is exceeded")
    ),
    **dict.fromkeys(
        ("MISSING_PARAMS", "MISSING_REQUIRED_FILTER"), (MissingMethodError, "this list cannot be read as a whole")
    ),
    "ERROR_LOOP_DETECTED": (AccessError, "the service has blocked the key for repeated errors: try again in an hour"),
    "OPERATION_TIME_LIMIT": (OperationLimitError, "the method's execution time is used up for now"),
    **dict.fromkeys(
        ("BITRIX_UNAVAILABLE", "QUEUE_TIMEOUT", "BITRIX_TIMEOUT", "QUEUE_OVERFLOW", "WINDOWED_SEARCH_FAILED"),
        (UnavailableError, "the portal does not answer the service"),
    ),
}
"""Code → (error type, text for the operator)."""
_FAILING = 500
_PAUSE = 5.0
"""Seconds to wait before a retry when the portal does not answer the service, and the answer names no time."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SEARCH, _COUNT = "/search", "/aggregate"
_ALL = [{"field": "*", "function": "count"}]


def commands(request: PageRequest, first: int = 0) -> list[Command]:
    """Return the commands of a page request, without chains; a counted page becomes a count without rows."""
    searches = build_commands(request, first)
    return [_count_of(search) for search in searches] if request.counted else searches


def _count_of(search: Command) -> Command:
    """Return the command that counts the rows of a search: its count is exact, a search's own total may be 0."""
    in_path = {name: value for name, value in search.params.items() if f"{{{name}}}" in search.method}
    params = {**in_path, "aggregate": _ALL, "filter": search.params.get("filter") or {}}
    return Command(search.method.replace(_SEARCH, _COUNT), params, search.dialect)


def call(command: Command) -> Message:
    """Return the HTTP request of a command: JSON for a search or a count, a query for a list or a description."""
    path, params = _path_and_params(command)
    if path.endswith((_SEARCH, _COUNT)):
        return Message(path, params)
    return Message(path, verb="GET", query=dict(_query(params)))


def _query(params: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pairs of a query: `{"filter": {"entityId": 7}}` becomes `filter[entityId]=7`."""
    for name, value in params.items():
        full = f"{inside}[{name}]" if inside else name
        if isinstance(value, Mapping):
            yield from _query(value, full)
        else:
            yield full, str(value)


def _path_and_params(command: Command) -> tuple[str, dict[str, Any]]:
    """Return the path with its placeholders filled, and the remaining parameters."""
    params = dict(command.params)
    path = _PLACEHOLDER.sub(lambda match: str(params.pop(match.group(1))), command.method)
    return path, params


def batch(commands_: Sequence[Command]) -> Message:
    """Return the HTTP request that runs all commands: small lists and descriptions share a batch of Bitrix24's."""
    return Message("/batch", {"calls": [_batch_entry(number, command) for number, command in enumerate(commands_)]})


def _batch_entry(number: int, command: Command) -> dict[str, Any]:
    entity, _, action = command.method.strip("/").partition("/")
    action = action.rpartition("/")[2] or "list"
    return {"id": str(number), "entity": entity, "action": action, "params": dict(command.params)}


def result(body: Any, status: int, method: str) -> Result:
    """Return the result of an HTTP request; its value is the whole envelope.

    Raises:
        PortalError: The answer is an error; its type says how to recover.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is not a JSON object (HTTP {status})"
        raise UnavailableError(text, method=method)
    if body.get("success") is not True or "data" not in body:
        facts = body.get("error")
        raise error(facts if isinstance(facts, Mapping) else {}, status, method)
    return Result(body)


def error(facts: Mapping[str, Any], status: int, method: str) -> PortalError:
    """Return the error for a code."""
    code = str(facts.get("code") or "")
    message = " ".join(str(facts.get("message") or "").split())
    default = FaultyError if status >= _FAILING or not code else RejectedError
    kind, text = _ERRORS.get(code, (default, ""))
    wait = facts.get("retryAfter")
    after = float(wait) if isinstance(wait, (int, float)) else _PAUSE if kind is UnavailableError else 0.0
    explanation = "; ".join(part for part in (text, message) if part)
    return kind(
        f"{method}: {explanation or 'refused'} [{code or f'HTTP {status}'}]",
        code=code,
        method=method,
        retry_after=after,
    )


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Return the results of a batch, one entry per command; a command that appears nowhere was not run."""
    data = outer.value.get("data")
    facts = data if isinstance(data, Mapping) else {}
    results, errors, metas = (
        part if isinstance(part := facts.get(name), Mapping) else {} for name in ("results", "errors", "meta")
    )
    answers: list[Result | PortalError] = []
    for number, command in enumerate(commands_):
        name = str(number)
        if name in errors:
            answers.append(error(errors[name], 400, command.method))
        elif name in results:
            answers.append(Result({"data": results[name], "meta": metas.get(name) or {}}))
        else:
            text = f"{command.method}: the batch answer lacks this call"
            answers.append(UnavailableError(text, method=command.method))
    return answers


def page(list_spec: ListSpec, answer: Result) -> Page:
    """Return the rows of a list answer, or the count; a list of one row may be a single object.

    Raises:
        UnavailableError: The answer says that rows are missing because of a temporary failure.
        DoubtfulError: The answer has no list of rows: null, `false` and `""` are none.
        UntrustedError: The answer says that it is truncated.
    """
    facts = answer.value.get("meta")
    meta = facts if isinstance(facts, Mapping) else {}
    method, key = list_spec.endpoint.method, list_spec.endpoint.key
    if meta.get("windowErrors") or meta.get("truncated"):
        temporary = not meta.get("truncated")
        text = f"{method}: the service omits rows from this answer ({'windowErrors' if temporary else 'truncated'})"
        raise (UnavailableError if temporary else UntrustedError)(text, method=method)
    data = answer.value.get("data")
    if isinstance(data, Mapping) and "count" in data and key not in data:
        return Page([], whole_number(data.get("count")))
    if isinstance(data, Mapping) and key in data:
        data = [data]
    total = whole_number(meta.get("total"))
    total = whole_number(answer.value.get("total")) if total is None else total
    rows = page_of_rows(list_spec, replace(answer, value=data)).rows
    return Page([_with_key(row, key) for row in rows], total or None)


def _with_key(row: Row, key: str) -> Row:
    """Return a row with its key in the expected case: the service sends camel case for some entities, else capitals."""
    if key in row:
        return row
    return {key if name.lower() == key.lower() else name: value for name, value in row.items()}
