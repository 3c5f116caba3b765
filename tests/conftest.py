"""Rules for the whole suite: in CI a skipped test is a failed one, and no test waits for requests of another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from itertools import count
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.fixtures"]
NUMBERS = count(1)


@pytest.fixture(scope="session")
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test finds its own folder for temporary files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(autouse=True)
def own_temporary_files(temporary_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taps on one machine share a portal's bucket by a file there; those of two tests have nothing to share."""
    folder = temporary_folders / str(next(NUMBERS))
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips into failures where nobody would notice them."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}, {call.when}: skipped, but CI must run everything"
    return report
