"""Faults on demand, by name, method and count, and switches for what differs by version (docs/protocol.md §9)."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

REQUEST_FAULTS: Final = frozenset(
    [
        "query_limit",
        "internal_server_error",
        "html_502",
        "html_200",
        "empty_200",
        "truncated_json",
        "disconnect",
        "answer_lost",
        "slow",
        "gateway_timeout",
        "wrong_encoding",
        "redirect",
        "auth",
    ]
)
COMMAND_FAULTS: Final = frozenset(
    ["operation_time_limit", "command_error", "short_page", "drop_filter", "drop_order", "repeat_page", "missing_id"]
)
SWITCHES: Final[dict[str, tuple[str, ...]]] = {
    "user_get_prefixes": ("new", "old"),
    "user_get_no_count": ("new", "old"),
    "nested_batch": ("refused", "allowed"),
    "auth_status": ("source", "docs"),
    "item_date_shift": ("on", "off"),
    "count_cap": (),
    "error_code": ("int", "string"),
    "last_login": ("date", "datetime"),
    "query_limit_body": ("json", "html"),
    "operating_limit": ("420", "480"),
    "cloud": ("on", "off"),
    "site_docs": ("yaml", "json", "broken", "none"),
    "site_order": ("id", "newest"),
    "site_beyond": ("empty", "last"),
    "vibe_search": ("good", "window_errors", "truncated", "failed"),
    "vibe_key": ("active", "expired", "revoked", "ip", "waitlist"),
    "vibe_total": ("good", "zero", "absent"),
    "vibe_single": ("off", "on"),
    "vibe_numbers": ("number", "text"),
    "vibe_history": ("portal", "owner"),
    "vibe_funnel0": ("told", "missing"),
    "vibe_offset": ("breaks", "works"),
    "vibe_more": ("off", "on"),
    "vibe_rate": (),
    "vibe_queue": (),
    "v3": ("on", "off", "partial"),
    "v3_expired": ("code", "denied"),
    "productrow_owner_arrays": ("on", "off"),
    "item_links": ("on", "off"),
    "oauth_application": ("installed", "removed", "unpaid", "unknown"),
    "oauth_consent": ("given", "denied", "denied_with_redirect"),
    "oauth_endpoint": ("same", "moved"),
    "oauth_expires_in": (),
    "oauth_redirect": (),
    "oauth_spent_refresh": ("refused", "grace"),
}


@dataclass
class Rule:
    """One fault and when it happens: after ``after`` matching requests, every ``every``-th, ``times`` times at most."""

    fault: str
    method: str | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    param: Any = None
    seen: int = 0
    fired: int = 0

    def fires(self, names: Iterable[str]) -> bool:
        """Count a matching request or command; True if the fault is to happen now."""
        if self.method and not any(fnmatchcase(name.lower(), self.method.lower()) for name in names):
            return False
        self.seen += 1
        due = self.seen > self.after and (self.seen - self.after - 1) % max(self.every, 1) == 0
        if not due or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        """Return the rule as JSON for the control endpoint."""
        return dict(vars(self))


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
        rule = Rule(**given)
        if rule.fault not in REQUEST_FAULTS | COMMAND_FAULTS:
            message = f"unknown fault {rule.fault!r}"
            raise ValueError(message)
        self.rules.append(rule)

    def request(self, names: list[str]) -> Rule | None:
        """Return the fault of a whole request, or None; ``names`` are its method and the methods of its commands."""
        with self._lock:
            return next((r for r in self.rules if r.fault in REQUEST_FAULTS and r.fires(names)), None)

    def command(self, method: str) -> dict[str, Any]:
        """Return the faults of one command, name to parameter."""
        if not self.rules:
            return {}
        with self._lock:
            return {r.fault: r.param for r in self.rules if r.fault in COMMAND_FAULTS and r.fires([method])}


def checked_switches(given: dict[str, Any]) -> dict[str, str]:
    """Return switches as text; an unknown name or value raises ValueError."""
    for name, value in given.items():
        allowed = SWITCHES.get(name)
        if allowed is None or (allowed and str(value) not in allowed):
            message = f"unknown switch {name}={value}"
            raise ValueError(message)
    return {name: str(value) for name, value in given.items()}


def default_switches() -> dict[str, str]:
    """Return the default value of every switch: the first of its values, ``0`` where it is a number."""
    return {name: allowed[0] if allowed else "0" for name, allowed in SWITCHES.items()}
