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
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tap_bitrix24.errors import (
    AccessError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model import Ask, Command, Page, Query, Result, Source
from tap_bitrix24.paging import UNCOUNTED, put

BUNDLE = 50
"""Commands a batch may hold; the 51st fails."""

_ERRORS: Mapping[str, tuple[type[PortalError], str]] = {
    "query_limit_exceeded": (RateLimitedError, "the portal's request rate is exceeded"),
    "operation_time_limit": (OperationLimitError, "the method's execution time is used up for now"),
    "internal_server_error": (RetriableError, "internal server error"),
    "error_unexpected_answer": (RetriableError, "the portal's server gave an unexpected answer"),
    "connection_error": (RetriableError, "the portal could not reach its authorization server"),
    "no_auth_found": (AccessError, "wrong webhook: copy its URL from the portal again"),
    "invalid_credentials": (AccessError, "wrong webhook user or secret: copy its URL from the portal again"),
    "expired_token": (AccessError, "the access token has expired"),
    "invalid_token": (AccessError, "the access token is not valid"),
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
_OTHER = object()
"""Stands for a wrapper the answer does not have."""


def commands(ask: Ask, first: int = 0) -> list[Command]:
    """Spell one wish out as commands.

    Args:
        ask: The wish.
        first: Number of its first command within the bundle; a chain refers to the command before by key.
    """
    endpoint = ask.source.endpoint
    if ask.offset is not None:
        starts = [ask.offset + page * endpoint.page_size for page in range(ask.pages)]
        return [_command(ask, offset=start) for start in starts]
    if ask.newest:
        command = _command(ask, direction="DESC")
        if endpoint.select_param:
            put(params := dict(command.params), endpoint.select_param, [endpoint.request_key, *endpoint.selects])
            command = Command(endpoint.method, params)
        return [command]
    after: Any = ask.after
    chain: list[Command] = []
    for number in range(first, first + ask.pages):
        chain.append(_command(ask, after=after))
        steps = [key(number), *filter(None, endpoint.rows_at.split(".")), str(endpoint.page_size - 1), endpoint.key]
        after = "$result" + "".join(f"[{step}]" for step in steps)
    return chain


def _command(ask: Ask, *, after: Any = None, offset: int | None = None, direction: str = "ASC") -> Command:
    source, endpoint = ask.source, ask.source.endpoint
    query = Query(
        params=source.params, filter={**source.filter, **_bounds(ask)}, key=endpoint.request_key,
        direction=direction, after=after, offset=offset, size=endpoint.page_size, counted=ask.counted,
    )  # fmt: skip
    return Command(endpoint.method, endpoint.paging(query))


def key(number: int) -> str:
    """The key of a bundle's command: never a bare number."""
    return f"c{number}"


def _bounds(ask: Ask) -> dict[str, str]:
    """Date bounds as ISO with an explicit offset: without one the server reads them in its own zone."""
    stamp, window = ask.source.stamp, ask.window
    if stamp is None or window is None:
        return {}
    margin = timedelta(seconds=stamp.margin)
    bounds: dict[str, str] = {}
    if window.low is not None:
        bounds[f">={stamp.request}"] = _iso(window.low - margin)
    if window.high is not None:
        bounds[f"<{stamp.request}"] = _iso(window.high + margin)
    return bounds


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def bundle_body(bundle: Sequence[Command]) -> dict[str, Any]:
    """The JSON body of `batch`. `halt` is off: one failed command must not swallow the others."""
    return {
        "halt": 0,
        "start": UNCOUNTED,
        "cmd": {key(number): f"{each.method}?{php_query(each.params)}" for number, each in enumerate(bundle)},
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
    return Result(body["result"], _int(body.get("total")), _int(body.get("next")), body.get("time") or {})


def bundle_results(outer: Result, bundle: Sequence[Command]) -> list[Result | PortalError]:
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
    for number, command in enumerate(bundle):
        name = key(number)
        if name in errors:
            results.append(error(errors[name], 200, command.method))
        elif name in values:
            time = times.get(name)
            facts = time if isinstance(time, Mapping) else {}
            results.append(Result(values[name], _int(totals.get(name)), _int(nexts.get(name)), facts))
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


def page(source: Source, answer: Result) -> Page:
    """Find the rows in a list answer.

    A wrapper where none is documented, and none where one is, both occur: one list alone in an object, or a
    list instead of that object, is what was asked for.

    Raises:
        UntrustedError: The answer holds no rows where this method keeps them.
    """
    endpoint = source.endpoint
    value = answer.value
    for step in filter(None, endpoint.rows_at.split(".")):
        if not isinstance(value, Mapping):
            break  # a bare list
        value = value.get(step, _OTHER if value else [])
        if value is _OTHER:
            value = answer.value
            break
    rows = None if endpoint.rows_at and value is answer.value and isinstance(value, Mapping) else endpoint.shape(value)
    if rows is None and isinstance(value, Mapping) and len(value) == 1:
        rows = endpoint.shape(next(iter(value.values())))
    if rows is None:
        text = f"{endpoint.method}: the answer is not a list of rows"
        raise UntrustedError(text, method=endpoint.method)
    return Page(rows, answer.total, answer.next)


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
