"""A portal whose fields come, go and change between two runs into the same file: nothing breaks, no value is lost."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.loading import column_types, load, opened
from tests.support.running import Portal, Run, Tap

Catalog = dict[str, Any]
UNPARSED = "_bitrix24_unparsed"
TEXT, SEATS, BUDGET, SIZES = "UF_CRM_1700000001", "UF_CRM_1700002027", "UF_CRM_1700009118", "UF_CRM_1700022287"
"""User fields of deals: string, integer, money, several doubles."""
HOLOGRAM = "UF_CRM_HOLOGRAM"


@dataclass(frozen=True)
class Drifted:
    """A portal before and after a change, read twice into one file."""

    portal: Portal
    before: Run
    after: Run
    file: Path
    types: tuple[dict[str, str], dict[str, str]]
    """DuckDB types of the columns of deals, before and after."""
    discovered: Run | None
    """The second discovery, where there was one."""

    def truth(self, field: str) -> dict[int, Any]:
        """Deal → what the portal says of a field now."""
        return {number: row.get(field) for number, row in self.portal.table("deals").items()}

    def loaded(self, column: str) -> dict[int, tuple[Any, dict[str, Any]]]:
        """Deal → a column's value and what is kept unparsed, as the file holds them."""
        with opened(self.file) as connection:
            rows = connection.table("deals").project(f"id, {column}, {UNPARSED}").fetchall()
        return {number: (value, json.loads(kept or "{}")) for number, value, kept in rows}

    @property
    def warnings(self) -> list[str]:
        """All warnings of the second run, discovery included."""
        return [*(self.discovered.warnings if self.discovered else []), *self.after.warnings]


Drift = Callable[..., Drifted]


@pytest.fixture(scope="module")
def origin(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The first run, which is the same for all changes, and the file it was loaded into."""
    folder = tmp_path_factory.mktemp("first")
    with serve(port=0, scale=60, seed=1, no_limits=True) as running:
        run = Tap(folder)(Portal(running.url).config(), catalog=catalog, streams=["deals"]).succeeded()
    return run, load(run.stdout, folder)


@pytest.fixture
def drift(start: Start, run_tap: Tap, catalog: Catalog, origin: tuple[Run, Path], tmp_path: Path) -> Drift:
    """`drift(change, discovers=…)` lets the portal change after a first run and reads it again."""

    def drifted(change: Mapping[str, Any], *, discovers: bool) -> Drifted:
        before, loaded = origin
        portal = start(scale=60)
        config = portal.config(plan="enterprise")
        file = Path(shutil.copy(loaded, tmp_path / "drift.duckdb"))
        known = column_types(file)["deals"]
        portal.mutate(**change)
        discovered = run_tap(config, "--discover").succeeded() if discovers else None
        found: Catalog = json.loads(discovered.stdout) if discovered else catalog
        after = run_tap(config, catalog=found, streams=["deals"]).succeeded()
        load(after.stdout, tmp_path, "drift.duckdb")
        _is_sound(after)
        return Drifted(portal, before, after, file, (known, column_types(file)["deals"]), discovered)

    return drifted


def _is_sound(run: Run) -> None:
    """The SCHEMA is JSON Schema, and every record obeys it."""
    (schema,) = (message["schema"] for message in run.of_type("SCHEMA") if message["stream"] == "deals")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    records = run.records("deals")
    assert len(records) == 60
    for record in records:
        validator.validate(record)


def _others(types: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: type_ for name, type_ in types.items() if name not in names}


def _filled(truth: Mapping[int, Any]) -> dict[int, Any]:
    return {number: value for number, value in truth.items() if value not in (None, "", [], False)}


@pytest.mark.parametrize("discovers", [True, False], ids=["discovery", "old catalog"])
def test_a_type_no_one_knows(drift: Drift, *, discovers: bool) -> None:
    done = drift({"add_field": {"table": "deals", "name": HOLOGRAM, "type": "hologram"}}, discovers=discovers)
    filled = _filled(done.truth(HOLOGRAM))
    assert {type(value) for value in filled.values()} >= {dict, str, float, list, bool}
    assert len(done.warnings) == 1
    assert HOLOGRAM in done.warnings[0]
    column = HOLOGRAM.lower()
    if discovers:
        assert set(done.after.schemas["deals"][column]["type"]) == {
            "string",
            "number",
            "boolean",
            "object",
            "array",
            "null",
        }
        assert done.types[1][column] == "JSON"
        found = {number: json.loads(value) for number, (value, _) in done.loaded(column).items() if value}
        assert {number: found[number] for number in filled} == filled
        assert {value for number, value in found.items() if number not in filled} <= {False}
    else:
        assert done.types[0] == done.types[1]
        kept = {number: unparsed for number, (_, unparsed) in done.loaded("id").items() if unparsed}
        assert kept == {number: {column: value} for number, value in filled.items()}
    assert _others(done.types[1], column) == done.types[0]


@pytest.mark.parametrize("discovers", [True, False], ids=["discovery", "old catalog"])
def test_a_field_that_goes(drift: Drift, *, discovers: bool) -> None:
    done = drift({"remove_field": {"table": "deals", "name": SEATS}}, discovers=discovers)
    column = SEATS.lower()
    assert any(record[column] for record in done.before.records("deals"))
    assert (column in done.after.schemas["deals"]) is not discovers
    assert done.types[0] == done.types[1], "the table keeps its column"
    assert all(value == (None, {}) for value in done.loaded(column).values()), "the portal has no value of it"
    assert done.warnings == []


CHANGES = [
    (TEXT, {"type": "integer"}, "VARCHAR", "VARCHAR"),
    (SEATS, {"type": "string"}, "BIGINT", "VARCHAR"),
    (SEATS, {"type": "double"}, "BIGINT", "DOUBLE"),
    (SEATS, {"type": "date"}, "BIGINT", "JSON"),
    (SEATS, {"type": "hologram"}, "BIGINT", "JSON"),
    (SEATS, {"multiple": True}, "BIGINT", "JSON"),
    (SIZES, {"multiple": False}, "JSON", "JSON"),
    (BUDGET, {"type": "integer"}, "DOUBLE", "DOUBLE"),
]
"""Field, what it becomes, its DuckDB type before and after."""
CHANGED = pytest.mark.parametrize(
    ("field", "becomes", "first", "then"), CHANGES, ids=[f"{first} {becomes}" for _, becomes, first, _ in CHANGES]
)


def _as_text(value: Any) -> Any:
    """Numbers as one text, however they are written: 50, 50.0 and "50.00" are one number; midnights are their date."""
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    try:
        return f"{float(value):g}" if not isinstance(value, (bool, dict)) else value
    except ValueError:
        return str(value)


@CHANGED
def test_with_discovery_the_column_follows(
    drift: Drift, field: str, becomes: dict[str, Any], first: str, then: str
) -> None:
    done = drift({"change_field": {"table": "deals", "name": field, **becomes}}, discovers=True)
    column = field.lower()
    assert (done.types[0][column], done.types[1][column]) == (first, then)
    assert _others(done.types[0], column) == _others(done.types[1], column)
    filled = _filled(done.truth(field))
    loaded = done.loaded(column)
    assert len(filled) > 20
    for number, value in filled.items():
        found, unparsed = loaded[number]
        assert unparsed == {}
        found = json.loads(found) if then == "JSON" else found
        if becomes.get("type") == "date":
            assert len(found) == 10
        else:
            assert _as_text(found) == _as_text(value)
    assert [field in line for line in done.warnings] == ([True] if becomes.get("type") == "hologram" else [])


@CHANGED
def test_with_an_old_catalog_no_value_is_lost(
    drift: Drift, field: str, becomes: dict[str, Any], first: str, then: str
) -> None:
    done = drift({"change_field": {"table": "deals", "name": field, **becomes}}, discovers=False)
    column = field.lower()
    assert done.types[0] == done.types[1]
    assert done.types[1][column] == first
    kept, loaded = 0, done.loaded(column)
    for number, value in _filled(done.truth(field)).items():
        found, unparsed = loaded[number]
        if unparsed:
            assert (found, unparsed) == (None, {column: value}), number
            kept += 1
        else:
            told = json.loads(found) if first == "JSON" else found
            assert _as_text(told) in (_as_text(value), [_as_text(value)]), number
    assert bool(kept) is (first == "BIGINT" and then != "BIGINT")
    assert len(done.warnings) == bool(kept)
    assert all(f"{column} ({kept})" in line for line in done.warnings)


def test_a_field_that_comes_back_as_another(start: Start, run_tap: Tap, tmp_path: Path) -> None:
    """Three runs, each with its own idea of the field: the file has what the last one says."""
    portal = start(scale=60)
    config = portal.config(plan="enterprise")
    steps: list[dict[str, Any]] = [
        {},
        {"remove_field": {"table": "deals", "name": SEATS}},
        {"add_field": {"table": "deals", "name": SEATS, "type": "enumeration", "options": [[7, "A"], [8, "B"]]}},
        {"change_field": {"table": "deals", "name": SEATS, "multiple": True}},
    ]
    types = []
    for step in steps:
        portal.mutate(**step)
        run = run_tap(config, streams=["deals", "field_options"] if step is steps[-1] else ["deals"]).succeeded()
        types.append(column_types(load(run.stdout, tmp_path, "steps.duckdb"))["deals"][SEATS.lower()])
        _is_sound(run)
    assert types == ["BIGINT", "BIGINT", "BIGINT", "JSON"]
    chosen = {number for record in run.records("deals") for number in record[SEATS.lower()]}
    assert chosen == {7, 8}
    assert {row["id"] for row in run.records("field_options") if row["column_name"] == SEATS.lower()} == {"7", "8"}
