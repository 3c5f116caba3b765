"""Whatever happens between and during runs, after a quiet one the tables and the current views equal the portal.

Each story is a portal with settings of its own, and some runs while rows are inserted, updated and deleted, the clock
jumps and faults happen, each run from the STATE of the one before, all loaded into one DuckDB file. Four stories by
default, 300 with `TAP_BITRIX24_FULL=1` (docs/reliability.md).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tap_bitrix24.demo import serve
from tests.support.comparison import LINKS, PRODUCT_ROWS, ComparedStream
from tests.support.full import FULL
from tests.support.loading import load, opened
from tests.support.running import Portal, Tap, only
from tests.support.truth import PORTAL_TABLES, differences

TABLES = ("deals", "contacts", "crm_statuses", "requisites")
"""Streams compared row by row, value by value; the first two have rows the classic method hides or counts."""
ITEMS = ComparedStream("smart_invoices", "smart_invoices", "id=id title=title")
CHILDREN = (PRODUCT_ROWS, LINKS)
DAY = 86_400
SWITCHES: dict[str, tuple[str, ...]] = {
    "item_date_filter": ("shifted", "exact", "iso_unread"),
    "item_links": ("on", "empty"),
    "list_gaps": ("off", "on"),
}
FAULTS: Sequence[dict[str, Any]] = (
    {"fault": "query_limit", "method": "*"},
    {"fault": "html_502", "method": "*"},
    {"fault": "disconnect", "method": "*"},
    {"fault": "truncated_json", "method": "*"},
    {"fault": "short_page", "method": "crm.*", "param": 7},
    {"fault": "command_error", "method": "crm.*", "param": "INTERNAL_SERVER_ERROR"},
    {"fault": "empty_page", "method": "crm.*.list"},
    {"fault": "null_result", "method": "crm.*.list"},
    {"fault": "refuse_command", "method": "crm.*.list", "param": {"code": "ACCESS_DENIED"}},
    {"fault": "refuse_command", "method": "crm.*.list", "param": {"code": "ERROR_CORE"}},
    {"fault": "missing_method", "method": "crm.*.list"},
    {"fault": "refuse_request", "method": "*", "param": {"status": 403, "code": "ACCESS_DENIED"}},
)


@dataclass(frozen=True)
class Change:
    """Rows that change, before a run or while it reads."""

    table: str
    insert: int
    update: int
    delete: int
    live: bool

    def apply(self, portal: Portal) -> None:
        """Change the rows now, or some of them after every other request of the run."""
        what = {"table": self.table, "insert": self.insert, "update": self.update, "delete": self.delete}
        portal.mutate(**what, **({"every_requests": 2, "times": 3} if self.live else {}))


@dataclass(frozen=True)
class Step:
    """What happens before and during one run."""

    advance: int
    """Seconds the portal's clock moves, before the changes; it may be put back by less than the lookback."""
    changes: tuple[Change, ...]
    faults: tuple[tuple[int, int], ...]
    """Number of a fault, and after how many matching requests it happens, once."""


@dataclass(frozen=True)
class Story:
    """A portal, settings, and runs."""

    switches: tuple[tuple[str, str], ...]
    lookback: int
    concurrency: int
    universal: bool
    steps: tuple[Step, ...]


changes = st.builds(
    Change,
    table=st.sampled_from(["deals", "contacts", "smart_invoices", "product_rows", "requisites"]),
    insert=st.integers(0, 6),
    update=st.sampled_from([0, 1, 5, 60, 130]),
    delete=st.integers(0, 4),
    live=st.booleans(),
)
faults = st.tuples(st.integers(0, len(FAULTS) - 1), st.integers(0, 9))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return a story; the clock is put back only where a lookback makes up for it."""
    lookback = draw(st.sampled_from([0, 300]))
    advances = st.sampled_from([0, 1, 59, 4_000, 2 * DAY, *([-200] if lookback else [])])
    steps = st.builds(
        Step,
        advance=advances,
        changes=st.lists(changes, max_size=3).map(tuple),
        faults=st.lists(faults, max_size=2).map(tuple),
    )
    return Story(
        switches=tuple((name, draw(st.sampled_from(values))) for name, values in SWITCHES.items()),
        lookback=lookback,
        concurrency=draw(st.integers(1, 10)),
        universal=draw(st.booleans()),
        steps=tuple(draw(st.lists(steps, min_size=1, max_size=4))),
    )


class Telling:
    """A story while it is told: the portal, the file, and the last STATE."""

    def __init__(self, story: Story, url: str, folder: Path) -> None:
        self.portal, self.tap, self.folder = Portal(url), Tap(folder), folder
        self.config = self.portal.config(
            lookback_seconds=story.lookback,
            max_concurrency=story.concurrency,
            crm_methods="universal" if story.universal else "classic",
        )
        streams = (*TABLES, str(ITEMS), *map(str, CHILDREN), "child_reads")
        self.catalog = only(self.tap.discover(self.config), *streams)
        self.state: dict[str, Any] | None = None
        self.path = folder / "loaded.duckdb"

    def run(self, *, quiet: bool) -> None:
        """Run the tap and load what it wrote; only a quiet run has to succeed."""
        run = self.tap(self.config, catalog=self.catalog, state=self.state)
        assert run.code in ((0,) if quiet else (0, 1)), run.stderr[-3000:]
        if run.stdout:
            self.path = load(run.stdout, self.folder)
        self.state = run.state if run.states else self.state

    def step(self, step: Step) -> None:
        """Let things happen, and run."""
        self.portal.control("clock", {"advance": step.advance})
        for change in step.changes:
            change.apply(self.portal)
        self.portal.faults(
            *({**FAULTS[number], "after": after, "times": 1} for number, after in step.faults), clear=True
        )
        self.run(quiet=False)
        self.portal.mutate(clear=True)
        self.portal.faults(clear=True)

    def wrong(self) -> list[str]:
        """Return what differs between the file and the portal."""
        self.portal.switch(list_gaps="off")  # the portal's rows as lists, which is what they mean
        found = []
        for stream in TABLES:
            truth = self.portal.truth(PORTAL_TABLES.get(stream, stream))
            gone = 0 if stream == "crm_statuses" else 10**6
            found += [f"{stream}: {text}" for text in differences(self.path, stream, truth, gone=gone)]
        # the universal method has other links to the same files
        found = [text for text in found if "/bitrix/components/" not in text]
        missing = ITEMS.truth(self.portal) - _table(self.path, ITEMS)
        found += [f"{ITEMS}: {row} is missing" for row in missing]
        found += [str(each) for each in CHILDREN if each.current(self.path) != each.truth(self.portal)]
        return found


def _table(path: Path, stream: ComparedStream) -> Counter[tuple[str, ...]]:
    """Return the rows of a table, by the compared columns."""
    with opened(path) as connection:
        names = ", ".join(f'"{name}"' for name, _ in stream.pairs)
        rows = connection.table(str(stream)).select(names).fetchall()
    return Counter(tuple("" if value is None else str(value) for value in row) for row in rows)


@settings(
    max_examples=300 if FULL else 4,
    derandomize=not FULL,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate] if not FULL else list(Phase),  # a story takes seconds: none are shrunk
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(stories())
def test_after_a_quiet_run_the_tables_equal_the_portal(story: Story) -> None:
    options: dict[str, Any] = {"port": 0, "seed": 1, "scale": 120, "no_limits": True, "switches": dict(story.switches)}
    with TemporaryDirectory() as folder, serve(**options) as running:
        telling = Telling(story, running.url, Path(folder))
        for step in story.steps:
            telling.step(step)
        telling.portal.control("clock", {"advance": 2 * DAY})
        telling.run(quiet=True)
        assert telling.wrong() == []
        telling.portal.was_only_read()
