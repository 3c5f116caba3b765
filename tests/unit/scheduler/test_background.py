"""The main thread waits for calls in other threads; a signal ends the wait at once."""

import signal
import threading
import time

import pytest

from tap_bitrix24.errors import Interrupted, RejectedError
from tap_bitrix24.scheduler.background import BackgroundCalls


def test_a_call_returns_or_raises_what_it_does_in_its_thread() -> None:
    background = BackgroundCalls()
    assert background.call(lambda: 7) == 7

    def fail() -> None:
        message = "inside"
        raise RejectedError(message)

    with pytest.raises(RejectedError, match="inside"):
        background.call(fail)
    assert background.call(lambda: "later") == "later", "a failure does not linger"
    background.check()


def test_calls_run_side_by_side() -> None:
    background, both = BackgroundCalls(), threading.Barrier(2)
    pending = [background.start(lambda: both.wait(5)) for _ in range(2)]
    while not all(each.done for each in pending):
        background.pause(5)
    assert {each.result() for each in pending} == {0, 1}


def test_a_pause_ends_by_itself_and_not_before() -> None:
    background, begun = BackgroundCalls(), time.monotonic()
    background.pause(0.01)
    assert time.monotonic() - begun >= 0.01
    assert not background.interrupted


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_wait_at_once(signum: int, code: int) -> None:
    background = BackgroundCalls()
    never = threading.Event()
    try:
        threading.Timer(0.05, background.interrupt, [signum]).start()
        with pytest.raises(Interrupted) as raised:
            background.call(lambda: never.wait(30))
        assert raised.value.exit_code == code
        assert not isinstance(raised.value, Exception), "nothing that survives a failing stream may survive this"
        assert background.interrupted
        with pytest.raises(Interrupted):
            background.call(lambda: 1)
        with pytest.raises(Interrupted):
            background.pause(1)
    finally:
        never.set()
