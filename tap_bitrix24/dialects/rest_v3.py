"""REST 3.0: page requests to JSON requests, and answers to pages. Pure: no I/O, no state.

What the server forces here (docs/protocol-rest-v3.md):
- a batch is a JSON array and all or nothing: the first command that fails fails all others;
- errors are objects, but have the flat classic form if they come from a layer in front of REST 3.0;
- messages are in the portal's language, so only codes are matched; a code is the name of a PHP class;
- an answer has neither a count nor a next page: a list ends with an empty page, or with a cursor that is null;
- old versions give the same answer to an expired token as to missing rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.dialects.request_builder import build_commands, decode
from tap_bitrix24.dialects.request_builder import page as page_of_rows
from tap_bitrix24.errors import (
    AccessError,
    DeniedError,
    DoubtfulError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.model.request import Page, PageRequest

__all__ = ["ALL_OR_NOTHING", "batch", "batch_results", "call", "commands", "decode", "page", "result"]

ALL_OR_NOTHING = True
DOCUMENTATION = "documentation"
"""The only method whose answer is the OpenAPI document itself, without an envelope."""
_PREFIX = "bitrix_rest_v3_exception_"
_UNAUTHORIZED = 401
_FAILING = 500

_ERRORS: Mapping[str, tuple[type[PortalError], str]] = {
    "methodnotfoundexception": (MissingMethodError, "this portal has no such method in REST 3.0"),
    "relationmethodnotfoundexception": (MissingMethodError, "this portal has no such method in REST 3.0"),
    "insufficientscopeexception": (MissingMethodError, "the credentials lack the scope: tick it in the portal"),
    "licenseexception": (MissingMethodError, "the portal's tariff does not include it"),
    "marketsubscriptionrequiredexception": (MissingMethodError, "it requires a subscription of the portal"),
    "featurenotavailableoncurrentplan": (MissingMethodError, "the portal's tariff does not include it"),
    "restunavailableexception": (AccessError, "REST is not available on this portal's tariff"),
    "httpsrequiredexception": (AccessError, "the portal requires https"),
    "ratelimitexception": (OperationLimitError, "the method's execution time is used up for now"),
    "entitynotfoundexception": (RejectedError, "there is no such row (not found)"),
    "validation_requestfiltervalidationexception": (RejectedError, "the filter lacks a required field"),
}
"""Code without its prefix, lower case → (error type, text for the operator)."""


def commands(request: PageRequest, first: int = 0) -> list[Command]:
    """Return the commands of a page request, only the first one where its pages would form a chain.

    A chain refers to rows of the command before; in REST 3.0 a reference to a missing row fails the whole batch.
    """
    return build_commands(request, first)


def call(command: Command) -> Message:
    """Return the HTTP request of a single command: always a JSON object, never an empty body."""
    return Message(command.method, dict(command.params))


def batch(commands_: Sequence[Command]) -> Message:
    """Return the HTTP request that runs all commands; a token has to be in a header, as the body is an array."""
    return Message("batch", [{"method": command.method, "query": dict(command.params)} for command in commands_])


def result(body: Any, status: int, method: str) -> Result:
    """Return the result of a single HTTP request.

    Args:
        body: Parsed JSON.
        status: HTTP status.
        method: Named in the error's text.

    Raises:
        PortalError: The answer is an error; its type says how to recover.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is not a JSON object (HTTP {status})"
        raise UnavailableError(text, method=method)
    if isinstance(body.get("error"), Mapping):
        raise error(body["error"], status, method)
    if "error" in body:
        raise rest_v2.error(body, status, method)
    if method == DOCUMENTATION and "result" not in body and "paths" in body:
        return Result(body)
    if "result" not in body:
        text = f"{method}: the answer has no result (HTTP {status})"
        raise UnavailableError(text, method=method)
    time = body.get("time")
    return Result(body["result"], time=time if isinstance(time, Mapping) else {})


def error(facts: Mapping[str, Any], status: int, method: str) -> PortalError:
    """Return the error for a code, which is the name of a PHP class of the server."""
    code = str(facts.get("code") or "")
    fields = [field for field in facts.get("validation") or [] if isinstance(field, Mapping)]
    validation = "; ".join(f"{field.get('field')}: {field.get('message')}" for field in fields)
    message = " ".join(f"{facts.get('message') or ''} {validation}".split())
    short = code.lower().removeprefix(_PREFIX)
    kind, text = _ERRORS.get(short, (None, ""))
    if short == "accessdeniedexception":
        kind, text = (DeniedError if status == _UNAUTHORIZED else RejectedError), "access denied"
    if kind is None and not code.lower().startswith("bitrix_"):  # a code of a layer in front of REST 3.0
        return rest_v2.error({"error": code, "error_description": message}, status, method)
    if kind is None:
        kind = RetriableError if status >= _FAILING else RejectedError
    explanation = "; ".join(part for part in (text, message) if part)
    return kind(f"{method}: {explanation or 'refused'} [{code or 'no code'}]", code=code, method=method)


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Return the results of a batch, an array with one entry per command, none of which has a time.

    Raises:
        UnavailableError: It has more or fewer entries than commands, so that they cannot be assigned.
    """
    values = list(outer.value.values()) if isinstance(outer.value, Mapping) else outer.value
    if not isinstance(values, list) or len(values) != len(commands_):
        text = "batch: the answer does not hold one entry for each command"
        raise UnavailableError(text, method="batch")
    return [Result(value) for value in values]


def page(list_spec: ListSpec, answer: Result) -> Page:
    """Return the rows of a list answer, and the cursor of the next page if it has one.

    Raises:
        DoubtfulError: The answer has no list at the endpoint's `records_path`, or no cursor although more rows follow.
        UntrustedError: It says that it is truncated.
    """
    rows = page_of_rows(list_spec, answer).rows
    facts = answer.value if isinstance(answer.value, Mapping) else {}
    if facts.get("truncated"):
        method = list_spec.endpoint.method
        text = f"{method}: the portal truncates this list, and offers no further pages"
        raise UntrustedError(text, method=method)
    cursor = facts.get("nextCursor") or facts.get("afterCursor")
    if facts.get("hasMore") is True and cursor is None and list_spec.endpoint.pagination.uses_cursor:
        method = list_spec.endpoint.method
        text = f"{method}: the portal says that more rows follow, but not where"
        raise DoubtfulError(text, method=method, settles_as=UntrustedError)
    return Page(rows, cursor=None if facts.get("hasMore") is False else cursor)
