"""Children that change although their parents do not: what `<stream>_current` shows, and when.

See docs/decisions.md#decision-15.
"""

import json
import random
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_signals import Running
from tests.support.comparison import CHECKLISTS, COMMENTS, LINKS, PRODUCT_ROWS, SWEPT, ComparedStream
from tests.support.fixtures import Start
from tests.support.loading import load, opened
from tests.support.running import SCRIPTS, Portal, Run, Tap, only

Catalog = dict[str, Any]
CHILD_READS = "child_reads"
HOUR = 3_600


class Warehouse:
    """Runs of the tap, each from the STATE of the one before, into one DuckDB file."""

    def __init__(self, portal: Portal, tap: Tap, catalog: Catalog, *streams: ComparedStream) -> None:
        self._portal, self._tap = portal, tap
        self._catalog = only(catalog, CHILD_READS, *map(str, streams))
        self._streams = streams
        self._config = portal.config(plan="enterprise")
        self.state: dict[str, Any] | None = None
        self.path = tap.folder / "loaded.duckdb"

    def take(self, run: Run) -> None:
        """Load the output of a run; the next run continues from its STATE."""
        self.state = run.state
        load(run.stdout, self._tap.folder)

    def run(self) -> Run:
        """Run once more."""
        run = self._tap(self._config, catalog=self._catalog, state=self.state).succeeded()
        self.take(run)
        return run

    def attempt(self) -> Run:
        """Run once more, whatever comes of it."""
        run = self._tap(self._config, catalog=self._catalog, state=self.state)
        self.take(run)
        return run

    def wrong(self) -> list[str]:
        """Return the streams whose current rows differ from the portal's."""
        return [str(each) for each in self._streams if each.current(self.path) != each.truth(self._portal)]

    def count(self, stream: ComparedStream, parent: str) -> int:
        """Return how many children a parent had when they were last read."""
        with opened(self.path) as connection:
            where = "SELECT count FROM child_reads WHERE stream = $1 AND parent = $2"
            ((count,),) = connection.execute(where, [str(stream), parent]).fetchall()
        return int(count)


@pytest.fixture
def bought(start: Start, run_tap: Tap, catalog: Catalog) -> tuple[Portal, Warehouse]:
    """A portal, and a warehouse with the product rows and contact links of its deals."""
    portal = start()
    warehouse = Warehouse(portal, run_tap, catalog, PRODUCT_ROWS, LINKS)
    warehouse.run()
    assert warehouse.wrong() == []
    return portal, warehouse


def _of_deals(portal: Portal, stream: ComparedStream) -> dict[int, list[tuple[str, ...]]]:
    """Return deal → compared values of its children."""
    place = [name for _, name in stream.pairs].index({"product_rows": "ownerId"}.get(stream.table, "DEAL_ID"))
    found: dict[int, list[tuple[str, ...]]] = {}
    for row in stream.truth(portal):
        if stream is LINKS or "D" in row:
            found.setdefault(int(row[place]), []).append(row)
    return found


def _with(children: Mapping[int, list[tuple[str, ...]]], count: int) -> int:
    """Return a deal with this many children."""
    return next(deal for deal, rows in children.items() if len(rows) == count)


def _wait(portal: Portal, hours: float) -> None:
    portal.control("clock", {"advance": hours * HOUR})


def test_a_change_of_a_child_alone_is_read_by_the_next_sweep(bought: tuple[Portal, Warehouse]) -> None:
    portal, warehouse = bought
    rows, links = _of_deals(portal, PRODUCT_ROWS), _of_deals(portal, LINKS)
    last, one_of_three = _with(rows, 1), _with(rows, 3)
    single, one_of_two = _with(links, 1), _with(links, 2)
    assert warehouse.count(PRODUCT_ROWS, f"deal:{one_of_three}") == 3
    modified = {number: row["DATE_MODIFY"] for number, row in portal.table("deals").items()}
    _wait(portal, 1)
    gone = [rows[last][0], rows[one_of_three][1]]
    portal.mutate(table="product_rows", delete_ids=[int(row[0]) for row in gone])
    unlinked = [links[single][0], links[one_of_two][0]]
    for deal, contact in unlinked:
        portal.mutate(table="deal_contacts", delete_where={"DEAL_ID": deal, "CONTACT_ID": contact})
    assert {number: row["DATE_MODIFY"] for number, row in portal.table("deals").items()} == modified
    _wait(portal, 22)
    assert warehouse.run().records(str(PRODUCT_ROWS)) == []
    for stream, removed in ((PRODUCT_ROWS, gone), (LINKS, unlinked)):
        assert stream.current(warehouse.path) - stream.truth(portal) == dict.fromkeys(removed, 1)
    _wait(portal, 1)
    warehouse.run()
    assert warehouse.wrong() == []
    assert warehouse.count(PRODUCT_ROWS, f"deal:{last}") == 0
    assert warehouse.count(PRODUCT_ROWS, f"deal:{one_of_three}") == 2
    assert warehouse.count(LINKS, f"deal:{single}") == 0
    assert warehouse.count(LINKS, f"deal:{one_of_two}") == 1


def test_children_of_a_changed_deal_are_read_by_the_next_run(bought: tuple[Portal, Warehouse]) -> None:
    portal, warehouse = bought
    rows, links = _of_deals(portal, PRODUCT_ROWS), _of_deals(portal, LINKS)
    deal = next(deal for deal in rows if len(rows[deal]) == len(links.get(deal, ())) == 2)
    _wait(portal, 1)
    portal.mutate(table="product_rows", delete_ids=[int(rows[deal][0][0])])
    portal.mutate(table="deal_contacts", delete_where={"DEAL_ID": deal, "CONTACT_ID": links[deal][1][1]})
    portal.mutate(table="deals", set={"id": deal, "fields": {"TITLE": "changed"}})
    _wait(portal, 1)
    run = warehouse.run()
    assert warehouse.wrong() == []
    assert [row["id"] for row in run.records(str(PRODUCT_ROWS))] == [int(rows[deal][1][0])]
    assert [row["contact_id"] for row in run.records(str(LINKS))] == [int(links[deal][0][1])]
    assert {row["parent"] for row in run.records(CHILD_READS)} == {f"deal:{deal}"}


def test_rows_of_a_deleted_deal_disappear_with_the_sweep(bought: tuple[Portal, Warehouse]) -> None:
    portal, warehouse = bought
    rows, links = _of_deals(portal, PRODUCT_ROWS), _of_deals(portal, LINKS)
    deal = next(deal for deal in rows if deal in links)
    _wait(portal, 1)
    portal.mutate(table="deals", delete_ids=[deal])
    warehouse.run()
    assert PRODUCT_ROWS.current(warehouse.path) - PRODUCT_ROWS.truth(portal) == dict.fromkeys(rows[deal], 1)
    assert LINKS.current(warehouse.path) - LINKS.truth(portal) == dict.fromkeys(links[deal], 1)
    _wait(portal, 23)
    warehouse.run()
    assert warehouse.wrong() == []


@pytest.mark.parametrize("hours", [1, 48])
def test_the_time_between_sweeps_is_a_setting(start: Start, run_tap: Tap, catalog: Catalog, hours: int) -> None:
    portal = start()
    config = portal.config(child_sweep_hours=hours)
    first = run_tap(config, catalog=catalog, streams=[str(LINKS)]).succeeded()
    _wait(portal, 24)
    second = run_tap(config, catalog=catalog, streams=[str(LINKS)], state=first.state).succeeded()
    assert LINKS.read_by(first) == LINKS.truth(portal)
    assert LINKS.read_by(second) == (LINKS.truth(portal) if hours == 1 else {})


@pytest.mark.slow
class TestCost:
    """Number of requests for a company with 10,000 deals, including the preflight and the reading of parents."""

    @pytest.mark.parametrize(("stream", "most"), [(PRODUCT_ROWS, 80), (LINKS, 8)], ids=str)
    def test_children_of_10_000_deals(
        self, big: Portal, run_tap: Tap, catalog: Catalog, stream: ComparedStream, most: int
    ) -> None:
        """Product rows also belong to leads, quotes, invoices and smart processes: 22,000 parents."""
        big.forget_stats()
        streams = [str(stream), CHILD_READS]
        first = run_tap(big.config(plan="enterprise"), catalog=catalog, streams=streams).succeeded()
        assert stream.read_by(first) == stream.truth(big)
        assert big.stats()["requests"] <= most
        parents = {row["parent"] for row in first.records(CHILD_READS)}
        assert len(parents) == len(first.records(CHILD_READS))
        assert sum(name.startswith("deal:") for name in parents) == 10_000
        big.forget_stats()
        second = run_tap(big.config(), catalog=catalog, streams=streams, state=first.state).succeeded()
        assert second.records(str(stream)) == second.records(CHILD_READS) == []
        assert big.stats()["requests"] <= 2


def test_a_filter_that_takes_one_owner_only_loses_nothing(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(switches={"productrow_owner_arrays": "off"})
    run = run_tap(portal.config(plan="enterprise"), catalog=catalog, streams=[str(PRODUCT_ROWS)]).succeeded()
    assert PRODUCT_ROWS.read_by(run) == PRODUCT_ROWS.truth(portal)
    (warning,) = run.warnings
    assert "crm.item.productrow.list: the filter does not take several parents at once" in warning


def test_deals_without_embedded_contacts_are_requested_one_by_one(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(switches={"item_links": "off"})
    links = ComparedStream(LINKS.stream, LINKS.table, f"{LINKS.columns} sort=SORT role_id=ROLE_ID")
    wanted = links.truth(portal)
    run = run_tap(portal.config(plan="enterprise"), catalog=catalog, streams=[str(links), CHILD_READS]).succeeded()
    assert links.read_by(run) == wanted
    deals, of_deals = portal.table("deals"), _of_deals(portal, LINKS)
    childless = sum(deal not in of_deals for deal in deals)
    assert portal.stats()["commands"]["crm.deal.contact.items.get"] == len(deals) + childless, "none is asked for twice"
    counts = {row["parent"]: row["count"] for row in run.records(CHILD_READS) if row["parent"] != "*"}
    assert counts == {f"deal:{deal}": len(_of_deals(portal, LINKS).get(deal, ())) for deal in portal.table("deals")}


class TestAnswersThatProveNothing:
    """Bad answers in a sweep: all other children are read, none leaves its view, and the next run has the rest."""

    @pytest.mark.parametrize(
        "rule",
        [
            {"fault": "empty_page", "param": "missing"},
            {"fault": "null_result"},
            {"fault": "command_error", "param": "ERROR_CORE"},
            {"fault": "wrong_encoding"},
        ],
        ids=lambda rule: str(rule["fault"]),
    )
    def test_one_that_passes_loses_nothing(
        self, start: Start, run_tap: Tap, catalog: Catalog, rule: dict[str, Any]
    ) -> None:
        portal = start(scale=100)
        warehouse = Warehouse(portal, run_tap, catalog, *SWEPT)
        warehouse.run()
        _wait(portal, 25)
        portal.faults(*({**rule, "times": 1, "method": method, "after": 1} for method in METHODS.values()))
        warehouse.run()
        assert warehouse.wrong() == []

    @pytest.mark.parametrize("code", ["NOT_FOUND", "WRONG_ENCODING"])
    def test_a_refused_parent_keeps_its_children(self, start: Start, run_tap: Tap, catalog: Catalog, code: str) -> None:
        """The text says "not found"; the parent is there."""
        portal = start(scale=100)
        streams = (PRODUCT_ROWS, CHECKLISTS, COMMENTS)
        warehouse = Warehouse(portal, run_tap, catalog, *streams)
        warehouse.run()
        _wait(portal, 25)
        for stream in streams:
            name, column = OWNERS_IN_REQUESTS[stream.stream]
            parent = portal.truth(stream.table)[0][column]
            param = {"code": code, "text": "Element not found", "where": {name: str(parent)}}
            portal.faults({"fault": "refuse_command", "method": METHODS[stream.stream], "param": param})
        run = warehouse.attempt()
        assert run.code == 1
        assert run.stderr.splitlines()[-1].count("parents could not be read, first ") == len(streams)
        assert warehouse.wrong() == []
        assert all(run.state["bookmarks"][str(stream)]["unanswered"] for stream in streams)
        portal.control("faults", {"clear": True})
        state = warehouse.run().state
        assert warehouse.wrong() == []
        assert not any("unanswered" in state["bookmarks"][str(stream)] for stream in streams)

    def test_methods_that_are_missing_for_a_sweep_empty_nothing(
        self, start: Start, run_tap: Tap, catalog: Catalog
    ) -> None:
        portal = start(scale=100, switches={"item_links": "off"})
        warehouse = Warehouse(portal, run_tap, catalog, *SWEPT)
        before = warehouse.run().state["bookmarks"]
        _wait(portal, 25)
        portal.faults(*({"fault": "missing_method", "method": method, "after": 1} for method in METHODS.values()))
        run = warehouse.attempt()
        assert run.code == 1
        assert warehouse.wrong() == []
        assert "*" not in {row["parent"] for row in run.records(CHILD_READS)}
        for stream in map(str, SWEPT):
            assert run.state["bookmarks"][stream]["swept"] == before[stream]["swept"]


METHODS: Mapping[str, str] = {
    "crm_product_rows": "crm.item.productrow.list",
    "deal_contacts": "crm.deal.contact.items.get",
    "task_checklist_items": "task.checklistitem.getlist",
    "crm_timeline_comments": "crm.timeline.comment.list",
}
"""Stream of children → its method."""
OWNERS_IN_REQUESTS: Mapping[str, tuple[str, str]] = {
    "crm_product_rows": ("ownerId", "ownerId"),
    "task_checklist_items": ("TASKID", "TASK_ID"),
    "crm_timeline_comments": ("ENTITY_ID", "ENTITY_ID"),
}
"""Stream of children → the parameter that names the parent, and the column of the children's table."""


@contextmanager
def _at_work(folder: Path, config: dict[str, Any], catalog: Catalog, state: dict[str, Any] | None) -> Iterator[Running]:
    """Start a tap in a process of its own; it is stopped at the end of the block."""
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(catalog))
    (folder / "state.json").write_text(json.dumps(state or {}))
    command = [str(SCRIPTS / "tap-bitrix24"), "--config", "config.json", "--catalog", "catalog.json"]
    with subprocess.Popen(
        [*command, "--state", "state.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=folder,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


@pytest.mark.parametrize("sweep", ["first", pytest.param("second", marks=pytest.mark.slow)])
def test_a_stopped_sweep_continues_where_it_was(
    start: Start, run_tap: Tap, catalog: Catalog, tmp_path: Path, sweep: str
) -> None:
    """Comments and checklist items are deleted before the sweep, and between its two parts."""
    portal = start(scale=700, latency=40)
    streams = (COMMENTS, CHECKLISTS)
    warehouse = Warehouse(portal, run_tap, catalog, *streams)
    if sweep == "second":
        warehouse.run()
        _wait(portal, 25)
        portal.mutate(table="timeline_comments", delete=40)
        portal.mutate(table="deals", delete=20)
    chosen = only(catalog, CHILD_READS, *map(str, streams))
    with _at_work(tmp_path, portal.config(plan="enterprise"), chosen, warehouse.state) as tap:
        tap.until(f'"{COMMENTS}":{{"snapshot"')
        stopped, _ = tap.leave(signal.SIGTERM)
    assert stopped.code == 143
    marks = stopped.state["bookmarks"]
    halfway = [name for name, mark in marks.items() if mark.get("snapshot", {}).get("after")]
    assert halfway, marks
    assert len(COMMENTS.read_by(stopped)) < len(COMMENTS.truth(portal))
    warehouse.take(stopped)
    _wait(portal, 1)
    portal.mutate(table="deals", update=10)
    rest = warehouse.run()
    assert warehouse.wrong() == []
    assert len(rest.records(str(COMMENTS))) < len(COMMENTS.truth(portal)), "the sweep began again"
    assert {row["parent"] for row in rest.records(CHILD_READS)} >= {"*"}


OWNERS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "product_rows": ("deals", "ownerId", {"ownerType": "D"}),
    "deal_contacts": ("deals", "DEAL_ID", {"CONTACT_ID": 1}),
    "checklist_items": ("tasks", "TASK_ID", {}),
    "timeline_comments": ("deals", "ENTITY_ID", {"ENTITY_TYPE": "deal"}),
}
"""Table of children → table of parents, column with the parent's id, other columns of a new child."""


def _change(portal: Portal, dice: random.Random) -> None:
    """Insert, change and delete parents; insert and delete children."""
    for children, (parents, owner, also) in OWNERS.items():
        key = "id" if parents == "tasks" else "ID"
        portal.mutate(table=parents, insert=dice.randrange(3), update=dice.randrange(9), delete=dice.randrange(4))
        for parent in dice.sample(list(portal.table(parents, key)), dice.randrange(4)):
            linked = {row["DEAL_ID"] for row in portal.truth(children) if row.get("CONTACT_ID") == 1}
            if parent not in linked:
                portal.mutate(table=children, insert=1, fields={owner: parent, **also})
        portal.mutate(table=children, delete=dice.randrange(9))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_after_each_due_sweep_the_views_equal_the_portal(
    start: Start, run_tap: Tap, catalog: Catalog, seed: int
) -> None:
    portal, dice = start(scale=200, seed=seed + 1), random.Random(seed)
    warehouse = Warehouse(portal, run_tap, catalog, *SWEPT)
    stale, since = 0, 0.0
    warehouse.run()
    for hours in (dice.uniform(2, 9), 25, dice.uniform(2, 9), dice.uniform(2, 9), 25):
        _change(portal, dice)
        _wait(portal, hours)
        since += hours
        run = warehouse.run()
        swept = sum(row["parent"] == "*" for row in run.records(CHILD_READS))
        assert swept == (len(SWEPT) if since >= 24 else 0)
        if swept:
            assert warehouse.wrong() == []
            since = 0
        stale += bool(warehouse.wrong())
    assert stale, "nothing was ever stale: too easy"


def test_a_catalog_without_the_columns_that_name_parents_fails_its_stream(
    portal: Portal, run_tap: Tap, catalog: Catalog
) -> None:
    """Catalogs of other versions: read with them, rows would lose their parents while the bookmark moves on."""
    old = only(catalog, LINKS.stream, "deals")
    (entry,) = (entry for entry in old["streams"] if entry["tap_stream_id"] == LINKS.stream)
    del entry["schema"]["properties"]["_bitrix24_parent"]
    run = run_tap(portal.config(), catalog=old)
    assert run.code == 1
    assert f"{LINKS.stream}: the catalog lacks _bitrix24_parent: run --discover again" in run.stderr.splitlines()[-1]
    assert not run.records(LINKS.stream)
    assert LINKS.stream not in run.state["bookmarks"]
    assert len(run.records("deals")) == 300
