"""The VibeCode connection, end to end: the same rows as through REST, in spite of silent faults of the service."""

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
from tap_bitrix24.demo.vibecode.endpoint import key as key_of
from tests.support.running import SCRIPTS, Portal, Run, Tap

Service = tuple[Portal, dict[str, Any]]
STREAMS = ("deals", "leads", "contacts", "companies", "quotes", "smart_invoices", "tasks", "users")


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    """Return a function that starts a portal and the service; it returns the raw client and the tap's settings."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Service:
            chosen = {"scale": 300, "seed": 1, "no_limits": True, "clock": "now", **options}
            running = stack.enter_context(serve(**chosen))
            portal = Portal(running.url)
            return portal, dict(running.config("vibecode"))

        yield begin


def ids(portal: Portal, table: str, key: str = "ID") -> Counter[int]:
    return Counter(int(row[key]) for row in portal.truth(table))


def whole(run: Run, portal: Portal, *streams: str) -> None:
    """Assert that exactly the rows of these streams were read, each once."""
    for stream in streams:
        table, key = ("smart_invoices", "id") if stream == "smart_invoices" else (stream, "ID")
        assert Counter(run.ids(stream)) == ids(portal, table, "id" if stream == "tasks" else key), stream


def test_every_list_arrives_whole(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service()
    run = run_tap(config).succeeded()
    whole(run, portal, *STREAMS, "departments")
    assert {"smart_process_156", "smart_process_177", "crm_statuses", "currencies", "fields"} <= run.schemas.keys()
    assert len(run.records("crm_statuses")) == len(portal.truth("statuses"))
    assert config["vibecode_api_key"] not in run.stdout + run.stderr
    stats = portal.stats()
    assert (stats["write_calls"], stats["secrets_in_urls"]) == ({}, 0)


def test_values_agree_with_rest(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service()
    vibe = run_tap(config, streams=["deals", "contacts", "companies"]).succeeded()
    rest = run_tap(portal.config(), streams=["deals", "contacts", "companies"]).succeeded()
    named = {
        "deals": {
            "title": "title",
            "opportunity": "amount",
            "currency_id": "currency",
            "stage_id": "stage_id",
            "date_create": "created_at",
            "date_modify": "updated_at",
            "assigned_by_id": "assigned_by_id",
            "closed": "closed",
            "category_id": "category_id",
        },
        "contacts": {"name": "name", "last_name": "last_name", "date_modify": "updated_time", "opened": "opened"},
        "companies": {"title": "title", "date_create": "created_time", "assigned_by_id": "assigned_by_id"},
    }
    for stream, columns in named.items():
        theirs = {row["id"]: {name: row[name] for name in columns} for row in rest.records(stream)}
        ours = {row["id"]: {name: row[own] for name, own in columns.items()} for row in vibe.records(stream)}
        assert ours == theirs, stream


def test_the_second_run_reads_what_has_changed(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service()
    first = run_tap(config, streams=["deals"]).succeeded()
    portal.control("clock", {"advance": -5})  # what changes in the second a run starts is read by the next run
    portal.mutate(table="deals", update=7, insert=3)
    portal.control("clock", {"advance": 5})
    again = run_tap(config, streams=["deals"], state=first.state).succeeded()
    assert 10 <= len(again.records("deals")) < 40
    assert set(ids(portal, "deals")) == {*first.ids("deals"), *again.ids("deals")}


def test_inserts_and_deletes_between_pages_lose_no_row(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service(scale=2500)
    before = set(ids(portal, "deals"))
    catalog = run_tap.discover(config)
    portal.mutate(every_requests=1, times=30, table="deals", insert=2, delete=1, update=3)
    run = run_tap(config, catalog=catalog, streams=["deals"]).succeeded()
    read = Counter(run.ids("deals"))
    assert set(read.values()) == {1}
    assert before & set(ids(portal, "deals")) <= read.keys()


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "short_page", "method": "deals/search", "param": 7, "every": 2},
        {"fault": "command_error", "method": "deals/search", "param": "BITRIX_UNAVAILABLE", "every": 3, "times": 2},
        {"fault": "command_error", "method": "contacts/search", "param": "QUEUE_TIMEOUT", "times": 2},
        {"fault": "command_error", "method": "leads/search", "param": "RATE_LIMITED", "times": 1},
    ],
    ids=lambda fault: f"{fault['fault']}-{fault.get('param')}",
)
def test_temporary_faults_lose_no_row(service: Callable[..., Service], run_tap: Tap, fault: dict[str, Any]) -> None:
    portal, config = service(scale=1200)
    portal.faults({"method": "v1/*", **fault})
    run = run_tap(config, streams=["deals", "contacts", "leads", "users"]).succeeded()
    whole(run, portal, "deals", "contacts", "leads", "users")
    assert "ERROR_LOOP_DETECTED" not in portal.stats()["errors"]


@pytest.mark.parametrize("fault", ["drop_order", "missing_id", "repeat_page"])
def test_a_list_that_cannot_be_trusted_fails_or_is_read_by_offset(
    service: Callable[..., Service], run_tap: Tap, fault: str
) -> None:
    portal, config = service(scale=1200)
    portal.faults({"fault": fault, "method": "deals/search"})
    run = run_tap(config, streams=["deals", "contacts", "users"])
    whole(run, portal, "contacts", "users")
    if run.code == 0:
        whole(run, portal, "deals")
    else:
        assert (run.code, "Traceback" in run.stderr) == (1, False)
        assert "deals" in run.stderr.splitlines()[-1]


def test_a_silently_ignored_filter_yields_no_wrong_row(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service(scale=1200)
    first = run_tap(config, streams=["deals", "users"]).succeeded()
    portal.faults({"fault": "drop_filter", "method": "deals/search"})
    again = run_tap(config, streams=["deals", "users"], state=first.state)
    late = [row for row in again.records("deals") if row["updated_at"] < "2026-11-23"]
    assert not late
    whole(again, portal, "users")


def test_a_truncated_page_fails_its_stream(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service(scale=60)
    catalog = run_tap.discover(config)
    portal.faults(switches={"vibe_search": "truncated"})
    run = run_tap(config, catalog=catalog, streams=["quotes"])
    assert run.code == 1
    assert "omits rows" in run.stderr.splitlines()[-1]
    assert run.records("quotes") == []


@pytest.mark.slow
def test_the_services_limits_are_kept(service: Callable[..., Service], run_tap: Tap) -> None:
    portal, config = service(no_limits=False, scale=3000)
    replace(run_tap, short_pauses=False)(config).succeeded()
    stats = portal.stats()
    assert "429" not in stats["http"]
    assert stats["in_flight_most"] <= 2


def test_discovery_provokes_no_error_and_takes_four_requests(service: Callable[..., Service], run_tap: Tap) -> None:
    """The key, smart processes, the offset, all descriptions in a batch: a dozen errors in an hour block the key."""
    portal, config = service(scale=60)
    assert len(run_tap.discover(config)["streams"]) > 50
    stats = portal.stats()
    assert (stats["errors"], stats["requests"]) == ({}, 4)


@pytest.mark.slow
def test_a_keys_own_rate_is_kept(service: Callable[..., Service], run_tap: Tap) -> None:
    """`/v1/me` returns the rate; the service refuses faster requests."""
    portal, config = service(no_limits=False, scale=60, switches={"vibe_rate": "3"})
    tap = replace(run_tap, short_pauses=False)
    tap(config, streams=["deals", "contacts", "companies", "leads", "quotes"]).succeeded()
    assert "429" not in portal.stats()["http"]


@pytest.mark.parametrize(
    ("settings", "switches", "message"),
    [
        ({"vibecode_api_key": "vibe_api_wrong"}, {}, "wrong key"),
        ({"vibecode_api_key": "two words"}, {}, "vibecode_api_key must be the key"),
        ({}, {"vibe_key": "expired"}, "the key is no longer valid"),
        ({}, {"vibe_key": "revoked"}, "the key is no longer valid"),
        ({}, {"vibe_key": "ip"}, "not allowed from this address"),
        ({}, {"vibe_key": "waitlist"}, "on the waiting list"),
        ({"vibecode_url": "nowhere"}, {}, "vibecode_url must look like"),
        ({"site_url": "https://a.example"}, {}, "keep VibeCode"),
    ],
)
def test_mistakes_are_one_line(
    service: Callable[..., Service], run_tap: Tap, settings: dict[str, Any], switches: dict[str, str], message: str
) -> None:
    _, config = service(switches=switches)
    given = {**config, **settings}
    run = run_tap(given)
    assert (run.code, run.stdout) == (2, "")
    assert message in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert config["vibecode_api_key"] not in run.stderr


@pytest.mark.parametrize(
    ("prefix", "message"),
    [("vibe_live_", "A management key cannot read lists"), ("vibe_app_", "this kind of key requires a session")],
)
def test_keys_of_other_kinds_are_refused(run_tap: Tap, prefix: str, message: str) -> None:
    """Both kinds may call `/v1/me`, and nothing else."""
    with serve(scale=60, no_limits=True) as running:
        config = {**running.config("vibecode"), "vibecode_api_key": key_of(running.portal, prefix)}
        run = run_tap(config)
    assert (run.code, run.stdout) == (2, "")
    assert message in run.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "switches",
    [
        {"vibe_total": "zero"},
        {"vibe_total": "absent"},
        {"vibe_single": "on"},
        {"vibe_numbers": "text"},
        {"vibe_search": "window_errors"},
        {"vibe_search": "failed"},
    ],
    ids=lambda switches: "-".join(next(iter(switches.items()))),
)
def test_silent_faults_of_the_service_lose_no_row(
    service: Callable[..., Service], run_tap: Tap, switches: dict[str, str]
) -> None:
    """Counts that are 0 or missing, one object instead of a list, numbers as text, windows that fail."""
    portal, config = service(switches=switches)
    run = run_tap(config, streams=["deals", "contacts", "tasks", "users", "departments", "crm_statuses"]).succeeded()
    whole(run, portal, "deals", "contacts", "tasks", "users", "departments")
    assert len(run.records("crm_statuses")) == len(portal.truth("statuses"))
    assert not [row for row in run.records("tasks") if row["_bitrix24_unparsed"]]


def test_streams_without_their_scope_are_not_offered(service: Callable[..., Service], run_tap: Tap) -> None:
    _, config = service(scopes="crm")
    names = {entry["tap_stream_id"] for entry in run_tap.discover(config)["streams"]}
    assert "deals" in names
    assert not names & {"users", "departments", "tasks"}


def test_it_arrives_in_duckdb(service: Callable[..., Service], tmp_path: Path) -> None:
    portal, config = service()
    (tmp_path / "config.json").write_text(json.dumps(config))
    database = tmp_path / "vibe.duckdb"
    command = [str(SCRIPTS / "bitrix24-export"), str(database), "--config", str(tmp_path / "config.json")]
    command += ["--select", "deals,contacts,users"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(database)) as connection:
        for name in ("deals", "contacts", "users"):
            assert connection.table(f"bitrix24.{name}").count("*").fetchall() == [(len(portal.truth(name)),)]
