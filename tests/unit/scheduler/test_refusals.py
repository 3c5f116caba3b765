"""A refusal of a whole request is not each command's own: it is narrowed down, and what may pass is asked again."""

from collections.abc import Callable, Sequence

import pytest

from tap_bitrix24.errors import DoubtfulError, PortalError, RejectedError, UnreadableError, UntrustedError
from tap_bitrix24.model.event import Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, PageRequest
from tap_bitrix24.replication.keyset import keyset
from tap_bitrix24.replication.keyset_reader import KeysetReader
from tap_bitrix24.retries import DOUBTFUL_ATTEMPTS
from tap_bitrix24.scheduler.loop import Ended
from tests.support.lists import list_spec_of, rows_of
from tests.unit.scheduler.test_loop import FakeClient, Outcome, chain, full_page, scheduler_of, serve

FORBIDDEN = RejectedError("batch: refused [no code]")
"""What a 401 or 403 without a code that is known, or `error: ""`, becomes."""
ENCODING = UnreadableError("broken text", code="WRONG_ENCODING")
BUSY = DoubtfulError("SQL query error!", code="ERROR_CORE")


def by_offset(*numbers: int) -> list[PageRequest]:
    """Page requests that can be told apart."""
    return [PageRequest(list_spec=list_spec_of(), offset=50 * number) for number in numbers]


def refusing(
    error: PortalError, broken: Callable[[Sequence[Command]], bool], client: list[FakeClient]
) -> Callable[[Sequence[Command]], list[Outcome]]:
    """A portal that refuses whole requests."""

    def serve(commands: Sequence[Command]) -> list[Outcome]:
        assert len(client[0].batches) + len(client[0].calls) < 500, "it would go on for ever"
        if broken(commands):
            raise error
        return full_page(commands)

    return serve


def read(
    error: PortalError, broken: Callable[[Sequence[Command]], bool], page_requests: Sequence[PageRequest]
) -> tuple[list[Answer], FakeClient, list[float]]:
    """The answers of a portal that refuses whole requests."""
    clients: list[FakeClient] = []
    scheduler, client, waited = scheduler_of(refusing(error, broken, clients))
    clients.append(client)
    return serve(scheduler, page_requests), client, waited


def holds(start: int) -> Callable[[Sequence[Command]], bool]:
    """Whether a request holds the command that starts there."""
    return lambda commands: any(command.params["start"] == start for command in commands)


@pytest.mark.parametrize("error", [FORBIDDEN, ENCODING, BUSY], ids=["refused", "encoding", "passing fault"])
@pytest.mark.parametrize("at", [0, 7, 49])
def test_a_request_that_one_command_makes_fail_is_narrowed_down_to_it(error: PortalError, at: int) -> None:
    answers, client, _ = read(error, holds(50 * at), by_offset(*range(50)))
    assert [bool(answer.pages) for answer in answers] == [number != at for number in range(50)]
    assert isinstance(answers[at].error, RejectedError)
    assert (answers[at].error or FORBIDDEN).code == error.code
    assert len(client.batches) + len(client.calls) <= 20


@pytest.mark.parametrize("error", [FORBIDDEN, BUSY])
def test_a_portal_that_refuses_every_batch_and_no_single_call_loses_nothing(error: PortalError) -> None:
    answers, _, _ = read(error, lambda commands: len(commands) > 1, by_offset(*range(50)))
    assert all(answer.pages for answer in answers)


@pytest.mark.parametrize("error", [FORBIDDEN, BUSY])
def test_a_portal_that_refuses_everything_comes_to_an_end(error: PortalError) -> None:
    answers, client, waited = read(error, lambda _: True, by_offset(*range(50)))
    assert all(isinstance(answer.error, RejectedError) for answer in answers)
    assert len(client.batches) + len(client.calls) <= 110
    assert sum(waited) < 60


def test_a_fault_that_passes_is_waited_for_before_anything_is_narrowed_down() -> None:
    asked = 0

    def at_first(_: Sequence[Command]) -> bool:
        nonlocal asked
        asked += 1
        return asked < DOUBTFUL_ATTEMPTS

    answers, client, waited = read(BUSY, at_first, by_offset(*range(50)))
    assert all(answer.pages for answer in answers)
    assert [len(batch) for batch in client.batches] == [50] * DOUBTFUL_ATTEMPTS
    assert sum(waited) > 1


def test_a_chain_with_an_unreadable_row_arrives_up_to_it() -> None:
    """The page that holds it is what stays refused; the strategy narrows that down to the row."""

    def broken(commands: Sequence[Command]) -> bool:
        return len(commands) > 3

    (answer,), _, _ = read(ENCODING, broken, [chain(50)])
    assert len(answer.pages) == 3
    assert answer.error is None


@pytest.mark.parametrize("value", [None, False, "", {"items": None}])
@pytest.mark.parametrize("times", [1, DOUBTFUL_ATTEMPTS - 1])
def test_an_answer_that_is_no_list_is_asked_for_again(value: object, times: int) -> None:
    asked = 0

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        nonlocal asked
        asked += 1
        return [Result(value)] if asked <= times else full_page(commands)

    scheduler, _, waited = scheduler_of(answer)
    (served,) = serve(scheduler, [chain()])
    assert served.pages
    assert len(waited) == times


@pytest.mark.parametrize(
    ("answered", "kind"), [(Result(None), UntrustedError), (BUSY, RejectedError)], ids=["null", "passing fault"]
)
def test_a_doubtful_answer_settles_after_some_attempts(answered: Outcome, kind: type[PortalError]) -> None:
    scheduler, client, _ = scheduler_of(lambda commands: [answered for _ in commands])
    (answer,) = serve(scheduler, [chain()])
    assert type(answer.error) is kind
    assert len(client.batches) == DOUBTFUL_ATTEMPTS


@pytest.mark.parametrize("fault", [FORBIDDEN, ENCODING, BUSY, None], ids=["refused", "encoding", "busy", "empty"])
@pytest.mark.parametrize("at", range(1, 7))
def test_whatever_fails_once_all_rows_of_a_list_arrive(fault: PortalError | None, at: int) -> None:
    """Of a whole request, whichever it is; `None`: all its lists are empty."""
    rows, asked = rows_of(range(1, 3_001)), 0

    def page(command: Command, after: int) -> list[dict[str, object]]:
        ordered = rows[::-1] if command.params["order"]["ID"] == "DESC" else rows[after:]
        return [dict(row) for row in ordered[:50]]

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        nonlocal asked
        asked += 1
        assert asked < 500
        if asked == at and fault is not None:
            raise fault
        results: list[Outcome] = []
        last = 0
        for command in commands:
            after = command.params["filter"].get(">ID", 0)
            last = after if isinstance(after, int) else last
            found = page(command, last)
            last = last + len(found) if command.params["order"]["ID"] == "ASC" else last
            results.append(Result([] if asked == at else found))
        return results

    scheduler, _, _ = scheduler_of(answer)
    ids: list[int] = []
    for _, event in scheduler.run({"deals": _reading()}):
        if isinstance(event, Ended):
            assert event.error is None
        else:
            ids += [int(row["ID"]) for row in getattr(event, "rows", [])]
    assert ids == list(range(1, 3_001))


def _reading() -> Strategy:
    yield from keyset([KeysetReader(list_spec_of())])
