"""Workflows, hooks and metadata say the same as the documentation."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.rendering import ROOT
from tests.docs.test_docs import PYPROJECT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def parsed(path: Path) -> Any:
    """Return a YAML file's content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@each_workflow
def test_actions_are_pinned_by_commit_or_a_comment_says_why_not(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    used = [number for number, line in enumerate(lines) if "uses: " in line]
    for number in used:
        pinned = re.search(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", lines[number])
        assert pinned or lines[number - 1].strip().startswith("# Not pinned by commit: "), lines[number]
    assert len(used) >= 2


@each_workflow
def test_a_workflow_may_read_only_unless_a_job_says_more(path: Path) -> None:
    assert parsed(path)["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in parsed(path)["jobs"].values())


def test_ci_tries_every_version_the_package_allows_and_the_classifiers_claim_no_other() -> None:
    job = parsed(GITHUB / "workflows" / "ci.yml")["jobs"]["test"]
    tried = job["strategy"]["matrix"]["python"]
    assert tried == ["3.11", "3.12", "3.13", "3.14"]
    assert PYPROJECT["project"]["requires-python"] == f">={tried[0]}"
    claimed = {
        name.rpartition(" ")[2]
        for name in PYPROJECT["project"]["classifiers"]
        if name.startswith("Programming Language :: Python :: ")
    }
    assert claimed
    assert claimed <= set(tried)
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_a_release_is_published_without_a_stored_token() -> None:
    jobs = parsed(GITHUB / "workflows" / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert ".ci/run" in [step.get("run") for step in jobs["build"]["steps"]]
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert "Repository" in PYPROJECT["project"]["urls"]


def test_an_issue_asks_for_the_version_and_a_redacted_log() -> None:
    fields = {each.get("id"): each for each in parsed(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"]}
    assert "--version" in fields["version"]["attributes"]["description"]
    assert fields["version"]["validations"]["required"]
    assert "redacted" in fields["log"]["attributes"]["label"]
    assert fields["log"]["validations"]["required"]


def test_hooks_run_the_tools_of_the_environment() -> None:
    (local,) = parsed(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"].split()[0] for hook in local["hooks"]] == [
        ".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/typos",
    ]  # fmt: skip
    required = {re.split(r"[><=\[]", each)[0] for each in PYPROJECT["project"]["optional-dependencies"]["dev"]}
    assert {"ruff", "mypy", "typos", "pre-commit"} <= required


def test_the_names_of_the_justfile_are_those_contributing_gives() -> None:
    justfile = (ROOT / "Justfile").read_text(encoding="utf-8")
    recipes = set(re.findall(r"^(\w+)(?: \*\w+)?:$", justfile, re.MULTILINE)) - {"default", "setup"}
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert recipes == set(re.findall(r"`just (\w+)`", contributing))
