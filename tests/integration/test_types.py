"""Column types come from the portal's field descriptions, and from nothing else (docs/decisions.md#decision-4).

`snapshots/column_types.json` holds them for the demo portal; after an intended change, write it with
`WRITE_SNAPSHOTS=1 python -m pytest tests/integration/test_types.py` and review the difference.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.loading import column_types, load
from tests.support.running import Portal, Run, Tap
from tests.support.user_fields import USER_FIELD_TYPES

SNAPSHOT = Path(__file__).parent / "snapshots" / "column_types.json"
Types = dict[str, dict[str, str]]
TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"

SCALARS = {
    **dict.fromkeys(["integer", "int", "user", "employee", "enumeration", "location", "resourcebooking"], "BIGINT"),
    **dict.fromkeys(["iblock_element", "iblock_section", "mail_message", "disk_file"], "BIGINT"),
    **dict.fromkeys(["crm_lead", "crm_deal", "crm_contact", "crm_company", "crm_quote", "crm_category"], "BIGINT"),
    **dict.fromkeys(["crm_entity", "crm_enum_ownertype", "crm_enum_activitytype", "crm_enum_activitystatus"], "BIGINT"),
    **dict.fromkeys(["crm_enum_activitypriority", "crm_enum_activitynotifytype"], "BIGINT"),
    **dict.fromkeys(["crm_enum_contenttype", "crm_enum_activitydirection"], "BIGINT"),
    **dict.fromkeys(["double", "money"], "DOUBLE"),
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": TIMESTAMPTZ,
    **dict.fromkeys(["string", "text", "url", "address", "crm", "crm_status", "crm_currency"], "VARCHAR"),
}
"""Portal type → DuckDB type, independent of the tap's own table."""
STRUCTURES = {
    "file",
    "diskfile",
    "object",
    "array",
    "crm_multifield",
    "crm_activity_binding",
    "crm_activity_communication",
    "crm_status_extra",
    "currency_localization",
}
OVERRIDES = {
    ("contacts", "FACE_ID"): "BIGINT",
    ("tasks", "ACCOMPLICES"): "JSON",
    ("tasks", "AUDITORS"): "JSON",
    ("tasks", "MATCH_WORK_TIME"): "BOOLEAN",
    ("tasks", "DESCRIPTION_IN_BBCODE"): "BOOLEAN",
    ("tasks", "FORKED_BY_TEMPLATE_ID"): "BIGINT",
    ("tasks", "TAGS"): "JSON",
    ("tasks", "CHECKLIST"): "JSON",
    ("tasks", "UF_CRM_TASK"): "JSON",
    ("tasks", "UF_TASK_WEBDAV_FILES"): "JSON",
}
"""Columns the field method describes wrongly or not at all; what the rows hold, as documented."""
METHODS = {
    "deals": "crm.deal.fields",
    "leads": "crm.lead.fields",
    "contacts": "crm.contact.fields",
    "companies": "crm.company.fields",
    "quotes": "crm.quote.fields",
    "crm_activities": "crm.activity.fields",
    "crm_statuses": "crm.status.fields",
    "currencies": "crm.currency.fields",
    "tasks": "tasks.task.getFields",
    "crm_types": "crm.type.fields",
    "smart_invoices": "crm.item.fields",
}


@pytest.fixture(scope="module")
def run(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of all streams."""
    tap = Tap(tmp_path_factory.mktemp("types"))
    config = portal.config(plan="enterprise")
    catalog = tap.discover(config)
    streams = [entry["tap_stream_id"] for entry in catalog["streams"]]
    return tap(config, catalog=catalog, streams=streams, timeout=300).succeeded()


@pytest.fixture(scope="module")
def types(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Types:
    return column_types(load(run.stdout, tmp_path_factory.mktemp("loaded")))


def _columns(run: Run) -> Iterator[tuple[str, str, dict[str, Any]]]:
    return ((stream, name, facts) for stream, properties in run.schemas.items() for name, facts in properties.items())


def _is_day(value: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and date.fromisoformat(value) is not None


def _is_moment(value: str) -> bool:
    written = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value)
    return written is not None and datetime.fromisoformat(value) is not None


FORMATS: Mapping[str, Callable[[str], bool]] = {"date": _is_day, "date-time": _is_moment, "uri": lambda _: True}
"""How strings of a format must look (docs/decisions.md#decision-5); links may be any text."""
JSON_TYPES: Mapping[type, frozenset[str]] = {
    type(None): frozenset({"null"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    str: frozenset({"string"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
}


def fits(value: Any, facts: Mapping[str, Any]) -> bool:
    """Whether a value is one of the types of a column, each item of a list one of its items' types."""
    if not JSON_TYPES[type(value)] & set(facts["type"]):
        return False
    if isinstance(value, list) and "items" in facts:
        return all(fits(item, facts["items"]) for item in value)
    return not isinstance(value, str) or FORMATS[facts.get("format", "uri")](value)


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ({"type": ["integer", "null"]}, [0, -5, None], ["5", 5.0, True, [], {}]),
        ({"type": ["number", "null"]}, [5, 0.5, None], ["0.5", False, [0.5]]),
        ({"type": ["boolean", "null"]}, [True, False, None], ["Y", "true", 1, 0]),
        ({"type": ["string", "null"]}, ["", "5", None], [5, False, [], {}]),
        ({"type": ["string", "null"], "format": "date"}, ["2025-02-28", None], ["2025-02-28T00:00:00Z", "", 5]),
        ({"type": ["string", "null"], "format": "date-time"}, ["2025-02-28T01:02:03Z", "2025-02-28T01:02:03.5Z"],
         ["2025-02-28", "2025-02-28T01:02:03+00:00", "2025-02-28 01:02:03Z", "", 5]),
        ({"type": ["object", "null"]}, [{}, {"a": 1}, None], [[], [{}], "{}", 5]),
        ({"type": ["array", "null"], "items": {"type": ["integer", "null"]}}, [[], [1, None], None], [["1"], {}, 1]),
    ],
)  # fmt: skip
def test_fits_tells_good_from_bad_values(type_: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    assert all(fits(value, type_) for value in good)
    assert not any(fits(value, type_) for value in bad)


def test_every_value_of_every_column_is_of_its_type(run: Run) -> None:
    """The SDK's attribute tests do not check this: `test_standard.py` says why."""
    wrong: Counter[tuple[str, str, str]] = Counter()
    filled = set()
    for message in run.of_type("RECORD"):
        stream, record = message["stream"], message["record"]
        columns = run.schemas[stream]
        assert record.keys() == columns.keys(), stream
        for name, value in record.items():
            if not fits(value, columns[name]):
                wrong[stream, name, repr(value)[:100]] += 1
            if value not in (None, []):
                filled.add((stream, name))
    assert not wrong, wrong.most_common(20)
    assert {stream for stream, _ in filled} == run.schemas.keys()
    assert len(filled) > 2_800, "five columns of six hold values on the demo portal"


def test_keys_are_complete_and_unique(run: Run) -> None:
    keys = {message["stream"]: message["key_properties"] for message in run.of_type("SCHEMA")}
    seen: Counter[tuple[Any, ...]] = Counter()
    for message in run.of_type("RECORD"):
        values = [message["record"][name] for name in keys[message["stream"]]]
        assert values, message["stream"]
        assert None not in values, (message["stream"], values)
        seen[message["stream"], *values] += 1
    assert {key[0] for key in seen} == keys.keys()
    assert [key for key, count in seen.items() if count > 1] == []


def test_column_types_are_those_of_the_snapshot(types: Types) -> None:
    if os.environ.get("WRITE_SNAPSHOTS"):
        tables = ",\n".join(f"{json.dumps(name)}: {json.dumps(columns)}" for name, columns in types.items())
        SNAPSHOT.write_text(f"{{\n{tables}\n}}\n")
    known: Types = json.loads(SNAPSHOT.read_text())
    assert types.keys() == known.keys()
    for stream, columns in known.items():
        assert types[stream] == columns, stream


def _described(portal: Portal, stream: str) -> dict[str, dict[str, Any]]:
    result = portal.result(METHODS[stream], {"entityTypeId": 31} if stream == "smart_invoices" else {})
    fields: dict[str, dict[str, Any]] = result.get("fields", result)
    return fields


@pytest.mark.parametrize("stream", METHODS)
def test_a_column_has_the_type_its_field_is_described_with(portal: Portal, run: Run, types: Types, stream: str) -> None:
    by_title: dict[str, str] = {}
    for name, facts in run.schemas[stream].items():
        by_title.setdefault(facts["title"], name)
    for name, facts in _described(portal, stream).items():
        found = types[stream][by_title[name]]
        assert found == OVERRIDES.get((stream, name), _expected(facts, found)), (stream, name, facts)


def _expected(facts: dict[str, Any], found: str) -> str:
    """Return the type of a described field; `char` may be Y/N or text."""
    type_ = facts["type"]
    if type_ == "enum":
        codes = set(map(str, facts["values"]))
        return "BOOLEAN" if codes == {"Y", "N"} else "BIGINT" if all(map(_is_number, codes)) else "VARCHAR"
    if facts.get("isMultiple") is True or type_ in STRUCTURES:
        return "JSON"
    if type_ == "char":
        return found if found in {"BOOLEAN", "VARCHAR"} else "BOOLEAN or VARCHAR"
    return SCALARS[type_]


def _is_number(code: str) -> bool:
    return code.lstrip("-").isdigit()


def test_yes_no_columns_are_boolean(types: Types) -> None:
    columns = [
        ("deals", "opened"),
        ("deals", "closed"),
        ("deals", "is_new"),
        ("deals", "is_manual_opportunity"),
        ("leads", "has_phone"),
        ("contacts", "export"),
        ("companies", "is_my_company"),
        ("quotes", "closed"),
        ("crm_activities", "completed"),
        ("currencies", "base"),
        ("crm_statuses", "system"),
        ("users", "active"),
        ("tasks", "favorite"),
        ("smart_invoices", "opened"),
        ("crm_categories", "is_default"),
    ]
    assert {name: types[name[0]][name[1]] for name in columns} == dict.fromkeys(columns, "BOOLEAN")


def test_user_fields_of_every_type_have_columns_of_that_type(portal: Portal, types: Types) -> None:
    fields = {name: facts for name, facts in _described(portal, "deals").items() if name.startswith("UF_")}
    seen = {(facts["type"], facts["isMultiple"]) for facts in fields.values()}
    for type_ in USER_FIELD_TYPES:
        assert (type_, False) in seen or (type_, True) in seen, type_
    assert {("enumeration", True), ("file", True), ("crm", True)} <= seen
    for name, facts in fields.items():
        if facts["type"] == "money":
            assert types["deals"][f"{name.lower()}_currency"] == "VARCHAR"
    assert len(fields) > 20


def test_only_what_has_no_simpler_type_is_json(run: Run, types: Types) -> None:
    columns = [(stream, name, facts) for stream, name, facts in _columns(run) if types[stream][name] == "JSON"]
    assert columns
    for stream, name, facts in columns:
        assert {"object", "array"} & set(facts["type"]), (stream, name)


def test_every_column_is_described(run: Run) -> None:
    columns = list(_columns(run))
    assert columns
    for stream, name, facts in columns:
        assert facts["title"].strip(), (stream, name)
        assert facts["description"].strip(), (stream, name)
