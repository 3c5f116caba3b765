"""Portals for the tests: one that is only read, and new ones for tests that change or exhaust theirs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service
from tests.demo.wire import Wire

Start = Callable[..., Wire]


@pytest.fixture(scope="session")
def portal() -> Iterator[Wire]:
    """300 deals, no limits; for reading only: who changes anything takes `start`."""
    with serve(port=0, scale=300, seed=1, no_limits=True) as running:
        yield Wire(running.url)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts portals of the test's own; they end with the test."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Wire:
            chosen = {"port": 0, "scale": 300, "seed": 1, "no_limits": True, **options}
            return Wire(stack.enter_context(serve(**chosen)).url)

        yield begin


@pytest.fixture
def own(start: Start) -> Wire:
    """A portal of this test's own, without limits."""
    return start()


@pytest.fixture
def own_service() -> Iterator[Service]:
    """A VibeCode service of this test's own, without limits."""
    with serve(scale=60, no_limits=True) as running:
        yield Service.of(running)
