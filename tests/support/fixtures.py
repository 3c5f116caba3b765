"""Fixtures: demo portals and the tap; everything uses real sockets and processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.running import Portal, Tap

Start = Callable[..., Portal]


def _read(**options: Any) -> Iterator[Portal]:
    with serve(port=0, seed=1, no_limits=True, **options) as running:
        portal = Portal(running.url)
        yield portal
        portal.was_only_read()


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """300 deals, two smart processes, no limits; for reading only: tests that change rows use `start`."""
    yield from _read(scale=300)


@pytest.fixture(scope="session")
def big() -> Iterator[Portal]:
    """10,000 deals, of which 2,500 were modified in the same second; for reading only."""
    yield from _read(scale=10_000)


@pytest.fixture(scope="session")
def catalog(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The catalog of `portal`; it is the same on every portal of that seed with two smart processes."""
    return Tap(tmp_path_factory.mktemp("catalog")).discover(portal.config())


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a portal for the test, with the options of `serve`.

    With `tls`, `ca_bundle` names the file of the CA to trust.
    """
    started: list[Portal] = []
    with ExitStack() as stack:

        def begin(*, ca_bundle: Path | None = None, **options: Any) -> Portal:
            chosen = {"port": 0, "scale": 300, "seed": 1, "no_limits": True, **options}
            started.append(Portal(stack.enter_context(serve(**chosen)).url, ca_bundle))
            return started[-1]

        yield begin
        for portal in started:
            portal.was_only_read()


@pytest.fixture
def run_tap(tmp_path: Path) -> Tap:
    """`run_tap(config, *arguments, state=…, catalog=…, streams=…)` runs the console script to its end."""
    return Tap(tmp_path)
