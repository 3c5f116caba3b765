"""The engine packs wishes into bundles of at most 50 commands, shares them, and knows what to ask again."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tap_bitrix24.auth import Webhook
from tap_bitrix24.client import ATTEMPTS, PATIENCE, Client
from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.engine import Engine, Waiting
from tap_bitrix24.errors import (
    AccessError,
    Interrupted,
    OperationLimitError,
    PortalError,
    RejectedError,
    RetriableError,
    SettingsError,
    TooSlowError,
    UntrustedError,
)
from tap_bitrix24.model import Ask, Command, Reached, Reading, Result, Rows, Source, Want
from tap_bitrix24.pacing import PLANS, Pacer
from tests.tap.unit.lists import rows_of, source

Brought = Result | PortalError
Serve = Callable[[Sequence[Command]], list[Brought]]
SLOW, CLOSED = TooSlowError("60 s"), AccessError("closed")
DOOR = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")


class FakeClient(Client):
    """Answers bundles from a function instead of a portal."""

    def __init__(self, serve: Serve) -> None:
        super().__init__(DOOR, Pacer(PLANS["standard"]), rest_v2)
        self.bundles: list[list[Command]] = []
        self.calls: list[Command] = []
        self._serve = serve

    def bundle(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Brought]:
        """Serve a bundle; an error returned alone for several commands is the whole request's."""
        assert attempts == ATTEMPTS
        self.bundles.append(list(bundle))
        return self._serve(bundle)

    def call(self, command: Command, *, attempts: int = ATTEMPTS) -> Result:
        """Serve one call."""
        assert attempts == ATTEMPTS
        self.calls.append(command)
        (brought,) = self._serve([command])
        if isinstance(brought, PortalError):
            raise brought
        return brought


def full_page(bundle: Sequence[Command]) -> list[Brought]:
    """A full page for every command."""
    return [Result(rows_of(range(1, 51)), 50) for _ in bundle]


def engine(serve: Serve) -> tuple[Engine, FakeClient, list[float]]:
    """An engine, its client, and the seconds it waited."""
    client, waited = FakeClient(serve), list[float]()
    return Engine(client, sleep=waited.append), client, waited


def ask(pages: int = 1, **facts: Any) -> Ask:
    """A chain of pages."""
    return Ask(source=facts.pop("source", source()), after=5, pages=pages, **facts)


@pytest.mark.parametrize(
    ("pages", "sizes", "given"),
    [
        ([1], [1], [1]),
        ([50], [50], [50]),
        ([500], [50], [50]),
        ([50, 50], [50], [25, 25]),
        ([1, 1, 1], [3], [1, 1, 1]),
        ([40, 1], [26], [25, 1]),
        ([1] * 120, [50, 50, 20], [1] * 120),
        ([3] * 60, [50, 30], [1] * 50 + [3] * 10),
    ],
)
def test_bundles_hold_at_most_fifty_commands_and_share_them(
    pages: list[int], sizes: list[int], given: list[int]
) -> None:
    serving, client, _ = engine(full_page)
    answers = serving.serve([ask(number) for number in pages])
    assert [len(bundle) for bundle in client.bundles] == sizes
    assert [len(answer.pages) for answer in answers] == given


def test_each_chain_of_a_bundle_refers_to_its_own_commands() -> None:
    serving, client, _ = engine(full_page)
    serving.serve([ask(2), ask(2)])
    conditions = [command.params["filter"][">ID"] for command in client.bundles[0]]
    assert conditions == [5, "$result[c0][49][ID]", 5, "$result[c2][49][ID]"]


def test_answers_come_in_the_order_of_the_wishes() -> None:
    def by_offset(bundle: Sequence[Command]) -> list[Brought]:
        return [Result([{"ID": str(command.params["start"])}]) for command in bundle]

    serving, _, _ = engine(by_offset)
    answers = serving.serve([Ask(source=source(), offset=number) for number in range(120)])
    assert [answer.pages[0].rows[0]["ID"] for answer in answers] == [str(number) for number in range(120)]


def test_a_counted_wish_goes_alone_and_the_others_together() -> None:
    serving, client, _ = engine(full_page)
    serving.serve([ask(2), ask(counted=True), ask(3)])
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
    (answer,) = serving.serve([ask(4)])
    assert (len(answer.pages), answer.error) == (2, None)
    assert (len(client.bundles), waited) == (1, [])


def test_a_wish_without_a_page_tells_why() -> None:
    serving, _, _ = engine(failing([RejectedError("no", code="X"), None]))
    (answer,) = serving.serve([ask(2)])
    assert answer.pages == []
    assert isinstance(answer.error, RejectedError)


def test_one_failing_command_is_asked_again_alone() -> None:
    serving, client, waited = engine(failing([None, RetriableError("busy"), None]))
    answers = serving.serve([ask(), ask(), ask()])
    assert [len(bundle) for bundle in client.bundles] == [3, 1]
    assert [len(answer.pages) for answer in answers] == [1, 1, 1]
    assert len(waited) == 1


def test_a_failing_wish_is_given_up_after_some_tries() -> None:
    serving, client, waited = engine(lambda bundle: [RetriableError("busy") for _ in bundle])
    (answer,) = serving.serve([ask()])
    assert isinstance(answer.error, RetriableError)
    assert len(client.bundles) == ATTEMPTS
    assert len(waited) == ATTEMPTS - 1


def test_a_spent_budget_is_waited_for_longer_than_its_ten_minutes() -> None:
    serving, _, waited = engine(lambda bundle: [OperationLimitError("spent") for _ in bundle])
    (answer,) = serving.serve([ask()])
    assert isinstance(answer.error, OperationLimitError)
    assert 600 < sum(waited) <= PATIENCE + 60


def test_a_slow_portal_is_asked_for_half_and_later_for_more_again() -> None:
    def serve(bundle: Sequence[Command]) -> list[Brought]:
        if len(client.bundles) <= 2:
            raise SLOW
        return full_page(bundle)

    serving, client, _ = engine(serve)
    for _ in range(4):
        serving.serve([ask(50)])
    assert [len(bundle) for bundle in client.bundles] == [50, 25, 12, 24, 48, 50]


def test_many_wishes_of_a_slow_portal_are_all_served() -> None:
    def serve(bundle: Sequence[Command]) -> list[Brought]:
        if len(bundle) > 7:
            raise SLOW
        return full_page(bundle)

    serving, client, _ = engine(serve)
    answers = serving.serve([ask() for _ in range(40)])
    assert [len(answer.pages) for answer in answers] == [1] * 40
    assert max(map(len, client.bundles[4:])) <= 12


def test_a_single_page_that_is_too_slow_is_tried_again_then_given_up() -> None:
    def serve(_: Sequence[Command]) -> list[Brought]:
        raise SLOW

    serving, client, _ = engine(serve)
    (answer,) = serving.serve([ask()])
    assert isinstance(answer.error, TooSlowError)
    assert 1 < len(client.bundles) <= ATTEMPTS


def test_wrong_credentials_end_everything() -> None:
    def serve(_: Sequence[Command]) -> list[Brought]:
        raise CLOSED

    serving, _, _ = engine(serve)
    with pytest.raises(AccessError):
        serving.serve([ask()])


def test_an_answer_without_rows_is_not_believed() -> None:
    serving, _, _ = engine(lambda bundle: [Result({"items": "none"}) for _ in bundle])
    with pytest.raises(UntrustedError):
        serving.serve([ask()])


# Running a strategy


def test_rows_are_handed_on_while_the_next_request_is_under_way() -> None:
    under_way = threading.Event()
    consumed = threading.Event()

    def serve(bundle: Sequence[Command]) -> list[Brought]:
        if len(client.bundles) == 2:
            under_way.set()
            assert consumed.wait(5)
        return full_page(bundle)

    def reading() -> Reading:
        owner = Source(source().endpoint)
        for number in range(2):
            yield Want([ask()])
            yield Rows(owner, [{"ID": number}])
            yield Reached({"n": number})

    serving, client, _ = engine(serve)
    found: Iterator[Any] = serving.run(reading())
    assert next(found).rows == [{"ID": 0}]
    assert under_way.wait(5), "the second request has begun before the first rows were consumed"
    consumed.set()
    assert [type(event) for event in found] == [Reached, Rows, Reached]


def test_an_error_of_a_strategy_comes_out_of_run() -> None:
    def reading() -> Reading:
        answers = yield Want([ask()])
        assert answers is not None
        message = "spoilt"
        raise UntrustedError(message)

    serving, _, _ = engine(full_page)
    with pytest.raises(UntrustedError, match="spoilt"):
        list(serving.run(reading()))


# Several strategies at once


def telling(*counts: int) -> Reading:
    """Wishes for so many pages, round after round, and finds what each wish was answered with."""
    owner = source()
    yield Reached({"begun": True})
    for number, count in enumerate(counts):
        answers = yield Want([Ask(source=owner, offset=1_000 * number + place) for place in range(count)])
        assert answers is not None
        assert len(answers) == count
        yield Rows(owner, [row for answer in answers for page in answer.pages for row in page.rows])


def by_start(bundle: Sequence[Command]) -> list[Brought]:
    """Each command brings a row that says where it started."""
    return [Result([{"ID": command.params["start"]}]) for command in bundle]


def rows_found(found: Iterator[Any]) -> list[list[Any]]:
    """Ids of the rows of each round."""
    return [[row["ID"] for row in event.rows] for event in found if isinstance(event, Rows)]


def test_the_first_wishes_of_all_strategies_share_requests_and_each_gets_its_own_answers() -> None:
    serving, client, _ = engine(by_start)
    begun = serving.begin([telling(1), telling(3, 2), telling(0, 1), telling(47), telling(2, 1)])
    assert [len(bundle) for bundle in client.bundles] == [50, 3]
    assert [rows_found(serving.run(each)) for each in begun] == [
        [[0]],
        [[0, 1, 2], [1_000, 1_001]],
        [],
        [list(range(47))],
        [[0, 1], [1_000]],
    ]


def test_what_was_found_before_the_first_wish_comes_first() -> None:
    serving, _, _ = engine(by_start)
    (begun,) = serving.begin([telling(1)])
    assert [type(event) for event in serving.run(begun)] == [Reached, Rows]


@pytest.mark.parametrize("begin", [True, False])
def test_a_strategy_that_wishes_for_nothing(*, begin: bool) -> None:
    def quiet() -> Reading:
        yield Rows(source(), [{"ID": 1}])

    def silent() -> Reading:
        yield from ()

    serving, client, _ = engine(by_start)
    readings = [quiet(), silent()]
    begun = serving.begin(readings) if begin else readings
    assert [rows_found(serving.run(each)) for each in begun] == [[[1]], []]
    assert client.bundles == []


def test_no_strategy_at_all() -> None:
    serving, client, _ = engine(by_start)
    assert serving.begin([]) == []
    assert client.bundles == []


def test_a_failed_wish_is_its_own_strategys_business() -> None:
    def serve(bundle: Sequence[Command]) -> list[Brought]:
        return [RejectedError("no") if command.method == "closed.list" else Result([{"ID": 7}]) for command in bundle]

    def reading(method: str) -> Reading:
        owner = Source(replace(source().endpoint, method=method))
        answers = yield Want([Ask(source=owner, offset=0)])
        assert answers is not None
        if answers[0].error is not None:
            raise answers[0].error
        yield Rows(owner, answers[0].pages[0].rows)

    serving, _, _ = engine(serve)
    first, second, third = serving.begin([reading("a.list"), reading("closed.list"), reading("b.list")])
    assert rows_found(serving.run(first)) == [[7]]
    with pytest.raises(RejectedError):
        list(serving.run(second))
    assert rows_found(serving.run(third)) == [[7]]


def test_a_spoilt_state_is_told_before_anything_is_asked() -> None:
    def spoilt() -> Reading:
        yield Reached({})
        message = "STATE is spoilt"
        raise SettingsError(message)

    serving, client, _ = engine(by_start)
    with pytest.raises(SettingsError, match="spoilt"):
        serving.begin([telling(1), spoilt()])
    assert client.bundles == []


def test_a_request_that_fails_for_good_is_everybodys() -> None:
    def serve(_: Sequence[Command]) -> list[Brought]:
        raise CLOSED

    serving, _, _ = engine(serve)
    with pytest.raises(AccessError):
        serving.begin([telling(1), telling(1)])


# Waiting and signals


def test_waiting_brings_what_the_call_returns_or_raises() -> None:
    waiting = Waiting()
    assert waiting.start(lambda: 7)() == 7

    def fail() -> None:
        message = "inside"
        raise RejectedError(message)

    with pytest.raises(RejectedError, match="inside"):
        waiting.start(fail)()
    assert waiting.start(lambda: "later")() == "later", "a failure does not linger"
    waiting.check()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_wait_at_once(signum: int, code: int) -> None:
    waiting = Waiting()
    never = threading.Event()
    try:
        wait = waiting.start(lambda: never.wait(30))
        threading.Timer(0.05, waiting.interrupt, [signum]).start()
        with pytest.raises(Interrupted) as told:
            wait()
        assert told.value.exit_code == code
        assert not isinstance(told.value, Exception), "nothing that survives a failing stream may survive this"
        assert waiting.interrupted
        with pytest.raises(Interrupted):
            waiting.start(lambda: 1)()
    finally:
        never.set()
