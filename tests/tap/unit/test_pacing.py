"""§7 and decision 17: wait beforehand instead of being refused."""

from typing import Any

import pytest

from tap_bitrix24.pacing import PLANS, Pacer

DEALS = frozenset({"crm.deal.list"})


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


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


@pytest.mark.parametrize(("plan", "burst", "rate"), [("standard", 50, 2.0), ("enterprise", 250, 5.0)])
def test_a_paced_client_is_never_refused_and_wastes_little(plan: str, burst: int, rate: float) -> None:
    clock = Clock()
    pacer, bucket = Pacer(PLANS[plan], clock), Bucket(burst, rate, clock)
    began = clock.now
    for _ in range(1_000):
        clock.now += pacer.wait(DEALS)
        assert pacer.wait(DEALS) < 1e-6
        assert not bucket.refuses()
        pacer.sent()
    assert clock.now - began == pytest.approx((1_000 - burst) / rate, rel=0.1)


def test_the_first_requests_go_at_once() -> None:
    pacer = Pacer(PLANS["standard"], Clock())
    for _ in range(40):
        assert pacer.wait(DEALS) == 0
        pacer.sent()


def test_after_a_refusal_the_bucket_counts_as_full() -> None:
    clock = Clock()
    pacer = Pacer(PLANS["standard"], clock)
    pacer.refused()
    assert pacer.wait(DEALS) > 0
    clock.now += pacer.wait(DEALS)
    assert pacer.wait(DEALS) == 0


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"operating": 100.0, "operating_reset_at": 2_000, "finish": 1_900.0}, 0),
        ({"operating": 419.0, "operating_reset_at": 5_000_060, "finish": 5_000_000.0}, 60),
        ({"operating": 419, "operating_reset_at": 5_000_060.5, "finish": 5_000_000}, 60.5),
        ({"operating": 500.0, "operating_reset_at": 4_000_000, "finish": 5_000_000.0}, 1),
        ({"operating": 0}, 0),
        ({}, 0),
        ({"operating": None}, 0),
        ({"operating": "419"}, 0),
    ],
)
def test_a_method_near_its_budget_waits_for_the_portals_own_reset(facts: dict[str, Any], seconds: float) -> None:
    clock = Clock()
    pacer = Pacer(PLANS["standard"], clock)
    pacer.learn("crm.deal.list", facts)
    assert pacer.wait(DEALS) == pytest.approx(seconds)
    assert pacer.wait(frozenset({"crm.lead.list"})) == 0, "other methods go on"
    assert pacer.wait(frozenset({"crm.lead.list", "crm.deal.list"})) == pytest.approx(seconds)
    clock.now += seconds
    assert pacer.wait(DEALS) == 0


def test_a_spent_budget_without_a_reset_is_waited_for_all_the_same() -> None:
    pacer = Pacer(PLANS["standard"], Clock())
    pacer.learn("crm.deal.list", {"operating": 450.0})
    assert 1 <= pacer.wait(DEALS) <= 600


def test_nothing_to_run_waits_for_nothing() -> None:
    assert Pacer(PLANS["standard"], Clock()).wait(frozenset()) == 0
