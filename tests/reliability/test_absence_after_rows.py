"""A method that vanishes while its stream is read: the stream fails, although one that never was there is left out."""

from typing import Any

import pytest

from tests.support.fixtures import Start
from tests.support.running import Tap, only

LISTS = {"deals": "crm.deal.list", "tasks": "tasks.task.list", "lists": "lists.get"}


def by_default(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    """Return the catalog with one stream that is selected by default, not explicitly."""
    chosen = only(catalog, stream)
    for entry in chosen["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"] and metadata["metadata"].pop("selected"):
                metadata["metadata"]["selected-by-default"] = True
            elif not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = False
    return chosen


@pytest.mark.parametrize("stream", ["deals", pytest.param("tasks", marks=pytest.mark.slow)])
def test_after_its_first_rows_a_missing_method_fails_the_stream(
    start: Start, run_tap: Tap, catalog: dict[str, Any], stream: str
) -> None:
    portal = start(scale=1_500)
    portal.faults({"fault": "missing_method", "method": LISTS[stream], "after": 4})
    run = run_tap(portal.config(), catalog=by_default(catalog, stream))
    assert run.code == 1
    assert list(run.records(stream))
    assert run.stderr.splitlines()[-1].startswith(f"tap-bitrix24: 1 of 1 streams failed: {stream} (")
    portal.faults(clear=True)
    again = run_tap(portal.config(), catalog=by_default(catalog, stream), state=run.state).succeeded()
    found = {row["id"] for each in (run, again) for row in each.records(stream)}
    assert len(found) == len(portal.truth(stream))


@pytest.mark.parametrize("stream", LISTS)
def test_before_its_first_row_it_is_left_out_with_a_warning(
    start: Start, run_tap: Tap, catalog: dict[str, Any], stream: str
) -> None:
    portal = start(scale=60)
    portal.faults({"fault": "missing_method", "method": LISTS[stream]})
    run = run_tap(portal.config(), catalog=by_default(catalog, stream)).succeeded()
    assert f"{stream} skipped: {LISTS[stream]}" in run.stderr
    assert not list(run.of_type("ACTIVATE_VERSION"))
    assert not run.state.get("bookmarks", {}).get(stream)
