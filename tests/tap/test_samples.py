"""Real input: every documented answer of the first ring, served over HTTP, extracted, loaded, read back.

`tests/samples` holds copies of the vendor's examples, and for crm.lead.list and crm.quote.list, which have none,
rows made from their documented field lists (`built`). What a value must look like in DuckDB is said here, apart
from the tap's converter. Not rows of these methods, and left aside:
- REST 3.0 answers (`v3`): another API, e.g. on the page of tasks.task.list;
- rows with USER_ID and ROLE on the page of user.get: those of sonet_group.user.get.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.entities import REDACTED
from tests.tap.loading import column_types, load, opened
from tests.tap.running import Portal, Run, Tap

SAMPLES = Path(__file__).parents[1] / "samples"
Row = dict[str, Any]


@dataclass(frozen=True)
class Documented:
    """A method's documented rows: where they must be found, and how many rows and fields of them."""

    method: str
    stream: str
    rows: int
    fields: int
    wrapper: str = ""
    key: str = "ID"
    universal: bool = False
    where: str = ""

    def __str__(self) -> str:
        return f"{self.method} as {self.stream}"


DOCUMENTED = [
    Documented("crm.deal.list", "deals", 6, 54),
    Documented("crm.lead.list", "leads", 3, 166),
    Documented("crm.contact.list", "contacts", 5, 35),
    Documented("crm.company.list", "companies", 1, 4),
    Documented("crm.quote.list", "quotes", 3, 129),
    Documented("crm.activity.list", "crm_activities", 2, 4),
    Documented("crm.status.list", "crm_statuses", 8, 88),
    Documented("crm.category.list", "crm_categories", 4, 26, wrapper="categories", key="id"),
    Documented("crm.currency.list", "currencies", 3, 36, key="CURRENCY"),
    Documented("crm.type.list", "crm_types", 4, 100, wrapper="types", key="id"),
    Documented("crm.stagehistory.list", "crm_stage_history", 1, 7, wrapper="items", where="entity_type_id = 2"),
    Documented("crm.item.list", "leads", 4, 36, wrapper="items", key="id", universal=True),
    Documented("crm.item.list", "smart_invoices", 4, 36, wrapper="items", key="id"),
    Documented("user.get", "users", 2, 38),
    Documented("department.get", "departments", 5, 20),
    Documented("tasks.task.list", "tasks", 1, 26, wrapper="tasks", key="id"),
]

UNPARSED = {
    ("smart_invoices", "name"): "the example's rows are leads; smart invoices have no such field",
    ("smart_invoices", "last_name"): "the example's rows are leads; smart invoices have no such field",
}
"""The reviewed list: (stream, column) whose documented values are kept in `_bitrix24_unparsed`, and why."""

CLASSIC = {"stage_id": "status_id"}
"""Columns of leads that crm.item.list names differently, as far as its example goes."""
INTEGERS = {("users", "uf_department"), ("tasks", "auditors"), ("tasks", "accomplices"), ("leads", "contact_ids"),
            ("quotes", "contact_ids")}  # fmt: skip
"""Columns of several integers; nothing in them is an empty list."""
MULTIPLE = {*INTEGERS, *(("leads", kind) for kind in ("phone", "email", "web", "im", "link")), ("contacts", "email"),
            ("companies", "phone"), ("crm_activities", "communications"), ("crm_activities", "files")}  # fmt: skip


def _rows(case: Documented) -> Iterator[Row]:
    """The documented rows of the method itself."""
    document = json.loads((SAMPLES / f"{case.method}.json").read_text(encoding="utf-8"))
    for response in document["responses"]:
        if response["v3"]:
            continue
        result = response["body"]["result"]
        for row in result[case.wrapper] if case.wrapper else result:
            if not (case.method == "user.get" and row.keys() == {"USER_ID", "ROLE"}):
                yield row


def _by_key(case: Documented) -> dict[str, Row]:
    """Key → row; crm.currency.list documents USD twice (a slip of the page), and the last one counts."""
    return {str(row[case.key]): row for row in _rows(case)}


def _column(name: str, case: Documented) -> str:
    """The column of a documented key."""
    column = name.lower() if name.isupper() else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return CLASSIC.get(column, column) if case.universal else column


def _expected(value: Any, type_: str, place: tuple[str, str]) -> Any:
    """What a documented value must look like in a DuckDB column of that type."""
    if place in INTEGERS and value:
        return [int(each) for each in value]
    if value in ("", None, {}, []) or (value is False and type_ != "BOOLEAN"):
        return [] if place in MULTIPLE else None
    return LOOKS[type_](value)


def _date(told: str) -> date:
    """A midnight in its own zone is that local date, one in UTC is that UTC date."""
    moment = datetime.fromisoformat(told)
    if moment.time() == time.min:
        return moment.date()
    assert moment.astimezone(UTC).time() == time.min, told
    return moment.astimezone(UTC).date()


def _without_auth(told: Any) -> Any:
    """Nested values as documented, less the session in file links."""
    return json.loads(re.sub(r'[?&]auth=[^&"]*', "", json.dumps(told)))


LOOKS: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": lambda told: {"Y": True, "N": False, True: True, False: False}[told],
    "VARCHAR": lambda told: told if isinstance(told, str) else f"{told!r} is no text",
    "DATE": _date,
    "TIMESTAMP WITH TIME ZONE": lambda told: datetime.fromisoformat(told).astimezone(UTC),
    "JSON": _without_auth,
}
"""DuckDB type → what becomes of a documented value that is not empty."""


@dataclass(frozen=True)
class Loaded:
    """What one run brought: its messages, and the file they were loaded into."""

    run: Run
    path: Path
    types: Mapping[str, Mapping[str, str]]

    def table(self, case: Documented) -> dict[str, Row]:
        """Rows of a table by their key, JSON columns decoded."""
        types = self.types[case.stream]
        with opened(self.path) as connection:
            table = connection.table(case.stream)
            found = (table.filter(case.where) if case.where else table).select(*types).fetchall()
        rows = [
            {
                name: json.loads(value) if type_ == "JSON" and value is not None else value
                for (name, type_), value in zip(types.items(), values, strict=True)
            }
            for values in found
        ]
        return {str(row[_column(case.key, case)]): row for row in rows}


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """Answers with the documented rows wherever there are any."""
    with serve(port=0, scale=60, seed=1, no_limits=True, samples=SAMPLES) as running:
        yield Portal(running.url)


@pytest.fixture(scope="module")
def loaded(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Loaded]:
    """One run with the classic methods and one with crm.item.list, both loaded: universal → what it brought."""
    found: dict[bool, Loaded] = {}
    for universal in (False, True):
        folder = tmp_path_factory.mktemp("samples")
        config = portal.config(crm_methods="universal" if universal else "classic")
        run = Tap(folder)(config).succeeded()
        path = load(run.stdout, folder)
        found[universal] = Loaded(run, path, column_types(path))
    return found


@pytest.mark.parametrize("case", DOCUMENTED, ids=str)
def test_every_documented_field_arrives(loaded: dict[bool, Loaded], case: Documented) -> None:
    there = loaded[case.universal]
    table, documented = there.table(case), _by_key(case)
    assert table.keys() == documented.keys()
    fields = 0
    for key, row in documented.items():
        for name, value in row.items():
            fields += 1
            column = _column(name, case)
            place = (case.stream, column)
            if place in REDACTED:
                assert column not in table[key]
            elif place in UNPARSED:
                kept = table[key]["_bitrix24_unparsed"]
                assert value is None or kept[column] == value, place
            else:
                wanted = _expected(value, there.types[case.stream][column], place)
                found = table[key][column]
                assert (type(found), found) == (type(wanted), wanted), (place, key)
    assert (len(documented), fields) == (case.rows, case.fields)


@pytest.mark.parametrize("case", DOCUMENTED, ids=str)
def test_nothing_else_is_unparsed(loaded: dict[bool, Loaded], case: Documented) -> None:
    for row in loaded[case.universal].table(case).values():
        for column in row["_bitrix24_unparsed"] or ():
            assert (case.stream, column) in UNPARSED


def test_a_key_documented_twice_is_told(loaded: dict[bool, Loaded]) -> None:
    """The page of crm.currency.list shows USD twice; with a key, one row stays: the last."""
    run = loaded[False].run
    assert [row["currency"] for row in run.records("currencies")] == ["USD", "USD", "EUR", "CAD"]
    (told,) = (line for line in run.warnings if "crm.currency.list" in line)
    assert "more than one row has the key USD; the last counts" in told


def test_every_list_of_the_first_ring_has_rows() -> None:
    known = {path.name.removesuffix(".json") for path in SAMPLES.glob("*.json")}
    assert {case.method for case in DOCUMENTED} <= known
    for case in DOCUMENTED:
        assert list(_rows(case)), case.method
