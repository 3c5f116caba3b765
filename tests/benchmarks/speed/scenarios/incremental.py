"""Second runs: what a portal costs where nothing, or little, has changed."""

import math
from typing import Any

from tests.benchmarks.speed.clients import Ours
from tests.benchmarks.speed.model import Check, Figures, Options, Run, Scenario, Table, shown, summary
from tests.benchmarks.speed.portals import FORTY, LIMITLESS, calm, portal
from tests.benchmarks.speed.processes import say
from tests.support.running import Portal

_INCREMENTAL = """
    deals leads contacts companies quotes crm_activities smart_invoices smart_process_156 smart_process_177
    crm_stage_history requisites requisite_bank_details requisite_presets crm_documents crm_document_templates
    tasks workgroups products product_offers product_skus product_services product_prices price_types stores
    store_documents product_properties vat_rates rounding_rules orders order_basket_items calls documents
    document_templates bizproc_tasks bizproc_workflow_templates invoices_old
    deal_contacts lead_contacts company_contacts contact_companies quote_contacts crm_product_rows
"""
INCREMENTAL = tuple(_INCREMENTAL.split())
"""Streams that go on from a bookmark; the last line's are children of others."""
_WHOLE = """
    users departments crm_categories crm_types currencies deal_userfields lead_userfields contact_userfields
    company_userfields catalogs product_sections measures order_statuses order_person_types pay_systems
    delivery_services lists disk_storages
"""
WHOLE = tuple(_WHOLE.split())
"""Streams that are read whole every run; of this portal each has at most 50 rows."""
STREAMS = (*INCREMENTAL, *WHOLE)
MOST_WHOLE_ROWS = 50
QUIET_REQUESTS = 5
STEPS = 10
"""Moments at which rows change, a minute apart."""
BESIDE_REQUESTS, ROWS_PER_REQUEST = 3, 1000


def measure_quiet(options: Options) -> dict[str, Any]:
    """Sixty streams once, and again from STATE ten minutes later."""
    with portal(options.pick(5_000, 1_000), *LIMITLESS) as wire:
        tap = Ours.ready(wire, options, *STREAMS)
        state, rows = tap.first_run()
        whole = max(rows.get(name, 0) for name in WHOLE)
        calm(wire, 600)
        runs = _again(wire, tap, state, options)
    return {"streams": len(STREAMS), "whole_rows": whole, "run": summary(runs)}


def measure_changed(options: Options) -> dict[str, Any]:
    """All deals once; then one in a hundred changes, here and there; again from STATE."""
    with portal(options.pick(300_000, 30_000), *FORTY, *LIMITLESS) as wire:
        tap = Ours.ready(wire, options, "deals")
        state, _ = tap.first_run()
        rows = int(wire.counts()["deals"])
        calm(wire, 600)
        changed: set[int] = set()
        for _ in range(STEPS):
            changed |= set(wire.mutate(table="deals", update=rows // 100 // STEPS)["updated"])
            wire.control("clock", {"advance": 60})
        runs = _again(wire, tap, state, options)
    return {"rows": rows, "changed": len(changed), "run": summary(runs)}


def _again(wire: Portal, tap: Ours, state: dict[str, Any], options: Options) -> list[Run]:
    runs = []
    for _ in range(options.rounds):
        wire.forget_stats()
        runs.append(tap.read(wire, "second run", state))
        say(f"  second run: {runs[-1].requests} requests, {runs[-1].rows} rows {runs[-1].failure}")
    return runs


def checks_quiet(figures: Figures) -> list[Check]:
    """A handful of requests, and the streams are what they are said to be."""
    return [
        Check("requests", figures["run"]["requests"], QUIET_REQUESTS),
        Check("streams", figures["streams"], 60, least=True),
        Check("rows of a stream read whole", figures["whole_rows"], MOST_WHOLE_ROWS),
        Check("runs that failed", int(bool(figures["run"]["failure"])), 0),
    ]


def checks_changed(figures: Figures) -> list[Check]:
    """Requests by what has changed, not by what there is; everything that changed arrives."""
    most = BESIDE_REQUESTS + math.ceil(figures["changed"] / ROWS_PER_REQUEST)
    return [
        Check("requests", figures["run"]["requests"], most),
        Check("rows", figures["run"]["rows"], figures["changed"], least=True),
    ]


def tables(figures: Figures) -> list[Table]:
    """The second run."""
    run = figures["run"]
    head = ["streams" if "streams" in figures else "deals", "changed", "requests", "rows", "wall, s", "CPU, s"]
    first = figures.get("streams", figures.get("rows", 0))
    body = [
        shown(first),
        shown(figures.get("changed", 0)),
        shown(run["requests"]),
        shown(run["rows"]),
        f"{run['seconds']:.2f}",
        f"{run['cpu_seconds']:.2f}",
    ]
    return [[head, body]]


QUIET = Scenario(
    name="quiet",
    title="A second run over sixty streams, nothing changed",
    target=f"≤ {QUIET_REQUESTS} requests",
    measure=measure_quiet,
    checks=checks_quiet,
    tables=tables,
)
CHANGED = Scenario(
    name="changed",
    title="A second run, one deal in a hundred changed",
    target="≤ 3 + changed / 1,000 requests, rounded up",
    measure=measure_changed,
    checks=checks_changed,
    tables=tables,
)
