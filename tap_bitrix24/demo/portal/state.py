"""The state that all interfaces of a portal share: company, clock, switches, limits, faults, counters."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tap_bitrix24.demo.company.clock import DEFAULT_START, Clock
from tap_bitrix24.demo.company.company import Company
from tap_bitrix24.demo.company.mutation import Mutations
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.timestamps import DAY, named_zone, serve_in
from tap_bitrix24.demo.portal.faults import Faults
from tap_bitrix24.demo.portal.limits import PLANS, LeakyBucket, OperatingLimit, Workers
from tap_bitrix24.demo.portal.stats import Stats
from tap_bitrix24.demo.portal.switches import checked_switches, default_switches

_T = TypeVar("_T")
_SCOPE_NAMES: Final = """
    crm user user_basic user_brief user.userfield userfieldconfig department humanresources task tasks tasks_extended
    catalog sale disk telephony calendar lists log sonet_group socialnetwork bizproc rpa documentgenerator sign.b2e im
    imopenlines timeman booking biconnector landing entity mail mailservice messageservice placement rating userconsent
    ai_admin main note call cashbox pay_system delivery
"""
ALL_SCOPES: Final = tuple(_SCOPE_NAMES.split())
SCOPE_ALTERNATIVES: Final = {"user": ("user_basic", "user_brief")}


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
    timezone: str = ""
    scopes: str | Sequence[str] | None = None
    prefix: str = ""
    without: str | Sequence[str] = ()


def names_of(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return names given as a list, or as text with commas between, as on the command line."""
    return tuple(given.split(",") if isinstance(given, str) else given)


def _company(options: Options, start: float) -> Company:
    """Create the company; nothing in it happened after the portal's start."""
    anchor = DEFAULT_START if start >= DEFAULT_START else int(start) // DAY * DAY
    return Company.create(
        Seeds(options.seed, anchor),
        scale=options.scale,
        smart_processes=options.smart_processes,
        ids=options.ids,
        deal_field_count=options.deal_fields,
    )


class Portal:
    """One portal with its company, limits, faults and counters."""

    def __init__(self, options: Options) -> None:
        """Create the company and everything the interfaces share."""
        self.options = options
        self.clock = Clock.starting(options.clock)
        self.zone = named_zone(options.timezone, self.clock.now)
        self._offset = self.zone.offset(self.now())
        self.company = _company(options, self.clock.now())
        self.scheme = "http"
        self.prefix = f"/{options.prefix.strip('/')}".rstrip("/")
        self.switches = default_switches() | checked_switches(options.switches)
        self.on_switch: list[Callable[[], None]] = []
        self.scopes: Sequence[str] = names_of(options.scopes or ()) or ALL_SCOPES
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
        self.samples = Path(options.samples) if options.samples else None
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self._kept: dict[str, Any] = {}

    def now(self) -> float:
        """Return the portal's time, in seconds since 1970."""
        return self.clock.now()

    def kept(self, name: str, make: Callable[["Portal"], _T]) -> _T:
        """Return an interface's own state between requests, by name; ``make`` creates it on first use."""
        with self.lock:
            if name not in self._kept:
                self._kept[name] = make(self)
            found: _T = self._kept[name]
            return found

    def switch(self, given: dict[str, str]) -> None:
        """Change switches while running; interfaces forget the rows they wrote under the old ones (``on_switch``)."""
        self.switches.update(given)
        self._forget_rows()

    def enter(self) -> None:
        """Begin a request in this thread: the server's zone, and no rows written under another offset of now."""
        serve_in(self.zone)
        offset = self.zone.offset(self.now())
        if offset != self._offset:
            self._offset = offset
            self._forget_rows()

    def _forget_rows(self) -> None:
        """Let interfaces forget the rows they wrote."""
        for forget in self.on_switch:
            forget()

    def request_done(self, status: int) -> None:
        """Count an answer and apply the mutations that are to happen after it."""
        self.stats.answered(status)
        with self.lock:
            self.mutations.request_done()

    def over_rate_limit(self) -> bool:
        """Count a request in the cloud's bucket; True if the bucket was full. On-premise portals have none."""
        return self.limits and self.switches["cloud"] == "on" and not self.bucket.admits()

    def over_operating_limit(self, method: str) -> bool:
        """Return whether a method has used up its operating time. On-premise portals have no such limit."""
        limit = float(self.switches["operating_limit"])
        return self.limits and self.switches["cloud"] == "on" and self.operating.spent(method) > limit
