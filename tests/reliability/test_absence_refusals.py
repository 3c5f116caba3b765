"""Refusals and missing methods: what has delivered a row exists, and what could not be asked is not empty."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.absence import Ground, failed_aloud, serving
from tests.support.fixtures import Start
from tests.support.running import Tap

CODES = ["ACCESS_DENIED", "ERROR_METHOD_NOT_FOUND", "NOT_FOUND", "INVALID_ARG_VALUE"]
LISTS = {
    "products": "catalog.product.list",
    "deals": "crm.deal.list",
    "tasks": "tasks.task.list",
    "crm_activities": "crm.activity.list",
    "smart_process_156": "crm.item.list",
    "order_basket_items": "sale.basketitem.list",
    "crm_product_rows": "crm.item.productrow.list",
    "task_elapsed_items": "task.elapseditem.getlist",
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, catalog: dict[str, Any]) -> Iterator[Ground]:
    with serving(tmp_path_factory.mktemp("refusals"), catalog, scale=430) as made:
        yield made


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("stream", LISTS)
def test_one_refusal_in_the_middle_of_a_list(ground: Ground, stream: str, code: str) -> None:
    """As it was seen: one ACCESS_DENIED left 50 of 215 products."""
    rule = {"fault": "refuse_command", "param": code, "method": LISTS[stream], "after": 2, "times": 1}
    ground.with_faults(stream, faults=[rule])


@pytest.mark.parametrize("stream", ["products", "deals", "tasks"])
@pytest.mark.parametrize("code", CODES)
def test_refusals_from_the_middle_of_a_list_on(ground: Ground, stream: str, code: str) -> None:
    rule = {"fault": "refuse_command", "param": code, "method": LISTS[stream], "after": 2}
    failed_aloud(ground.with_faults(stream, faults=[rule]), stream)


@pytest.mark.parametrize("times", [1, 3, None], ids=["once", "three times", "always"])
@pytest.mark.parametrize(("status", "code"), [(401, "ACCESS_DENIED"), (403, "ACCESS_DENIED"), (400, ""), (200, "")])
def test_a_whole_batch_is_refused(ground: Ground, status: int, code: str, times: int | None) -> None:
    streams = ("products", "deals", "currencies")
    rule = {"fault": "refuse_request", "param": {"status": status, "code": code}, "request": "batch"}
    run = ground.with_faults(*streams, faults=[{**rule, "method": "crm.deal.list", "after": 1, "times": times}])
    assert run.code in (0, 1)


MISSING = {
    "crm.stagehistory.list": ["crm_stage_history"],
    "crm.category.list": ["crm_categories", "contacts", "companies"],
    "lists.get": ["lists", "list_fields", "list_sections"],
    "catalog.catalog.list": ["catalogs", "product_sections", "products", "product_offers"],
    "crm.type.list": ["crm_types", "smart_process_156"],
    "catalog.section.list": ["product_sections"],
    "sale.persontype.list": ["order_person_types"],
    "crm.status.list": ["crm_statuses"],
    "sonet_group.get": ["workgroups_classic"],
}
"""Method → streams that read it, or whose lists it multiplies."""


@pytest.mark.parametrize("fault", ["missing_method", "ACCESS_DENIED", "NOT_FOUND", "null_result"])
@pytest.mark.parametrize("method", MISSING)
def test_a_method_is_missing_that_streams_depend_on(ground: Ground, method: str, fault: str) -> None:
    """They fail, or have all rows; never fewer with exit code 0."""
    kind = {"fault": fault} if "_" in fault and fault.islower() else {"fault": "refuse_command", "param": fault}
    run = ground.with_faults(*MISSING[method], faults=[{**kind, "method": method}])
    assert "max()" not in run.stderr


def test_contacts_of_a_second_category_when_the_categories_cannot_be_read(ground: Ground) -> None:
    """As it was seen: `contacts` 276 of 400, and `crm_categories` emptied."""
    run = ground.with_faults(
        "contacts", "crm_categories", faults=[{"fault": "missing_method", "method": "crm.category.list"}]
    )
    failed_aloud(run, "crm_categories")


def test_product_rows_cannot_be_read_during_a_sweep(start: Start, run_tap: Tap, catalog: dict[str, Any]) -> None:
    """As it was seen: all product rows gone from `_current` until the next day."""
    portal, streams = start(scale=60), ["crm_product_rows"]
    first = run_tap(portal.config(), catalog=catalog, streams=streams).succeeded()
    portal.control("clock", {"advance": 2 * 86_400})
    portal.faults({"fault": "missing_method", "method": "crm.item.productrow.list"})
    run = run_tap(portal.config(), catalog=catalog, streams=streams, state=first.state)
    failed_aloud(run, "crm_product_rows")
    assert not run.records("child_reads")
    portal.faults(clear=True)
    again = run_tap(portal.config(), catalog=catalog, streams=streams, state=run.state).succeeded()
    assert set(again.ids("crm_product_rows")) == set(first.ids("crm_product_rows"))
