"""The matrix of faults: every kind the demo portal can make, at every position, for every strategy and connection.

A case is one of each. The default run takes cases that together hold every pair of two values; the full one, all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

Rule = dict[str, Any]
"""A fault of the demo portal, without its method and position."""


@dataclass(frozen=True)
class Reading:
    """A stream that is read by one strategy over one connection."""

    strategy: str
    connection: str
    stream: str
    method: str
    """Its list method, as the demo portal's rules name it."""
    table: str
    """The demo portal's table of its rows."""
    keeps_state: bool = True
    """Later runs go on from a bookmark; else the stream is read whole."""
    incremental: bool = False
    """The run goes on from a bookmark, after changes."""

    def __str__(self) -> str:
        return f"{self.strategy}-{self.connection}"


READINGS = (
    Reading("keyset", "webhook", "deals", "crm.deal.list", "deals"),
    Reading("windows", "webhook", "deals", "crm.deal.list", "deals", incremental=True),
    Reading("windows, universal", "webhook", "smart_invoices", "crm.item.list", "smart_invoices", incremental=True),
    Reading("offset", "webhook", "lists", "lists.get", "lists", keeps_state=False),
    Reading("offset, uncounted", "webhook", "order_statuses", "sale.status.list", "order_statuses", keeps_state=False),
    Reading("whole", "webhook", "crm_statuses", "crm.status.list", "statuses", keeps_state=False),
    Reading("children", "webhook", "task_checklist_items", "task.checklistitem.getlist", "checklist_items"),
    Reading("sweep", "webhook", "crm_product_rows", "crm.item.productrow.list", "product_rows"),
    Reading("keyset", "oauth", "deals", "crm.deal.list", "deals"),
    Reading("tail", "rest3", "event_log", "main.eventlog.tail", "event_log"),
    Reading("keyset", "vibecode", "deals", "v1/deals/search", "deals"),
    Reading("pages", "site", "orders", "api/v1/orders", "deals"),
)

REQUEST_FAULTS: Mapping[str, Rule] = {
    name: {"fault": name}
    for name in (
        "query_limit",
        "internal_server_error",
        "html_502",
        "html_200",
        "empty_200",
        "truncated_json",
        "disconnect",
        "answer_lost",
        "gateway_timeout",
        "wrong_encoding",
    )
} | {
    "refused 403": {"fault": "refuse_request", "param": {"status": 403, "code": "ACCESS_DENIED"}},
    "refused, no code": {"fault": "refuse_request", "param": {"status": 400, "code": ""}},
}
"""Faults of a whole HTTP request."""
COMMAND_FAULTS: Mapping[str, Rule] = {
    name: {"fault": name}
    for name in ("empty_page", "null_result", "false_result", "text_result", "missing_method", "short_page")
} | {
    "operation_time_limit": {"fault": "operation_time_limit"},
    "access denied": {"fault": "refuse_command", "param": {"code": "ACCESS_DENIED"}},
    "no code": {"fault": "refuse_command", "param": {"code": ""}},
    "ERROR_CORE": {"fault": "refuse_command", "param": {"code": "ERROR_CORE"}},
    "code 0": {"fault": "refuse_command", "param": {"code": 0}},
    "INTERNAL_SERVER_ERROR": {"fault": "command_error"},
    "NOT_FOUND": {"fault": "refuse_command", "param": {"code": "NOT_FOUND"}},
    "total 0": {"fault": "wrong_total", "param": 0},
}
"""Faults of one command."""
POSITIONS = ("first request", "discovery", "first page", "middle", "last page", "another stream's", "always")
"""`another stream's`: in the same batch; `always`: from the first page on, for ever."""


@dataclass(frozen=True)
class Case:
    """One fault at one position while one stream is read."""

    fault: str
    position: str
    reading: Reading
    rule: Rule = field(compare=False, hash=False)

    def __str__(self) -> str:
        return f"{self.fault}-{self.position}-{self.reading}"

    @property
    def values(self) -> tuple[str, str, str, str]:
        """Its value on each axis."""
        return self.fault, self.position, self.reading.strategy, self.reading.connection


def possible(fault: str, position: str, reading: Reading) -> bool:
    """Whether such a case exists: commands and other streams in a batch are a matter of classic REST."""
    classic = reading.connection in ("webhook", "oauth")
    if fault in COMMAND_FAULTS and not classic:
        return False
    if fault == "refused 403" and reading.connection == "site":  # a site has no other way to refuse a key
        return False
    return position != "another stream's" or classic


def all_cases() -> list[Case]:
    """Return the full product."""
    rules = {**REQUEST_FAULTS, **COMMAND_FAULTS}
    return [
        Case(fault, position, reading, rule)
        for (fault, rule), position, reading in product(rules.items(), POSITIONS, READINGS)
        if possible(fault, position, reading)
    ]


def _pairs(case: Case) -> Iterator[tuple[int, str, int, str]]:
    for (first, one), (second, other) in combinations(enumerate(case.values), 2):
        yield first, one, second, other


def pairwise(cases: Sequence[Case]) -> list[Case]:
    """Return cases that together hold every pair of values of two axes that occurs in all of them, few at a time.

    Each fault meets each reading once, at a position that moves on by one from reading to reading and from fault to
    fault; what that leaves out follows.
    """
    faults = list(dict.fromkeys(case.fault for case in cases))
    chosen = [
        case
        for case in cases
        if POSITIONS[(faults.index(case.fault) + READINGS.index(case.reading)) % len(POSITIONS)] == case.position
    ]
    missing = {pair for case in cases for pair in _pairs(case)} - {pair for case in chosen for pair in _pairs(case)}
    return [*chosen, *_completing(missing, cases)]


def _completing(missing: set[tuple[int, str, int, str]], cases: Iterable[Case]) -> Iterator[Case]:
    """Yield cases until no pair is missing."""
    for case in cases:
        if gain := missing.intersection(_pairs(case)):
            missing -= gain
            yield case
