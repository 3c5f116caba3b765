"""`--verify`: the portal's row counts and some of its rows, compared with the tables.

- **Counts.** The newest ids are asked for before the run; afterwards the portal counts the rows up to them. A table
  with fewer rows lacks some. A list without a filter by id is counted before and after: the smaller number counts.
- **Values.** Of each list a page of rows is read again and converted as the run converted it. A row that the table
  lacks although it existed before the run is missing; one with other values is wrong, unless it was modified since.
- **Children.** Parents are counted like rows, and each must be in `child_reads`; for some parents the portal's children
  are counted, too.

Streams that the run did not complete are left out; what could not be counted or compared is named.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from tap_bitrix24.auth.from_settings import VIBECODE
from tap_bitrix24.model.event import Rows
from tap_bitrix24.replication.plan import ReadPlan
from tap_bitrix24.replication.run_bounds import RunBounds
from tap_bitrix24.row_counts import (
    SAMPLE_SIZE,
    Newest,
    PortalView,
    Question,
    ask_newest,
    ask_portal,
    parent_plans,
    parents_name,
    some_of,
)
from tap_bitrix24.streams import EntityStream
from tap_bitrix24.tap import TapBitrix24
from tap_bitrix24.target_duckdb.columns import ColumnType
from tap_bitrix24.target_duckdb.row_counts import StoredValue, Tables, open_tables

PARENTS, PARENTS_BY_SINGLE_REQUESTS = 20, 2
"""Parents of a stream whose children are counted: where requests share batches, and where each is sent alone."""
_MOST_NAMED = 3
"""Wrong rows and parents that a result names."""
_NEW = timedelta(minutes=10)
"""Time the verification may take: a date-time between its start and its end says when a row changed."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class StreamResult:
    """What the verification of one stream found."""

    stream: str
    on_portal: int | None = None
    """Rows on the portal that existed before the run; None: it cannot count them."""
    in_table: int = 0
    """As many rows of the table, or all of them where the portal cannot count."""
    compared: int = 0
    """Rows of the portal that were compared with the table's, value by value."""
    parents: int = 0
    """Parents whose children were counted."""
    note: str = ""
    """Why nothing of the stream could be verified; empty: something could."""
    missing: set[Any] = field(default_factory=set)
    """Keys of compared rows that the table lacks."""
    wrong: list[str] = field(default_factory=list)
    """Rows with other values than the portal's, and the columns these are in."""
    undated: list[str] = field(default_factory=list)
    """The same, where nothing says whether the row was modified since the run."""
    without_children: list[str] = field(default_factory=list)
    """Parents whose children the table lacks."""

    @property
    def rows_missing(self) -> int:
        """How many rows the table lacks, at least."""
        return max((self.on_portal or 0) - self.in_table, len(self.missing), 0)

    @property
    def failed(self) -> bool:
        """Whether the table lacks rows or has wrong ones."""
        return bool(self.rows_missing or self.wrong or self.without_children)

    @property
    def findings(self) -> list[str]:
        """The result in words, one text per finding; none if the table agrees with the portal."""
        texts: list[str] = []
        if self.rows_missing:
            texts.append(f"{self.rows_missing:,} rows missing")
        if self.on_portal is not None and self.in_table > self.on_portal:
            texts.append(f"{self.in_table - self.on_portal:,} rows no longer on the portal")
        named = (
            ("rows wrong", self.wrong),
            ("rows differ, perhaps modified since", self.undated),
            ("parents lack children", self.without_children),
        )
        return texts + [f"{len(all_):,} {what}: {'; '.join(all_[:_MOST_NAMED])}" for what, all_ in named if all_]


def newest_before_run(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> Newest:
    """Return what the portal holds before the run.

    Args:
        config: The tap's settings.
        catalog: What the run will read.
    """
    tap = TapBitrix24(config=dict(config), catalog=dict(catalog))
    try:
        return newest(tap)
    finally:
        tap.client.close()


def verify(
    config: Mapping[str, Any],
    catalog: Mapping[str, Any],
    newest: Newest,
    complete: Collection[str],
    options: argparse.Namespace,
) -> list[StreamResult]:
    """Compare the tables with the portal; return a result per selected stream that the portal lists.

    Args:
        config: The tap's settings.
        catalog: The catalog the tables were loaded with.
        newest: What the portal held before the run.
        complete: Streams that the run read to their end.
        options: Name the DuckDB file and the schema.
    """
    tap = TapBitrix24(config=dict(config), catalog=dict(catalog))
    try:
        with open_tables(options.database, options.schema) as tables:
            streams = listed_streams(tap)
            read = [_Verification(tap, stream, tables, newest) for name, stream in streams.items() if name in complete]
            views = _view(tap, {name: asked for each in read for name, asked in each.questions().items()})
            results = [each.result(views) for each in read]
    finally:
        tap.client.close()
    unread = [StreamResult(name, note="the run did not complete it") for name in streams if name not in complete]
    return (
        results + unread + [StreamResult(name, note="the tap makes it of other streams") for name in own_streams(tap)]
    )


class _Verification:
    """The verification of one stream: what is asked, and what the answers say."""

    def __init__(self, tap: TapBitrix24, stream: EntityStream, tables: Tables, newest: Newest) -> None:
        self._tap, self._stream, self._tables, self._newest = tap, stream, tables, newest
        self._key = stream.primary_keys[0] if len(stream.primary_keys) == 1 else ""
        self._largest = tables.largest(stream.name, self._key) if self._key else None
        known = [each for each in (newest.ids.get(stream.name), self._largest) if each is not None]
        self._last_id = max(known, default=None)
        """The largest id of a row that existed before the run: the table must have all rows up to it."""
        self._children = tables.children(stream.name)
        alone = tap.settings.connection == VIBECODE
        self._parents = some_of(self._children, PARENTS_BY_SINGLE_REQUESTS if alone else PARENTS)

    def questions(self) -> dict[str, Question]:
        """Return what to ask about the stream, and about the parents of its children."""
        parents = {
            parents_name(self._stream.name, group): Question(last_id=last_id)
            for group, last_id in self._newest_parents().items()
        }
        question = Question(last_id=self._last_id, sample_after=self._sample_after(), parents=self._parents)
        return {self._stream.name: question, **parents}

    def _newest_parents(self) -> dict[str, int]:
        """Return parent group → the newest id of its parents before the run."""
        prefix = parents_name(self._stream.name, "")
        return {name.removeprefix(prefix): last for name, last in self._newest.ids.items() if name.startswith(prefix)}

    def _sample_after(self) -> int:
        """Return an id that a page of rows follows: another one on each run, without a state that remembers it."""
        places = max(1, (self._last_id or 0) - SAMPLE_SIZE + 1)
        return int(self._newest.clock.timestamp()) * 2_654_435_761 % places  # a prime scatters consecutive seconds

    def result(self, views: Mapping[str, PortalView]) -> StreamResult:
        """Return what the portal's answers say.

        Args:
            views: Stream, or the name of its parents, → the portal's answers.
        """
        name, view = self._stream.name, views[self._stream.name]
        has_table = bool(self._tables.types(name))
        known = [each for each in (view.count, self._newest.counts.get(name, view.count)) if each is not None]
        result = StreamResult(name, on_portal=min(known) if view.count is not None else None)
        if has_table:
            bounded = view.count is not None and self._largest is not None
            result.in_table = self._tables.count(name, self._key, self._last_id if bounded else None)
            for rows in view.samples:
                self._compare(rows, result)
        for group, last_id in self._newest_parents().items():
            self._compare_parents(group, last_id, views[parents_name(name, group)].count, result)
        result.parents = max(result.parents, len(view.children))
        for parent, on_portal in view.children.items():
            new = sum(1 for each in on_portal.ids if self._largest is not None and each > self._largest)
            if on_portal.count - new > self._children[parent]:
                counts = f"{on_portal.count - new:,} on the portal, {self._children[parent]:,} in the table"
                result.without_children.append(f"{parent} ({counts})")
        if result.on_portal is None and not result.compared and not result.parents:
            result.note = "it can be neither counted nor read again by a key"
        return result

    def _compare_parents(self, group: str, last_id: int, on_portal: int | None, result: StreamResult) -> None:
        """Compare the number of parents with those whose children have been read, according to `child_reads`."""
        if on_portal is None:
            return
        values = [parent.removeprefix(f"{group}:") for parent in self._children if parent.startswith(f"{group}:")]
        read = sum(1 for value in values if value.isdecimal() and int(value) <= last_id)
        result.parents += on_portal
        if on_portal > read:
            result.without_children.append(f"{on_portal - read:,} of {on_portal:,} ({group}) were not read")

    def _compare(self, rows: Rows, result: StreamResult) -> None:
        """Compare a sample of rows with the table's, by their primary keys; without a key there is no comparison."""
        keys = self._stream.primary_keys
        records = [each for each in self._stream.records(rows) if all(each.get(key) is not None for key in keys)]
        if not keys:
            return
        values = [[record[key] for key in keys] for record in records]
        stored = self._tables.rows(self._stream.name, keys, values)
        bounds = RunBounds(self._newest.clock, self._tap.settings.lookback)
        since = bounds.resume_from(self._newest.clock, [rows.list_spec])
        for record, value in zip(records, values, strict=True):
            row = stored.get(tuple(map(str, value)))
            if row is not None:
                result.compared += 1
                self._compare_row(record, row, since, result)
            elif self._key and self._last_id is not None and value[0] <= self._last_id:
                result.compared += 1
                if not self._modified(record, [], since):
                    result.missing.add(value[0])

    def _compare_row(
        self, record: Mapping[str, Any], row: Mapping[str, StoredValue], since: datetime, result: StreamResult
    ) -> None:
        """Compare one row; one that was modified since the run began may differ."""
        different = [name for name, value in record.items() if name in row and not same(row[name], value)]
        dates = [name for name in different if row[name].type == ColumnType.TIMESTAMPTZ]
        if not different or self._modified(record, dates, since):
            return
        key = ", ".join(str(record[name]) for name in self._stream.primary_keys)
        found = result.wrong if record.get(self._stream.replication_key or "") else result.undated
        found.append(f"{key} ({', '.join(different)})")

    def _modified(self, record: Mapping[str, Any], dates: Sequence[str], since: datetime) -> bool:
        """Return whether the row was modified since the run began, by its replication key or a date that differs."""
        latest = self._tap.portal().clock + _NEW
        texts = [record.get(name) for name in (*dates, self._stream.replication_key or "")]
        return any(since <= _utc(text) <= latest for text in texts if text)


def same(stored: StoredValue, value: Any) -> bool:
    """Return whether a table's value is that of a record, in the column's type, which may be a wider one."""
    if stored.value is None or value is None:
        return stored.value is value
    match stored.type:
        case ColumnType.TIMESTAMPTZ:
            return bool(stored.value == (_utc(value) - _EPOCH) // timedelta(microseconds=1))
        case ColumnType.DOUBLE:
            return bool(stored.value == float(value))
        case ColumnType.JSON:
            return bool(stored.value == orjson.loads(orjson.dumps(value)))
        case ColumnType.VARCHAR:
            return bool(stored.value == (value if isinstance(value, str) else orjson.dumps(value).decode()))
        case _:
            return bool(stored.value == value)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def newest(tap: TapBitrix24) -> Newest:
    """Return what the portal holds now: its newest ids, asked for before a run that is to be verified."""
    plans, clock = _counting_plans(tap), tap.portal().clock
    return tap.background.call(lambda: ask_newest(tap.client, plans, clock))


def _view(tap: TapBitrix24, questions: Mapping[str, Question]) -> dict[str, PortalView]:
    """Return stream → what the portal answers about it after a run: counts, sample rows, children.

    Args:
        tap: Reads the portal.
        questions: Stream, or the name of a stream's parents, → what to ask.
    """
    counted = _counting_plans(tap)
    read = {name: each.read_plan() for name, each in listed_streams(tap).items() if name in questions}
    return tap.background.call(lambda: ask_portal(tap.client, counted, read, questions))


def _counting_plans(tap: TapBitrix24) -> dict[str, ReadPlan]:
    """Return stream → its plan, and those of the parents of streams of children."""
    plans = {name: stream.counting_plan() for name, stream in listed_streams(tap).items()}
    parents = [parent_plans(name, plan) for name, plan in plans.items()]
    return {**plans, **{name: plan for each in parents for name, plan in each.items()}}


def listed_streams(tap: TapBitrix24) -> dict[str, EntityStream]:
    """Return the selected streams whose rows the portal lists."""
    selected = {name: stream for name, stream in tap.streams.items() if stream.selected}
    return {name: each for name, each in selected.items() if isinstance(each, EntityStream) and each.is_listed}


def own_streams(tap: TapBitrix24) -> list[str]:
    """Return the selected streams that are made from what other streams read."""
    listed = listed_streams(tap)
    return [name for name, stream in tap.streams.items() if stream.selected and name not in listed]
