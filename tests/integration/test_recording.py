"""The recording of the tap's behaviour: equal for equal runs, different where anything differs."""

from pathlib import Path

import pytest

from tests.support import compare_recordings, recording


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two recordings of a run that reads one stream and fails for another."""
    folders = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for folder in folders:
        recording.main([str(folder), "webhook-unknown-stream"])
    return folders


def test_equal_runs_are_recorded_alike(recorded: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, recorded)
    assert compare_recordings.main([first, second]) == 0
    assert capsys.readouterr().out == ""
    run = recorded[0] / "webhook-unknown-stream"
    assert (run / "first/run.log").read_text(encoding="utf-8").startswith("1\n")
    assert "user.get" in (run / "first/requests.txt").read_text(encoding="utf-8")
    assert len((run / "first/users.jsonl").read_text(encoding="utf-8").splitlines()) == 5 + 2


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("first/users.jsonl", '"id": 1,', '"id": 100,'),
        ("first/run.log", "1\n", "0\n"),
        ("catalog.json", '"users"', '"people"'),
    ],
)
def test_a_difference_is_found(
    recorded: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str
) -> None:
    changed = tmp_path / "webhook-unknown-stream"
    for path in (path for path in (recorded[0] / changed.name).rglob("*") if path.is_file()):
        copy = changed / path.relative_to(recorded[0] / changed.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    text = (changed / file).read_text(encoding="utf-8")
    assert old in text
    (changed / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert compare_recordings.main([str(recorded[0]), str(tmp_path)]) == 1
    assert file in capsys.readouterr().out
