"""Which failures are followed by another attempt, and after how many seconds."""

import logging

import pytest

from tap_bitrix24.errors import (
    DoubtfulError,
    FaultyError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.retries import (
    ATTEMPTS,
    DOUBTFUL_ATTEMPTS,
    FAULTY_ATTEMPTS,
    PATIENCE,
    Retry,
    backoff_seconds,
    log_retry,
    should_retry,
)


@pytest.mark.parametrize("error", [RateLimitedError("x"), OperationLimitError("x")])
def test_limits_are_waited_for_however_often(error: RetriableError) -> None:
    assert PATIENCE > 600, "the ten minutes operating time is counted over"
    assert should_retry(error, 100, PATIENCE - 1)
    assert not should_retry(error, 1, PATIENCE)


@pytest.mark.parametrize("error", [RetriableError("x"), UnavailableError("x")])
def test_silence_is_given_up_after_some_attempts(error: RetriableError) -> None:
    assert should_retry(error, ATTEMPTS - 1, 10**6)
    assert not should_retry(error, ATTEMPTS, 0)
    assert not should_retry(error, 2, 0, max_attempts=2)


def test_pauses_grow_differ_and_have_an_end() -> None:
    for error, first, longest in ((UnavailableError("x"), 1, 30), (OperationLimitError("x"), 15, 60)):
        pauses = [backoff_seconds(error, attempt) for attempt in range(1, 12)]
        assert 0.5 * first <= pauses[0] <= first
        assert pauses[0] < pauses[2] < longest
        assert max(pauses) <= longest
        assert len({backoff_seconds(error, 3) for _ in range(10)}) > 1, "clients must not come back in step"


def test_a_server_that_says_when_is_obeyed() -> None:
    assert backoff_seconds(UnavailableError("x", retry_after=100), 1) == 100
    assert Retry().next_delay(RateLimitedError("x", retry_after=70)) == 70


@pytest.mark.parametrize(
    ("error", "max_attempts", "attempts"),
    [
        (UnavailableError("x"), ATTEMPTS, ATTEMPTS),
        (UnavailableError("x"), 2, 2),
        (FaultyError("x"), ATTEMPTS, FAULTY_ATTEMPTS),
        (FaultyError("x"), 2, 2),
        (DoubtfulError("x"), ATTEMPTS, DOUBTFUL_ATTEMPTS),
        (DoubtfulError("x"), 2, 2),
    ],
)
def test_a_retry_counts_its_attempts(error: RetriableError, max_attempts: int, attempts: int) -> None:
    retry = Retry(max_attempts)
    for attempt in range(1, attempts):
        assert retry.attempt == attempt
        assert retry.allows(error)
        assert retry.next_delay(error) is not None
    assert not retry.allows(error)
    assert retry.next_delay(error) is None


@pytest.mark.parametrize("kind", [None, UntrustedError])
def test_what_may_pass_settles_as_what_it_is_if_it_does_not(kind: type[PortalError] | None) -> None:
    settled = DoubtfulError("x", code="ERROR_CORE", method="m", settles_as=kind).settled()
    assert type(settled) is (kind or RejectedError)
    assert (str(settled), settled.code, settled.method) == ("x", "ERROR_CORE", "m")


def test_a_retry_counts_the_seconds_it_waited() -> None:
    retry, delays = Retry(), list[float]()
    while (seconds := retry.next_delay(OperationLimitError("x"))) is not None:
        delays.append(seconds)
        assert retry.waited == pytest.approx(sum(delays))
    assert PATIENCE <= sum(delays) <= PATIENCE + 60


def test_a_delay_that_is_known_replaces_the_back_off_and_counts() -> None:
    retry = Retry()
    assert [retry.next_delay(OperationLimitError("x"), seconds) for seconds in (300.0, 0.0, 599.0)] == [300, 0, 599]
    assert retry.next_delay(OperationLimitError("x"), 1.0) == 1.0
    assert retry.next_delay(OperationLimitError("x"), 1.0) is None, "900 seconds were waited"


def test_requests_that_fail_alike_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log_retry([UnavailableError("no answer"), RateLimitedError("busy"), UnavailableError("no answer")], 2.4)
    assert caplog.messages == ["no answer; busy; trying again in 2 s"]
