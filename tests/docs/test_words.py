"""Each concept has one word: the glossary defines it, and words that were given up stay away."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.references import python_files
from tests.docs.rendering import ROOT, documents

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
GIVEN_UP = {
    "_bitrix24_set": "_bitrix24_parent",
    "_bitrix24_set_read_at": "_bitrix24_children_read_at",
    "bundle": "batch",
    "brood": "parent group",
    "child_sets": "child_reads",
    "door": "connection",
    "misfit": "unparsed value",
    "paced": "kept to a rate",
    "pacer": "rate limiter",
    "pacing": "rate limiting",
    "rows_at": "the path of the rows in an answer",
    "stamp": "replication key",
    "tally": "progress",
    "tolerated": "what happens instead",
    "told": "a verb that says what happens",
    "wish": "page request",
}
"""Word → what to write instead."""
NAMES = {"ahead": "prefetch", "arrived": "answers", "ask": "page request", "twin": "universal list"}
"""The same for identifiers of the tap: in a sentence they are plain English."""
OLD = re.compile(rf"(?<!ca )\b({'|'.join(GIVEN_UP)})(?:s|es)?\b", re.IGNORECASE)
"""A word that was given up; "CA bundle" is a term."""
REQUIRED = {
    "batch", "chain", "checkpoint", "command", "connection", "credentials", "dialect", "discovered stream", "entity",
    "keyset", "lookback", "narrowing", "operating time", "parent group", "pass", "portal", "prefetch", "probe", "proof",
    "replication key", "scope", "smart process", "strategy", "sweep", "unparsed value", "universal", "window",
}  # fmt: skip


def glossary() -> list[str]:
    """Return the words of the glossary as they stand; a line may define several."""
    lines = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", CONTRIBUTING.partition("## Glossary")[2], re.MULTILINE)
    return [line for line in lines if line not in {"word", "---"}]


def old_words(text: str) -> set[str]:
    """Return the words of a text that were given up."""
    return {word.lower() for word in OLD.findall(text)}


def test_words_that_were_given_up_are_found() -> None:
    assert old_words("Two Doors, three wishes; a ca bundle, doorway, ca_bundle and bundled") == {"door", "wish"}


def test_the_glossary_is_sorted_and_defines_each_word_once() -> None:
    words = [word for line in glossary() for word in line.split(", ")]
    assert len(words) == len(set(words))
    assert glossary() == sorted(glossary())
    assert set(words) >= REQUIRED


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_use_the_words_of_the_glossary(path: Path) -> None:
    """Rendered blocks and code included; the changelog names what was renamed."""
    if path.name != "CHANGELOG.md":
        assert not old_words(path.read_text(encoding="utf-8"))


ALSO_DATA = {"bundle", "door", "stamp", "told"}
"""Words that are data or plain English in the demo portal and in tests: a letter left at the door, a CA bundle."""


def test_code_uses_the_words_of_the_glossary() -> None:
    """The tap uses none of the given-up words; the demo portal and tests none that means nothing else."""
    tap = (ROOT / "tap_bitrix24").as_posix()
    demo = f"{tap}/demo/"
    found = {"meltano.yml": old_words((ROOT / "meltano.yml").read_text(encoding="utf-8"))}
    for path in python_files():
        name = path.as_posix()
        allowed = set() if name.startswith(tap) and not name.startswith(demo) else ALSO_DATA
        relative = path.relative_to(ROOT).as_posix()
        found[relative] = old_words(path.read_text(encoding="utf-8")) - allowed
    found.pop(Path(__file__).relative_to(ROOT).as_posix())
    assert not {path: words for path, words in found.items() if words}


def names(text: str) -> set[str]:
    """Return the variables, arguments and attributes a Python file names."""
    nodes = list(ast.walk(ast.parse(text)))
    return (
        {node.id for node in nodes if isinstance(node, ast.Name)}
        | {node.arg for node in nodes if isinstance(node, (ast.arg, ast.keyword)) and node.arg}
        | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    )


def test_names_that_were_given_up_are_found() -> None:
    assert names("def f(ask): twin.ahead(arrived=1)") == {"ask", "twin", "ahead", "arrived"}


def test_the_tap_uses_none_of_the_names_that_were_given_up() -> None:
    """Outside of the demo portal, which stands apart."""
    found = {
        relative: names(path.read_text(encoding="utf-8")) & NAMES.keys()
        for path in python_files()
        if (relative := path.relative_to(ROOT).as_posix()).startswith("tap_bitrix24/") and "/demo/" not in relative
    }
    assert found
    assert not {path: old for path, old in found.items() if old}
