"""Lists without ids in order: pages of a site, and cursors of REST 3.0 that lead nowhere or come empty."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.running import Portal, Tap

Site = tuple[Portal, dict[str, Any]]
Catalog = dict[str, Any]
TAILS = {"event_log": ("main.eventlog.tail", "events"), "timeman_records": ("timeman.record.list", "records")}


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    """Return a function that starts a site; it returns the raw client and the tap's settings."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Site:
            running = stack.enter_context(
                serve(**{"scale": 300, "seed": 1, "no_limits": True, "clock": "now", **options})
            )
            return Portal(running.url), dict(running.config("site"))

        yield begin


def truth(portal: Portal, table: str) -> set[str]:
    return {str(next(iter(row.values()))) for row in portal.truth(table)}


@pytest.mark.parametrize("total", ["pagination", "missing", "root"])
@pytest.mark.parametrize("beyond", ["empty", "last"])
def test_rows_that_move_between_pages_of_a_site_arrive(
    site: Callable[..., Site], run_tap: Tap, total: str, beyond: str
) -> None:
    """A row is deleted and another added between two pages: the total stays, and a row moves to a page read before."""
    portal, config = site(scale=600, switches={"site_total": total, "site_beyond": beyond})
    before = {row["id"] for row in portal.truth("site:orders")}
    portal.mutate(every_requests=1, times=6, table="deals", insert=1, delete=1)
    run = run_tap(config).succeeded()
    after = {row["id"] for row in portal.truth("site:orders")}
    read = Counter(run.ids("orders"))
    assert set(read.values()) == {1}
    assert before & after <= read.keys()


@pytest.mark.parametrize("total", ["pagination", "missing", "root"])
@pytest.mark.parametrize("fault", ["empty_page", "null_result", "false_result", "text_result"])
@pytest.mark.parametrize("position", [0, 3])
def test_a_page_of_a_site_without_rows_is_asked_for_again(
    site: Callable[..., Site], run_tap: Tap, total: str, fault: str, position: int
) -> None:
    portal, config = site(switches={"site_total": total})
    portal.faults({"fault": fault, "method": "site/orders", "after": position, "times": 1})
    run = run_tap(config)
    wanted = {row["id"] for row in portal.truth("site:orders")}
    if run.code == 0:
        assert set(run.ids("orders")) == wanted
        return
    assert (run.code, "Traceback" in run.stderr) == (1, False)
    assert "orders" in run.stderr.splitlines()[-1]
    assert "orders" not in {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    again = run_tap(config, state=run.state).succeeded()
    assert {*run.ids("orders"), *again.ids("orders")} == wanted


@pytest.mark.parametrize("total", [0, 7])
def test_a_total_of_a_site_below_its_rows_ends_nothing(site: Callable[..., Site], run_tap: Tap, total: int) -> None:
    portal, config = site()
    portal.faults({"fault": "wrong_total", "method": "site/orders", "param": total})
    run = run_tap(config)
    if run.code == 0:
        assert set(run.ids("orders")) == {row["id"] for row in portal.truth("site:orders")}
    else:
        assert "orders" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("fault", ["cursor_circle", "cursor_runaway"])
@pytest.mark.parametrize("stream", ["event_log", "mail_messages", "hr_structure_nodes"])
@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
def test_cursors_that_lead_nowhere_fail_their_stream(
    start: Start, run_tap: Tap, catalog: Catalog, fault: str, stream: str, *, again: bool
) -> None:
    portal = start()
    state = run_tap(portal.config(), catalog=catalog, streams=[stream]).succeeded().state if again else None
    whole = set(run_tap(portal.config(), catalog=catalog, streams=[stream]).ids(stream))
    portal.faults({"fault": fault, "method": "*.tail"}, {"fault": fault, "method": "*.list"})
    run = run_tap(portal.config(), catalog=catalog, streams=[stream, "crm_statuses"], state=state)
    assert run.code in (0, 1)
    assert "Traceback" not in run.stderr
    assert portal.stats()["requests"] < 60
    if run.code == 1:
        assert stream in run.stderr.splitlines()[-1]
        assert stream not in {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    elif not again:
        assert set(run.ids(stream)) == whole
