"""The scheduler sends page requests in batches, several in flight, and sends again what failed for a moment."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tap_bitrix24.auth.credentials import Webhook
from tap_bitrix24.client import Client
from tap_bitrix24.connections import REST
from tap_bitrix24.errors import (
    AccessError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    SettingsError,
    TooSlowError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.event import Checkpoint, Rows, Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, AnswerLookup, PageRequest, ReadRequest
from tap_bitrix24.retries import ATTEMPTS, PATIENCE
from tap_bitrix24.scheduler.loop import Ended, Scheduler
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter
from tests.support.lists import list_spec_of, rows_of

Outcome = Result | PortalError
Serve = Callable[[Sequence[Command]], list[Outcome]]
SLOW, CLOSED, FILLED = TooSlowError("60 s"), AccessError("closed"), RateLimitedError("too many")
UNAVAILABLE, ENCODING = UnavailableError("no answer"), RejectedError("broken text", code="WRONG_ENCODING")
WEBHOOK = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")


class Clock:
    """Time that passes by itself, and much faster while someone naps."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def __call__(self) -> float:
        return time.monotonic() + sum(self.naps)


class FakeClient(Client):
    """Answers batches from a function instead of a portal."""

    def __init__(self, serve: Serve, clock: Clock) -> None:
        super().__init__(WEBHOOK, RateLimiter(TARIFFS["enterprise"], clock=clock), REST.dialects)
        self.batches: list[list[Command]] = []
        self.calls: list[Command] = []
        self._serve = serve

    def try_batch(self, commands: Sequence[Command]) -> list[Outcome]:
        """Serve a batch."""
        self.batches.append(list(commands))
        return self._serve(commands)

    def try_call(self, commands: Sequence[Command]) -> list[Outcome]:
        """Serve one call."""
        self.calls += commands
        return self._serve(commands)


def full_page(commands: Sequence[Command]) -> list[Outcome]:
    """A full page for every command."""
    return [Result(rows_of(range(1, 51)), 50) for _ in commands]


def scheduler_of(serve: Serve, *, slots: int = 1) -> tuple[Scheduler, FakeClient, list[float]]:
    """A scheduler, its client, and the seconds it waited."""
    clock = Clock()
    client = FakeClient(serve, clock)
    return Scheduler(client, slots=slots, clock=clock, nap=clock.naps.append), client, clock.naps


def asking(*rounds: Sequence[PageRequest], answers: list[Answer]) -> Strategy:
    """A strategy that asks for pages round after round, and keeps the answers."""
    for page_requests in rounds:
        received = yield ReadRequest(page_requests)
        assert received is not None
        answers += received


def serve(scheduler: Scheduler, page_requests: Sequence[PageRequest]) -> list[Answer]:
    """The answers to the page requests of one strategy."""
    answers: list[Answer] = []
    for _, event in scheduler.run({"one": asking(page_requests, answers=answers)}):
        assert isinstance(event, Ended)
        if event.error:
            raise event.error
    return answers


def chain(pages: int = 1, **facts: Any) -> PageRequest:
    """A chain of pages."""
    return PageRequest(list_spec=facts.pop("source", list_spec_of()), after=5, pages=pages, **facts)


@pytest.mark.parametrize(
    ("pages", "sizes", "given"),
    [
        ([1], [1], [1]),
        ([50], [50], [50]),
        ([500], [50], [50]),
        ([50, 50], [50, 50], [50, 50]),
        ([1, 1, 1], [3], [1, 1, 1]),
        ([40, 30], [50], [40, 10]),
        ([1] * 120, [50, 50, 20], [1] * 120),
        ([3] * 20, [50, 9], [3] * 16 + [2] + [3] * 3),
    ],
)
def test_batches_hold_at_most_fifty_commands_and_are_filled(
    pages: list[int], sizes: list[int], given: list[int]
) -> None:
    scheduler, client, _ = scheduler_of(full_page)
    answers = serve(scheduler, [chain(number) for number in pages])
    assert [len(batch) for batch in client.batches] == sizes
    assert [len(answer.pages) for answer in answers] == given


def test_each_chain_of_a_batch_refers_to_its_own_commands() -> None:
    scheduler, client, _ = scheduler_of(full_page)
    serve(scheduler, [chain(2), chain(2)])
    conditions = [command.params["filter"][">ID"] for command in client.batches[0]]
    assert conditions == [5, "$result[c0][49][ID]", 5, "$result[c2][49][ID]"]


def test_answers_come_in_the_order_of_the_page_requests() -> None:
    def by_offset(commands: Sequence[Command]) -> list[Outcome]:
        return [Result([{"ID": str(command.params["start"])}]) for command in commands]

    scheduler, _, _ = scheduler_of(by_offset)
    answers = serve(scheduler, [PageRequest(list_spec=list_spec_of(), offset=number) for number in range(120)])
    assert [answer.pages[0].rows[0]["ID"] for answer in answers] == [str(number) for number in range(120)]


def test_what_is_counted_outside_of_batches_only_is_sent_alone_and_the_others_together() -> None:
    scheduler, client, _ = scheduler_of(full_page)
    by_itself = ListSpec(replace(list_spec_of().endpoint, counted_in_batch=False))
    serve(scheduler, [chain(2), chain(counted=True, source=by_itself), chain(3)])
    assert [len(batch) for batch in client.batches] == [5]
    assert len(client.calls) == 1


# Failures


def failing(errors: Sequence[PortalError | None]) -> Serve:
    """Command n of the first requests fails as listed; later ones succeed."""
    left = list(errors)

    def serve(commands: Sequence[Command]) -> list[Outcome]:
        return [(left.pop(0) if left else None) or Result(rows_of(range(1, 51)), 50) for _ in commands]

    return serve


def test_the_pages_before_a_failure_are_kept_and_those_after_it_discarded() -> None:
    scheduler, client, waited = scheduler_of(failing([None, None, RejectedError("no"), None]))
    (answer,) = serve(scheduler, [chain(4)])
    assert (len(answer.pages), answer.error) == (2, None)
    assert (len(client.batches), waited) == (1, [])


def test_a_page_request_without_a_page_has_an_error() -> None:
    scheduler, _, _ = scheduler_of(failing([RejectedError("no", code="X"), None]))
    (answer,) = serve(scheduler, [chain(2)])
    assert answer.pages == []
    assert isinstance(answer.error, RejectedError)


def test_one_failing_command_is_asked_again_alone() -> None:
    scheduler, client, waited = scheduler_of(failing([None, RetriableError("busy"), None]))
    answers = serve(scheduler, [chain(), chain(), chain()])
    assert [len(batch) for batch in client.batches] == [3, 1]
    assert [len(answer.pages) for answer in answers] == [1, 1, 1]
    assert len(waited) == 1


def test_a_failing_page_request_is_given_up_after_some_attempts() -> None:
    scheduler, client, waited = scheduler_of(lambda commands: [RetriableError("busy") for _ in commands])
    (answer,) = serve(scheduler, [chain()])
    assert isinstance(answer.error, RetriableError)
    assert len(client.batches) == ATTEMPTS
    assert sum(waited) > ATTEMPTS


def test_used_up_operating_time_is_waited_for_longer_than_its_ten_minutes() -> None:
    scheduler, client, waited = scheduler_of(lambda commands: [OperationLimitError("used up") for _ in commands])
    (answer,) = serve(scheduler, [chain()])
    assert isinstance(answer.error, OperationLimitError)
    assert 600 < sum(waited) <= PATIENCE + 60
    assert len(client.batches) < 20


def test_a_slow_portal_is_asked_for_half_and_later_for_more_again() -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if len(client.batches) <= 2:
            raise SLOW
        return full_page(commands)

    scheduler, client, _ = scheduler_of(answer)
    for _ in range(4):
        serve(scheduler, [chain(50)])
    assert [len(batch) for batch in client.batches] == [50, 25, 12, 25, 50, 50]


def test_a_slow_method_does_not_make_the_batches_of_others_small() -> None:
    other = ListSpec(replace(list_spec_of().endpoint, method="crm.lead.list"))

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if len(commands) > 3 and any(command.method == "crm.deal.list" for command in commands):
            raise SLOW
        return full_page(commands)

    scheduler, client, _ = scheduler_of(answer)
    serve(scheduler, [chain(50)])
    serve(scheduler, [chain(50, source=other)])
    assert [len(batch) for batch in client.batches] == [50, 25, 12, 6, 3, 50]


def test_many_page_requests_to_a_slow_portal_are_all_answered() -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if len(commands) > 7:
            raise SLOW
        return full_page(commands)

    scheduler, client, _ = scheduler_of(answer)
    answers = serve(scheduler, [chain() for _ in range(40)])
    assert [len(answer.pages) for answer in answers] == [1] * 40
    assert max(map(len, client.batches[4:])) <= 12


def test_a_single_page_that_is_too_slow_is_sent_again_then_given_up() -> None:
    def answer(_: Sequence[Command]) -> list[Outcome]:
        raise SLOW

    scheduler, client, _ = scheduler_of(answer)
    (given_up,) = serve(scheduler, [chain()])
    assert isinstance(given_up.error, TooSlowError)
    assert 1 < len(client.batches) <= ATTEMPTS


def test_a_portal_that_has_been_silent_for_long_fails_all_that_wait_for_it() -> None:
    def answer(_: Sequence[Command]) -> list[Outcome]:
        clock.naps.append(50)  # seconds until a gateway gives up
        raise UNAVAILABLE

    clock = Clock()
    client = FakeClient(answer, clock)
    scheduler = Scheduler(client, clock=clock, nap=clock.naps.append)
    readings = {str(number): asking([chain()], answers=[]) for number in range(60)}
    ended = dict(scheduler.run(readings))
    assert len(ended) == 60
    assert len(client.batches) < 10, "not one by one"


def test_wrong_credentials_end_everything() -> None:
    def answer(_: Sequence[Command]) -> list[Outcome]:
        raise CLOSED

    scheduler, _, _ = scheduler_of(answer)
    with pytest.raises(AccessError):
        list(scheduler.run({"one": finding(1), "two": finding(1)}))


def test_a_full_bucket_slows_the_pace() -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if len(client.batches) == 1:
            raise FILLED
        return full_page(commands)

    scheduler, client, waited = scheduler_of(answer)
    assert len(serve(scheduler, [chain()])[0].pages) == 1
    assert sum(waited) > 2, "the plan's rate is taken to be half of what it says"


def test_an_answer_without_rows_is_not_believed() -> None:
    scheduler, _, _ = scheduler_of(lambda commands: [Result({"items": "none"}) for _ in commands])
    (answer,) = serve(scheduler, [chain()])
    assert isinstance(answer.error, UntrustedError)


# Several requests in flight


def test_rows_are_handed_on_while_the_next_request_is_in_flight() -> None:
    in_flight = threading.Event()
    consumed = threading.Event()

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if len(client.batches) == 2:
            in_flight.set()
            assert consumed.wait(5)
        return full_page(commands)

    def reading() -> Strategy:
        owner = ListSpec(list_spec_of().endpoint)
        for number in range(2):
            yield ReadRequest([chain()])
            yield Rows(owner, [{"ID": number}])
            yield Checkpoint({"n": number})

    scheduler, client, _ = scheduler_of(answer)
    events: Iterator[Any] = (event for _, event in scheduler.run({"one": reading()}))
    assert next(events).rows == [{"ID": 0}]
    assert in_flight.wait(5), "the second request has begun before the first rows were consumed"
    consumed.set()
    assert [type(event) for event in events] == [Checkpoint, Rows, Checkpoint, Ended]


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_as_many_requests_are_in_flight_as_allowed(slots: int) -> None:
    counting = threading.Lock()
    in_flight, most = 0, 0
    full = threading.Event()

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        nonlocal in_flight, most
        with counting:
            in_flight += 1
            most = max(most, in_flight)
            if in_flight == slots:
                full.set()
        assert full.wait(5)
        with counting:
            in_flight -= 1
        return full_page(commands)

    scheduler, _, _ = scheduler_of(answer, slots=slots)
    assert len(serve(scheduler, [chain(50) for _ in range(8)])) == 8
    assert most == slots


def test_prefetched_pages_are_sent_while_there_are_free_slots_and_not_sent_again() -> None:
    given: list[PageRequest] = []

    def prefetch(max_pages: int, _: AnswerLookup) -> PageRequest | None:
        if len(given) == 5:
            return None
        given.append(PageRequest(list_spec=owner, after=1_000 * len(given) + 1_000, pages=max_pages))
        return given[-1]

    def reading() -> Strategy:
        for number in range(6):
            asked = given[number - 1] if number else PageRequest(list_spec=owner, after=0, pages=50)
            (answer,) = (yield ReadRequest([asked], prefetch)) or []
            assert len(answer.pages) == 50

    owner = list_spec_of()
    scheduler, client, _ = scheduler_of(full_page, slots=3)
    assert list(scheduler.run({"one": reading()})) == [("one", Ended(None))]
    firsts = [batch[0].params.get("filter", {}).get(">ID", 0) for batch in client.batches]
    assert sorted(firsts) == [0, 1_000, 2_000, 3_000, 4_000, 5_000], "none twice"


def test_a_method_without_operating_time_waits_while_others_are_read() -> None:
    used_up = {"operating": 419.9, "operating_reset_at": 1_000.0, "finish": 400.0}
    other = ListSpec(replace(list_spec_of().endpoint, method="crm.lead.list"))
    order: list[str] = []

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        order.extend(dict.fromkeys(command.method for command in commands))
        full = rows_of(range(1, 51))
        return [Result(full, time=used_up if command.method == "crm.deal.list" else {}) for command in commands]

    scheduler, _, waited = scheduler_of(answer)
    deals = asking([chain()], [chain()], answers=[])
    leads = asking([chain(source=other)], [chain(20, source=other)], [chain(20, source=other)], answers=[])
    ended = [name for name, _ in scheduler.run({"deals": deals, "leads": leads})]
    assert ended == ["leads", "deals"]
    assert order == ["crm.deal.list", "crm.lead.list", "crm.lead.list", "crm.lead.list", "crm.deal.list"]
    assert sum(waited) == pytest.approx(600, abs=5)


def test_a_batch_refused_as_a_whole_fails_only_the_stream_at_fault() -> None:
    other = ListSpec(replace(list_spec_of().endpoint, method="refused.list"))

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        if any(command.method == "refused.list" for command in commands):
            raise ENCODING
        return full_page(commands)

    answers: dict[str, list[Answer]] = {"good": [], "bad": [], "too": []}
    sources = {"good": list_spec_of(), "bad": other, "too": list_spec_of()}
    scheduler, _, _ = scheduler_of(answer)
    list(scheduler.run({name: asking([chain(source=sources[name])], answers=answers[name]) for name in answers}))
    assert {name: got[0].error for name, got in answers.items()} == {"good": None, "bad": ENCODING, "too": None}


def test_a_stream_that_is_dropped_is_read_no_further() -> None:
    scheduler, client, _ = scheduler_of(by_start)
    seen = []
    for name, _ in scheduler.run({"long": finding(*[1] * 50), "short": finding(1, 1, 1, 1)}):
        seen.append(name)
        if name == "long" and seen.count("long") == 2:
            scheduler.drop("long")
    assert seen.count("long") == 2
    assert seen.count("short") == 6
    assert len(client.batches) < 8


def test_an_error_of_a_strategy_is_its_streams_end() -> None:
    def reading() -> Strategy:
        answers = yield ReadRequest([chain()])
        assert answers is not None
        message = "contradiction"
        raise UntrustedError(message)

    scheduler, _, _ = scheduler_of(full_page)
    events = dict(scheduler.run({"bad": reading(), "good": finding(1)}))
    assert str(events["bad"]) == str(Ended(UntrustedError("contradiction")))
    assert events["good"] == Ended(None)


# Several strategies at once


def finding(*counts: int) -> Strategy:
    """A strategy that asks for so many pages round after round, and yields the rows of the answers."""
    owner = list_spec_of()
    yield Checkpoint({"begun": True})
    for number, count in enumerate(counts):
        answers = yield ReadRequest(
            [PageRequest(list_spec=owner, offset=1_000 * number + place) for place in range(count)]
        )
        assert answers is not None
        assert len(answers) == count
        yield Rows(owner, [row for answer in answers for page in answer.pages for row in page.rows])


def by_start(commands: Sequence[Command]) -> list[Outcome]:
    """For each command a row with the offset it asked for."""
    return [Result([{"ID": command.params["start"]}]) for command in commands]


@pytest.mark.parametrize("slots", [1, 4])
def test_the_page_requests_of_all_strategies_share_batches_and_each_gets_its_own_answers(slots: int) -> None:
    scheduler, client, _ = scheduler_of(by_start, slots=slots)
    readings = {"a": finding(1), "b": finding(3, 2), "c": finding(0, 1), "d": finding(47), "e": finding(2, 1)}
    rows: dict[str, list[list[Any]]] = {name: [] for name in readings}
    for name, event in scheduler.run(readings):
        if isinstance(event, Rows):
            rows[name].append([row["ID"] for row in event.rows])
    assert rows == {
        "a": [[0]],
        "b": [[0, 1, 2], [1_000, 1_001]],
        "c": [[], [1_000]],
        "d": [list(range(47))],
        "e": [[0, 1], [1_000]],
    }
    assert sum(map(len, client.batches)) == 57
    assert len(client.batches) <= 4


def test_requests_that_serve_one_stream_only_are_counted_for_it() -> None:
    scheduler, client, _ = scheduler_of(by_start)
    own = {}
    for name, event in scheduler.run({"long": finding(50, 50), "short": finding(1)}):
        if isinstance(event, Ended):
            own[name] = scheduler.drop(name)
    assert own["short"] + own["long"] <= len(client.batches)
    assert own["long"] >= 1


def test_events_before_the_first_page_request_come_first() -> None:
    scheduler, _, _ = scheduler_of(by_start)
    assert [type(event) for _, event in scheduler.run({"one": finding(1)})] == [Checkpoint, Rows, Ended]


def test_a_strategy_that_asks_for_nothing() -> None:
    def quiet() -> Strategy:
        yield Rows(list_spec_of(), [{"ID": 1}])

    def silent() -> Strategy:
        yield from ()

    scheduler, client, _ = scheduler_of(by_start)
    events = [(name, type(event)) for name, event in scheduler.run({"quiet": quiet(), "silent": silent()})]
    assert events == [("quiet", Rows), ("quiet", Ended), ("silent", Ended)]
    assert client.batches == []


def test_no_strategy_at_all() -> None:
    scheduler, client, _ = scheduler_of(by_start)
    assert list(scheduler.run({})) == []
    assert client.batches == []


def test_a_refused_page_request_concerns_its_own_strategy_only() -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        return [RejectedError("no") if command.method == "closed.list" else Result([{"ID": 7}]) for command in commands]

    answers: dict[str, list[Answer]] = {"a.list": [], "closed.list": [], "b.list": []}

    def of_method(method: str) -> Strategy:
        owner = ListSpec(replace(list_spec_of().endpoint, method=method))
        yield from asking([PageRequest(list_spec=owner, offset=0)], answers=answers[method])

    scheduler, client, _ = scheduler_of(answer)
    list(scheduler.run({method: of_method(method) for method in answers}))
    assert [type(got[0].error) for got in answers.values()] == [type(None), RejectedError, type(None)]
    assert len(client.batches) == 1


def test_an_invalid_state_is_reported_before_anything_is_sent() -> None:
    def invalid() -> Strategy:
        yield Checkpoint({})
        message = "STATE is invalid"
        raise SettingsError(message)

    scheduler, client, _ = scheduler_of(by_start)
    with pytest.raises(SettingsError, match="invalid"):
        list(scheduler.run({"good": finding(1), "bad": invalid()}))
    assert client.batches == []
