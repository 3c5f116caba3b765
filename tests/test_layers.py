"""Promises about the package's build: imports go down only, and the house's bars of size hold."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "tap_bitrix24"
ROOT = Path(__file__).parent.parent / PACKAGE
LAYERS = (
    "errors", "naming", "portal", "model",
    "paging", "shapes", "descriptions", "openapi",
    "schema", "redaction", "pacing", "budgets", "page_costs", "waiting", "auth", "oauth", "credentials",
    "values", "rows", "settings", "dialects",
    "entities",
    "checks",
    "cursor",
    "reading",
    "windows",
    "bookmarks",
    "children",
    "sources",
    "input_files",
    "found",
    "client",
    "counting",
    "bundles",
    "engine", "discovery_rest3", "discovery", "discovery_site", "discovery_vibecode",
    "doors",
    "meaning",
    "singer_output",
    "login",
    "streams",
    "tap",
    "export",
)  # fmt: skip
"""From the bottom up; a module imports from what stands before it. `demo` and `target_duckdb` stand apart."""
APART = {"demo", "target_duckdb"}
WORDS_OF_THE_TABLE = {"__init__", "base", "owners"}
"""Modules of `entities` that are code; the others are the table, as long as the portal has lists."""
MODULES = sorted(ROOT.rglob("*.py"))
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]
LONGEST_FUNCTION, LONGEST_MODULE, MOST_EXCEPTIONS = 40, 400, 5
EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
each_module = pytest.mark.parametrize("path", MODULES, ids=IDS)


def tree(path: Path) -> ast.Module:
    """The module, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Dotted names of all a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names if node.module}
    return names


def parts(path: Path) -> set[str]:
    """The package's own first-level modules that a module imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith(f"{PACKAGE}.")}


def part_of(path: Path) -> str:
    """The first-level module a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def distributions(path: Path) -> set[str]:
    """Top-level packages a module imports."""
    return {name.split(".")[0] for name in imported(path)}


def test_every_module_has_its_layer() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} == {*LAYERS, *APART}


@each_module
def test_imports_go_down_only(path: Path) -> None:
    own = part_of(path)
    if own in APART or own == "__init__":
        return
    below = set(LAYERS[: LAYERS.index(own)])
    reached = parts(path) - {own, "__version__"}
    if own == "export":
        below |= APART
    assert reached <= below, f"{own} reaches up to {sorted(reached - below)}"


@each_module
def test_who_may_import_what_from_outside(path: Path) -> None:
    own, outside = part_of(path), distributions(path)
    if "singer_sdk" in outside:
        assert own in {"singer_output", "streams", "tap", "export"}
    if "requests" in outside:
        assert own == "client", "one place sends requests"
    if own == "demo":
        assert outside - {PACKAGE} <= sys.stdlib_module_names
    if "duckdb" in outside or "rich" in outside:
        assert own in {"target_duckdb", "export"}, "an extra dependency, not there after a plain install"


def test_the_demo_portal_knows_nothing_of_the_tap() -> None:
    for path in (ROOT / "demo").rglob("*.py"):
        assert parts(path) <= {"demo"}, path.name


def test_the_loader_knows_nothing_of_the_tap_but_its_errors() -> None:
    for path in (ROOT / "target_duckdb").rglob("*.py"):
        assert parts(path) <= {"target_duckdb", "errors", "__version__"}, path.name


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


@each_module
def test_no_function_is_too_long(path: Path) -> None:
    long = [each.name for each in functions(path) if (each.end_lineno or 0) - each.lineno + 1 > LONGEST_FUNCTION]
    assert not long


@each_module
def test_no_module_is_too_long(path: Path) -> None:
    if part_of(path) == "entities" and path.stem not in WORDS_OF_THE_TABLE:
        return
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, f"{lines} lines"


@each_module
def test_everything_public_says_why_it_is_there(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module)
    scopes: list[ast.Module | ast.ClassDef] = [module]
    scopes += [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    for scope in scopes:
        for node in scope.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), node.name


def test_linters_are_rarely_silenced() -> None:
    silenced = [
        f"{path.name}:{number}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if EXCEPTION.search(line)
    ]
    assert len(silenced) <= MOST_EXCEPTIONS, silenced
