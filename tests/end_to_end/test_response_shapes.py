"""Values that are not scalars: multifields, money, addresses, files, references, properties.

See docs/decisions.md#decision-3, docs/decisions.md#decision-6 and docs/decisions.md#decision-7.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.support.fixtures import Start
from tests.support.running import Portal, Run, Tap

Row = dict[str, Any]
CLIENTS = ["contacts", "companies", "leads"]
MULTIFIELDS = ["PHONE", "EMAIL", "WEB", "IM"]
STREAMS = [
    *CLIENTS,
    "deals",
    "smart_process_156",
    "tasks",
    "users",
    "list_elements_32",
    "list_elements_34",
    "products",
    "product_offers",
    "task_comments",
    "feed_posts",
    "crm_timeline_comments",
    "telephony_lines",
    "task_planner",
    "im_chat_users",
    "scrum_backlogs",
]
MONEY, PLACE, FILE, FILES = "1700009118", "1700011144", "1700012157", "1700013170"
COMPANY, BOUND = "1700015196", "1700016209"
ITEM = {name: str(int(name) + 99_999) for name in (MONEY, PLACE, FILE, FILES, COMPANY, BOUND)}
"""The same fields of the first smart process."""
SECRET = re.compile(r"auth(?:\[\w+\]|%5B\w+%5D)?=[^&]*&?")


@pytest.fixture(scope="module")
def shaped() -> Iterator[Portal]:
    with serve(port=0, seed=1, no_limits=True, scale=120) as running:
        portal = Portal(running.url)
        yield portal
        portal.was_only_read()


@pytest.fixture(scope="module")
def runs(shaped: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run with classic methods, and one with universal methods."""
    tap = Tap(tmp_path_factory.mktemp("shapes"))
    catalog = tap.discover(shaped.config())
    chosen = {"classic": STREAMS, "universal": [*CLIENTS, "deals"]}
    return {
        methods: tap(
            shaped.config(plan="enterprise", crm_methods=methods), catalog=catalog, streams=streams
        ).succeeded()
        for methods, streams in chosen.items()
    }


@pytest.fixture(scope="module")
def run(runs: dict[str, Run]) -> Run:
    return runs["classic"]


def _pairs(portal: Portal, run: Run, table: str, stream: str = "") -> list[tuple[Row, Row]]:
    """Return (row of the portal, record) of every row; both have the same rows."""
    stream = stream or table
    records = {record["id"]: record for record in run.records(stream)}
    rows = portal.truth(table)
    truth = {int(row["ID" if "ID" in row else "id"]): row for row in rows}
    assert truth
    assert records.keys() == truth.keys()
    return [(truth[number], records[number]) for number in records]


def _elements(portal: Portal, run: Run, block: int) -> list[tuple[Row, Row]]:
    rows = {int(row["ID"]): row for row in portal.truth("list_elements") if row["IBLOCK_ID"] == str(block)}
    assert rows
    records = {record["id"]: record for record in run.records(f"list_elements_{block}")}
    assert records.keys() == rows.keys()
    return [(rows[number], records[number]) for number in rows]


@pytest.mark.parametrize("methods", ["classic", "universal"])
@pytest.mark.parametrize("stream", CLIENTS)
def test_multifields_are_complete_and_their_first_value_has_a_column(
    shaped: Portal, runs: dict[str, Run], stream: str, methods: str
) -> None:
    several = 0
    for row, record in _pairs(shaped, runs[methods], stream):
        for name in MULTIFIELDS:
            values = row.get(name) or []
            assert (record[name.lower()] or []) == values
            assert all({"ID", "VALUE", "VALUE_TYPE"} <= value.keys() for value in values)
            several += len(values) > 1
        for name in ("PHONE", "EMAIL"):
            first = row[name][0]["VALUE"] if row.get(name) else None
            assert record[f"{name.lower()}_first"] == first
    assert several > 10


def test_money_is_an_amount_and_a_currency(shaped: Portal, run: Run) -> None:
    currencies = set()
    for row, record in _pairs(shaped, run, "deals"):
        amount, _, currency = (row[f"UF_CRM_{MONEY}"] or "").partition("|")
        column = f"uf_crm_{MONEY}"
        assert record[column] == (float(amount) if amount else None)
        assert record[f"{column}_currency"] == (currency or None)
        currencies.add(currency)
    assert currencies == {"RUB", "EUR", "USD", ""}


@pytest.mark.parametrize(("stream", "prefix"), [("deals", "UF_CRM_"), ("smart_process_156", "ufCrm5_")])
def test_an_address_is_split_into_its_parts(shaped: Portal, run: Run, stream: str, prefix: str) -> None:
    digits = PLACE if stream == "deals" else ITEM[PLACE]
    column = f"uf_crm_{PLACE}" if stream == "deals" else f"uf_crm_5_{digits}"
    found = 0
    for row, record in _pairs(shaped, run, stream):
        address = row[f"{prefix}{digits}"]
        parts = [record[f"{column}_{part}"] for part in ("line", "latitude", "longitude", "location_id")]
        if not address:
            assert [record[column], *parts] == [None] * 5
            continue
        line, place, number = address.split("|")
        latitude, longitude = map(float, place.split(";"))
        assert record[column] == address
        assert parts == [line, latitude, longitude, int(number)]
        found += 1
    assert found > 10


def _without_secret(value: Any) -> Any:
    return json.loads(SECRET.sub("", json.dumps(value)))


@pytest.mark.parametrize(
    ("stream", "prefix", "names"),
    [
        ("deals", "UF_CRM_", (FILE, FILES)),
        ("smart_process_156", "ufCrm5_", (ITEM[FILE], ITEM[FILES])),
    ],
)
def test_files_keep_their_ids_and_lose_their_secrets(
    shaped: Portal, run: Run, stream: str, prefix: str, names: tuple[str, str]
) -> None:
    one, several = names
    counted = 0
    for row, record in _pairs(shaped, run, stream):
        single = row.get(f"{prefix}{one}")
        column = next(name for name in record if name.endswith(f"_{one}"))
        assert record[column] == (_without_secret(single) if single else None)
        many = row[f"{prefix}{several}"] or []
        kept = record[column.replace(one, several)]
        assert kept == _without_secret(many)
        assert [file["id"] for file in kept] == [file["id"] for file in many]
        counted += len(many) + bool(single)
    assert counted > 20
    assert "auth=" not in json.dumps(run.records(stream))


def test_names_of_files_are_kept(run: Run) -> None:
    posts = [file for record in run.records("feed_posts") for file in record["files"] or []]
    assert posts
    assert {(file["name"], "?" in file["urlDownload"]) for file in posts} == {("план.pdf", True)}
    comments = [
        list(record["attached_objects"].values())
        for record in run.records("task_comments")
        if record["attached_objects"]
    ]
    assert comments
    assert {file["NAME"] for files in comments for file in files} == {"фото & план.png"}
    timeline = [file for record in run.records("crm_timeline_comments") for file in (record["files"] or {}).values()]
    assert timeline
    assert all(file["name"] and file["id"] for file in timeline)


def test_references_stay_text(shaped: Portal, run: Run) -> None:
    kinds = set()
    for row, record in _pairs(shaped, run, "deals"):
        assert record[f"uf_crm_{COMPANY}"] == (row[f"UF_CRM_{COMPANY}"] or None)
        bound = row[f"UF_CRM_{BOUND}"] or []
        assert record[f"uf_crm_{BOUND}"] == bound
        kinds |= {text.partition("_")[0] for text in bound}
    assert kinds == {"C", "CO"}
    bound = [
        text
        for row, record in _pairs(shaped, run, "tasks")
        for text in record["uf_crm_task"]
        if record["uf_crm_task"] == row["ufCrmTask"]
    ]
    assert bound
    assert all(re.fullmatch(r"[A-Z]+_\d+", text) for text in bound)


TYPED = {
    "PROPERTY_301": str,
    "PROPERTY_302": float,
    "PROPERTY_303": int,
    "PROPERTY_304": str,
    "PROPERTY_305": str,
    "PROPERTY_306": str,
    "PROPERTY_307": int,
    "PROPERTY_308": str,
    "PROPERTY_309": int,
    "PROPERTY_312": int,
}
"""Property → type of its bare value: text, number, option, date, time, money, user, reference, file, counter."""
MULTIPLE = {"PROPERTY_307", "PROPERTY_308", "PROPERTY_309"}


def test_properties_of_lists_are_complete_and_have_a_column_of_bare_values(shaped: Portal, run: Run) -> None:
    described = shaped.result("lists.field.get", {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 32})
    assert {name for name in TYPED if described[name]["MULTIPLE"] == "Y"} == MULTIPLE
    seen: dict[str, int] = dict.fromkeys(TYPED, 0)
    for row, record in _elements(shaped, run, 32):
        for name, kind in TYPED.items():
            values = row.get(name) or {}
            assert (record[name.lower()] or {}) == values
            bare = [kind(value) for value in values.values()]
            value = record[f"{name.lower()}_value"]
            if name in MULTIPLE:
                assert (value or []) == bare
            else:
                assert value == (bare[0] if bare else None)
            seen[name] += bool(bare)
    assert min(seen.values()) > 5, seen


def test_structured_properties_stay_complete(shaped: Portal, run: Run) -> None:
    filled = 0
    for row, record in _elements(shaped, run, 32):
        for name in ("PROPERTY_310", "PROPERTY_311"):
            values = list((row.get(name) or {}).values())
            assert record[f"{name.lower()}_value"] == (values[0] if values else None)
            filled += bool(values)
    assert filled > 20


def test_dates_of_properties_stay_as_sent(run: Run) -> None:
    days = {record["property_304_value"] for record in run.records("list_elements_32")} - {None}
    assert days
    assert all(re.fullmatch(r"\d\d\.\d\d\.\d{4}", day) for day in days)
    assert run.schemas["list_elements_32"]["property_304_value"].get("format") is None


@pytest.mark.parametrize(("stream", "single", "several"), [("products", 258, 259), ("product_offers", 261, 262)])
def test_properties_of_products(run: Run, stream: str, single: int, several: int) -> None:
    records = run.records(stream)
    filled = 0
    for record in records:
        one, many = record[f"property_{single}"], record[f"property_{several}"] or []
        assert one is None or one.keys() == {"value", "valueId"}
        assert record[f"property_{single}_value"] == (one["value"] if one else None)
        assert (record[f"property_{several}_value"] or []) == [each["value"] for each in many]
        filled += bool(one) + bool(many)
    assert filled
    if stream == "product_offers":
        assert {type(record["parent_id_value"]) for record in records} == {int}


def test_an_empty_list_for_an_object_is_null(shaped: Portal, run: Run) -> None:
    types = set()
    for row, record in _pairs(shaped, run, "tasks"):
        assert record["group"] == (row["group"] or None)
        types.add(type(row["group"]))
        for name, column in (("accomplicesData", "accomplices_data"), ("auditorsData", "auditors_data")):
            assert record[column] == (row.get(name) or None)
    assert types == {list, dict}


def test_false_for_a_list_is_an_empty_one(shaped: Portal, run: Run) -> None:
    empty = 0
    for row, record in _pairs(shaped, run, "deals"):
        for name in ("UF_CRM_1700001014", f"UF_CRM_{BOUND}", "UF_CRM_1700022287"):
            assert isinstance(record[name.lower()], list)
            if row[name] is False:
                assert record[name.lower()] == []
                empty += 1
    assert empty > 50


def test_an_empty_object_for_a_moment_is_null(shaped: Portal, run: Run) -> None:
    users = [(row, record) for row, record in _pairs(shaped, run, "users") if row.get("TIMESTAMP_X") == {}]
    assert users
    assert all(record["timestamp_x"] is None and record["_bitrix24_unparsed"] is None for _, record in users)


def test_a_map_of_names_becomes_rows(shaped: Portal, run: Run) -> None:
    lines = shaped.result("voximplant.line.get")
    assert {record["line_id"]: record["name"] or "" for record in run.records("telephony_lines")} == lines
    assert len(lines) == 3


def test_bare_numbers_become_rows(shaped: Portal, run: Run) -> None:
    tasks = shaped.result("task.planner.getlist")
    assert tasks
    assert [record["task_id"] for record in run.records("task_planner")] == tasks
    chats = run.records("im_chat_users")
    assert len({(record["chat_id"], record["user_id"]) for record in chats}) == len(chats) > 3
    for record in chats:
        assert record["user_id"] in shaped.result("im.chat.user.list", {"CHAT_ID": record["chat_id"]})


def test_a_single_object_is_a_row(run: Run) -> None:
    groups = [record["group_id"] for record in run.records("scrum_backlogs")]
    assert len(set(groups)) == len(groups) > 0


def test_no_value_is_unparsed(runs: dict[str, Run]) -> None:
    assert runs.keys() == {"classic", "universal"}
    for run in runs.values():
        assert run.records("deals")
        assert not [line for line in run.warnings if "kept in _bitrix24_unparsed" in line]


@pytest.mark.parametrize(
    ("method", "stream", "after"),
    [("crm.deal.list", "deals", 2), ("crm.company.list", "companies", 0), ("user.get", "users", 0)],
)
def test_a_row_without_its_key_names_method_and_page(
    start: Start, run_tap: Tap, catalog: Row, method: str, stream: str, after: int
) -> None:
    portal = start()
    portal.faults({"fault": "missing_id", "method": method, "after": after})
    run = run_tap(portal.config(), catalog=catalog, streams=["deals", "companies", "users", "leads"])
    assert run.code == 1
    last = run.stderr.splitlines()[-1]
    assert last.startswith(f"tap-bitrix24: 1 of 4 streams failed: {stream} ({method}: row ")
    assert re.search(r"of the page .+ has no primary key \(ID\)\)$", last)
    for other in {"deals", "companies", "users", "leads"} - {stream}:
        assert set(run.ids(other)) == portal.table(other).keys()
