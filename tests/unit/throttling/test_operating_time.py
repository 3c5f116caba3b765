"""A method is asked for no more than its operating time allows, and again when the portal has forgotten some of it.

See docs/decisions.md#decision-17.
"""

from typing import Any

import pytest

from tap_bitrix24.throttling.operating_time import LIMIT_SECONDS, UNLIMITED, OperatingTimeLimiter
from tests.support.clock import Clock

DEALS = "crm.deal.list"


class Portal:
    """The server's rule: refused when what was used in the last ten parts of the window exceeds the limit."""

    def __init__(self, clock: Clock, cost: float, window: float = 600.0) -> None:
        self.clock, self.cost, self.window = clock, cost, window
        self.used: dict[int, float] = {}
        self.refused = 0

    def ask(self, pages: int) -> list[dict[str, Any]]:
        times = []
        for _ in range(pages):
            now = int(self.clock.now * 10 / self.window)
            live = {part: used for part, used in self.used.items() if part > now - 10}
            if sum(live.values()) > LIMIT_SECONDS:
                self.refused += 1
                break
            live[now] = live.get(now, 0.0) + self.cost
            self.used = live
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
def test_all_of_the_operating_time_is_used_and_never_more(cost: float, window: float) -> None:
    clock = Clock()
    limiter, portal = OperatingTimeLimiter(clock), Portal(clock, cost, window)
    pages, wanted = 0, int(2.9 * LIMIT_SECONDS / cost)
    began = clock.now
    while pages < wanted:
        if (asked := min(50 if pages else 2, limiter.pages_available(DEALS), wanted - pages)) == 0:
            clock.now += limiter.delay(DEALS)
            continue
        limiter.note_sent(DEALS, asked)
        pages += asked
        limiter.note_answered(DEALS, asked, portal.ask(asked))
    assert portal.refused == 0
    assert clock.now - began <= 3.2 * window


def test_time_forgotten_within_a_request_makes_no_page_look_cheap() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 10)
    limiter.note_answered(DEALS, 10, [facts(used) for used in (380, 384, 388, 392, 396, 400, 304, 308, 312, 316)])
    assert limiter.pages_available(DEALS) == 26


def test_a_method_nothing_is_known_of_has_no_limit() -> None:
    limiter = OperatingTimeLimiter(Clock())
    assert limiter.pages_available(DEALS) == UNLIMITED
    limiter.note_sent(DEALS, 2_000)
    limiter.note_answered(DEALS, 1, [{}])
    assert limiter.pages_available(DEALS) == UNLIMITED, "a self-hosted portal reports nothing"


@pytest.mark.parametrize("reported", [{}, {"operating": None}, {"operating": "419"}])
def test_what_is_no_number_is_ignored(reported: dict[str, Any]) -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 1)
    limiter.note_answered(DEALS, 1, [reported])
    assert (limiter.pages_available(DEALS), limiter.delay(DEALS)) == (UNLIMITED, 0)


def test_pages_in_flight_count() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 2)
    limiter.note_answered(DEALS, 2, [facts(10.0), facts(20.0)])
    pages = limiter.pages_available(DEALS)
    assert pages == 40
    limiter.note_sent(DEALS, 30)
    assert limiter.pages_available(DEALS) == 10
    limiter.note_sent(DEALS, 10)
    assert limiter.pages_available(DEALS) == 0


def test_requests_side_by_side_do_not_hide_what_a_page_costs() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 2)
    limiter.note_answered(DEALS, 2, [facts(1.0), facts(2.0)])
    limiter.note_sent(DEALS, 10)
    limiter.note_sent(DEALS, 10)
    limiter.note_answered(DEALS, 10, [facts(3.0 + 2 * number) for number in range(10)])
    limiter.note_answered(DEALS, 10, [facts(4.0 + 2 * number) for number in range(10)])
    assert limiter.pages_available(DEALS) == pytest.approx(LIMIT_SECONDS - 22, abs=2)


def test_used_up_operating_time_waits_for_the_portals_reset_and_then_asks_for_one_page() -> None:
    clock = Clock()
    limiter = OperatingTimeLimiter(clock)
    limiter.note_sent(DEALS, 2)
    limiter.note_answered(DEALS, 2, [facts(410.0), facts(419.9, reset=60)])
    assert limiter.pages_available(DEALS) == 0
    assert limiter.delay(DEALS) == pytest.approx(60, abs=0.1)
    assert limiter.pages_available("crm.lead.list") == UNLIMITED
    clock.now += 60.1
    assert limiter.pages_available(DEALS) == 1
    limiter.note_sent(DEALS, 1)
    assert limiter.pages_available(DEALS) == 0, "the answer shows how much has been forgotten"
    limiter.note_answered(DEALS, 1, [facts(200.0)])
    assert limiter.pages_available(DEALS) > 10


def test_a_reset_in_whole_seconds_may_be_a_second_later() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 1)
    limiter.note_answered(DEALS, 1, [{"operating": 430, "operating_reset_at": 5_000_060, "finish": 5_000_000}])
    assert limiter.delay(DEALS) == pytest.approx(61, abs=0.1)


def test_a_reset_that_is_not_reported_is_waited_for_all_the_same() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 1)
    limiter.note_answered(DEALS, 1, [{"operating": 450.0}])
    assert limiter.pages_available(DEALS) == 0
    assert 1 <= limiter.delay(DEALS) <= 600


def test_a_refusal_is_waited_for_longer_and_longer_and_tried_with_one_page() -> None:
    clock = Clock()
    limiter, waits = OperatingTimeLimiter(clock), []
    for _ in range(5):
        limiter.note_sent(DEALS, 1)
        limiter.note_answered(DEALS, 1, [], refused=True)
        assert limiter.pages_available(DEALS) == 0
        waits.append(limiter.delay(DEALS))
        clock.now += waits[-1]
        assert limiter.pages_available(DEALS) == 1
    assert waits == [15, 30, 60, 60, 60]
    limiter.note_sent(DEALS, 1)
    limiter.note_answered(DEALS, 1, [facts(30.0)])
    assert limiter.pages_available(DEALS) > 1


def test_a_refusal_waits_for_the_reset_that_was_reported_last() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 1)
    limiter.note_answered(DEALS, 1, [facts(10.0, reset=400)])
    limiter.note_sent(DEALS, 5)
    limiter.note_answered(DEALS, 5, [], refused=True)
    assert limiter.delay(DEALS) == pytest.approx(400, abs=0.1)


def test_a_request_that_was_lost_is_no_longer_in_flight() -> None:
    limiter = OperatingTimeLimiter(Clock())
    limiter.note_sent(DEALS, 2)
    limiter.note_answered(DEALS, 2, [facts(100.0), facts(200.0)])
    pages = limiter.pages_available(DEALS)
    limiter.note_sent(DEALS, 2)
    limiter.note_answered(DEALS, 2, [])
    assert limiter.pages_available(DEALS) == pages
