"""What the documentation shows is what the code does."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

from tap_bitrix24 import __version__
from tap_bitrix24.demo import serve
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.examples import EXAMPLES
from tap_bitrix24.settings import PROPERTIES, check
from tests.docs import rendering
from tests.docs.rendering import BLOCKS, NOT_BUILT, ROOT, UNUSED, documents

SCRIPTS = Path(sys.executable).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
each_document = pytest.mark.parametrize("path", list(documents()), ids=lambda path: str(path.relative_to(ROOT)))
LATER: list[dict[str, Any]] = [
    dict.fromkeys(("portal_url", "client_id", "client_secret", "refresh_token", "token_file", "oauth_token_url"), "x"),
    dict.fromkeys(("vibecode_api_key", "vibecode_url"), "x"),
    dict.fromkeys(("site_url", "site_api_key", "site_openapi_path"), "x"),
    {"detect_deletes": True, "webhook_url": "https://example.bitrix24.com/rest/1/secret/"},
]
"""Settings that belong to what this version does not have."""
RENDER = "stale: run python -m tests.docs.rendering"


def marked(text: str, name: str) -> str:
    """The code block behind a marker, its indentation taken off."""
    found = re.search(rf"^( *)<!-- {re.escape(name)} -->\n\1```\w+\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"no block {name}"
    return re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - {"demo"}))
def test_tables_are_those_of_the_code(name: str) -> None:
    assert rendering.shown(name) == BLOCKS[name](), RENDER


def test_the_first_command_prints_what_the_readme_shows() -> None:
    seconds_aside = rendering.without_seconds
    assert seconds_aside(rendering.shown("demo")) == seconds_aside(rendering.demo()), RENDER
    assert "~" in seconds_aside(rendering.shown("demo"))


def test_the_test_command_is_the_one_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    extraction = next(line for line in script.splitlines() if line.startswith("test_command="))
    done = subprocess.run(
        ["bash", "-euc", f'{extraction}; echo "$test_command"'],
        cwd=ROOT, check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.stdout == marked(README, "test-command")
    assert done.stdout.rstrip().endswith(".venv/bin/pytest")
    assert 'bash -euo pipefail -c "$test_command"' in script


def test_the_first_screen_holds_both_commands() -> None:
    screen = README.splitlines()[:25]
    commands = [line for line in screen if line.startswith("python3 -m venv .venv && ")]
    assert len(commands) == 2
    assert commands[0].endswith(".venv/bin/bitrix24-export crm.duckdb --demo")


def test_every_console_script_is_described() -> None:
    for name in PYPROJECT["project"]["scripts"]:
        assert f"| `{name}` |" in README


@pytest.mark.parametrize("given", LATER, ids=lambda given: next(iter(given)))
def test_what_is_not_built_yet_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="not built yet"):
        check(given)


def test_only_settings_that_are_refused_are_left_out_of_the_table() -> None:
    assert {name for given in LATER for name in given} - {"webhook_url"} == NOT_BUILT
    named = set(re.findall(r"^\| `(\w+)` \|", rendering.shown("settings"), re.MULTILINE))
    assert named == PROPERTIES.keys() - NOT_BUILT


@pytest.mark.parametrize("name", sorted(UNUSED))
def test_settings_without_effect_are_read_nowhere_else(name: str) -> None:
    package = ROOT / "tap_bitrix24"
    readers = [path.name for path in package.rglob("*.py") if name in path.read_text(encoding="utf-8")]
    assert readers == ["settings.py"], f"{name} has an effect now: say which in its description"


def test_the_pipeline_runs(tmp_path: Path) -> None:
    commands = marked(README, "pipeline")
    with serve(port=0, scale=60, seed=1, no_limits=True) as portal:
        (tmp_path / "config.json").write_text(json.dumps({"webhook_url": portal.url}))
        script = commands.replace(".venv/bin/", f"{SCRIPTS}/")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, check=False, capture_output=True, encoding="utf-8"
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(json.loads((tmp_path / "state.json").read_text())["bookmarks"]["deals"]) == {
        "replication_key",
        "replication_key_value",
    }
    with duckdb.connect(str(tmp_path / "crm.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM bitrix24.deals").fetchall() == [(60,)]
        unparsed = re.search(r"```sql\n(.*?)```", (ROOT / "docs" / "types.md").read_text(encoding="utf-8"), re.DOTALL)
        assert unparsed
        connection.execute(unparsed[1])


def test_the_example_files_are_the_examples() -> None:
    files = sorted((ROOT / "target_examples" / "duckdb").glob("*.sql"))
    assert sorted(path.read_text(encoding="utf-8") for path in files) == sorted(
        f"-- {example.title}\n{example.sql.strip()};\n" for example in EXAMPLES
    )


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        parts = urlsplit(target)
        if parts.scheme:
            continue
        linked = (path.parent / parts.path) if parts.path else path
        assert linked.exists(), target
        if parts.fragment:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert parts.fragment in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@each_document
def test_no_document_names_a_path_of_a_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|home|root|tmp|Users)/", path.read_text(encoding="utf-8"))


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_modules_of_the_map_exist_and_none_is_left_out() -> None:
    listing = re.search(r"## Where things are\n\n```text\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert listing
    named = set(re.findall(r"\b[a-z_]+\.py|\b[a-z_]+/", listing[1]))
    package = ROOT / "tap_bitrix24"
    there = {path.name for path in package.glob("*.py")} | {f"{each.parent.name}/" for each in package.glob("*/*.py")}
    assert named == there - {"__init__.py"}


def test_adding_an_entity_takes_the_steps_described(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tap_bitrix24", tmp_path / "tap_bitrix24", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "samples", tmp_path / "samples")
    table = tmp_path / "tap_bitrix24" / "entities.py"
    row, head = marked(CONTRIBUTING, "entity"), "ENTITIES: Sequence[Entity] = (\n"
    text = table.read_text(encoding="utf-8")
    assert text.count(head) == 1
    table.write_text(text.replace(head, f"{row}\n{head}    {row.split()[0]},\n"), encoding="utf-8")
    for method in ("crm.vat.list", "crm.vat.fields"):
        (tmp_path / "samples" / f"{method}.json").write_text(marked(CONTRIBUTING, f"sample {method}"))
    records = [line for line in _extracted(tmp_path) if line["type"] == "RECORD" and line["stream"] == "crm_vat_rates"]
    assert [{**record["record"]} for record in records] == [
        {"id": 1, "active": None, "name": "No VAT", "rate": None, "_bitrix24_unparsed": None},
        {"id": 3, "active": None, "name": "VAT 20%", "rate": 20.0, "_bitrix24_unparsed": None},
    ]


def _extracted(folder: Path) -> list[dict[str, Any]]:
    """What the tap in this folder brings from a portal that serves the samples there."""
    with serve(port=0, scale=60, seed=1, no_limits=True, samples=folder / "samples") as portal:
        (folder / "config.json").write_text(json.dumps({"webhook_url": portal.url}))
        done = subprocess.run(
            [sys.executable, "-m", "tap_bitrix24.tap", "--config", "config.json"],
            cwd=folder, check=False, capture_output=True, encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
