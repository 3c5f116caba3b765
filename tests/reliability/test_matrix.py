"""Whatever fails, wherever: all rows arrive, or the stream fails aloud and the next quiet run has all of them.

The default run covers every pair of two axes (fault, position, strategy, connection); all cases run with
`TAP_BITRIX24_FULL=1` (docs/reliability.md).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.reliability.matrix import (
    READINGS,
    REQUEST_FAULTS,
    Case,
    Reading,
    all_cases,
    pairwise,
)
from tests.support.full import FULL
from tests.support.running import Portal, Run, Tap, only

COMPANION = "currencies"
"""A stream whose command shares batches with those of the stream under test."""
COMPANION_METHOD = "crm.currency.list"
FIRST_COMMAND, FIELD_METHOD = "scope", "crm.deal.fields"
CASES = all_cases() if FULL else pairwise(all_cases())


@dataclass
class Ground:
    """The portal all cases read, and what a run without faults reads from it."""

    portal: Portal
    tap: Tap
    configs: Mapping[str, Mapping[str, Any]]
    catalogs: Mapping[str, dict[str, Any]]
    states: dict[Reading, dict[str, Any]] = field(default_factory=dict)
    """STATE that runs of incremental readings begin with."""
    clean: dict[Reading, set[str]] = field(default_factory=dict)
    commands: dict[Reading, int] = field(default_factory=dict)
    """Commands of the list method in a run without faults."""
    requests: dict[Reading, int] = field(default_factory=dict)
    """HTTP requests in a run without faults, the first one left out."""

    def run(self, reading: Reading, state: dict[str, Any] | None = None) -> Run:
        """Run the tap over the stream and its companion."""
        streams = [reading.stream, *([COMPANION] if reading.connection in ("webhook", "oauth") else [])]
        catalog = only(self.catalogs[reading.connection], *streams)
        return self.tap(self.configs[reading.connection], catalog=catalog, state=state)


def rows_of(run: Run, stream: str) -> set[str]:
    """Return the records of a stream, comparable, without the time at which they were read."""
    records = ({**record, "_bitrix24_children_read_at": None} for record in run.records(stream))
    return {json.dumps(record, sort_keys=True) for record in records}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The portal after some changes, STATE from before them, and runs without faults."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    tap = Tap(folder)
    with serve(port=0, seed=1, no_limits=True, scale=160, clock="now") as running:
        portal = Portal(running.url)
        configs: dict[str, dict[str, Any]] = {
            "webhook": dict(running.config("webhook")),
            "rest3": dict(running.config("webhook")),
            "oauth": {**running.config("oauth"), "token_file": str(folder / "tokens.json")},
            "vibecode": dict(running.config("vibecode")),
            "site": dict(running.config("site")),
        }
        catalogs = {name: tap.discover(config) for name, config in configs.items() if name != "rest3"}
        made = Ground(portal, tap, configs, {**catalogs, "rest3": catalogs["webhook"]})
        incremental = [reading for reading in READINGS if reading.incremental]
        made.states = {reading: made.run(reading).succeeded().state for reading in incremental}
        portal.control("clock", {"advance": 3_600})
        for reading in incremental:
            portal.mutate(table=reading.table, update=90, insert=40)
        portal.control("clock", {"advance": 400})
        for reading in READINGS:
            portal.control("stats", {"reset": True})
            run = made.run(reading, made.states.get(reading)).succeeded()
            made.clean[reading] = rows_of(run, reading.stream)
            assert made.clean[reading], reading
            stats = portal.stats()
            made.commands[reading] = stats["commands"].get(reading.method, 0)
            made.requests[reading] = stats["requests"] - 1
        yield made
        assert portal.stats()["write_calls"] == {}


def rule_of(case: Case, ground: Ground) -> dict[str, Any]:
    """Return the demo portal's rule for a case."""
    whole = case.fault in REQUEST_FAULTS
    method = case.reading.method
    number = ground.requests[case.reading] if whole else ground.commands[case.reading]
    places: dict[str, dict[str, Any]] = {
        "first request": {"method": "*" if whole else FIRST_COMMAND, "times": 1},
        "discovery": {"method": "*" if whole else FIELD_METHOD, "after": 1 if whole else 0, "times": 1},
        "first page": {"method": method, "times": 1},
        "middle": {"method": method, "after": number // 2, "times": 1},
        "last page": {"method": method, "after": max(0, number - 1), "times": 1},
        "another stream's": {"method": COMPANION_METHOD, "times": 1},
        "always": {"method": method},
    }
    return {**case.rule, **places[case.position]}


def check_run(case: Case, ground: Ground, run: Run) -> None:
    """All rows, or a failure that names the stream, and all rows after the next run without faults."""
    reading, clean = case.reading, ground.clean[case.reading]
    found = rows_of(run, reading.stream)
    if run.code == 0:
        assert found == clean, f"rows are missing although the exit code is 0\n{run.stderr[-2000:]}"
        return
    assert run.code == 1, run.stderr[-2000:]
    assert "Traceback" not in run.stderr
    failed = run.stderr.splitlines()[-1]
    assert reading.stream in failed or COMPANION in failed or "cannot be reached" in failed or run.stdout == "", failed
    versions = [message for message in run.of_type("ACTIVATE_VERSION") if message["stream"] == reading.stream]
    assert not versions or found == clean, "a version was activated over a part"
    ground.portal.faults(clear=True)
    state = run.state if run.states else ground.states.get(reading)
    again = ground.run(reading, state).succeeded()
    table = rows_of(again, reading.stream) | (found if reading.keeps_state else set())
    assert table == clean, f"rows are missing after the next run\n{run.stderr[-2000:]}"


def check_discovery(case: Case, ground: Ground) -> None:
    """The catalog is the same, or the run fails and names what it lacks."""
    found = ground.tap(ground.configs[case.reading.connection], "--discover")
    if found.code == 0:
        assert json.loads(found.stdout) == ground.catalogs[case.reading.connection]
        return
    assert found.code == 1, found.stderr[-2000:]
    assert "Traceback" not in found.stderr
    if found.stdout:
        described = {stream["tap_stream_id"] for stream in json.loads(found.stdout)["streams"]}
        lacking = {s["tap_stream_id"] for s in ground.catalogs[case.reading.connection]["streams"]} - described
        assert all(name in found.stderr.splitlines()[-1] for name in lacking)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case.position == "always" else ()) for case in CASES], ids=str
)
def test_no_fault_loses_a_row(ground: Ground, case: Case) -> None:
    ground.portal.faults(clear=True)
    ground.portal.faults(rule_of(case, ground))
    try:
        if case.position == "discovery":
            check_discovery(case, ground)
        else:
            check_run(case, ground, ground.run(case.reading, ground.states.get(case.reading)))
    finally:
        ground.portal.faults(clear=True)


def test_the_default_run_covers_every_pair() -> None:
    """Of values on two of the four axes that occur together in the full product."""
    for one, other in combinations(range(4), 2):
        every = {(case.values[one], case.values[other]) for case in all_cases()}
        assert {(case.values[one], case.values[other]) for case in CASES} == every
