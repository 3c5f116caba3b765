"""Unmodified clients from PyPI against the portal: they read it whole, and fail where they fail on a real one.

Each client runs in a process of its own, so that its event loop, warnings and patches stay there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tap_bitrix24.demo import serve
from tests.demo.wire import Wire, ids

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
SCALE = 3000
DEALS = "crm.deal.list"


@dataclass(frozen=True)
class Outcome:
    """What a client brought back: ids in its order, or the error it ended with."""

    ids: list[int]
    warnings: list[str]
    error: str


def run(script: str, url: str, method: str = DEALS, ca_file: Path | None = None) -> Outcome:
    """Runs one client to its end."""
    environment = {**os.environ, **({"REQUESTS_CA_BUNDLE": str(ca_file)} if ca_file else {})}
    done = subprocess.run(
        [sys.executable, HERE / script, url, method],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    if done.returncode:
        return Outcome([], [], done.stderr[-4000:])
    reply = json.loads(done.stdout)
    return Outcome(reply["ids"], reply["warnings"], "")


# fast-bitrix24


@pytest.fixture
def plain() -> Iterator[Wire]:
    with serve(port=0, scale=SCALE, seed=1, no_limits=True) as portal:
        yield Wire(portal.url)


def fast(portal: Wire, method: str = DEALS) -> Outcome:
    return run("run_fast_bitrix24.py", f"http://{portal.host}:{portal.port}{portal.root}", method)


def test_fast_bitrix24_reads_every_deal(plain: Wire) -> None:
    outcome = fast(plain)
    assert outcome.error == ""
    assert sorted(outcome.ids) == ids(plain.truth("deals"))
    counted = plain.stats()
    assert counted["requests"] == 3
    assert counted["rows_served_twice"].get(DEALS, 0) == 0


def test_fast_bitrix24_loses_live_rows_when_others_are_deleted(plain: Wire) -> None:
    plain.mutate(table="deals", delete=1, every_requests=1, times=40, between_commands=True)
    outcome = fast(plain)
    alive = set(ids(plain.truth("deals")))
    assert len(alive) == SCALE - 40
    assert outcome.error == ""
    assert alive - set(outcome.ids), "no row that lives was lost"


def test_fast_bitrix24_misses_what_is_inserted(plain: Wire) -> None:
    plain.mutate(table="deals", insert=200, every_requests=1, times=1)
    outcome = fast(plain)
    alive = set(ids(plain.truth("deals")))
    assert len(alive) == SCALE + 200
    assert len(alive - set(outcome.ids)) >= 150
    assert outcome.error == ""


def test_fast_bitrix24_gives_up_on_the_operating_limit(plain: Wire) -> None:
    plain.faults({"fault": "operation_time_limit", "method": DEALS, "after": 10})
    outcome = fast(plain)
    assert "OPERATION_TIME_LIMIT" in outcome.error
    assert outcome.ids == []


def test_fast_bitrix24_gives_up_on_html_with_200(plain: Wire) -> None:
    plain.faults({"fault": "html_200", "after": 1, "times": 1})
    outcome = fast(plain)
    assert outcome.error != ""
    assert outcome.ids == []


def test_fast_bitrix24_only_warns_about_a_short_page(plain: Wire) -> None:
    plain.faults({"fault": "short_page", "method": DEALS, "param": 5, "after": 20, "times": 1})
    outcome = fast(plain)
    assert len(outcome.ids) == SCALE - 5
    assert any("doesn't equal 'total'" in warning for warning in outcome.warnings)


# b24pysdk


@dataclass(frozen=True)
class Secure:
    """A portal behind TLS and the authority that vouches for it."""

    wire: Wire
    url: str
    ca_file: Path

    def read(self, method: str = DEALS) -> Outcome:
        return run("run_b24pysdk.py", self.url, method, self.ca_file)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(tmp_path: Path, authority: trustme.CA) -> Iterator[Secure]:
    identity = authority.issue_cert("127.0.0.1", "localhost")
    chain, key, ca_file = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "authority.pem"
    identity.private_key_pem.write_to_path(key)
    for number, blob in enumerate(identity.cert_chain_pems):
        blob.write_to_path(chain, append=number > 0)
    authority.cert_pem.write_to_path(ca_file)
    with serve(port=0, scale=SCALE, seed=1, no_limits=True, tls=(str(chain), str(key))) as portal:
        yield Secure(Wire(portal.url, ca_file=ca_file), portal.url, ca_file)


def test_b24pysdk_reads_every_deal_over_tls(secure: Secure) -> None:
    outcome = secure.read()
    assert outcome.error == ""
    assert outcome.ids == ids(secure.wire.truth("deals"))
    assert secure.wire.stats()["counted"].get(DEALS, 0) == 0


def test_b24pysdk_stays_complete_under_inserts_and_deletes(secure: Secure) -> None:
    before = set(ids(secure.wire.truth("deals")))
    secure.wire.mutate(table="deals", insert=1, delete=1, every_requests=1, times=30, between_commands=True)
    outcome = secure.read()
    alive = set(ids(secure.wire.truth("deals")))
    assert outcome.error == ""
    assert before & alive <= set(outcome.ids)


def test_b24pysdk_takes_a_short_page_for_the_end_without_an_error(secure: Secure) -> None:
    """The first page and ten of the chain come, the eleventh is one row short: the rest is never asked for."""
    secure.wire.faults({"fault": "short_page", "method": DEALS, "param": 1, "after": 11, "times": 1})
    outcome = secure.read()
    assert outcome.error == ""
    assert outcome.ids == ids(secure.wire.truth("deals"))[: 11 * 50 + 49]


def test_b24pysdk_takes_the_operating_limit_for_the_end_without_an_error(secure: Secure) -> None:
    secure.wire.faults({"fault": "operation_time_limit", "method": DEALS, "after": 8})
    outcome = secure.read()
    assert outcome.error == ""
    assert outcome.ids == ids(secure.wire.truth("deals"))[:400]


def test_b24pysdk_reads_one_page_of_an_endpoint_that_ignores_the_id_filter(secure: Secure) -> None:
    secure.wire.faults({"fault": "drop_filter", "method": DEALS})
    outcome = secure.read()
    assert outcome.error == ""
    assert outcome.ids == ids(secure.wire.truth("deals"))[:50]


def test_b24pysdk_reads_50_of_130_users_of_an_old_portal(secure: Secure) -> None:
    secure.wire.mutate(table="users", insert=max(0, 130 - len(secure.wire.truth("users"))))
    secure.wire.switch(user_get_prefixes="old")
    outcome = secure.read("user.get")
    assert outcome.error == ""
    assert sorted(outcome.ids) == ids(secure.wire.truth("users"))[:50]
