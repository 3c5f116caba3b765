"""The engine packs wishes into requests, keeps several under way, and knows what to send again, and when."""

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
from tests.support.lists import rows_of, source

Brought = Result | PortalError
Serve = Callable[[Sequence[Command]], list[Brought]]
SLOW, CLOSED, FILLED = TooSlowError("60 s"), AccessError("closed"), RateLimitedError("too many")
UNAVAILABLE, ENCODING = UnavailableError("no answer"), RejectedError("broken text", code="WRONG_ENCODING")
DOOR = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")


class Clock:
    """Time that passes by itself, and much faster while someone naps."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def __call__(self) -> float:
        return time.monotonic() + sum(self.naps)


class FakeClient(Client):
    """Answers bundles from a function instead of a portal."""

    def __init__(self, serve: Serve, clock: Clock) -> None:
        super().__init__(DOOR, RateLimiter(TARIFFS["enterprise"], clock=clock), REST.dialects)
        self.bundles: list[list[Command]] = []
        self.calls: list[Command] = []
        self._serve = serve

    def try_batch(self, bundle: Sequence[Command]) -> list[Brought]:
        """Serve a bundle."""
        self.bundles.append(list(bundle))
        return self._serve(bundle)

    def try_call(self, commands: Sequence[Command]) -> list[Brought]:
        """Serve one call."""
        self.calls += commands
        return self._serve(commands)


def full_page(bundle: Sequence[Command]) -> list[Brought]:
    """A full page for every command."""
    return [Result(rows_of(range(1, 51)), 50) for _ in bundle]


def engine(serve: Serve, *, slots: int = 1) -> tuple[Scheduler, FakeClient, list[float]]:
    """An engine, its client, and the seconds it waited."""
    clock = Clock()
    client = FakeClient(serve, clock)
    return Scheduler(client, slots=slots, clock=clock, nap=clock.naps.append), client, clock.naps


def wishing(*rounds: Sequence[PageRequest], answers: list[Answer]) -> Strategy:
    """Wishes round after round, and keeps what came."""
    for asks in rounds:
        brought = yield ReadRequest(asks)
        assert brought is not None
        answers += brought


def serve(serving: Scheduler, asks: Sequence[PageRequest]) -> list[Answer]:
    """Have one strategy's wishes answered."""
    answers: list[Answer] = []
    for _, event in serving.run({"one": wishing(asks, answers=answers)}):
        assert isinstance(event, Ended)
        if event.error:
            raise event.error
    return answers


def ask(pages: int = 1, **facts: Any) -> PageRequest:
    """A chain of pages."""
    return PageRequest(list_spec=facts.pop("source", source()), after=5, pages=pages, **facts)


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
def test_requests_hold_at_most_fifty_commands_and_are_filled_to_the_brim(
    pages: list[int], sizes: list[int], given: list[int]
) -> None:
    serving, client, _ = engine(full_page)
    answers = serve(serving, [ask(number) for number in pages])
    assert [len(bundle) for bundle in client.bundles] == sizes
    assert [len(answer.pages) for answer in answers] == given


def test_each_chain_of_a_bundle_refers_to_its_own_commands() -> None:
    serving, client, _ = engine(full_page)
    serve(serving, [ask(2), ask(2)])
    conditions = [command.params["filter"][">ID"] for command in client.bundles[0]]
    assert conditions == [5, "$result[c0][49][ID]", 5, "$result[c2][49][ID]"]


def test_answers_come_in_the_order_of_the_wishes() -> None:
    def by_offset(bundle: Sequence[Command]) -> list[Brought]:
        return [Result([{"ID": str(command.params["start"])}]) for command in bundle]

    serving, _, _ = engine(by_offset)
    answers = serve(serving, [PageRequest(list_spec=source(), offset=number) for number in range(120)])
    assert [answer.pages[0].rows[0]["ID"] for answer in answers] == [str(number) for number in range(120)]


def test_a_counted_wish_goes_alone_and_the_others_together() -> None:
    serving, client, _ = engine(full_page)
    serve(serving, [ask(2), ask(counted=True), ask(3)])
    assert [len(bundle) for bundle in client.bundles] == [5]
    assert len(client.calls) == 1


# Failures


def failing(errors: Sequence[PortalError | None]) -> Serve:
    """Command n of the first requests fails as listed; later ones succeed."""
    left = list(errors)

    def serve(bundle: Sequence[Command]) -> list[Brought]:
        return [(left.pop(0) if left else None) or Result(rows_of(range(1, 51)), 50) for _ in bundle]

    return serve


def test_the_pages_before_a_failure_are_kept_and_those_after_it_discarded() -> None:
    serving, client, waited = engine(failing([None, None, RejectedError("no"), None]))
    (answer,) = serve(serving, [ask(4)])
    assert (len(answer.pages), answer.error) == (2, None)
    assert (len(client.bundles), waited) == (1, [])


def test_a_wish_without_a_page_tells_why() -> None:
    serving, _, _ = engine(failing([RejectedError("no", code="X"), None]))
    (answer,) = serve(serving, [ask(2)])
    assert answer.pages == []
    assert isinstance(answer.error, RejectedError)


def test_one_failing_command_is_asked_again_alone() -> None:
    serving, client, waited = engine(failing([None, RetriableError("busy"), None]))
    answers = serve(serving, [ask(), ask(), ask()])
    assert [len(bundle) for bundle in client.bundles] == [3, 1]
    assert [len(answer.pages) for answer in answers] == [1, 1, 1]
    assert len(waited) == 1


def test_a_failing_wish_is_given_up_after_some_tries() -> None:
    serving, client, waited = engine(lambda bundle: [RetriableError("busy") for _ in bundle])
    (answer,) = serve(serving, [ask()])
    assert isinstance(answer.error, RetriableError)
    assert len(client.bundles) == ATTEMPTS
    assert sum(waited) > ATTEMPTS


def test_a_spent_budget_is_waited_for_longer_than_its_ten_minutes() -> None:
    serving, client, waited = engine(lambda bundle: [OperationLimitError("spent") for _ in bundle])
    (answer,) = serve(serving, [ask()])
    assert isinstance(answer.error, OperationLimitError)
    assert 600 < sum(waited) <= PATIENCE + 60
    assert len(client.bundles) < 20


def test_a_slow_portal_is_asked_for_half_and_later_for_more_again() -> None:
    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if len(client.bundles) <= 2:
            raise SLOW
        return full_page(bundle)

    serving, client, _ = engine(answer)
    for _ in range(4):
        serve(serving, [ask(50)])
    assert [len(bundle) for bundle in client.bundles] == [50, 25, 12, 25, 50, 50]


def test_a_slow_method_does_not_make_others_requests_small() -> None:
    other = ListSpec(replace(source().endpoint, method="crm.lead.list"))

    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if len(bundle) > 3 and any(command.method == "crm.deal.list" for command in bundle):
            raise SLOW
        return full_page(bundle)

    serving, client, _ = engine(answer)
    serve(serving, [ask(50)])
    serve(serving, [ask(50, source=other)])
    assert [len(bundle) for bundle in client.bundles] == [50, 25, 12, 6, 3, 50]


def test_many_wishes_of_a_slow_portal_are_all_served() -> None:
    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if len(bundle) > 7:
            raise SLOW
        return full_page(bundle)

    serving, client, _ = engine(answer)
    answers = serve(serving, [ask() for _ in range(40)])
    assert [len(answer.pages) for answer in answers] == [1] * 40
    assert max(map(len, client.bundles[4:])) <= 12


def test_a_single_page_that_is_too_slow_is_tried_again_then_given_up() -> None:
    def answer(_: Sequence[Command]) -> list[Brought]:
        raise SLOW

    serving, client, _ = engine(answer)
    (given_up,) = serve(serving, [ask()])
    assert isinstance(given_up.error, TooSlowError)
    assert 1 < len(client.bundles) <= ATTEMPTS


def test_a_portal_that_has_been_silent_for_long_fails_all_that_wait_for_it() -> None:
    def answer(_: Sequence[Command]) -> list[Brought]:
        clock.naps.append(50)  # seconds until a gateway gives up
        raise UNAVAILABLE

    clock = Clock()
    client = FakeClient(answer, clock)
    serving = Scheduler(client, clock=clock, nap=clock.naps.append)
    readings = {str(number): wishing([ask()], answers=[]) for number in range(60)}
    ended = dict(serving.run(readings))
    assert len(ended) == 60
    assert len(client.bundles) < 10, "not one by one"


def test_wrong_credentials_end_everything() -> None:
    def answer(_: Sequence[Command]) -> list[Brought]:
        raise CLOSED

    serving, _, _ = engine(answer)
    with pytest.raises(AccessError):
        list(serving.run({"one": telling(1), "two": telling(1)}))


def test_a_full_bucket_slows_the_pace() -> None:
    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if len(client.bundles) == 1:
            raise FILLED
        return full_page(bundle)

    serving, client, waited = engine(answer)
    assert len(serve(serving, [ask()])[0].pages) == 1
    assert sum(waited) > 2, "the plan's rate is taken to be half of what it says"


def test_an_answer_without_rows_is_not_believed() -> None:
    serving, _, _ = engine(lambda bundle: [Result({"items": "none"}) for _ in bundle])
    (answer,) = serve(serving, [ask()])
    assert isinstance(answer.error, UntrustedError)


# Several requests under way


def test_rows_are_handed_on_while_the_next_request_is_under_way() -> None:
    under_way = threading.Event()
    consumed = threading.Event()

    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if len(client.bundles) == 2:
            under_way.set()
            assert consumed.wait(5)
        return full_page(bundle)

    def reading() -> Strategy:
        owner = ListSpec(source().endpoint)
        for number in range(2):
            yield ReadRequest([ask()])
            yield Rows(owner, [{"ID": number}])
            yield Checkpoint({"n": number})

    serving, client, _ = engine(answer)
    found: Iterator[Any] = (event for _, event in serving.run({"one": reading()}))
    assert next(found).rows == [{"ID": 0}]
    assert under_way.wait(5), "the second request has begun before the first rows were consumed"
    consumed.set()
    assert [type(event) for event in found] == [Checkpoint, Rows, Checkpoint, Ended]


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_no_more_requests_are_under_way_than_allowed_and_all_that_are_allowed(slots: int) -> None:
    counting = threading.Lock()
    under_way, most = 0, 0
    full = threading.Event()

    def answer(bundle: Sequence[Command]) -> list[Brought]:
        nonlocal under_way, most
        with counting:
            under_way += 1
            most = max(most, under_way)
            if under_way == slots:
                full.set()
        assert full.wait(5)
        with counting:
            under_way -= 1
        return full_page(bundle)

    serving, _, _ = engine(answer, slots=slots)
    assert len(serve(serving, [ask(50) for _ in range(8)])) == 8
    assert most == slots


def test_wishes_beforehand_are_sent_while_there_are_free_slots_and_found_again() -> None:
    given: list[PageRequest] = []

    def more(room: int, _: AnswerLookup) -> PageRequest | None:
        if len(given) == 5:
            return None
        given.append(PageRequest(list_spec=owner, after=1_000 * len(given) + 1_000, pages=room))
        return given[-1]

    def reading() -> Strategy:
        for number in range(6):
            wanted = given[number - 1] if number else PageRequest(list_spec=owner, after=0, pages=50)
            (answer,) = (yield ReadRequest([wanted], more)) or []
            assert len(answer.pages) == 50

    owner = source()
    serving, client, _ = engine(full_page, slots=3)
    assert list(serving.run({"one": reading()})) == [("one", Ended(None))]
    firsts = [bundle[0].params.get("filter", {}).get(">ID", 0) for bundle in client.bundles]
    assert sorted(firsts) == [0, 1_000, 2_000, 3_000, 4_000, 5_000], "none twice"


def test_a_method_without_budget_waits_while_others_are_read() -> None:
    spent = {"operating": 419.9, "operating_reset_at": 1_000.0, "finish": 400.0}
    other = ListSpec(replace(source().endpoint, method="crm.lead.list"))
    order: list[str] = []

    def answer(bundle: Sequence[Command]) -> list[Brought]:
        order.extend(dict.fromkeys(command.method for command in bundle))
        full = rows_of(range(1, 51))
        return [Result(full, time=spent if command.method == "crm.deal.list" else {}) for command in bundle]

    serving, _, waited = engine(answer)
    deals = wishing([ask()], [ask()], answers=[])
    leads = wishing([ask(source=other)], [ask(20, source=other)], [ask(20, source=other)], answers=[])
    ended = [name for name, _ in serving.run({"deals": deals, "leads": leads})]
    assert ended == ["leads", "deals"]
    assert order == ["crm.deal.list", "crm.lead.list", "crm.lead.list", "crm.lead.list", "crm.deal.list"]
    assert sum(waited) == pytest.approx(600, abs=5)


def test_a_request_refused_as_a_whole_fails_only_the_stream_that_spoils_it() -> None:
    other = ListSpec(replace(source().endpoint, method="spoilt.list"))

    def answer(bundle: Sequence[Command]) -> list[Brought]:
        if any(command.method == "spoilt.list" for command in bundle):
            raise ENCODING
        return full_page(bundle)

    answers: dict[str, list[Answer]] = {"good": [], "bad": [], "too": []}
    sources = {"good": source(), "bad": other, "too": source()}
    serving, _, _ = engine(answer)
    list(serving.run({name: wishing([ask(source=sources[name])], answers=answers[name]) for name in answers}))
    assert {name: got[0].error for name, got in answers.items()} == {"good": None, "bad": ENCODING, "too": None}


def test_a_stream_that_is_dropped_is_read_no_further() -> None:
    serving, client, _ = engine(by_start)
    seen = []
    for name, _ in serving.run({"long": telling(*[1] * 50), "short": telling(1, 1, 1, 1)}):
        seen.append(name)
        if name == "long" and seen.count("long") == 2:
            serving.drop("long")
    assert seen.count("long") == 2
    assert seen.count("short") == 6
    assert len(client.bundles) < 8


def test_an_error_of_a_strategy_is_its_streams_end() -> None:
    def reading() -> Strategy:
        answers = yield ReadRequest([ask()])
        assert answers is not None
        message = "spoilt"
        raise UntrustedError(message)

    serving, _, _ = engine(full_page)
    found = dict(serving.run({"bad": reading(), "good": telling(1)}))
    assert str(found["bad"]) == str(Ended(UntrustedError("spoilt")))
    assert found["good"] == Ended(None)


# Several strategies at once


def telling(*counts: int) -> Strategy:
    """Wishes for so many pages, round after round, and finds what each wish was answered with."""
    owner = source()
    yield Checkpoint({"begun": True})
    for number, count in enumerate(counts):
        answers = yield ReadRequest(
            [PageRequest(list_spec=owner, offset=1_000 * number + place) for place in range(count)]
        )
        assert answers is not None
        assert len(answers) == count
        yield Rows(owner, [row for answer in answers for page in answer.pages for row in page.rows])


def by_start(bundle: Sequence[Command]) -> list[Brought]:
    """Each command brings a row that says where it started."""
    return [Result([{"ID": command.params["start"]}]) for command in bundle]


@pytest.mark.parametrize("slots", [1, 4])
def test_the_wishes_of_all_strategies_share_requests_and_each_gets_its_own_answers(slots: int) -> None:
    serving, client, _ = engine(by_start, slots=slots)
    readings = {"a": telling(1), "b": telling(3, 2), "c": telling(0, 1), "d": telling(47), "e": telling(2, 1)}
    rows: dict[str, list[list[Any]]] = {name: [] for name in readings}
    for name, event in serving.run(readings):
        if isinstance(event, Rows):
            rows[name].append([row["ID"] for row in event.rows])
    assert rows == {
        "a": [[0]],
        "b": [[0, 1, 2], [1_000, 1_001]],
        "c": [[], [1_000]],
        "d": [list(range(47))],
        "e": [[0, 1], [1_000]],
    }
    assert sum(map(len, client.bundles)) == 57
    assert len(client.bundles) <= 4


def test_requests_are_counted_for_the_stream_they_serve_alone() -> None:
    serving, client, _ = engine(by_start)
    own = {}
    for name, event in serving.run({"long": telling(50, 50), "short": telling(1)}):
        if isinstance(event, Ended):
            own[name] = serving.drop(name)
    assert own["short"] + own["long"] <= len(client.bundles)
    assert own["long"] >= 1


def test_what_was_found_before_the_first_wish_comes_first() -> None:
    serving, _, _ = engine(by_start)
    assert [type(event) for _, event in serving.run({"one": telling(1)})] == [Checkpoint, Rows, Ended]


def test_a_strategy_that_wishes_for_nothing() -> None:
    def quiet() -> Strategy:
        yield Rows(source(), [{"ID": 1}])

    def silent() -> Strategy:
        yield from ()

    serving, client, _ = engine(by_start)
    found = [(name, type(event)) for name, event in serving.run({"quiet": quiet(), "silent": silent()})]
    assert found == [("quiet", Rows), ("quiet", Ended), ("silent", Ended)]
    assert client.bundles == []


def test_no_strategy_at_all() -> None:
    serving, client, _ = engine(by_start)
    assert list(serving.run({})) == []
    assert client.bundles == []


def test_a_failed_wish_is_its_own_strategys_business() -> None:
    def answer(bundle: Sequence[Command]) -> list[Brought]:
        return [RejectedError("no") if command.method == "closed.list" else Result([{"ID": 7}]) for command in bundle]

    answers: dict[str, list[Answer]] = {"a.list": [], "closed.list": [], "b.list": []}

    def reading(method: str) -> Strategy:
        owner = ListSpec(replace(source().endpoint, method=method))
        yield from wishing([PageRequest(list_spec=owner, offset=0)], answers=answers[method])

    serving, client, _ = engine(answer)
    list(serving.run({method: reading(method) for method in answers}))
    assert [type(got[0].error) for got in answers.values()] == [type(None), RejectedError, type(None)]
    assert len(client.bundles) == 1


def test_a_spoilt_state_is_told_before_anything_is_asked() -> None:
    def spoilt() -> Strategy:
        yield Checkpoint({})
        message = "STATE is spoilt"
        raise SettingsError(message)

    serving, client, _ = engine(by_start)
    with pytest.raises(SettingsError, match="spoilt"):
        list(serving.run({"good": telling(1), "bad": spoilt()}))
    assert client.bundles == []
