"""REST 3.0: wishes → JSON requests, and answers back. Pure: no I/O, no state.

What the server forces here:
- a batch is a JSON array and all or nothing: the first command that fails takes the answers of the others with it;
- errors come as objects, and in the flat classic form from whatever stands before REST 3.0: the shape tells them apart;
- messages are in the portal's language, so only codes are matched; a code is the name of a PHP class;
- an answer has no count and no next page: the end of a list is an empty page, or a cursor that is null;
- old versions answer an expired token as they answer missing rights.
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
"""The one method whose answer is no envelope but the document itself."""
_PREFIX = "bitrix_rest_v3_exception_"
_UNAUTHORIZED = 401
_FAILING = 500

_ERRORS: Mapping[str, tuple[type[PortalError], str]] = {
    "methodnotfoundexception": (MissingMethodError, "this portal has no such method in REST 3.0"),
    "relationmethodnotfoundexception": (MissingMethodError, "this portal has no such method in REST 3.0"),
    "insufficientscopeexception": (MissingMethodError, "the credentials lack the scope: tick it in the portal"),
    "licenseexception": (MissingMethodError, "the portal's tariff does not include it"),
    "marketsubscriptionrequiredexception": (MissingMethodError, "it takes a subscription of the portal"),
    "featurenotavailableoncurrentplan": (MissingMethodError, "the portal's tariff does not include it"),
    "restunavailableexception": (AccessError, "REST is not available on this portal's tariff"),
    "httpsrequiredexception": (AccessError, "the portal wants https"),
    "ratelimitexception": (OperationLimitError, "the method's execution time is used up for now"),
    "entitynotfoundexception": (RejectedError, "there is no such row (not found)"),
    "validation_requestfiltervalidationexception": (RejectedError, "the filter lacks a field it must have"),
}
"""Code without its prefix, lower case → (recovery, what to tell the operator)."""


def commands(ask: PageRequest, first: int = 0) -> list[Command]:
    """Spell one wish out; pages can't refer to each other, for a reference that leads nowhere fails the whole batch."""
    return build_commands(ask, first)


def call(command: Command) -> Message:
    """The request of a single call: always a JSON object, never an empty body."""
    return Message(command.method, dict(command.params))


def batch(commands_: Sequence[Command]) -> Message:
    """The request that runs all of them; it has no room for a token, so that goes into a header."""
    return Message("batch", [{"method": each.method, "query": dict(each.params)} for each in commands_])


def result(body: Any, status: int, method: str) -> Result:
    """Read the answer to a single request.

    Args:
        body: Decoded JSON.
        status: HTTP status.
        method: For the error's text.

    Raises:
        PortalError: Of the type that says the recovery.
    """
    if not isinstance(body, Mapping):
        text = f"{method}: the answer is no JSON object (HTTP {status})"
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
    """Name an error by its code, which is the name of a class of the portal's server."""
    code = str(facts.get("code") or "")
    fields = [each for each in facts.get("validation") or [] if isinstance(each, Mapping)]
    wrong = "; ".join(f"{each.get('field')}: {each.get('message')}" for each in fields)
    told = " ".join(f"{facts.get('message') or ''} {wrong}".split())
    short = code.lower().removeprefix(_PREFIX)
    kind, text = _ERRORS.get(short, (None, ""))
    if short == "accessdeniedexception":
        kind, text = (DeniedError if status == _UNAUTHORIZED else RejectedError), "access denied"
    if kind is None and not code.lower().startswith("bitrix_"):  # codes of what stands before REST 3.0, wrapped
        return rest_v2.error({"error": code, "error_description": told}, status, method)
    if kind is None:
        kind = RetriableError if status >= _FAILING else RejectedError
    says = "; ".join(part for part in (text, told) if part)
    return kind(f"{method}: {says or 'refused'} [{code or 'no code'}]", code=code, method=method)


def batch_results(outer: Result, commands_: Sequence[Command]) -> list[Result | PortalError]:
    """Take a batch answer apart: an array of what each command brought, without a time of its own.

    Raises:
        UnavailableError: It holds more or fewer answers than were asked for: no one can tell which is whose.
    """
    values = list(outer.value.values()) if isinstance(outer.value, Mapping) else outer.value
    if not isinstance(values, list) or len(values) != len(commands_):
        text = "batch: the answer does not hold one entry for each command"
        raise UnavailableError(text, method="batch")
    return [Result(value) for value in values]


def page(source: ListSpec, answer: Result) -> Page:
    """Find the rows in a list answer, and where the next page begins if the portal says so.

    Raises:
        UntrustedError: The answer holds no rows where this method keeps them, or says that it is cut off.
    """
    found = page_of_rows(source, answer)
    facts = answer.value if isinstance(answer.value, Mapping) else {}
    if facts.get("truncated"):
        method = source.endpoint.method
        text = f"{method}: the portal cuts this list off, and has no way to the rest of it"
        raise UntrustedError(text, method=method)
    cursor = (facts.get("nextCursor") or facts.get("afterCursor")) if facts.get("hasMore") is not False else None
    return Page(found.rows, cursor=cursor)
