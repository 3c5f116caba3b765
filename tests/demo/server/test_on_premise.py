"""On-premise portals: below a path, older, without the limits of the cloud."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from tap_bitrix24.demo import serve
from tests.demo.conftest import Start
from tests.demo.wire import JSON, Wire


def test_all_of_rest_lies_below_the_prefix(start: Start) -> None:
    own = start(prefix="/some/path")
    assert own.root.startswith("/some/path/rest/1/")
    assert len(own.result("crm.deal.list")) == 50
    bare = own.root.removeprefix("/some/path")
    assert own.send("POST", f"{bare}crm.deal.list", "{}", {"Content-Type": JSON}).status == 404
    assert own.send("POST", f"/some/pathology{bare}crm.deal.list", "{}", {"Content-Type": JSON}).status == 404


def test_a_prefix_may_be_written_with_or_without_slashes(start: Start) -> None:
    assert start(prefix="crm/").root.startswith("/crm/rest/1/")
    assert start(prefix="/").root.startswith("/rest/1/")


def test_webhooks_are_checked_below_a_prefix_too(start: Start) -> None:
    own = start(prefix="/b24")
    wrong = own.send("POST", "/b24/rest/1/wrong/crm.deal.list", "{}", {"Content-Type": JSON})
    assert wrong.error == (401, "INVALID_CREDENTIALS")


def test_missing_methods_are_not_found_alone_or_in_a_batch(start: Start) -> None:
    own = start(without="crm.item.list,user.get")
    assert own.call("crm.item.list").error == (404, "ERROR_METHOD_NOT_FOUND")
    assert own.call("user.get").error == (404, "ERROR_METHOD_NOT_FOUND")
    maps = own.batch({"a": "crm.item.list?entityTypeId=2", "b": "crm.deal.list"})
    assert maps["result_error"]["a"]["error"] == "ERROR_METHOD_NOT_FOUND"
    assert set(maps["result"]) == {"b"}
    assert not {"crm.item.list", "user.get"} & set(own.result("methods"))
    assert "crm.deal.list" in own.result("methods")


def test_without_the_clouds_limiter_no_operating_time_is_told(start: Start) -> None:
    own = start(switches={"cloud": "off"})
    assert not {"operating", "operating_reset_at"} & own.call("crm.deal.list").body["time"].keys()


def test_the_command_line_prints_an_applications_settings_below_a_prefix() -> None:
    options = ["--port", "0", "--scale", "20", "--connection", "oauth", "--prefix", "/box"]
    options += ["--without", "crm.lead.list"]
    command = [sys.executable, "-m", "tap_bitrix24.demo", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            config = json.loads(process.stdout.readline())
            assert set(config) == {"portal_url", "client_id", "client_secret", "refresh_token", "oauth_token_url"}
            base = config["portal_url"].removesuffix("/box")
            assert config["oauth_token_url"] == f"{base}/oauth/token/"
            wire = Wire(f"{base}/")
            names = ("client_id", "client_secret", "refresh_token")
            form = "&".join(["grant_type=refresh_token", *(f"{name}={config[name]}" for name in names)])
            reply = wire.form("oauth/token/", form).body
            assert reply["client_endpoint"] == f"{base}/box/rest/"
            headers = {"Content-Type": JSON, "Authorization": f"Bearer {reply['access_token']}"}
            assert wire.send("POST", "/box/rest/crm.lead.list", "{}", headers).error[1] == "ERROR_METHOD_NOT_FOUND"
            assert wire.send("POST", "/box/rest/crm.deal.list", "{}", headers).status == 200
        finally:
            process.terminate()
            process.communicate(timeout=10)


def test_without_the_cloud_there_is_no_request_limiter(start: Start) -> None:
    own = start(no_limits=False, switches={"cloud": "off"})
    assert {own.call("server.time").status for _ in range(60)} == {200}


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests at the same time; they end with the test."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


def test_who_finds_no_worker_free_waits(start: Start, at_once: ThreadPoolExecutor) -> None:
    own = start(workers=2, latency=50, switches={"cloud": "off"})
    began = time.monotonic()
    sent = [at_once.submit(own.call, "server.time") for _ in range(8)]
    assert {each.result().status for each in sent} == {200}
    assert time.monotonic() - began >= 4 * 0.05, "two at a time"
    assert own.stats()["errors"] == {}


@pytest.mark.parametrize("path", ["/rest/1/{}/server.time", "/rest/api/1/{}/tasks.task.list"], ids=["classic", "3.0"])
def test_where_three_wait_for_each_worker_another_is_refused_at_once(path: str, at_once: ThreadPoolExecutor) -> None:
    with serve(scale=20, workers=1, switches={"cloud": "off"}) as running:
        own = Wire(running.url)
        own.faults(rules=[{"fault": "slow", "param": 600}])
        whole = path.format(running.portal.secret)
        sent = [at_once.submit(own.send, "POST", whole, "{}", {"Content-Type": JSON}) for _ in range(5)]
        (first,) = wait(sent, return_when=FIRST_COMPLETED).done
        refused = first.result()
        assert (refused.status, refused.headers["content-type"]) == (503, "text/html")
        assert b"<html>" in refused.raw
        stats = own.stats()
        assert (stats["errors"], stats["http"]) == ({"NO_WORKER_FREE": 1}, {"503": 1})
        assert stats["in_flight_most"] == 5
    for each in sent:  # the others end with their server
        each.exception()
