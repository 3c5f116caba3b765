"""References of code and documents to docs/ lead somewhere."""

from pathlib import Path

import pytest

from tests.docs import references
from tests.docs.references import LOOSE, Reference, leads_somewhere, python_files, written_for_readers
from tests.docs.rendering import ROOT, documents

PROTOCOLS = ("docs/protocol.md", "docs/protocol-rest-v3.md", "docs/protocol-vibecode.md")
OWN = {Path("tests/docs/references.py"), Path("tests/docs/test_references.py")}
"""Files whose examples are no references."""
FILES = [path for path in python_files() if path.relative_to(ROOT) not in OWN]
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())


def test_a_reference_is_a_file_with_an_anchor_or_with_sections() -> None:
    text = "See docs/decisions.md#decision-13, docs/protocol.md §2.4 and §6, docs/types.md; §1.2 too."
    assert list(references.references(text)) == [
        Reference("docs/decisions.md", "decision-13"),
        Reference("docs/protocol.md", "section-2-4"),
        Reference("docs/protocol.md", "section-6"),
        Reference("docs/types.md", ""),
        Reference("docs/protocol.md", "section-1-2"),
    ]


def test_a_reference_may_be_broken_over_lines() -> None:
    assert list(references.references("docs/protocol.md\n    §3 to\n    §5")) == [
        Reference("docs/protocol.md", "section-3"),
        Reference("docs/protocol.md", "section-5"),
    ]


@pytest.mark.parametrize("text", ["§2.4", "docs/protocol.md §1, docs/protocol-vibecode.md §1. §2.4"])
def test_a_bare_section_must_belong_to_one_document(text: str) -> None:
    with pytest.raises(LookupError, match="belongs to one of"):
        list(references.references(text))


@pytest.mark.parametrize(
    "reference",
    [
        Reference("docs/nowhere.md", ""),
        Reference("docs/decisions.md", "decision-99"),
        Reference("docs/protocol.md", "section-2-9"),
    ],
    ids=str,
)
def test_a_reference_that_leads_nowhere_is_found(reference: Reference) -> None:
    assert not leads_somewhere(reference)


def test_every_decision_and_every_section_has_its_anchor() -> None:
    assert {f"decision-{number}" for number in range(1, 26)} <= references.anchors(ROOT / "docs" / "decisions.md")
    for name in PROTOCOLS:
        text = (ROOT / name).read_text(encoding="utf-8")
        sections = [title.split()[0].rstrip(".") for title in references.HEADING.findall(text) if title[0].isdigit()]
        assert len(sections) >= 9
        for section in sections:
            assert leads_somewhere(Reference(name, references.section_anchor(section))), f"{name} {section}"


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_anchors_stand_once_in_a_document(path: Path) -> None:
    found = references.ANCHOR.findall(path.read_text(encoding="utf-8"))
    assert len(found) == len(set(found))


@each_file
def test_references_in_code_lead_somewhere(path: Path) -> None:
    text = written_for_readers(path)
    if not references.REFERENCE.search(text):  # bare numbers alone: see the test below
        return
    for reference in references.references(text):
        assert leads_somewhere(reference), reference


def test_no_reference_names_a_number_without_a_file() -> None:
    loose = []
    for path in FILES:
        text = written_for_readers(path)
        if LOOSE.search(text) or (references.BARE.search(text) and not references.REFERENCE.search(text)):
            loose.append(path.relative_to(ROOT).as_posix())
    assert not loose
