"""Waiting in the main thread for what runs beside it; a signal ends it at once."""

import signal
import threading

import pytest

from tap_bitrix24.errors import Interrupted, RejectedError
from tap_bitrix24.scheduler.background import BackgroundCalls


def test_waiting_brings_what_the_call_returns_or_raises() -> None:
    waiting = BackgroundCalls()
    assert waiting.call(lambda: 7) == 7

    def fail() -> None:
        message = "inside"
        raise RejectedError(message)

    with pytest.raises(RejectedError, match="inside"):
        waiting.call(fail)
    assert waiting.call(lambda: "later") == "later", "a failure does not linger"
    waiting.check()


def test_calls_run_side_by_side() -> None:
    waiting, both = BackgroundCalls(), threading.Barrier(2)
    pending = [waiting.start(lambda: both.wait(5)) for _ in range(2)]
    while not all(each.done for each in pending):
        waiting.pause(5)
    assert {each.result() for each in pending} == {0, 1}


def test_a_pause_ends_by_itself() -> None:
    BackgroundCalls().pause(0.01)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_wait_at_once(signum: int, code: int) -> None:
    waiting = BackgroundCalls()
    never = threading.Event()
    try:
        threading.Timer(0.05, waiting.interrupt, [signum]).start()
        with pytest.raises(Interrupted) as told:
            waiting.call(lambda: never.wait(30))
        assert told.value.exit_code == code
        assert not isinstance(told.value, Exception), "nothing that survives a failing stream may survive this"
        assert waiting.interrupted
        with pytest.raises(Interrupted):
            waiting.call(lambda: 1)
        with pytest.raises(Interrupted):
            waiting.pause(1)
    finally:
        never.set()
