"""References from code and documents to sections of docs/: where they are, and what they may lead to.

Two forms are allowed outside of Markdown links:

* ``docs/decisions.md#decision-13``: a file and an anchor, as in a link;
* ``docs/protocol.md §2.4``: a file and one or several numbered sections (``§2.4, §6``, ``§3 to §5``).

In a Python file a bare ``§2.4`` belongs to the one document that the file names in the second form.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.docs.rendering import ROOT, slug

SECTION = r"§\d+(?:\.\d+)*"
RUN = rf"{SECTION}(?:(?:,| and| to| or)\s+{SECTION})*"
REFERENCE = re.compile(rf"(?<![\w/])(docs/[\w./-]+\.md)(?:#([\w-]+)|\s+({RUN}))?")
"""A document, with an anchor or with numbered sections."""
BARE = re.compile(SECTION)
LOOSE = re.compile(
    r"(?<![\w/-])(?:(?:decisions?|protocol|digest) (?:\d+|§)|(?:rest-v[23]|vibecode)(?:\.md)? §|protocol-v2\b)",
    re.IGNORECASE,
)
"""A reference that names a number but no file: it leads nowhere for a reader of the repository."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


class Reference(NamedTuple):
    """One place a text refers to."""

    document: str
    """Path from the root of the repository."""
    anchor: str
    """Empty for the document as a whole."""


@cache
def anchors(document: Path) -> frozenset[str]:
    """Return what a link to a document may name: explicit anchors, and headings as GitHub addresses them."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    return frozenset([*ANCHOR.findall(text), *map(slug, HEADING.findall(text))])


def section_anchor(section: str) -> str:
    """Return the anchor of a numbered section: ``§2.4`` stands at ``section-2-4``."""
    return f"section-{section.removeprefix('§').replace('.', '-')}"


def references(text: str) -> Iterator[Reference]:
    """Yield all references of a text, bare sections included.

    Raises:
        LookupError: A bare section could belong to several documents, or to none.
    """
    numbered = set()
    for match in REFERENCE.finditer(text):
        sections = BARE.findall(match[3] or "")
        numbered |= {match[1]} if sections else set()
        yield from (Reference(match[1], section_anchor(each)) for each in sections)
        if not sections:
            yield Reference(match[1], match[2] or "")
    bare = BARE.findall(REFERENCE.sub("", text))
    if bare and len(numbered) != 1:
        message = f"{bare[0]} belongs to one of {sorted(numbered) or 'no document'}"
        raise LookupError(message)
    yield from (Reference(document, section_anchor(each)) for document in numbered for each in bare)


def leads_somewhere(reference: Reference) -> bool:
    """Return whether the document exists and has the anchor."""
    document = ROOT / reference.document
    return document.is_file() and (not reference.anchor or reference.anchor in anchors(document))


def python_files() -> Iterator[Path]:
    """Yield all Python files of the package and its tests."""
    for folder in ("tap_bitrix24", "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def written_for_readers(path: Path) -> str:
    """Return the docstrings, comments and other texts of a Python file that may hold references."""
    text = path.read_text(encoding="utf-8")
    comments = re.findall(r"#[^\n]*", text)
    strings = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return "\n".join([*(each for each in strings if isinstance(each, str)), *comments])
