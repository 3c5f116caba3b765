"""Decision 17: a method is asked for no more than its budget allows, and again when the portal has forgotten some."""

from typing import Any

import pytest

from tap_bitrix24.throttling.operating_time import LIMIT_SECONDS, UNLIMITED, OperatingTimeLimiter
from tests.support.clock import Clock

DEALS = "crm.deal.list"


class Portal:
    """The server's rule: refused when what was spent in the last ten buckets exceeds the limit."""

    def __init__(self, clock: Clock, cost: float, window: float = 600.0) -> None:
        self.clock, self.cost, self.window = clock, cost, window
        self.spent: dict[int, float] = {}
        self.refused = 0

    def ask(self, pages: int) -> list[dict[str, Any]]:
        times = []
        for _ in range(pages):
            now = int(self.clock.now * 10 / self.window)
            live = {bucket: spent for bucket, spent in self.spent.items() if bucket > now - 10}
            if sum(live.values()) > LIMIT_SECONDS:
                self.refused += 1
                break
            live[now] = live.get(now, 0.0) + self.cost
            self.spent = live
            reset = (min(live) + 10) * self.window / 10
            times.append(
                {
                    "operating": sum(live.values()),
                    "operating_reset_at": reset + 7e8,
                    "finish": self.clock.now + 7e8,
                }
            )
        return times


def facts(used: float, reset: float = 100.0) -> dict[str, Any]:
    """`time` of an answer."""
    return {"operating": used, "operating_reset_at": 5_000_000.0 + reset, "finish": 5_000_000.0}


@pytest.mark.parametrize("cost", [0.3, 1.0, 4.2, 37.0, 55.0])
@pytest.mark.parametrize("window", [20.0, 600.0])
def test_all_of_the_budget_is_used_and_never_more(cost: float, window: float) -> None:
    clock = Clock()
    budgets, portal = OperatingTimeLimiter(clock), Portal(clock, cost, window)
    pages, wanted = 0, int(2.9 * LIMIT_SECONDS / cost)
    began = clock.now
    while pages < wanted:
        if (asked := min(50 if pages else 2, budgets.pages_available(DEALS), wanted - pages)) == 0:
            clock.now += budgets.delay(DEALS)
            continue
        budgets.note_sent(DEALS, asked)
        pages += asked
        budgets.note_answered(DEALS, asked, portal.ask(asked))
    assert portal.refused == 0
    assert clock.now - began <= 3.2 * window


def test_what_is_forgotten_within_a_request_makes_no_page_look_cheap() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 10)
    budgets.note_answered(DEALS, 10, [facts(used) for used in (380, 384, 388, 392, 396, 400, 304, 308, 312, 316)])
    assert budgets.pages_available(DEALS) == 26


def test_nothing_known_is_no_limit() -> None:
    budgets = OperatingTimeLimiter(Clock())
    assert budgets.pages_available(DEALS) == UNLIMITED
    budgets.note_sent(DEALS, 2_000)
    budgets.note_answered(DEALS, 1, [{}])
    assert budgets.pages_available(DEALS) == UNLIMITED, "a self-hosted portal says nothing"


@pytest.mark.parametrize("told", [{}, {"operating": None}, {"operating": "419"}])
def test_what_is_no_number_tells_nothing(told: dict[str, Any]) -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 1)
    budgets.note_answered(DEALS, 1, [told])
    assert (budgets.pages_available(DEALS), budgets.delay(DEALS)) == (UNLIMITED, 0)


def test_pages_under_way_are_reckoned_with() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 2)
    budgets.note_answered(DEALS, 2, [facts(10.0), facts(20.0)])
    room = budgets.pages_available(DEALS)
    assert room == 40
    budgets.note_sent(DEALS, 30)
    assert budgets.pages_available(DEALS) == 10
    budgets.note_sent(DEALS, 10)
    assert budgets.pages_available(DEALS) == 0


def test_requests_side_by_side_do_not_hide_what_a_page_costs() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 2)
    budgets.note_answered(DEALS, 2, [facts(1.0), facts(2.0)])
    budgets.note_sent(DEALS, 10)
    budgets.note_sent(DEALS, 10)
    budgets.note_answered(DEALS, 10, [facts(3.0 + 2 * number) for number in range(10)])
    budgets.note_answered(DEALS, 10, [facts(4.0 + 2 * number) for number in range(10)])
    assert budgets.pages_available(DEALS) == pytest.approx(LIMIT_SECONDS - 22, abs=2)


def test_a_spent_budget_waits_for_the_portals_own_reset_and_then_asks_for_one_page() -> None:
    clock = Clock()
    budgets = OperatingTimeLimiter(clock)
    budgets.note_sent(DEALS, 2)
    budgets.note_answered(DEALS, 2, [facts(410.0), facts(419.9, reset=60)])
    assert budgets.pages_available(DEALS) == 0
    assert budgets.delay(DEALS) == pytest.approx(60, abs=0.1)
    assert budgets.pages_available("crm.lead.list") == UNLIMITED
    clock.now += 60.1
    assert budgets.pages_available(DEALS) == 1
    budgets.note_sent(DEALS, 1)
    assert budgets.pages_available(DEALS) == 0, "the answer tells how much has been forgotten"
    budgets.note_answered(DEALS, 1, [facts(200.0)])
    assert budgets.pages_available(DEALS) > 10


def test_a_reset_told_in_whole_seconds_may_be_a_second_later() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 1)
    budgets.note_answered(DEALS, 1, [{"operating": 430, "operating_reset_at": 5_000_060, "finish": 5_000_000}])
    assert budgets.delay(DEALS) == pytest.approx(61, abs=0.1)


def test_a_reset_that_is_not_told_is_waited_for_all_the_same() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 1)
    budgets.note_answered(DEALS, 1, [{"operating": 450.0}])
    assert budgets.pages_available(DEALS) == 0
    assert 1 <= budgets.delay(DEALS) <= 600


def test_a_refusal_is_waited_for_longer_and_longer_and_tried_with_one_page() -> None:
    clock = Clock()
    budgets, waits = OperatingTimeLimiter(clock), []
    for _ in range(5):
        budgets.note_sent(DEALS, 1)
        budgets.note_answered(DEALS, 1, [], refused=True)
        assert budgets.pages_available(DEALS) == 0
        waits.append(budgets.delay(DEALS))
        clock.now += waits[-1]
        assert budgets.pages_available(DEALS) == 1
    assert waits == [15, 30, 60, 60, 60]
    budgets.note_sent(DEALS, 1)
    budgets.note_answered(DEALS, 1, [facts(30.0)])
    assert budgets.pages_available(DEALS) > 1


def test_a_refusal_waits_for_the_reset_that_was_told_last() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 1)
    budgets.note_answered(DEALS, 1, [facts(10.0, reset=400)])
    budgets.note_sent(DEALS, 5)
    budgets.note_answered(DEALS, 5, [], refused=True)
    assert budgets.delay(DEALS) == pytest.approx(400, abs=0.1)


def test_a_request_that_was_lost_is_no_longer_under_way() -> None:
    budgets = OperatingTimeLimiter(Clock())
    budgets.note_sent(DEALS, 2)
    budgets.note_answered(DEALS, 2, [facts(100.0), facts(200.0)])
    room = budgets.pages_available(DEALS)
    budgets.note_sent(DEALS, 2)
    budgets.note_answered(DEALS, 2, [])
    assert budgets.pages_available(DEALS) == room
