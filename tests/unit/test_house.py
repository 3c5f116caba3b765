"""Promises about the package's build that ruff can't hold: imports between rooms, and sizes.

Which room may import which stands in pyproject.toml, `[tool.importlinter]`; docstrings are ruff's business.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tap_bitrix24"
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}
"""Modules of the package, read and parsed once for all tests."""
LONGEST_FUNCTION, LONGEST_MODULE, MOST_EXCEPTIONS = 40, 400, 5
MOST_EXCEPTIONS_IN_TESTS = 9
EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
REASON = re.compile(rf"{EXCEPTION.pattern}\S* .*[-#] \w")
"""A silenced lint, and after a dash, or as a comment of its own, why."""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def imported(path: str) -> set[str]:
    """Top-level packages a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def test_imports_obey_the_contracts() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-logo"], cwd=ROOT, check=False, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_portal_takes_the_standard_library_alone() -> None:
    allowed = {*sys.stdlib_module_names, "tap_bitrix24"}
    foreign = {path: imported(path) - allowed for path in TREES if path.startswith("tap_bitrix24/demo/")}
    assert foreign
    assert not {path: names for path, names in foreign.items() if names}


def test_no_function_is_too_long() -> None:
    sizes = {
        f"{path}:{each.name}": (each.end_lineno or 0) - each.lineno + 1
        for path, tree in TREES.items()
        for each in functions(tree)
    }
    assert sizes
    assert not {name: lines for name, lines in sizes.items() if lines > LONGEST_FUNCTION}


def test_no_module_is_too_long() -> None:
    sizes = {path: len(text.splitlines()) for path, text in TEXTS.items()}
    assert sizes
    assert not {path: lines for path, lines in sizes.items() if lines > LONGEST_MODULE}


def silenced(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the lines that silence a linter, by file and number."""
    return {
        f"{path}:{number}": line
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if EXCEPTION.search(line)
    }


def test_linters_are_rarely_silenced() -> None:
    found = silenced(TEXTS)
    assert len(found) <= MOST_EXCEPTIONS, sorted(found)


def test_tests_silence_linters_rarely_and_say_why() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    found = silenced({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in tests})
    assert len(found) <= MOST_EXCEPTIONS_IN_TESTS, sorted(found)
    assert not {place: line for place, line in found.items() if not REASON.search(line)}
