"""`pip install tap-bitrix24` installs what the tap needs, and nothing that only the loader and the export need."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires

import pytest

from tests.end_to_end.export.conftest import Export

EXTRA = ("duckdb", "pytz", "rich")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({EXTRA})); "
"""Python to begin with: importing one of these now fails as if it were not installed."""


def needed(distribution: str, seen: set[str]) -> set[str]:
    """All distributions a plain install may include, on any platform."""
    if distribution in seen:
        return seen
    seen.add(distribution)
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return seen
    for line in lines:
        if "extra ==" not in line:
            name = re.match(r"[\w.-]+", line)
            assert name
            needed(re.sub(r"[-_.]+", "-", name[0]).lower(), seen)
    return seen


def test_a_plain_install_does_not_include_the_extra() -> None:
    installed = needed("tap-bitrix24", set())
    assert {"singer-sdk", "requests", "pendulum", "orjson"} <= installed
    assert not installed & set(EXTRA)


@pytest.mark.parametrize("module", ["tap_bitrix24.tap", "tap_bitrix24.export", "tap_bitrix24.demo.__main__"])
def test_nothing_else_needs_the_extra(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{WITHOUT}import {module}"], check=False, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr


def test_the_tap_runs_without_the_extra() -> None:
    code = f"{WITHOUT}from tap_bitrix24.tap import run; sys.exit(run(['--about']))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert "tap-bitrix24" in done.stdout


@pytest.mark.parametrize("source", [["--demo"], ["--config", "none.json"]])
def test_the_export_says_what_is_missing(export: Export, source: list[str]) -> None:
    code = f"{WITHOUT}from tap_bitrix24.export.command import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(export.database), *source]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("bitrix24-export: duckdb, pytz, rich not installed: pip install 'tap-bitrix24[duckdb]'\n")
