"""The OAuth connection, end to end: tokens are renewed in time, rotated, stored, and never printed."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server.running import RunningPortal
from tests.support.running import SCRIPTS, Portal, Run, Tap

STREAMS = ["deals", "contacts", "event_log", "tasks"]


@pytest.fixture
def running() -> Iterator[RunningPortal]:
    with serve(scale=300, seed=1, no_limits=True) as portal:
        yield portal
        Portal(portal.url).was_only_read()


@pytest.fixture
def config(running: RunningPortal, tmp_path: Path) -> dict[str, Any]:
    """Settings for the demo's application, with a token file in the folder of the test."""
    return {**running.config("oauth"), "token_file": str(tmp_path / "tokens.json"), "max_concurrency": 4}


def kept(config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(config["token_file"]).read_text())
    return found


def secrets_of(config: Mapping[str, Any]) -> set[str]:
    """Return all values that must not be printed, including renewed tokens."""
    found = {config["client_secret"], config["refresh_token"]}
    if Path(config["token_file"]).exists():
        found |= {kept(config)["access_token"], kept(config)["refresh_token"]} - {""}
    return found


def silent(run: Run, config: Mapping[str, Any]) -> Run:
    """Return the run after asserting that it printed no secret."""
    for secret in secrets_of(config):
        assert secret not in run.stdout + run.stderr
    return run


def one_line(run: Run, config: Mapping[str, Any]) -> str:
    """Return the last line of a refused run, which must have written nothing else."""
    assert (silent(run, config).code, run.stdout) == (2, ""), run.stderr
    assert "Traceback" not in run.stderr
    return run.stderr.splitlines()[-1]


def test_all_rows_come_while_tokens_expire_every_few_seconds(
    running: RunningPortal, config: dict[str, Any], run_tap: Tap
) -> None:
    portal = Portal(running.url)
    portal.faults(switches={"oauth_expires_in": "2"}, latency_ms=150)
    run = silent(run_tap(config, streams=STREAMS), config).succeeded()
    assert sorted(run.ids("deals")) == sorted(portal.table("deals"))
    assert sorted(run.ids("tasks")) == sorted(portal.table("tasks", "id"))
    stats = portal.stats()
    assert stats["token_grants"]["refresh_token"] >= 2
    assert stats["secrets_in_urls"] == 0
    assert Path(config["token_file"]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("switch", ["code", "denied"])
def test_a_token_refused_as_expired_is_renewed_once_for_all_requests(
    running: RunningPortal, config: dict[str, Any], run_tap: Tap, switch: str
) -> None:
    portal = Portal(running.url)
    run_tap(config, "--discover").succeeded()
    portal.control("clock", {"advance": 4000})  # by our clock the token is still good
    portal.faults(switches={"v3_expired": switch})
    portal.forget_stats()
    run = silent(run_tap(config, streams=STREAMS), config).succeeded()
    assert len(run.ids("event_log")) == 1300
    assert portal.stats()["token_grants"] == {"refresh_token": 1}


def test_a_second_run_uses_the_token_of_the_first(running: RunningPortal, config: dict[str, Any], run_tap: Tap) -> None:
    for _ in range(2):
        silent(run_tap(config, "--discover"), config).succeeded()
    assert Portal(running.url).stats()["token_grants"] == {"refresh_token": 1}
    assert kept(config)["renewing_since"] == 0


def test_taps_running_side_by_side_do_not_invalidate_each_others_token(
    running: RunningPortal, config: dict[str, Any], tmp_path: Path
) -> None:
    runs: list[Run] = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    taps = [
        threading.Thread(target=lambda tap: runs.append(tap(config, "--discover")), args=(Tap(tmp_path / name),))
        for name in ("one", "two", "three")
    ]
    for each in taps:
        each.start()
    for each in taps:
        each.join()
    assert [silent(run, config).code for run in runs] == [0, 0, 0], runs[0].stderr
    assert Portal(running.url).stats()["token_grants"] == {"refresh_token": 1}


def test_a_renewal_whose_answer_is_lost_is_explained(
    running: RunningPortal, config: dict[str, Any], run_tap: Tap
) -> None:
    Portal(running.url).faults({"fault": "answer_lost", "method": "oauth/token", "times": 1})
    line = one_line(run_tap(config), config)
    assert "never arrived or was never saved" in line
    assert "tap-bitrix24-auth" in line


@pytest.mark.parametrize(
    ("state", "message"),
    [("removed", "consent again"), ("unpaid", "subscription has ended"), ("unknown", "consent again")],
)
def test_a_refused_application_gets_advice(
    running: RunningPortal, config: dict[str, Any], run_tap: Tap, state: str, message: str
) -> None:
    Portal(running.url).faults(switches={"oauth_application": state})
    assert message in one_line(run_tap(config), config)


def test_a_wrong_client_secret_is_named(config: dict[str, Any], run_tap: Tap) -> None:
    config["client_secret"] = "x" * 20
    assert "client_secret is wrong" in one_line(run_tap(config), config)


def test_a_new_refresh_token_in_the_settings_overrides_the_file(
    running: RunningPortal, config: dict[str, Any], run_tap: Tap
) -> None:
    run_tap(config, "--discover").succeeded()
    spent = kept(config)
    Path(config["token_file"]).write_text(json.dumps({**spent, "access_token": "", "refresh_token": "spent"}))
    assert "no longer accepted" in one_line(run_tap(config), config)
    silent(run_tap({**config, "refresh_token": spent["refresh_token"]}, "--discover"), config).succeeded()
    assert Portal(running.url).stats()["token_grants"] == {"refresh_token": 2}


def test_a_portal_that_has_moved_is_followed(running: RunningPortal, config: dict[str, Any], run_tap: Tap) -> None:
    portal = Portal(running.url)
    portal.faults(switches={"oauth_endpoint": "moved"})
    run = silent(run_tap(config, streams=["deals"]), config).succeeded()
    assert len(run.ids("deals")) == len(portal.table("deals"))
    assert any("has moved to localhost" in line for line in run.warnings)


def test_without_a_file_the_loss_of_the_token_is_warned_of(config: dict[str, Any], run_tap: Tap) -> None:
    del config["token_file"]
    run = run_tap(config, "--discover").succeeded()
    assert any("without token_file" in line for line in run.warnings)


def test_the_token_file_of_another_application_is_refused(config: dict[str, Any], run_tap: Tap) -> None:
    run_tap(config, "--discover").succeeded()
    assert "another application" in one_line(run_tap({**config, "client_id": "local.x"}), config)


class TestLogin:
    """`tap-bitrix24-auth`: the test is the browser."""

    def started(self, config: Mapping[str, Any], folder: Path) -> "subprocess.Popen[str]":
        file = folder / "login.json"
        file.write_text(json.dumps({name: value for name, value in config.items() if name != "refresh_token"}))
        return subprocess.Popen(
            [str(SCRIPTS / "tap-bitrix24-auth"), "--config", str(file), "--port", "0", "--timeout", "30"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": "/nowhere", "BROWSER": "true"},
        )

    def test_consent_fills_the_token_file(
        self, running: RunningPortal, config: dict[str, Any], tmp_path: Path, run_tap: Tap
    ) -> None:
        login = self.started(config, tmp_path)
        assert login.stdout is not None
        assert "Open this address" in login.stdout.readline()
        address = login.stdout.readline().strip()
        assert "Signed in" in requests.get(address, timeout=30).text
        output, errors = login.communicate(timeout=30)
        assert (login.returncode, errors) == (0, "")
        assert "Signed in to" in output
        del config["refresh_token"]
        run_tap(config, "--discover").succeeded()
        for secret in (kept(config)["access_token"], kept(config)["refresh_token"], config["client_secret"]):
            assert secret not in output
        assert Portal(running.url).stats()["token_grants"] == {"authorization_code": 1}

    def test_a_request_with_a_forged_state_is_refused(self, config: dict[str, Any], tmp_path: Path) -> None:
        login = self.started(config, tmp_path)
        assert login.stdout is not None
        login.stdout.readline()
        address = login.stdout.readline().strip()
        forged = re.sub(r"state=[^&]+", "state=forged", address)
        assert requests.get(forged, timeout=30).status_code == 400
        assert "Signed in" in requests.get(address, timeout=30).text
        login.communicate(timeout=30)
        assert login.returncode == 0

    def test_a_refusal_is_one_line(self, running: RunningPortal, config: dict[str, Any], tmp_path: Path) -> None:
        Portal(running.url).faults(switches={"oauth_consent": "denied_with_redirect"})
        login = self.started(config, tmp_path)
        assert login.stdout is not None
        login.stdout.readline()
        assert "Not signed in" in requests.get(login.stdout.readline().strip(), timeout=30).text
        _, errors = login.communicate(timeout=30)
        assert (login.returncode, len(errors.splitlines())) == (2, 1)
        assert "access_denied" in errors
        assert not Path(config["token_file"]).exists()

    @pytest.mark.parametrize("fault", ["html_502", "disconnect"])
    def test_an_authorization_server_that_is_down_is_worth_another_try(
        self, running: RunningPortal, config: dict[str, Any], tmp_path: Path, fault: str
    ) -> None:
        login = self.started(config, tmp_path)
        assert login.stdout is not None
        login.stdout.readline()
        Portal(running.url).faults({"fault": fault, "method": "oauth/token"})
        requests.get(login.stdout.readline().strip(), timeout=30)
        _, errors = login.communicate(timeout=30)
        assert (login.returncode, len(errors.splitlines())) == (1, 1)
