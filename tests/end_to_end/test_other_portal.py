"""STATE and tables of another portal: refused, with the way out, instead of exit code 0 without rows."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server.running import RunningPortal
from tap_bitrix24.fingerprint import SCHEMA_KEY
from tests.end_to_end.test_settings_cli import PREFLIGHT, refused
from tests.support.fixtures import Start
from tests.support.loading import load, opened, run_loader
from tests.support.running import SCRIPTS, Portal, Run, Tap, only

DEALS = ["deals"]
Catalog = dict[str, Any]


@pytest.fixture
def other(start: Start) -> Portal:
    """Another portal than `portal`: other rows under the same ids, at another port."""
    return start(seed=2)


def host(portal: Portal) -> str:
    return portal.url.split("/")[2]


class TestState:
    """STATE of another portal."""

    def test_it_is_refused_before_a_row_is_read(
        self, portal: Portal, other: Portal, run_tap: Tap, catalog: Catalog
    ) -> None:
        first = run_tap(portal.config(), catalog=catalog, streams=DEALS).succeeded()
        other.forget_stats()
        run = run_tap(other.config(), catalog=catalog, streams=DEALS, state=first.state)
        line = refused(run, "STATE belongs to another portal", "start without --state", "renamed_from")
        assert first.state["portal"]["host"] not in line, "in a short form only"
        assert other.stats()["requests"] == PREFLIGHT

    def test_the_same_portal_goes_on(self, portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
        first = run_tap(portal.config(), catalog=catalog, streams=DEALS).succeeded()
        again = run_tap(portal.config(), catalog=catalog, streams=DEALS, state=first.state).succeeded()
        assert len(again.ids("deals")) < len(first.ids("deals"))
        assert again.state["portal"] == first.state["portal"]
        assert again.states[0] == first.state, "the first STATE is the one carried over"

    def test_a_renamed_portal_is_let_in_once_and_then_known(self, start: Start, run_tap: Tap, catalog: Catalog) -> None:
        before, after = start(), start()
        first = run_tap(before.config(), catalog=catalog, streams=DEALS).succeeded()
        config = after.config(renamed_from=host(before))
        second = run_tap(config, catalog=catalog, streams=DEALS, state=first.state).succeeded()
        assert len(second.ids("deals")) < len(first.ids("deals"))
        assert second.state["portal"] != first.state["portal"]
        run_tap(after.config(), catalog=catalog, streams=DEALS, state=second.state).succeeded()
        refused(run_tap(before.config(), catalog=catalog, streams=DEALS, state=second.state), "another portal")

    def test_a_portal_that_redirects_to_its_new_host_is_the_same(
        self, start: Start, run_tap: Tap, catalog: Catalog
    ) -> None:
        before, after = start(), start()
        first = run_tap(before.config(), catalog=catalog, streams=DEALS).succeeded()
        before.faults({"fault": "redirect", "param": f"{after.url}batch"})
        followed = run_tap(before.config(), catalog=catalog, streams=DEALS, state=first.state).succeeded()
        run_tap(after.config(), catalog=catalog, streams=DEALS, state=followed.state).succeeded()

    def test_state_of_an_older_version_is_taken_once_and_gets_a_fingerprint(
        self, portal: Portal, other: Portal, run_tap: Tap, catalog: Catalog
    ) -> None:
        first = run_tap(portal.config(), catalog=catalog, streams=DEALS).succeeded()
        older = {"bookmarks": first.state["bookmarks"]}
        again = run_tap(portal.config(), catalog=catalog, streams=DEALS, state=older).succeeded()
        assert again.states[0] == older
        assert again.state["portal"] == first.state["portal"]
        refused(run_tap(other.config(), catalog=catalog, streams=DEALS, state=again.state), "another portal")

    def test_full_table_streams_alone_leave_a_fingerprint_too(
        self, portal: Portal, run_tap: Tap, catalog: Catalog
    ) -> None:
        state = run_tap(portal.config(), catalog=catalog, streams=["crm_statuses"]).succeeded().state
        assert state.keys() == {"bookmarks", "portal"}
        run_tap(portal.config(), catalog=catalog, streams=["crm_statuses"], state=state).succeeded()

    def test_no_secret_enters_it(self, portal: Portal, run_tap: Tap, catalog: Catalog) -> None:
        run = run_tap(portal.config(), catalog=catalog, streams=DEALS).succeeded()
        (schema,) = [message["schema"] for message in run.of_type("SCHEMA")]
        assert schema[SCHEMA_KEY] == {**run.state["portal"], "former_hosts": []}
        assert portal.url.rstrip("/").rpartition("/")[2] not in run.stdout
        assert host(portal) not in json.dumps(run.state)


class TestConnections:
    """One portal by several connections is one portal."""

    @pytest.fixture
    def running(self) -> Iterator[RunningPortal]:
        with serve(scale=60, seed=3, no_limits=True) as portal:
            yield portal

    @pytest.fixture
    def oauth(self, running: RunningPortal, tmp_path: Path) -> dict[str, str]:
        return {**running.config("oauth"), "token_file": str(tmp_path / "tokens.json")}

    def test_webhook_oauth_vibecode_and_back(self, running: RunningPortal, oauth: dict[str, str], run_tap: Tap) -> None:
        catalog = run_tap.discover(running.config())
        state: Mapping[str, Any] = {}
        known: list[set[str]] = []
        for config in (running.config(), oauth, running.config("vibecode"), running.config()):
            given = None if config == running.config("vibecode") else catalog
            run = run_tap(config, catalog=given, streams=DEALS, state=state).succeeded()
            state = run.state
            known.append(set(state["portal"]))
        assert known == [{"host"}, *[{"host", "member"}] * 3]

    def test_an_application_knows_its_portal_under_any_host(self, oauth: dict[str, str], run_tap: Tap) -> None:
        first = run_tap(oauth, streams=DEALS).succeeded()
        tokens = json.loads(Path(oauth["token_file"]).read_text())
        given = {**oauth, "refresh_token": tokens["refresh_token"], "token_file": f"{oauth['token_file']}.new"}
        moved = {name: value.replace("127.0.0.1", "localhost") for name, value in given.items()}
        again = run_tap(moved, streams=DEALS, state=first.state).succeeded()
        assert again.state["portal"]["member"] == first.state["portal"]["member"]
        assert again.state["portal"]["host"] != first.state["portal"]["host"]

    def test_an_application_of_another_portal_is_refused(
        self, running: RunningPortal, oauth: dict[str, str], run_tap: Tap
    ) -> None:
        state = run_tap(oauth, streams=DEALS).succeeded().state
        with serve(scale=60, seed=4, no_limits=True) as other:
            config = {**other.config("oauth"), "token_file": f"{oauth['token_file']}.other"}
            refused(run_tap(config, state=state), "another portal")
            refused(run_tap(other.config("vibecode"), state=state), "another portal")
            refused(run_tap(other.config(), state=state), "another portal")
        site = run_tap(running.config("site")).succeeded().state
        with serve(scale=60, seed=4, no_limits=True) as other:
            refused(run_tap(other.config("site"), state=site), "another portal")


class TestFile:
    """A DuckDB file that holds another portal."""

    @pytest.fixture
    def runs(self, portal: Portal, other: Portal, run_tap: Tap, catalog: Catalog) -> tuple[Run, Run]:
        """Runs over two portals."""
        one, two = (run_tap(each.config(), catalog=catalog, streams=DEALS).succeeded() for each in (portal, other))
        return one, two

    def test_it_stays_as_it_is(self, runs: tuple[Run, Run], tmp_path: Path) -> None:
        file = load(runs[0].stdout, tmp_path)
        with opened(file) as connection:
            before = connection.execute("FROM deals ORDER BY id").fetchall()
        done = run_loader(file, runs[1].stdout)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "another portal" in done.stderr
        with opened(file) as connection:
            assert connection.execute("FROM deals ORDER BY id").fetchall() == before

    def test_in_another_schema_it_is_welcome(self, runs: tuple[Run, Run], tmp_path: Path) -> None:
        file = load(runs[0].stdout, tmp_path)
        assert run_loader(file, runs[1].stdout, schema="other").returncode == 0
        with opened(file) as connection:
            counts = connection.execute(
                "SELECT (SELECT count(*) FROM bitrix24.deals), (SELECT count(*) FROM other.deals)"
            ).fetchall()
        assert counts == [tuple(len(run.ids("deals")) for run in runs)]

    @pytest.mark.parametrize("lines", [2, 40])
    def test_a_rename_stopped_at_any_line_goes_on(
        self, start: Start, run_tap: Tap, catalog: Catalog, tmp_path: Path, lines: int
    ) -> None:
        before, after = start(), start()
        first = run_tap(before.config(), catalog=catalog, streams=DEALS).succeeded()
        file, state = load(first.stdout, tmp_path), first.state
        config = after.config(renamed_from=host(before), lookback_seconds=10**8)
        cut = "".join(
            run_tap(config, catalog=catalog, streams=DEALS, state=state).stdout.splitlines(keepends=True)[:lines]
        )
        confirmed = run_loader(file, cut).stdout.splitlines()
        state = json.loads(confirmed[-1]) if confirmed else state
        run = run_tap(config, catalog=catalog, streams=DEALS, state=state).succeeded()
        assert run_loader(file, run.stdout).returncode == 0
        run = run_tap(after.config(), catalog=catalog, streams=DEALS, state=run.state).succeeded()
        assert run_loader(file, run.stdout).returncode == 0
        with opened(file) as connection:
            assert connection.execute("SELECT count(*) FROM deals").fetchall() == [(len(after.table("deals")),)]

    def test_a_pipeline_ends_with_one_line_from_each(
        self, runs: tuple[Run, Run], other: Portal, catalog: Catalog, tmp_path: Path
    ) -> None:
        file = load(runs[0].stdout, tmp_path)
        settings, chosen = tmp_path / "tap.json", tmp_path / "chosen.json"
        settings.write_text(json.dumps(other.config()))
        chosen.write_text(json.dumps(only(catalog, "deals", "contacts", "leads", "tasks", "users")))
        command = (
            f"{SCRIPTS}/tap-bitrix24 --config {settings} --catalog {chosen} 2> {tmp_path}/tap.log"
            f" | {SCRIPTS}/target-bitrix24-duckdb --config {tmp_path}/target.json; echo ${{PIPESTATUS[@]}}"
        )
        done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, encoding="utf-8", timeout=60)
        tap, target = done.stdout.split()
        assert (target, done.stderr.count("\n")) == ("2", 1)
        assert tap in {"0", "1"}, "0 if it had written everything before the loader refused it"
        assert "Traceback" not in (tmp_path / "tap.log").read_text()
        assert file.exists()


class TestWrapping:
    """STATE as Meltano and targets store it: no reload of everything."""

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda state: json.dumps({"type": "STATE", "value": state}),
            lambda state: json.dumps({"singer_state": state}, indent=1),
            lambda state: json.dumps({"completed": {"singer_state": state}, "partial": {}}),
            lambda state: f"{json.dumps({'bookmarks': {}})}\n{json.dumps(state)}\n",
        ],
        ids=["message", "meltano", "meltano-jobs", "lines"],
    )
    def test_it_is_taken_out(self, portal: Portal, run_tap: Tap, catalog: Catalog, tmp_path: Path, wrap: Any) -> None:
        first = run_tap(portal.config(), catalog=catalog, streams=DEALS).succeeded()
        plain = run_tap(portal.config(), catalog=catalog, streams=DEALS, state=first.state).succeeded()
        path = tmp_path / "wrapped.json"
        path.write_text(wrap(first.state))
        run = run_tap(portal.config(), "--state", str(path), catalog=catalog, streams=DEALS).succeeded()
        assert run.ids("deals") == plain.ids("deals")
        assert len(run.ids("deals")) < len(first.ids("deals"))
        assert run.states[0] == first.state

    @pytest.mark.parametrize(
        "state", [{"deals": {"replication_key_value": "2025-01-01T00:00:00Z"}}, {"singer_state": {"deals": {}}}]
    )
    def test_what_holds_no_bookmarks_is_refused_before_any_request(
        self, portal: Portal, run_tap: Tap, state: dict[str, Any]
    ) -> None:
        portal.forget_stats()
        refused(run_tap(portal.config(), state=state), "`bookmarks`", "--state")
        assert portal.stats()["requests"] == 0
