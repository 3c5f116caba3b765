"""Self-hosted portals: below a path, without figures of limits, without recent methods, with a CA of their own."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.fixtures import Start
from tests.support.running import Tap


def test_below_a_path_and_without_operating_time(start: Start, run_tap: Tap) -> None:
    portal = start(prefix="/crm/portal", switches={"cloud": "off", "user_get_prefixes": "old", "v3": "off"})
    assert "/crm/portal/rest/" in portal.url
    run = run_tap(portal.config(), streams=["deals", "users", "tasks"]).succeeded()
    assert len(run.ids("deals")) == len(portal.table("deals"))
    assert len(run.ids("users")) == len(portal.table("users"))


def test_streams_whose_methods_are_missing_are_skipped(start: Start, run_tap: Tap) -> None:
    portal = start(without="crm.item.fields,booking.v1.booking.list,crm.type.list", switches={"cloud": "off"})
    run = run_tap(portal.config()).succeeded()
    assert "smart_invoices" not in run.schemas
    assert len(run.ids("deals")) == len(portal.table("deals"))
    warnings = "\n".join(run.warnings)
    assert "smart_invoices skipped" in warnings


SELF_HOSTED = "is self-hosted: its rate follows its response time"


@pytest.mark.slow
def test_the_rate_follows_the_response_time_and_the_server_is_never_overloaded(start: Start, run_tap: Tap) -> None:
    portal = start(scale=5_000, workers=2, page_time=2, switches={"cloud": "off"})
    run = run_tap(portal.config(max_concurrency=6), streams=["deals", "contacts", "tasks"]).succeeded()
    for stream in ("deals", "contacts", "tasks"):
        assert sorted(run.ids(stream)) == sorted(portal.table(stream, "id" if stream == "tasks" else "ID"))
    stats = portal.stats()
    assert stats["http"].keys() == {"200"}
    assert stats["in_flight_most"] <= 6
    assert run.stderr.count(SELF_HOSTED) == 1


def test_a_temporarily_busy_server_is_read_completely(start: Start, run_tap: Tap) -> None:
    portal = start(scale=5_000, workers=2, switches={"cloud": "off", "query_limit_body": "html"})
    portal.faults(rules=[{"fault": "query_limit", "after": 2, "every": 2, "times": 3}])
    run = run_tap(portal.config(), streams=["deals"]).succeeded()
    assert run.ids("deals") == sorted(portal.table("deals"))
    assert portal.stats()["http"]["503"] == 3


def test_a_plan_that_is_set_applies_as_in_the_cloud(start: Start, run_tap: Tap) -> None:
    own, cloud = start(switches={"cloud": "off"}), start()
    assert SELF_HOSTED not in run_tap(own.config(plan="enterprise"), streams=["deals"]).succeeded().stderr
    assert SELF_HOSTED not in run_tap(cloud.config(), streams=["deals"]).succeeded().stderr


def test_rest_3_below_a_path(start: Start, run_tap: Tap) -> None:
    portal = start(prefix="/crm")
    run = run_tap(portal.config(), streams=["event_log"]).succeeded()
    assert len(run.records("event_log")) == len(portal.truth("v3:events"))


def test_a_ca_of_its_own(start: Start, run_tap: Tap, tmp_path: Path) -> None:
    ca = trustme.CA()
    paths: dict[str, Any] = {}
    for name, blob in (("cert", ca.issue_cert("localhost")), ("ca", None)):
        paths[name] = tmp_path / f"{name}.pem"
        if blob is None:
            ca.cert_pem.write_to_path(paths[name])
        else:
            blob.private_key_and_cert_chain_pem.write_to_path(paths[name])
    portal = start(tls=(str(paths["cert"]), str(paths["cert"])), ca_bundle=paths["ca"])
    refused = run_tap(portal.config())
    assert (refused.code, refused.stdout) == (2, "")
    assert "set ca_bundle" in refused.stderr.splitlines()[-1]
    run = run_tap(portal.config(ca_bundle=str(paths["ca"])), streams=["deals"]).succeeded()
    assert len(run.ids("deals")) == len(portal.table("deals"))
