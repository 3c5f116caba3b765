"""VibeCode: wishes → HTTP requests of its entity API, and answers back. Pure: no I/O, no state.

What the API forces here:
- a search over more than two weeks is cut into windows, and a window that fails is only counted: `autoWindow` is off;
- `windowErrors` and `truncated` come with HTTP 200: such a page is no page;
- totals stand in `meta`, beside `data`, or nowhere, and may be 0 although there are rows;
- repeating a request that fails blocks the whole key for a while: only what passes by itself is tried again.
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
    **dict.fromkeys(("KEY_INACTIVE", "KEY_EXPIRED", "KEY_REVOKED"), (AccessError, f"the key has ended: {_KEY}")),
    **dict.fromkeys(
        ("TOKEN_MISSING", "INVALID_APP_KEY", "INVALID_SESSION", "TOKEN_EXPIRED", "SESSION_APP_MISMATCH"),
        (AccessError, f"this kind of key takes a session: {_KEY}"),
    ),
    **dict.fromkeys(
        ("MANAGEMENT_KEY_NO_ENTITY_ACCESS", "WRONG_KEY_TYPE"), (AccessError, f"a management key reads nothing: {_KEY}")
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
        ("MISSING_PARAMS", "MISSING_REQUIRED_FILTER"), (MissingMethodError, "this list can't be had as a whole")
    ),
    "ERROR_LOOP_DETECTED": (AccessError, "the service has blocked the key for repeated errors: try again in an hour"),
    "OPERATION_TIME_LIMIT": (OperationLimitError, "the method's execution time is used up for now"),
    **dict.fromkeys(
        ("BITRIX_UNAVAILABLE", "QUEUE_TIMEOUT", "BITRIX_TIMEOUT", "QUEUE_OVERFLOW", "WINDOWED_SEARCH_FAILED"),
        (UnavailableError, "the portal does not answer the service"),
    ),
}
"""Code → (recovery, what to tell the operator)."""
_FAILING = 500
_PAUSE = 5.0
"""Seconds to leave a portal alone that does not answer the service, where no time is told."""
_PLACE = re.compile(r"\{(\w+)\}")
_SEARCH, _COUNT = "/search", "/aggregate"
_ALL = [{"field": "*", "function": "count"}]


def commands(ask: PageRequest, first: int = 0) -> list[Command]:
    """Spell one wish out; pages know nothing of each other, and what is to be counted has a call of its own."""
    found = build_commands(ask, first)
    return [_counting(each) for each in found] if ask.counted else found


def _counting(command: Command) -> Command:
    """The count of what a search would bring: exact at any size, while totals beside rows may be 0."""
    placed = {name: value for name, value in command.params.items() if f"{{{name}}}" in command.method}
    asked = {**placed, "aggregate": _ALL, "filter": command.params.get("filter") or {}}
    return Command(command.method.replace(_SEARCH, _COUNT), asked, command.dialect)


def call(command: Command) -> Message:
    """The request of a single call: a search or a count as JSON, a list or a description as a query."""
    path, params = _filled(command)
    if path.endswith((_SEARCH, _COUNT)):
        return Message(path, params)
    return Message(path, verb="GET", query=dict(_query(params)))


def _query(params: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """`{"filter": {"entityId": 7}}` → `filter[entityId]=7`."""
    for name, value in params.items():
        full = f"{inside}[{name}]" if inside else name
        if isinstance(value, Mapping):
            yield from _query(value, full)
        else:
            yield full, str(value)


def _filled(command: Command) -> tuple[str, dict[str, Any]]:
    """Put parameters that belong into the path there."""
    params = dict(command.params)
    path = _PLACE.sub(lambda place: str(params.pop(place.group(1))), command.method)
    return path, params


def batch(commands_: Sequence[Command]) -> Message:
    """The request that makes several calls: small lists and descriptions share one of Bitrix24's own batches."""
    return Message("/batch", {"calls": [_call(number, each) for number, each in enumerate(commands_)]})


def _call(number: int, command: Command) -> dict[str, Any]:
    entity, _, action = command.method.strip("/").partition("/")
    action = action.rpartition("/")[2] or "list"
    return {"id": str(number), "entity": entity, "action": action, "params": dict(command.params)}


def result(body: Any, status: int, method: str) -> Result:
    """Read the answer to a single request; its value is the whole envelope.

    Raises:
        PortalError: Of the type that says the recovery.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is no JSON object (HTTP {status})"
        raise UnavailableError(text, method=method)
    if body.get("success") is not True or "data" not in body:
        facts = body.get("error")
        raise error(facts if isinstance(facts, Mapping) else {}, status, method)
    return Result(body)


def error(facts: Mapping[str, Any], status: int, method: str) -> PortalError:
    """Name an error by its code."""
    code = str(facts.get("code") or "")
    told = " ".join(str(facts.get("message") or "").split())
    usual = FaultyError if status >= _FAILING or not code else RejectedError
    kind, text = _ERRORS.get(code, (usual, ""))
    wait = facts.get("retryAfter")
    after = float(wait) if isinstance(wait, (int, float)) else _PAUSE if kind is UnavailableError else 0.0
    says = "; ".join(part for part in (text, told) if part)
    return kind(
        f"{method}: {says or 'refused'} [{code or f'HTTP {status}'}]", code=code, method=method, retry_after=after
    )


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Take a batch answer apart; what appears nowhere was not run."""
    data = outer.value.get("data")
    facts = data if isinstance(data, Mapping) else {}
    results, errors, metas = (
        part if isinstance(part := facts.get(name), Mapping) else {} for name in ("results", "errors", "meta")
    )
    found: list[Result | PortalError] = []
    for number, command in enumerate(commands_):
        name = str(number)
        if name in errors:
            found.append(error(errors[name], 400, command.method))
        elif name in results:
            found.append(Result({"data": results[name], "meta": metas.get(name) or {}}))
        else:
            text = f"{command.method}: the batch answer leaves this call out"
            found.append(UnavailableError(text, method=command.method))
    return found


def page(source: ListSpec, answer: Result) -> Page:
    """Find the rows, which may be a single object where there is one.

    Raises:
        UnavailableError: The page says itself that rows are missing from it: it is asked for again.
        UntrustedError: There are no rows in it, or it is cut off for good.
    """
    told = answer.value.get("meta")
    meta = told if isinstance(told, Mapping) else {}
    method = source.endpoint.method
    if meta.get("windowErrors") or meta.get("truncated"):
        passes = not meta.get("truncated")
        text = f"{method}: the service leaves rows out of this answer ({'windowErrors' if passes else 'truncated'})"
        raise (UnavailableError if passes else UntrustedError)(text, method=method)
    data = answer.value.get("data")
    if isinstance(data, Mapping) and "count" in data and source.endpoint.key not in data:
        return Page([], whole_number(data.get("count")))
    if isinstance(data, Mapping) and source.endpoint.key in data:
        data = [data]
    total = whole_number(meta.get("total"))
    total = whole_number(answer.value.get("total")) if total is None else total
    rows = page_of_rows(source, replace(answer, value=data)).rows
    return Page([_keyed(row, source.endpoint.key) for row in rows], total or None)


def _keyed(row: Row, key: str) -> Row:
    """Names are in camel case where the service declares them, else in capitals: the key's may change any day."""
    if key in row:
        return row
    return {key if name.lower() == key.lower() else name: value for name, value in row.items()}
