"""Promises about the package's build that ruff can't hold: imports between rooms, and sizes.

Which room may import which stands in pyproject.toml, `[tool.importlinter]`; docstrings are ruff's business.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

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


ABSENCE = "tap_bitrix24/replication/absence.py"
TAP = [path for path in TREES if not path.startswith(("tap_bitrix24/demo/", "tap_bitrix24/target_duckdb/"))]
"""Modules that read from portals."""
TEXT_TESTS = frozenset({"startswith", "endswith", "find", "index", "count", "match", "search", "fullmatch", "findall"})
"""Methods and functions that look into a text."""


def named(node: ast.AST) -> set[str]:
    """Names and attributes in an expression: `error.code` has `error` and `code`."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def caught(tree: ast.Module) -> set[str]:
    """Names that stand for errors: what `except` binds, and what is annotated as an error."""
    names = {each.name for each in ast.walk(tree) if isinstance(each, ast.ExceptHandler) and each.name}
    for each in ast.walk(tree):
        if isinstance(each, ast.arg) and each.annotation is not None:
            kinds = named(each.annotation)
            names |= {each.arg} if any(kind.endswith(("Error", "Exception")) for kind in kinds) else set()
    return names | {"error", "refusal"}


def holds_text_of_error(node: ast.AST, errors: set[str]) -> bool:
    """Whether an expression holds an error's text: `str(error)`, `error.args`, an f-string of it, its description."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and named(each.func) & {"str", "repr", "format"}:
            inside: list[ast.AST] = [*each.args]
        elif isinstance(each, ast.FormattedValue) or (isinstance(each, ast.Attribute) and each.attr == "args"):
            inside = [each.value]
        else:
            inside = []
        if any(isinstance(part, (ast.Name, ast.Attribute)) and last_name(part) in errors for part in inside):
            return True
    return bool(named(node) & {"error_description", "description"}) and "error" in named(node)


def last_name(node: ast.Name | ast.Attribute) -> str:
    """Return `refusal` of `reader.refusal`."""
    return node.id if isinstance(node, ast.Name) else node.attr


def decisions_by_text(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    """Comparisons and searches that look into an error's text, or that look for a part of its code."""
    errors = caught(tree)
    for each in ast.walk(tree):
        if isinstance(each, ast.Compare):
            sides = [each.left, *each.comparators]
            searched = any(isinstance(operator, (ast.In, ast.NotIn)) for operator in each.ops)
            part_of_code = searched and isinstance(each.left, ast.Constant) and "code" in named(each.comparators[0])
            if part_of_code or any(holds_text_of_error(side, errors) for side in sides):
                yield each
        elif isinstance(each, ast.Call) and named(each.func) & TEXT_TESTS:
            if any(holds_text_of_error(part, errors) for part in (each.func, *each.args)):
                yield each
        elif isinstance(each, ast.Match) and holds_text_of_error(each.subject, errors):
            yield each


def test_only_one_module_decides_that_something_is_absent() -> None:
    made = {
        path
        for path, tree in TREES.items()
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and "ProvenEnd" in named(each.func)
    }
    assert made == {ABSENCE}


def test_codes_of_absence_are_compared_in_one_module() -> None:
    """Others hand them on, as data: from the table of entities to the list."""
    compared = {
        path
        for path, tree in TREES.items()
        for each in ast.walk(tree)
        if isinstance(each, (ast.Compare, ast.comprehension)) and "absent_codes" in named(each)
    }
    assert compared == {ABSENCE}


def test_no_decision_looks_into_the_text_of_an_error() -> None:
    found = {f"{path}:{node.lineno}" for path in TAP for node in decisions_by_text(TREES[path])}
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "def f(error): return 'not found' in str(error)",
        "def f(error): return 'not found' in str(error).lower()",
        "def f(failure: PortalError): return failure.args[0] == 'x'",
        "def f(reader): return str(reader.refusal).startswith('x')",
        "def f(error): return re.search('x', f'{error}')",
        "def f(error): return 'NOT_FOUND' in error.code",
        "def f(error): return str(error).lower().find('x') >= 0",
        "def f(error):\n    match str(error):\n        case 'x': return 1",
        "try:\n    f()\nexcept ValueError as broken:\n    found = 'x' in str(broken)",
    ],
)
def test_decisions_by_text_are_found(code: str) -> None:
    assert list(decisions_by_text(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "def f(error): return error.code.lower() in {'not_found'}",
        "def f(error): return error.code == 'x'",
        "def f(error): log(f'{error}')",
        "def f(error): return 'result' in body",
    ],
)
def test_codes_may_be_compared(code: str) -> None:
    assert not list(decisions_by_text(ast.parse(code)))


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
