"""Methods that answer nothing, or not to this caller: streams are left out with a reason, fail alone, or stay whole."""

from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Run, Tap

Catalog = dict[str, Any]
REFUSALS = ["ACCESS_DENIED", "NOT_FOUND", ""]


def failed_streams(run: Run) -> str:
    return run.stderr.splitlines()[-1] if run.code else ""


def test_sip_lines_are_not_offered_to_webhooks(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60)
    found = run_tap(portal.config(), "--discover").succeeded()
    assert "sip_lines" not in found.stdout
    assert [line for line in found.stderr.splitlines() if "sip_lines" in line and "applications" in line]
    assert "voximplant.sip.get" not in portal.stats()["commands"]


@pytest.mark.parametrize("fault", ["empty_page", "null_result", "false_result", "text_result"])
@pytest.mark.parametrize(
    ("method", "stream"), [("crm.deal.fields", "deals"), ("crm.lead.fields", "leads"), ("user.fields", "users")]
)
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_description_of_fields_without_fields(
    start: Start, run_tap: Tap, fault: str, method: str, stream: str, times: int | None
) -> None:
    """Once: nobody notices. Always: that stream fails, by its name, and no other."""
    portal = start(scale=60)
    portal.faults({"fault": fault, "method": method, "times": times})
    run = run_tap(portal.config())
    assert "Traceback" not in run.stderr
    assert "division" not in run.stderr
    assert len(run.records("currencies")) == len(portal.truth("currencies"))
    if times or run.code == 0:
        assert sorted(run.succeeded().ids(stream)) == sorted(portal.table(stream))
    else:
        assert run.code == 1
        assert stream in failed_streams(run)
        assert not [other for other in ("deals", "leads", "users") if other != stream and other in failed_streams(run)]


@pytest.mark.parametrize("code", REFUSALS)
def test_product_rows_of_smart_processes_alone_cannot_be_had(
    start: Start, run_tap: Tap, catalog: Catalog, code: str
) -> None:
    """The rows of deals and quotes arrive; exit code 1 names the stream, unless this is what the portal always says."""
    portal = start(scale=60)
    before = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows"]).succeeded()
    portal.faults({"fault": "refuse_command", "param": code, "method": "crm.item.list", "where": {"entityTypeId": 156}})
    run = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows"])
    assert "Traceback" not in run.stderr
    of_deals = {row["id"] for row in before.records("crm_product_rows") if row["owner_type"] == "D"}
    assert of_deals
    assert of_deals <= set(run.ids("crm_product_rows"))
    if run.code:
        assert "crm_product_rows" in failed_streams(run)
    else:
        assert run.warnings


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("kind", ["T9c", "D"])
def test_product_rows_of_one_kind_of_owner_are_refused(
    start: Start, run_tap: Tap, catalog: Catalog, code: str, kind: str
) -> None:
    portal = start(scale=60)
    before = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows", "child_reads"]).succeeded()
    portal.faults(
        {"fault": "refuse_command", "param": code, "method": "crm.item.productrow.list", "where": {"ownerType": kind}}
    )
    run = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows", "child_reads"])
    others = {row["id"] for row in before.records("crm_product_rows") if row["owner_type"] != kind}
    assert others <= set(run.ids("crm_product_rows"))
    emptied = {"T9c": "dynamic_156:", "D": "deal:"}[kind]
    found = [row for row in run.records("child_reads") if str(row["parent"]).startswith(emptied)]
    assert not [row for row in found if row["count"] == 0], "nobody has said that these have no rows"
    if run.code:
        assert "crm_product_rows" in failed_streams(run)
    else:
        assert run.warnings
    portal.faults(clear=True)
    again = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows"], state=run.state).succeeded()
    everything = set(before.ids("crm_product_rows"))
    assert {*run.ids("crm_product_rows"), *again.ids("crm_product_rows")} == everything


@pytest.mark.parametrize("code", REFUSALS)
def test_product_rows_of_a_smart_process_without_products_are_not_asked_for(
    start: Start, run_tap: Tap, catalog: Catalog, code: str
) -> None:
    """The type says so itself (`isLinkWithProductsEnabled`); the portal then refuses their list: no run has to fail."""
    portal = start(scale=60)
    (other,) = (row["id"] for row in portal.truth("types") if row["entityTypeId"] == 177)
    portal.mutate(table="types", set={"id": other, "fields": {"isLinkWithProductsEnabled": "N"}})
    portal.faults(
        {"fault": "refuse_command", "param": code, "method": "crm.item.productrow.list", "where": {"ownerType": "Tb1"}}
    )
    run = run_tap(portal.config(), catalog=catalog, streams=["crm_product_rows"]).succeeded()
    assert {row["owner_type"] for row in run.records("crm_product_rows")} == {"D", "L", "Q", "SI", "T9c"}
    everything = [row for row in portal.truth("product_rows") if row["ownerType"] != "Tb1"]
    assert len(run.records("crm_product_rows")) == len(everything)
