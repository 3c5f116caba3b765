"""The API of a site, end to end: the lists of its document and of the settings are read completely."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server.running import RunningPortal
from tests.support.running import SCRIPTS, Portal, Run, Tap

KEYS = {"products": "ID", "orders": "id", "customers": "xml_id", "news": "id"}
Site = tuple[Portal, dict[str, Any]]


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    """Return a function that starts a site; it returns the raw client and the tap's settings."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Site:
            chosen = {"scale": 300, "seed": 1, "no_limits": True, "clock": "now", **options}
            running: RunningPortal = stack.enter_context(serve(**chosen))
            return Portal(running.url), dict(running.config("site"))

        yield begin


def whole(run: Run, portal: Portal) -> None:
    """Assert that exactly the rows of the site were read."""
    for name, key in KEYS.items():
        expected = {str(row[key]) for row in portal.truth(f"site:{name}")}
        assert {str(row[key.lower()]) for row in run.records(name)} == expected, name


@pytest.mark.parametrize("docs", ["yaml", "json"])
def test_every_described_list_arrives_whole(site: Callable[..., Site], run_tap: Tap, docs: str) -> None:
    portal, config = site(switches={"site_docs": docs})
    run = run_tap(config).succeeded()
    whole(run, portal)
    assert run.schemas.keys() == {*KEYS, "fields"}
    assert not [row for name in KEYS for row in run.records(name) if row["_bitrix24_unparsed"]]
    assert config["site_api_key"] not in run.stdout + run.stderr
    assert portal.stats()["secrets_in_urls"] == 0
    assert portal.stats()["write_calls"] == {}


def test_types_come_from_the_document(site: Callable[..., Site], run_tap: Tap) -> None:
    _, config = site()
    run = run_tap(config).succeeded()
    product, order = run.records("products")[0], run.records("orders")[0]
    assert isinstance(product["id"], int)
    assert product["active"] is (product["id"] % 7 != 0)
    assert product["price"] == pytest.approx(product["id"] * 13 + 0.5)
    assert order["created_at"].endswith("Z")
    assert isinstance(order["positions"], list)
    assert run.schemas["orders"]["deliver_on"]["format"] == "date"
    assert run.schemas["orders"]["status"]["description"] == "Статус"


def test_the_second_run_reads_only_what_has_changed(site: Callable[..., Site], run_tap: Tap) -> None:
    portal, config = site()
    first = run_tap(config).succeeded()
    portal.control("clock", {"advance": -5})  # what changes in the very second a run begins is the next one's
    portal.mutate(table="deals", update=7, insert=3)
    portal.control("clock", {"advance": 5})
    again = run_tap(config, state=first.state).succeeded()
    changed = {row["id"] for row in again.records("orders")}
    after = {row["id"]: row["updated_at"] for row in portal.truth("site:orders")}
    new = {number for number in after if number not in first.ids("orders")}
    assert len(new) == 3
    assert new <= changed
    assert 10 <= len(changed) <= 20
    assert len(again.records("products")) == len(first.records("products"))


@pytest.mark.parametrize("switches", [{"site_order": "newest"}, {"site_beyond": "last"}, {}], ids=str)
def test_pages_that_shift_lose_no_row(site: Callable[..., Site], run_tap: Tap, switches: dict[str, str]) -> None:
    portal, config = site(switches=switches)
    before = {row["id"] for row in portal.truth("site:orders")}
    portal.mutate(every_requests=2, times=6, table="deals", insert=3, delete=2)
    run = run_tap(config).succeeded()
    after = {row["id"] for row in portal.truth("site:orders")}
    read = Counter(run.ids("orders"))
    assert set(read.values()) == {1}
    assert before & after <= read.keys()


def test_a_deletion_and_an_insertion_between_pages_lose_no_row(site: Callable[..., Site], run_tap: Tap) -> None:
    """The total stays as it is while rows move to pages that were read before."""
    portal, config = site(scale=600)
    before = {row["id"] for row in portal.truth("site:orders")}
    portal.mutate(every_requests=1, times=8, table="deals", insert=1, delete=1)
    run = run_tap(config).succeeded()
    after = {row["id"] for row in portal.truth("site:orders")}
    read = Counter(run.ids("orders"))
    assert set(read.values()) == {1}
    assert before & after <= read.keys()


@pytest.mark.parametrize("fault", ["repeat_page", "missing_id", "short_page"])
def test_a_list_that_cannot_be_trusted_fails_alone(site: Callable[..., Site], run_tap: Tap, fault: str) -> None:
    portal, config = site()
    portal.faults({"fault": fault, "method": "site/orders"})
    run = run_tap(config)
    assert run.code == 1
    assert "orders" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert len(run.records("news")) == len(portal.truth("site:news"))


@pytest.mark.slow
def test_the_rate_limit_is_kept(site: Callable[..., Site], run_tap: Tap) -> None:
    portal, config = site(no_limits=False, scale=1500)
    replace(run_tap, short_pauses=False)(config).succeeded()
    assert "503" not in portal.stats()["http"]
    assert portal.stats()["requests"] > 20


def test_lists_named_in_the_settings(site: Callable[..., Site], run_tap: Tap) -> None:
    portal, config = site(switches={"site_docs": "none"})
    run = run_tap({**config, "site_endpoints": ["/api/v1/news", "/api/v1/customers"]}).succeeded()
    assert {row["id"] for row in run.records("news")} == {row["id"] for row in portal.truth("site:news")}
    assert run.records("customers")[0]["phones"]


def test_a_catalog_selects(site: Callable[..., Site], run_tap: Tap) -> None:
    _, config = site()
    run = run_tap(config, streams=["orders"]).succeeded()
    assert run.schemas.keys() == {"orders"}


@pytest.mark.parametrize(
    ("settings", "switches", "message"),
    [
        ({"site_api_key": "wrong"}, {}, "check site_api_key"),
        ({}, {"site_docs": "none"}, "no such address"),
        ({"site_openapi_path": "docs"}, {}, "site_openapi_path must be a path"),
        ({"site_api_key": None}, {}, "needs site_api_key"),
        ({"site_url": "ftp://x"}, {}, "site_url must look like"),
        ({"webhook_url": "https://a.bitrix24.com/rest/1/x/"}, {}, "keep webhook"),
    ],
)
def test_mistakes_are_one_line(
    site: Callable[..., Site], run_tap: Tap, settings: dict[str, Any], switches: dict[str, str], message: str
) -> None:
    portal, config = site(switches=switches)
    run = run_tap({**config, **settings})
    assert (run.code, run.stdout) == (2, "")
    assert message in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert config["site_api_key"] not in run.stderr
    assert not [name for name in portal.stats()["commands"] if name != "site/docs"]


def test_a_document_that_stays_broken_ends_with_1(site: Callable[..., Site], run_tap: Tap) -> None:
    """It may be whole a minute later."""
    _, config = site(switches={"site_docs": "broken"})
    run = run_tap(config)
    assert (run.code, run.stdout) == (1, "")
    assert "/api/docs" in run.stderr.splitlines()[-1]


def test_it_arrives_in_duckdb(site: Callable[..., Site], tmp_path: Path) -> None:
    portal, config = site()
    (tmp_path / "config.json").write_text(json.dumps(config))
    database = tmp_path / "site.duckdb"
    command = [str(SCRIPTS / "bitrix24-export"), str(database), "--config", str(tmp_path / "config.json")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(database)) as connection:
        for name in KEYS:
            found = connection.table(f"bitrix24.{name}").count("*").fetchall()
            assert found == [(len(portal.truth(f"site:{name}")),)]
