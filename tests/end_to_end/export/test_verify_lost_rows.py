"""`bitrix24-export --verify` after a portal has said twice, against the truth, that a list holds no rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.end_to_end.export.conftest import Export
from tests.support.running import Portal


@pytest.fixture
def served() -> Iterator[tuple[Portal, dict[str, Any]]]:
    with serve(scale=200, seed=1, no_limits=True, clock="now") as running:
        yield Portal(running.url), dict(running.config("webhook"))


@pytest.mark.parametrize(
    ("stream", "method", "times"),
    [("deals", "crm.deal.list", 6), ("tasks", "tasks.task.list", 6), ("crm_statuses", "crm.status.list", 2)],
)
def test_a_table_without_its_rows_is_not_called_whole(
    served: tuple[Portal, dict[str, Any]], export: Export, stream: str, method: str, times: int
) -> None:
    """Whatever the tap believed: it failed, or what the portal counts afterwards shows that rows are missing."""
    portal, config = served
    portal.faults({"fault": "empty_page", "method": method, "param": "missing", "after": 1, "times": times})
    done = export("--select", f"{stream},contacts", "--verify", config=config)
    rows = len(portal.truth({"crm_statuses": "statuses"}.get(stream, stream)))
    loaded = export.query(f"FROM {stream}") if stream in export.counts() else []
    assert done.code == (len(loaded) < rows), done.stdout
    if done.code:
        assert stream in done.stderr
    assert "Traceback" not in done.stderr
