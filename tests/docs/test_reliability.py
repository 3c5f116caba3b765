"""docs/reliability.md names tests that exist, and how much the tests try."""

import re
from pathlib import Path

import pytest

from tap_bitrix24.replication.absence import Ground
from tests.docs.rendering import ROOT
from tests.reliability.matrix import all_cases

TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NUMBERED = 26
"""Kinds of input that once lost rows without an error."""


def section(title: str) -> str:
    """Return what stands below a heading, up to the next one."""
    return re.split(r"^#+ ", TEXT.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_test_and_module_it_names_is_there() -> None:
    named = set(re.findall(r"\btests/[\w/]+(?:\.py\b|/)", TEXT))
    named |= {f"tap_bitrix24/{path}" for path in re.findall(r"`((?!tests/)[\w/]+\.py)`", TEXT)}
    assert len(named) > NUMBERED
    assert not [path for path in sorted(named) if not (ROOT / path).exists()]


def test_each_kind_of_input_has_a_mechanism_and_a_test() -> None:
    lines = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, NUMBERED + 1))
    for _, cells in lines:
        seen, mechanism, tests = cells.split(" | ")
        assert seen
        assert mechanism
        assert re.match(r"`tests/[\w/]+\.py`", tests)


def test_each_ground_of_a_proof_is_explained() -> None:
    lines = re.findall(r"^\| [^|]+ \| [^|]+ \|$", section("Nothing is absent until it is proven absent"), re.MULTILINE)
    described = sum(len(line.split(" | ")[0].split(", ")) for line in lines[1:])  # the first line is the head
    assert described == len(Ground)


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("The stories", "tests/reliability/test_truth.py"),
        ("The values", "tests/reliability/test_values.py"),
        ("The values", "tests/unit/records/test_dates.py"),
    ],
)
def test_as_much_is_tried_as_it_says(title: str, path: str) -> None:
    sizes = set(re.findall(r"max_examples=([\d_]+) if FULL else ([\d_]+)", Path(ROOT / path).read_text("utf-8")))
    assert sizes
    for in_full, default in sizes:
        numbers = re.findall(r"\d[\d,]*", section(title))
        assert {f"{int(in_full):,}", f"{int(default):,}"} <= set(numbers)


def test_as_often_is_killed_as_it_says() -> None:
    text = (ROOT / "tests/end_to_end/test_kill.py").read_text("utf-8")
    (sizes,) = re.findall(r"^TRAILS, KILLS = \((\d+) if FULL else (\d+)\), (\d+)$", text, re.MULTILINE)
    in_full, default, kills = map(int, sizes)
    said = re.search(r"Default: (\d+) kills, on (\d+)\s+databases; in full: (\d+), on (\d+)", section("The kills"))
    assert said
    assert [int(each) for each in said.groups()] == [default * kills, default, in_full * kills, in_full]


def test_the_long_form_runs_by_the_command_shown() -> None:
    (command,) = re.findall(r"<!-- long -->\n```bash\n(.+)\n```", TEXT)
    assert command.startswith("TAP_BITRIX24_FULL=1 .venv/bin/pytest tests/reliability ")
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"^from tests.support.full import", path.read_text("utf-8"), re.MULTILINE)
    }
    assert users
    assert all(any(path.startswith(given) for given in command.split()) for path in users)


def test_the_matrix_has_no_fault_twice() -> None:
    cases = [str(case) for case in all_cases()]
    assert len(cases) == len(set(cases))
