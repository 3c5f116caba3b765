"""Wrong settings on the command line: one line that says what to do, exit code 2, nothing on stdout.

See docs/decisions.md#decision-19.
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.input_files import check_state
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

URL = "https://example.bitrix24.com/rest/1/s3cr3t/"
NAME = "tap-bitrix24: "
PREFLIGHT = 1


def refused(run: Run, *says: str) -> str:
    """Return the last line of a run, which must have been refused with exit code 2 and no output."""
    last = run.stderr.splitlines()[-1]
    assert run.code == 2, run.stderr
    assert run.stdout == ""
    assert last.startswith(NAME)
    assert "Traceback" not in run.stderr
    for part in says:
        assert part in last
    return last


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"webhook_url": "example.bitrix24.com"}, "must look like https://"),
        ({"webhook_url": f"{URL}?auth=1"}, "must look like https://"),
        ({"webhook_url": "http://example.bitrix24.com/rest/1/s3cr3t/"}, "allow_http"),
        ({"webhook_url": None}, "set webhook_url"),
        ({"webhok_url": URL}, "Unknown setting 'webhok_url'. Did you mean 'webhook_url'?"),
        (
            {"vibecode_api_key": "k"},
            "Two connections are configured; keep webhook (webhook_url) and drop vibecode_api_key",
        ),
        ({"start_date": "2025-13-45"}, "start_date '2025-13-45' is not a date"),
        ({"plan": "gold"}, "plan must be one of standard, enterprise"),
        ({"ca_bundle": "/no/such/file"}, "ca_bundle: there is no file"),
    ],
)
def test_a_bad_setting_is_named_before_any_request(
    portal: Portal, run_tap: Tap, changes: Mapping[str, Any], says: str
) -> None:
    portal.forget_stats()
    refused(run_tap({**portal.config(), **changes}), says)
    assert portal.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("option", "content", "says"),
    [
        ("config", b"", "is not JSON"),
        ("config", b'"text"', "must hold a JSON object"),
        ("config", b"\xff\xfe{", "is not JSON"),
        ("catalog", b"[]", "must hold a JSON object"),
        ("state", b'{"bookmarks": ', "is not JSON"),
    ],
)
def test_a_file_that_is_not_a_json_object_is_named(
    portal: Portal, run_tap: Tap, tmp_path: Path, option: str, content: bytes, says: str
) -> None:
    portal.forget_stats()
    path = tmp_path / "given.json"
    path.write_bytes(content)
    refused(run_tap(portal.config(), f"--{option}", str(path)), says, f"--{option} {path}")
    assert portal.stats()["requests"] == 0


@pytest.mark.parametrize("option", ["config", "state"])
def test_a_missing_file_is_named(portal: Portal, run_tap: Tap, option: str) -> None:
    portal.forget_stats()
    refused(run_tap(portal.config(), f"--{option}", "nowhere.json"), "nowhere.json", "No such file")
    assert portal.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"bookmarks": []}, "bookmarks"),
        ({"bookmarks": {"deals": 5}}, "STATE of deals"),
        ({"bookmarks": {"deals": {"replication_key_value": "2025-01-01T00:00:00"}}}, "with offset"),
        ({"bookmarks": {"deals": {"snapshot": 5}}}, "number `after`"),
        ({"bookmarks": {"deals": {"snapshot": {"after": "x"}}}}, "number `after`"),
        ({"bookmarks": {"deals": {"snapshot": {"after": 5, "clock": 7}}}}, "holds 7"),
    ],
)
def test_state_must_be_as_the_tap_writes_it(state: Mapping[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check_state(state)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {"deals": {"replication_key": "date_modify", "replication_key_value": "2025-01-01T00:00:00Z"}}},
        {"bookmarks": {"deals": {"snapshot": {"after": 5, "clock": "2025-01-01T00:00:00Z"}}, "users": {}}},
    ],
)
def test_state_as_the_tap_writes_it_is_taken(state: Mapping[str, Any]) -> None:
    assert check_state(state) is state


def test_a_bad_bookmark_is_named_before_any_request(portal: Portal, run_tap: Tap) -> None:
    portal.forget_stats()
    refused(
        run_tap(portal.config(), state={"bookmarks": {"deals": {"replication_key_value": "yesterday"}}}),
        "STATE",
        "'yesterday'",
    )
    assert portal.stats()["requests"] == 0


def test_a_catalog_of_another_shape_is_named_before_any_request(portal: Portal, run_tap: Tap) -> None:
    portal.forget_stats()
    refused(run_tap(portal.config(), catalog={"streams": 5}), "The catalog", "--discover")
    assert portal.stats()["requests"] == 0


def test_no_settings_at_all(run_tap: Tap) -> None:
    refused(run_tap({}), "No credentials: set webhook_url")


@pytest.mark.parametrize("option", ["--discover", "--test"])
def test_bad_settings_end_every_command_alike(run_tap: Tap, option: str) -> None:
    refused(run_tap({"webhook_url": "x"}, option))


def test_an_unreachable_host_is_named_without_the_secret(run_tap: Tap) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: nobody else takes the port, every connection is refused
        port = unused.getsockname()[1]
        run = run_tap({"webhook_url": f"http://127.0.0.1:{port}/rest/1/s3cr3t/"})
    assert (run.code, run.stdout) == (1, ""), "it may be there a minute later"
    assert f"cannot reach http://127.0.0.1:{port}" in run.stderr.splitlines()[-1]
    assert "s3cr3t" not in run.stderr


def test_a_wrong_secret_takes_one_request(portal: Portal, run_tap: Tap) -> None:
    portal.forget_stats()
    base = portal.url.rsplit("/", 2)[0]
    refused(run_tap({"webhook_url": f"{base}/wr0ngsecret/"}), "copy its URL from the portal again")
    assert portal.stats()["requests"] == PREFLIGHT


def test_no_usable_scope_takes_one_request(start: Start, run_tap: Tap) -> None:
    portal = start(scopes="placement,rating")
    refused(run_tap(portal.config()), "have no scope this tap reads", "crm")
    assert portal.stats()["requests"] == PREFLIGHT


@pytest.mark.parametrize("code", ["PAYMENT_REQUIRED", "OVERLOAD_LIMIT"])
def test_a_portal_that_refuses_everyone_takes_one_request(start: Start, run_tap: Tap, code: str) -> None:
    portal = start()
    portal.faults({"fault": "auth", "param": code})
    refused(run_tap(portal.config()), f"[{code}]")
    assert portal.stats()["requests"] == PREFLIGHT


class TestTls:
    """A self-hosted portal may have a certificate of its own authority."""

    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secured(self, authority: trustme.CA, start: Start, tmp_path: Path) -> Portal:
        """A portal that speaks TLS as `localhost`."""
        certificate = authority.issue_cert("localhost")
        chain, key, ca_bundle = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
        certificate.cert_chain_pems[0].write_to_path(chain)
        certificate.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(ca_bundle)
        return start(tls=(str(chain), str(key)), ca_bundle=ca_bundle)

    def test_an_unknown_authority_is_refused(self, secured: Portal, run_tap: Tap) -> None:
        refused(run_tap(secured.config()), "certificate is not trusted", "ca_bundle", urlsplit(secured.url).netloc)

    def test_ca_bundle_makes_it_trusted(self, secured: Portal, run_tap: Tap, tmp_path: Path) -> None:
        run = run_tap(secured.config(ca_bundle=str(tmp_path / "ca.pem")), "--discover").succeeded()
        assert json.loads(run.stdout)["streams"]

    def test_ca_bundle_wins_over_the_environment(self, secured: Portal, tmp_path: Path) -> None:
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        run = Tap(tmp_path, {"REQUESTS_CA_BUNDLE": str(other)})
        run(secured.config(ca_bundle=str(tmp_path / "ca.pem")), "--discover").succeeded()

    def test_ca_bundle_that_holds_no_certificate_is_named(self, secured: Portal, run_tap: Tap, tmp_path: Path) -> None:
        (tmp_path / "empty.pem").write_text("no certificate\n")
        refused(run_tap(secured.config(ca_bundle=str(tmp_path / "empty.pem"))), "ca_bundle")
