"""Rules for the whole suite: in CI a skipped test is a failed one, and no test waits for requests of another."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set, each process under test would compile the tap anew
pytest_plugins = ["tests.support.fixtures"]
NUMBERS = count(1)
UNIT = Path(__file__).parent / "unit"
MARKED = {"docs": "docs", "end_to_end": "end_to_end"}
"""Folder → marker of all its tests; the rest say so themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of whole folders."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in MARKED:
            item.add_marker(MARKED[folder])


def pytest_collection_finish() -> None:
    """Let the garbage collector leave the thousands of collected tests alone: it would walk them over and over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where each test finds its own folder for temporary files, and what several tests share has its own."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        _use(folder, patch)
        yield folder


@pytest.fixture(autouse=True)
def own_temporary_files(
    request: pytest.FixtureRequest, temporary_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taps on one machine share a portal's bucket by a file there; those of two tests have nothing to share.

    Thousands of unit tests share nothing: their folders are not made, and a rate limiter without one keeps to itself.
    """
    folder = temporary_folders / str(next(NUMBERS))
    if not request.path.is_relative_to(UNIT):
        folder.mkdir()
    _use(folder, monkeypatch)


def _use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("TMPDIR", str(folder))
    patch.setattr(tempfile, "tempdir", str(folder))


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
