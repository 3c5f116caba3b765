"""Answers that hold no rows although rows are there: asked again, believed only if nothing contradicts them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.absence import Ground, failed_aloud, rows_of, serving

NOTHINGS = ["empty_page", "null_result", "false_result", "text_result"]
LISTS = {
    "deals": "crm.deal.list",
    "tasks": "tasks.task.list",
    "crm_activities": "crm.activity.list",
    "smart_invoices": "crm.item.list",
    "leads": "crm.lead.list",
    "contacts": "crm.contact.list",
    "products": "catalog.product.list",
    "requisites": "crm.requisite.list",
    "users": "user.get",
    "lists": "lists.get",
    "crm_stage_history": "crm.stagehistory.list",
    "orders": "sale.order.list",
    "workgroups": "sonet_group.get",
    "order_statuses": "sale.status.list",
}
DEFAULT = {
    ("deals", "empty_page"),
    ("tasks", "empty_page"),
    ("crm_activities", "empty_page"),
    ("smart_invoices", "empty_page"),
    ("deals", "null_result"),
    ("leads", "false_result"),
    ("products", "text_result"),
    ("users", "empty_page"),
    ("lists", "null_result"),
}
"""Cases that the default run tries."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, catalog: dict[str, Any]) -> Iterator[Ground]:
    """1,500 deals."""
    with serving(tmp_path_factory.mktemp("empty"), catalog, scale=1_500) as made:
        yield made


def every(*faults: str) -> list[Any]:
    """Return every list with every fault; those outside `DEFAULT` are slow."""
    pairs = [(stream, fault) for stream in LISTS for fault in faults]
    return [pytest.param(*pair, marks=[] if pair in DEFAULT else pytest.mark.slow) for pair in pairs]


@pytest.mark.parametrize(("stream", "fault"), every(*NOTHINGS))
@pytest.mark.parametrize("after", [0, 1, 4], ids=["first", "second", "middle"])
def test_one_page_answers_nothing_once(ground: Ground, stream: str, fault: str, after: int) -> None:
    rule = {"fault": fault, "method": LISTS[stream], "after": after, "times": 1}
    ground.with_faults(stream, faults=[rule]).succeeded()


def test_1500_deals_with_an_empty_page_in_the_middle(ground: Ground) -> None:
    """As it was seen: 500 rows, exit code 0, and nothing in the next run."""
    for after in (10, 17, 29):
        rule = {"fault": "empty_page", "method": "crm.deal.list", "after": after, "times": 1}
        run = ground.with_faults("deals", faults=[rule]).succeeded()
        assert len(set(run.ids("deals"))) == 1_500


@pytest.mark.parametrize(("stream", "fault"), every(*NOTHINGS))
@pytest.mark.parametrize("after", [0, 1], ids=["from the start", "from the second page on"])
def test_pages_answer_nothing_for_ever(ground: Ground, stream: str, fault: str, after: int) -> None:
    ground.rows(stream)
    ground.portal.faults({"fault": fault, "method": LISTS[stream], "after": after})
    try:
        run = ground.run(stream)
    finally:
        ground.portal.faults(clear=True)
    if run.code == 0:  # all rows had been read by then; or nothing counts the list in a batch, and two answers agreed
        believed = (stream, fault) == ("order_statuses", "empty_page")
        assert believed or rows_of(run, stream) == ground.rows(stream)
        return
    failed_aloud(run, stream)
    again = ground.run(stream, state=run.state if run.states else None).succeeded()
    assert {*run.ids(stream), *again.ids(stream)} == set(ground.quiet[stream].ids(stream))
