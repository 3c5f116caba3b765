"""Every documented answer is served over HTTP, extracted, loaded and compared field by field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.entities import REDACTED
from tests.support.documented import Case, Row, cases, column_of, misses
from tests.support.loading import column_types, load, opened
from tests.support.running import Portal, Run, Tap

SAMPLES = Path(__file__).parents[1] / "samples"
COUNTS: Mapping[str, list[int]] = json.loads(
    (Path(__file__).parent / "snapshots" / "documented.json").read_text(encoding="utf-8")
)
"""Case → number of rows and fields its page documents, so that the test itself cannot lose any."""

_LEADS = "the page's rows are leads; items of this type have no such field"
UNPARSED = {
    ("smart_invoices", "name"): _LEADS,
    ("smart_invoices", "last_name"): _LEADS,
    ("smart_process_1256", "name"): _LEADS,
    ("smart_process_1256", "last_name"): _LEADS,
    ("store_document_userfields", "field_7097"): "no documented answer describes this user field",
    ("feed_posts", "uf_"): "a placeholder for user fields, not a name the portal has",
}
"""The reviewed list: (stream, column) whose documented values are kept in `_bitrix24_unparsed`, and why."""
DUPLICATE_KEYS = {
    "currencies": "USD occurs twice on the page of crm.currency.list",
    "crm_addresses": "two answers on the page of crm.address.list show one address, differently selected",
}
"""Streams with rows that have the same key: the last one is kept, with a warning."""
ONE_OR_SEVERAL = {("products", "property_259")}
"""(stream, column) of properties that hold an object, or a list of objects where several values are allowed."""

REFERENCES_OF_0 = {
    ("requisite_links", "bank_detail_id"),
    ("requisite_links", "mc_requisite_id"),
    ("requisite_links", "mc_bank_detail_id"),
    ("requisite_links", "requisite_id"),
    ("task_checklist_items", "parent_id"),
    ("calendar_resource_bookings", "meeting_host"),
    ("order_basket_items", "product_id"),
    ("openlines_session_messages", "senderid"),
    ("im_dialog_messages", "author_id"),
}
"""The reviewed list: (stream, column) of references documented with 0, which is null (docs/decisions.md#decision-6)."""

ORPHANS = {
    "task_templates": ("tasks.task.list", "no documented task comes from a template"),
    "scrum_backlogs": ("socialnetwork.api.workgroup.list", "no documented group is a scrum team"),
    "openlines_session_messages": ("crm.activity.list", "no documented activity is a session of open lines"),
}
"""Stream → (its parents' method, why no documented parent has children); parents are the demo portal's own here."""


@dataclass(frozen=True)
class Loaded:
    """One run: its messages, and the file they were loaded into."""

    run: Run
    path: Path
    types: Mapping[str, Mapping[str, str]]

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """Table → its rows, JSON columns decoded."""
        with opened(self.path) as connection:
            return {stream: _rows(connection.table(stream), types) for stream, types in self.types.items()}


def _rows(table: duckdb.DuckDBPyRelation, types: Mapping[str, str]) -> list[Row]:
    return [
        {
            name: json.loads(value) if type_ == "JSON" and value is not None else value
            for (name, type_), value in zip(types.items(), values, strict=True)
        }
        for values in table.select(*(f'"{name}"' for name in types)).fetchall()
    ]


def _read(folder: Path, samples: Path, *streams: str, universal: bool = False) -> Loaded:
    """Read these streams, or all, from a portal that serves the documented rows."""
    with serve(port=0, scale=200 if samples != SAMPLES else 20, seed=1, no_limits=True, samples=samples) as running:
        config = Portal(running.url).config(crm_methods="universal" if universal else "classic", plan="enterprise")
        tap = Tap(folder)
        catalog = tap.discover(config)
        selected = streams or [entry["tap_stream_id"] for entry in catalog["streams"]]
        run = tap(config, catalog=catalog, streams=selected).succeeded()
    path = load(run.stdout, folder)
    return Loaded(run, path, column_types(path))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loaded]:
    """Three runs: all streams; leads by crm.item.list; children of parents that are not documented."""
    without = tmp_path_factory.mktemp("fewer")
    for path in SAMPLES.glob("*.json"):
        if path.stem not in {method for method, _ in ORPHANS.values()}:
            (without / path.name).symlink_to(path)
    folder = tmp_path_factory.mktemp
    return {
        "all": _read(folder("all"), SAMPLES),
        "universal": _read(folder("universal"), SAMPLES, "leads", universal=True),
        "orphans": _read(folder("orphans"), without, *ORPHANS),
    }


def _loaded_by(loaded: dict[str, Loaded], case: Case) -> Loaded:
    return loaded["universal" if case.universal else "orphans" if case.stream in ORPHANS else "all"]


def _expected(case: Case) -> list[Row]:
    """Return the documented rows; of those with the same key, the last."""
    rows = case.rows()
    if case.stream in DUPLICATE_KEYS:
        key = [name for name in case.entity.primary_key if name in rows[0]]
        rows = list({tuple(str(row[name]) for name in key): row for row in rows}.values())
    return rows


def _referred(value: Any, case: Case, name: str) -> Any:
    """Return a documented value; of a reference that refers to nothing, null."""
    return None if (case.stream, column_of(name, case)) in REFERENCES_OF_0 and value in (0, "0") else value


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_documented_field_arrives(loaded: dict[str, Loaded], case: Case) -> None:
    loaded_here = _loaded_by(loaded, case)
    table, types = loaded_here.tables[case.stream], loaded_here.types[case.stream]
    secret = {column for stream, column in REDACTED if stream == case.stream}
    aside = {column for stream, column in UNPARSED if stream == case.stream}
    for row in _expected(case):
        given = {name: _referred(value, case, name) for name, value in row.items()}
        plain = {name: value for name, value in given.items() if column_of(name, case) not in secret | aside}
        closest = min((misses(plain, record, types, case) for record in table), key=len)
        assert not closest, f"{case.stream}: (column, documented, found) {closest}"
    assert not secret & types.keys()
    assert [len(case.rows()), sum(map(len, case.rows()))] == COUNTS[str(case)]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_nothing_else_is_unparsed(loaded: dict[str, Loaded], case: Case) -> None:
    kept = {
        column for row in _loaded_by(loaded, case).tables[case.stream] for column in row["_bitrix24_unparsed"] or ()
    }
    assert kept <= {column for stream, column in UNPARSED if stream == case.stream}


def test_the_reviewed_references_are_those_documented_with_0() -> None:
    documented = {
        (case.stream, column_of(name, case))
        for case in cases()
        for row in case.rows()
        for name, value in row.items()
        if value in (0, "0") and value is not False
    }
    assert documented >= REFERENCES_OF_0


def test_columns_of_documented_lists_are_arrays(loaded: dict[str, Loaded]) -> None:
    """Loaders store arrays as lists, but a column that may be an object, too, as text or JSON."""
    listed = {
        (case.stream, column_of(name, case)): _loaded_by(loaded, case)
        for case in cases()
        for row in case.rows()
        for name, value in row.items()
        if isinstance(value, list) and value
    }
    types = {(stream, column): part.run.schemas[stream][column]["type"] for (stream, column), part in listed.items()}
    others = {column: type_ for column, type_ in types.items() if type_ != ["array", "null"]}
    assert others == {column: ["object", "array", "null"] for column in ONE_OR_SEVERAL}
    assert len(listed) >= 30


def test_duplicate_keys_are_reported(loaded: dict[str, Loaded]) -> None:
    run = loaded["all"].run
    warnings = [line for line in run.warnings if "duplicate primary key" in line]
    assert len(warnings) == len(DUPLICATE_KEYS)
    assert [row["currency"] for row in run.records("currencies")] == ["USD", "EUR", "CAD"]


def test_no_secret_of_the_samples_arrives(loaded: dict[str, Loaded]) -> None:
    text = "".join(one.run.stdout for one in loaded.values())
    for secret in ("28fec473a88a", "auth=", "signature=", "token="):
        assert secret not in text


def test_every_documented_list_is_a_case() -> None:
    assert {str(case) for case in cases()} == COUNTS.keys()
