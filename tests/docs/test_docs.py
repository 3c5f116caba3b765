"""What the documentation shows is what the code does."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

from tap_bitrix24 import __version__
from tap_bitrix24.connections import CONNECTION_HELP
from tap_bitrix24.demo import serve
from tap_bitrix24.entities import BY_STREAM
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.export.examples import EXAMPLES
from tap_bitrix24.settings import PROPERTIES, check
from tests.docs import rendering
from tests.docs.references import anchors
from tests.docs.rendering import BLOCKS, NOT_BUILT, ROOT, STALE, documents

SCRIPTS = Path(sys.executable).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMPARISON, CONNECTIONS, GOTCHAS, STREAMS, TYPES = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("comparison", "connections", "gotchas", "streams", "types")
)
LONGEST_README = 200
KINDS_OF_CHANGE = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""Those of Keep a Changelog."""
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
each_document = pytest.mark.parametrize("path", list(documents()), ids=lambda path: str(path.relative_to(ROOT)))
LATER: list[dict[str, Any]] = [
    {"detect_deletes": True, "webhook_url": "https://example.bitrix24.com/rest/1/secret/"},
]
"""Settings that belong to what this version does not have."""
BI_TABLES = {
    "task", "task_uf", "task_elapsed_time", "task_stages", "task_efficiency", "flow", "socialnetwork_group",
    "user", "org_structure", "org_structure_relation", "org_structure_role", "crm_deal", "crm_deal_uf",
    "crm_deal_product_row", "crm_deal_stage_history", "crm_lead", "crm_lead_uf", "crm_lead_product_row",
    "crm_lead_status_history", "crm_contact", "crm_contact_uf", "crm_company", "crm_company_uf", "crm_quote",
    "crm_quote_uf", "crm_quote_product_row", "crm_stages", "crm_entity_stage_history", "crm_entity_relation",
    "crm_activity", "crm_activity_relation", "crm_last_communication", "crm_product", "crm_product_property",
    "crm_product_property_value", "catalog_store", "catalog_store_product", "catalog_store_document",
    "catalog_store_document_item", "crm_smart_proc", "crm_dynamic_items_<id>", "crm_dynamic_items_prod_<id>",
    "crm_automated_solution_<id>", "crm_ai_quality_assessment", "crm_copilot_call_assessment", "telephony_call",
    "sale_document_saleorder", "sale_document_saleorder_item", "tracking_source", "tracking_source_expenses",
    "bizproc_workflow_template", "bizproc_workflow_state", "bizproc_task",
}  # fmt: skip
"""Tables of the vendor's BI connector."""
OFFERED_BY_OTHERS = {
    "deals", "leads", "contacts", "companies", "users", "tasks", "activities", "smart processes", "products",
    "product rows", "statuses", "stages", "custom fields", "stage history", "calls", "departments", "pipelines",
    "quotes", "deal–contact", "contact–company", "custom-field metadata", "comments",
}  # fmt: skip
"""What two or more of eight other connectors offer."""


def marked(text: str, name: str) -> str:
    """The code block behind a marker, its indentation taken off."""
    found = re.search(rf"^( *)<!-- {re.escape(name)} -->\n\1```\w+\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"no block {name}"
    return re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - {"demo", "output"}))
def test_tables_are_those_of_the_code(name: str) -> None:
    assert rendering.shown(name) == BLOCKS[name](), STALE


def test_the_first_command_prints_what_the_documentation_shows() -> None:
    costs_aside = rendering.without_costs
    for name in ("demo", "output"):
        assert costs_aside(rendering.shown(name)) == costs_aside(BLOCKS[name]()), STALE
        assert "~" in costs_aside(rendering.shown(name))


def test_the_readme_shows_ten_lines_of_the_closing_table_and_one_query() -> None:
    closing, query = rendering.shown("demo").split("\n\n-- ")
    assert len(closing.splitlines()) == len(["```text", *range(10)])
    assert query.count("SELECT") == 1


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST_README


def test_the_test_command_is_the_one_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    extraction = next(line for line in script.splitlines() if line.startswith("test_command="))
    done = subprocess.run(
        ["bash", "-euc", f'{extraction}; echo "$test_command"'],
        cwd=ROOT, check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.stdout == marked(README, "test-command")
    assert done.stdout.rstrip().endswith(".venv/bin/pytest -m 'not slow' -n auto")
    assert 'bash -euo pipefail -c "$test_command"' in script


@pytest.mark.parametrize(
    "line", marked(CONNECTIONS, "connection commands").splitlines(), ids=lambda line: line.split()[1]
)
def test_each_connection_works_by_the_command_shown(tmp_path: Path, line: str) -> None:
    command = line.replace(".venv/bin/", f"{SCRIPTS}/")
    done = subprocess.run(
        ["bash", "-euc", command], cwd=tmp_path, check=False, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (database,) = tmp_path.glob("*.duckdb")
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bitrix24'").fetchall()
        rows = sum(len(connection.table(f"bitrix24.{name}")) for (name,) in tables)
    assert len(tables) > 2
    assert rows > 100


def test_about_names_the_connections() -> None:
    done = subprocess.run([str(SCRIPTS / "tap-bitrix24"), "--about"], check=True, capture_output=True, encoding="utf-8")
    for connection, _, ticked in CONNECTION_HELP:
        assert f"  - {connection}: " in done.stdout
        assert ticked in done.stdout


def test_the_first_screen_holds_both_commands() -> None:
    screen = README.splitlines()[:25]
    commands = [line for line in screen if line.startswith("python3 -m venv .venv && ")]
    assert len(commands) == 2
    assert commands[0].endswith(".venv/bin/bitrix24-export demo.duckdb --demo")


def test_every_console_script_is_described() -> None:
    for name in PYPROJECT["project"]["scripts"]:
        assert f"| `{name}` |" in README


@pytest.mark.parametrize("given", LATER, ids=lambda given: next(iter(given)))
def test_what_is_not_built_yet_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="not available"):
        check(given)


def test_only_settings_that_are_refused_are_left_out_of_the_table() -> None:
    assert {name for given in LATER for name in given} - {"webhook_url"} == NOT_BUILT
    named = set(re.findall(r"^\| `(\w+)` \|", rendering.shown("settings"), re.MULTILINE))
    assert named == PROPERTIES.keys() - NOT_BUILT


def test_the_pipeline_runs(tmp_path: Path) -> None:
    commands = marked(README, "pipeline")
    with serve(port=0, scale=60, seed=1, no_limits=True) as portal:
        (tmp_path / "config.json").write_text(json.dumps({"webhook_url": portal.url, "plan": "enterprise"}))
        script = commands.replace(".venv/bin/", f"{SCRIPTS}/")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, check=False, capture_output=True, encoding="utf-8"
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(json.loads((tmp_path / "state.json").read_text())["bookmarks"]["deals"]) == {
        "probes",
        "replication_key",
        "replication_key_value",
        "start_date",
    }
    with duckdb.connect(str(tmp_path / "crm.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM bitrix24.deals").fetchall() == [(60,)]
        unparsed = re.search(r"```sql\n(.*?)```", TYPES, re.DOTALL)
        assert unparsed
        connection.execute(unparsed[1])


def test_both_ways_to_labels_give_the_same(tmp_path: Path) -> None:
    database = tmp_path / "crm.duckdb"
    command = [sys.executable, "-m", "tap_bitrix24.export", str(database), "--demo", "--scale", "300", "--labels"]
    subprocess.run([*command, "--select", "deals"], check=True, capture_output=True)
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("USE bitrix24")
        joined, viewed = (connection.execute(marked(STREAMS, f"labels {way}")).fetchall() for way in ("join", "view"))
    assert joined == viewed
    assert joined
    assert not [stage for stage, *_ in joined if ":" in stage or stage == "WON"]


def test_every_table_of_the_comparison_has_its_like_here_or_a_reason() -> None:
    listing = re.search(r"<!-- peers -->\n(.*?)\n$", COMPARISON, re.DOTALL)
    assert listing
    tables: set[str] = set()
    offers: set[str] = set()
    for line in listing[1].splitlines()[2:]:
        table, offer, here = (cell.strip() for cell in line.strip("|").split("|"))
        tables.update(re.findall(r"`([^`]+)`", table))
        offers.update(offer.split(", ") if offer else ())
        if here.startswith(("none", "the columns")):
            assert not here.startswith("none") or ": " in here, line
            continue
        streams = {name.partition("<")[0] for name in re.findall(r"`([^`]+)`", here.partition(";")[0])}
        assert streams, line
        assert not streams - BY_STREAM.keys(), line
    assert tables == BI_TABLES
    assert offers == OFFERED_BY_OTHERS


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
            assert parts.fragment in anchors(linked), target


def test_every_gotcha_says_what_and_why() -> None:
    _, *sections = re.split(r"^## ", GOTCHAS, flags=re.MULTILINE)
    assert len(sections) == 4 + 13, "the README names four of them, and says how many more there are"
    for section in sections:
        marks = re.findall(r"^- \*\*(.+?)\.\*\*", section, re.MULTILINE)
        assert marks == ["What", "Why the portal forces it", "Why it matters"], section.splitlines()[0]


@each_document
def test_no_document_names_a_path_of_a_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|home|root|tmp|Users)/", path.read_text(encoding="utf-8"))


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.escape(__version__)
    assert re.search(
        rf"^## (\[Unreleased\]\n\nWill be {version},|\[{version}\] - \d{{4}}-\d\d-\d\d$)", text, re.MULTILINE
    )


def test_the_changelog_keeps_its_format() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert kinds
        assert kinds == [kind for kind in KINDS_OF_CHANGE if kind in kinds], "another kind, order or a kind twice"


def test_the_rooms_described_exist_and_none_is_left_out() -> None:
    listing = re.search(r"## Rooms\n\n```text\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert listing
    named = set(re.findall(r"^([a-z_0-9]+(?:\.py|/))", listing[1], re.MULTILINE))
    package = ROOT / "tap_bitrix24"
    there = {path.name for path in package.glob("*.py")} | {f"{each.parent.name}/" for each in package.glob("*/*.py")}
    assert named == there - {"__init__.py"}


def test_the_path_through_the_code_holds() -> None:
    listing = re.search(r"<!-- path -->\n(.*?)\n\n", CONTRIBUTING, re.DOTALL)
    assert listing
    steps = re.findall(r"^\| `([^`]+)` \| `(\w+)` \|", listing[1], re.MULTILINE)
    assert len(steps) == len(listing[1].splitlines()) - 2
    for path, word in steps:
        assert re.search(rf"\b{word}\b", (ROOT / path).read_text(encoding="utf-8")), f"{path} has no {word}"


def test_adding_an_entity_takes_the_steps_described(tmp_path: Path) -> None:
    """Each block is removed from a copy of the package, then put back at the head of its file's table."""
    package = tmp_path / "tap_bitrix24"
    shutil.copytree(ROOT / "tap_bitrix24", package, ignore=shutil.ignore_patterns("__pycache__"))
    entity, columns, entry = (marked(CONTRIBUTING, name) for name in ("entity", "columns", "demo entry"))
    blocks = [
        (package / "entities/crm_parts.py", "CRM_PARTS: Sequence[Entity] = (\n", _of_a_table(entity)),
        (package / "entities/columns/crm_parts.toml", "\n\n", f"{columns}\n"),
        (
            package / "demo/rest_v2/lists/data/timeline.py",
            "ENTRIES: Final[tuple[Entry, ...]] = (\n",
            _of_a_table(entry),
        ),
    ]
    for path, _, block in blocks:
        text = path.read_text(encoding="utf-8")
        assert text.count(block) == 1, f"what is shown is not what stands in {path.name}"
        path.write_text(text.replace(block, ""), encoding="utf-8")
    assert "crm_enum_activity_types" not in _streams(tmp_path)
    for path, head, block in blocks:
        text = path.read_text(encoding="utf-8")
        assert head in text
        path.write_text(text.replace(head, head + block, 1), encoding="utf-8")
    assert _streams(tmp_path)["crm_enum_activity_types"] == [(1, "Встреча"), (2, "Звонок"), (6, "Custom")]


def _of_a_table(row: str) -> str:
    """A row as it stands in its table."""
    return textwrap.indent(f"{row.rstrip()},\n", "    ")


def _streams(folder: Path) -> dict[str, list[tuple[int, str]]]:
    """Stream → its rows' ids and names; what the tap in this folder reads of the portal in this folder.

    Lists of types beside the new one are asked for, so that there is something to read without it.
    """
    command = [sys.executable, "-m", "tap_bitrix24.export", "x.duckdb", "--demo", "--scale", "20", "--select"]
    names = ["crm_enum_owner_types", "crm_enum_address_types", "crm_enum_activity_types"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    known = [
        name for name in names if f'"{name}"' in (folder / "tap_bitrix24/entities/crm_parts.py").read_text("utf-8")
    ]
    done = subprocess.run(
        [*command, ",".join(known)], cwd=folder, check=False, capture_output=True, encoding="utf-8", env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with duckdb.connect(str(folder / "x.duckdb"), read_only=True) as connection:
        return {name: connection.table(f"bitrix24.{name}").project("id, name").order("id").fetchall() for name in known}
