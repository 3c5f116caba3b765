"""A request is kept far below the portal's minute; what a page takes is learnt from answers."""

from tap_bitrix24.throttling.page_cost import TARGET_SECONDS, PageCostEstimator

DEALS, LEADS = "crm.deal.list", "crm.lead.list"


def test_a_method_nothing_is_known_of_fills_a_request() -> None:
    assert PageCostEstimator().pages(DEALS, 0.0) >= 50


def test_slow_pages_make_small_requests_at_once() -> None:
    costs = PageCostEstimator()
    costs.learn({DEALS: 2}, 8.0)
    assert costs.pages(DEALS, 0.0) == TARGET_SECONDS / 4
    assert costs.pages(DEALS, 12.0) == (TARGET_SECONDS - 12) / 4
    assert costs.pages(LEADS, 0.0) >= 50


def test_fast_pages_make_them_grow_again_step_by_step() -> None:
    costs = PageCostEstimator()
    costs.learn({DEALS: 1}, 20.0)
    sizes = []
    for _ in range(8):
        sizes.append(costs.pages(DEALS, 0.0))
        costs.learn({DEALS: sizes[-1]}, 0.01 * sizes[-1])
    assert sizes == [1, 2, 4, 8, 16, 32, 64, 128]


def test_each_time_out_halves_what_is_asked_for_down_to_single_pages() -> None:
    costs, pages = PageCostEstimator(), 50
    for halved in (25, 12, 6, 3, 1, 0):
        costs.note_timeout({DEALS: pages})
        assert costs.pages(DEALS, 0.0) == halved
        pages = max(1, halved)


def test_methods_that_share_a_request_share_what_it_took() -> None:
    costs = PageCostEstimator()
    costs.learn({DEALS: 10, LEADS: 10}, 20.0)
    assert costs.seconds(DEALS) == costs.seconds(LEADS) == 1.0
