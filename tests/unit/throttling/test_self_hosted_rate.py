"""§7: a portal on a server of one's own tells no limits; how long it takes says how much it can take."""

import heapq
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.throttling.rate_limit import (
    MIN_PACE,
    SELF_HOSTED_BURST,
    SELF_HOSTED_CONCURRENCY,
    SELF_HOSTED_MAX_RATE,
    SELF_HOSTED_MAX_RESPONSE,
    TARIFFS,
    RateLimiter,
)
from tests.support.clock import Clock

OWN = "https://portal.example.com"
TOLD: dict[str, Any] = {"start": 1.0, "duration": 0.1}
CLOUD: dict[str, Any] = {**TOLD, "operating": 0, "operating_reset_at": 600}
STANDARD = TARIFFS["standard"]


class FailedError(Exception):
    """What a request comes to that is not answered."""


def answered(pacer: RateLimiter, clock: Clock, seconds: float, *, well: bool = True) -> None:
    """Let a request be at work for so long."""
    with suppress(FailedError), pacer.measure():
        clock.now += seconds
        if not well:
            raise FailedError


def seen(clock: Clock, times: Sequence[Mapping[str, Any]], host: str = OWN, *, fixed: bool = False) -> RateLimiter:
    """A pacer that has seen a portal take five seconds, and tell this."""
    pacer = RateLimiter(STANDARD, host, clock=clock, fixed=fixed)
    answered(pacer, clock, 5.0)
    pacer.recognize_hosting(times)
    return pacer


def self_hosted(clock: Clock, seconds: float, folder: Path | None = None) -> RateLimiter:
    """A pacer that has seen a portal of one's own answer once."""
    pacer = RateLimiter(STANDARD, OWN, folder, clock, fixed=False)
    answered(pacer, clock, seconds)
    pacer.recognize_hosting([TOLD])
    return pacer


def sent(pacer: RateLimiter, clock: Clock) -> None:
    """Send one request as soon as the pacer lets it go."""
    while (seconds := pacer.acquire()) > 0:
        clock.now += seconds + 1e-9


def rate(pacer: RateLimiter, clock: Clock) -> float:
    """Requests a second once what may go in a row has gone."""
    while pacer.acquire() == 0:
        pass
    sent(pacer, clock)
    began = clock.now
    for _ in range(20):
        sent(pacer, clock)
    return 20 / (clock.now - began)


def burst(pacer: RateLimiter) -> int:
    """Requests that go without a pause."""
    count = 0
    while pacer.acquire() == 0:
        count += 1
    return count


@pytest.mark.parametrize("seconds", [0.2, 1.0, 5.0, 20.0])
def test_as_many_are_sent_as_keep_two_at_work(seconds: float) -> None:
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


def test_few_are_sent_in_a_row() -> None:
    assert burst(self_hosted(Clock(), 1.0)) == SELF_HOSTED_BURST
    assert burst(RateLimiter(STANDARD, OWN, fixed=False)) == STANDARD.room, "until the portal is known"


def test_the_rate_follows_slower_and_faster_answers() -> None:
    clock = Clock()
    pacer = self_hosted(clock, 0.2)
    answered(pacer, clock, 2.0)
    assert 1 < rate(pacer, clock) < 10, "one slow answer is not the portal"
    for seconds in (2.0, 0.2):
        for _ in range(30):
            answered(pacer, clock, seconds)
        assert rate(pacer, clock) == pytest.approx(SELF_HOSTED_CONCURRENCY / seconds, rel=0.02)


def test_what_fails_fast_makes_nothing_faster_and_what_fails_slowly_makes_it_slower() -> None:
    clock = Clock()
    pacer = self_hosted(clock, 2.0)
    for _ in range(30):
        answered(pacer, clock, 0.001, well=False)
    assert rate(pacer, clock) == pytest.approx(SELF_HOSTED_CONCURRENCY / 2.0, rel=0.01)
    answered(pacer, clock, 75.0, well=False)
    assert rate(pacer, clock) < SELF_HOSTED_CONCURRENCY / 10


def test_after_a_503_it_goes_at_half_the_rate_and_recovers_in_a_minute() -> None:
    clock = Clock()
    pacer = self_hosted(clock, 0.2)
    pacer.note_refusal()
    assert pacer.delay() > 0
    assert 5 <= rate(pacer, clock) < 6
    clock.now += 60
    assert rate(pacer, clock) == pytest.approx(10, rel=0.01)


def test_a_server_that_goes_on_refusing_is_still_asked() -> None:
    clock = Clock()
    pacer = self_hosted(clock, 1.0)
    for _ in range(20):
        pacer.note_refusal()
    assert 0 < pacer.delay() <= 3 / (SELF_HOSTED_CONCURRENCY * MIN_PACE)


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
    assert burst(seen(Clock(), [TOLD], host)) == STANDARD.room


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
    assert burst(seen(Clock(), [TOLD], host)) == SELF_HOSTED_BURST


def test_a_plan_that_was_set_is_kept_to() -> None:
    assert burst(seen(Clock(), [TOLD], fixed=True)) == STANDARD.room


@pytest.mark.parametrize("times", [[], [{}], [CLOUD], [TOLD, CLOUD]], ids=["none", "empty", "cloud", "one of both"])
def test_where_it_is_not_sure_the_tariff_counts(times: list[dict[str, Any]]) -> None:
    assert burst(seen(Clock(), times)) == STANDARD.room


def test_a_portal_that_tells_operating_after_all_is_no_such_one_for_good() -> None:
    pacer = seen(Clock(), [TOLD])
    pacer.recognize_hosting([CLOUD])
    pacer.recognize_hosting([TOLD])
    assert burst(pacer) == STANDARD.room


def test_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pacer = self_hosted(Clock(), 1.0)
    pacer.recognize_hosting([TOLD])
    (line,) = caplog.messages
    assert line == f"{OWN} is self-hosted and is paced by its response time; plan sets a rate instead"


def test_processes_of_a_machine_keep_to_the_rate_together(tmp_path: Path) -> None:
    clock = Clock()
    pacers = [self_hosted(clock, 1.0, tmp_path) for _ in range(2)]
    began = clock.now
    for number in range(100):
        sent(pacers[number % 2], clock)
    assert clock.now - began == pytest.approx((100 - SELF_HOSTED_BURST) / SELF_HOSTED_CONCURRENCY, rel=0.02)
    pacers[0].note_refusal()
    assert pacers[1].delay() > 0


def busy_server(workers: int, takes: Callable[[int], float], requests: int) -> tuple[int, float]:
    """Send requests as the pacer lets them go, any number at once, to a server that is busy with so many.

    Returns:
        The most that were in flight, and how busy the workers were.
    """
    clock = Clock()
    pacer = self_hosted(clock, takes(0))
    began, most, free = clock.now, 0, [clock.now] * workers
    flying: list[tuple[float, int, ExitStack]] = []
    for number in range(requests):
        while True:
            while flying and flying[0][0] <= clock.now:
                heapq.heappop(flying)[-1].close()
            if (seconds := pacer.acquire()) == 0:
                break
            clock.now = min([clock.now + seconds + 1e-9, *(ended for ended, *_ in flying[:1])])
        ended = max(clock.now, heapq.heappop(free)) + takes(number)
        heapq.heappush(free, ended)
        work = ExitStack()
        work.enter_context(pacer.measure())
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
    """What waits makes answers slower, and slower answers make fewer wait, whatever max_concurrency would let in."""
    most, busy = busy_server(workers, SERVERS[server], 500)
    assert most <= 5 * SELF_HOSTED_CONCURRENCY
    assert busy >= used


def test_what_is_at_work_for_long_counts_before_it_is_answered() -> None:
    clock = Clock()
    pacer = self_hosted(clock, 0.1)
    with pacer.measure():
        clock.now += 30
        assert burst(pacer) == SELF_HOSTED_BURST
        alone = pacer.delay()
        with pacer.measure():
            clock.now += 0.001
            assert pacer.delay() < alone, "one slow request is not the portal"
            clock.now += 30
            while pacer.acquire() == 0:
                pass
            assert pacer.delay() > 10 * alone
