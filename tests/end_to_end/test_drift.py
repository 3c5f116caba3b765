"""Fields are added, removed and changed between two runs into one file: nothing breaks, no value is lost."""

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
        """Return deal → the portal's current value of a field."""
        return {number: row.get(field) for number, row in self.portal.table("deals").items()}

    def loaded(self, column: str) -> dict[int, tuple[Any, dict[str, Any]]]:
        """Return deal → a column's value and unparsed values in the file."""
        with opened(self.file) as connection:
            rows = connection.table("deals").project(f"id, {column}, {UNPARSED}").fetchall()
        return {number: (value, json.loads(kept or "{}")) for number, value, kept in rows}

    @property
    def warnings(self) -> list[str]:
        """Warnings of the second run, including discovery."""
        return [*(self.discovered.warnings if self.discovered else []), *self.after.warnings]


Drift = Callable[..., Drifted]


@pytest.fixture(scope="module")
def origin(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path, str]:
    """The first run, the same for all changes, the file it was loaded into, and the portal's address then."""
    folder = tmp_path_factory.mktemp("first")
    with serve(port=0, scale=60, seed=1, no_limits=True) as running:
        run = Tap(folder)(Portal(running.url).config(), catalog=catalog, streams=["deals"]).succeeded()
    return run, load(run.stdout, folder), running.address


@pytest.fixture
def drift(start: Start, run_tap: Tap, catalog: Catalog, origin: tuple[Run, Path, str], tmp_path: Path) -> Drift:
    """Return a function that changes the portal after the first run, and reads it again."""

    def drifted(change: Mapping[str, Any], *, discovers: bool) -> Drifted:
        before, loaded, former = origin
        portal = start(scale=60)
        config = portal.config(plan="enterprise", renamed_from=former)
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
    """Assert that each SCHEMA is JSON Schema, and that every record conforms to it."""
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
def test_a_field_of_unknown_type(drift: Drift, *, discovers: bool) -> None:
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
def test_a_removed_field(drift: Drift, *, discovers: bool) -> None:
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
    """Return a value as text: 50, 50.0 and "50.00" are one number; midnights are dates."""
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    try:
        return f"{float(value):g}" if not isinstance(value, (bool, dict)) else value
    except ValueError:
        return str(value)


@CHANGED
def test_with_discovery_the_column_gets_the_new_type(
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
            loaded_value = json.loads(found) if first == "JSON" else found
            assert _as_text(loaded_value) in (_as_text(value), [_as_text(value)]), number
    assert bool(kept) is (first == "BIGINT" and then != "BIGINT")
    assert len(done.warnings) == bool(kept)
    assert all(f"{column} ({kept})" in line for line in done.warnings)


def test_a_field_that_is_added_again_with_another_type(start: Start, run_tap: Tap, tmp_path: Path) -> None:
    """The field changes before each run: the file has the type of the last one."""
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
