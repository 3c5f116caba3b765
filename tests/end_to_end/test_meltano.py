"""The Meltano project of this repository: its settings equal the tap's, and it runs with the real Meltano."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tap_bitrix24.demo import serve
from tap_bitrix24.entities import ENTITIES
from tap_bitrix24.settings import PROPERTIES
from tap_bitrix24.tap import TapBitrix24
from tap_bitrix24.target_duckdb.target import SETTINGS as TARGET_SETTINGS
from tests.docs.rendering import NOT_BUILT
from tests.support.running import Portal

ROOT = Path(__file__).parents[2]
PROJECT = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
TAP, TARGET = PROJECT["plugins"]["extractors"][0], PROJECT["plugins"]["loaders"][0]
SCRIPTS = Path(sys.executable).parent
FULL_TABLE = {"crm_categories": 10, "crm_statuses": 70, "crm_types": 2, "currencies": 4, "departments": 4, "users": 5}
"""Streams that are read whole every run → their rows in the demo portal."""

INCREMENTAL = (
    "deals",
    "leads",
    "contacts",
    "companies",
    "quotes",
    "crm_activities",
    "smart_invoices",
    "tasks",
    "orders",
)
"""Streams of which a run brings only what has changed."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serve(port=0, scale=300, seed=1, no_limits=True) as running:
        yield Portal(running.url)


def test_the_settings_are_the_taps() -> None:
    offered = {setting["name"]: setting for setting in TAP["settings"]}
    assert offered.keys() == PROPERTIES.keys() - NOT_BUILT, "a project must not offer what the tap refuses"
    for name, setting in offered.items():
        facts = PROPERTIES[name]
        assert bool(setting.get("sensitive")) == bool(facts.get("secret")), name
        if name != "plan":  # Meltano passes values on, and a plan that is set binds a self-hosted portal as well
            assert setting.get("value") == facts.get("default"), name
        choices = [option["value"] for option in setting.get("options", [])]
        assert choices == [choice for choice in facts.get("enum", []) if choice is not None], name
    assert "value" not in offered["plan"]


def test_the_selected_streams_are_those_selected_by_default() -> None:
    default = {
        f"{entity.stream}{'*' if entity.template else ''}.*" for entity in ENTITIES if entity.selected_by_default
    }
    assert set(TAP["select"]) == default
    assert len(TAP["select"]) == len(default)


def test_the_capabilities_are_the_taps() -> None:
    assert set(TAP["capabilities"]) == {capability.value for capability in TapBitrix24.capabilities}


def test_the_targets_settings_are_its_own() -> None:
    assert {setting["name"] for setting in TARGET["settings"]} == TARGET_SETTINGS.keys()
    assert {setting["name"]: setting["value"] for setting in TARGET["settings"]}["schema"] == "bitrix24"


def test_the_hub_is_not_needed() -> None:
    for plugin in (TAP, TARGET):
        assert {"namespace", "pip_url", "executable", "capabilities", "settings"} <= plugin.keys()
        assert plugin["pip_url"].startswith("-e .")


class Project:
    """A copy of the project whose plugins are those of the tests' environment: no `pip_url`, nothing to install."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        lines = (ROOT / "meltano.yml").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.strip().startswith("pip_url:")]
        assert len(kept) == len(lines) - 2
        (folder / "meltano.yml").write_text("\n".join(kept), encoding="utf-8")
        self.environment = {
            **os.environ,
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "TAP_BITRIX24_WEBHOOK_URL": url,
            "TAP_BITRIX24_PLAN": "enterprise",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
        }

    def run(self) -> dict[str, int]:
        """Run the pipeline; return stream → rows, from the tap's log."""
        command = [str(SCRIPTS / "meltano"), "run", "tap-bitrix24", "target-bitrix24-duckdb"]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            encoding="utf-8",
            env=self.environment,
            cwd=self.folder,
            timeout=120,
        )
        log = done.stdout + done.stderr
        assert done.returncode == 0, log[-3000:]
        assert self.environment["TAP_BITRIX24_WEBHOOK_URL"] not in log
        return {stream: int(rows) for stream, rows in re.findall(r"(\w+): (\d+) rows, \d+ requests", log)}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "output" / "crm.duckdb"), read_only=True) as connection:
            connection.execute("USE bitrix24")
            return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_the_second_run_reads_changes_the_lookback_and_the_full_tables(tmp_path: Path, portal: Portal) -> None:
    portal.mutate(table="leads", update=7)
    project = Project(tmp_path, portal.url)

    first = project.run()
    counts = portal.counts()
    assert {stream: first[stream] for stream in FULL_TABLE} == FULL_TABLE
    assert (first["deals"], first["leads"], first["contacts"]) == (300, counts["leads"], counts["contacts"])

    portal.mutate(table="deals", update=5)
    portal.mutate(table="contacts", insert=3)
    portal.mutate(add_field={"table": "deals", "name": "UF_CRM_ADDED", "type": "string"})
    second = project.run()
    assert {stream: second[stream] for stream in (*FULL_TABLE, *INCREMENTAL)} == {
        **FULL_TABLE,
        **dict.fromkeys(INCREMENTAL, 0),
        "deals": 5,
        "contacts": 3,
        "leads": 7,  # changed before the first run, within the lookback of 300 seconds
    }
    assert 0 < second["crm_product_rows"] < first["crm_product_rows"]

    assert project.query("SELECT count(*), count(DISTINCT id) FROM deals") == [(300, 300)]
    assert project.query("SELECT count(*) FROM contacts") == [(counts["contacts"] + 3,)]
    assert project.query("SELECT count(*) FROM users") == [(FULL_TABLE["users"],)]
    titles = {int(row["ID"]): row["TITLE"] for row in portal.truth("deals")}
    assert dict(project.query("SELECT id, title FROM deals")) == titles
    assert project.query("SELECT count(*) FROM duckdb_columns() WHERE column_name = 'uf_crm_added'") == [(1,)]
