"""Portals for the tests: a shared one for reading only, and new ones for tests that change theirs."""

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
    """300 deals, no limits, for reading only; a test that changes data uses `start`."""
    with serve(port=0, scale=300, seed=1, no_limits=True) as running:
        yield Wire(running.url)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts portals that end with the test."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Wire:
            chosen = {"port": 0, "scale": 300, "seed": 1, "no_limits": True, **options}
            return Wire(stack.enter_context(serve(**chosen)).url)

        yield begin


@pytest.fixture
def own(start: Start) -> Wire:
    """A portal for one test, without limits."""
    return start()


@pytest.fixture
def own_service() -> Iterator[Service]:
    """A VibeCode service for one test, without limits."""
    with serve(scale=60, no_limits=True) as running:
        yield Service.of(running)
