"""VibeCode: lists named otherwise by the key, offsets without a total, flags, arrays, and streams with a twin."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.running import Portal, Run, Tap

Service = tuple[Portal, dict[str, Any]]
TWINS = {"posts", "workflows", "warehouses"}
"""Names by which `/v1/me` lists what other streams read already."""


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    """Return a function that starts a portal and the service; it returns the raw client and the tap's settings."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Service:
            running = stack.enter_context(
                serve(**{"scale": 60, "seed": 1, "no_limits": True, "clock": "now", **options})
            )
            return Portal(running.url), dict(running.config("vibecode"))

        yield begin


def smart_processes(portal: Portal, run: Run) -> None:
    """Assert that the rows of both smart processes were read, each once."""
    for stream in ("smart_process_156", "smart_process_177"):
        truth = Counter(int(row["id"]) for row in portal.truth(stream))
        assert Counter(run.ids(stream)) == truth, stream
        assert truth


@pytest.mark.parametrize("name", ["items", "smart-processes"])
def test_smart_processes_are_read_whatever_the_key_calls_them(
    service: Callable[..., Service], run_tap: Tap, name: str
) -> None:
    portal, config = service(switches={"vibe_items": name})
    run = run_tap(config, streams=["smart_process_156", "smart_process_177"]).succeeded()
    smart_processes(portal, run)


@pytest.mark.parametrize("switch", [{}, {"vibe_more": "on"}])
def test_what_another_stream_reads_is_not_offered_again(
    service: Callable[..., Service], run_tap: Tap, switch: dict[str, str]
) -> None:
    _, config = service(switches=switch)
    assert not {entry["tap_stream_id"] for entry in run_tap.discover(config)["streams"]} & TWINS


@pytest.mark.parametrize("fault", ["empty_page", "null_result", "false_result"])
def test_smart_processes_whose_list_comes_empty_once_are_there(
    service: Callable[..., Service], run_tap: Tap, fault: str
) -> None:
    portal, config = service()
    portal.faults({"fault": fault, "method": "v1/smart-processes", "times": 1})
    run = run_tap(config)
    if run.code == 0:
        smart_processes(portal, run)
    else:
        assert (run.code, "Traceback" in run.stderr) == (1, False)
        assert "smart_process" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("total", ["good", "zero", "absent"])
@pytest.mark.parametrize(("stream", "table", "key"), [("deals", "deals", "ID"), ("tasks", "tasks", "id")])
@pytest.mark.parametrize("position", [0, 2])
def test_an_empty_page_is_asked_for_again(
    service: Callable[..., Service], run_tap: Tap, total: str, stream: str, table: str, key: str, position: int
) -> None:
    portal, config = service(scale=700, switches={"vibe_total": total})
    catalog = run_tap.discover(config)
    portal.faults({"fault": "empty_page", "method": f"v1/{stream}*", "after": position, "times": 1})
    run = run_tap(config, catalog=catalog, streams=[stream]).succeeded()
    assert Counter(run.ids(stream)) == Counter(int(row[key]) for row in portal.truth(table))


@pytest.mark.parametrize("total", ["good", "zero", "absent"])
def test_rows_that_move_between_offsets_are_not_lost_in_silence(
    service: Callable[..., Service], run_tap: Tap, total: str
) -> None:
    """Without an order by id the list is read by offset; `/aggregate` counts what the pages should hold."""
    portal, config = service(scale=700, switches={"vibe_total": total})
    catalog = run_tap.discover(config)
    before = {int(row["ID"]) for row in portal.truth("deals")}
    portal.faults({"fault": "drop_order", "method": "deals/search"})
    portal.mutate(every_requests=2, times=4, table="deals", insert=1, delete=1)
    run = run_tap(config, catalog=catalog, streams=["deals"])
    assert "Traceback" not in run.stderr
    after = {int(row["ID"]) for row in portal.truth("deals")}
    if run.code == 0:
        assert before & after <= set(run.ids("deals"))
    else:
        assert "deals" in run.stderr.splitlines()[-1]
