"""Parameters of long tests: a few run by default, the others with the slow tests."""

from collections.abc import Sequence
from typing import Any

import pytest


def slow(*values: Any) -> Sequence[Any]:
    """Return values as parameters that are slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def seeds(quick: int, count: int) -> Sequence[Any]:
    """Return the seeds 0 to `count` of a randomized test; all but the first `quick` ones are slow."""
    return [*range(quick), *slow(*range(quick, count))]
