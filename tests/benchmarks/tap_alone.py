"""What the tap itself costs, answers coming from memory, beside what the SDK's own writer costs for the same rows.

Usage, from the project's root:

    python -m tests.benchmarks.tap_alone [--rows 20000] [--rounds 5] [--all-fields]

The demo portal answers requests for deals once, 50 pages of 50 rows a request: 40 fields like many a portal's, 7 of
them dates and date-times, or all it has. The bodies, kept in memory, then go through all the tap does with an answer:
it is parsed and taken apart (`parse`, with what it takes to free it again), its ids are checked (`guard`), its rows are
converted (`convert`) and written to /dev/null (`write`). In turns with that, a plain stream of the SDK with its default
type conformance and its default writer writes the same typed rows; it has nothing to parse and nothing to convert.

It is CPU time that counts, in a process of its own for each round, which begins with one that does not count. A busy
machine still spoils it, by crowding out of the caches what the tap holds there, so what is printed, in one line of
JSON, is the best of the rounds: rows_per_second (by CPU time: what one
core does), rows_per_second_by_the_clock and cpu_us_per_row of both, stages (the tap's microseconds of CPU a row), and
`ratio`, the SDK's CPU time by the tap's, which should be `target` at least.
"""

import argparse
import contextlib
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
from singer_sdk import Stream, Tap

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.entities import find_entity
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.field import Field
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Page, PageRequest
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.replication.validation import ids_of
from tap_bitrix24.schema.columns import OBJECT, UNPARSED, Column, build_columns, json_schema
from tap_bitrix24.schema.field_descriptions import parse_fields
from tap_bitrix24.singer_output import SingerLines, record_prefix, record_suffix
from tap_bitrix24.streams import SLICE
from tests.benchmarks.demo_portal import PAGES, running
from tests.demo.wire import Wire

STREAM = "deals"
TARGET = 4
FIELDS = (
    "ID",
    "TITLE",
    "TYPE_ID",
    "CATEGORY_ID",
    "STAGE_ID",
    "STAGE_SEMANTIC_ID",
    "IS_NEW",
    "IS_RECURRING",
    "IS_RETURN_CUSTOMER",
    "IS_REPEATED_APPROACH",
    "PROBABILITY",
    "CURRENCY_ID",
    "OPPORTUNITY",
    "IS_MANUAL_OPPORTUNITY",
    "TAX_VALUE",
    "COMPANY_ID",
    "CONTACT_ID",
    "QUOTE_ID",
    "BEGINDATE",
    "CLOSEDATE",
    "OPENED",
    "CLOSED",
    "COMMENTS",
    "ASSIGNED_BY_ID",
    "CREATED_BY_ID",
    "MODIFY_BY_ID",
    "MOVED_BY_ID",
    "DATE_CREATE",
    "DATE_MODIFY",
    "MOVED_TIME",
    "SOURCE_ID",
    "SOURCE_DESCRIPTION",
    "LEAD_ID",
    "ADDITIONAL_INFO",
    "UTM_SOURCE",
    "LAST_ACTIVITY_TIME",
    "LAST_ACTIVITY_BY",
)
USER_TYPES = ("datetime", "string", "money")
"""And the first user field of each of these types: 40 fields in all."""


@dataclass(frozen=True)
class Answers:
    """The portal's answers, and the requests for them."""

    list_spec: ListSpec
    fields: list[Field]
    batch: list[Command]
    """The chain of one request; the requests differ only in the id after which they start."""
    bodies: list[bytes]

    @property
    def columns(self) -> list[Column]:
        """The columns of the fields requested."""
        return build_columns(self.fields, types={})


@dataclass
class Cost:
    """What one round took, in all and by stage."""

    rows: int = 0
    wall: float = 0
    cpu: float = 0
    stages: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Adds the time spent inside."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall

    @contextlib.contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Adds the time spent inside to a stage."""
        cpu = time.process_time()
        yield
        self.stages[stage] = self.stages.get(stage, 0) + time.process_time() - cpu


def chosen(fields: Sequence[Field]) -> list[Field]:
    """The 40 fields, in the portal's order."""
    user = [next(each.name for each in fields if each.name.startswith("UF_") and each.type == of) for of in USER_TYPES]
    return [each for each in fields if each.name in FIELDS or each.name in user]


def collect(rows: int, *, all_fields: bool) -> Answers:
    """Start a portal and request that many deals, rounded to whole requests."""
    entity = find_entity(STREAM)
    if entity is None:
        message = f"the table has no stream {STREAM}"
        raise RuntimeError(message)
    times = max(1, rows // (PAGES * entity.endpoint.page_size))
    with running(times * PAGES * entity.endpoint.page_size) as (_, url):
        wire = Wire(url)
        fields = parse_fields(wire.result(entity.fields.method))
        fields = fields if all_fields else chosen(fields)
        list_spec = ListSpec(
            entity.endpoint, params={"select": [each.name for each in fields]}, replication_key=entity.replication_key
        )
        bodies, after = [], 0
        for _ in range(times):
            batch = rest_v2.commands(PageRequest(list_spec=list_spec, after=after, pages=PAGES))
            answer = wire.call("batch", rest_v2.batch_body(batch))
            bodies.append(answer.raw)
            after = int(answer.result["result"][rest_v2.key(PAGES - 1)][-1]["ID"])
    return Answers(list_spec, fields, batch, bodies)


def parsed(answers: Answers, body: bytes) -> list[Page]:
    """Return the pages of a body as the scheduler passes them to a strategy."""
    outer = rest_v2.result(orjson.loads(body), 200, "batch")
    return [rest_v2.page(answers.list_spec, _good(each)) for each in rest_v2.batch_results(outer, answers.batch)]


def _good(result: Result | PortalError) -> Result:
    if isinstance(result, PortalError):
        raise result
    return result


def believed(source: ListSpec, pages: Iterable[Page]) -> list[Row]:
    """What a strategy makes sure of when it reads a whole list: that ids rise. Dates are checked if asked for."""
    rows: list[Row] = []
    for page in pages:
        ids = ids_of(source, page.rows, "of the benchmark")
        if not all(low < high for low, high in pairwise(ids)):
            message = "ids do not rise"
            raise RuntimeError(message)
        rows += page.rows
    return rows


def ours(answers: Answers, keep: Callable[[list[Row]], object] = len) -> Cost:
    """One round of the tap; `keep` sees the typed rows."""
    converter, writer = RowConverter(answers.columns), SingerLines()
    prefix, suffix = record_prefix(STREAM), record_suffix("2025-01-31T09:00:00.000+00:00", 1)
    cost = Cost()
    with written_to_nothing(), cost.measured():
        for body in answers.bodies:
            with cost.of("parse"):
                pages = parsed(answers, body)
            with cost.of("guard"):
                rows = believed(answers.list_spec, pages)
            some = SLICE // len(answers.columns)
            for start in range(0, len(rows), some):
                with cost.of("convert"):
                    page = converter(rows[start : start + some])
                with cost.of("write"):
                    writer.write_page(prefix, page, suffix)
                    keep(page)
                    del page
            cost.rows += len(rows)
            with cost.of("parse"):  # what is made must be freed
                del pages, rows
        writer.flush()
    return cost


class Typed(Stream):
    """A stream as the SDK's users write it, whose rows are typed already."""

    def __init__(self, tap: Tap, schema: dict[str, Any], rows: list[Row]) -> None:
        super().__init__(tap, schema=schema, name=STREAM)
        self.rows = rows

    def get_records(self, context: Any) -> Iterable[Row]:
        del context
        return iter(self.rows)


class Plain(Tap):
    """A tap with all the SDK's defaults."""

    name = "plain"

    def __init__(self, columns: Sequence[Column], rows: list[Row]) -> None:
        self.deals = json_schema(columns), rows
        super().__init__(config={})

    def discover_streams(self) -> list[Stream]:
        return [Typed(self, *self.deals)]


def theirs(columns: Sequence[Column], rows: list[Row]) -> Cost:
    """One round of the SDK."""
    stream = Plain(columns, rows).streams[STREAM]
    cost = Cost(len(rows))
    with written_to_nothing(), cost.measured():
        stream.sync()
    return cost


@contextlib.contextmanager
def written_to_nothing() -> Iterator[None]:
    """Standard output to /dev/null, and no log."""
    logging.disable(logging.INFO)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
            yield
    finally:
        logging.disable(logging.NOTSET)


def round_of_tap(answers: Answers) -> Cost:
    """What the tap takes once it is warm."""
    ours(answers)
    return ours(answers)


def round_of_sdk(answers: Answers) -> Cost:
    """What the SDK takes for the rows the tap makes.

    It gets no column that holds a list of objects (there are such among all fields): its type conformance fails where
    the schema does not name their members.
    """
    easy = [column for column in answers.columns if not (column.multiple and column.kind == OBJECT)]
    names = [*(column.name for column in easy), UNPARSED]
    typed: list[Row] = []
    ours(answers, lambda page: typed.extend({name: row[name] for name in names} for row in page))
    gc.collect()
    gc.freeze()  # it must not pay for rows that are only kept to be read from memory
    return theirs(easy, typed)


def apart(task: Callable[[Answers], Cost], answers: Answers) -> Cost:
    """Run in a process of its own: what one round leaves of its heap is no matter of the next."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(task, answers).result()


def figures(costs: Sequence[Cost]) -> dict[str, Any]:
    """The best round's, as printed."""
    best = min(costs, key=lambda cost: cost.cpu)
    return {
        "rows_per_second": round(best.rows / best.cpu),
        "rows_per_second_by_the_clock": round(best.rows / min(cost.wall for cost in costs)),
        "cpu_us_per_row": round(best.cpu / best.rows * 1e6, 2),
    }


def measure(rows: int = 20_000, rounds: int = 5, *, all_fields: bool = False) -> dict[str, Any]:
    """Both in turns.

    Args:
        rows: Deals; whole requests of 2,500.
        rounds: How often.
        all_fields: All fields the demo portal has, not 40.
    """
    answers = collect(rows, all_fields=all_fields)
    tap, sdk = [], []
    for _ in range(rounds):
        tap.append(apart(round_of_tap, answers))
        sdk.append(apart(round_of_sdk, answers))
    best = min(tap, key=lambda cost: cost.cpu)
    return {
        "rows": best.rows,
        "fields": len(answers.fields),
        "columns": len(answers.columns) + 1,
        "tap": figures(tap),
        "stages": {name: round(spent / best.rows * 1e6, 2) for name, spent in best.stages.items()},
        "sdk": figures(sdk),
        "ratio": round(min(cost.cpu for cost in sdk) / best.cpu, 2),
        "target": TARGET,
    }


def main() -> None:
    """Measures once and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all-fields", action="store_true")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(measure(options.rows, options.rounds, all_fields=options.all_fields)) + "\n")


if __name__ == "__main__":
    main()
