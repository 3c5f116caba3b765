"""Faults on demand, by name, method, parameters and count (docs/demo.md)."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

Command = tuple[str, Any]
"""A method and its parameters."""

REQUEST_FAULTS: Final = {
    "query_limit": "too many requests, HTTP 503",
    "internal_server_error": "HTTP 500 in JSON",
    "refuse_request": 'refuses a whole request; param {"status": 403, "code": "ACCESS_DENIED", "text": ""} or "body"',
    "html_502": "a gateway's page",
    "html_200": "a login page, HTTP 200",
    "empty_200": "HTTP 200 without a body",
    "truncated_json": "half of the answer",
    "disconnect": "the connection breaks before the request is processed",
    "answer_lost": "the request is processed, its answer is lost",
    "slow": "param: seconds before the answer",
    "gateway_timeout": "HTTP 504",
    "wrong_encoding": "the whole answer is WRONG_ENCODING, HTTP 200",
    "redirect": "HTTP 302; param: address",
    "auth": "param: code of an authorization error",
}
COMMAND_FAULTS: Final = {
    "operation_time_limit": "OPERATION_TIME_LIMIT",
    "command_error": "param: code of an error, HTTP 400",
    "refuse_command": 'an error of one command; param: code, or {"code": "", "text": "Not found", "status": 400}',
    "missing_method": "the method does not exist",
    "broken_text": 'param {"id": 700, "field": "TITLE"}: an answer with that field of that row is lost as a whole',
    "empty_page": 'no rows, in the method\'s own shape; param "missing": without total and next, too',
    "null_result": "the result is null",
    "false_result": "the result is false",
    "text_result": 'the result is ""',
    "wrong_total": 'param: the total that is told; "zero" or "missing"',
    "date_filter": 'param: how dates in filters are read: "nothing", "iso_unread", "refused" or "shifted:3600"',
    "short_page": "param: number of rows missing at the end of a page",
    "drop_filter": "the filter is ignored",
    "drop_order": "the order is ignored",
    "repeat_page": "page 1 for ever",
    "missing_id": "a row without its id",
    "cursor_circle": "REST 3.0: cursors lead from the second page back to the first",
    "cursor_runaway": "REST 3.0: empty pages with ever new cursors",
}
CALL, BATCH, TOKEN = "call", "batch", "token"
KINDS: Final = (CALL, BATCH, TOKEN)
"""Kinds of HTTP requests: one call, a batch, or a token of the authorization server."""


@dataclass
class Rule:
    """One fault and when it happens: after ``after`` matching requests, every ``every``-th, ``times`` times at most.

    ``where`` are parameters that a matching command has, at any depth and with any operator: ``{"ownerId": 17}`` is
    met by ``filter[=ownerId]=17`` and by 17 in a list of owners. ``request`` is one of :data:`KINDS`.
    """

    fault: str
    method: str | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    param: Any = None
    where: dict[str, Any] = field(default_factory=dict)
    request: str | None = None
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        """Check the names; ``where`` may also stand in ``param``."""
        if self.fault not in REQUEST_FAULTS | COMMAND_FAULTS or self.request not in {None, *KINDS}:
            message = f"unknown fault {self.fault!r} or kind of request {self.request!r}"
            raise ValueError(message)
        if isinstance(self.param, dict) and "where" in self.param:
            self.param = dict(self.param)
            self.where = self.param.pop("where")

    def fires(self, commands: Iterable[Command]) -> bool:
        """Count a request or command that matches; True if the fault is to happen now."""
        if not any(self._matches(name, params) for name, params in commands):
            return False
        self.seen += 1
        due = self.seen > self.after and (self.seen - self.after - 1) % max(self.every, 1) == 0
        if not due or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def _matches(self, name: str, params: Any) -> bool:
        """Return whether a command has the rule's method and parameters."""
        if self.method and not fnmatchcase(name.lower(), self.method.lower()):
            return False
        return all(_holds(params, key, str(value)) for key, value in self.where.items())

    def shown(self) -> dict[str, Any]:
        """Return the rule as JSON for the control endpoint."""
        return dict(vars(self))


def _holds(params: Any, key: str, value: str) -> bool:
    """Return whether parameters hold a value under a name, at any depth."""
    if isinstance(params, list):
        pair = [str(one) for one in params if isinstance(one, str | int)]
        return (key in pair[:1] and value in _texts(params[-1])) or any(_holds(one, key, value) for one in params)
    if not isinstance(params, Mapping):
        return False
    return any(
        (str(name).lstrip("!=<>@%*").lower() == key.lower() and value in _texts(inner)) or _holds(inner, key, value)
        for name, inner in params.items()
    )


def _texts(value: Any) -> list[str]:
    """Return a value, or the elements of a list, as texts; a list of one text may have commas."""
    if isinstance(value, Mapping):
        return [str(one) for one in value.values()]
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value), *str(value).split(",")]


@dataclass
class Faults:
    """The active rules, and delays in milliseconds.

    ``operating_ms`` is no delay: it is added to a page's operating time without waiting.
    """

    rules: list[Rule] = field(default_factory=list)
    latency_ms: float = 0
    page_ms: float = 0
    count_ms: float = 0
    operating_ms: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, given: dict[str, Any]) -> None:
        """Add a rule; an unknown fault raises ValueError."""
        self.rules.append(Rule(**given))

    def request(self, kind: str, commands: Sequence[Command]) -> Rule | None:
        """Return the fault of a whole request, or None; ``commands`` are its own method and those of its batch."""
        with self._lock:
            return next(
                (
                    rule
                    for rule in self.rules
                    if rule.fault in REQUEST_FAULTS and rule.request in {None, kind} and rule.fires(commands)
                ),
                None,
            )

    def command(self, method: str, params: Any) -> dict[str, Any]:
        """Return the faults of one command, name to parameter."""
        if not self.rules:
            return {}
        with self._lock:
            return {r.fault: r.param for r in self.rules if r.fault in COMMAND_FAULTS and r.fires([(method, params)])}
