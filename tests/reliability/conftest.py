"""Of each input of the issue on absence one variant runs by default; the variants of its kind are slow tests."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all but the first variant of a test as slow."""
    seen: set[tuple[Path, str]] = set()
    for item in items:
        function = item.path, getattr(item, "originalname", item.name)
        if item.path.parent == Path(__file__).parent and item.path.name.startswith("test_absence_"):
            if function in seen:
                item.add_marker(pytest.mark.slow)
            seen.add(function)
