"""The data dictionary: `fields` and `field_options` equal what the portal says of its fields.

See docs/decisions.md#decision-1, docs/decisions.md#decision-4 and docs/decisions.md#decision-16.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.loading import load, opened
from tests.support.running import Portal, Run, Tap, only

Catalog = dict[str, Any]
Row = dict[str, Any]
Fields = dict[tuple[str, str], Row]
"""Return (stream, column) → its row of `fields`."""
Words = dict[tuple[str, str], dict[str, str | None]]
"""Return (stream, column) → code → its label."""
MADE = {"fields", "field_options", "child_reads"}
ITEMS = {"smart_invoices": 31, "smart_process_156": 156, "smart_process_177": 177}
CLASSIC = {
    "deals": "crm.deal.fields",
    "leads": "crm.lead.fields",
    "contacts": "crm.contact.fields",
    "companies": "crm.company.fields",
    "quotes": "crm.quote.fields",
}
OTHERS = {"crm_activities": "crm.activity.fields", "currencies": "crm.currency.fields"}
MAPS = ("currencies", "LANG")
"""Said to be multiple, but one map by language."""
FACTORY, FOUNDRY = "UF_AUTO_77", [("5", "Литейный цех"), ("6", "Assembly")]
"""A list that tasks have: `tasks.task.getFields` names its type, their settings name its options."""
READ = [
    "fields",
    "field_options",
    "users",
    "tasks",
    "task_userfields",
    "list_elements_32",
    "crm_categories",
    "crm_statuses",
    *CLASSIC,
    *ITEMS,
]
CODES = [
    ("deals", "stage_id"),
    ("deals", "category_id"),
    ("deals", "type_id"),
    ("deals", "source_id"),
    ("leads", "status_id"),
    ("leads", "source_id"),
    ("quotes", "status_id"),
    ("contacts", "category_id"),
    ("contacts", "type_id"),
    ("companies", "category_id"),
    ("companies", "industry"),
    *((stream, column) for stream in ITEMS for column in ("stage_id", "previous_stage_id", "category_id")),
]
"""Columns each of whose values has a label."""


@pytest.fixture(scope="module")
def labelled() -> Iterator[Portal]:
    """A portal whose tasks have a list field, too."""
    with serve(port=0, seed=1, no_limits=True, scale=120) as running:
        portal = Portal(running.url)
        portal.mutate(add_field={"table": "tasks", "name": FACTORY, "type": "enumeration", "label": "Цех"})
        options = [{"ID": number, "VALUE": word, "SORT": "100", "DEF": "N"} for number, word in FOUNDRY]
        settings = {"FIELD_NAME": FACTORY, "USER_TYPE_ID": "enumeration", "MULTIPLE": "N", "LIST": options}
        portal.mutate(table="task_userfields", insert=1, fields=settings)
        yield portal
        portal.was_only_read()


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Tap:
    return Tap(tmp_path_factory.mktemp("dictionary"))


@pytest.fixture(scope="module")
def known(labelled: Portal, tap: Tap) -> Catalog:
    """The catalog of the portal `labelled`."""
    return tap.discover(labelled.config(plan="enterprise"))


@pytest.fixture(scope="module")
def run(labelled: Portal, tap: Tap, known: Catalog) -> Run:
    return tap(labelled.config(plan="enterprise"), catalog=known, streams=READ).succeeded()


@pytest.fixture(scope="module")
def fields(run: Run) -> Fields:
    """Return (stream, column) → its row of `fields`."""
    rows = run.records("fields")
    found = {(row["stream"], row["column_name"]): row for row in rows}
    assert len(found) == len(rows), "two rows for one column"
    return found


@pytest.fixture(scope="module")
def words(run: Run) -> Words:
    """Return (stream, column) → code → its label."""
    rows = run.records("field_options")
    found: Words = {}
    for row in rows:
        options = found.setdefault((row["stream"], row["column_name"]), {})
        assert row["id"] not in options, "two words for one code"
        options[row["id"]] = row["label"]
    return found


@pytest.fixture(scope="module")
def loaded(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load(run.stdout, tmp_path_factory.mktemp("loaded"))


def _columns(catalog: Catalog) -> set[tuple[str, str]]:
    return {
        (entry["tap_stream_id"], name)
        for entry in catalog["streams"]
        for name in entry["schema"]["properties"]
        if entry["tap_stream_id"] not in MADE
    }


def _described(portal: Portal, stream: str) -> dict[str, Row]:
    """Return what the portal's field method says of a stream of CRM."""
    if stream in ITEMS:
        found: dict[str, Row] = portal.result("crm.item.fields", {"entityTypeId": ITEMS[stream]})["fields"]
        return found
    flat: dict[str, Row] = portal.result((CLASSIC | OTHERS)[stream])
    return flat


def _named(fields: Fields, stream: str) -> dict[str, Row]:
    """Return portal name → the row of the column that holds the whole field, not a part of it."""
    return {row["portal_name"]: row for (name, _), row in fields.items() if name == stream and row["origin"] != "tap"}


def test_every_column_of_every_stream_has_one_row(known: Catalog, fields: Fields) -> None:
    assert fields.keys() == _columns(known)
    assert len({stream for stream, _ in fields}) > 150


@pytest.mark.parametrize("stream", [*CLASSIC, *ITEMS, *OTHERS])
def test_fields_say_what_the_field_method_says(labelled: Portal, fields: Fields, stream: str) -> None:
    rows = _named(fields, stream)
    owned = 0
    for name, facts in _described(labelled, stream).items():
        row = rows[name]
        own = name.startswith(("UF_", "uf"))
        owned += own
        assert row["origin"] == ("user field" if own else "portal"), name
        label = facts["formLabel" if own else "title"]
        assert row["label"] == label or label == name, name
        assert row["mandatory"] is facts["isRequired"], name
        assert row["read_only"] is facts["isReadOnly"], name
        assert row["multiple"] is facts["isMultiple"] or (stream, name) == MAPS, name
        assert row["portal_type"] == facts["type"], name
    assert owned or stream in OTHERS


def test_labels_are_in_the_portals_language(labelled: Portal, fields: Fields) -> None:
    assert fields["deals", "uf_crm_1700000001"]["label"] == "Номер договора"
    assert fields["deals", "uf_crm_1700009118_currency"]["label"] == "Currency of Бюджет"
    assert fields["tasks", FACTORY.lower()]["label"] == "Цех"
    listed = labelled.result("lists.field.get", {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 32})
    assert fields["list_elements_32", "property_302"]["label"] == listed["PROPERTY_302"]["NAME"]


def test_users_and_tasks_are_described_by_their_own_methods(labelled: Portal, fields: Fields) -> None:
    users, of_users = _named(fields, "users"), labelled.result("user.fields")
    assert any(label != name for name, label in of_users.items())
    for name, label in of_users.items():
        if label != name:
            assert users[name]["label"] == label
    tasks, of_tasks = _named(fields, "tasks"), labelled.result("tasks.task.getFields")["fields"]
    assert any(facts["title"] not in (None, name) for name, facts in of_tasks.items())
    assert any("required" in facts for facts in of_tasks.values())
    for name, facts in of_tasks.items():
        if facts["title"] not in (None, name):
            assert tasks[name]["label"] == facts["title"]
        if "required" in facts:
            assert tasks[name]["mandatory"] is facts["required"], name


def test_columns_of_the_tap_are_distinguished_from_the_portals(fields: Fields) -> None:
    made = {column for (_, column), row in fields.items() if row["origin"] == "tap"}
    assert {
        "_bitrix24_unparsed",
        "_bitrix24_parent",
        "_bitrix24_children_read_at",
        "phone_first",
        "email_first",
    } <= made
    of_portal = {place: row for place, row in fields.items() if row["origin"] == "portal"}
    assert of_portal
    for place, row in of_portal.items():
        assert row["portal_type"], place


def test_types_are_those_of_the_catalog(known: Catalog, fields: Fields) -> None:
    described = [entry for entry in known["streams"] if entry["tap_stream_id"] not in MADE]
    assert described
    for entry in described:
        for name, facts in entry["schema"]["properties"].items():
            row = fields[entry["tap_stream_id"], name]
            assert row["multiple"] is ("items" in facts)
            value = facts.get("items", facts)
            if row["type"] not in {"json", "any"}:
                assert row["type"] in {value["type"][0], value.get("format"), "link"}


def _given(portal: Portal) -> dict[tuple[str, str], dict[str, str]]:
    """Return the options of all user fields as the portal gives them: (stream, portal name) → id → text."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for stream in (*CLASSIC, *ITEMS):
        for name, facts in _described(portal, stream).items():
            if facts["type"] == "enumeration":
                found[stream, name] = {each["ID"]: each["VALUE"] for each in facts["items"]}
    for stream, method in (("users", "user.userfield.list"), ("tasks", "task.item.userfield.getlist")):
        for row in portal.result(method):
            if row["USER_TYPE_ID"] == "enumeration":
                found[stream, row["FIELD_NAME"]] = {each["ID"]: each["VALUE"] for each in row["LIST"]}
    for block in (32, 34, 41):
        described = portal.result("lists.field.get", {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": block})
        for row in described.values() if isinstance(described, dict) else described:
            if row["TYPE"] == "L":
                found[f"list_elements_{block}", row["FIELD_ID"]] = row["DISPLAY_VALUES_FORM"]
    return found


def test_every_option_of_every_user_field_is_there(labelled: Portal, fields: Fields, words: Words) -> None:
    given = _given(labelled)
    assert {stream for stream, _ in given} == {*CLASSIC, *ITEMS, "users", "tasks", "list_elements_32"}
    for (stream, name), options in given.items():
        column = _named(fields, stream)[name]["column_name"]
        found = words.get((stream, f"{column}_value")) or words[stream, column]
        assert found == {number: text or None for number, text in options.items()}, (stream, name)


def test_the_settings_of_a_tasks_list_arrive_with_its_options(labelled: Portal, run: Run) -> None:
    (row,) = (each for each in labelled.result("task.item.userfield.getlist") if "LIST" in each)
    found = {record["field_name"]: record["list"] for record in run.records("task_userfields")}
    assert found.pop(FACTORY) == row["LIST"]
    assert not any(found.values())
    assert not [record for record in run.records("task_userfields") if record["_bitrix24_unparsed"]]


def test_options_belong_to_columns_there_are(fields: Fields, words: Words) -> None:
    assert words.keys() <= fields.keys()


@pytest.mark.parametrize(("stream", "column"), CODES)
def test_every_code_that_occurs_has_a_label(loaded: Path, stream: str, column: str) -> None:
    with opened(loaded) as connection:
        codes = connection.table(stream).filter(f"{column} IS NOT NULL").project(f"CAST({column} AS VARCHAR) AS id")
        options = connection.table("field_options").filter(f"stream = '{stream}' AND column_name = '{column}'")
        joined = codes.set_alias("c").join(options.set_alias("o"), "c.id = o.id", how="left")
        rows = joined.project("c.id, o.label").fetchall()
    assert rows
    assert not {code for code, label in rows if not label}


def test_selected_options_have_labels(run: Run, fields: Fields, words: Words) -> None:
    """The values of list fields in rows, single or multiple, are among their options."""
    compared = 0
    for (stream, column), row in fields.items():
        if row["portal_type"] == "enumeration" and stream in {*CLASSIC, *ITEMS}:
            values = [record[column] for record in run.records(stream)]
            chosen = {str(one) for value in values for one in (value if row["multiple"] else [value])} - {"None"}
            assert chosen <= words[stream, column].keys()
            compared += len(chosen)
    assert compared > 40


def test_colours_and_semantics_of_stages_are_the_portals(labelled: Portal, run: Run) -> None:
    rows = {
        (row["stream"], row["column_name"], row["id"]): row
        for row in run.records("field_options")
        if row["origin"] == "status"
    }
    kinds = {
        "DEAL_STAGE": "deals",
        "STATUS": "leads",
        "QUOTE_STATUS": "quotes",
        "SMART_INVOICE": "smart_invoices",
        "DYNAMIC_156": "smart_process_156",
        "DYNAMIC_177": "smart_process_177",
    }
    semantics: dict[str, set[str]] = {}
    for status in labelled.truth("statuses"):
        stream = next((kinds[kind] for kind in kinds if status["ENTITY_ID"].startswith(kind)), "")
        if not stream:
            continue
        column = "status_id" if stream in {"leads", "quotes"} else "stage_id"
        row = rows[stream, column, status["STATUS_ID"]]
        extra = status.get("EXTRA") or {}
        assert row["label"] == status["NAME"]
        assert row["sort"] == int(status["SORT"])
        assert row["color"] == status["COLOR"]
        assert row["semantics"] == (status["SEMANTICS"] or extra.get("SEMANTICS"))
        semantics.setdefault(stream, set()).add(row["semantics"])
    assert semantics.keys() == {*kinds.values()}
    assert all({"S", "F"} < told_of for told_of in semantics.values())


def test_pipelines_have_the_names_of_the_portal(labelled: Portal, words: Words) -> None:
    numbers = {"deals": 2, "contacts": 3, "companies": 4, **ITEMS}
    for stream, number in numbers.items():
        rows = [row for row in labelled.truth("categories") if row["entityTypeId"] == number]
        assert words[stream, "category_id"] == {str(row["id"]): row["name"] for row in rows}
    assert ("leads", "category_id") not in words


def test_with_a_catalog_the_dictionary_takes_one_discovery(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60)
    config = portal.config(plan="enterprise")
    catalog = run_tap.discover(config)
    discovery = portal.stats()["requests"]
    portal.forget_stats()
    run = run_tap(config, catalog=catalog, streams=["fields"]).succeeded()
    assert {(row["stream"], row["column_name"]) for row in run.records("fields")} == _columns(catalog)
    assert portal.stats()["requests"] == discovery + 1, "the preflight of a run with a catalog, and the discovery"
    portal.forget_stats()
    both = run_tap(config, catalog=catalog, streams=["fields", "field_options"]).succeeded()
    assert both.records("fields") == run.records("fields")
    assert both.records("field_options")
    assert portal.stats()["requests"] == discovery + 2, "both share the discovery; statuses and pipelines are one more"


def test_a_catalog_without_the_dictionary_sends_no_request_for_it(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    portal = start(scale=60)
    run_tap(portal.config(), catalog=catalog, streams=["deals"]).succeeded()
    asked = portal.stats()["commands"]
    assert not [method for method in asked if method.lower().endswith((".fields", ".getfields"))]
    assert "crm.status.list" not in asked


def test_streams_available_without_crm_are_described(start: Start, run_tap: Tap) -> None:
    portal = start(scale=60, scopes=["task", "user", "user.userfield", "lists"])
    run = run_tap(portal.config(plan="enterprise")).succeeded()
    described = {row["stream"] for row in run.records("fields")}
    assert {"tasks", "users", "list_elements_32"} <= described
    assert not described & {"deals", "contacts", "crm_statuses"}
    origins = {(row["stream"], row["origin"]) for row in run.records("field_options")}
    assert {("users", "enumeration"), ("tasks", "enumeration"), ("list_elements_32", "enumeration")} <= origins
    assert {origin for _, origin in origins} == {"enumeration"}


def test_a_full_catalog_still_describes_streams_available_without_crm(
    start: Start, run_tap: Tap, catalog: Catalog
) -> None:
    portal = start(scale=60, scopes=["task", "user", "user.userfield"])
    chosen = only(json.loads(json.dumps(catalog)), "fields", "field_options")
    run = run_tap(portal.config(plan="enterprise"), catalog=chosen).succeeded()
    assert {"tasks", "users"} <= {row["stream"] for row in run.records("fields")}
    assert ("users", "enumeration") in {(row["stream"], row["origin"]) for row in run.records("field_options")}
