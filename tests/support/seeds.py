"""Seeds of randomized tests: a few run by default, the others with the slow tests."""

from typing import Any

import pytest


def seeds(quick: int, count: int) -> list[Any]:
    """Return the seeds 0 to `count` as parameters of a test; all but the first `quick` ones are slow."""
    return [*range(quick), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(quick, count))]
