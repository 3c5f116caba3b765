"""`python -m tap_bitrix24.demo` as a user starts it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.demo.wire import Wire


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running portal and its webhook URL, taken from its first line."""
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())["webhook_url"]
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=10)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_one_line_of_json_then_up_until_a_signal_then_quiet(stop: signal.Signals) -> None:
    with started("--scale", "50") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert "/rest/1/" in url
        assert url.endswith("/")
        assert Wire(url).call("crm.deal.list").body["total"] == 50
        process.send_signal(stop)
        out, err = process.communicate(timeout=10)
        assert process.returncode in {0, 128 + stop, -stop}
        assert out == ""
        assert "Traceback" not in err


def test_options_reach_the_portal() -> None:
    options = (
        "--scale 60 --smart-processes 3 --no-limits --scopes crm,user --switch count_cap=20 --switch error_code=int"
        " --ids sparse --deal-fields 12 --operating-cost 250"
    )
    with started(*options.split()) as (_, url):
        wire = Wire(url)
        assert wire.result("scope") == ["crm", "user"]
        assert len(wire.result("crm.type.list")["types"]) == 3
        deals = wire.call("crm.deal.list", {"order": {"ID": "DESC"}}).body
        assert deals["total"] == 20
        assert len(deals["result"][0]) == 12
        assert int(deals["result"][0]["ID"]) > 11_000
        assert deals["time"]["operating"] == 0.25
        assert wire.call("crm.item.list").body["error"] == 100


def test_the_secret_differs_from_start_to_start_or_is_at_least_no_word() -> None:
    with started("--scale", "50") as (_, url):
        secret = url.rstrip("/").rsplit("/", 1)[1]
        assert len(secret) >= 10


def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    identity = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    identity.private_key_pem.write_to_path(key)
    for number, blob in enumerate(identity.cert_chain_pems):
        blob.write_to_path(chain, append=number > 0)
    ca_file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    with started("--scale", "50", "--tls", str(chain), str(key)) as (_, url):
        assert url.startswith("https://")
        assert Wire(url, ca_file=ca_file).call("crm.deal.list").body["total"] == 50


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--switch", "no_such_switch=1", "no_such_switch"),
        ("--deal-fields", "301", "from 10 to 300"),
        ("--ids", "dusty", "sparse"),
    ],
)
def test_a_bad_option_ends_with_a_usage_line(option: str, value: str, message: str) -> None:
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--port", "0", option, value]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_switch_and_fault() -> None:
    command = [sys.executable, "-m", "tap_bitrix24.demo", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    for name in ("item_date_filter shifted exact", "list_gaps off on", "empty_page:", "broken_text:", "--timezone"):
        assert name in shown
