"""Lists read whole: a version is activated only over a proven whole, which an empty answer alone is not."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.absence import Ground, failed_aloud, rows_of, serving

LISTS = {
    "crm_statuses": "crm.status.list",
    "users": "user.get",
    "departments": "department.get",
    "currencies": "crm.currency.list",
    "lists": "lists.get",
    "stores": "catalog.store.list",
    "measures": "catalog.measure.list",
    "order_statuses": "sale.status.list",
    "workgroups": "socialnetwork.api.workgroup.list",
    "pay_systems": "sale.paysystem.list",
    "vat_rates": "catalog.vat.list",
    "deal_userfields": "crm.deal.userfield.list",
}
UNCOUNTED = {"param": "missing"}
NOTHINGS: dict[str, dict[str, Any]] = {
    "[] with a total": {"fault": "empty_page"},
    "[] without a total": {"fault": "empty_page", **UNCOUNTED},
    "null": {"fault": "null_result"},
    "false": {"fault": "false_result"},
    "text": {"fault": "text_result"},
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, catalog: dict[str, Any]) -> Iterator[Ground]:
    with serving(tmp_path_factory.mktemp("full_table"), catalog, scale=60) as made:
        yield made


def activated(run: Any, stream: str) -> list[Any]:
    return [message for message in run.of_type("ACTIVATE_VERSION") if message["stream"] == stream]


@pytest.mark.parametrize("nothing", NOTHINGS)
def test_a_list_answers_nothing_once(ground: Ground, nothing: str) -> None:
    """All lists at once: their first pages travel in one request."""
    faults = [{**NOTHINGS[nothing], "method": method, "times": 1} for method in LISTS.values()]
    run = ground.with_faults(*LISTS, faults=faults).succeeded()
    incremental = {"stores", "vat_rates", "workgroups"}
    assert [stream for stream in LISTS if stream not in incremental and not activated(run, stream)] == []


@pytest.mark.parametrize("nothing", ["null", "false", "text"])
def test_no_list_for_ever(ground: Ground, nothing: str) -> None:
    faults = [{**NOTHINGS[nothing], "method": method} for method in LISTS.values()]
    run = ground.with_faults(*LISTS, faults=faults)
    failed_aloud(run, *LISTS)


def test_statuses_answer_nothing_with_a_total_for_ever(ground: Ground) -> None:
    """As it was seen: `[]` with `result_total` 69 emptied the table."""
    for stream in ("crm_statuses", "stores"):
        run = ground.with_faults(stream, faults=[{"fault": "empty_page", "method": LISTS[stream]}])
        failed_aloud(run, stream)
        assert not activated(run, stream)


@pytest.mark.parametrize("stream", ["crm_statuses", "departments"])
def test_nothing_without_a_total_is_asked_twice_in_two_requests(ground: Ground, stream: str) -> None:
    ground.rows(stream)
    ground.portal.forget_stats()
    ground.portal.faults({"fault": "empty_page", "method": LISTS[stream], **UNCOUNTED})
    try:
        run = ground.run(stream)
    finally:
        ground.portal.faults(clear=True)
    stats = ground.portal.stats()
    if run.code == 0:
        assert (stats["commands"][LISTS[stream]] >= 2, stats["requests"] >= 3) == (True, True)
        assert not rows_of(run, stream)
        assert activated(run, stream)
    else:
        failed_aloud(run, stream)
