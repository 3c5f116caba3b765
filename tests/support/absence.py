"""What each test of a fault asserts: all rows arrive, or the stream fails by name and the next run has them all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tap_bitrix24.demo import serve
from tests.support.running import Portal, Run, Tap


def rows_of(run: Run, stream: str) -> set[str]:
    """Return the records of a stream, comparable, without the time at which they were read."""
    records = ({**record, "_bitrix24_children_read_at": None} for record in run.records(stream))
    return {json.dumps(record, sort_keys=True) for record in records}


@dataclass
class Ground:
    """A portal for several tests, which change no rows of it, and what quiet runs read from it."""

    portal: Portal
    tap: Tap
    catalog: dict[str, Any]
    quiet: dict[str, Run] = field(default_factory=dict)

    def run(self, *streams: str, state: Mapping[str, Any] | None = None, **settings: Any) -> Run:
        """Run the tap over some streams; a traceback in its log fails the test."""
        run = self.tap(self.portal.config(**settings), catalog=self.catalog, streams=streams, state=state)
        assert "Traceback" not in run.stderr
        return run

    def rows(self, stream: str) -> set[str]:
        """Return the rows of a run without faults."""
        if stream not in self.quiet:
            self.portal.faults(clear=True)
            self.quiet[stream] = self.run(stream).succeeded()
        return rows_of(self.quiet[stream], stream)

    def with_faults(self, *streams: str, faults: Sequence[Mapping[str, Any]], **settings: Any) -> Run:
        """Return a run during which something fails: all rows arrive, or a next run without faults has them."""
        expected = {stream: self.rows(stream) for stream in streams}
        self.portal.faults(*faults)
        try:
            run = self.run(*streams, **settings)
        finally:
            self.portal.faults(clear=True)
        found = {stream: rows_of(run, stream) for stream in streams}
        short = [stream for stream in streams if found[stream] != expected[stream]]
        if run.code == 0:
            assert not short, f"{short} lack rows although the exit code is 0\n{run.stderr[-2000:]}"
            return run
        failed_aloud(run, *short)
        again = self.run(*streams, state=run.state if run.states else None, **settings).succeeded()
        for stream in streams:
            assert found[stream] | rows_of(again, stream) == expected[stream], f"{stream}\n{run.stderr[-2000:]}"
        return run


def failed_aloud(run: Run, *streams: str) -> None:
    """Assert exit code 1, these streams in the last line, and no version activated over a part of their rows."""
    assert run.code == 1, run.stderr[-2000:]
    last = run.stderr.splitlines()[-1]
    assert all(stream in last for stream in streams), last
    activated = {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    assert not activated & set(streams), "a version was activated over a part"


@contextmanager
def serving(folder: Path, catalog: dict[str, Any] | None = None, **options: Any) -> Iterator[Ground]:
    """Yield a portal with the options of `serve`; without a catalog, the tap discovers one."""
    with serve(port=0, seed=1, no_limits=True, **options) as running:
        portal, tap = Portal(running.url), Tap(folder)
        yield Ground(portal, tap, catalog or tap.discover(portal.config()))
        portal.was_only_read()
