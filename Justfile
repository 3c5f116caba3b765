# Short names for what CONTRIBUTING describes; `.ci/run` is what must pass.

bin := ".venv/bin"

# List the names
default:
    @just --list

# Make the environment
setup:
    python3 -m venv .venv
    {{bin}}/pip install --quiet -e '.[dev]'

# All tests but the slow ones, side by side
test *arguments:
    {{bin}}/pytest -m 'not slow' -n auto {{arguments}}

# Tests that need neither network nor real time
unit *arguments:
    {{bin}}/pytest tests/unit -n auto {{arguments}}

# Lint, format, types, layers, spelling
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/mypy
    {{bin}}/lint-imports
    {{bin}}/typos

# Render what is made from code, then test the documentation
docs:
    {{bin}}/python -m tests.docs.performance
    {{bin}}/python -m tests.docs.rendering
    {{bin}}/pytest tests/docs
