"""What docs/reliability.md says of the matrix is what the matrix holds, and the tests it names exist."""

import re
from pathlib import Path

from tests.reliability.matrix import all_cases, pairwise

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text()


def test_the_matrix_has_as_many_cases_as_the_document_says() -> None:
    (said,) = re.findall(r"<!-- matrix -->(.*?)<!-- /matrix -->", TEXT)
    cases = all_cases()
    assert said.startswith(f"{len(cases):,} cases in full, {len(pairwise(cases))} by default")


def test_the_tests_it_names_exist() -> None:
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?)/?`", TEXT))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
