"""docs/performance.md, its plots and the README's section say what the results say, and nothing else."""

import pytest

from tests.benchmarks.speed import results
from tests.benchmarks.speed.scenarios import BY_NAME, SCENARIOS
from tests.docs import performance
from tests.docs.performance_texts import EXPLANATIONS

RENDER = "stale: run python -m tests.docs.performance"
DOCUMENT = performance.DOCUMENT.read_text(encoding="utf-8")
MEASURED = results.read()


def test_the_document_is_what_the_results_say() -> None:
    assert performance.document(MEASURED) == DOCUMENT, RENDER


def test_the_readme_shows_the_same() -> None:
    found = performance.SECTION.search(performance.README.read_text(encoding="utf-8"))
    assert found
    assert found[0] == f"{found[1]}{performance.readme_section(MEASURED)}\n{found[2]}", RENDER


def test_the_plots_are_drawn_from_the_results() -> None:
    drawings = dict(performance.plots(MEASURED))
    assert performance.drawn() == drawings.keys()
    for name, drawing in drawings.items():
        assert (results.FOLDER / name).read_text(encoding="utf-8") == drawing, RENDER


@pytest.mark.parametrize("name", BY_NAME)
def test_every_scenario_stands_in_the_document(name: str) -> None:
    assert f"| [{name}](#" in DOCUMENT
    assert f"\n## {BY_NAME[name].title}\n" in DOCUMENT


def test_results_and_explanations_are_of_scenarios_that_are_there() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    assert MEASURED.keys() <= BY_NAME.keys()
    assert EXPLANATIONS.keys() == BY_NAME.keys()
