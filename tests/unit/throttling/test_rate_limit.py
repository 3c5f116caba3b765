"""Requests wait instead of being refused, also where several processes read the same portal: docs/protocol.md §7."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tap_bitrix24.auth.from_settings import FIXED_RATES, VIBECODE
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter, shared_folder
from tests.support.clock import Clock

PORTAL = "https://example.bitrix24.com"


class Bucket:
    """The web tier's leaky bucket, as documented."""

    def __init__(self, burst: int, per_second: float, clock: Clock) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._level, self._at = 0.0, clock()

    def refuses(self) -> bool:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._per_second)
        self._at = now
        if self._level + 1 > self._burst:
            return True
        self._level += 1
        return False


def sent(limiter: RateLimiter, clock: Clock) -> None:
    """Send one request as soon as the limiter allows."""
    while (seconds := limiter.acquire()) > 0:
        clock.now += seconds + 1e-9


@pytest.mark.parametrize(("plan", "burst", "rate"), [("standard", 50, 2.0), ("enterprise", 250, 5.0)])
def test_a_limited_client_is_never_refused_and_wastes_little(plan: str, burst: int, rate: float) -> None:
    clock = Clock()
    limiter, bucket = RateLimiter(TARIFFS[plan], clock=clock), Bucket(burst, rate, clock)
    began = clock.now
    for _ in range(1_000):
        sent(limiter, clock)
        assert not bucket.refuses()
    assert clock.now - began == pytest.approx((1_000 - burst) / rate, rel=0.02)


def test_the_first_requests_go_at_once_and_asking_counts_nothing() -> None:
    limiter = RateLimiter(TARIFFS["standard"], clock=Clock())
    for _ in range(45):
        assert [limiter.delay() for _ in range(3)] == [0, 0, 0]
        assert limiter.acquire() == 0


def test_a_request_that_may_not_go_is_not_counted() -> None:
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], clock=clock)
    while limiter.acquire() == 0:
        pass
    seconds = limiter.delay()
    assert limiter.acquire() == limiter.acquire() == seconds > 0


def test_what_the_burst_holds_need_not_be_spread_and_more_is_spread_so_that_it_lasts() -> None:
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], clock=clock)
    assert limiter.interval(0) == limiter.interval(48) == 0
    assert limiter.interval(168) == pytest.approx((168 - 48) / 168 / 2)
    began = clock.now
    for left in range(168, 0, -1):
        clock.now += limiter.interval(left)
        sent(limiter, clock)
    assert clock.now - began == pytest.approx((168 - 48) / 2, rel=0.02)


def test_after_a_refusal_the_bucket_counts_as_full_and_the_pace_is_slower_for_a_while() -> None:
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], clock=clock)
    limiter.note_refusal()
    began = clock.now
    for _ in range(10):
        sent(limiter, clock)
    slow = clock.now - began
    assert slow > 8
    clock.now += 120
    while limiter.acquire() == 0:
        pass
    began = clock.now
    for _ in range(10):
        sent(limiter, clock)
    assert clock.now - began == pytest.approx(5, rel=0.1), "what others used is not held against the portal for ever"


def test_a_portal_that_goes_on_refusing_is_still_asked() -> None:
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], clock=clock)
    for _ in range(20):
        limiter.note_refusal()
    assert 0 < limiter.delay() < 10


def test_processes_share_one_bucket_for_a_portal_and_others_for_others(tmp_path: Path) -> None:
    clock = Clock()
    first, second = (RateLimiter(TARIFFS["standard"], PORTAL, tmp_path, clock) for _ in range(2))
    other = RateLimiter(TARIFFS["standard"], "https://other.bitrix24.com", tmp_path, clock)
    bucket = Bucket(50, 2.0, clock)
    for number in range(200):
        sent((first, second)[number % 2], clock)
        assert not bucket.refuses()
    assert first.delay() == second.delay() > 0
    assert other.delay() == 0


def test_what_is_shared_names_no_portal(tmp_path: Path) -> None:
    RateLimiter(TARIFFS["standard"], PORTAL, tmp_path).acquire()
    (file,) = tmp_path.iterdir()
    assert b"example" not in file.read_bytes()


def test_after_a_restart_of_the_machine_the_bucket_is_empty(tmp_path: Path) -> None:
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], PORTAL, tmp_path, clock)
    while limiter.acquire() == 0:
        pass
    clock.now = 5.0
    assert RateLimiter(TARIFFS["standard"], PORTAL, tmp_path, clock).delay() == 0


@pytest.mark.parametrize("content", ["no database", "a folder"])
def test_a_file_that_cannot_be_used_leaves_each_process_its_own_bucket(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "rate_limit.sqlite"
    if content == "a folder":
        file.mkdir()
    else:
        file.write_text("this is no database, but longer than the header of one " * 20)
    clock = Clock()
    limiter = RateLimiter(TARIFFS["standard"], PORTAL, tmp_path, clock)
    for _ in range(60):
        sent(limiter, clock)
    assert clock.now > 1_000
    assert len([line for line in caplog.messages if "cannot share the rate limit" in line]) == 1


TAKE = """
import sys
from pathlib import Path
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter
limiter, taken = RateLimiter(TARIFFS["standard"], "portal", Path(sys.argv[1])), 0
while limiter.acquire() == 0:
    taken += 1
print(taken)
"""


def test_real_processes_at_the_same_time_take_no_more_than_the_burst_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKE, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    taken = [int(process.communicate()[0]) for process in running]
    assert 47 <= sum(taken) <= 48 + 2 * 20, taken  # it drains while they run
    assert all(process.returncode == 0 for process in running)


def test_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = shared_folder()
    assert folder is not None
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert shared_folder() == folder


def test_a_folder_someone_else_has_put_there_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 4_321)
    assert shared_folder() is None


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert shared_folder() is None


@pytest.mark.parametrize("per_second", [2, 3, 10])
def test_a_rate_within_every_second_is_kept_besides_the_bucket(per_second: int) -> None:
    """A VibeCode key: so many a second, set by its owner, and fewer than 300 in any minute, set by the service."""
    clock = Clock()
    limiter = RateLimiter(FIXED_RATES[VIBECODE], clock=clock)
    limiter.set_spacing(per_second)
    times: list[float] = []
    for _ in range(700):
        sent(limiter, clock)
        times.append(clock.now)
    for count, seconds in ((per_second, 1.0), (300, 60.0)):
        assert all(late - early > seconds for early, late in zip(times, times[count:], strict=False))
    assert 700 / (times[-1] - times[0]) > min(4.0, per_second / 1.2)
