"""Whether a list's date filter works, shown by a row of the list: it must be found by a filter around its own date.

A filter that the portal does not understand is no error: it finds nothing, or everything. `crm.item.list` reads bounds
in another time zone, some portals read none with an offset (docs/protocol.md §4.2): a window then is empty although
rows lie in it, and the bookmark moves past them. So an empty window is believed only of a filter that has found a known
row in this run; STATE keeps the row. Found by bounds that are not widened, it shows, too, that no margin for time zones
is needed.

Cost: one command beside the first pages of a run; two further requests if the row has changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import islice
from typing import Any

from tap_bitrix24.errors import RejectedError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import SubStrategy
from tap_bitrix24.model.request import Answer, DateKey, PageRequest, Window
from tap_bitrix24.replication.state import format_bookmark, parse_bookmark, parse_id
from tap_bitrix24.replication.sub_strategies import request_pages
from tap_bitrix24.replication.validation import date_of

ATTEMPTS = 3
"""Rows a filter is tried with before it counts as unusable: one may be modified between two requests."""


class FilterTrust(Enum):
    """What is known of a date filter."""

    UNKNOWN = auto()
    EXACT = auto()
    """It finds a row by bounds of one second around its date."""
    WIDENED = auto()
    """It finds a row if the bounds are widened by the margin for time zones."""
    UNUSABLE = auto()
    """It does not find a row that is there, or is refused."""
    NO_ROW = auto()
    """The list has no row to find."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A row that a filter is tried with."""

    place: int
    """Place of its list among those of the method."""
    id: int
    date: datetime
    """Its replication key, in whole seconds."""


@dataclass(slots=True)
class FilterProbe:
    """What a run knows of the date filter of one method, which lists of a stream share."""

    lists: Sequence[ListSpec]
    """The lists that rows are taken from."""
    trust: FilterTrust = FilterTrust.UNKNOWN
    row: ProbeRow | None = None
    expected: FilterTrust = FilterTrust.UNKNOWN
    """What earlier runs have found; tried again in each run."""

    @classmethod
    def from_state(cls, lists: Sequence[ListSpec], facts: Mapping[str, Any] | None) -> FilterProbe:
        """Return what STATE knows of the filter.

        Args:
            lists: The lists of the method.
            facts: `{"list": …, "id": …, "at": …, "exact": …}`.
        """
        if facts is None or not 0 <= parse_id(facts.get("list", 0)) < len(lists):
            return cls(lists)
        row = ProbeRow(facts.get("list", 0), parse_id(facts.get("id")), parse_bookmark(str(facts.get("at"))))
        if "exact" not in facts:
            return cls(lists, row=row)
        return cls(lists, row=row, expected=FilterTrust.EXACT if facts["exact"] else FilterTrust.WIDENED)

    def to_state(self) -> dict[str, Any] | None:
        """Return what STATE keeps of it; None without a row."""
        if self.row is None:
            return None
        facts: dict[str, Any] = {"list": self.row.place, "id": self.row.id, "at": format_bookmark(self.row.date)}
        if self.trust in (FilterTrust.EXACT, FilterTrust.WIDENED):
            facts["exact"] = self.trust is FilterTrust.EXACT
        return facts

    @property
    def is_exact(self) -> bool:
        """Whether bounds need no margin, as far as is known."""
        return (self.expected if self.trust is FilterTrust.UNKNOWN else self.trust) is FilterTrust.EXACT

    @property
    def method(self) -> str:
        """The method the lists share."""
        return self.lists[0].endpoint.method

    def learn_row(self, list_spec: ListSpec, row: Row) -> None:
        """Keep a row to try the filter with, unless there is one."""
        if self.row is None and row:
            place = next(place for place, each in enumerate(self.lists) if each is list_spec)
            self.row = self._probe_row(place, row)

    def first_requests(self) -> list[PageRequest]:
        """Return the requests that go with the first pages: the row by its date, or pages to take a row from."""
        if self.trust is not FilterTrust.UNKNOWN:
            return []
        if self.row is None:
            return self._by_id()
        return [self._by_date(self.row, exact=trust is FilterTrust.EXACT) for trust in self._tries()]

    def _tries(self) -> list[FilterTrust]:
        """Return what is tried with the first pages: what earlier runs have found, or all that may be."""
        if not self._has_margin():
            return [FilterTrust.EXACT]
        return [FilterTrust.EXACT, FilterTrust.WIDENED] if self.expected is FilterTrust.UNKNOWN else [self.expected]

    def conclude(self, answers: Sequence[Answer]) -> SubStrategy[None]:
        """Learn from the answers to `first_requests`, and request what is still needed to know.

        Args:
            answers: As many as there were requests.

        Raises:
            UntrustedError: The lists are empty, but the portal counts rows.
            PortalError: The portal does not answer.
        """
        if not answers:
            return
        if self.row is not None:
            for trust, answer in zip(self._tries(), answers, strict=True):
                if self._finds(self.row, answer):
                    self.trust = trust
                    return
        for attempt in range(ATTEMPTS):
            known = self.row
            yield from self._take_row(answers if known is None and not attempt else None)
            if self.row is None:
                return
            if self.row == known:  # it is still there, and was not found
                break
            if (yield from self._is_found(self.row, exact=True)):
                self.trust = FilterTrust.EXACT
                return
        widened = self._has_margin() and self.row is not None and (yield from self._is_found(self.row, exact=False))
        self.trust = FilterTrust.WIDENED if widened else FilterTrust.UNUSABLE

    def _is_found(self, row: ProbeRow, *, exact: bool) -> SubStrategy[bool]:
        """Request a row by its date; return whether the answer holds it."""
        (answer,) = yield from request_pages([self._by_date(row, exact=exact)])
        return self._finds(row, answer)

    def _has_margin(self) -> bool:
        key = self.lists[0].replication_key
        return key is not None and key.timezone_margin > 0

    def _take_row(self, answers: Sequence[Answer] | None) -> SubStrategy[None]:
        """Take the row as it is now, or another one if it was deleted; without any, the lists are empty.

        Args:
            answers: The first pages of all lists, if they have been requested.
        """
        if answers is None and self.row is not None:
            (answer,) = yield from request_pages([self._by_id(self.row)[self.row.place]])
            self.row = next(self._probe_rows({self.row.place: _rows(answer)}), None)
            if self.row is not None:
                return
            answers = yield from request_pages(self._by_id())
        rows = {place: _rows(answer) for place, answer in enumerate(answers or ())}
        if not any(rows.values()):  # asked a second time before it is believed
            answers = yield from request_pages(self._by_id())
            rows = {place: _rows(answer) for place, answer in enumerate(answers)}
        self.row = next(self._probe_rows(rows), None)
        if self.row is None and any(rows.values()):
            self.trust = FilterTrust.UNUSABLE
        elif self.row is None:
            yield from self._check_counts()
            self.trust = FilterTrust.NO_ROW

    def _check_counts(self) -> SubStrategy[None]:
        """Have the rows of lists counted that were empty when they were asked twice.

        Raises:
            UntrustedError: The portal counts some.
        """
        requests = [
            PageRequest(list_spec=each, after=0, counted=True)
            for each in self.lists
            if each.endpoint.pagination.counts_matches and each.endpoint.reliable_total
        ]
        answers = (yield from request_pages(requests)) if requests else []
        total = sum(page.total or 0 for answer in answers for page in answer.pages)
        if total:
            text = f"{self.method}: the portal counts {total} rows, but lists none"
            raise UntrustedError(text, method=self.method)

    def _by_id(self, row: ProbeRow | None = None) -> list[PageRequest]:
        """Return the requests for a page of each list, from the row on."""
        return [PageRequest(list_spec=each, after=max(0, row.id - 1) if row else 0) for each in self.lists]

    def _by_date(self, row: ProbeRow, *, exact: bool) -> PageRequest:
        """Return the request that finds a row by its date."""
        window = Window(row.date, row.date + timedelta(seconds=1), self._date_key, exact=exact)
        return PageRequest(list_spec=self.lists[row.place], window=window, after=max(0, row.id - 1))

    @property
    def _date_key(self) -> DateKey:
        """The date-time that every row has: the creation date where the replication key may be empty."""
        key = self.lists[0].replication_key
        return DateKey.CREATED if key is not None and key.created else DateKey.MODIFIED

    def _probe_rows(self, rows: Mapping[int, Sequence[Row]]) -> Iterator[ProbeRow]:
        """Yield the rows of some lists, by place, that have an id and a date."""
        for place, of_list in rows.items():
            yield from filter(None, (self._probe_row(place, row) for row in of_list))

    def _probe_row(self, place: int, row: Row) -> ProbeRow | None:
        date = date_of(self.lists[place], row, self._date_key)
        number = str(row.get(self.lists[place].endpoint.key))
        return ProbeRow(place, int(number), date) if date is not None and number.isdecimal() else None

    def _finds(self, probe_row: ProbeRow, answer: Answer) -> bool:
        """Whether an answer holds the row."""
        key = self.lists[probe_row.place].endpoint.key
        return any(str(row.get(key)) == str(probe_row.id) for row in _rows(answer))


def _rows(answer: Answer) -> list[Row]:
    """Return the rows of an answer of one page; none of a refused filter.

    Raises:
        PortalError: The portal does not answer.
    """
    if answer.error is not None and not isinstance(answer.error, RejectedError):
        raise answer.error
    return answer.pages[0].rows if answer.pages else []


@dataclass(slots=True)
class FilterProbes:
    """What a run knows of the date filters of a stream: a probe for each method of its lists."""

    probes: Mapping[str, FilterProbe]
    """By method."""

    @classmethod
    def from_state(cls, lists: Sequence[ListSpec], state: Mapping[str, Any]) -> FilterProbes:
        """Return what STATE knows: `probes` holds an object for each method.

        Args:
            lists: All lists of the stream.
            state: The stream's STATE.
        """
        known = state.get("probes")
        facts = known if isinstance(known, Mapping) else {}
        by_method: dict[str, list[ListSpec]] = {}
        for each in lists:
            by_method.setdefault(each.endpoint.method, []).append(each)
        return cls({method: FilterProbe.from_state(of, facts.get(method)) for method, of in by_method.items()})

    def to_state(self) -> dict[str, Any]:
        """Return what STATE keeps: `{"probes": …}`, or nothing."""
        facts = {method: each for method, probe in self.probes.items() if (each := probe.to_state()) is not None}
        return {"probes": facts} if facts else {}

    @property
    def have_rows(self) -> bool:
        """Whether each filter can be tried with a row."""
        return all(each.row is not None for each in self.probes.values())

    @property
    def unusable(self) -> bool:
        """Whether one of the filters can't be used: all rows are to be read then, and cut here."""
        return any(each.trust is FilterTrust.UNUSABLE for each in self.probes.values())

    def is_exact(self, list_spec: ListSpec) -> bool:
        """Whether a list's bounds need no margin for time zones."""
        return self.probes[list_spec.endpoint.method].is_exact

    def learn_row(self, list_spec: ListSpec, row: Row) -> None:
        """Keep a row to try the filter of its method with, unless there is one."""
        self.probes[list_spec.endpoint.method].learn_row(list_spec, row)

    def first_requests(self) -> list[PageRequest]:
        """Return the requests that go with the first pages of a run."""
        return [request for probe in self.probes.values() for request in probe.first_requests()]

    def conclude(self, answers: Sequence[Answer]) -> SubStrategy[None]:
        """Learn from the answers to `first_requests`, and request what is still needed to know."""
        remaining = iter(answers)
        for probe in self.probes.values():
            yield from probe.conclude(list(islice(remaining, len(probe.first_requests()))))
