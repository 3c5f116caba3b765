"""A self-hosted portal reports no limits; its response time sets the rate: docs/protocol.md §7."""

import heapq
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.throttling.rate_limit import (
    MIN_RATE_FACTOR,
    SELF_HOSTED_BURST,
    SELF_HOSTED_CONCURRENCY,
    SELF_HOSTED_MAX_RATE,
    SELF_HOSTED_MAX_RESPONSE,
    TARIFFS,
    RateLimiter,
)
from tests.support.clock import Clock

HOST = "https://portal.example.com"
ON_PREMISE: dict[str, Any] = {"start": 1.0, "duration": 0.1}
CLOUD: dict[str, Any] = {**ON_PREMISE, "operating": 0, "operating_reset_at": 600}
STANDARD = TARIFFS["standard"]


class FailedError(Exception):
    """The failure of a request that is not answered."""


def answered(limiter: RateLimiter, clock: Clock, seconds: float, *, succeeds: bool = True) -> None:
    """Let a request be in flight for so long."""
    with suppress(FailedError), limiter.measure():
        clock.now += seconds
        if not succeeds:
            raise FailedError


def seen(clock: Clock, times: Sequence[Mapping[str, Any]], host: str = HOST, *, fixed: bool = False) -> RateLimiter:
    """A limiter that has seen a portal answer after five seconds with these `time`s."""
    limiter = RateLimiter(STANDARD, host, clock=clock, fixed=fixed)
    answered(limiter, clock, 5.0)
    limiter.recognize_hosting(times)
    return limiter


def self_hosted(clock: Clock, seconds: float, folder: Path | None = None) -> RateLimiter:
    """A limiter that has seen a self-hosted portal answer once."""
    limiter = RateLimiter(STANDARD, HOST, folder, clock, fixed=False)
    answered(limiter, clock, seconds)
    limiter.recognize_hosting([ON_PREMISE])
    return limiter


def sent(limiter: RateLimiter, clock: Clock) -> None:
    """Send one request as soon as the limiter allows."""
    while (seconds := limiter.acquire()) > 0:
        clock.now += seconds + 1e-9


def rate(limiter: RateLimiter, clock: Clock) -> float:
    """Requests a second after the burst."""
    while limiter.acquire() == 0:
        pass
    sent(limiter, clock)
    began = clock.now
    for _ in range(20):
        sent(limiter, clock)
    return 20 / (clock.now - began)


def burst(limiter: RateLimiter) -> int:
    """Requests that may be sent without a pause."""
    count = 0
    while limiter.acquire() == 0:
        count += 1
    return count


@pytest.mark.parametrize("seconds", [0.2, 1.0, 5.0, 20.0])
def test_as_many_are_sent_as_keep_two_in_flight(seconds: float) -> None:
    clock = Clock()
    assert rate(self_hosted(clock, seconds), clock) == pytest.approx(SELF_HOSTED_CONCURRENCY / seconds, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "most"),
    [
        (0.0, SELF_HOSTED_MAX_RATE),
        (0.001, SELF_HOSTED_MAX_RATE),
        (900.0, SELF_HOSTED_CONCURRENCY / SELF_HOSTED_MAX_RESPONSE),
    ],
)
def test_the_rate_has_bounds(seconds: float, most: float) -> None:
    clock = Clock()
    assert rate(self_hosted(clock, seconds), clock) == pytest.approx(most, rel=0.01)


def test_the_burst_is_small() -> None:
    assert burst(self_hosted(Clock(), 1.0)) == SELF_HOSTED_BURST
    assert burst(RateLimiter(STANDARD, HOST, fixed=False)) == STANDARD.room, "until the portal is known"


def test_the_rate_follows_slower_and_faster_answers() -> None:
    clock = Clock()
    limiter = self_hosted(clock, 0.2)
    answered(limiter, clock, 2.0)
    assert 1 < rate(limiter, clock) < 10, "one slow answer is not the portal"
    for seconds in (2.0, 0.2):
        for _ in range(30):
            answered(limiter, clock, seconds)
        assert rate(limiter, clock) == pytest.approx(SELF_HOSTED_CONCURRENCY / seconds, rel=0.02)


def test_fast_failures_do_not_raise_the_rate_and_slow_ones_lower_it() -> None:
    clock = Clock()
    limiter = self_hosted(clock, 2.0)
    for _ in range(30):
        answered(limiter, clock, 0.001, succeeds=False)
    assert rate(limiter, clock) == pytest.approx(SELF_HOSTED_CONCURRENCY / 2.0, rel=0.01)
    answered(limiter, clock, 75.0, succeeds=False)
    assert rate(limiter, clock) < SELF_HOSTED_CONCURRENCY / 10


def test_after_a_503_it_goes_at_half_the_rate_and_recovers_in_a_minute() -> None:
    clock = Clock()
    limiter = self_hosted(clock, 0.2)
    limiter.note_refusal()
    assert limiter.delay() > 0
    assert 5 <= rate(limiter, clock) < 6
    clock.now += 60
    assert rate(limiter, clock) == pytest.approx(10, rel=0.01)


def test_a_server_that_goes_on_refusing_is_still_asked() -> None:
    clock = Clock()
    limiter = self_hosted(clock, 1.0)
    for _ in range(20):
        limiter.note_refusal()
    assert 0 < limiter.delay() <= 3 / (SELF_HOSTED_CONCURRENCY * MIN_RATE_FACTOR)


@pytest.mark.parametrize(
    "host",
    [
        "https://example.bitrix24.com",
        "https://b24-abc.bitrix24.ru",
        "https://example.BITRIX24.com.br",
        "https://example.bitrix24.com:443",
        "https://a.b.bitrix24.de/rest",
        "example.bitrix24.tech",
    ],
)
def test_a_host_of_the_vendors_cloud_is_never_self_hosted(host: str) -> None:
    assert burst(seen(Clock(), [ON_PREMISE], host)) == STANDARD.room


@pytest.mark.parametrize(
    "host",
    [
        "https://bitrix24.example.ru",
        "https://crm.example.com/bitrix24.com",
        "https://10.0.0.5:8080",
        "https://mybitrix24.ru",
    ],
)
def test_other_hosts_may_be(host: str) -> None:
    assert burst(seen(Clock(), [ON_PREMISE], host)) == SELF_HOSTED_BURST


def test_a_plan_that_was_set_is_kept_to() -> None:
    assert burst(seen(Clock(), [ON_PREMISE], fixed=True)) == STANDARD.room


@pytest.mark.parametrize(
    "times", [[], [{}], [CLOUD], [ON_PREMISE, CLOUD]], ids=["none", "empty", "cloud", "one of both"]
)
def test_where_hosting_is_unknown_the_tariff_counts(times: list[dict[str, Any]]) -> None:
    assert burst(seen(Clock(), times)) == STANDARD.room


def test_a_portal_that_reports_operating_later_is_no_longer_self_hosted() -> None:
    limiter = seen(Clock(), [ON_PREMISE])
    limiter.recognize_hosting([CLOUD])
    limiter.recognize_hosting([ON_PREMISE])
    assert burst(limiter) == STANDARD.room


def test_it_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limiter = self_hosted(Clock(), 1.0)
    limiter.recognize_hosting([ON_PREMISE])
    (line,) = caplog.messages
    assert line == f"{HOST} is self-hosted: its rate follows its response time; plan sets a rate instead"


def test_processes_of_a_machine_share_the_rate(tmp_path: Path) -> None:
    clock = Clock()
    limiters = [self_hosted(clock, 1.0, tmp_path) for _ in range(2)]
    began = clock.now
    for number in range(100):
        sent(limiters[number % 2], clock)
    assert clock.now - began == pytest.approx((100 - SELF_HOSTED_BURST) / SELF_HOSTED_CONCURRENCY, rel=0.02)
    limiters[0].note_refusal()
    assert limiters[1].delay() > 0


def busy_server(workers: int, takes: Callable[[int], float], requests: int) -> tuple[int, float]:
    """Send requests as the limiter allows, any number at once, to a server with so many workers.

    Returns:
        The most that were in flight, and how busy the workers were.
    """
    clock = Clock()
    limiter = self_hosted(clock, takes(0))
    began, most, free = clock.now, 0, [clock.now] * workers
    flying: list[tuple[float, int, ExitStack]] = []
    for number in range(requests):
        while True:
            while flying and flying[0][0] <= clock.now:
                heapq.heappop(flying)[-1].close()
            if (seconds := limiter.acquire()) == 0:
                break
            clock.now = min([clock.now + seconds + 1e-9, *(ended for ended, *_ in flying[:1])])
        ended = max(clock.now, heapq.heappop(free)) + takes(number)
        heapq.heappush(free, ended)
        work = ExitStack()
        work.enter_context(limiter.measure())
        heapq.heappush(flying, (ended, number, work))
        most = max(most, len(flying))
    return most, sum(map(takes, range(requests))) / workers / (max(free) - began)


SERVERS: dict[str, Callable[[int], float]] = {
    "even": lambda _: 0.3,
    "uneven": lambda number: (0.05, 0.4, 2.0)[number % 3],
    "suddenly slow": lambda number: 0.05 if number < 250 else 5.0,
}


@pytest.mark.parametrize(("workers", "used"), [(1, 0.95), (2, 0.9), (8, 0.2)])
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_kept_busy_and_its_queue_stays_short(workers: int, used: float, server: str) -> None:
    """A queue makes answers slower, and slower answers make the queue shorter, whatever max_concurrency allows."""
    most, busy = busy_server(workers, SERVERS[server], 500)
    assert most <= 5 * SELF_HOSTED_CONCURRENCY
    assert busy >= used


def test_a_request_that_is_slow_counts_before_it_is_answered() -> None:
    clock = Clock()
    limiter = self_hosted(clock, 0.1)
    with limiter.measure():
        clock.now += 30
        assert burst(limiter) == SELF_HOSTED_BURST
        alone = limiter.delay()
        with limiter.measure():
            clock.now += 0.001
            assert limiter.delay() < alone, "one slow request is not the portal"
            clock.now += 30
            while limiter.acquire() == 0:
                pass
            assert limiter.delay() > 10 * alone
