"""The portal: takes a REST request through the checks in the source's order and runs its methods (protocol §1.3)."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tap_bitrix24.demo.company import work
from tap_bitrix24.demo.company.clock import DEFAULT_START, Clock, Due
from tap_bitrix24.demo.company.company import Company
from tap_bitrix24.demo.company.mutation import Mutations
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.portal.errors import RestError, auth_error
from tap_bitrix24.demo.portal.faults import Faults, default_switches, switched
from tap_bitrix24.demo.portal.limits import PLANS, LeakyBucket, OperatingLimit, Workers
from tap_bitrix24.demo.portal.stats import Stats
from tap_bitrix24.demo.rest_v2 import batch, methods_crm, methods_work, php, samples, views
from tap_bitrix24.demo.rest_v2.batch import Outcome
from tap_bitrix24.demo.rest_v2.calls import Call, Method
from tap_bitrix24.demo.rest_v2.lists import methods as list_answers
from tap_bitrix24.demo.rest_v2.lists import registry, row_format
from tap_bitrix24.demo.rest_v2.values import DAY, server_iso

_T = TypeVar("_T")
_SCOPE_NAMES: Final = """
    crm user user_basic user_brief user.userfield userfieldconfig department humanresources task tasks tasks_extended
    catalog sale disk telephony calendar lists log sonet_group socialnetwork bizproc rpa documentgenerator sign.b2e im
    imopenlines timeman booking biconnector landing entity mail mailservice messageservice placement rating userconsent
    ai_admin main note call cashbox pay_system delivery
"""
ALL_SCOPES: Final = tuple(_SCOPE_NAMES.split())
OTHER_SCOPES: Final = {"user": ("user_basic", "user_brief")}
JSON: Final = "application/json; charset=utf-8"
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


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a portal is set up; see ``python -m tap_bitrix24.demo --help``."""

    scale: int = 300
    seed: int = 1
    smart_processes: int = 2
    ids: str = "dense"
    deal_fields: int | None = None
    samples: str | Path | None = None
    operating_window: float = 600.0
    operating_cost: float = 0.0
    limits: bool = True
    plan: str = "standard"
    workers: int = 0
    latency: float = 0.0
    page_time: float = 0.0
    count_time: float = 0.0
    switches: dict[str, Any] = field(default_factory=dict)
    clock: str | None = None
    scopes: str | Sequence[str] | None = None
    prefix: str = ""
    without: str | Sequence[str] = ()


@dataclass(frozen=True)
class Request:
    """A request as the dispatcher sees it; ``user`` and ``secret`` are those of the path.

    ``refused`` is why an access token does not let it in; None if one does.
    """

    method: str
    user: str | None
    secret: str | None
    params: php.Array
    due: Due
    refused: str | None = "NO_AUTH_FOUND"


@dataclass(frozen=True)
class Reply:
    """An answer; ``None`` for the body means that the connection is dropped."""

    status: int
    body: bytes | None
    content_type: str = JSON
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Take names as the command line has them, with commas between, or as a list."""
    return tuple(given.split(",") if isinstance(given, str) else given)


def _founded(options: Options, start: float) -> Company:
    """Found the company; nothing happened after the portal's start."""
    anchor = DEFAULT_START if start >= DEFAULT_START else int(start) // DAY * DAY
    return Company.founded(
        Seeds(options.seed, anchor),
        scale=options.scale,
        smart_processes=options.smart_processes,
        ids=options.ids,
        fields_of_deals=options.deal_fields,
    )


class Portal:
    """One portal with its company, limits, faults and counters."""

    def __init__(self, options: Options) -> None:
        """Found the company and get ready to answer."""
        self.clock = Clock.starting(options.clock)
        self.company = _founded(options, self.clock.now())
        self.scheme = "http"
        self.prefix = f"/{options.prefix.strip('/')}".rstrip("/")
        registry.promise(self.company.seeds, self.company.tables)
        self.switches = default_switches() | switched(options.switches)
        self.scopes: Sequence[str] = _names(options.scopes or ()) or ALL_SCOPES
        self.secret = f"{random.Random(f'{options.seed}:secret').getrandbits(64):016x}"
        self.faults = Faults(
            latency_ms=options.latency,
            page_ms=options.page_time,
            count_ms=options.count_time,
            operating_ms=options.operating_cost,
        )
        self.stats = Stats()
        self.limits = options.limits
        self.bucket, self.workers = LeakyBucket(self.clock, *PLANS[options.plan]), Workers(options.workers)
        self.operating = OperatingLimit(self.clock, options.operating_window)
        self.mutations = Mutations(self.company, self.clock)
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self._sides: dict[str, Any] = {}
        self._fragments = views.FragmentStore()
        self._views: dict[tuple[str, str], views.View] = {}
        self._methods: dict[str, Method] = {
            one.name.lower(): one
            for one in (
                *methods_crm.methods(),
                *methods_work.methods(),
                *list_answers.methods(registry.entries(), registry.sources()),
            )
        }
        self.documented = options.samples is not None
        self.samples = Path(options.samples) if options.samples else None
        if options.samples:
            self._methods |= samples.methods(Path(options.samples), self._methods, ALL_SCOPES)
        for name in _names(options.without):
            self._methods.pop(name.lower(), None)

    def now(self) -> float:
        """Answer the portal's time."""
        return self.clock.now()

    def side(self, name: str, make: Callable[["Portal"], _T]) -> _T:
        """Answer what one of the other interfaces keeps between requests, made when first asked for."""
        with self.lock:
            if name not in self._sides:
                self._sides[name] = make(self)
            kept: _T = self._sides[name]
            return kept

    def known_methods(self) -> list[str]:
        """Answer the names of all methods."""
        return ["batch", *(one.name for one in self._methods.values())]

    def view(self, family: str, name: str) -> views.View:
        """Answer a table in the wire form of a method family, made when first asked for."""
        table = self.company.tables[name]
        known = self._views.get((family, name))
        if known is None or known.table is not table:
            known = self._views[family, name] = self._made_view(family, name)
        return known

    def _made_view(self, family: str, name: str) -> views.View:
        """Make a view."""
        table, seeds = self.company.tables[name], self.company.seeds
        if family.startswith("list "):
            source = registry.sources()[name]
            return views.View(table, source.key, row_format.show(source), self._fragments)
        if family.startswith("universal"):
            kinds = {table_name: kind for kind, table_name in methods_crm.ENTITY_TYPES.items()}
            kind = kinds[name] if name in kinds else int(name.rpartition("_")[2])
            extra = (methods_crm.CATEGORY_FIELD,) if "CATEGORY_ID" in table.columns else ()
            return views.View(
                table,
                "id",
                views.universal_show(table.fields, extra, kind, original=family.endswith("original")),
                self._fragments,
            )
        show, key = {
            "classic": (views.classic_show(table.fields), "ID"),
            "tasks": (work.show_task(seeds, table.fields), "id"),
            "users": (work.user_show(self.switches), "ID"),
            "departments": (work.show_department, "ID"),
            "history": (work.show_history, "ID"),
            "types": (methods_crm.show_type, "id"),
            "plain": (lambda row: row, "id"),
            "statuses": (methods_crm.show_status, "ID"),
            "currencies": (methods_crm.show_currency, "CURRENCY"),
        }[family]
        return views.View(table, key, show, self._fragments)

    def switch(self, given: dict[str, str]) -> None:
        """Change switches while running; rows that were written under the old ones are forgotten."""
        self.switches.update(given)
        for view in self._views.values():
            view.forget(None)

    def request_done(self, status: int) -> None:
        """Count an answer and let live changes happen after it."""
        self.stats.answered(status)
        with self.lock:
            self.mutations.request_done()

    def answer(self, request: Request) -> Reply:
        """Answer a request that no fault has caught."""
        if self.overrun():
            return self.too_many()
        started = self.now()
        try:
            result = self._checked(request)
        except RestError as error:
            return self.refusal(error)
        if isinstance(result, dict):
            return Reply(200, php.encode({"result": result, "time": self._time(started, "batch", typed=False)}))
        if result.error is not None:
            return Reply(result.status, php.encode(result.error))
        body = {"result": result.result}
        body |= {} if result.total is None else {"total": result.total}
        body |= {} if result.next is None else {"next": result.next}
        return Reply(200, php.encode({**body, "time": result.time}))

    def overrun(self) -> bool:
        """Count a request in the cloud's bucket and tell whether it was full; a server of one's own has none."""
        return self.limits and self.switches["cloud"] == "on" and not self.bucket.admits()

    def used_up(self, method: str) -> bool:
        """Tell whether a method has spent its seconds; on a server of one's own it has as many as it takes."""
        limit = float(self.switches["operating_limit"])
        return self.limits and self.switches["cloud"] == "on" and self.operating.spent(method) > limit

    def too_many(self) -> Reply:
        """Answer as the web tier does when the bucket is full."""
        self.stats.error("QUERY_LIMIT_EXCEEDED")
        if self.switches["query_limit_body"] == "html":
            return Reply(503, b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", "text/html")
        error = RestError(code="QUERY_LIMIT_EXCEEDED", text="Too many requests", status=503)
        return Reply(503, php.encode(error.body()))

    def refusal(self, error: RestError) -> Reply:
        """Answer with an error."""
        self.stats.error(error.code)
        return Reply(error.status, php.encode(error.body()))

    def _checked(self, request: Request) -> Outcome | dict[str, Any]:
        """Check method, then webhook; run a batch or one method."""
        name = request.method
        if name != "batch" and name not in self._methods and not _writes(name):
            raise RestError(code="ERROR_METHOD_NOT_FOUND", text="Method not found!", status=404)
        if request.user != "1" or request.secret != self.secret:
            code = "INVALID_CREDENTIALS" if request.user and request.secret else request.refused
            if code is not None:
                raise auth_error(code, self.switches["auth_status"])
        if name == "batch":
            return self._batch(request, request.params)
        return self.execute(request, name, request.params)

    def _batch(self, request: Request, params: php.Array) -> dict[str, Any]:
        """Run a batch; a fault may change data between its commands."""

        def run(method: str, inner: php.Array) -> Outcome:
            if method.lower() == "batch" and self.switches["nested_batch"] == "allowed":
                return Outcome(self._batch(request, inner), time=self._time(self.now(), "batch", typed=False))
            return self.execute(request, method, inner, in_batch=True)

        return batch.run(params, run, self._between_commands).shown()

    def _between_commands(self) -> None:
        """Let live mutations happen between two commands."""
        with self.lock:
            self.mutations.command_done()

    def execute(self, request: Request, name: str, params: php.Array, *, in_batch: bool = False) -> Outcome:
        """Run one method with everything that may keep it from running."""
        started = self.now()
        method = self._methods.get(name.lower())
        try:
            if method is None:
                raise self._unknown(name, in_batch=in_batch)
            call = Call(self, method.name, params, request.params.get("start"), self.faults.command(method.name))
            self._allowed(method, call, in_batch=in_batch)
            outcome = self._run(method, call, request.due)
        except RestError as error:
            self.stats.error(error.code)
            return Outcome(error=error.body(), status=error.status)
        outcome.time = self._time(started, method.name, typed=method.typed)
        return outcome

    def _unknown(self, name: str, *, in_batch: bool) -> RestError:
        """Make the error of a name that is no method, is not for batches, or would write."""
        if name.lower() in {"batch", "download", "upload"} and in_batch:
            return RestError(code="ERROR_BATCH_METHOD_NOT_ALLOWED", text="Method is not allowed for batch usage")
        if _writes(name.lower()):
            self.stats.write(name)
            return RestError(code="ACCESS_DENIED", text="Access denied! Admin permissions required", status=403)
        return RestError(code="ERROR_METHOD_NOT_FOUND", text="Method not found!", status=404)

    def _allowed(self, method: Method, call: Call, *, in_batch: bool) -> None:
        """Check scope, operating time and faults of one command."""
        self.stats.command(method.name)
        if method.scope is not None and not {method.scope, *OTHER_SCOPES.get(method.scope, ())} & set(self.scopes):
            error = auth_error("insufficient_scope", self.switches["auth_status"])
            raise RestError(code=error.code, text="" if in_batch else error.description, status=error.status)
        if self.used_up(method.name) or "operation_time_limit" in call.faults:
            raise operation_time_limit()
        if "command_error" in call.faults:
            raise RestError(code=call.faults["command_error"] or "INTERNAL_SERVER_ERROR", text="Fault on demand")

    def _run(self, method: Method, call: Call, due: Due) -> Outcome:
        """Run the method itself, count what it served and what it took.

        Its operating time is what a page takes by the portal's settings, or the portal's own work if that is more: how
        many others are at work on this machine is no part of it.
        """
        began, taken = time.thread_time(), 0.0
        with self.lock:
            answer = method.handle(call)
        self.stats.lost(method.name, call.dropped)
        if answer.rows is not None:
            self.stats.served(method.name, answer.rows.table, answer.rows.ids, counted=answer.counted)
            slept = self.faults.page_ms + (self.faults.count_ms if answer.counted else 0)
            due.take(slept)
            taken = (slept + self.faults.operating_ms) / 1000
        self.operating.record(method.name, max(taken, time.thread_time() - began))
        return Outcome(answer.result, answer.total, answer.next)

    def _time(self, started: float, method: str, *, typed: bool) -> dict[str, Any]:
        """Make the ``time`` of an answer; newest typed code writes a whole ``start`` and ``processing: 0``."""
        now = self.now()
        start: float = int(started) if typed else started
        shown: dict[str, Any] = {
            "start": start,
            "finish": now,
            "duration": max(0.0, now - start),
            "processing": 0 if typed else max(0.0, now - started),
            "date_start": server_iso(int(started)),
            "date_finish": server_iso(int(now)),
        }
        if self.switches["cloud"] == "on":
            spent = self.operating.spent(method)
            if spent:
                self.stats.operated(method, spent)
            shown |= {"operating_reset_at": self.operating.reset_at(method), "operating": spent}
        return shown


def operation_time_limit() -> RestError:
    """Make the error of a method that has used up its seconds."""
    return RestError(code="OPERATION_TIME_LIMIT", text="Method is blocked due to operation time limit.", status=429)


def _writes(name: str) -> bool:
    """Tell whether a method's name says that it changes something."""
    module, *_, verb = name.split(".") if "." in name else (name, name)
    return "." in name and verb in _WRITES and module in {scope.partition(".")[0] for scope in ALL_SCOPES}
