"""Classic REST: checks a request in the server's order and runs its methods (docs/protocol.md §1.3)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.portal.errors import RestError, auth_error
from tap_bitrix24.demo.portal.messages import Reply
from tap_bitrix24.demo.portal.state import ALL_SCOPES, SCOPE_ALTERNATIVES, Portal, names_of
from tap_bitrix24.demo.portal.timer import RequestTimer
from tap_bitrix24.demo.rest_v2 import batch, methods_crm, methods_work, php, samples
from tap_bitrix24.demo.rest_v2.batch import Outcome
from tap_bitrix24.demo.rest_v2.calls import Call, Method
from tap_bitrix24.demo.rest_v2.fault_answers import BrokenTextError, changed, refuse
from tap_bitrix24.demo.rest_v2.lists import methods as lists
from tap_bitrix24.demo.rest_v2.lists import registry
from tap_bitrix24.demo.rest_v2.replies import refusal, too_many_requests
from tap_bitrix24.demo.rest_v2.views import View
from tap_bitrix24.demo.rest_v2.wire_forms import WireForms

_WRITES: Final = frozenset(
    [
        "add",
        "update",
        "delete",
        "set",
        "remove",
        "import",
        "register",
        "unregister",
        "bind",
        "unbind",
        "complete",
        "start",
        "stop",
        "approve",
        "disapprove",
        "delegate",
        "renew",
        "defer",
        "pause",
        "favorite",
        "clear",
        "merge",
        "send",
        "answer",
        "move",
    ]
)


@dataclass(frozen=True)
class Request:
    """A request to classic REST; ``user`` and ``secret`` are those of the webhook in the path.

    ``refused`` is the code by which its access token is refused; None if the token is good.
    """

    method: str
    user: str | None
    secret: str | None
    params: php.Array
    timer: RequestTimer
    refused: str | None = "NO_AUTH_FOUND"


class ClassicRest:
    """The methods of one portal, its batches, and the rows they have written."""

    def __init__(self, portal: Portal) -> None:
        """Gather the methods; tables of declared lists are created on first access."""
        self.portal = portal
        registry.register_tables(portal.company.seeds, portal.company.tables)
        self._forms = WireForms(portal)
        portal.on_switch.append(self._forms.forget)
        generated = (
            *methods_crm.methods(),
            *methods_work.methods(),
            *lists.methods(registry.entries(), registry.sources()),
        )
        self._methods: dict[str, Method] = {one.name.lower(): one for one in generated}
        if portal.samples:
            self._methods |= samples.methods(portal.samples, self._methods, ALL_SCOPES)
        for name in names_of(portal.options.without):
            self._methods.pop(name.lower(), None)

    def known_methods(self) -> Sequence[str]:
        """Return the names of all methods."""
        return ["batch", *(one.name for one in self._methods.values())]

    def view(self, form: str, table: str) -> View:
        """Return a table in one of its wire forms, such as ``classic`` or ``universal``."""
        return self._forms.view(form, table)

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request."""
        if self.portal.over_rate_limit():
            return too_many_requests(self.portal)
        started = self.portal.now()
        try:
            result = self._checked(request)
        except (RestError, BrokenTextError) as error:
            return refusal(self.portal, error if isinstance(error, RestError) else error.error())
        if isinstance(result, dict):
            return Reply(200, php.encode({"result": result, "time": self._time(started, "batch", typed=False)}))
        if result.error is not None:
            return Reply(result.status, php.encode(result.error))
        body = {"result": result.result}
        body |= {} if result.total is None else {"total": result.total}
        body |= {} if result.next is None else {"next": result.next}
        return Reply(200, php.encode({**body, "time": result.time}))

    def _checked(self, request: Request) -> Outcome | dict[str, Any]:
        """Return the answer of a batch or a method, after checking first the method's name, then the webhook."""
        name = request.method
        if name != "batch" and name not in self._methods and not _writes(name):
            raise RestError(code="ERROR_METHOD_NOT_FOUND", text="Method not found!", status=404)
        if request.user != "1" or request.secret != self.portal.secret:
            code = "INVALID_CREDENTIALS" if request.user and request.secret else request.refused
            if code is not None:
                raise auth_error(code, self.portal.switches["auth_status"])
        if name == "batch":
            return self._batch(request, request.params)
        return self.execute(request, name, request.params)

    def _batch(self, request: Request, params: php.Array) -> dict[str, Any]:
        """Return the answer of a batch; data may change between its commands."""

        def run(method: str, inner: php.Array) -> Outcome:
            if method.lower() == "batch" and self.portal.switches["nested_batch"] == "allowed":
                return Outcome(self._batch(request, inner), time=self._time(self.portal.now(), "batch", typed=False))
            return self.execute(request, method, inner, in_batch=True)

        return batch.run(params, run, self._between_commands).shown()

    def _between_commands(self) -> None:
        """Apply the repeated changes that come between two commands."""
        with self.portal.lock:
            self.portal.mutations.command_done()

    def execute(self, request: Request, name: str, params: php.Array, *, in_batch: bool = False) -> Outcome:
        """Return the outcome of one method, errors included."""
        started = self.portal.now()
        method = self._methods.get(name.lower())
        try:
            if method is None:
                raise self._unknown(name, in_batch=in_batch)
            call = Call(
                self.portal,
                self,
                method.name,
                params,
                request.params.get("start"),
                self.portal.faults.command(method.name, params),
            )
            self._allowed(method, call, in_batch=in_batch)
            outcome = self._run(method, call, request.timer)
        except RestError as error:
            self.portal.stats.error(error.code)
            return Outcome(error=error.body(), status=error.status)
        outcome.time = self._time(started, method.name, typed=method.typed)
        return outcome

    def _unknown(self, name: str, *, in_batch: bool) -> RestError:
        """Return the error of an unknown name, of a method not allowed in batches, or of an attempt to write."""
        if name.lower() in {"batch", "download", "upload"} and in_batch:
            return RestError(code="ERROR_BATCH_METHOD_NOT_ALLOWED", text="Method is not allowed for batch usage")
        if _writes(name.lower()):
            self.portal.stats.write(name)
            return RestError(code="ACCESS_DENIED", text="Access denied! Admin permissions required", status=403)
        return RestError(code="ERROR_METHOD_NOT_FOUND", text="Method not found!", status=404)

    def _allowed(self, method: Method, call: Call, *, in_batch: bool) -> None:
        """Raise an error if scope, operating time or a fault forbids a command."""
        self.portal.stats.command(method.name)
        scopes = {method.scope, *SCOPE_ALTERNATIVES.get(method.scope or "", ())}
        if method.scope is not None and not scopes & set(self.portal.scopes):
            error = auth_error("insufficient_scope", self.portal.switches["auth_status"])
            raise RestError(code=error.code, text="" if in_batch else error.description, status=error.status)
        if self.portal.over_operating_limit(method.name) or "operation_time_limit" in call.faults:
            raise operation_time_limit()
        refuse(call.faults)

    def _run(self, method: Method, call: Call, timer: RequestTimer) -> Outcome:
        """Return a method's outcome; counts the rows it served and its operating time.

        The operating time is a page's time by the portal's settings, or this thread's CPU time if that is more: it
        does not depend on the load of the machine.
        """
        began, taken = time.thread_time(), 0.0
        with self.portal.lock:
            answer = changed(method.handle(call), call.faults)
        self.portal.stats.filters_dropped(method.name, call.dropped)
        if answer.rows is not None:
            self.portal.stats.served(method.name, answer.rows.table, answer.rows.ids, counted=answer.counted)
            slept = self.portal.faults.page_ms + (self.portal.faults.count_ms if answer.counted else 0)
            timer.spend(slept)
            taken = (slept + self.portal.faults.operating_ms) / 1000
        self.portal.operating.record(method.name, max(taken, time.thread_time() - began))
        return Outcome(answer.result, answer.total, answer.next)

    def _time(self, started: float, method: str, *, typed: bool) -> dict[str, Any]:
        """Return the ``time`` of an answer; controllers have a whole ``start`` and ``processing: 0``."""
        now = self.portal.now()
        start: float = int(started) if typed else started
        shown: dict[str, Any] = {
            "start": start,
            "finish": now,
            "duration": max(0.0, now - start),
            "processing": 0 if typed else max(0.0, now - started),
            "date_start": server_iso(int(started)),
            "date_finish": server_iso(int(now)),
        }
        if self.portal.switches["cloud"] == "on":
            spent = self.portal.operating.spent(method)
            if spent:
                self.portal.stats.operated(method, spent)
            shown |= {"operating_reset_at": self.portal.operating.reset_at(method), "operating": spent}
        return shown


def operation_time_limit() -> RestError:
    """Return the error of a method that has used up its operating time."""
    return RestError(code="OPERATION_TIME_LIMIT", text="Method is blocked due to operation time limit.", status=429)


def _writes(name: str) -> bool:
    """Return whether a method writes, by its name."""
    module, *_, verb = name.split(".") if "." in name else (name, name)
    return "." in name and verb in _WRITES and module in {scope.partition(".")[0] for scope in ALL_SCOPES}


def classic_rest(portal: Portal) -> ClassicRest:
    """Return the classic REST interface of a portal."""
    return portal.kept("rest_v2", ClassicRest)
